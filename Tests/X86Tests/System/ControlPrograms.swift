// SPDX-License-Identifier: Apache-2.0

extension Program {
  static let control: [Program] = [
    Program(
      "control registers: reserved combinations, numbers that do not exist, aliases", .protected,
      """
      main:
        mov eax, cr0
        mov ebx, eax
        and eax, 0xfffffffe
        or eax, 0x80000000
        TRY mov cr0, eax                ; PG without PE
        mov eax, ebx
        or eax, 0x20000000
        and eax, 0xbfffffff
        TRY mov cr0, eax                ; NW without CD
        mov eax, 0x00100000
        TRY mov cr4, eax
        TRY db 0x0f, 0x20, 0xc8         ; MOV EAX, CR1
        TRY db 0x0f, 0x22, 0xe8         ; MOV CR5, EAX
        mov eax, ebx
        or eax, 0x1ffaffc0
        TRY mov cr0, eax                ; undefined bits are ignored
        mov eax, cr0
        xor eax, ebx
        PUT32 eax
        jmp finish32

      """,
      expect: "0d(0000)+00 0d(0000)+00 0d(0000)+00 06(0000)+00 06(0000)+00 - 00000000",
      quirk: "QEMU accepts NW without CD, and reserved CR4 bits"),
    Program(
      "LMSW sets PE but does not clear it; SMSW stores 16 bits in memory", .protected,
      """
      place: dd 0xeeeeeeee
      main:
        mov eax, 0xffff
        lmsw ax
        mov eax, cr0
        and al, 0xef
        PUT8 eax
        xor eax, eax
        lmsw ax
        mov eax, cr0
        and al, 0xef
        PUT8 eax
        mov word [place + 2], 0
        smsw [place + 2]
        mov eax, [place]
        and eax, 0xffefffff
        PUT32 eax
        jmp finish32

      """, expect: "0f010001eeee"),
    Program(
      "debug registers: fixed bits, DR4 and DR5", .protected,
      """
      main:
        xor eax, eax
        mov dr7, eax
        mov dr6, eax
        mov eax, dr7
        PUT32 eax
        mov eax, dr6
        PUT32 eax
        db 0x0f, 0x21, 0xe0             ; MOV EAX, DR4
        PUT32 eax
        mov eax, 0x12345678
        mov dr3, eax
        mov ebx, dr3
        PUT32 ebx
        jmp finish32

      """, expect: "00000400ffff0ff0ffff0ff012345678"),
    Program(
      "model-specific registers: PAT and MTRR refuse bad types, unknown ones do not exist", .protected,
      """
      %macro MSR 3
        mov ecx, %1
        mov edx, %2
        mov eax, %3
        TRY wrmsr
      %endmacro
      main:
        MSR 0x277, 0x00070406, 0x01060504
        MSR 0x277, 0x00070406, 0x02060504
        mov ecx, 0x277
        rdmsr
        PUT32 edx
        PUT32 eax
        PUTC ' '
        MSR 0x200, 0, 0xc0000006
        MSR 0x200, 0, 0xc0000002
        MSR 0x2ff, 0, 0xc06
        MSR 0x2ff, 0, 0xc03
        MSR 0x174, 0, 0x8
        mov ecx, 0x174
        rdmsr
        PUT32 eax
        PUTC ' '
        mov ecx, 0x12345678
        TRY rdmsr
        MSR 0x12345678, 0, 0
        mov ecx, 0x10
        rdmsr
        mov ebx, eax
        rdtsc
        sub eax, ebx
        cmp eax, 1000
        setb al
        PUT8 eax
        jmp finish32

      """,
      expect:
        "- 0d(0000)+00 0007040601060504 - 0d(0000)+00 - 0d(0000)+00 - 00000008 0d(0000)+00 0d(0000)+00 01",
      quirk: "QEMU stores any value and knows every register"),
    Program(
      "CR4.TSD and CR4.PCE guard RDTSC and RDPMC", .protected,
      """
      main:
        USER counter
        mov eax, cr4
        or al, 4
        mov cr4, eax
        USER counter
        USER monitor
        rdtsc
        jmp finish32
      counter:
        rdtsc
        int 0x30
      monitor:
        rdpmc
        int 0x30

      """, expect: " 0d(0000)+00 0d(0000)+00 "),
    Program(
      "code that REP MOVS writes ahead of itself takes effect", .protected,
      """
      source: mov al, '2'
        out 0xe9, al
      sourceend:
      main:
        mov bl, 2
        cld
      again:
        mov al, '0'
        out 0xe9, al
        mov esi, source
        mov edi, target
        mov ecx, sourceend - source
        rep movsb
      target:
        mov al, '1'
        out 0xe9, al
        mov byte [patched + 1], '3'
      patched:
        mov al, 'x'
        out 0xe9, al
        dec bl
        jnz again
        jmp finish32

      """, expect: "023023"),
    Program(
      "an IRET that sets TF traps after the next instruction, INT in a traced program does not", .protected,
      """
      main:
        SETGATE 1, KCODE, trace, 0x8e
        SETGATE 0x21, KCODE, nothing, 0x8e
        mov dword [mark], first
        push 0x102
        push KCODE
        push first
        iretd
      first:
        nop
        int 0x21
        nop
        push 2
        popfd
        mov eax, dr6
        PUT16 eax
        jmp finish32
      nothing:
        iretd
      trace:
        push eax
        mov eax, [esp + 4]
        sub eax, [mark]
        PUT8 eax
        pop eax
        iretd

      """, expect: "010406074ff0"),
  ]
}
