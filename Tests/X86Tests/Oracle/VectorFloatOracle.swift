// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import X86

/// What SIGFPE did before `VectorFloatOracle`.
nonisolated(unsafe) private var previousAction = sigaction()
/// Where the floating-point state of a SIGFPE's frame goes.
nonisolated(unsafe) private var faultImage: UnsafeMutableRawPointer?

/// SSE floating point against the processor that runs the tests: registers, MXCSR, EFLAGS and the x87's tags, also after
/// an exception.
final class VectorFloatOracle {
  enum Mode: String, CaseIterable { case floatLong, floatFlat, floatSegmented }

  let host: HostProcessor
  let core = CoreUnderTest()
  private let image = UnsafeMutableRawPointer.allocate(byteCount: 512, alignment: 16)
  private(set) var executed = 0
  private(set) var faults = 0
  private(set) var misaligned = 0

  init?() {
    guard let host = HostProcessor() else { return nil }
    self.host = host
    faultImage = UnsafeMutableRawPointer(mutating: host.floatingOutput)
    var action = sigaction()
    sigaction(SIGFPE, nil, &action)
    previousAction = action
    // The frame holds the state at the fault, which returning from the handler throws away.
    action.__sigaction_handler.sa_sigaction = { number, information, context in
      if let context, let state = context.load(fromByteOffset: 224, as: UnsafeRawPointer?.self), let faultImage {
        faultImage.copyMemory(from: state, byteCount: 512)
      }
      previousAction.__sigaction_handler.sa_sigaction(number, information, context)
    }
    sigaction(SIGFPE, &action, nil)
  }

  deinit {
    sigaction(SIGFPE, &previousAction, nil)
    faultImage = nil
    image.deallocate()
  }

  private func prepare(_ test: VectorFloatCase) {
    image.initializeMemory(as: UInt8.self, repeating: 0, count: 512)
    image.storeBytes(of: 0x037f, as: UInt16.self)
    image.storeBytes(of: UInt16(test.top) << 11, toByteOffset: 2, as: UInt16.self)
    image.storeBytes(of: test.valid, toByteOffset: 4, as: UInt8.self)
    image.storeBytes(of: test.mxcsr, toByteOffset: 24, as: UInt32.self)
    for (number, value) in test.x87.enumerated() {
      image.storeBytes(of: value.0, toByteOffset: 32 + 16 * number, as: UInt64.self)
      image.storeBytes(of: value.1, toByteOffset: 40 + 16 * number, as: UInt16.self)
    }
    for (number, value) in test.vectors.enumerated() {
      image.storeBytes(of: value, toByteOffset: 160 + 16 * number, as: SIMD2<UInt64>.self)
    }
    host.floatingInput.copyMemory(from: image, byteCount: 512)
    core.processor?.loadFloating(from: image)
    for (index, word) in test.memory.enumerated() {
      host.data.storeBytes(of: word, toByteOffset: 0x1000 - 64 + 8 * index, as: UInt64.self)
    }
    core.data.copyMemory(from: host.data, byteCount: OracleLayout.dataBytes)
  }

  /// Runs the case of a seed; a description if host and core differ.
  func run(_ mode: Mode, _ seed: UInt64) -> String? {
    let is32Bit = mode != .floatLong
    var generator = VectorFloatGenerator(is32Bit: is32Bit, seed: seed)
    let test = generator.make()
    prepare(test)
    var signal: Int32 = 0
    let expected = host.run(test.bytes, is32Bit: is32Bit, test.state, signal: &signal)
    let probeMode: Processor.ProbeMode =
      switch mode {
      case .floatLong: .long
      case .floatFlat: .flat
      case .floatSegmented: .segmented
      }
    var actual = RegisterFile()
    let vector = core.run(test.bytes, count: test.count, mode: probeMode, test.state, into: &actual)
    core.processor?.storeFloating(to: image)
    executed += 1
    var problems: [String] = []
    if let expected {
      if vector != 0xff { problems.append("core raised \(vector), host did not") }
      for number in 0..<(is32Bit ? 8 : 16) where actual.general[number] != expected.general[number] {
        if is32Bit && (actual.general[number] ^ expected.general[number]) & 0xffff_ffff == 0 { continue }
        problems.append("r\(number) \(hex(actual.general[number])), host \(hex(expected.general[number]))")
      }
      let difference = (actual.flags ^ expected.flags) & 0x8d5
      if difference != 0 { problems.append("flags \(hex(actual.flags)), host \(hex(expected.flags))") }
    } else if signal == SIGFPE {
      faults += 1
      if vector != 19 { problems.append("host raised #XM, core \(vector)") }
    } else if signal == SIGSEGV {
      misaligned += 1
      // Everything is mapped, so it was an operand that should have been aligned. Its state is not at hand.
      if vector != 13 { problems.append("host raised #GP, core \(vector)") }
      return problems.isEmpty ? nil : describe(mode, seed, test, problems)
    } else {
      problems.append("signal \(signal)")
    }
    compareState(&problems)
    return problems.isEmpty ? nil : describe(mode, seed, test, problems)
  }

