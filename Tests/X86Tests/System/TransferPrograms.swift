// SPDX-License-Identifier: Apache-2.0

extension Program {
  static let transfers: [Program] = [
    Program(
      "far jumps: null, limit, type, presence, privilege", .protected,
      """
      main:
        TRY jmp 0:0
        TRY jmp LASTSEL:0
        TRY jmp KDATA:0
        TRY jmp UCODE:0         ; DPL 3, not conforming
        TRY jmp KCODE | 3:0     ; RPL 3 > CPL
        TRY jmp ABSENT:0
        TRY jmp LDTSEL:0
        TRY jmp TSS:0           ; busy
        TRY jmp ABSENTGATE:0
        TRY jmp UCONF:0         ; conforming code of an outer level
        mov byte [gdt + XONLY + 5], 0x18
        TRY jmp XONLY:0         ; code, not present
        mov dword [saveesp], esp
        jmp CONF:conforming
      conforming:
        mov ax, cs
        PUT16 eax
        TRY jmp CODE16:0x10000
        jmp finish32

      """,
      expect:
        "0d(0000)+00 0d(00c0)+00 0d(0010)+00 0d(0018)+00 0d(0008)+00 0d(0040)+00 0d(0060)+00 0d(0028)+00 0b(00a8)+00 0d(00b0)+00 0b(0030)+00 00480d(0000)+00 "
    ),
    Program(
      "far call and return of both operand sizes at one level", .protected,
      """
      main:
        mov ebx, esp
        call KCODE:target
        mov eax, ebx
        sub eax, esp
        PUT8 eax
        mov esp, ebx
        call word KCODE:target16
        mov eax, ebx
        sub eax, esp
        PUT8 eax
        PUTC ' '
        push KDATA
        push finish32
        TRY retf                ; to data
        push 0
        push finish32
        TRY retf
        push LASTSEL
        push finish32
        TRY retf
        jmp finish32
      target:
        mov eax, ebx
        sub eax, esp
        PUT8 eax
        mov ebp, esp
        PUT16 [ebp + 4]
        retf 4
      target16:
        mov eax, ebx
        sub eax, esp
        PUT8 eax
        mov ebp, esp
        PUT16 [ebp + 2]
        o16 retf

      """, expect: "080008fc04000800 0d(0010)+00 0d(0000)+00 0d(00c0)+00 "),
    Program(
      "a call gate switches stacks, copies parameters, and RETF n undoes it", .protected,
      """
      main:
        USER caller
        TRY call GATE | 3:0     ; RPL 3 <= DPL 3, same level: no switch
        jmp finish32
      caller:
        mov eax, 0x11111111
        push eax
        mov eax, 0x22222222
        push eax
        call GATE:0x99999999
        mov ebp, esp
        PUT32 ebp
        mov ax, ss
        PUT16 eax
        mov ax, fs              ; a level 0 segment was nulled
        PUT16 eax
        PUTC ' '
        mov dword [mark], refused
      refused:
        call GATE0:0            ; DPL 0
      gated:
        mov ebp, esp
        mov ax, cs
        PUT16 eax
        mov ax, ss
        PUT16 eax
        PUT32 ebp
        PUTC ' '
        PUT16 [ebp + 4]         ; CS
        test byte [ebp + 4], 3
        jz .inner
        PUT32 [ebp + 8]         ; parameters
        PUT32 [ebp + 12]
        PUT32 [ebp + 16]        ; ESP
        PUT16 [ebp + 20]        ; SS
        PUTC ' '

        mov ax, KDATA
        mov fs, ax
        retf 8
      .inner:
        PUTC 'i'
        mov esp, [saveesp]
        jmp [resume]

      """,
      expect:
        "00080010000067e8 001b222222221111111100004ff80023 0000500000230000 0d(0078)+00 0008001000005ff8 0008i "
    ),
    Program(
      "a 286 call gate pushes words", .protected,
      """
      main:
        USER caller
        jmp finish32
      caller:
        push word 0x1234
        call GATE16:0
        mov ebp, esp
        PUT32 ebp
        int 0x30
      gated16:
        mov ebp, esp
        PUT32 ebp
        PUTC ' '
        movzx eax, word [ebp]
        sub eax, caller
        PUT16 eax
        PUT16 [ebp + 2]
        PUT16 [ebp + 4]
        PUT16 [ebp + 6]
        PUT16 [ebp + 8]
        PUTC ' '
        o16 retf 2

      """,
      expect:
        "000067f6 000b001b12344ffe0023 00005000 "),
    Program(
      "IRET to an outer level: checks of CS and SS, flags by privilege", .protected,
      """
      main:
        mov ebx, esp
        push UDATA
        push 0x5000
        push 0x3202
        push UCODE
        push user
        mov [saveesp], ebx
        mov dword [resume], after
        mov dword [mark], user
        mov ax, UDATA
        mov ds, ax
        iretd
      user:
        pushfd
        pop eax
        PUT32 eax
        push eax
        and dword [esp], 0xffffcdff     ; level 3, IOPL 3: IF goes, IOPL stays
        popfd
        pushfd
        pop eax
        PUT32 eax
        PUTC ' '
        int 0x30
      after:
        %macro FRAME 3
          push %3
          push 0x5000
          push 2
          push %2
          push %1
        %endmacro
        mov esp, kernelesp
        FRAME user, UCODE, 0
        TRY iretd
        mov esp, kernelesp
        FRAME user, UCODE, KDATA
        TRY iretd
        mov esp, kernelesp
        FRAME user, UCODE, UDATA & ~3
        TRY iretd
        mov esp, kernelesp
        FRAME user, UCODE & ~3, UDATA
        TRY iretd
        mov esp, kernelesp
        FRAME user, UDATA, UDATA
        TRY iretd
        mov esp, kernelesp
        FRAME user, 0, UDATA
        TRY iretd
        mov esp, kernelesp
        FRAME user, CONF, UDATA
        PUTC 'c'
        mov dword [esp], conforming
        iretd
      conforming:
        mov ax, cs
        PUT16 eax
        jmp finish32

      """,
      expect:
        "0000320200003002 0d(0000)+00 0d(0010)+00 0d(0020)+00 0d(0018)+00 0d(0020)+00 0d(0000)+00 c0048"),
    Program(
      "interrupt gates clear IF, trap gates do not; gate DPL, type and presence", .protected,
      """
      main:
        SETGATE 0x20, KCODE, show, 0x8e
        SETGATE 0x21, KCODE, show, 0x8f
        SETGATE 0x22, KCODE, show, 0x0e
        SETGATE 0x23, KCODE, show, 0x8c
        SETGATE 0x24, KDATA, show, 0x8e
        SETGATE 0x25, 0, show, 0x8e
        SETGATE 0x26, LASTSEL, show, 0x8e
        SETGATE 0x27, UCODE, show, 0x8e
        SETGATE 0x28, XONLY, show, 0x8e
        SETGATE 0x29, CODE16, show, 0x86
        and byte [gdt + XONLY + 5], 0x7f
        push 0x4202             ; NT, IF
        popfd
        TRY int 0x20
        push 0x4202
        popfd
        TRY int 0x21
        cli
        TRY int 0x22
        TRY int 0x23
        TRY int 0x24
        TRY int 0x25
        TRY int 0x26
        TRY int 0x27
        TRY int 0x28
        TRY int 0x31
        jmp finish32
      show:
        pushfd
        mov ebp, esp
        PUT16 [ebp]
        PUT16 [ebp + 12]
        PUTC ' '
        and word [ebp + 12], 0xbfff
        popfd
        iretd

      """,
      expect:
        "00024202 - 02024202 - 0b(0112)+00 0d(011a)+00 0d(0010)+00 0d(0000)+00 0d(00c0)+00 0d(0018)+00 0b(0030)+00 0d(018a)+00 "
    ),
    Program(
      "a 16-bit interrupt gate pushes words, and 16-bit code returns with IRET", .protected,
      """
      main:
        SETGATE 0x29, CODE16, show, 0x86
        mov ebx, esp
        int 0x29
        PUT16 ecx
        mov eax, esp
        sub eax, ebx
        PUT8 eax
        jmp finish32
      bits 16
      show:
        mov cx, sp
        sub cx, bx
        iret
      bits 32

      """, expect: "fffa00"),
  ]
}
