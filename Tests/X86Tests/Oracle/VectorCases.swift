// SPDX-License-Identifier: Apache-2.0
import X86

/// A case of the vector oracle: one instruction with all the state that it starts from.
struct VectorCase {
  var template: VectorTemplate
  var bytes: [UInt8] = []
  var state = RegisterFile()
  /// The FXSAVE image (64-bit form) to start from, in words of 8 bytes.
  var floating = [UInt64](repeating: 0, count: 64)
  /// Where the memory operand is; nil if there is none.
  var place: UInt64?
}

struct VectorCaseGenerator {
  let is32Bit: Bool
  var random: SplitMix

  init(is32Bit: Bool, seed: UInt64) {
    self.is32Bit = is32Bit
    random = SplitMix(state: seed)
  }

  /// Values that saturate, overflow and compare equal more often than uniform ones do.
  mutating func lanes() -> UInt64 {
    let patterns: [UInt64] = [
      0, ~0, 0x8080_8080_8080_8080, 0x7f7f_7f7f_7f7f_7f7f, 0x8000_8000_8000_8000, 0x7fff_7fff_7fff_7fff,
      0x8000_0000_8000_0000, 0x7fff_ffff_7fff_ffff, 0x0000_8000_0000_7fff, 0xffff_7fff_ffff_8000, 0x00ff_0100_ff80_ff7f,
    ]
    switch random.below(6) {
    case 0: return patterns[random.below(patterns.count)]
    case 1:
      // Bytes of several patterns.
      let mask = random.next()
      return patterns[random.below(patterns.count)] & mask | patterns[random.below(patterns.count)] & ~mask
    case 2: return UInt64(random.below(80))
    default: return random.next()
    }
  }

  private mutating func fillFloating(_ test: inout VectorCase) {
    // Control word with all exceptions masked but in few cases, where a set flag then is a pending exception.
    let control: UInt64 = random.chance(5) ? 0x0300 | UInt64(random.below(64)) | 0x40 : 0x037f
    var status = UInt64(random.below(8)) << 11 | UInt64(random.next() & 0x4700)
    if random.chance(30) { status |= UInt64(random.below(64)) }
    if status & 0x3f & ~control != 0 { status |= 0x8080 }
    test.floating[0] = control | status << 16 | (random.next() & 0xff) << 32
    test.floating[3] = random.next() & 0xffff
    for index in 0..<8 {
      test.floating[4 + 2 * index] = lanes()
      test.floating[5 + 2 * index] = random.next() & 0xffff
    }
    for index in 20..<52 { test.floating[index] = lanes() }
    // Equal operands make comparisons interesting.
    if random.chance(20) {
      for index in 0..<2 { test.floating[20 + index] = test.floating[22 + index] }
    }
  }

  mutating func next() -> VectorCase {
    var test = VectorCase(template: VectorTemplates.all[random.below(VectorTemplates.all.count)])
    for number in 0..<16 { test.state.general[number] = is32Bit ? random.next() & 0xffff_ffff : random.next() }
    test.state.general[4] = OracleLayout.stack
    test.state.flags = (random.next() & 0xcd5) | 0x202
    fillFloating(&test)
    encode(&test)
    return test
  }

  /// An address for the operand; some are misaligned, some cross a page.
  private mutating func target(_ template: VectorTemplate) -> UInt64 {
    if template.isImage {
      return OracleLayout.boundary - 0x300 + UInt64(random.below(0x40)) * 16 + (random.chance(3) ? 8 : 0)
    }
    let place =
      random.chance(20)
      ? OracleLayout.boundary - UInt64(random.below(17)) : OracleLayout.boundary - 0x80 + UInt64(random.below(0x100))
    return template.isAligned && random.chance(95) ? place & ~15 : place
  }

