// SPDX-License-Identifier: Apache-2.0
import X86

/// A small fast generator, seeded; each case has its own.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
}

/// One opcode that the oracle tries. `imm`: bytes of immediate; `z`: 2 or 4 by operand size.
struct OpcodeTemplate {
  enum Immediate { case none, byte, z, full, wordByte, address }
  enum Modes { case both, only32, only64 }
  var bytes: [UInt8]
  var hasModRM = false
  /// Allowed ModRM.reg values (nil: all).
  var extensions: ClosedRange<UInt8>?
  var immediate = Immediate.none
  var modes = Modes.both
  /// Operand-size prefix and REX.W make sense.
  var isSized = true
  /// 0: any; 1: register form only; 2: memory form only.
  var form = 0
  var repeatable = false
  var mandatoryPrefix: UInt8?
  var isBranch = false
}

enum OpcodeTemplates {
  static let all: [OpcodeTemplate] = {
    var list: [OpcodeTemplate] = []
    typealias T = OpcodeTemplate
    for op: UInt8 in 0..<8 {
      for form: UInt8 in 0..<4 { list.append(T(bytes: [op << 3 | form], hasModRM: true)) }
      list.append(T(bytes: [op << 3 | 4], immediate: .byte))
      list.append(T(bytes: [op << 3 | 5], immediate: .z))
    }
    list.append(T(bytes: [0x80], hasModRM: true, immediate: .byte))
    list.append(T(bytes: [0x81], hasModRM: true, immediate: .z))
    list.append(T(bytes: [0x83], hasModRM: true, immediate: .byte))
    for op: UInt8 in 0x84...0x8b { list.append(T(bytes: [op], hasModRM: true)) }
    list.append(T(bytes: [0x8d], hasModRM: true, form: 2))
    list.append(T(bytes: [0xa8], immediate: .byte))
    list.append(T(bytes: [0xa9], immediate: .z))
    for op: UInt8 in 0xb0...0xb7 { list.append(T(bytes: [op], immediate: .byte)) }
    for op: UInt8 in 0xb8...0xbf { list.append(T(bytes: [op], immediate: .full)) }
    for op: UInt8 in 0xa0...0xa3 { list.append(T(bytes: [op], immediate: .address)) }
    list.append(T(bytes: [0xc6], hasModRM: true, extensions: 0...0, immediate: .byte))
    list.append(T(bytes: [0xc7], hasModRM: true, extensions: 0...0, immediate: .z))
    list.append(T(bytes: [0xf6], hasModRM: true, extensions: 0...1, immediate: .byte))
    list.append(T(bytes: [0xf7], hasModRM: true, extensions: 0...1, immediate: .z))
    for _ in 0..<3 {
      list.append(T(bytes: [0xf6], hasModRM: true, extensions: 2...7))
      list.append(T(bytes: [0xf7], hasModRM: true, extensions: 2...7))
    }
    list.append(T(bytes: [0xfe], hasModRM: true, extensions: 0...1))
    list.append(T(bytes: [0xff], hasModRM: true, extensions: 0...1))
    list.append(T(bytes: [0xff], hasModRM: true, extensions: 6...6))
    list.append(T(bytes: [0x8f], hasModRM: true, extensions: 0...0))
    for op: UInt8 in 0x40...0x4f { list.append(T(bytes: [op], modes: .only32)) }
    for op: UInt8 in 0x50...0x5f { list.append(T(bytes: [op])) }
    list.append(T(bytes: [0x60], modes: .only32))
    list.append(T(bytes: [0x61], modes: .only32))
    list.append(T(bytes: [0x68], immediate: .z))
    list.append(T(bytes: [0x6a], immediate: .byte))
    list.append(T(bytes: [0x69], hasModRM: true, immediate: .z))
    list.append(T(bytes: [0x6b], hasModRM: true, immediate: .byte))
    for _ in 0..<3 {
      list.append(T(bytes: [0xc0], hasModRM: true, immediate: .byte))
      list.append(T(bytes: [0xc1], hasModRM: true, immediate: .byte))
      for op: UInt8 in 0xd0...0xd3 { list.append(T(bytes: [op], hasModRM: true)) }
    }
    for op: UInt8 in [0xa4, 0xac, 0xba] {
      list.append(
        T(bytes: [0x0f, op], hasModRM: true, extensions: op == 0xba ? 4...7 : nil, immediate: .byte))
    }
    for op: UInt8 in [
      0xa5, 0xad, 0xa3, 0xab, 0xb3, 0xbb, 0xbc, 0xbd, 0xaf, 0xb6, 0xb7, 0xbe, 0xbf, 0xc0, 0xc1, 0xb0, 0xb1,
    ] {
      list.append(T(bytes: [0x0f, op], hasModRM: true))
    }
    list.append(T(bytes: [0x0f, 0xb8], hasModRM: true, mandatoryPrefix: 0xf3))
    list.append(T(bytes: [0x0f, 0xc7], hasModRM: true, extensions: 1...1, form: 2))
    for op: UInt8 in 0xc8...0xcf { list.append(T(bytes: [0x0f, op])) }
    for op: UInt8 in 0x40...0x4f { list.append(T(bytes: [0x0f, op], hasModRM: true)) }
    for op: UInt8 in 0x90...0x9f { list.append(T(bytes: [0x0f, op], hasModRM: true)) }
    for op: UInt8 in 0x90...0x99 { list.append(T(bytes: [op])) }
    list.append(T(bytes: [0x63], hasModRM: true, modes: .only64))
    for op: UInt8 in [0x9e, 0x9f, 0xf5, 0xf8, 0xf9, 0xfc, 0xfd, 0xd7, 0xc9] { list.append(T(bytes: [op])) }
    for op: UInt8 in [0xd6, 0x27, 0x2f, 0x37, 0x3f] { list.append(T(bytes: [op], modes: .only32)) }
    for op: UInt8 in [0xd4, 0xd5] { list.append(T(bytes: [op], immediate: .byte, modes: .only32)) }
    list.append(T(bytes: [0xc8], immediate: .wordByte))
    for op: UInt8 in 0xa4...0xa7 { list.append(T(bytes: [op], repeatable: true)) }
    for op: UInt8 in 0xaa...0xaf { list.append(T(bytes: [op], repeatable: true)) }
    // Branches go one byte further, over a CMC.
    for op: UInt8 in 0x70...0x7f { list.append(T(bytes: [op, 1], isSized: false, isBranch: true)) }
    for op: UInt8 in 0xe0...0xe3 { list.append(T(bytes: [op, 1], isSized: false, isBranch: true)) }
    for op: UInt8 in 0x80...0x8f { list.append(T(bytes: [0x0f, op, 1, 0, 0, 0], isSized: false, isBranch: true)) }
    list.append(T(bytes: [0xeb, 1], isSized: false, isBranch: true))
    list.append(T(bytes: [0xe9, 1, 0, 0, 0], isSized: false, isBranch: true))
    list.append(T(bytes: [0xe8, 1, 0, 0, 0], isSized: false, isBranch: true))
    // Indirect ones are made to go to the end of the case.
    for _ in 0..<3 {
      list.append(T(bytes: [0xff], hasModRM: true, extensions: 2...2, isSized: false))
      list.append(T(bytes: [0xff], hasModRM: true, extensions: 4...4, isSized: false))
    }
    list.append(T(bytes: [0xc3], isSized: false))
    list.append(T(bytes: [0xc2, 0x18, 0], isSized: false))
    return list
  }()
}

