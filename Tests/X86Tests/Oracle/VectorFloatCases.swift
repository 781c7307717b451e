// SPDX-License-Identifier: Apache-2.0
import X86

/// An SSE instruction that computes with or converts floating-point numbers, as the oracle tries it.
struct VectorFloatTemplate {
  /// What operands look like, so that they hit interesting values.
  enum Content { case single, double, integer }
  enum Source { case xmm, mmx, general }
  enum Destination { case xmm, mmx, general, flags }

  var prefix: UInt8?
  var opcode: UInt8
  var content: Content
  var source = Source.xmm
  var destination = Destination.xmm
  /// The memory operand must be aligned to 16 bytes.
  var isAligned = true
  var hasPredicate = false

  /// PS, PD, SS, SD forms of an operation.
  private static func arithmetic(_ opcode: UInt8, hasPredicate: Bool = false) -> [VectorFloatTemplate] {
    [
      .init(opcode: opcode, content: .single, hasPredicate: hasPredicate),
      .init(prefix: 0x66, opcode: opcode, content: .double, hasPredicate: hasPredicate),
      .init(prefix: 0xf3, opcode: opcode, content: .single, isAligned: false, hasPredicate: hasPredicate),
      .init(prefix: 0xf2, opcode: opcode, content: .double, isAligned: false, hasPredicate: hasPredicate),
    ]
  }

  static let all: [VectorFloatTemplate] = {
    var list: [VectorFloatTemplate] = []
    for opcode: UInt8 in [0x51, 0x58, 0x59, 0x5c, 0x5d, 0x5e, 0x5f] { list += arithmetic(opcode) }
    list += arithmetic(0xc2, hasPredicate: true)
    for opcode: UInt8 in [0x2e, 0x2f] {
      list.append(.init(opcode: opcode, content: .single, destination: .flags, isAligned: false))
      list.append(.init(prefix: 0x66, opcode: opcode, content: .double, destination: .flags, isAligned: false))
    }
    for opcode: UInt8 in [0x7c, 0x7d, 0xd0] {
      list.append(.init(prefix: 0x66, opcode: opcode, content: .double))
      list.append(.init(prefix: 0xf2, opcode: opcode, content: .single))
    }
    for prefix: UInt8 in [0xf3, 0xf2] {
      list.append(.init(prefix: prefix, opcode: 0x2a, content: .integer, source: .general, isAligned: false))
    }
    for opcode: UInt8 in [0x2c, 0x2d] {
      list += [
        .init(opcode: opcode, content: .single, destination: .mmx, isAligned: false),
        .init(prefix: 0x66, opcode: opcode, content: .double, destination: .mmx),
        .init(prefix: 0xf3, opcode: opcode, content: .single, destination: .general, isAligned: false),
        .init(prefix: 0xf2, opcode: opcode, content: .double, destination: .general, isAligned: false),
      ]
    }
    list += [
      .init(opcode: 0x2a, content: .integer, source: .mmx, isAligned: false),
      .init(prefix: 0x66, opcode: 0x2a, content: .integer, source: .mmx, isAligned: false),
      .init(opcode: 0x5a, content: .single, isAligned: false),
      .init(prefix: 0x66, opcode: 0x5a, content: .double),
      .init(prefix: 0xf3, opcode: 0x5a, content: .single, isAligned: false),
      .init(prefix: 0xf2, opcode: 0x5a, content: .double, isAligned: false),
      .init(opcode: 0x5b, content: .integer),
      .init(prefix: 0x66, opcode: 0x5b, content: .single),
      .init(prefix: 0xf3, opcode: 0x5b, content: .single),
      .init(prefix: 0x66, opcode: 0xe6, content: .double),
      .init(prefix: 0xf3, opcode: 0xe6, content: .integer, isAligned: false),
      .init(prefix: 0xf2, opcode: 0xe6, content: .double),
    ]
    return list
  }()
}

extension VectorFloatTemplate {
  /// What can take ordinary operands to a tiny or huge result: products, quotients, conversions.
  static let atBounds = all.filter { [0x59, 0x5e, 0x5a].contains($0.opcode) }
}

/// One case: instructions and the state they start from.
struct VectorFloatCase {
  var bytes: [UInt8] = []
  var count = 0
  var state = RegisterFile()
  var mxcsr: UInt32 = 0x1f80
  var vectors = [SIMD2<UInt64>](repeating: .zero, count: 16)
  var memory: [UInt64] = []
  /// FSW's TOP, FXSAVE's tag byte, and the x87 registers.
  var top: UInt8 = 0
  var valid: UInt8 = 0xff
  var x87: [(UInt64, UInt16)] = []
}

