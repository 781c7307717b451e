// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import X86

/// Compares MMX and the SSE instructions that are not arithmetic on floating-point numbers with the host's, one
/// instruction a case: general registers, flags, the FXSAVE image and memory.
///
/// The settings are those of `Oracle`, with the modes `vector-long`, `vector-flat` and `vector-segmented`.
final class VectorOracle {
  enum Mode: String, CaseIterable {
    case long = "vector-long"
    case flat = "vector-flat"
    case segmented = "vector-segmented"

    var probe: Processor.ProbeMode {
      switch self {
      case .long: .long
      case .flat: .flat
      case .segmented: .segmented
      }
    }
  }

  let host: HostProcessor
  let core = CoreUnderTest()
  private(set) var executed: [String: Int] = [:]
  private(set) var faults = 0
  private var image = [UInt64](repeating: 0, count: 64)
  private static let area = 0xc00..<0x1400

  init?() {
    guard let host = HostProcessor() else { return nil }
    self.host = host
  }

  private func fillMemory(_ generator: inout VectorCaseGenerator, _ test: VectorCase) {
    for offset in stride(from: VectorOracle.area.lowerBound, to: VectorOracle.area.upperBound, by: 8) {
      host.data.storeBytes(of: generator.lanes(), toByteOffset: offset, as: UInt64.self)
    }
    guard let place = test.place else { return }
    let isImage = test.template.isImage && test.template.reg == 1
    if test.template.loadsMXCSR || isImage {
      // Bit 17 is a feature of AMD's processors, so it is left out; other reserved bits fault.
      var value = UInt32(truncatingIfNeeded: generator.random.next()) & 0xffff
      if generator.random.chance(5) { value |= 1 << UInt32([16, 18, 20, 31][generator.random.below(4)]) }
      let offset = Int(truncatingIfNeeded: place &- OracleLayout.data) + (isImage ? 24 : 0)
      if offset >= 0 && offset < OracleLayout.dataBytes - 4 {
        host.data.storeBytes(of: value, toByteOffset: offset, as: UInt32.self)
      }
    }
  }

  /// What of a word of the image means the same to all processors. The MXCSR mask tells them apart; AMD's save zeros as
  /// pointers and opcode of the last x87 instruction unless an exception is pending.
  private static func comparedBits(_ index: Int) -> UInt64 {
    switch index {
    case 0: 0xffff_ffff_ffff
    case 1, 2: 0
    case 3: 0xffff_ffff
    default: ~0
    }
  }

  /// Runs the case of a seed; a description if host and core differ.
  func run(_ mode: Mode, _ seed: UInt64) -> String? {
    let is32Bit = mode != .long
    var generator = VectorCaseGenerator(is32Bit: is32Bit, seed: seed)
    let test = generator.next()
    fillMemory(&generator, test)
    core.data.copyMemory(from: host.data, byteCount: OracleLayout.dataBytes)
    test.floating.withUnsafeBytes { bytes in
      if let start = bytes.baseAddress { host.floatingInput.copyMemory(from: start, byteCount: 512) }
    }
    core.processor?.loadFloating(from: host.floatingInput)

    var signal: Int32 = 0
    let expected = host.run(test.bytes, is32Bit: is32Bit, test.state, signal: &signal)
    var actual = RegisterFile()
    let vector = core.run(test.bytes, count: 1, mode: mode.probe, test.state, into: &actual)
    image.withUnsafeMutableBytes { bytes in
      if let start = bytes.baseAddress { core.processor?.storeFloating(to: start) }
    }
    var problems: [String] = []
    if let expected {
      if vector != 0xff { problems.append("core raised \(vector), host did not") }
      if vector == 0xff {
        for number in 0..<(is32Bit ? 8 : 16) {
          let value = is32Bit ? actual.general[number] & 0xffff_ffff : actual.general[number]
          if value != expected.general[number] {
            problems.append("r\(number) \(hex(value)), host \(hex(expected.general[number]))")
          }
        }
        if (actual.flags ^ expected.flags) & 0xcd5 != 0 {
          problems.append("flags \(hex(actual.flags)), host \(hex(expected.flags))")
        }
        for index in 0..<52 {
          let mask = VectorOracle.comparedBits(index)
          let wanted = host.floatingOutput.load(fromByteOffset: index * 8, as: UInt64.self) & mask
          if image[index] & mask != wanted {
            problems.append("image word \(index) \(hex(image[index])), host \(hex(wanted))")
          }
        }
      }
      executed[test.template.name, default: 0] += 1
    } else {
      faults += 1
      let wanted: UInt8 = signal == SIGFPE ? 16 : signal == SIGILL ? 6 : 13
      if vector != wanted { problems.append("host raised signal \(signal), core \(vector)") }
      if actual.general != test.state.general { problems.append("a fault changed registers") }
      for index in 0..<52 where index != 3 && image[index] != test.floating[index] {
        problems.append("a fault changed word \(index) of the image")
      }
    }
    compareMemory(test, &problems)
    guard !problems.isEmpty else { return nil }
    return describe(test, mode, seed, problems)
  }