/// A case: bytes, instructions in them, and the registers to start from.
struct OracleCase {
  var bytes: [UInt8] = []
  var instructions: [Instruction] = []
  var state = RegisterFile()
  /// EFLAGS bits that the last word on is the manual's.
  var definedFlags: UInt64 = 0xcd5
  /// A word of memory that must hold the address after the case, for indirect branches.
  var targetAddress: UInt64?
  /// Registers whose value the manual leaves open.
  var undefinedRegisters: Set<Int> = []
}

struct CaseGenerator {
  let is32Bit: Bool
  var random: SplitMix

  init(is32Bit: Bool, seed: UInt64) {
    self.is32Bit = is32Bit
    random = SplitMix(state: seed)
  }

  /// Values that find carries and sign changes more often than uniform ones do.
  mutating func interesting() -> UInt64 {
    switch random.below(8) {
    case 0: return UInt64(random.below(4))
    case 1: return 0 &- UInt64(random.below(4))
    case 2: return (UInt64(1) << UInt64(random.below(64))) &- UInt64(random.below(2))
    case 3: return 0x8000_0000_8000_8080 &+ UInt64(random.below(3)) &- 1
    default: return random.next()
    }
  }

  /// One random instruction that can be tried; nil if the attempt came to nothing.
  mutating func single() -> OracleCase? {
    let template = OpcodeTemplates.all[random.below(OpcodeTemplates.all.count)]
    var result = OracleCase()
    guard let bytes = encode(template, registersOnly: false) else { return nil }
    result.bytes = bytes
    guard let instruction = decode(bytes) else { return nil }
    result.instructions = [instruction]
    if template.isBranch { result.bytes.append(0xf5) }
    for number in 0..<16 { result.state.general[number] = interesting() }
    if is32Bit { for number in 0..<16 { result.state.general[number] &= 0xffff_ffff } }
    result.state.flags = (random.next() & 0xcd5) | 0x202
    result.state.general[4] = OracleLayout.stack + UInt64(random.below(64))
    guard fit(instruction, &result) else { return nil }
    mask(instruction, &result)
    return result
  }