/// Makes cases of a seed.
struct VectorFloatGenerator {
  var random: SplitMix
  let is32Bit: Bool

  init(is32Bit: Bool, seed: UInt64) {
    random = SplitMix(state: seed)
    self.is32Bit = is32Bit
  }

  // MARK: Numbers

  mutating func single() -> UInt32 {
    let sign: UInt32 = random.chance(50) ? 0 : 1 << 31
    let fraction: UInt32 =
      switch random.below(5) {
      case 0: UInt32(random.below(4))
      case 1: 0x7f_ffff - UInt32(random.below(4))
      case 2: 1 << UInt32(random.below(23))
      default: UInt32(truncatingIfNeeded: random.next()) & 0x7f_ffff
      }
    let exponent: UInt32 =
      switch random.below(20) {
      case 0: 0
      case 1: 0xff
      case 2: 1 + UInt32(random.below(3))
      case 3: 0xfe - UInt32(random.below(3))
      case 4, 5: UInt32(random.below(256))
      case 6, 7: 63 + UInt32(random.below(4))
      case 8: 190 + UInt32(random.below(4))
      case 9, 10: 127 + UInt32(random.below(66))
      default: 120 + UInt32(random.below(16))
      }
    if random.chance(8) { return sign }
    if random.chance(2) { return sign | 0x7f80_0000 }
    // Integers and halves, which comparisons and conversions meet.
    if random.chance(10) { return (Float(random.below(64)) / 2).bitPattern | sign }
    return sign | exponent << 23 | fraction
  }

  mutating func double() -> UInt64 {
    let sign: UInt64 = random.chance(50) ? 0 : 1 << 63
    let fraction: UInt64 =
      switch random.below(6) {
      case 0: UInt64(random.below(4))
      case 1: 0xf_ffff_ffff_ffff - UInt64(random.below(4))
      case 2: 1 << UInt64(random.below(52))
      // Near halfway between two singles.
      case 3: (random.next() & 0xf_ffff_e000_0000) | (0x1000_0000 &+ UInt64(random.below(3)) &- 1)
      default: random.next() & 0xf_ffff_ffff_ffff
      }
    let exponent: UInt64 =
      switch random.below(20) {
      case 0: 0
      case 1: 0x7ff
      case 2: 1 + UInt64(random.below(3))
      case 3: 0x7fe - UInt64(random.below(3))
      case 4, 5: UInt64(random.below(2048))
      case 6, 7: 510 + UInt64(random.below(4))
      // Around the bounds of single precision.
      case 8: 1023 + 126 + UInt64(random.below(4))
      case 9: 1023 - 151 + UInt64(random.below(28))
      case 10, 11: 1023 + UInt64(random.below(66))
      default: 1016 + UInt64(random.below(16))
      }
    if random.chance(8) { return sign }
    if random.chance(2) { return sign | 0x7ff0_0000_0000_0000 }
    if random.chance(10) { return (Double(random.below(64)) / 2).bitPattern | sign }
    return sign | exponent << 52 | fraction
  }

  mutating func integer() -> UInt64 {
    switch random.below(4) {
    case 0: UInt64(bitPattern: Int64(random.below(9)) - 4)
    case 1: (random.next() & 0x0000_0001_0000_0003) &+ 0x7fff_ffff_7fff_fffe
    default: random.next() >> UInt64(random.below(64))
    }
  }

  mutating func word(_ content: VectorFloatTemplate.Content) -> UInt64 {
    switch content {
    case .single: UInt64(single()) | UInt64(single()) << 32
    case .double: double()
    case .integer: integer()
    }
  }

  /// A number whose products and quotients with its like lie at the bounds of a format, where rounding decides between a
  /// tiny, a smallest normal, a largest and an infinite result.
  mutating func bound(_ content: VectorFloatTemplate.Content, _ family: Int) -> UInt64 {
    let singles: [[UInt64]] = [[63, 64], [1, 2, 127, 128], [190, 191]]
    let doubles: [[UInt64]] = [[511, 512], [1, 2, 1023, 1024], [1534, 1535], [896, 897, 873, 1150, 1151]]
    func fraction(_ bits: UInt64) -> UInt64 {
      let largest: UInt64 = (1 << bits) - 1
      switch random.below(5) {
      case 0: return 0
      case 1: return 1
      case 2: return largest
      case 3: return largest - 1
      default: return random.next() & largest
      }
    }
    func number(_ exponents: [UInt64], _ bits: UInt64, _ sign: UInt64) -> UInt64 {
      (random.chance(50) ? sign : 0) | exponents[random.below(exponents.count)] << bits | fraction(bits)
    }
    switch content {
    case .single:
      let exponents = singles[family % 3]
      return number(exponents, 23, 1 << 31) | number(exponents, 23, 1 << 31) << 32
    case .double: return number(doubles[family % 4], 52, 1 << 63)
    case .integer: return integer()
    }
  }

