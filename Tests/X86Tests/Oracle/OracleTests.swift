// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import X86

/// The processor that runs the tests is the reference: the same instruction from the same state, there and here, must
/// give the same registers, defined flags and memory.
///
/// `APUS_ORACLE_CASES` sets how many cases are tried in each mode, `APUS_ORACLE_SEED` where they start;
/// `APUS_ORACLE_REPLAY=MODE:SEED` runs one case, as a failure prints it.
final class Oracle {
  enum Mode: String, CaseIterable { case long, flat, segmented }

  let host: HostProcessor
  let core: CoreUnderTest
  private(set) var executed = 0
  private(set) var skipped = 0
  private(set) var faults = 0

  init?(compiles: Bool) {
    guard let host = HostProcessor() else { return nil }
    self.host = host
    core = CoreUnderTest(compiles: compiles)
  }

  private func fill(_ random: inout SplitMix, _ test: OracleCase, is32Bit: Bool) {
    for offset in stride(from: 0xf00, to: 0x1100, by: 8) {
      host.data.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
    }
    for offset in stride(from: 0x2700, to: 0x2a00, by: 8) {
      host.data.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
    }
    if let address = test.targetAddress {
      let offset = Int(address - OracleLayout.data), end = OracleLayout.test + UInt64(test.bytes.count)
      if is32Bit {
        host.data.storeBytes(of: UInt32(end), toByteOffset: offset, as: UInt32.self)
      } else {
        host.data.storeBytes(of: end, toByteOffset: offset, as: UInt64.self)
      }
    }
    core.data.copyMemory(from: host.data, byteCount: OracleLayout.dataBytes)
  }

  /// Runs the case of a seed; a description if host and core differ.
  func run(_ mode: Mode, _ seed: UInt64) -> String? {
    let is32Bit = mode != .long
    var generator = CaseGenerator(is32Bit: is32Bit, seed: seed)
    let isSequence = generator.random.chance(20)
    guard let test = isSequence ? generator.sequence() : generator.single() else {
      skipped += 1
      return nil
    }
    fill(&generator.random, test, is32Bit: is32Bit)
    // A count in CL that the manual does not define for this operand.
    if test.undefinedRegisters.count == 16 {
      skipped += 1
      return nil
    }
    var signal: Int32 = 0
    let expected = host.run(test.bytes, is32Bit: is32Bit, test.state, signal: &signal)
    var actual = RegisterFile()
    let probeMode: Processor.ProbeMode =
      switch mode {
      case .long: .long
      case .flat: .flat
      case .segmented: .segmented
      }
    let vector = core.run(
      test.bytes, count: test.instructions.count, mode: probeMode, test.state, into: &actual)
    executed += 1
    var problems: [String] = []
    if let expected {
      if vector != 0xff { problems.append("core raised \(vector), host did not") }
      for number in 0..<(is32Bit ? 8 : 16) where !test.undefinedRegisters.contains(number) {
        let value = is32Bit ? actual.general[number] & 0xffff_ffff : actual.general[number]
        if value != expected.general[number], vector == 0xff, !isUndefined(number, test, expected) {
          problems.append("r\(number) \(hex(value)), host \(hex(expected.general[number]))")
        }
      }
      let difference = (actual.flags ^ expected.flags) & test.definedFlags
      if difference != 0 && vector == 0xff {
        problems.append("flags \(hex(actual.flags)), host \(hex(expected.flags)), differing \(hex(difference))")
      }
      if memcmp(host.data, core.data, OracleLayout.dataBytes) != 0 {
        problems.append("memory differs")
      }
    } else {
      faults += 1
      let wanted: UInt8 = signal == SIGFPE ? 0 : (signal == SIGILL ? 6 : 0xfe)
      if wanted == 0xfe {
        // An address that hit nothing: no verdict.
        executed -= 1
        skipped += 1
        return nil
      }
      if vector != wanted { problems.append("host raised signal \(signal), core \(vector)") }
      if actual.general != test.state.general { problems.append("a fault changed registers") }
    }
    guard !problems.isEmpty else { return nil }
    let text = test.instructions.map { Disassembler.intel($0, address: OracleLayout.test) }.joined(separator: "; ")
    let bytes = test.bytes.map { hex(UInt64($0)) }.joined(separator: " ")
    let before = test.state.general.map { hex($0) }.joined(separator: " ")
    return "APUS_ORACLE_REPLAY=\(mode.rawValue):\(seed) [\(bytes)] \(text): \(problems.joined(separator: ", ")); "
      + "from \(before) flags \(hex(test.state.flags))"
  }

  /// The destination of BSF and BSR with a zero source.
  private func isUndefined(_ number: Int, _ test: OracleCase, _ expected: RegisterFile) -> Bool {
    for instruction in test.instructions where instruction.mnemonic == .bsf || instruction.mnemonic == .bsr {
      if Int(instruction.operands.0.register & 15) == number && expected.flags & 0x40 != 0 { return true }
    }
    return false
  }
}

func hex(_ value: UInt64) -> String { String(value, radix: 16) }

private func setting(_ name: String) -> String? {
  guard let value = getenv(name) else { return nil }
  return String(cString: value)
}

@Suite(.serialized) struct OracleTests {
  @Test(arguments: [false, true])
  func `random instructions do what the host's processor does`(compiles: Bool) throws {
    let oracle = try #require(Oracle(compiles: compiles))
    if let replay = setting("APUS_ORACLE_REPLAY") {
      let parts = replay.split(separator: ":")
      let mode = try #require(parts.first.flatMap { Oracle.Mode(rawValue: String($0)) })
      let seed = try #require(parts.last.flatMap { UInt64($0) })
      let difference = oracle.run(mode, seed)
      #expect(difference == nil)
      return
    }
    let count = setting("APUS_ORACLE_CASES").flatMap { UInt64($0) } ?? 200_000
    let first = setting("APUS_ORACLE_SEED").flatMap { UInt64($0) } ?? 1
    var differences: [String] = []
    for mode in Oracle.Mode.allCases {
      for index in 0..<count {
        if let difference = oracle.run(mode, first &+ index &* 0x1_0000_0001) {
          differences.append(difference)
          if differences.count >= 20 { break }
        }
      }
    }
    for difference in differences { print(difference) }
    #expect(differences.isEmpty, "\(differences.first ?? "")")
    // Most attempts must come to something, or the oracle says nothing.
    #expect(UInt64(oracle.executed) * 10 >= UInt64(Oracle.Mode.allCases.count) * count * 8)
    #expect(!compiles || oracle.core.compiledCount > oracle.executed / 4)
    print(
      "oracle: \(oracle.core.compiledCount) compiled, \(oracle.executed) executed, \(oracle.skipped) skipped, \(oracle.faults) faults"
    )
  }
}