  private mutating func encode(_ test: inout VectorCase) {
    let template = test.template
    var rex: UInt8 = 0
    let isAddress32 = !is32Bit && random.chance(8)
    if isAddress32 { test.bytes.append(0x67) }
    if let prefix = template.prefix { test.bytes.append(prefix) }
    let rexPlace = test.bytes.count
    if !is32Bit && random.chance(60) { rex = 0x40 | UInt8(random.below(16)) }
    if !template.isWide && rex != 0 && random.chance(80) { rex &= ~8 }
    if rex != 0 { test.bytes.append(rex) }
    test.bytes += [0x0f, template.opcode]
    let mask: UInt64 = is32Bit || isAddress32 ? 0xffff_ffff : ~0
    if template.storesAtDI {
      let place = target(template)
      test.place = place
      test.state.general[7] = isAddress32 ? place | random.next() << 32 : place
    }
    guard template.form != .none else { return }
    let reg = template.reg ?? UInt8(random.below(8))
    let isRegister = template.form == .register || (template.form == .any && random.chance(50))
    if isRegister {
      var rm = UInt8(random.below(8))
      // The stack pointer stays: signals and the way out need it.
      if rm == 4 && [0x7e].contains(template.opcode) { rm = 5 }
      test.bytes.append(0xc0 | reg << 3 | rm)
    } else {
      let place = target(template)
      test.place = place
      encodeMemory(&test, reg, rex, place, mask)
    }
    // Nor is it the destination of what goes to ModRM.reg.
    if [0x50, 0xc5, 0xd7].contains(template.opcode), reg == 4, rex & 4 == 0 {
      test.bytes[test.bytes.count - 1] ^= 8
    }
    if template.hasImmediate { test.bytes.append(UInt8(random.chance(60) ? random.below(70) : random.below(256))) }
    patchRelative(&test, rexPlace)
  }

  private var relativePlace: (offset: Int, target: UInt64)?

  private mutating func encodeMemory(
    _ test: inout VectorCase, _ reg: UInt8, _ rex: UInt8, _ place: UInt64, _ mask: UInt64
  ) {
    func word(_ value: UInt64) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) } }
    let rexB = (rex & 1) << 3, rexX = (rex & 2) << 2
    switch random.below(10) {
    case 0:
      // Absolute, or relative to the instruction pointer in 64-bit mode.
      test.bytes.append(reg << 3 | 5)
      if !is32Bit { relativePlace = (test.bytes.count, place) }
      test.bytes += word(place)
    case 1...5:
      var base = UInt8(random.below(8))
      if base == 4 { base = 3 }
      let displacement = random.chance(50) ? Int64(random.below(256)) - 128 : Int64(random.below(1 << 31)) - (1 << 30)
      let isShort = displacement >= -128 && displacement < 128
      test.bytes.append((isShort ? 0x40 : 0x80) | reg << 3 | base)
      let value = UInt64(bitPattern: displacement)
      test.bytes += isShort ? [UInt8(truncatingIfNeeded: value)] : word(value)
      set(&test, base | rexB, (place &- value) & mask, mask)
    default:
      var base = UInt8(random.below(8)), index = UInt8(random.below(8))
      if base | rexB == 4 { base = 6 }
      if index | rexX == 4 || index | rexX == base | rexB { index = (base ^ 1) == 4 && rexX == 0 ? 1 : base ^ 1 }
      let scale = UInt64(random.below(4)), displacement = UInt64(bitPattern: Int64(random.below(256)) - 128)
      test.bytes += [0x44 | reg << 3, UInt8(scale) << 6 | index << 3 | base, UInt8(truncatingIfNeeded: displacement)]
      guard index | rexX != base | rexB else {
        let factor = (UInt64(1) << scale) + 1
        // One register twice: the place must fit.
        let wanted = (place &- displacement) & mask
        set(&test, base | rexB, wanted / factor, mask)
        test.place = ((wanted / factor) &* factor &+ displacement) & mask
        return
      }
      let offset = test.state.general[Int(index | rexX)] & mask
      set(&test, base | rexB, (place &- displacement &- offset << scale) & mask, mask)
    }
  }

  /// Addresses of 32 bits in 64-bit mode ignore the upper halves.
  private mutating func set(_ test: inout VectorCase, _ number: UInt8, _ value: UInt64, _ mask: UInt64) {
    test.state.general[Int(number)] = value
    if !is32Bit && mask != ~0 { test.state.general[Int(number)] |= random.next() << 32 }
  }

  private mutating func patchRelative(_ test: inout VectorCase, _ rexPlace: Int) {
    guard let (offset, target) = relativePlace else { return }
    relativePlace = nil
    let displacement = target &- (OracleLayout.test + UInt64(test.bytes.count))
    for index in 0..<4 { test.bytes[offset + index] = UInt8(truncatingIfNeeded: displacement >> UInt64(8 * index)) }
  }
}
