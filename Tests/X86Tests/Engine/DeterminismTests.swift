// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import X86

/// What a guest computes, when things happen in it, and the state it ends in depend neither on how its run is cut into
/// budgets nor on blocks, links, a cold cache, or a save and load in between.
struct DeterminismTests {
  /// How a run is disturbed.
  enum Disturbance: String, CaseIterable, Sendable {
    case shortBudgets, oneInstructionBlocks, flushes, inexactBudgets, fewLinks, saves
    /// As the first, third and last, and undisturbed, in host code; the last with memory for little of it.
    case compiled, compiledShortBudgets, compiledFlushes, compiledSaves, littleHostCode

    var compiles: Bool {
      switch self {
      case .compiled, .compiledShortBudgets, .compiledFlushes, .compiledSaves, .littleHostCode: true
      default: false
      }
    }
  }

  static let programs = ProgramTests.all + Program.long

  /// Everything a run comes to.
  private struct Outcome {
    var output: String
    var count: UInt64
    var counts: [UInt64]
    var state: [(name: String, bytes: [UInt8])]
    var ram: UInt64

    init(_ bench: Bench) throws {
      output = bench.text
      count = bench.processor.instructionCount
      counts = bench.countsAtPort
      state = try StateRecorder.save(bench.processor)
      ram = 0
      for address in stride(from: 0, to: Bench.ramByteCount, by: 8) {
        let word = bench.ram.load(fromByteOffset: address, as: UInt64.self)
        if word != 0 { ram = (ram ^ word ^ UInt64(address)) &* 0x9e37_79b9_7f4a_7c15 }
      }
    }
  }

  private func bench(_ program: Program, _ image: [UInt8], _ disturbance: Disturbance? = nil) -> Bench {
    let bench = Bench(
      rom: image, compiles: disturbance?.compiles ?? false,
      hostCodeByteCount: disturbance == .littleHostCode ? 128 << 10 : 8 << 20)
    if let model = program.processorModel { bench.processor.setModel(model) }
    return bench
  }

  @Test(arguments: programs)
  func `a run does not depend on how it is cut`(_ program: Program) throws {
    let image = try Assembler.assemble(program.text, name: "cut " + program.name)
    let reference = bench(program, image)
    let limit: UInt64 = 400_000
    _ = run(reference, until: limit) { _ in Int64(limit) }
    let expected = try Outcome(reference)

    for disturbance in Disturbance.allCases {
      var random = SplitMix(state: UInt64(program.name.utf8.count) &* 77)
      var subject = bench(program, image, disturbance)
      if disturbance == .oneInstructionBlocks { subject.processor.limitBlocks(to: 1) }
      if disturbance == .fewLinks { subject.processor.limitBlocks(to: 5) }
      var slices = 0
      while subject.exitCode == nil, subject.processor.instructionCount < limit {
        let left = Int64(limit - subject.processor.instructionCount)
        var budget = left
        switch disturbance {
        case .shortBudgets, .compiledShortBudgets: budget = 1 + Int64(random.below(40))
        case .flushes, .saves, .compiledFlushes, .compiledSaves: budget = 200 + Int64(random.below(3000))
        case .inexactBudgets: budget = 100 + Int64(random.below(100))
        case .oneInstructionBlocks, .fewLinks, .compiled, .littleHostCode: break
        }
        budget = min(budget, left)
        // The end must be exact for the comparison.
        let isExact = disturbance != .inexactBudgets || left < 300
        let exit = subject.processor.run(budget: budget, exact: isExact)
        if exit == .halted || exit == .shutdown { break }
        slices += 1
        if disturbance == .flushes || disturbance == .compiledFlushes { subject.processor.flushDecodedCode() }
        if disturbance == .saves || disturbance == .compiledSaves, slices % 4 == 0 {
          subject = try moved(subject, program, image, disturbance)
        }
      }
      let outcome = try Outcome(subject)
      #expect(outcome.output == expected.output, "\(disturbance)")
      #expect(outcome.count == expected.count, "\(disturbance)")
      #expect(outcome.counts == expected.counts, "\(disturbance)")
      #expect(outcome.ram == expected.ram, "\(disturbance)")
      #expect(StateRecorder.differences(outcome.state, expected.state) == [], "\(disturbance)")
    }
  }

