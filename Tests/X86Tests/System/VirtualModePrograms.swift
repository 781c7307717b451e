// SPDX-License-Identifier: Apache-2.0

extension Program {
  static let virtualMode: [Program] = [
    Program(
      "into virtual-8086 mode and out of it: nine words on the stack, null data segments", .protected,
      """
      %macro V86 2              ; entry, IOPL
        push 0x1111             ; GS
        push 0x2222             ; FS
        push 0x3333             ; DS
        push 0x4444             ; ES
        push 0x0500             ; SS
        push 0x0100             ; ESP
        push 0x20002 | (%2 << 12)
        push 0x0070             ; CS
        push %1 - 0x700
        mov [saveesp], esp
        add dword [saveesp], 36
        iretd
      %endmacro
      main:
        SETGATE 0x20, KCODE, monitor, 0xee
        SETGATE 13, KCODE, general, 0x8e
        mov dword [resume], second
        V86 code, 3
      second:
        mov dword [mark], refused
        mov dword [resume], third
        V86 refused, 0
      third:
        SETGATE 0x20, UCODE, monitor, 0xee
        mov dword [mark], nogate
        mov dword [resume], fourth
        V86 nogate, 3
      fourth:
        jmp finish32
      monitor:
        mov ebp, esp
        mov ax, ds
        PUT16 eax
        mov ax, gs
        PUT16 eax
        mov ax, KDATA
        mov ds, ax
        PUT32 ebp
        PUTC ' '
        mov eax, [ebp]
        sub eax, code - 0x700
        PUT8 eax
        PUT16 [ebp + 4]
        PUT32 [ebp + 8]
        PUT16 [ebp + 12]
        PUT16 [ebp + 16]
        PUT16 [ebp + 20]
        PUT16 [ebp + 24]
        PUT16 [ebp + 28]
        PUT16 [ebp + 32]
        PUTC ' '
        cmp cx, 0x7777
        je .leave
        iretd
      .leave:
        mov esp, [saveesp]
        jmp [resume]
      general:
        mov ax, KDATA
        mov ds, ax
        mov ebp, esp
        PUTC 'G'
        PUT16 [ebp]
        mov eax, [ebp + 4]
        sub eax, [mark]
        add eax, 0x700
        PUT8 eax
        PUTC ' '
        mov esp, [saveesp]
        jmp [resume]
      bits 16
      code:
        mov ax, ds
        mov bx, 0x600
        mov ds, bx
        xor cx, cx
        int 0x20
        mov ax, ds
        mov cx, 0x7777
        int 0x20
      refused:
        int 0x20
      nogate:
        int 0x20
      bits 32

      """,
      expect:
        "00000000000067dc 0b007000023046010005004444060022221111 00000000000067dc 12007000023046010005004444060022221111 G000000 G001800 "
    ),
    Program(
      "virtual-8086 mode: what IOPL guards, and what it does not", .protected,
      """
      %macro CHECK 2+
        push 0
        push 0
        push 0
        push 0
        push 0x0500
        push 0x0100
        push 0x20002 | (%1 << 12)
        push 0
        push %%code
        mov [saveesp], esp
        add dword [saveesp], 36
        mov dword [mark], %%code
        mov dword [resume], %%after
        iretd
      bits 16
      %%code:
        %2
        int3
      bits 32
      %%after:
        PUTC ' '
      %endmacro
      main:
        SETGATE 3, KCODE, stub3, 0xee
        CHECK 3, nop
        CHECK 0, nop
        CHECK 0, cli
        CHECK 0, sti
        CHECK 0, pushf
        CHECK 0, popf
        CHECK 0, iret
        CHECK 0, db 0xcd, 0x21
        CHECK 0, hlt
        CHECK 3, hlt
        CHECK 3, cli
        CHECK 3, pushf
        CHECK 0, in al, 0x21
        CHECK 3, in al, 0x21            ; the bitmap, whatever IOPL is
        mov byte [tss + 0x68 + 4], 2
        CHECK 3, in al, 0x21
        CHECK 3, sldt ax
        CHECK 3, lar ax, ax
        CHECK 3, arpl ax, ax
        CHECK 3, mov eax, cr0
        CHECK 3, smsw ax
        CHECK 3, sgdt [0x500]
        CHECK 3, lgdt [0x500]
        CHECK 3, db 0x0f, 0x34
        jmp finish32

      """,
      expect:
        "03(0000)+02 03(0000)+02 0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 03(0000)+02 03(0000)+02 03(0000)+03 03(0000)+03 0d(0000)+00 06(0000)+00 06(0000)+00 06(0000)+00 0d(0000)+00 03(0000)+04 03(0000)+06 0d(0000)+00 0d(0000)+00 "
    ),
  ]
}
