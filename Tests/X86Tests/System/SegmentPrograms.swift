// SPDX-License-Identifier: Apache-2.0

extension Program {
  static let segments: [Program] = [
    Program(
      "data segment loads: null, limit, type, presence, privilege", .protected,
      """
      main:
        xor ax, ax
        TRY mov fs, ax          ; null is allowed
        mov ax, 3
        TRY mov fs, ax
        mov ax, LASTSEL
        TRY mov fs, ax          ; beyond the limit
        mov ax, 0x7 | 16
        TRY mov fs, ax          ; beyond the LDT
        mov ax, TSS
        TRY mov fs, ax          ; system segment
        mov ax, XONLY
        TRY mov fs, ax          ; not readable
        mov ax, KCODE
        TRY mov fs, ax
        mov ax, ABSENT
        TRY mov fs, ax          ; not present: #NP
        mov ax, KDATA | 3
        TRY mov fs, ax          ; RPL 3 > DPL 0
        mov ax, CONF | 3
        TRY mov fs, ax          ; conforming: no privilege check
        mov ax, UDATA
        TRY mov fs, ax
        mov ax, 4 | 8
        TRY mov fs, ax          ; from the LDT
        mov ax, fs
        PUT16 eax
        jmp finish32

      """, expect: "- - 0d(00c0)+00 0d(0014)+00 0d(0028)+00 0d(0030)+00 - 0b(0040)+00 0d(0010)+00 - - - 000c"),
    Program(
      "stack segment loads", .protected,
      """
      main:
        xor ax, ax
        TRY mov ss, ax
        mov ax, RODATA
        TRY mov ss, ax
        mov ax, KCODE
        TRY mov ss, ax
        mov ax, UDATA
        TRY mov ss, ax          ; DPL and RPL 3
        mov ax, KDATA | 3
        TRY mov ss, ax          ; RPL 3
        mov ax, ABSENT
        TRY mov ss, ax          ; #SS with the selector, but its type and DPL come first
        mov ax, LASTSEL
        TRY mov ss, ax
        mov ax, KDATA
        TRY mov ss, ax
        jmp finish32

      """,
      expect:
        "0d(0000)+00 0d(0038)+00 0d(0008)+00 0d(0020)+00 0d(0010)+00 0c(0040)+00 0d(00c0)+00 - "),
    Program(
      "accesses through null, read-only, execute-only, small and expand-down segments", .protected,
      """
      main:
        xor ax, ax
        mov fs, ax
        TRY mov al, [fs:0]
        mov ax, RODATA
        mov fs, ax
        TRY mov al, [fs:0]
        TRY mov [fs:0], al
        TRY mov [cs:0], al
        mov ax, SMALL
        mov fs, ax
        TRY mov al, [fs:0xfff]
        TRY mov ax, [fs:0xfff]
        TRY mov eax, [fs:0xffd]
        TRY mov eax, [fs:0xffc]
        TRY mov eax, [fs:0xffffffff]
        mov ax, DOWN
        mov fs, ax
        TRY mov al, [fs:0xfff]
        TRY mov al, [fs:0x1000]
        TRY mov eax, [fs:0xfffffffd]
        mov ax, SMALL
        mov ss, ax
        mov esp, 0xff0
        mov ebp, 0xfff
        TRY mov ax, [ebp]       ; through SS: #SS(0)
        jmp finish32

      """,
      expect:
        "0d(0000)+00 - 0d(0000)+00 0d(0000)+00 - 0d(0000)+00 0d(0000)+00 - 0d(0000)+00 0d(0000)+00 - 0d(0000)+00 0c(0000)+00 ",
      quirk: "QEMU checks no limits"),
    Program(
      "LAR, LSL, VERR, VERW see what the manual's table says", .protected,
      """
      %macro LOOK 1
        mov ecx, 0xeeeeeeee
        mov edx, ecx
        mov ax, %1
        lar ecx, ax
        jz %%lar
        PUTC 'x'
      %%lar:
        PUT32 ecx
        lsl edx, ax
        jz %%lsl
        PUTC 'x'
      %%lsl:
        PUT32 edx
        verr ax
        setz bl
        verw ax
        setz bh
        add bl, '0'
        add bh, '0'
        PUTC bl
        PUTC bh
        PUTC ' '
      %endmacro
      main:
        LOOK 0
        LOOK KCODE
        LOOK UDATA
        LOOK KDATA | 3
        LOOK CONF | 3
        LOOK XONLY
        LOOK RODATA
        LOOK ABSENT
        LOOK SMALL
        LOOK TSS
        LOOK LDTSEL
        LOOK GATE
        LOOK TASKGATE
        LOOK LASTSEL
        jmp finish32

      """,
      expect:
        "xeeeeeeeexeeeeeeee00 00c09b00ffffffff10 00c0f200ffffffff11 xeeeeeeeexeeeeeeee00 00c09e00ffffffff10 00c09800ffffffff00 00c09000ffffffff10 00c01200ffffffff11 0040920000000fff11 00008b000000008800 000082000000000f00 0000ec00xeeeeeeee00 0000e500xeeeeeeee00 xeeeeeeeexeeeeeeee00 "
    ),
    Program(
      "LLDT and LTR: type, table, presence, busy; SLDT and STR", .protected,
      """
      main:
        mov ax, TSS
        TRY lldt ax
        mov ax, LDTSEL | 4
        TRY lldt ax
        xor ax, ax
        TRY lldt ax
        mov ax, LDTSEL
        TRY lldt ax
        mov ax, TSS             ; busy
        TRY ltr ax
        mov ax, LDTSEL
        TRY ltr ax
        and byte [gdt + TSS2 + 5], 0x7f
        mov ax, TSS2
        TRY ltr ax
        or byte [gdt + TSS2 + 5], 0x80
        mov ax, TSS2
        TRY ltr ax
        PUT8 [gdt + TSS2 + 5]
        str ax
        sldt bx
        PUT16 eax
        PUT16 ebx
        jmp finish32

      """,
      expect:
        "0d(0028)+00 0d(0064)+00 - - 0d(0028)+00 0d(0060)+00 0b(0080)+00 - 8b00800060"),
    Program(
      "ARPL raises the RPL and says so", .protected,
      """
      main:
        mov ax, 0x10
        mov bx, 3
        arpl ax, bx
        setz cl
        PUT16 eax
        add cl, '0'
        PUTC cl
        mov ax, 0x13
        mov bx, 1
        arpl ax, bx
        setz cl
        PUT16 eax
        add cl, '0'
        PUTC cl
        jmp finish32

      """, expect: "0013100130"),
    Program(
      "a load sets the accessed bit in memory", .protected,
      """
      main:
        PUT8 [gdt + RODATA + 5]
        mov ax, RODATA
        mov fs, ax
        PUT8 [gdt + RODATA + 5]
        lgs eax, [pointer]
        PUT8 [gdt + SMALL + 5]
        PUT32 eax
        jmp finish32
      pointer: dd 0x89abcdef
        dw SMALL

      """, expect: "90919389abcdef"),
    Program(
      "a null LTR is #GP(0); a far jump sets the accessed bit of code", .protected,
      """
      main:
        xor ax, ax
        TRY ltr ax
        jmp CONF:next
      next:
        PUT8 [gdt + CONF + 5]
        jmp finish32

      """, expect: "0d(0000)+00 9f", quirk: "QEMU accepts the null selector and leaves the accessed bit of code alone"),
    Program(
      "user code: privileged instructions, segments, ports", .protected,
      """
      %macro MUST 1+
        USER %%code
        jmp %%done
      %%code:
        %1
        int 0x30
      %%done:
      %endmacro
      main:
        MUST hlt
        MUST cli
        MUST sti
        MUST in al, 0x21
        MUST out 0xe9, al       ; the bitmap allows ports 0...FFh
        MUST lgdt [gdtr]
        MUST lidt [idtr]
        MUST mov eax, cr0
        MUST mov cr3, eax
        MUST mov eax, dr7
        MUST clts
        MUST invd
        MUST wbinvd
        MUST invlpg [0]
        MUST rdmsr
        MUST wrmsr
        MUST lldt ax
        MUST ltr ax
        MUST smsw ax
        MUST sldt ax
        MUST rdtsc
        MUST db 0x66, 0xb8, 0x10, 0, 0x8e, 0xe0   ; MOV AX, KDATA; MOV FS, AX
        MUST int 0x20
        MUST int 0x30
        MUST db 0x66, 0xb8, 0x48, 0, 0x8e, 0xe0   ; conforming code is readable from anywhere
        jmp finish32

      """,
      expect:
        "0d(0000)+00 0d(0000)+00 0d(0000)+00  # 0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00    0d(0010)+04 0d(0102)+00   "
    ),
    Program(
      "the I/O bitmap of the task decides below IOPL, for all bytes of a wide port", .protected,
      """
      %macro MUST 2+
        USER %%code, %1
        jmp %%done
      %%code:
        %2
        int 0x30
      %%done:
      %endmacro
      main:
        mov byte [tss + 0x68 + 0x10], 0x02    ; port 81h
        MUST 0, out 0x80, al
        MUST 0, out 0x81, al
        MUST 3, out 0x81, al
        MUST 0, out 0x80, ax
        MUST 0, out 0x7f, eax
        MUST 0, out 0x7d, eax
        mov edx, 0xff
        MUST 0, in al, dx
        mov edx, 0x1000
        MUST 0, in al, dx
        mov word [tss + 0x66], 0x2000
        MUST 0, out 0x80, al
        jmp finish32

      """, expect: " 0d(0000)+00  0d(0000)+00 0d(0000)+00   0d(0000)+00 0d(0000)+00 "),
    Program(
      "SYSENTER and SYSEXIT", .protected,
      """
      main:
        USER early
        mov ecx, 0x174
        xor edx, edx
        mov eax, KCODE
        wrmsr
        inc ecx
        mov eax, 0x6400
        wrmsr
        inc ecx
        mov eax, entry
        wrmsr
        mov [saveesp], esp
        mov dword [resume], done
        mov ecx, 0x5000
        mov edx, user
        sysexit
      early:
        sysenter
      user:
        mov ax, cs
        PUT16 eax
        mov ax, ss
        PUT16 eax
        PUT32 esp
        PUTC ' '
        sysenter
      entry:
        mov ax, cs
        PUT16 eax
        mov ax, ss
        PUT16 eax
        PUT32 esp
        PUTC ' '
        pushfd
        pop eax
        and eax, 0x20200
        PUT32 eax
        mov esp, kernelesp
      done:
        jmp finish32

      """, expect: "0d(0000)+00 001b002300004ffc 00080010000063fc 00000000"),
  ]
}