  private func compareState(_ problems: inout [String]) {
    func compare(_ name: String, _ offset: Int, _ mask: UInt64 = ~0) {
      let actual = image.load(fromByteOffset: offset, as: UInt64.self) & mask
      let expected = host.floatingOutput.load(fromByteOffset: offset, as: UInt64.self) & mask
      if actual != expected { problems.append("\(name) \(hex(actual)), host \(hex(expected))") }
    }
    // FCW, FSW and tags; the opcode is the x87's own.
    compare("x87", 0, 0xff_ffff_ffff)
    compare("mxcsr", 24, 0xffff_ffff)
    for number in 0..<8 {
      compare("st\(number)", 32 + 16 * number)
      compare("st\(number) exponent", 40 + 16 * number, 0xffff)
    }
    for number in 0..<16 {
      compare("xmm\(number) low", 160 + 16 * number)
      compare("xmm\(number) high", 168 + 16 * number)
    }
  }

  private func describe(_ mode: Mode, _ seed: UInt64, _ test: VectorFloatCase, _ problems: [String]) -> String {
    var text: [String] = []
    var offset = 0
    while offset < test.bytes.count {
      var instruction = Instruction()
      let rest = Array(test.bytes[offset...]) + [UInt8](repeating: 0x90, count: 16)
      let result = rest.withUnsafeBufferPointer { buffer -> DecodeResult in
        guard let base = buffer.baseAddress else { return .invalid }
        return Decoder.decode(base, available: 16, size: mode == .floatLong ? .bits64 : .bits32, into: &instruction)
      }
      guard result == .ok else { break }
      text.append(Disassembler.intel(instruction, address: OracleLayout.test))
      offset += Int(instruction.length)
    }
    let vectors = test.vectors.enumerated().map { "\($0):\(hex($1.y))_\(hex($1.x))" }.joined(separator: " ")
    return "APUS_ORACLE_REPLAY=\(mode.rawValue):\(seed) \(text.joined(separator: "; ")): "
      + "\(problems.joined(separator: ", ")); mxcsr \(hex(UInt64(test.mxcsr))) xmm \(vectors) "
      + "memory \(test.memory.map(hex).joined(separator: " ")) rbx \(hex(test.state.general[3]))"
  }
}

extension OracleTests {
  @Test func `SSE floating point does what the host's processor does`() throws {
    let oracle = try #require(VectorFloatOracle())
    func setting(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
    if let replay = setting("APUS_ORACLE_REPLAY") {
      let parts = replay.split(separator: ":")
      guard let mode = parts.first.flatMap({ VectorFloatOracle.Mode(rawValue: String($0)) }),
        let seed = parts.last.flatMap({ UInt64($0) })
      else { return }
      let difference = oracle.run(mode, seed)
      print(difference ?? "no difference")
      #expect(difference == nil)
      return
    }
    let count = setting("APUS_ORACLE_CASES").flatMap { UInt64($0) } ?? 50_000
    let first = setting("APUS_ORACLE_SEED").flatMap { UInt64($0) } ?? 1
    var differences: [String] = []
    for (number, mode) in VectorFloatOracle.Mode.allCases.enumerated() {
      for index in 0..<count {
        if let difference = oracle.run(mode, first &+ (UInt64(number) &* count &+ index) &* 0x1_0000_0001) {
          differences.append(difference)
          if differences.count >= 20 { break }
        }
      }
    }
    for difference in differences { print(difference) }
    #expect(differences.isEmpty, "\(differences.first ?? "")")
    // All kinds must have occurred, or the oracle says nothing.
    #expect(oracle.faults * 50 > oracle.executed && oracle.misaligned * 500 > oracle.executed)
    print("SSE oracle: \(oracle.executed) executed, \(oracle.faults) #XM, \(oracle.misaligned) misaligned")
  }
}
