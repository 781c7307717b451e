// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import X86

struct X87ProgramTests {
  @Test(arguments: Program.x87)
  func `a program reports what the manual says`(_ program: Program) throws {
    let bench = Bench(rom: try Assembler.assemble(program.text, name: "x87 " + program.name))
    _ = bench.run()
    #expect(bench.text == program.expected)
  }

  @Test(
    .enabled(if: access("/usr/bin/qemu-system-x86_64", X_OK) == 0),
    arguments: Program.x87.filter { $0.quirk == nil })
  func `another emulator agrees`(_ program: Program) throws {
    let image = try Assembler.assemble(program.text, name: "other x87 " + program.name)
    let stem = Assembler.directory + "/x" + String(UInt(bitPattern: program.name.hashValue), radix: 36)
    try Assembler.write(image, to: stem + ".rom")
    _ = system(
      "timeout 60 qemu-system-x86_64 -M pc -m 16 -bios \(stem).rom -display none -nodefaults -no-reboot "
        + "-debugcon file:\(stem).out -device isa-debug-exit >/dev/null 2>&1")
    #expect(String(decoding: Assembler.read(stem + ".out") ?? [], as: UTF8.self) == program.expected)
  }

  /// INT 75h as a BIOS has it: take the request away, then look at the error.
  private static let errorInterrupt = """
    handler:
      push ax
      xor al, al
      out 0xf0, al
      mov al, 'I'
      out 0xe9, al
      mov bp, sp
      mov ax, [bp + 2]
      sub ax, [mark]
      call putbyte
      fnclex
      pop ax
      iret
    start:
      mov al, 0x75
      mov bx, handler
      call setvector
      fninit
      mov word [control], 0x37b
      fldcw [control]
      fldz
      fld1
      fdiv st0, st1
      mov word [mark], waiting

    """

  /// Wires FERR# to INTR, and port F0h as IGNNE#.
  private func bench(_ source: String, _ name: String) throws -> (Bench, () -> [Bool]) {
    let text = Library.real + Self.errorInterrupt + source + Library.tail
    let bench = Bench(rom: try Assembler.assemble(text, name: name))
    var levels: [Bool] = []
    bench.vector = 0x75
    bench.onFERR = { [unowned bench] level in
      levels.append(level)
      bench.processor.setInterruptLine(level)
    }
    bench.onWrite = { [unowned bench] port, _ in if port == 0xf0 { bench.processor.setInterruptLine(false) } }
    return (bench, { levels })
  }

  @Test func `with NE clear FERR# interrupts before the waiting instruction, which then executes`() throws {
    let (bench, levels) = try bench(
      """
        sti
        nop
      waiting:
        fld1
        PUT '.'
        fnstsw ax
        call putword
        jmp finish
      mark: dw 0
      control: dw 0

      """, "ferr")
    _ = bench.run()
    // Two values and the one.
    #expect(bench.text == "I00.2800")
    #expect(levels() == [true, false])
  }

  @Test func `what the interrupt's handler waits for is passed over, and FNCLEX lets FERR# go`() throws {
    let (bench, levels) = try bench(
      """
        push cs
        pop ds
        mov al, 0x75
        mov bx, other
        call setvector
        sti
        nop
      waiting:
        fld1
        PUT '.'
        fnstsw ax
        call putword
        jmp finish
      other:
        push ax
        out 0xf0, al
        fstsw ax                ; FWAIT, FNSTSW
        call putword
        fnclex
        pop ax
        iret
      mark: dw 0
      control: dw 0

      """, "ferr waits")
    _ = bench.run()
    // ES and B are seen although the wait was passed over.
    #expect(bench.text == "b084.2800")
    #expect(levels() == [true, true, false])
  }

  @Test func `with NE clear and interrupts disabled the waiting instruction executes`() throws {
    let (bench, levels) = try bench(
      """
        cli
      waiting:
        fwait
        PUT '.'
        jmp finish
      mark: dw 0
      control: dw 0

      """, "ferr masked")
    _ = bench.run()
    #expect(bench.text == ".")
    #expect(levels() == [true])
  }
}