  // MARK: Cases

  mutating func make() -> VectorFloatCase {
    var test = VectorFloatCase()
    let isSequence = random.chance(15), isAtBound = random.chance(15)
    var content = VectorFloatTemplate.Content.single
    for index in 0..<(isSequence ? 2 + random.below(3) : 1) {
      let templates = isAtBound ? VectorFloatTemplate.atBounds : VectorFloatTemplate.all
      let template = templates[random.below(templates.count)]
      if index == 0 { content = template.content }
      append(template, &test)
    }
    for number in 0..<16 {
      test.state.general[number] = integer()
      test.vectors[number] = SIMD2(word(content), word(content))
    }
    test.state.general[4] = OracleLayout.stack
    if isAtBound {
      let family = random.below(12)
      for number in 0..<16 { test.vectors[number] = SIMD2(bound(content, family), bound(content, family)) }
    }
    // Close numbers: sums cancel, comparisons are equal.
    if random.chance(20) {
      let value = test.vectors[random.below(8)]
      for number in 0..<8 where random.chance(40) {
        test.vectors[number] = value ^ SIMD2(random.next() & 3, random.next() & 3)
      }
    }
    test.memory = (0..<16).map { _ in word(content) }
    test.state.general[3] = OracleLayout.boundary - 16
    // 0-alignment: 16 bytes at the boundary, or below it; misaligned operands start 8 bytes higher.
    if random.chance(50) { test.state.general[3] += 16 }
    test.state.flags = 2 | random.next() & 0x8d5
    test.mxcsr = isAtBound && random.chance(50) ? 0x1fa0 : mxcsr()
    test.top = UInt8(random.below(8))
    test.valid = UInt8(truncatingIfNeeded: random.next())
    test.x87 = (0..<8).map { _ in
      (word(random.chance(50) ? .integer : content), UInt16(truncatingIfNeeded: random.next()))
    }
    if is32Bit {
      for number in 0..<16 { test.state.general[number] &= 0xffff_ffff }
    }
    return test
  }

  private mutating func mxcsr() -> UInt32 {
    var value: UInt32 = 0x1f80
    if random.chance(50) { value |= UInt32(random.below(4)) << 13 }
    if random.chance(50) { value |= 1 << 5 }
    if random.chance(50) { value |= UInt32(random.below(64)) }
    if random.chance(20) { value |= 1 << 6 }
    if random.chance(20) { value |= 1 << 15 }
    if random.chance(25) { value &= ~(UInt32(random.below(64)) << 7) }
    if random.chance(10) { value &= ~(1 << (7 + UInt32(random.below(6)))) }
    return value
  }

  private mutating func append(_ template: VectorFloatTemplate, _ test: inout VectorFloatCase) {
    var bytes: [UInt8] = []
    let isMemory = random.chance(35)
    if !is32Bit && isMemory && random.chance(30) { bytes.append(0x67) }
    if let prefix = template.prefix { bytes.append(prefix) }
    // Not into RSP or RBX: the latter is the base of memory operands.
    var reg = UInt8(random.below(8)), rm = UInt8(random.below(8)), rex: UInt8 = 0
    if template.destination == .general {
      while reg == 4 || reg == 3 { reg = UInt8(random.below(8)) }
    }
    if template.source == .general && !isMemory && rm == 4 { rm = 5 }
    if !is32Bit && random.chance(60) {
      rex = 0x40 | UInt8(random.below(16))
      if isMemory { rex &= ~1 }
      bytes.append(rex)
    }
    bytes += [0x0f, template.opcode]
    if isMemory {

      let isMisaligned = !template.isAligned || random.chance(5)
      let displacement = isMisaligned ? UInt8(random.below(17)) : 0
      bytes += [0x40 | (reg & 7) << 3 | 3, displacement]
    } else {
      bytes.append(0xc0 | (reg & 7) << 3 | rm & 7)
    }
    if template.hasPredicate { bytes.append(UInt8(truncatingIfNeeded: random.next())) }
    test.bytes += bytes
    test.count += 1
  }
}
