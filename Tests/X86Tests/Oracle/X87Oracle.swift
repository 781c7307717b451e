// SPDX-License-Identifier: Apache-2.0
import Glibc
import X86

/// Runs x87 cases on the host and in the core and compares registers, control, status and tag words, EFLAGS, AX and memory.
///
/// Not compared: FOP, FIP and FDP (processors keep them only for unmasked exceptions, or without selectors).
final class X87Oracle {
  /// `x87functions` runs the transcendental functions, in 64-bit mode.
  enum Mode: String, CaseIterable { case x87long, x87flat, x87functions }

  let host: HostProcessor
  let core = CoreUnderTest()
  private let image = UnsafeMutableRawPointer.allocate(byteCount: 512, alignment: 16)
  private(set) var executed = 0
  private(set) var faults = 0
  private(set) var skipped = 0

  init?() {
    guard let host = HostProcessor() else { return nil }
    self.host = host
  }

  deinit { image.deallocate() }

  private func write(_ test: X87Case) {
    let offset = Int(test.address - OracleLayout.data)
    (host.data + offset).copyMemory(from: test.memory, byteCount: test.memory.count)
    core.data.copyMemory(from: host.data, byteCount: OracleLayout.dataBytes)
  }

  /// Fields of an environment in memory that processors fill differently.
  private func maskMemory(_ test: X87Case) {
    for instruction in test.instructions {
      switch instruction.mnemonic {
      case .fnstenv, .fnsave:
        let isShort = instruction.operands.0.size == 14 || instruction.operands.0.size == 94
        let start = Int(test.address - OracleLayout.data) + (isShort ? 6 : 12)
        for offset in start..<start + (isShort ? 8 : 16) {
          host.data.storeBytes(of: 0, toByteOffset: offset, as: UInt8.self)
          core.data.storeBytes(of: 0, toByteOffset: offset, as: UInt8.self)
        }
      default: break
      }
    }
  }

  /// Runs the case of a seed; a description if host and core differ.
  func run(_ mode: Mode, _ seed: UInt64) -> String? {
    let is32Bit = mode == .x87flat
    let isFunction = mode == .x87functions
    var generator = X87Generator(is32Bit: is32Bit, seed: seed) { X87Generator.isFunction($0) == isFunction }
    generator.makesOne = isFunction
    guard let test = generator.make(), !isUndefined(test) else {
      skipped += 1
      return nil
    }
    write(test)
    var state = RegisterFile()
    state.general[4] = OracleLayout.stack
    state.flags = test.flags
    test.store(to: host.floatingInput)
    var signal: Int32 = 0
    let expected = host.run(test.bytes, is32Bit: is32Bit, state, signal: &signal)
    guard let processor = core.processor else { return nil }
    test.store(to: image)
    processor.loadFloating(from: image)
    var actual = RegisterFile()
    let vector = core.run(
      test.bytes, count: test.instructions.count, mode: is32Bit ? .flat : .long, state, into: &actual)
    processor.storeFloating(to: image)
    executed += 1
    var problems: [String] = []
    if let expected {
      if vector != 0xff {
        problems.append("core raised \(vector), host did not")
      } else {
        compare(&problems, test, expected, actual, is32Bit: is32Bit)
        maskMemory(test)
        if memcmp(host.data, core.data, OracleLayout.dataBytes) != 0 { problems.append(memoryDifference()) }
      }
    } else {
      faults += 1
      let wanted: UInt8 = signal == SIGFPE ? 16 : (signal == SIGILL ? 6 : 0xfe)
      if vector != wanted { problems.append("host raised signal \(signal), core \(vector)") }
    }
    guard !problems.isEmpty else { return nil }
    return describe(mode, seed, test) + ": " + problems.joined(separator: ", ")
  }

  /// Bits of FSW on which the vendors' processors, or the manuals and the processors, do not agree.
  private func undefinedStatus(_ test: X87Case) -> UInt16 {
    var mask: UInt16 = 0
    for instruction in test.instructions {
      switch instruction.mnemonic {
      // Whether the last bit was rounded up, and the manual's undefined condition codes.
      case .fsin, .fcos, .fptan, .fsincos: mask |= 0x4300
      case .f2xm1, .fyl2x, .fyl2xp1, .fpatan: mask |= 0x4700
      // C1: the SDM clears it, AMD's leave it.
      case .fcomi, .fcomip, .fucomi, .fucomip: mask |= 0x200
      // All condition codes are undefined.
      case .ffree, .ffreep: mask |= 0x200
      default: break
      }
    }
    return mask
  }