  private func compareMemory(_ test: VectorCase, _ problems: inout [String]) {
    if test.template.isImage, test.template.reg == 0, let place = test.place, place & 15 == 0 {
      for index in 0..<4 {
        let offset = Int(place - OracleLayout.data) + 8 * index
        let mask = VectorOracle.comparedBits(index)
        let ours = core.data.load(fromByteOffset: offset, as: UInt64.self)
        let theirs = host.data.load(fromByteOffset: offset, as: UInt64.self)
        core.data.storeBytes(of: ours & mask | theirs & ~mask, toByteOffset: offset, as: UInt64.self)
      }
    }
    guard memcmp(host.data, core.data, OracleLayout.dataBytes) != 0 else { return }
    for offset in 0..<OracleLayout.dataBytes {
      let ours = core.data.load(fromByteOffset: offset, as: UInt8.self)
      let theirs = host.data.load(fromByteOffset: offset, as: UInt8.self)
      if ours != theirs {
        let relative = Int64(bitPattern: OracleLayout.data &+ UInt64(offset) &- (test.place ?? 0))
        problems.append("memory at operand\(relative >= 0 ? "+" : "")\(relative): \(ours), host \(theirs)")
        return
      }
    }
  }

  private func describe(_ test: VectorCase, _ mode: Mode, _ seed: UInt64, _ problems: [String]) -> String {
    var instruction = Instruction()
    (test.bytes + [UInt8](repeating: 0x90, count: 16)).withUnsafeBufferPointer {
      guard let start = $0.baseAddress else { return }
      _ = Decoder.decode(start, available: $0.count, size: mode == .long ? .bits64 : .bits32, into: &instruction)
    }
    let text = Disassembler.intel(instruction, address: OracleLayout.test)
    let bytes = test.bytes.map { hex(UInt64($0)) }.joined(separator: " ")
    let place = test.place.map { ", operand at \(hex($0))" } ?? ""
    return "APUS_ORACLE_REPLAY=\(mode.rawValue):\(seed) [\(bytes)] \(text)\(place): \(problems.joined(separator: ", "))"
  }
}

private func setting(_ name: String) -> String? {
  guard let value = getenv(name) else { return nil }
  return String(cString: value)
}

extension OracleTests {
  @Test func `vector instructions do what the host's processor does`() throws {
    let oracle = try #require(VectorOracle())
    if let replay = setting("APUS_ORACLE_REPLAY") {
      let parts = replay.split(separator: ":")
      guard let mode = parts.first.flatMap({ VectorOracle.Mode(rawValue: String($0)) }) else { return }
      let seed = try #require(parts.last.flatMap { UInt64($0) })
      let difference = oracle.run(mode, seed)
      print(difference ?? "no difference")
      #expect(difference == nil)
      return
    }
    let count = setting("APUS_ORACLE_CASES").flatMap { UInt64($0) } ?? 50_000
    let first = setting("APUS_ORACLE_SEED").flatMap { UInt64($0) } ?? 1
    var differences: [String] = []
    for mode in VectorOracle.Mode.allCases {
      for index in 0..<count {
        if let difference = oracle.run(mode, first &+ index &* 0x1_0000_0001) {
          differences.append(difference)
          if differences.count >= 40 { break }
        }
      }
    }
    for difference in differences { print(difference) }
    #expect(differences.isEmpty, "\(differences.first ?? "")")
    // Each encoding must have come to something, or the oracle says nothing about it.
    for template in VectorTemplates.all where UInt64(oracle.executed[template.name] ?? 0) * 2000 < count {
      Issue.record("\(template.name) was executed \(oracle.executed[template.name] ?? 0) times only")
    }
    let total = oracle.executed.values.reduce(0, +)
    #expect(UInt64(total) * 10 >= UInt64(VectorOracle.Mode.allCases.count) * count * 8)
    print("vector oracle: \(total) executed, \(oracle.faults) faults")
  }
}
