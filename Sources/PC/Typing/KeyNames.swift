// SPDX-License-Identifier: Apache-2.0
import InputDevices

/// Names of keys in other programs' scripts, in lower case.
enum KeyNames {
  /// Between angle brackets in Packer's `boot_command` (packer-plugin-sdk, package bootcommand).
  static let packer: [String: KeyCode] = [
    "bs": .backspace, "del": .delete, "enter": .ret, "return": .ret, "esc": .esc, "tab": .tab, "spacebar": .spc,
    "f1": .f1, "f2": .f2, "f3": .f3, "f4": .f4, "f5": .f5, "f6": .f6, "f7": .f7, "f8": .f8, "f9": .f9, "f10": .f10,
    "f11": .f11, "f12": .f12, "up": .up, "down": .down, "left": .left, "right": .right, "insert": .insert,
    "home": .home, "end": .end, "pageup": .pgup, "pagedown": .pgdn, "menu": .compose,
    "leftalt": .alt, "rightalt": .altR, "leftctrl": .ctrl, "rightctrl": .ctrlR, "leftshift": .shift,
    "rightshift": .shiftR, "leftsuper": .metaL, "rightsuper": .metaR, "leftmeta": .metaL, "rightmeta": .metaR,
  ]

  /// In openQA's `send_key` (os-autoinst, consoles/VNC.pm), and those of QEMU's `sendkey`.
  static let openqa: [String: KeyCode] = {
    let own: [String: KeyCode] = [
      "caps": .capsLock, "meta": .metaL, "super": .metaL, "win": .metaL, "enter": .ret, "del": .delete,
      "bs": .backspace,
      "space": .spc, "pageup": .pgup, "pagedown": .pgdn,
    ]
    let known = KeyCode.allCases.map { ($0.rawValue, $0) }
    return own.merging(known) { mine, _ in mine }
  }()
}

/// The keyboard of the United States: which key makes a character.
enum USLayout {
  private static let plain: [(characters: String, keys: [KeyCode])] = [
    ("1234567890", [.digit1, .digit2, .digit3, .digit4, .digit5, .digit6, .digit7, .digit8, .digit9, .digit0]),
    ("qwertyuiop", [.q, .w, .e, .r, .t, .y, .u, .i, .o, .p]),
    ("asdfghjkl", [.a, .s, .d, .f, .g, .h, .j, .k, .l]),
    ("zxcvbnm", [.z, .x, .c, .v, .b, .n, .m]),
    ("-=[]\\", [.minus, .equal, .bracketLeft, .bracketRight, .backslash]),
    (";'`,./ ", [.semicolon, .apostrophe, .graveAccent, .comma, .dot, .slash, .spc]),
    ("\n\r\t\u{8}\u{1b}", [.ret, .ret, .tab, .backspace, .esc]),
  ]
  private static let shifted: [(characters: String, keys: [KeyCode])] = [
    ("!@#$%^&*()", [.digit1, .digit2, .digit3, .digit4, .digit5, .digit6, .digit7, .digit8, .digit9, .digit0]),
    ("QWERTYUIOP", [.q, .w, .e, .r, .t, .y, .u, .i, .o, .p]),
    ("ASDFGHJKL", [.a, .s, .d, .f, .g, .h, .j, .k, .l]),
    ("ZXCVBNM", [.z, .x, .c, .v, .b, .n, .m]),
    ("_+{}|", [.minus, .equal, .bracketLeft, .bracketRight, .backslash]),
    (":\"~<>?", [.semicolon, .apostrophe, .graveAccent, .comma, .dot, .slash]),
  ]

  private static let table: [Unicode.Scalar: (KeyCode, isShifted: Bool)] = {
    var table: [Unicode.Scalar: (KeyCode, isShifted: Bool)] = [:]
    for (rows, isShifted) in [(plain, false), (shifted, true)] {
      for row in rows {
        for (scalar, key) in zip(row.characters.unicodeScalars, row.keys) { table[scalar] = (key, isShifted) }
      }
    }
    return table
  }()

  static func key(_ scalar: Unicode.Scalar) -> (KeyCode, isShifted: Bool)? { table[scalar] }
}