  /// Several register instructions in a row, perhaps with a conditional jump at the end: what blocks do to flags.
  mutating func sequence() -> OracleCase? {
    var result = OracleCase()
    for number in 0..<16 { result.state.general[number] = interesting() }
    if is32Bit { for number in 0..<16 { result.state.general[number] &= 0xffff_ffff } }
    result.state.flags = (random.next() & 0xcd5) | 0x202
    result.state.general[4] = OracleLayout.stack
    // Whatever is undefined after one instruction must not be read by the next.
    var defined: UInt64 = 0xcd5
    for _ in 0..<(2 + random.below(7)) {
      let template = OpcodeTemplates.all[random.below(OpcodeTemplates.all.count)]
      guard template.hasModRM || template.bytes[0] < 0x40, !template.isBranch, template.form != 2,
        let bytes = encode(template, registersOnly: true), let instruction = decode(bytes),
        isQuiet(instruction), reads(instruction) & ~defined == 0
      else { continue }
      var one = OracleCase()
      mask(instruction, &one)
      guard one.undefinedRegisters.isEmpty else { continue }
      // Flags that a count of zero or a step leave alone keep what was known of them.
      defined = (one.definedFlags & defined) | (one.definedFlags & overwritten(instruction))
      result.bytes += bytes
      result.instructions.append(instruction)
    }
    guard !result.instructions.isEmpty else { return nil }
    if random.chance(50) {
      let condition = UInt8(random.below(16))
      let needs: [UInt64] = [0x800, 1, 0x40, 0x41, 0x80, 4, 0x880, 0x8c0]
      if needs[Int(condition >> 1)] & ~defined == 0 {
        let bytes: [UInt8] = [0x70 | condition, 1]
        guard let jump = decode(bytes) else { return nil }
        result.bytes += bytes + [0xf5]
        result.instructions.append(jump)
      }
    }
    result.definedFlags = defined
    return result
  }

  /// No memory, no stack, no fault, no stack pointer.
  private func isQuiet(_ instruction: Instruction) -> Bool {
    let operands = [instruction.operands.0, instruction.operands.1, instruction.operands.2]
    for operand in operands where operand.kind == .memory || operand.kind == .segment { return false }
    // Writing the stack pointer would leave the area that signals and calls use.
    for operand in operands where operand.kind == .register && operand.register & 15 == 4 { return false }
    switch instruction.mnemonic {
    case .add, .or, .adc, .sbb, .and, .sub, .xor, .cmp, .test, .mov, .movzx, .movsx, .movsxd, .xchg, .inc, .dec, .neg,
      .not, .mul, .imul, .rol, .ror, .rcl, .rcr, .shl, .shr, .sar, .shld, .shrd, .bt, .bts, .btr, .btc, .xadd,
      .cmpxchg, .cmovcc, .setcc, .bsf, .bsr, .popcnt:
      return true
    default: return false
    }
  }

  private func reads(_ instruction: Instruction) -> UInt64 {
    switch instruction.mnemonic {
    case .adc, .sbb, .rcl, .rcr: return 1
    case .cmovcc, .setcc:
      let needs: [UInt64] = [0x800, 1, 0x40, 0x41, 0x80, 4, 0x880, 0x8c0]
      return needs[Int(instruction.condition >> 1) & 7]
    default: return 0
    }
  }

