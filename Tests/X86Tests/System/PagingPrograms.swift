// SPDX-License-Identifier: Apache-2.0

extension Program {
  static let paging: [Program] = [
    Program(
      "page faults: error code and CR2 for reads, writes, user and supervisor, write protection", .paging,
      """
      %macro SHOW 0
        mov eax, cr2
        PUT32 eax
        PUTC ' '
      %endmacro
      main:
        call pagingon
        SETPAGE 0x30000, 0
        TRY mov al, [0x30123]
        SHOW
        TRY mov [0x30124], al
        SHOW
        SETPAGE 0x30000, 5              ; read-only
        TRY mov al, [0x30125]
        TRY mov [0x30126], al           ; WP is set
        SHOW
        mov eax, cr0
        and eax, 0xfffeffff
        mov cr0, eax
        TRY mov [0x30127], al
        or eax, 0x10000
        mov cr0, eax
        SETPAGE 0x30000, 3              ; supervisor
        USER reads
        SHOW
        USER writes
        SHOW
        SETPAGE 0x30000, 5
        USER writes
        SHOW
        SETPAGE 0x30000, 7
        USER writes
        TRY mov eax, [0x40ffe]
        SETPAGE 0x41000, 0
        TRY mov eax, [0x40ffe]          ; crosses into a page that is not there
        SHOW
        TRY mov [0x40ffe], eax
        SHOW
        mov dword [mark], 0x41000
        mov dword [resume], fetched
        mov [saveesp], esp
        jmp 0x41000
      fetched:
        SHOW
        jmp finish32
      reads:
        mov al, [0x30128]
        int 0x30
      writes:
        mov [0x30129], al
        int 0x30

      """,
      expect:
        "0e(0000)+00 00030123 0e(0002)+00 00030124 - 0e(0003)+00 00030126 - 0e(0005)+00 00030128 0e(0007)+00 00030129 0e(0007)+00 00030129  - 0e(0000)+00 00041000 0e(0002)+00 00041000 0e(0000)+0000041000 "
    ),
    Program(
      "accessed and dirty bits", .paging,
      """
      main:
        call pagingon
        SETPAGE 0x30000, 7
        PUT8 PTE(0x30000)
        mov al, [0x30000]
        PUT8 PTE(0x30000)
        mov [0x30000], al
        PUT8 PTE(0x30000)
        SETPAGE 0x30000, 7
        mov [0x30000], al
        PUT8 PTE(0x30000)
        SETPAGE 0x30000, 5
        TRY mov [0x30000], al
        PUT8 PTE(0x30000)
        SETPAGE 0x30000, 0x27
        TRY lock cmpxchg [0x30000], al
        PUT8 PTE(0x30000)
        PUT8 [PD]
        jmp finish32

      """,
      expect:
        "072767670e(0003)+00 05- 6727"),
    Program(
      "a fault in REP MOVS leaves the registers at the element that failed", .paging,
      """
      main:
        call pagingon
        cld
        SETPAGE 0x31000, 0
        mov esi, 0x40000
        mov edi, 0x30ff4
        mov ecx, 8
        mov dword [0x4000c], 0x11223344
        mov [saveregs], esp
        TRY rep movsd
        call show
        mov esi, 0x30ff8                ; the source fails
        mov edi, 0x40000
        mov ecx, 8
        TRY rep movsd
        call show
        mov esi, 0x40000
        mov edi, 0x30ffe                ; an element that crosses
        mov ecx, 2
        TRY rep movsd
        call show
        std
        mov esi, 0x4000c
        mov edi, 0x32008
        mov ecx, 5
        TRY rep movsd
        call show
        cld
        mov edi, 0x30ffd
        mov ecx, 5
        mov al, 0x5a
        TRY rep stosb
        call show
        mov esi, 0x30ffd
        mov edi, 0x30ffd
        mov ecx, 5
        TRY repe cmpsb
        call show
        mov edi, 0x30ffd
        mov ecx, 5
        mov al, 0x5a
        TRY repe scasb
        call show
        jmp finish32
      saveregs: dd 0
      show:
        PUT32 ecx
        PUTC ','
        PUT32 esi
        PUTC ','
        PUT32 edi
        PUTC ' '
        ret

      """,
      expect:
        "0e(0002)+00 00000005,0004000c,00031000 0e(0000)+00 00000006,00031000,00040008 0e(0002)+00 00000002,00040000,00030ffe 0e(0002)+00 00000002,00040000,00031ffc 0e(0002)+00 00000002,00040000,00031000 0e(0000)+00 00000002,00031000,00031000 0e(0000)+00 00000002,00031000,00031000 "
    ),
    Program(
      "instructions that fault half way change nothing: PUSHA, ENTER, POP to memory, XCHG, CALL, far pointers", .paging,
      """
      main:
        call pagingon
        SETPAGE 0x31000, 0
        ; user code with a stack that runs out of mapped memory
        %macro ATSTACK 2+
          push UDATA
          push %1
          push 2
          push UCODE
          push %%code
          mov [saveesp], esp
          add dword [saveesp], 20
          mov dword [resume], %%after
          mov dword [mark], %%code
            mov ax, UDATA
          mov ds, ax
          mov es, ax
          mov ebp, 0x33333333
          mov ecx, 0x44444444
          mov eax, 0x55555555
          iretd
        %%code:
          %2
          int 0x30
        %%after:
          mov eax, [handleresp - 8]     ; ESP of the frame
          PUT32 eax
          PUT16 ebp
          PUT16 ecx
          PUTC ' '
        %endmacro
        ATSTACK 0x32010, pushad
        ATSTACK 0x32008, enter 4, 2
        ATSTACK 0x32000, push eax
        ATSTACK 0x32000, call finish32
        ATSTACK 0x32800, pop dword [0x31000]
        ATSTACK 0x32800, lds ecx, [0x30ffc]
        ATSTACK 0x30ffc, popad
        SETPAGE 0x31000, 5
        ATSTACK 0x32800, cmpxchg [0x31000], ecx
        ATSTACK 0x32800, cmpxchg [0x31000], al
        ATSTACK 0x32800, bts dword [0x31000], 3
        ATSTACK 0x32800, shl dword [0x31000], 1
        ATSTACK 0x32800, xchg ecx, [0x31000]
        ATSTACK 0x32800, lock xadd [0x31000], ecx
        ATSTACK 0x32800, cmpxchg8b [0x30ffc]
        ATSTACK 0x32800, cmp dword [0x31000], 1
        jmp finish32

      """,
      expect:
        "0e(0006)+000003201033334444 0e(0004)+000003200833334444 0e(0006)+000003200033334444 0e(0006)+000003200033334444 0e(0006)+000003280033334444 0e(0004)+000003280033334444 0e(0004)+0000030ffc33334444 0e(0007)+000003280033334444 0e(0007)+000003280033334444 0e(0007)+000003280033334444 0e(0007)+000003280033334444 0e(0007)+000003280033334444 0e(0007)+000003280033334444 0e(0007)+000003280033334444 0003280033334444 "
    ),
    Program(
      "read-modify-write faults are write faults, far stack accesses are made at the caller's level, ENTER probes",
      .paging,
      """
      main:
        call pagingon
        SETPAGE 0x31000, 0
        ; user code with a stack that runs out of mapped memory
        %macro ATSTACK 2+
          push UDATA
          push %1
          push 2
          push UCODE
          push %%code
          mov [saveesp], esp
          add dword [saveesp], 20
          mov dword [resume], %%after
          mov dword [mark], %%code
            mov ax, UDATA
          mov ds, ax
          mov es, ax
          mov ebp, 0x33333333
          mov ecx, 0x44444444
          mov eax, 0x55555555
          iretd
        %%code:
          %2
          int 0x30
        %%after:
          mov eax, [handleresp - 8]     ; ESP of the frame
          PUT32 eax
          PUT16 ebp
          PUT16 ecx
          PUTC ' '
        %endmacro
        ATSTACK 0x32010, enter 0x1000, 0
        ATSTACK 0x32000, call UCODE:0
        ATSTACK 0x32800, xchg ecx, [0x31000]
        ATSTACK 0x32800, lock xadd [0x31000], ecx
        ATSTACK 0x32800, cmpxchg [0x31000], ecx
        ATSTACK 0x32800, cmpxchg8b [0x30ffc]
        ATSTACK 0x30ffc, retf
        ATSTACK 0x30ff8, iretd
        jmp finish32

      """,
      expect:
        "0e(0006)+000003201033334444 0e(0006)+000003200033334444 0e(0006)+000003280033334444 0e(0006)+000003280033334444 0e(0006)+000003280033334444 0e(0006)+000003280033334444 0e(0004)+0000030ffc33334444 0e(0004)+0000030ff833334444 ",
      quirk: "QEMU reports the read, pushes far frames as the kernel and does not probe"),
    Program(
      "a page fault that cannot be delivered is a double fault, with the faulting instruction's address", .paging,
      """
      main:
        call pagingon
        SETPAGE 0x30000, 0
        SETGATE 8, KCODE, double, 0x8e
        mov word [idt + 14 * 8 + 4], 0x0e00     ; #NP while delivering #PF
        mov dword [mark], place
      place:
        mov al, [0x30000]
        PUTC '-'
        jmp finish32
      double:
        PUTC 'd'
        pop eax
        PUT32 eax
        pop eax
        sub eax, [mark]
        PUT8 eax
        jmp finish32

      """, expect: "d0000000000"),
    Program(
      "contributory faults add up, benign ones do not", .paging,
      """
      main:
        call pagingon
        SETGATE 8, KCODE, double, 0x8e
        mov word [idt + 13 * 8 + 4], 0x0e00     ; #GP not present
        TRY mov eax, [gs:0]
        mov ax, LASTSEL
        mov dword [resume], second
        mov gs, ax                              ; #GP then #NP: double fault
      second:
        mov word [idt + 6 * 8 + 4], 0x0e00      ; #UD not present
        TRY ud2                                 ; benign, then #NP(32h + EXT)
        mov word [idt + 13 * 8 + 4], 0x8e00
        mov word [idt + 0 * 8 + 2], LASTSEL     ; #DE into a bad selector
        mov dword [resume], third
        xor ecx, ecx
        div ecx
      third:
        mov word [idt + 3 * 8 + 4], 0x0e00
        TRY int3                                ; software: EXT is clear
        jmp finish32
      double:
        PUTC 'd'
        mov esp, kernelesp
        jmp [resume]

      """,
      expect:
        "- d0b(0033)+00 d0b(001a)+00 ",
      quirk: "QEMU leaves EXT clear"),
    Program(
      "a triple fault shuts the processor down", .paging,
      """
      main:
        PUTC 't'
        lidt [none]
        ud2
        PUTC '-'
        jmp finish32
      none: dw 0
        dd 0

      """, expect: "t"),
    Program(
      "4 MiB pages, global pages and what flushes them", .paging,
      """
      main:
        call pagingon
        mov eax, cr4
        or eax, 0x90                    ; PSE, PGE
        mov cr4, eax
        mov dword [PD + 4], 0x00000187  ; linear 4 MiB: large, global, at 0
        PUT8 [PD + 4]
        mov byte [0x30000], 0x11
        mov al, [0x430000]
        PUT8 eax
        PUT8 [PD + 4]
        mov byte [0x430001], 0x22
        PUT8 [0x30001]
        PUT8 [PD + 4]
        PUTC ' '
        mov dword [PD + 4], 0
        mov eax, cr3
        mov cr3, eax
        TRY mov al, [0x430000]          ; global: still there
        invlpg [0x7ff000]
        TRY mov al, [0x430000]
        mov dword [PD + 4], 0x00000187
        mov al, [0x430000]
        mov dword [PD + 4], 0
        mov eax, cr4
        and al, 0x7f
        mov cr4, eax
        TRY mov al, [0x430000]
        mov dword [PD + 4], 0x00201087  ; reserved bit
        TRY mov al, [0x430000]
        jmp finish32

      """,
      expect:
        "8711a722e7 - 0e(0000)+00 0e(0000)+00 0e(0009)+00 ",
      quirk: "QEMU has no global pages, and leaves P clear for reserved bits"),
    Program(
      "PAE: tables, reserved bits, the page-directory pointers", .protected,
      """
      PDPT equ 0x22000
      PDE equ 0x23000
      main:
        mov ecx, 1023
      .clear:
        mov dword [PDE + ecx * 4], 0
        dec ecx
        jns .clear
        mov ecx, 7
      .clear2:
        mov dword [PDPT + ecx * 4], 0
        dec ecx
        jns .clear2
        mov dword [PDPT], PDE | 1
        mov dword [PDE], 0x087
        mov dword [PDE + 8], 0x087              ; linear 2 MiB also at 0
        mov eax, PDPT
        mov cr3, eax
        mov eax, cr4
        or al, 0x20
        mov cr4, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        mov byte [0x30000], 0x77
        mov al, [0x230000]
        PUT8 eax
        PUT8 [PDE + 8]
        TRY mov al, [0x400000]
        TRY mov al, [0x40000000]
        mov dword [PDE + 16], 0x2087            ; reserved bit of a large page
        TRY mov al, [0x400000]
        jmp finish32

      """,
      expect:
        "77a70e(0000)+00 0e(0000)+00 0e(0009)+00 ",
      quirk: "QEMU leaves P clear for reserved bits"),
  ]
}
