// SPDX-License-Identifier: Apache-2.0
import X86

/// An x87 register as FXSAVE stores it.
struct X87Value: Equatable {
  var significand: UInt64
  var signExponent: UInt16
}

/// One try of the x87 oracle: a state, a few instructions, and the memory that they use.
struct X87Case {
  var instructions: [Instruction] = []
  var bytes: [UInt8] = []
  var control: UInt16 = 0x37f
  var status: UInt16 = 0
  var valid: UInt8 = 0xff
  /// ST(0)...ST(7).
  var registers = [X87Value](repeating: X87Value(significand: 0, signExponent: 0), count: 8)
  var flags: UInt64 = 2
  /// Written to both memories before the case.
  var memory: [UInt8] = []
  var address: UInt64 = OracleLayout.boundary

  /// The FXSAVE image of the state, 64-bit form.
  func store(to image: UnsafeMutableRawPointer) {
    for offset in stride(from: 0, to: 512, by: 8) { image.storeBytes(of: 0, toByteOffset: offset, as: UInt64.self) }
    image.storeBytes(of: control, toByteOffset: 0, as: UInt16.self)
    image.storeBytes(of: status, toByteOffset: 2, as: UInt16.self)
    image.storeBytes(of: valid, toByteOffset: 4, as: UInt8.self)
    image.storeBytes(of: 0x1f80, toByteOffset: 24, as: UInt32.self)
    for (number, value) in registers.enumerated() {
      image.storeBytes(of: value.significand, toByteOffset: 32 + 16 * number, as: UInt64.self)
      image.storeBytes(of: value.signExponent, toByteOffset: 40 + 16 * number, as: UInt16.self)
    }
  }
}

/// Makes cases from a seed.
struct X87Generator {
  let is32Bit: Bool
  var random: SplitMix
  /// No sequences.
  var makesOne = false
  /// Chooses among the instructions that are wanted.
  var accepts: (Mnemonic) -> Bool

  init(is32Bit: Bool, seed: UInt64, accepts: @escaping (Mnemonic) -> Bool) {
    self.is32Bit = is32Bit
    self.accepts = accepts
    random = SplitMix(state: seed)
  }

  /// Transcendental functions: processors differ in their last bits.
  static func isFunction(_ mnemonic: Mnemonic) -> Bool {
    switch mnemonic {
    case .f2xm1, .fyl2x, .fyl2xp1, .fptan, .fpatan, .fsin, .fcos, .fsincos: true
    default: false
    }
  }

  mutating func make() -> X87Case? {
    var test = X87Case()
    let count = makesOne || random.chance(80) ? 1 : 2 + random.below(4)
    let inPage = random.chance(80)
    test.address = OracleLayout.boundary &+ (inPage ? 0x40 : UInt64(bitPattern: -Int64(random.below(100))))
    for _ in 0..<count {
      guard let (instruction, bytes) = instruction(test.address) else { return nil }
      // Digits above 9 are undefined, and so is C1 after some instructions (see `X87Oracle`).
      if count > 1, [.fbld, .fcomi, .fcomip, .fucomi, .fucomip, .ffree, .ffreep].contains(instruction.mnemonic) {
        continue
      }
      test.instructions.append(instruction)
      test.bytes += bytes
      // Selectors and pointers in the image are not to be read back as numbers.
      if [.fnstenv, .fnsave].contains(instruction.mnemonic) { break }
    }
    if test.instructions.isEmpty { return nil }
    state(&test)
    memory(&test)
    return test
  }

