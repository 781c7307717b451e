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
  private func execute(
    _ row: InstructionRow, _ size: CodeSize, on core: CoreUnderTest, prepare: () -> Void = {}
  ) throws -> Outcome {
    let processor = try #require(core.processor)
    core.code.advanced(by: Int(OracleLayout.test - OracleLayout.code))
      .copyMemory(from: row.example, byteCount: row.example.count)
    processor.physicalMemoryWritten(OracleLayout.test, length: UInt64(row.example.count))
    processor.reset()
    processor.enter(size == .bits64 ? .longSupervisor : .supervisor)
    for number in 0..<16 { processor.setRegister(number, OracleLayout.boundary) }
    processor.instructionPointer = OracleLayout.test
    prepare()
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

  /// Control instructions, which leave FOP and FIP as they are.
  private static let x87Control: Set<Mnemonic> = [
    .fldcw, .fnstcw, .fnstsw, .fldenv, .fnstenv, .frstor, .fnsave, .fnclex, .fninit, .fneni, .fndisi, .fnsetpm,
  ]

  @Test func `every x87 instruction executes, and all but control instructions leave their opcode behind`() throws {
    let core = CoreUnderTest()
    let image = UnsafeMutableRawPointer.allocate(byteCount: 512, alignment: 16)
    defer { image.deallocate() }
    var state = X87Case()
    // Registers 0...5 hold values, so that every instruction finds operands and room.
    state.valid = 0x3f
    state.registers[0] = X87Value(significand: 1 << 63, signExponent: 0x3ffd)
    for number in 1..<8 { state.registers[number] = X87Value(significand: 1 << 63, signExponent: 0x3fff) }
    var count = 0
    for row in Decoder.allRows where row.checks.contains(.x87) {
      for size in row.modes where size != .bits16 || row.modes.count == 1 {
        let instruction = decoded(row, size)
        // Not FXSAVE and FXRSTOR.
        guard (0xd8...0xdf).contains(instruction.opcode) else { continue }
        let name = "\(row.encoding) \(row.mnemonic) in \(size)"
        #expect(isImplemented(instruction), "\(name)")
        let processor = try #require(core.processor)
        // Reset comes first in `execute`, and keeps the x87 registers only if they are loaded after it.
        state.store(to: image)
        let vector = try execute(row, size, on: core) { processor.loadFloating(from: image) }.vector
        #expect(vector == Self.none, "\(name): vector \(vector)")
        processor.storeFloating(to: image)
        let opcode = image.load(fromByteOffset: 6, as: UInt16.self)
        let pointer = image.load(fromByteOffset: 8, as: UInt64.self)
        if !Self.x87Control.contains(row.mnemonic) {
          #expect(opcode == (instruction.opcode & 7) << 8 | UInt16(instruction.modRM), "\(name)")
          #expect(pointer == OracleLayout.test, "\(name)")
        }
        count += 1
      }
    }
    #expect(count > 200)
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
