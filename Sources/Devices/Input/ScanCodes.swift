// SPDX-License-Identifier: Apache-2.0

/// Make codes of the three scan code sets. A value above FFh has the prefix E0h; 0 means the set has no code.
enum ScanCodes {
  struct Row {
    let set1: UInt16
    let set2: UInt16
    let set3: UInt16
  }

  /// Keys that change what Print Screen and Pause send, while they are down.
  enum Modifier {
    static let alt: UInt8 = 1 << 0, altR: UInt8 = 1 << 1, control: UInt8 = 1 << 2, controlR: UInt8 = 1 << 3

    static func bit(_ code: KeyCode) -> UInt8 {
      switch code {
      case .alt: alt
      case .altR: altR
      case .ctrl: control
      case .ctrlR: controlR
      default: 0
      }
    }
  }

  /// The bytes a keyboard sends when a key goes down or up.
  static func bytes(for code: KeyCode, isDown: Bool, set: UInt8, modifiers: UInt8) -> [UInt8] {
    if set < 3, code == .pause {
      return pause(isDown: isDown, set: set, withControl: modifiers & (Modifier.control | Modifier.controlR) != 0)
    }
    if set < 3, code == .print || code == .sysrq {
      // With Alt the key is System Request; with Control it sends its bare code, else one inside a made-up Shift.
      if modifiers & (Modifier.alt | Modifier.altR) == 0 {
        let isBare = modifiers & (Modifier.control | Modifier.controlR) != 0
        return printScreen(isDown: isDown, set: set, isBare: isBare)
      }
      if set == 1 { return [isDown ? 0x54 : 0xd4] }
      return isDown ? [0x84] : [0xf0, 0x84]
    }
    let row = row(code)
    let make = set == 1 ? row.set1 : set == 2 ? row.set2 : row.set3
    guard make != 0 else { return [] }
    let prefix: [UInt8] = make > 0xff ? [0xe0] : []
    let byte = UInt8(truncatingIfNeeded: make)
    if set == 1 { return prefix + [isDown ? byte : byte | 0x80] }
    return prefix + (isDown ? [byte] : [0xf0, byte])
  }

  /// Pause sends make and break at once when it goes down; with Control it is Break.
  private static func pause(isDown: Bool, set: UInt8, withControl: Bool) -> [UInt8] {
    guard isDown else { return [] }
    if withControl { return set == 1 ? [0xe0, 0x46, 0xe0, 0xc6] : [0xe0, 0x7e, 0xe0, 0xf0, 0x7e] }
    return set == 1 ? [0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5] : [0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77]
  }

  private static func printScreen(isDown: Bool, set: UInt8, isBare: Bool) -> [UInt8] {
    if set == 1 {
      if isDown { return (isBare ? [] : [0xe0, 0x2a]) + [0xe0, 0x37] }
      return [0xe0, 0xb7] + (isBare ? [] : [0xe0, 0xaa])
    }
    if isDown { return (isBare ? [] : [0xe0, 0x12]) + [0xe0, 0x7c] }
    return [0xe0, 0xf0, 0x7c] + (isBare ? [] : [0xe0, 0xf0, 0x12])
  }