  /// A legal instruction, its memory operand at `address`.
  private mutating func instruction(_ address: UInt64) -> (Instruction, [UInt8])? {
    for _ in 0..<200 {
      var bytes: [UInt8] = []
      if random.chance(10) { bytes.append(0x66) }
      bytes.append(0xd8 | UInt8(random.below(8)))
      let modRM = UInt8(truncatingIfNeeded: random.next())
      if random.chance(3) {
        bytes = [0x9b]
      } else if modRM >= 0xc0 {
        bytes.append(modRM)
      } else {
        bytes.append(modRM & 0x38 | (is32Bit ? 5 : 4))
        if !is32Bit { bytes.append(0x25) }
        for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: address >> UInt64(8 * shift))) }
      }
      var instruction = Instruction()
      let size: CodeSize = is32Bit ? .bits32 : .bits64
      let result = bytes.withUnsafeBufferPointer { buffer -> DecodeResult in
        guard let start = buffer.baseAddress else { return .invalid }
        return Decoder.decode(start, available: buffer.count, size: size, into: &instruction)
      }
      if case .ok = result, accepts(instruction.mnemonic) { return (instruction, bytes) }
    }
    return nil
  }

  private mutating func state(_ test: inout X87Case) {
    let masks: UInt16 = random.chance(60) ? 0x3f : UInt16(random.below(64))
    let precisions: [UInt16] = [0, 2, 3, 3]
    test.control =
      UInt16(random.below(4)) << 10 | precisions[random.below(4)] << 8 | masks | 0x40
    if random.chance(25) { test.control = 0x37f }
    test.status = UInt16(truncatingIfNeeded: random.next()) & 0x7f00
    // Flags of masked exceptions may be set from before; now and then one is pending.
    let sticky = UInt16(truncatingIfNeeded: random.next()) & 0x7f
    test.status |= random.chance(3) ? sticky : sticky & (test.control & 0x3f | 0x40)
    if test.status & ~test.control & 0x3f != 0 { test.status |= 0x8080 }
    test.valid = random.chance(75) ? 0xff : UInt8(truncatingIfNeeded: random.next())
    if random.chance(60) {
      // Room for a load.
      let top = UInt8(test.status >> 11 & 7)
      test.valid &= ~(1 << ((top &- 1) & 7))
    }
    test.flags = 0x202 | (random.next() & 0x8d5)
    for number in 0..<8 { test.registers[number] = value() }
    relate(&test)
  }

  /// Gives operands something to do with each other.
  private mutating func relate(_ test: inout X87Case) {
    guard random.chance(50) else { return }
    let first = test.registers[0]
    for number in 1..<8 where random.chance(70) {
      var other = test.registers[number]
      switch random.below(6) {
      case 0: other = first
      case 1: other = X87Value(significand: first.significand, signExponent: first.signExponent ^ 0x8000)
      case 2: other.signExponent = first.signExponent ^ (random.chance(50) ? 0x8000 : 0)
      case 3: other.signExponent = first.signExponent &+ UInt16(truncatingIfNeeded: random.below(9) - 4)
      case 4: other.signExponent = first.signExponent &+ UInt16(truncatingIfNeeded: random.below(200) - 100)
      default:
        other = X87Value(
          significand: first.significand &+ UInt64(truncatingIfNeeded: random.below(5) - 2),
          signExponent: first.signExponent)
      }
      test.registers[number] = other
    }
  }

  private mutating func memory(_ test: inout X87Case) {
    func append(_ value: UInt64, _ count: Int) {
      for index in 0..<count { test.memory.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }
    let first = test.instructions[0]
    let operand = first.operands.0.kind == .memory ? first.operands.0 : first.operands.1
    switch first.mnemonic {
    case .fbld:
      for _ in 0..<9 { test.memory.append(UInt8(random.below(10) << 4 | random.below(10))) }
      test.memory.append(random.chance(50) ? 0x80 : 0)
      if random.chance(10) { for index in 0..<9 { test.memory[index] = 0 } }
    case .fild, .fiadd, .fisub, .fisubr, .fimul, .fidiv, .fidivr, .ficom, .ficomp: append(integer(), 8)
    case .fldcw: append(random.next(), 8)
    case .fldenv, .frstor:
      for _ in 0..<14 { append(random.next(), 8) }
      for number in 0..<8 where random.chance(80) {
        let value = value(), place = (operand.size == 14 || operand.size == 94 ? 14 : 28) + 10 * number
        for index in 0..<8 {
          test.memory[place + index] = UInt8(truncatingIfNeeded: value.significand >> UInt64(8 * index))
        }
        for index in 0..<2 {
          test.memory[place + 8 + index] = UInt8(truncatingIfNeeded: value.signExponent >> UInt16(8 * index))
        }
      }
    default:
      switch operand.size {
      case 4: append(single(), 4)
      case 8: append(double(), 8)
      default:
        let value = value()
        append(value.significand, 8)
        append(UInt64(value.signExponent), 2)
      }
    }
    while test.memory.count < 112 { append(random.next(), 8) }
  }

  // MARK: Values

  mutating func significand() -> UInt64 {
    switch random.below(10) {
    case 0: return 1 << 63
    case 1: return ~0
    case 2: return ~0 << UInt64(random.below(64))
    case 3: return 1 << 63 | 1 << UInt64(random.below(63))
    case 4:
      // Near the halfway points of 24 and 53 bits.
      let dropped: UInt64 = random.chance(50) ? 40 : 11
      return (1 << 63 | random.next() & ~0 << dropped) &+ (1 << (dropped - 1)) &+ UInt64(random.below(3)) &- 1
    case 5: return 1 << 63 | random.next() & ~0 << UInt64(random.below(64))
    default: return 1 << 63 | random.next()
    }
  }

  mutating func value() -> X87Value {
    let sign: UInt16 = random.chance(50) ? 0x8000 : 0
    func make(_ significand: UInt64, _ exponent: Int) -> X87Value {
      X87Value(significand: significand, signExponent: sign | UInt16(exponent & 0x7fff))
    }
    let bias = 0x3fff
    switch random.below(24) {
    case 0: return make(0, 0)
    case 1: return make(1 << 63, 0x7fff)
    case 2: return make(3 << 62 | random.next() >> UInt64(random.below(64)), 0x7fff)
    case 3: return make(1 << 63 | random.next() >> 2 | 1, 0x7fff)
    case 4: return make(random.next() >> UInt64(1 + random.below(62)) | 1, 0)
    case 5: return make(significand(), 0)
    // Unsupported formats.
    case 6: return make(random.next() >> 1, random.chance(50) ? 0x7fff : 1 + random.below(0x7ffe))
    case 7, 8: return make(significand(), 1 + random.below(80))
    case 9, 10: return make(significand(), 0x7ffe - random.below(80))
    case 11, 12:
      // A small integer, sometimes and a half.
      let integer = UInt64(1 + random.below(1 << random.below(20)))
      let shift = UInt64(integer.leadingZeroBitCount)
      let half: UInt64 = random.chance(30) && shift > 0 ? 1 << (shift - 1) : 0
      return make(integer << shift | half, bias + 63 - Int(shift))
    // The ends of the ranges of 64 and 32 bits.
    case 13: return make(significand(), bias - 0x3ff - 60 + random.below(70))
    case 14: return make(significand(), bias + 0x3ff - 3 + random.below(6))
    case 15: return make(significand(), bias - 0x7f - 30 + random.below(40))
    case 16: return make(significand(), bias + 0x7f - 3 + random.below(6))
    case 17, 18, 19: return make(significand(), bias - 4 + random.below(72))
    case 20: return make(significand(), random.below(0x7fff) + 1)
    default: return make(significand(), bias - 2 + random.below(5))
    }
  }

  private mutating func integer() -> UInt64 {
    switch random.below(6) {
    case 0: 0
    case 1: UInt64(truncatingIfNeeded: random.below(200) - 100)
    case 2: random.chance(50) ? 0x8000_0000_8000_8000 : 1 << 63
    case 3: 0x7fff_ffff_7fff_7fff
    default: random.next() >> UInt64(random.below(64))
    }
  }

  mutating func double() -> UInt64 {
    let sign: UInt64 = random.chance(50) ? 1 << 63 : 0
    switch random.below(10) {
    case 0: return sign
    case 1: return sign | 0x7ff << 52
    case 2: return sign | 0x7ff << 52 | random.next() >> 12 | 1
    case 3: return sign | random.next() >> UInt64(12 + random.below(52)) | 1
    case 4: return sign | UInt64(0x3ff - 2 + random.below(5)) << 52 | random.next() >> 12
    case 5: return sign | UInt64(0x3ff + random.below(64)) << 52 | random.next() >> 12 & ~0 << UInt64(random.below(52))
    default: return random.next()
    }
  }

  mutating func single() -> UInt64 {
    let sign: UInt64 = random.chance(50) ? 1 << 31 : 0
    switch random.below(10) {
    case 0: return sign
    case 1: return sign | 0xff << 23
    case 2: return sign | 0xff << 23 | random.next() >> 41 | 1
    case 3: return sign | random.next() >> UInt64(41 + random.below(23)) | 1
    case 4: return sign | UInt64(0x7f - 2 + random.below(5)) << 23 | random.next() >> 41
    default: return random.next() & 0xffff_ffff
    }
  }
}