  private func compare(
    _ problems: inout [String], _ test: X87Case, _ expected: RegisterFile, _ actual: RegisterFile, is32Bit: Bool
  ) {
    let mask: UInt64 = is32Bit ? 0xffff_ffff : ~0
    if (actual.general[0] ^ expected.general[0]) & mask != 0 {
      problems.append("rax \(hex(actual.general[0])), host \(hex(expected.general[0]))")
    }
    // By the SDM an unmasked invalid operation leaves EFLAGS; AMD's processors set them.
    let comparisons: [Mnemonic] = [.fcomi, .fcomip, .fucomi, .fucomip]
    let isUnmasked = test.control & 1 == 0 && test.instructions.contains { comparisons.contains($0.mnemonic) }
    if (actual.flags ^ expected.flags) & 0x8d5 != 0, !isUnmasked {
      problems.append("flags \(hex(actual.flags)), host \(hex(expected.flags))")
    }
    for (name, offset) in [("fcw", 0), ("fsw", 2), ("ftw", 4)] {
      let ours = image.load(fromByteOffset: offset, as: UInt16.self)
      let theirs = host.floatingOutput.load(fromByteOffset: offset, as: UInt16.self)
      // Underflow, and with it the summary and busy bits.
      let ignored = offset == 2 ? undefinedStatus(test) | (mayBeTiny(test) ? 0x8090 : 0) : 0
      if (ours ^ theirs) & ~ignored != 0 {
        problems.append("\(name) \(hex(UInt64(ours))), host \(hex(UInt64(theirs)))")
      }
    }
    for number in 0..<8 {
      let ours = value(image, number), theirs = value(host.floatingOutput, number)
      if !isSame(ours, theirs, test) { problems.append("st\(number) \(text(ours)), host \(text(theirs))") }
    }
  }

  /// Whether a result lies within a unit of the smallest normal number, where its error decides whether it is tiny: of the
  /// sine of that number AMD's processors give the number below, which underflows, and Intel's the number itself.
  private func mayBeTiny(_ test: X87Case) -> Bool {
    X87Generator.isFunction(test.instructions[0].mnemonic)
      && (0..<2).contains { isSmallestNormal(value(host.floatingOutput, $0)) || isSmallestNormal(value(image, $0)) }
  }

  /// The smallest normal number or the one below it, also as an unmasked underflow gives them: times 2^24576.
  private func isSmallestNormal(_ value: X87Value) -> Bool {
    switch value.signExponent & 0x7fff {
    case 0: value.significand >= (1 << 63) - 1 && value.significand <= 1 << 63
    case 1, 0x6001: value.significand == 1 << 63
    case 0x6000: value.significand == .max
    default: false
    }
  }

  /// Operands for which the manual defines no result.
  private func isUndefined(_ test: X87Case) -> Bool {
    let x = test.registers[0], exponent = x.signExponent & 0x7fff
    switch test.instructions[0].mnemonic {
    case .f2xm1: return exponent >= 0x3fff && exponent < 0x7fff && x.significand != 1 << 63
    // 1 - sqrt(2)/2 is a little more than a quarter.
    case .fyl2xp1:
      let isMinusInfinity = x == X87Value(significand: 1 << 63, signExponent: 0xffff)
      return exponent >= 0x3ffd && exponent < 0x7fff || isMinusInfinity
    default: return false
    }
  }

  /// Results of transcendental functions are good to one unit in the last place; the host's are too.
  private func isSame(_ ours: X87Value, _ theirs: X87Value, _ test: X87Case) -> Bool {
    if ours == theirs { return true }
    guard X87Generator.isFunction(test.instructions[0].mnemonic) else { return false }
    guard ours.signExponent & 0x7fff != 0x7fff, (ours.signExponent ^ theirs.signExponent) & 0x8000 == 0 else {
      return false
    }
    if isSmallestNormal(ours), isSmallestNormal(theirs) { return true }
    // A step from one exponent to the next is one unit as well.
    func place(_ value: X87Value) -> UInt128 {
      UInt128(value.signExponent & 0x7fff) << 63 + UInt128(value.significand & ~(1 << 63))
    }
    let a = place(ours), b = place(theirs)
    return (a > b ? a - b : b - a) <= 1
  }

  private func memoryDifference() -> String {
    var text = "memory"
    for offset in 0..<OracleLayout.dataBytes {
      let ours = core.data.load(fromByteOffset: offset, as: UInt8.self)
      let theirs = host.data.load(fromByteOffset: offset, as: UInt8.self)
      if ours != theirs { text += " \(hex(UInt64(offset))): \(hex(UInt64(ours))) host \(hex(UInt64(theirs)))" }
    }
    return text
  }

  private func value(_ image: UnsafeRawPointer, _ number: Int) -> X87Value {
    X87Value(
      significand: image.load(fromByteOffset: 32 + 16 * number, as: UInt64.self),
      signExponent: image.load(fromByteOffset: 40 + 16 * number, as: UInt16.self))
  }

  private func text(_ value: X87Value) -> String { "\(hex(UInt64(value.signExponent))):\(hex(value.significand))" }

  private func describe(_ mode: Mode, _ seed: UInt64, _ test: X87Case) -> String {
    let code = test.instructions.map { Disassembler.intel($0, address: OracleLayout.test) }.joined(separator: "; ")
    let bytes = test.bytes.map { hex(UInt64($0)) }.joined(separator: " ")
    let registers = test.registers.map { text($0) }.joined(separator: " ")
    let memory = test.memory.prefix(10).reversed().map { hex(UInt64($0)) }.joined(separator: " ")
    return "APUS_ORACLE_REPLAY=\(mode.rawValue):\(seed) \(code) [\(bytes)] from fcw \(hex(UInt64(test.control))) "
      + "fsw \(hex(UInt64(test.status))) ftw \(hex(UInt64(test.valid))) \(registers) memory \(memory)"
  }
}
