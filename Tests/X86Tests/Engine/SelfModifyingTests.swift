// SPDX-License-Identifier: Apache-2.0
import Testing
import X86

/// Code that is written while it is decoded: by its own block, by another, by someone else.
struct SelfModifyingTests {
  private func bench(_ body: String, _ definitions: String = "") throws -> Bench {
    let program = Program(
      "smc", .real, definitions + "\nstart:\n" + body + "\n jmp finish\n", expect: "")
    let hash = (definitions + body).utf8.reduce(0) { $0 &* 31 &+ Int($1) }
    return Bench(rom: try Assembler.assemble(program.text, name: "smc \(hash)"))
  }

  /// Copies `length` bytes of code to 7000h:0 and calls it there.
  private static let copy = """
      push cs
      pop ds
      mov ax, 0x7000
      mov es, ax
      xor di, di
      mov cx, code_end - code
      cld
      rep movsb
    """

  @Test func `a store into the own block takes effect at the next instruction`() throws {
    let bench = try bench(
      "mov si, code\n" + Self.copy + "\n call 0x7000:0\n",
      """
      code:
        mov byte [cs:patched - code + 1], 'B'
      patched:
        mov al, 'A'
        out 0xe9, al
        mov byte [cs:patched - code + 1], 'C'
        retf
      code_end:
      """)
    _ = bench.run()
    #expect(bench.text.hasPrefix("B"))
  }

  @Test func `a loop that patches its own operand runs each value`() throws {
    let bench = try bench(
      "mov si, code\n" + Self.copy + "\n call 0x7000:0\n",
      """
      code:
        mov cx, 10
      again:
        db 0xb0 ; mov al, imm8
      operand:
        db '0'
        out 0xe9, al
        inc byte [cs:operand - code]
        loop again
        retf
      code_end:
      """)
    _ = bench.run()
    #expect(bench.text.hasPrefix("0123456789"))
  }

  @Test func `data beside code is written without decoding the code again`() throws {
    let bench = try bench(
      "mov si, code\n" + Self.copy + "\n call 0x7000:0\n",
      """
      code:
        mov cx, 2000
      again:
        inc word [cs:counter - code]
        loop again
        retf
        align 64
      counter: dw 0
      code_end:
      """)
    _ = bench.run()
    #expect(bench.ram.load(fromByteOffset: 0x70000 + 64, as: UInt16.self) == 2000)
    #expect(bench.processor.builtBlockCount < 200)
  }

  @Test func `memory written by a device is decoded anew`() throws {
    let bench = try bench(
      "mov si, code\n" + Self.copy + "\n call 0x7000:0\n mov dx, 0x400\n out dx, al\n call 0x7000:0\n",
      """
      code:
        mov al, 'A'
        out 0xe9, al
        retf
      code_end:
      """)
    bench.onWrite = { [unowned bench] port, _ in
      guard port == 0x400 else { return }
      bench[0x70001] = UInt8(ascii: "Z")
      bench.processor.physicalMemoryWritten(0x70001, length: 1)
    }
    _ = bench.run()
    #expect(bench.text.hasPrefix("AZ"))
  }

  @Test func `an instruction across two pages is decoded anew when its second part is written`() throws {
    let bench = try bench(
      """
      push cs
      pop ds
      mov ax, 0x7000
      mov es, ax
      mov di, 0xfff ; MOV AL's immediate is the first byte of the next page
      mov si, code
      mov cx, code_end - code
      cld
      rep movsb
      call 0x7000:0xfff
      mov byte [es:0x1000], 'Y'
      call 0x7000:0xfff
      """,
      """
      code:
        mov al, 'X'
        out 0xe9, al
        retf
      code_end:
      """)
    _ = bench.run()
    #expect(bench.text.hasPrefix("XY"))
  }
}