  static func row(_ code: KeyCode) -> Row {
    switch code {
    case .esc: Row(set1: 0x01, set2: 0x76, set3: 0x08)
    case .digit1: Row(set1: 0x02, set2: 0x16, set3: 0x16)
    case .digit2: Row(set1: 0x03, set2: 0x1e, set3: 0x1e)
    case .digit3: Row(set1: 0x04, set2: 0x26, set3: 0x26)
    case .digit4: Row(set1: 0x05, set2: 0x25, set3: 0x25)
    case .digit5: Row(set1: 0x06, set2: 0x2e, set3: 0x2e)
    case .digit6: Row(set1: 0x07, set2: 0x36, set3: 0x36)
    case .digit7: Row(set1: 0x08, set2: 0x3d, set3: 0x3d)
    case .digit8: Row(set1: 0x09, set2: 0x3e, set3: 0x3e)
    case .digit9: Row(set1: 0x0a, set2: 0x46, set3: 0x46)
    case .digit0: Row(set1: 0x0b, set2: 0x45, set3: 0x45)
    case .minus: Row(set1: 0x0c, set2: 0x4e, set3: 0x4e)
    case .equal: Row(set1: 0x0d, set2: 0x55, set3: 0x55)
    case .backspace: Row(set1: 0x0e, set2: 0x66, set3: 0x66)
    case .tab: Row(set1: 0x0f, set2: 0x0d, set3: 0x0d)
    case .q: Row(set1: 0x10, set2: 0x15, set3: 0x15)
    case .w: Row(set1: 0x11, set2: 0x1d, set3: 0x1d)
    case .e: Row(set1: 0x12, set2: 0x24, set3: 0x24)
    case .r: Row(set1: 0x13, set2: 0x2d, set3: 0x2d)
    case .t: Row(set1: 0x14, set2: 0x2c, set3: 0x2c)
    case .y: Row(set1: 0x15, set2: 0x35, set3: 0x35)
    case .u: Row(set1: 0x16, set2: 0x3c, set3: 0x3c)
    case .i: Row(set1: 0x17, set2: 0x43, set3: 0x43)
    case .o: Row(set1: 0x18, set2: 0x44, set3: 0x44)
    case .p: Row(set1: 0x19, set2: 0x4d, set3: 0x4d)
    case .bracketLeft: Row(set1: 0x1a, set2: 0x54, set3: 0x54)
    case .bracketRight: Row(set1: 0x1b, set2: 0x5b, set3: 0x5b)
    case .ret: Row(set1: 0x1c, set2: 0x5a, set3: 0x5a)
    case .ctrl: Row(set1: 0x1d, set2: 0x14, set3: 0x11)
    case .a: Row(set1: 0x1e, set2: 0x1c, set3: 0x1c)
    case .s: Row(set1: 0x1f, set2: 0x1b, set3: 0x1b)
    case .d: Row(set1: 0x20, set2: 0x23, set3: 0x23)
    case .f: Row(set1: 0x21, set2: 0x2b, set3: 0x2b)
    case .g: Row(set1: 0x22, set2: 0x34, set3: 0x34)
    case .h: Row(set1: 0x23, set2: 0x33, set3: 0x33)
    case .j: Row(set1: 0x24, set2: 0x3b, set3: 0x3b)
    case .k: Row(set1: 0x25, set2: 0x42, set3: 0x42)
    case .l: Row(set1: 0x26, set2: 0x4b, set3: 0x4b)
    case .semicolon: Row(set1: 0x27, set2: 0x4c, set3: 0x4c)
    case .apostrophe: Row(set1: 0x28, set2: 0x52, set3: 0x52)
    case .graveAccent: Row(set1: 0x29, set2: 0x0e, set3: 0x0e)
    case .shift: Row(set1: 0x2a, set2: 0x12, set3: 0x12)
    case .backslash: Row(set1: 0x2b, set2: 0x5d, set3: 0x5c)
    case .z: Row(set1: 0x2c, set2: 0x1a, set3: 0x1a)
    case .x: Row(set1: 0x2d, set2: 0x22, set3: 0x22)
    case .c: Row(set1: 0x2e, set2: 0x21, set3: 0x21)
    case .v: Row(set1: 0x2f, set2: 0x2a, set3: 0x2a)
    case .b: Row(set1: 0x30, set2: 0x32, set3: 0x32)
    case .n: Row(set1: 0x31, set2: 0x31, set3: 0x31)
    case .m: Row(set1: 0x32, set2: 0x3a, set3: 0x3a)
    case .comma: Row(set1: 0x33, set2: 0x41, set3: 0x41)
    case .dot: Row(set1: 0x34, set2: 0x49, set3: 0x49)
    case .slash: Row(set1: 0x35, set2: 0x4a, set3: 0x4a)
    case .shiftR: Row(set1: 0x36, set2: 0x59, set3: 0x59)
    case .kpMultiply: Row(set1: 0x37, set2: 0x7c, set3: 0x7e)
    case .alt: Row(set1: 0x38, set2: 0x11, set3: 0x19)
    case .spc: Row(set1: 0x39, set2: 0x29, set3: 0x29)
    case .capsLock: Row(set1: 0x3a, set2: 0x58, set3: 0x14)
    case .f1: Row(set1: 0x3b, set2: 0x05, set3: 0x07)
    case .f2: Row(set1: 0x3c, set2: 0x06, set3: 0x0f)
    case .f3: Row(set1: 0x3d, set2: 0x04, set3: 0x17)
    case .f4: Row(set1: 0x3e, set2: 0x0c, set3: 0x1f)
    case .f5: Row(set1: 0x3f, set2: 0x03, set3: 0x27)
    case .f6: Row(set1: 0x40, set2: 0x0b, set3: 0x2f)
    case .f7: Row(set1: 0x41, set2: 0x83, set3: 0x37)
    case .f8: Row(set1: 0x42, set2: 0x0a, set3: 0x3f)
    case .f9: Row(set1: 0x43, set2: 0x01, set3: 0x47)
    case .f10: Row(set1: 0x44, set2: 0x09, set3: 0x4f)
    case .numLock: Row(set1: 0x45, set2: 0x77, set3: 0x76)
    case .scrollLock: Row(set1: 0x46, set2: 0x7e, set3: 0x5f)
    case .kp7: Row(set1: 0x47, set2: 0x6c, set3: 0x6c)
    case .kp8: Row(set1: 0x48, set2: 0x75, set3: 0x75)
    case .kp9: Row(set1: 0x49, set2: 0x7d, set3: 0x7d)
    case .kpSubtract: Row(set1: 0x4a, set2: 0x7b, set3: 0x4e)
    case .kp4: Row(set1: 0x4b, set2: 0x6b, set3: 0x6b)
    case .kp5: Row(set1: 0x4c, set2: 0x73, set3: 0x73)
    case .kp6: Row(set1: 0x4d, set2: 0x74, set3: 0x74)
    case .kpAdd: Row(set1: 0x4e, set2: 0x79, set3: 0x7c)
    case .kp1: Row(set1: 0x4f, set2: 0x69, set3: 0x69)
    case .kp2: Row(set1: 0x50, set2: 0x72, set3: 0x72)
    case .kp3: Row(set1: 0x51, set2: 0x7a, set3: 0x7a)
    case .kp0: Row(set1: 0x52, set2: 0x70, set3: 0x70)
    case .kpDecimal: Row(set1: 0x53, set2: 0x71, set3: 0x71)
    case .sysrq: Row(set1: 0x54, set2: 0x84, set3: 0x57)
    case .less: Row(set1: 0x56, set2: 0x61, set3: 0x13)
    case .f11: Row(set1: 0x57, set2: 0x78, set3: 0x56)
    case .f12: Row(set1: 0x58, set2: 0x07, set3: 0x5e)
    case .ro: Row(set1: 0x73, set2: 0x51, set3: 0x51)
    case .hiragana: Row(set1: 0x77, set2: 0x62, set3: 0x87)
    case .henkan: Row(set1: 0x79, set2: 0x64, set3: 0x86)
    case .muhenkan: Row(set1: 0x7b, set2: 0x67, set3: 0x85)
    case .katakanahiragana: Row(set1: 0x70, set2: 0x13, set3: 0x87)
    case .yen: Row(set1: 0x7d, set2: 0x6a, set3: 0x5d)
    case .kpComma: Row(set1: 0x7e, set2: 0x6d, set3: 0x6d)
    case .kpEquals: Row(set1: 0x59, set2: 0x0f, set3: 0x0f)
    case .f13: Row(set1: 0x5d, set2: 0x2f, set3: 0x2f)
    case .f14: Row(set1: 0x5e, set2: 0x37, set3: 0x37)
    case .f15: Row(set1: 0x5f, set2: 0x3f, set3: 0x3f)
    case .kpEnter: Row(set1: 0xe01c, set2: 0xe05a, set3: 0x79)
    case .ctrlR: Row(set1: 0xe01d, set2: 0xe014, set3: 0x58)
    case .kpDivide: Row(set1: 0xe035, set2: 0xe04a, set3: 0x77)
    case .print: Row(set1: 0xe037, set2: 0xe07c, set3: 0x57)
    case .altR: Row(set1: 0xe038, set2: 0xe011, set3: 0x39)
    case .home: Row(set1: 0xe047, set2: 0xe06c, set3: 0x6e)
    case .up: Row(set1: 0xe048, set2: 0xe075, set3: 0x63)
    case .pgup: Row(set1: 0xe049, set2: 0xe07d, set3: 0x6f)
    case .left: Row(set1: 0xe04b, set2: 0xe06b, set3: 0x61)
    case .right: Row(set1: 0xe04d, set2: 0xe074, set3: 0x6a)
    case .end: Row(set1: 0xe04f, set2: 0xe069, set3: 0x65)
    case .down: Row(set1: 0xe050, set2: 0xe072, set3: 0x60)
    case .pgdn: Row(set1: 0xe051, set2: 0xe07a, set3: 0x6d)
    case .insert: Row(set1: 0xe052, set2: 0xe070, set3: 0x67)
    case .delete: Row(set1: 0xe053, set2: 0xe071, set3: 0x64)
    case .metaL: Row(set1: 0xe05b, set2: 0xe01f, set3: 0x8b)
    case .metaR: Row(set1: 0xe05c, set2: 0xe027, set3: 0x8c)
    case .menu: Row(set1: 0xe05d, set2: 0xe02f, set3: 0x8d)
    case .compose: Row(set1: 0xe05d, set2: 0xe02f, set3: 0x8d)
    case .power: Row(set1: 0xe05e, set2: 0xe037, set3: 0)
    case .sleep: Row(set1: 0xe05f, set2: 0xe03f, set3: 0)
    case .wake: Row(set1: 0xe063, set2: 0xe05e, set3: 0)
    case .volumeup: Row(set1: 0xe030, set2: 0xe032, set3: 0x95)
    case .volumedown: Row(set1: 0xe02e, set2: 0xe021, set3: 0x9d)
    case .audiomute: Row(set1: 0xe020, set2: 0xe023, set3: 0x9c)
    case .audionext: Row(set1: 0xe019, set2: 0xe04d, set3: 0x93)
    case .audioprev: Row(set1: 0xe010, set2: 0xe015, set3: 0x94)
    case .audiostop: Row(set1: 0xe024, set2: 0xe03b, set3: 0x98)
    case .audioplay: Row(set1: 0xe022, set2: 0xe034, set3: 0)
    case .mail: Row(set1: 0xe06c, set2: 0xe048, set3: 0)
    case .mediaselect: Row(set1: 0xe06d, set2: 0xe050, set3: 0)
    case .calculator: Row(set1: 0xe021, set2: 0xe02b, set3: 0xa3)
    case .computer: Row(set1: 0xe06b, set2: 0xe040, set3: 0)
    case .acHome: Row(set1: 0xe032, set2: 0xe03a, set3: 0x97)
    case .acBack: Row(set1: 0xe06a, set2: 0xe038, set3: 0)
    case .acForward: Row(set1: 0xe069, set2: 0xe030, set3: 0)
    case .acRefresh: Row(set1: 0xe067, set2: 0xe020, set3: 0)
    case .acBookmarks: Row(set1: 0xe066, set2: 0xe018, set3: 0)
    case .stop: Row(set1: 0xe068, set2: 0xe028, set3: 0x0a)
    case .again: Row(set1: 0xe005, set2: 0xe005, set3: 0x0b)
    case .props: Row(set1: 0xe006, set2: 0xe006, set3: 0x0c)
    case .undo: Row(set1: 0xe007, set2: 0xe007, set3: 0x10)
    case .front: Row(set1: 0xe00c, set2: 0xe00c, set3: 0)
    case .copy: Row(set1: 0xe078, set2: 0xe078, set3: 0x18)
    case .open: Row(set1: 0x64, set2: 0x08, set3: 0x20)
    case .paste: Row(set1: 0x65, set2: 0x10, set3: 0x28)
    case .find: Row(set1: 0xe041, set2: 0xe041, set3: 0x30)
    case .cut: Row(set1: 0xe03c, set2: 0xe03c, set3: 0x38)
    case .lf: Row(set1: 0x5b, set2: 0x5b, set3: 0)
    case .help: Row(set1: 0xe075, set2: 0xe075, set3: 0x09)
    case .pause: Row(set1: 0, set2: 0, set3: 0x62)
    }
  }
}
