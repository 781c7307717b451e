// SPDX-License-Identifier: Apache-2.0

/// Pending x87 exceptions and the layouts of FNSTENV, told by bare-metal programs.
extension Program {
  static let x87: [Program] = [
    Program(
      "FNINIT and FNSTSW find a coprocessor", .real,
      """
      start:
        mov word [word1], 0x5a5a
        fninit
        fnstsw [word1]
        mov ax, [word1]
        call putword
        fnstcw [word1]
        mov ax, [word1]
        call putword
        jmp finish
      word1: dw 0

      """, expect: "0000037f", quirk: nil),
    Program(
      "a pending exception faults at the next waiting instruction, not at a control instruction", .protected,
      """
      main:
        mov eax, cr0
        or eax, 0x20            ; NE
        mov cr0, eax
        fninit
        mov word [control], 0x37b
        TRY fldcw [control]     ; zero divide is unmasked
        fldz
        TRY fld1
        fdiv st0, st1
        TRY fnstsw [control]
        TRY fwait
        TRY fld1
        TRY fldcw [control]
        TRY fnclex
        TRY fwait
        movzx eax, word [control]
        and eax, 0x80ff
        PUT32 eax
        jmp finish32
      control: dw 0

      """, expect: "- - - 10(0000)+00 10(0000)+00 10(0000)+00 - - 00008084",
      quirk: "QEMU looks for a pending exception in FWAIT alone"),
    Program(
      "FNSTENV masks all exceptions, and nothing is pending any more", .protected,
      """
      main:
        mov eax, cr0
        or eax, 0x20
        mov cr0, eax
        fninit
        mov word [control], 0x37b
        fldcw [control]
        fldz
        fld1
        fdiv st0, st1
        TRY fnstenv [image]
        TRY fwait
        PUT32 [image]
        mov al, ' '
        out 0xe9, al
        PUT32 [image + 4]
        mov al, ' '
        out 0xe9, al
        PUT32 [image + 8]
        mov al, ' '
        out 0xe9, al
        TRY fldenv [image]
        TRY fwait
        jmp finish32
      control: dw 0
      image: times 32 db 0

      """, expect: "- - ffff037b ffffb084 ffff4fff - 10(0000)+00 ",
      quirk: "QEMU keeps exceptions pending, and stores the quotient of an unmasked zero divide"),
    Program(
      "the real-mode image holds linear addresses and the opcode", .real,
      """
      start:
        push 0x100
        pop ds
        fninit
        fld1
      here:
        fadd dword [0x6d00]
        fnstenv [es:image]
        push 0
        pop ds
        mov si, image + 6
        mov ax, [si]
        sub ax, here
        call putword
        PUT ' '
        mov ax, [si + 2]
        call putword
        PUT ' '
        mov ax, [si + 4]
        call putword
        PUT ' '
        mov ax, [si + 6]
        call putword
        o32 fnstenv [image]
        PUT ' '
        mov ax, [image + 16]
        call putword
        PUT ' '
        mov ax, [image + 20]
        call putword
        jmp finish
      image: times 32 db 0

      """, expect: "0000 0006 7d00 0000 0006 7d00",
      quirk: "QEMU stores no opcode"),
  ]
}