  private func run(_ bench: Bench, until limit: UInt64, _ budget: (UInt64) -> Int64) -> RunExit {
    var exit = RunExit.budget
    while bench.exitCode == nil, bench.processor.instructionCount < limit {
      exit = bench.processor.run(budget: budget(bench.processor.instructionCount), exact: true)
      if exit == .halted || exit == .shutdown { break }
    }
    return exit
  }

  /// A fresh machine with the state of this one.
  private func moved(
    _ old: Bench, _ program: Program, _ image: [UInt8], _ disturbance: Disturbance
  ) throws -> Bench {
    let fresh = bench(program, image, disturbance)
    fresh.ram.copyMemory(from: old.ram, byteCount: Bench.ramByteCount)
    fresh.output = old.output
    fresh.counter = old.counter
    fresh.countsAtPort = old.countsAtPort
    fresh.vector = old.vector
    fresh.exitCode = old.exitCode
    var loader = StateLoader(try StateRecorder.save(old.processor))
    try fresh.processor.visit(&loader)
    return fresh
  }

  @Test func `damaged state is refused and changes nothing`() throws {
    let program = try #require(Program.paging.first)
    let image = try Assembler.assemble(program.text, name: "damaged")
    let subject = bench(program, image)
    _ = subject.processor.run(budget: 5000, exact: true)
    let good = try StateRecorder.save(subject.processor)
    for cut in good.indices {
      var loader = StateLoader(Array(good.prefix(cut)))
      #expect(throws: StateRecorder.Failure.self) { try subject.processor.visit(&loader) }
      #expect(StateRecorder.differences(try StateRecorder.save(subject.processor), good) == [])
    }
    for index in good.indices {
      var bad = good
      bad[index].bytes.append(0)
      var loader = StateLoader(bad)
      #expect(throws: StateRecorder.Failure.self) { try subject.processor.visit(&loader) }
      #expect(StateRecorder.differences(try StateRecorder.save(subject.processor), good) == [])
    }
    for name in ["cpl", "signals", "interrupt_shadow", "eflags"] {
      var bad = good
      let index = try #require(bad.firstIndex { $0.name == name })
      bad[index].bytes = [UInt8](repeating: 0xff, count: 8)
      var loader = StateLoader(bad)
      #expect(throws: StateRecorder.Failure.self) { try subject.processor.visit(&loader) }
      #expect(StateRecorder.differences(try StateRecorder.save(subject.processor), good) == [])
    }
  }

  /// Before version 3 tables had 2048 and 1024 slots: pages 802h, 1801h and 3h lay in the order of
  /// their last eleven bits. Version 3 had 4096 slots of code.
  @Test func `translations of the smaller tables of older versions are taken over`() throws {
    func encoding(_ pages: [UInt64]) -> [UInt8] {
      pages.flatMap { page in
        [page << 12, 0x5000 | 3].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) } }
      }
    }
    let bench = Bench(rom: [0xf4])
    let processor = try #require(bench.processor)
    var fields = try StateRecorder.save(processor)
    let names = fields.map(\.name)
    let data = try #require(names.firstIndex(of: "data_translations"))
    let code = try #require(names.firstIndex(of: "code_translations"))
    fields[data].bytes = encoding([0x1801, 0x802, 3])
    fields[code].bytes = encoding([0xc00, 1])
    var loader = StateLoader(fields)
    #expect(throws: StateRecorder.Failure.self) { try processor.visit(&loader) }
    loader = StateLoader(fields, version: 2)
    try processor.visit(&loader)
    let loaded = try StateRecorder.save(processor)
    #expect(loaded[data].bytes == encoding([3, 0x802, 0x1801]))
    #expect(loaded[code].bytes == encoding([1, 0xc00]))

    fields[data].bytes = encoding([3, 0x802, 0x1801])
    fields[code].bytes = encoding([0x3001, 2])
    loader = StateLoader(fields, version: 3)
    try processor.visit(&loader)
    #expect(try StateRecorder.save(processor)[code].bytes == encoding([2, 0x3001]))

    // Two pages of one slot were never there together.
    fields[data].bytes = encoding([1, 0x801])
    loader = StateLoader(fields, version: 2)
    #expect(throws: StateRecorder.Failure.self) { try processor.visit(&loader) }
  }
}
