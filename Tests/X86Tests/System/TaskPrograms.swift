// SPDX-License-Identifier: Apache-2.0

extension Program {
  static let tasks: [Program] = [
    Program(
      "CALL and IRET switch tasks: state, links, busy bits, NT, TS", .protected,
      """
      %macro SETTASK 1
        mov dword [tss2 + 0x20], %1
        mov dword [tss2 + 0x24], 2
        mov dword [tss2 + 0x28], 0xaaaaaaaa
        mov dword [tss2 + 0x38], 0x5800
        mov dword [tss2 + 0x3c], 0xbbbbbbbb
        mov dword [tss2 + 0x48], KDATA
        mov dword [tss2 + 0x4c], KCODE
        mov dword [tss2 + 0x50], KDATA
        mov dword [tss2 + 0x54], KDATA
        mov dword [tss2 + 0x58], 0
        mov dword [tss2 + 0x5c], 0
        mov dword [tss2 + 0x60], 0
      %endmacro
      main:
        SETTASK task
        mov ebx, 0x12345678
        call TSS2:0
        PUTC ' '
        PUT32 ebx
        PUT8 [gdt + TSS + 5]
        PUT8 [gdt + TSS2 + 5]
        str ax
        PUT16 eax
        sldt ax
        PUT16 eax
        pushfd
        pop eax
        PUT16 eax
        mov eax, [tss2 + 0x20]
        sub eax, task
        PUT8 eax
        PUTC ' '
        clts
        call TASKGATE:0                 ; goes on after its IRET
        PUTC ' '
        mov eax, [tss2 + 0x20]
        mov dword [tss2 + 0x20], jumped
        jmp TSS2:0
      task:
        PUT32 eax
        PUT32 ebp
        PUT32 esp
        PUT8 [gdt + TSS + 5]
        PUT8 [gdt + TSS2 + 5]
        str cx
        PUT16 ecx
        PUT16 [tss2]
        pushfd
        pop eax
        PUT16 eax
        mov eax, cr0
        PUT8 eax
        iretd
        PUTC '2'
        iretd
      jumped:
        PUTC 'j'
        PUT8 [gdt + TSS + 5]
        PUT8 [gdt + TSS2 + 5]
        pushfd
        pop eax
        PUT16 eax
        jmp finish32

      """,
      expect:
        "aaaaaaaabbbbbbbb000057fc8b8b00800028409719 123456788b8900280000009364 2 j898b0012"),
    Program(
      "an exception through a task gate leaves its error code on the new stack", .protected,
      """
      main:
        mov dword [tss2 + 0x20], task
        mov dword [tss2 + 0x24], 2
        mov dword [tss2 + 0x38], 0x5800
        mov dword [tss2 + 0x48], KDATA
        mov dword [tss2 + 0x4c], KCODE
        mov dword [tss2 + 0x50], KDATA
        mov dword [tss2 + 0x54], KDATA
        mov word [idt + 13 * 8 + 2], TSS2
        mov word [idt + 13 * 8 + 4], 0x8500
        mov ax, LASTSEL
      place:
        mov fs, ax
        PUTC '-'
        jmp finish32
      task:
        pop eax
        PUT32 eax
        PUT32 esp
        mov eax, [tss + 0x20]
        sub eax, place
        PUT8 eax
        PUT16 [tss2]
        mov dword [tss + 0x20], after
        iretd
      after:
        PUTC 'a'
        jmp finish32

      """,
      expect:
        "000000c0000057fc000028a"),
    Program(
      "a bad segment in the new task is #TS in that task", .protected,
      """
      %macro SWITCH 2           ; offset in the TSS, value
        mov dword [tss2 + 0x20], task
        mov dword [tss2 + 0x24], 2
        mov dword [tss2 + 0x38], 0x5800
        mov dword [tss2 + 0x48], KDATA
        mov dword [tss2 + 0x4c], KCODE
        mov dword [tss2 + 0x50], KDATA
        mov dword [tss2 + 0x54], KDATA
        mov dword [tss2 + 0x58], 0
        mov dword [tss2 + 0x5c], 0
        mov dword [tss2 + 0x60], 0
        mov dword [tss2 + %1], %2
        and byte [gdt + TSS2 + 5], 0xfd
        call TSS2:0
        PUTC ' '
      %endmacro
      main:
        SETGATE 10, TASKCODE, invalid, 0x8e
        SETGATE 11, TASKCODE, invalid, 0x8e
        SETGATE 12, TASKCODE, invalid, 0x8e
        SWITCH 0x54, XONLY
        SWITCH 0x54, ABSENT
        SWITCH 0x58, LASTSEL
        mov word [gdt + TSS2], 0x66
        mov dword [mark], tooshort
        SETGATE 10, KCODE, stub10, 0x8e
        mov [saveesp], esp
        mov dword [resume], done
      tooshort:
        call TSS2:0
      done:
        jmp finish32
      TASKCODE equ KCODE
      task:
        PUTC '-'
        iretd
      invalid:
        mov ax, KDATA
        mov ds, ax
        pop eax
        PUT16 eax
        pop eax
        sub eax, task
        PUT8 eax
        str ax
        PUT16 eax
        push 0x4002
        popfd
        iretd

      """,
      expect:
        "0030000080 0040000080 00c0000080 0a(0080)+00",
      quirk: "QEMU saves the address of the CALL"),
    Program(
      "a 286 task", .protected,
      """
      main:
        mov word [tss3 + 0x0e], task
        mov word [tss3 + 0x10], 2
        mov word [tss3 + 0x12], 0xaaaa
        mov word [tss3 + 0x1a], 0x5800
        mov word [tss3 + 0x22], DATA16
        mov word [tss3 + 0x24], CODE16
        mov word [tss3 + 0x26], DATA16
        mov word [tss3 + 0x28], DATA16
        mov eax, 0x12345678
        call TSS3:0
        PUT32 eax
        PUT16 [tss3 + 0x12]
        PUT8 [gdt + TSS3 + 5]
        jmp finish32
      bits 16
      task:
        mov bx, ax
        mov al, bh
        call putbyte
        mov ax, [tss3]
        call putword
        mov ax, 0x4321
        iret
      bits 32

      """,
      expect:
        "aa002812345678432181"),
  ]
}
