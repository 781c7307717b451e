// SPDX-License-Identifier: Apache-2.0
import HostIO
import Testing
import X86

/// Docs/InstructionCoverage.md says what the processor does: every row of the tables is executed here.
struct CoverageTests {
  private static let undefined: UInt8 = 6
  /// No fault.
  private static let none: UInt8 = 0xff

  /// What became of one instruction: the vector of a fault, and whether a register other than the instruction pointer
  /// changed.
  private struct Outcome {
    var vector: UInt8
    var isUnchanged: Bool
  }

  /// Executes a row's example at CPL 0 with all registers in the middle of memory.
  private func execute(_ row: InstructionRow, _ size: CodeSize, on core: CoreUnderTest) throws -> Outcome {
    let processor = try #require(core.processor)
    core.code.advanced(by: Int(OracleLayout.test - OracleLayout.code))
      .copyMemory(from: row.example, byteCount: row.example.count)
    processor.physicalMemoryWritten(OracleLayout.test, length: UInt64(row.example.count))
    processor.reset()
    processor.enter(size == .bits64 ? .longSupervisor : .supervisor)
    for number in 0..<16 { processor.setRegister(number, OracleLayout.boundary) }
    processor.instructionPointer = OracleLayout.test
    let flags = processor.flags
    let vector = processor.probe(1)
    let isUnchanged =
      processor.flags == flags && (0..<16).allSatisfy { processor.register($0) == OracleLayout.boundary }
    return Outcome(vector: vector, isUnchanged: isUnchanged)
  }

  /// The row's instruction, decoded in one of its modes.
  private func decoded(_ row: InstructionRow, _ size: CodeSize) -> Instruction {
    var instruction = Instruction()
    row.example.withUnsafeBufferPointer {
      if let start = $0.baseAddress { _ = Decoder.decode(start, available: $0.count, size: size, into: &instruction) }
    }
    return instruction
  }

  /// UD0, UD1 and UD2 are executed by raising #UD.
  private func isMeantToBeUndefined(_ row: InstructionRow) -> Bool { [.ud0, .ud1, .ud2].contains(row.mnemonic) }

  @Test func `what has a handler executes and what has none is undefined`() throws {
    let core = CoreUnderTest()
    for row in Decoder.allRows {
      for size in row.modes where size != .bits16 || row.modes.count == 1 {
        let outcome = try execute(row, size, on: core)
        let name = "\(row.encoding) \(row.mnemonic) in \(size): vector \(outcome.vector)"
        if isMeantToBeUndefined(row) {
          #expect(outcome.vector == Self.undefined, "\(name)")
        } else if isImplemented(decoded(row, size)) {
          #expect(outcome.vector != Self.undefined, "\(name)")
        } else if row.checks.contains(.x87), outcome.vector == Self.none {
          #expect(outcome.isUnchanged, "\(name)")
        } else {
          #expect(outcome.vector == Self.undefined, "\(name)")
        }
      }
    }
  }

  @Test func `the committed page is the generated one`() throws {
    let core = CoreUnderTest()
    var executed: Set<String> = []
    for row in Decoder.allRows {
      guard let size = row.modes.last, isImplemented(decoded(row, size)) else { continue }
      let vector = try execute(row, size, on: core).vector
      if vector != Self.undefined || isMeantToBeUndefined(row) { executed.insert(row.encoding + row.operands) }
    }
    let page = InstructionCoverage.page { executed.contains($0.encoding + $0.operands) }
    let root = (0..<4).reduce(BytePath(#filePath)) { path, _ in path.directory }
    let path = root.appending("Docs/InstructionCoverage.md")
    if HostProcess.environment("APUS_WRITE_DOCS") != nil { try AtomicFile.write(Array(page.utf8), to: path) }
    let isCurrent = try path.contents() == Array(page.utf8)
    #expect(isCurrent, "Docs/InstructionCoverage.md is out of date: run this test with APUS_WRITE_DOCS=1")
  }
}