  /// Flags that an instruction sets whatever its operands.
  private func overwritten(_ instruction: Instruction) -> UInt64 {
    switch instruction.mnemonic {
    case .add, .adc, .sub, .sbb, .cmp, .neg, .xadd, .cmpxchg: 0x8d5
    case .and, .or, .xor, .test: 0x8c5
    case .inc, .dec: 0x8d4
    case .mul, .imul: 0x801
    case .bt, .bts, .btr, .btc: 1
    case .bsf, .bsr: 0x40
    case .popcnt: 0x8d5
    default: 0
    }
  }

  private func decode(_ bytes: [UInt8]) -> Instruction? {
    var instruction = Instruction()
    let padded = bytes + [UInt8](repeating: 0x90, count: 16)
    let result = padded.withUnsafeBufferPointer { buffer -> DecodeResult in
      guard let base = buffer.baseAddress else { return .invalid }
      return Decoder.decode(base, available: buffer.count, size: is32Bit ? .bits32 : .bits64, into: &instruction)
    }
    guard result == .ok, Int(instruction.length) == bytes.count else { return nil }
    return instruction
  }

  private mutating func encode(_ template: OpcodeTemplate, registersOnly: Bool) -> [UInt8]? {
    switch template.modes {
    case .only32 where !is32Bit: return nil
    case .only64 where is32Bit: return nil
    default: break
    }
    var bytes: [UInt8] = []
    var operandPrefix = false, isWide = false
    if template.isSized && random.chance(25) {
      operandPrefix = true
      bytes.append(0x66)
    }
    var isAddress16 = false
    // 16-bit addresses only for LEA: nothing is mapped there.
    if is32Bit && template.bytes == [0x8d] && random.chance(30) {
      isAddress16 = true
      bytes.append(0x67)
    } else if !is32Bit && random.chance(10) {
      bytes.append(0x67)
    }
    if template.repeatable && random.chance(60) { bytes.append(random.chance(50) ? 0xf3 : 0xf2) }
    if let prefix = template.mandatoryPrefix { bytes.append(prefix) }
    if !is32Bit && random.chance(70) {
      let rex = UInt8(0x40 | random.below(16))
      isWide = rex & 8 != 0 && template.isSized
      bytes.append(template.isSized ? rex : rex & ~8)
    }
    let hasAddressPrefix = bytes.contains(0x67)
    bytes += template.bytes
    if template.hasModRM {
      var reg = UInt8(random.below(8))
      if let allowed = template.extensions {
        reg = allowed.lowerBound + UInt8(random.below(Int(allowed.upperBound - allowed.lowerBound) + 1))
      }
      let isRegister = registersOnly || template.form == 1 || (template.form == 0 && random.chance(45))
      if isRegister {
        bytes.append(0xc0 | reg << 3 | UInt8(random.below(8)))
      } else {
        let mod = UInt8(random.below(3)), rm = UInt8(random.below(8))
        bytes.append(mod << 6 | reg << 3 | rm)
        if isAddress16 {
          let count = mod == 1 ? 1 : (mod == 2 || (mod == 0 && rm == 6) ? 2 : 0)
          for _ in 0..<count { bytes.append(UInt8(truncatingIfNeeded: random.next())) }
        } else {
          var sib: UInt8 = 0
          if rm == 4 {
            sib = UInt8(truncatingIfNeeded: random.next())
            bytes.append(sib)
          }
          if mod == 1 {
            bytes.append(UInt8(truncatingIfNeeded: random.next()))
          } else if mod == 2 || (mod == 0 && (rm == 5 || (rm == 4 && sib & 7 == 5))) {
            // Without a base the displacement is the address; RIP-relative ones are patched by `fit`.
            let value = UInt32(truncatingIfNeeded: target()) &- (mod == 2 ? UInt32(random.below(1 << 20)) : 0)
            for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(8 * shift))) }
          }
        }
      }
    }
    let wordSize = operandPrefix && !isWide ? 2 : 4
    var immediateBytes = 0
    switch template.immediate {
    case .none: break
    case .byte: immediateBytes = 1
    case .z: immediateBytes = wordSize
    case .full: immediateBytes = isWide ? 8 : wordSize
    case .wordByte:
      bytes += [UInt8(random.below(128)), 0, UInt8(random.chance(50) ? 0 : random.below(8))]
    case .address:
      let value = target()
      for shift in 0..<(is32Bit || hasAddressPrefix ? 4 : 8) {
        bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * shift)))
      }
    }
    let value = interesting()
    for shift in 0..<immediateBytes { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * shift))) }
    return bytes
  }

  /// An address for a memory operand: near the page boundary, so that some accesses cross it.
  private mutating func target() -> UInt64 {
    if random.chance(15) { return OracleLayout.boundary - UInt64(random.below(16)) }
    return OracleLayout.boundary - 0x80 + UInt64(random.below(0x100))
  }

  /// Sets registers so that the memory operands lie in the data area; false if that cannot be.
  private mutating func fit(_ instruction: Instruction, _ test: inout OracleCase) -> Bool {
    switch instruction.mnemonic {
    case .movs, .cmps, .stos, .scas, .lods:
      test.state.general[6] = OracleLayout.boundary - 0x40 + UInt64(random.below(0x80))
      test.state.general[7] = OracleLayout.boundary - 0x40 + UInt64(random.below(0x80))
      test.state.general[1] = UInt64(random.below(8))
      if !is32Bit && instruction.addressSize == 4 {
        for number in [1, 6, 7] { test.state.general[number] |= random.next() << 32 }
        // Without an iteration processors differ in whether the upper halves are cleared.
        if test.state.general[1] & 0xffff_ffff == 0 { test.state.general[1] += 1 }
      }
      return true
    case .xlat:
      test.state.general[3] = OracleLayout.boundary - 0x80
      return true
    case .enter:
      test.state.general[5] = OracleLayout.stack + UInt64(random.below(32) * 8)
      return true
    case .leave:
      test.state.general[5] = OracleLayout.stack + UInt64(random.below(64))
      return true
    case .loop, .loope, .loopne, .jcxz:
      if random.chance(50) { test.state.general[1] = UInt64(random.below(3)) }
      return true
    case .div, .idiv:
      // Most random dividends overflow.
      if random.chance(70) { test.state.general[2] = random.chance(50) ? 0 : UInt64(random.below(3)) }
    case .aam: return true
    default: break
    }
    let operands = [instruction.operands.0, instruction.operands.1, instruction.operands.2]
    if instruction.mnemonic == .ret { test.targetAddress = test.state.general[4] }
    let isIndirect = instruction.mnemonic == .jmp || instruction.mnemonic == .call
    if isIndirect && operands[0].kind == .register {
      guard operands[0].register != 4 else { return false }
      test.state.general[Int(operands[0].register)] = OracleLayout.test + UInt64(instruction.length)
    }
    guard operands.contains(where: { $0.kind == .memory }) else { return true }
    if instruction.mnemonic == .lea { return true }
    var place = target()
    if isIndirect {
      // Addresses that `place` does not decide are left out.
      guard instruction.memoryBase != 4, instruction.memoryBase != Instruction.instructionPointer else { return false }
      guard instruction.memoryBase != Instruction.noRegister || instruction.memoryIndex != Instruction.noRegister
      else { return false }
      test.targetAddress = place
    }
    if instruction.mnemonic == .cmpxchg16b { place &= ~15 }
    let mask: UInt64 = instruction.addressSize == 4 ? 0xffff_ffff : ~0
    if instruction.memoryBase == Instruction.instructionPointer {
      // The displacement's place is not known in general; it is the last but the immediates, so search for it.
      let old = UInt32(truncatingIfNeeded: instruction.displacement)
      for offset in 1..<max(2, test.bytes.count - 3) {
        let found = (0..<4).reduce(UInt32(0)) {
          $0 | UInt32(test.bytes[min(offset + $1, test.bytes.count - 1)]) << UInt32(8 * $1)
        }
        if found == old {
          let next = OracleLayout.test + UInt64(instruction.length)
          let value = UInt32(truncatingIfNeeded: place &- next)
          for shift in 0..<4 { test.bytes[offset + shift] = UInt8(truncatingIfNeeded: value >> UInt32(8 * shift)) }
          guard let again = decode(Array(test.bytes.prefix(Int(instruction.length)))),
            UInt32(truncatingIfNeeded: again.displacement) == value, again.mnemonic == instruction.mnemonic
          else { return false }
          test.instructions = [again]
          return true
        }
      }
      return false
    }
    let base = Int(instruction.memoryBase), index = Int(instruction.memoryIndex)
    let scale = UInt64(instruction.memoryScale)
    let displacement = UInt64(bitPattern: instruction.displacement)
    if instruction.memoryIndex != Instruction.noRegister {
      // A stack pointer as base is fixed: the index must make up the difference, or the case is given up.
      test.state.general[index] = interesting() & (is32Bit ? 0xffff_ffff : ~0)
      if index == base {
        let factor = (UInt64(1) << scale) &+ 1
        let wanted = (place &- displacement) & mask
        guard wanted % factor == 0 else { return false }
        test.state.general[base] = wanted / factor
      } else if instruction.memoryBase == Instruction.noRegister {
        let wanted = (place &- displacement) & mask
        test.state.general[index] = wanted >> scale
        guard (test.state.general[index] << scale) & mask == wanted else { return false }
      } else if base == 4 {
        let wanted = (place &- displacement &- test.state.general[4]) & mask
        test.state.general[index] = wanted >> scale
        guard (test.state.general[index] << scale) & mask == wanted else { return false }
      } else {
        test.state.general[base] = (place &- displacement &- (test.state.general[index] << scale)) & mask
      }
    } else if instruction.memoryBase != Instruction.noRegister {
      if base == 4 { return (displacement &+ 0x400) & mask < 0x800 }
      test.state.general[base] = (place &- displacement) & mask
    }
    switch instruction.mnemonic {
    case .bt, .bts, .btr, .btc:
      if instruction.operands.1.kind == .register {
        let register = Int(instruction.operands.1.register & 15)
        // The bit string reaches a little to both sides; a register that addresses too would move it away.
        guard register != base, register != index, register != 4 else { return false }
        let bit = Int64(random.below(2048)) - 1024
        var value = UInt64(bitPattern: bit)
        if is32Bit { value &= 0xffff_ffff }
        test.state.general[register] = value
      }
    case .push, .pop: if instruction.operands.0.kind == .memory && (base == 4 || index == 4) { return base == 4 }
    case .div, .idiv, .mul, .imul, .cmpxchg, .cmpxchg8b, .cmpxchg16b: break
    default: break
    }
    return true
  }

  /// What the manual leaves undefined.
  private func mask(_ instruction: Instruction, _ test: inout OracleCase) {
    let cf: UInt64 = 1, pf: UInt64 = 4, af: UInt64 = 0x10, zf: UInt64 = 0x40, sf: UInt64 = 0x80, of: UInt64 = 0x800
    var undefined: UInt64 = 0
    let size = Int(instruction.operandSize) * 8
    func count() -> Int {
      let operand =
        instruction.mnemonic == .shld || instruction.mnemonic == .shrd
        ? instruction.operands.2 : instruction.operands.1
      let raw: UInt64
      switch operand.kind {
      case .one: raw = 1
      case .immediate: raw = instruction.immediate
      default: raw = test.state.general[1]
      }
      return Int(raw & 0xff) & (size == 64 ? 63 : 31)
    }
    func isByCL() -> Bool {
      let operand =
        instruction.mnemonic == .shld || instruction.mnemonic == .shrd
        ? instruction.operands.2 : instruction.operands.1
      return operand.kind == .register
    }
    switch instruction.mnemonic {
    case .and, .or, .xor, .test: undefined = af
    case .shl, .shr, .sar, .rol, .ror, .rcl, .rcr, .shld, .shrd:
      let isShift = [.shl, .shr, .sar, .shld, .shrd].contains(instruction.mnemonic)
      // In a sequence CL is not known beforehand.
      let isUnknown = isByCL() && test.state.general.allSatisfy { $0 == 0 }
      let count = isUnknown ? 31 : count()
      if count != 0 {
        if isShift { undefined |= af }
        if count != 1 { undefined |= of }
        if isShift && count >= size && instruction.mnemonic != .sar { undefined |= cf }
      }
      if isUnknown && isShift { undefined |= cf | pf | af | zf | sf | of }
      if instruction.mnemonic == .shld || instruction.mnemonic == .shrd {
        if count > size || isUnknown && size == 16 {
          undefined |= cf | pf | af | zf | sf | of
          test.undefinedRegisters = Set(0..<16)
        }
        if count == size { undefined |= of }
      }
    case .mul, .imul: undefined = sf | zf | af | pf
    case .div, .idiv: undefined = cf | pf | af | zf | sf | of
    case .bt, .bts, .btr, .btc: undefined = of | sf | af | pf
    case .bsf, .bsr: undefined = cf | of | sf | af | pf
    case .daa, .das: undefined = of
    case .aaa, .aas: undefined = of | sf | zf | pf
    case .aam, .aad: undefined = of | af | cf
    case .bswap where size == 16: test.undefinedRegisters = Set(0..<16)
    default: break
    }
    test.definedFlags &= ~undefined
  }
}
