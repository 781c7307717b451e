// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing
import X86

/// What MMX and SSE do beside computing, told by bare-metal programs, and what a machine sees of it.
struct VectorProgramTests {
  private func bench(_ program: Program) throws -> Bench {
    let bench = Bench(rom: try Assembler.assemble(program.text, name: program.name))
    bench.processor.setModel(try #require(program.processorModel))
    return bench
  }

  @Test(arguments: Program.vectors)
  func `a vector program reports what the manual says`(_ program: Program) throws {
    let bench = try bench(program)
    _ = bench.run()
    #expect(bench.text == program.expected)
  }

  @Test(
    .enabled(if: access("/usr/bin/qemu-system-x86_64", X_OK) == 0),
    arguments: Program.vectors.filter { $0.quirk == nil })
  func `another emulator agrees on vectors`(_ program: Program) throws {
    let image = try Assembler.assemble(program.text, name: "other " + program.name)
    let stem = Assembler.directory + "/v" + String(UInt(bitPattern: program.name.hashValue), radix: 36)
    try Assembler.write(image, to: stem + ".rom")
    _ = system(
      "timeout 60 qemu-system-x86_64 -M pc -m 16 -cpu \(program.model) -bios \(stem).rom -display none -nodefaults -no-reboot "
        + "-debugcon file:\(stem).out -device isa-debug-exit >/dev/null 2>&1")
    #expect(String(decoding: Assembler.read(stem + ".out") ?? [], as: UTF8.self) == program.expected)
  }

  /// A program in flat 32-bit mode with SSE switched on.
  private func program(_ name: String, _ body: String) -> Program {
    Program(
      name, .protected,
      """
      align 16
      area: times 512 db 0x11
      main:
        mov eax, cr4
        or eax, 0x600
        mov cr4, eax
        mov ebx, 0xfed00000
      \(body)
        jmp finish32

      """, expect: "")
  }

  @Test(arguments: [
    ("movups xmm0, [ebx + 0x10]", ["r8@10", "r8@18"]), ("movdqa [ebx + 0x20], xmm0", ["w8@20=0", "w8@28=0"]),
    ("pcmpeqb xmm1, xmm1\n movups [ebx + 0x31], xmm1", ["w8@31=ffffffffffffffff", "w8@39=ffffffffffffffff"]),
    ("movq mm0, [ebx]", ["r8@0"]), ("movd xmm0, [ebx + 4]", ["r4@4"]), ("pinsrw xmm0, [ebx + 2], 1", ["r2@2"]),
    ("pxor xmm0, [ebx + 0x40]", ["r8@40", "r8@48"]), ("punpcklbw mm0, [ebx]", ["r4@0"]),
    ("movhps [ebx + 8], xmm0", ["w8@8=0"]),
    ("prefetchnta [ebx]", []), ("clflush [ebx]", []),
    (
      "mov eax, 0x80008000\n movd xmm1, eax\n mov edi, ebx\n maskmovdqu xmm0, xmm1", ["w1@1=0", "w1@3=0"]
    ),
  ])
  func `a device sees each access of a vector instruction once`(_ body: String, _ accesses: [String]) throws {
    let bench = try bench(program("device " + body, body))
    _ = bench.run()
    #expect(bench.exitCode == 0)
    #expect(bench.deviceLog == accesses)
  }

  @Test func `a vector read from a device arrives whole`() throws {
    let body = """
        movups xmm0, [ebx]
        movdqa [area], xmm0
        pxor xmm0, xmm0
        pxor xmm0, [ebx]
        movdqa [area + 16], xmm0
        mov esi, area
        mov ecx, 32
      again:
        lodsb
        call put8
        loop again
      """
    let bench = try bench(program("device value", body))
    _ = bench.run()
    #expect(bench.text == String(repeating: "8877665544332211", count: 4))
  }

  /// With CR0.NE clear a pending exception is the interrupt controller's affair: an interrupt comes before the MMX
  /// instruction if the line is high by then, and without one the instruction executes.
  @Test(arguments: [true, false])
  func `with NE clear a pending exception leaves MMX to the interrupt controller`(_ isInterrupted: Bool) throws {
    let body = """
        fxsave [area]
        mov word [area], 0x037b
        mov word [area + 2], 0x8084
        fxrstor [area]
        SETGATE 0x20, KCODE, interrupted, 0x8e
        sti
        movq mm0, mm1
        PUTC 'M'
        jmp finish32
      interrupted:
        PUTC 'I'
        mov word [area + 2], 0
        fxrstor [area]
        iretd
      """
    let bench = try bench(program("freeze", body))
    bench.onFERR = { [weak processor = bench.processor] in
      if $0 && isInterrupted { processor?.setInterruptLine(true) }
    }
    _ = bench.run()
    #expect(bench.text == (isInterrupted ? "IM" : "M"))
  }

  /// RBX and RBP hold an address whose last bytes are not canonical. SDM vol. 1, 3.3.7.1.
  @Test(
    arguments: [
      ([0x0f, 0x10, 0x03], 13), ([0x0f, 0x10, 0x45, 0x00], 12), ([0x66, 0x0f, 0xef, 0x43, 0x08], 13),
      ([0x66, 0x0f, 0x7f, 0x45, 0x08], 12), ([0x0f, 0x6f, 0x43, 0x01], 13), ([0x0f, 0xae, 0x43, 0x08], 13),
      ([0x0f, 0x12, 0x03], 0xff),
    ] as [([UInt8], UInt8)])
  func `a vector that leaves the canonical addresses faults`(_ bytes: [UInt8], _ vector: UInt8) throws {
    let core = CoreUnderTest()
    var state = RegisterFile()
    state.general[3] = 0x7fff_ffff_fff8
    state.general[5] = state.general[3]
    var result = RegisterFile()
    let raised = core.run(bytes, count: 1, mode: .long, state, into: &result)
    // Without paging all canonical addresses exist: what does not fault reads the void.
    #expect(raised == vector)
    #expect(result.general == state.general)
  }
}
