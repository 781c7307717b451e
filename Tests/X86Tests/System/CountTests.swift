// SPDX-License-Identifier: Apache-2.0

import Testing
import X86

/// The instruction count is the clock: what counts as one, and that it does not depend on how a run is cut.
struct CountTests {
  /// A real-mode program that writes port 300h before and after `body`.
  private func bench(_ body: String, _ definitions: String = "") throws -> Bench {
    let program = Program(
      "count " + body, .real,
      definitions + """

        start:
          mov dx, 0x300
          out dx, al
        \(body)
          out dx, al
          jmp finish

        """, expect: "")
    return Bench(rom: try Assembler.assemble(program.text, name: program.name))
  }

  @Test(arguments: [
    ("nop", 1), ("mov cx, 5\n rep stosb", 6), ("xor cx, cx\n rep stosb", 2), ("mov cx, 3\n rep movsw", 4),
    ("mov di, 0x500\n mov dword [0x500], 0x10000\n xor al, al\n mov cx, 10\n repe scasb", 7),
    ("mov cx, 4\n l: loop l", 5), ("mov cx, 2000\n mov di, 0x1000\n rep stosd", 2002),
    ("mov cx, 2\n mov di, 0x1000\n rep insb", 4), ("cli\n sti\n nop", 3), ("mov ax, ss\n mov ss, ax\n nop", 3),
    ("push word 2\n popf", 2), ("in al, dx", 1),
  ])
  func `each iteration of REP counts, and everything else counts once`(_ body: String, _ count: UInt64) throws {
    let bench = try bench(body)
    _ = bench.run()
    let first = try #require(bench.countsAtPort.first)
    let last = try #require(bench.countsAtPort.last)
    #expect(last - first == count + 1)
  }

  @Test func `a fault does not count, INT and IRET do`() throws {
    let bench = try bench(
      """
      mov al, 6
      mov bx, skip
      call setvector
      out dx, al
      ud2
      out dx, al
      int 6
      """,
      """
      skip:
        push bp
        mov bp, sp
        cmp byte [cs:0], 0
        add word [bp + 2], 2
        pop bp
        iret
      """)
    _ = bench.run()
    try #require(bench.countsAtPort.count >= 3)
    // UD2 itself is not executed; six instructions of the handler, one OUT.
    #expect(bench.countsAtPort[2] - bench.countsAtPort[1] == 7)
  }

  @Test func `device accesses inside REP see the count of their own iteration`() throws {
    let bench = try bench("mov cx, 4\n mov di, 0x1000\n rep insb\n nop")
    _ = bench.run()
    let counts = bench.countsAtPort
    try #require(counts.count == 6)
    #expect((1...4).map { counts[$0] - counts[0] } == [3, 4, 5, 6])
    #expect(counts[5] - counts[0] == 8)
  }

  @Test func `HLT stops after counting once, and an interrupt wakes it`() throws {
    let bench = try bench(
      """
      mov al, 0x20
      mov bx, wake
      call setvector
      out dx, al
      sti
      hlt
      nop
      """, "wake: iret\n")
    #expect(bench.run() == .halted)
    let halted = bench.processor.instructionCount
    let before = try #require(bench.countsAtPort.last)
    #expect(halted - before == 3)
    #expect(bench.run(limit: 1000) == .halted)
    #expect(bench.processor.instructionCount == halted)
    bench.processor.setInterruptLine(true)
    _ = bench.run()
    // IRET, NOP.
    #expect(try #require(bench.countsAtPort.last) - halted == 2)
  }

  @Test func `an interrupt waits for the instruction after STI and MOV SS`() throws {
    let definitions = """
      tick:
        push bp
        mov bp, sp
        push ax
        mov ax, [bp + 2]
        sub ax, base
        call putbyte
        pop ax
        pop bp
        iret
      raise: ; raises the line; it is taken where it may be
        push dx
        push ax
        mov dx, 0x301
        mov al, 1
        out dx, al
        pop ax
        pop dx
        ret
      """
    let bench = try bench(
      """
      mov al, 0x20
      mov bx, tick
      call setvector
      cli
      call raise
      base:
      sti
      nop
      nop
      cli
      call raise
      nop
      sti
      cli
      nop
      mov ax, ss
      sti
      mov ss, ax
      nop
      nop
      """, definitions)
    _ = bench.run()
    // After the first NOP; STI CLI opens no window; STI, MOV SS, NOP: the shadows follow one another.
    #expect(bench.text == "0211")
    #expect(bench.exitCode == 0)
  }

  @Test func `NMI is taken with IF clear, and blocked until IRET`() throws {
    let bench = try bench(
      """
      cli
      mov al, 2
      mov bx, handler
      call setvector
      mov dx, 0x302
      out dx, al
      nop
      PUT '.'
      mov dx, 0x300
      """,
      """
      first: db 1
      handler:
        PUT '<'
        cmp byte [first], 0
        je .second
        mov byte [first], 0
        out dx, al
        nop
        nop
      .second:
        PUT '>'
        iret
      """)
    _ = bench.run()
    #expect(bench.text == "<><>.")
  }

  @Test(arguments: ProgramTests.all)
  func `a run cut into pieces reports and counts the same`(_ program: Program) throws {
    let image = try Assembler.assemble(program.text, name: "cut " + program.name)
    let whole = Bench(rom: image)
    _ = whole.run()
    for size: Int64 in [1, 2, 7] {
      let cut = Bench(rom: image)
      var runs = 0
      while cut.exitCode == nil, runs < 2_000_000 {
        runs += 1
        let before = cut.processor.instructionCount
        let exit = cut.processor.run(budget: size, exact: true)
        #expect(cut.processor.instructionCount - before <= UInt64(size))
        if exit == .halted || exit == .shutdown { break }
        if exit == .budget { #expect(cut.processor.instructionCount - before == UInt64(size)) }
      }
      #expect(cut.text == whole.text)
      #expect(cut.processor.instructionCount == whole.processor.instructionCount)
    }
  }
}
