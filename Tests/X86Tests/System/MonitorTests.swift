// SPDX-License-Identifier: Apache-2.0

import Testing
import X86

/// What ends an MWAIT, and what is kept meanwhile.
struct MonitorTests {
  /// The line that the programs monitor begins here.
  private static let line: UInt64 = 0x5040

  /// Monitors the line, waits, and then reports how it goes on; an interrupt prints `i`, an NMI `n`.
  private static func bench(
    _ before: String = "", extension: Int = 0, flags: String = "sti"
  ) throws -> Bench {
    let program = Program(
      "mwait \(before) \(flags) \(`extension`)", .real,
      """
      handler: PUT 'i'
        iret
      nmi: PUT 'n'
        iret
      start:
        mov al, 0x20
        mov bx, handler
        call setvector
        mov al, 2
        mov bx, nmi
        call setvector
        \(flags)
        mov eax, 0x5067
        xor ecx, ecx
        xor edx, edx
        monitor
        \(before)
        mov ecx, \(`extension`)
        mov dx, 0x300
        out dx, al
        mwait
        out dx, al
        PUT '.'
        jmp finish

      """, expect: "")
    return fresh(try Assembler.assemble(program.text, name: program.name))
  }

  private static func fresh(_ image: [UInt8]) -> Bench {
    let bench = Bench(rom: image)
    if let model = CPUModel.named("max") { bench.processor.setModel(model) }
    return bench
  }

  /// Runs to the wait, which must be there.
  private static func waiting(_ bench: Bench) throws -> Bench {
    try #require(bench.run() == .halted)
    try #require(bench.processor.isHalted && bench.text.isEmpty)
    return bench
  }

  @Test(arguments: [(0, 1), (63, 1), (-1, 2), (-64, 200), (8, 8)] as [(Int, UInt64)])
  func `a device's write to the line ends the wait`(_ offset: Int, _ count: UInt64) throws {
    let bench = try Self.waiting(try Self.bench())
    let before = bench.processor.instructionCount
    #expect(bench.run(limit: 1000) == .halted)
    #expect(bench.processor.instructionCount == before)
    bench.processor.physicalMemoryWritten(Self.line &+ UInt64(bitPattern: Int64(offset)), length: count)
    #expect(!bench.processor.isHalted)
    _ = bench.run()
    #expect(bench.text == ".")
    // OUT and MWAIT: the wait counts once.
    #expect(bench.countsAtPort[1] - bench.countsAtPort[0] == 2)
  }

  @Test(arguments: [(-1, 1), (64, 1), (-64, 64), (0, 0), (0x1000, 64)] as [(Int, UInt64)])
  func `a write beside the line does not`(_ offset: Int, _ count: UInt64) throws {
    let bench = try Self.waiting(try Self.bench())
    bench.processor.physicalMemoryWritten(Self.line &+ UInt64(bitPattern: Int64(offset)), length: count)
    #expect(bench.run(limit: 1000) == .halted)
    #expect(bench.text.isEmpty)
  }

  @Test(
    arguments: [
      ("sti", 0, "i."), ("sti", 1, "i."), ("cli", 0, nil), ("cli", 1, "."),
    ] as [(String, Int, String?)])
  func `an interrupt ends the wait, a masked one where the extension says so`(
    _ flags: String, _ mask: Int, _ expected: String?
  ) throws {
    let bench = try Self.waiting(try Self.bench(extension: mask, flags: flags))
    bench.processor.setInterruptLine(true)
    let exit = bench.run(limit: 1000)
    #expect(bench.text == expected ?? "")
    #expect((exit == .halted) == (expected == nil))
    #expect(bench.processor.isHalted == (expected == nil))
  }

  @Test func `an NMI ends the wait`() throws {
    let bench = try Self.waiting(try Self.bench(flags: "cli"))
    bench.processor.raiseNMI()
    _ = bench.run()
    #expect(bench.text == "n.")
  }

  @Test func `HLT does not end where the line is written`() throws {
    let bench = try Self.waiting(try Self.bench("hlt"))
    bench.processor.physicalMemoryWritten(Self.line, length: 64)
    #expect(bench.run(limit: 1000) == .halted)
    #expect(bench.processor.isHalted && bench.text.isEmpty)
  }

  @Test(arguments: [
    ("push dx\n mov dx, 0x301\n mov al, 1\n out dx, al\n pop dx\n nop", "i."),
    ("mov dx, 0x400\n out dx, al", "."),
    ("int 0x20", "i."),
  ])
  func `what is written between MONITOR and MWAIT is not missed`(_ before: String, _ expected: String) throws {
    let bench = try Self.bench(before)
    bench.onWrite = { [unowned bench] _, _ in bench.processor.physicalMemoryWritten(Self.line + 3, length: 1) }
    _ = bench.run()
    #expect(bench.text == expected)
    #expect(bench.exitCode == 0)
  }

  @Test func `the machine reports writes to the line's page as long as they matter`() throws {
    let page = Self.line & ~0xfff
    let bench = try Self.waiting(try Self.bench())
    #expect(bench.watchedPages.contains(page))
    bench.processor.flushDecodedCode()
    #expect(bench.watchedPages == [page])
    bench.processor.reset()
    #expect(bench.watchedPages == [])
    #expect(!bench.processor.isHalted)
  }

  @Test(arguments: [true, false]) func `a saved wait goes on`(byInterrupt: Bool) throws {
    let old = try Self.waiting(try Self.bench(extension: 1, flags: "cli"))
    let saved = try StateRecorder.save(old.processor)
    let new = Self.fresh((0..<0x10000).map { old.rom.load(fromByteOffset: $0, as: UInt8.self) })
    new.ram.copyMemory(from: old.ram, byteCount: Bench.ramByteCount)
    new.countsAtPort = old.countsAtPort
    var loader = StateLoader(saved)
    try new.processor.visit(&loader)
    #expect(StateRecorder.differences(try StateRecorder.save(new.processor), saved) == [])
    #expect(new.watchedPages == [Self.line & ~0xfff])
    #expect(new.run(limit: 1000) == .halted)
    for bench in [old, new] {
      if byInterrupt {
        bench.processor.setInterruptLine(true)
      } else {
        bench.processor.physicalMemoryWritten(Self.line, length: 4)
      }
      _ = bench.run()
    }
    #expect(new.text == ".")
    #expect(new.countsAtPort == old.countsAtPort)
    #expect(
      StateRecorder.differences(try StateRecorder.save(new.processor), try StateRecorder.save(old.processor)) == [])
  }

  /// Waiting without being halted, a masked end without waiting, waiting without a line, a line that is none.
  @Test(arguments: [(0x60, 0x5040), (0xa8, 0x5040), (0x68, 1), (0x20, 0x5041), (0x20, 1 << 40)] as [(UInt64, UInt64)])
  func `a saved wait that cannot be is refused`(_ signals: UInt64, _ line: UInt64) throws {
    let bench = try Self.bench()
    var saved = try StateRecorder.save(bench.processor)
    func set(_ name: String, _ value: UInt64) throws {
      let index = try #require(saved.firstIndex { $0.name == name })
      saved[index].bytes = (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }
    try set("signals", signals)
    try set("monitored_line", line)
    var loader = StateLoader(saved)
    #expect(throws: StateRecorder.Failure.self) { try bench.processor.visit(&loader) }
    try set("signals", 0x68)
    try set("monitored_line", 0x5040)
    loader = StateLoader(saved)
    #expect(throws: Never.self) { try bench.processor.visit(&loader) }
  }
}
