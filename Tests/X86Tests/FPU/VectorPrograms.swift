// SPDX-License-Identifier: Apache-2.0

extension Program {
  /// Sets CR4.OSFXSR and OSXMMEXCPT, and CR0.NE.
  private static let enable = """
      %macro ENABLE 0
        mov eax, cr4
        or eax, 0x600
        mov cr4, eax
        mov eax, cr0
        or eax, 0x20
        mov cr0, eax
      %endmacro
      ; Replaces bits of CR0: %1 cleared, %2 set.
      %macro CONTROL 2
        mov eax, cr0
        and eax, ~(%1)
        or eax, %2
        mov cr0, eax
      %endmacro

    """

  /// What MMX and SSE do beside computing: legality, alignment, faults, features.
  static let vectors: [Program] = [
    Program(
      "EM, TS and OSFXSR decide what MMX and SSE instructions raise", .protected,
      enable + """
        align 16
        area: times 512 db 0
        main:
          TRY movaps xmm0, xmm1           ; OSFXSR is clear
          TRY ldmxcsr [area]
          TRY movq mm0, mm1
          TRY fxsave [area]
          TRY sfence
          ENABLE
          TRY movaps xmm0, xmm1
          CONTROL 0, 4
          TRY movq mm0, mm1
          TRY movaps xmm0, xmm1
          TRY emms
          TRY fxsave [area]
          CONTROL 4, 8
          TRY movq mm0, mm1
          TRY movaps xmm0, xmm1
          TRY stmxcsr [area]
          TRY movdq2q mm0, xmm0
          TRY fxrstor [area]
          TRY lfence
          TRY movnti [area], eax
          CONTROL 0, 12
          TRY movq mm0, mm1
          TRY movaps xmm0, xmm1
          jmp finish32

        """,
      expect: "06(0000)+00 06(0000)+00 - - - - 06(0000)+00 06(0000)+00 06(0000)+00 07(0000)+00 07(0000)+00 07(0000)+00 "
        + "07(0000)+00 07(0000)+00 07(0000)+00 - - 06(0000)+00 06(0000)+00 ",
      quirk: "QEMU does not look at EM in EMMS, nor at TS in MOVDQ2Q, and at TS before EM"),
    Program(
      "operands of 16 bytes must be aligned, but for the unaligned moves", .protected,
      enable + """
        align 16
        area: times 1024 db 0
        main:
          ENABLE
          TRY movaps xmm0, [area + 8]
          TRY movaps [area + 1], xmm0
          TRY movdqa xmm0, [area + 15]
          TRY pxor xmm0, [area + 4]
          TRY pshufd xmm0, [area + 2], 3
          TRY movntdq [area + 8], xmm0
          TRY fxsave [area + 8]
          TRY fxrstor [area + 8]
          TRY movups xmm0, [area + 8]
          TRY movdqu [area + 1], xmm0
          TRY lddqu xmm0, [area + 3]
          TRY movq xmm0, [area + 3]
          TRY movddup xmm0, [area + 3]
          TRY movhps xmm0, [area + 3]
          TRY pxor mm0, [area + 3]
          TRY movaps xmm0, [area + 16]
          jmp finish32

        """,
      expect: "0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 "
        + "- - - - - - - - "),
    Program(
      "reserved bits of MXCSR fault and change nothing", .protected,
      enable + """
        align 16
        area: times 512 db 0
        word1: dd 0x00011f80
        word2: dd 0x80001f80
        word3: dd 0x00005fc0
        result: dd 0
        main:
          ENABLE
          TRY ldmxcsr [word1]
          TRY ldmxcsr [word2]
          stmxcsr [result]
          PUT16 [result]
          TRY ldmxcsr [word3]
          stmxcsr [result]
          PUT16 [result]
          fxsave [area]
          mov dword [area + 24], 0x00041f80
          mov dword [area + 160], 0x12345678
          TRY fxrstor [area]
          movd eax, xmm0
          PUT32 eax
          mov dword [area + 24], 0x00001f81
          TRY fxrstor [area]
          movd eax, xmm0
          PUT32 eax
          stmxcsr [result]
          PUT16 [result]
          jmp finish32

        """, expect: "0d(0000)+00 0d(0000)+00 1f80- 5fc00d(0000)+00 00000000- 123456781f81",
      quirk: "QEMU drops reserved bits"),
    Program(
      "FXSAVE and FXRSTOR with OSFXSR clear leave XMM registers and MXCSR alone", .protected,
      enable + """
        align 16
        area: times 512 db 0xee
        saved: dd 0x1fa0
        main:
          ENABLE
          ldmxcsr [saved]
          mov eax, 0x11223344
          movd xmm0, eax
          mov eax, cr4
          and eax, ~0x200
          mov cr4, eax
          fxsave [area]
          PUT32 [area + 24]
          PUT32 [area + 160]
          mov dword [area + 24], 0xffffffff
          fxrstor [area]
          ENABLE
          movd eax, xmm0
          PUT32 eax
          stmxcsr [area]
          PUT16 [area]
          jmp finish32

        """, expect: "eeeeeeeeeeeeeeee112233441fa0"),
    Program(
      "a pending x87 exception comes before MMX but not before SSE and FXSAVE", .protected,
      enable + """
        align 16
        area: times 512 db 0
        main:
          ENABLE
          fxsave [area]
          mov word [area], 0x037b         ; division by zero is not masked
          mov word [area + 2], 0x8084     ; and has happened
          TRY fxrstor [area]
          TRY movaps xmm0, xmm1
          TRY fxsave [area]
          TRY pxor mm0, mm1
          TRY movq [area], mm1
          TRY movq2dq xmm0, mm0
          TRY emms
          PUT16 [area + 2]
          jmp finish32

        """, expect: "- - - 10(0000)+00 10(0000)+00 10(0000)+00 10(0000)+00 8084",
      quirk: "QEMU's MMX does not look at pending exceptions"),
    Program(
      "page faults of vector accesses: nothing is done by halves", .paging,
      enable + """
        main:
          ENABLE
          call pagingon
          mov edi, 0x30ff8
          mov ecx, 16
        .fill:
          mov dword [0x30fc0 + ecx * 4], 0x55555555
          dec ecx
          jnz .fill
          pcmpeqb xmm0, xmm0
          SETPAGE 0x31000, 0
          TRY movups [edi], xmm0          ; crosses into a page that is not there
          mov eax, cr2
          PUT32 eax
          PUT32 [0x30ffc]
          TRY movups xmm1, [edi]
          mov eax, cr2
          PUT32 eax
          movd eax, xmm1
          PUT32 eax
          TRY fxsave [0x30f00]
          mov eax, cr2
          PUT32 eax
          PUT32 [0x30ffc]
          TRY maskmovdqu xmm0, xmm0
          mov eax, 0xff000000
          movd xmm2, eax
          TRY maskmovdqu xmm0, xmm2       ; byte 3 alone, in the first page
          PUT32 [0x30ff8]
          PUT32 [0x30ffc]
          SETPAGE 0x31000, 5
          TRY movdqa [0x31010], xmm0      ; read-only
          TRY movdqa xmm3, [0x31010]
          TRY movups [edi], xmm0
          SETPAGE 0x31000, 0
          TRY prefetcht0 [0x31000]
          TRY clflush [0x31000]
          pxor xmm4, xmm4
          mov edi, 0x31000
          TRY maskmovdqu xmm0, xmm4       ; nothing is selected
          jmp finish32

        """,
      expect: "0e(0002)+00 0003100055555555" + "0e(0000)+00 0003100000000000" + "0e(0002)+00 0003100055555555"
        + "0e(0002)+00 - ff55555555555555" + "0e(0003)+00 - 0e(0003)+00 - 0e(0000)+00 - ",
      quirk: "QEMU stores parts of 16 bytes before it faults, and has no CLFLUSH fault"),
    Program(
      "segment limits count all bytes of a vector", .protected,
      enable + """
        align 16
        area: times 512 db 0
        main:
          ENABLE
          mov ax, SMALL
          mov fs, ax
          mov ax, RODATA
          mov gs, ax
          TRY movups xmm0, [fs:0xff0]
          TRY movups xmm0, [fs:0xff1]
          TRY movaps [fs:0x1000], xmm0
          TRY movq xmm0, [fs:0xff8]
          TRY movq xmm0, [fs:0xff9]
          TRY movd mm0, [fs:0xffd]
          TRY punpcklbw mm0, [fs:0xffc]   ; four bytes
          TRY punpckhbw mm0, [fs:0xffc]   ; eight
          TRY fxsave [fs:0xe00]
          TRY fxsave [fs:0xe10]
          TRY movaps [gs:area], xmm0
          TRY movaps xmm0, [gs:area]
          xor ax, ax
          mov fs, ax
          TRY movups xmm0, [fs:0]
          jmp finish32

        """,
      expect: "- 0d(0000)+00 0d(0000)+00 - 0d(0000)+00 0d(0000)+00 - 0d(0000)+00 - 0d(0000)+00 0d(0000)+00 - "
        + "0d(0000)+00 ", quirk: "QEMU checks neither limits nor rights of segments"),
    Program(
      "a vector stored over the instructions that follow is executed", .protected,
      enable + """
        align 16
        patch: times 8 db 0x90
          mov al, 'B'
          out 0xe9, al
          times 4 db 0x90
        main:
          ENABLE
          movaps xmm0, [patch]
          mov ecx, 3
        again:
          movups [following], xmm0
        following:
          times 8 db 0x90
          mov al, 'A'
          out 0xe9, al
          times 4 db 0x90
          dec ecx
          jnz again
          jmp finish32

        """, expect: "BBB"),
    Program(
      "a Pentium III has SSE but not SSE2", .protected, enable + tries,
      expect: "- - - - - - 06(0000)+00 06(0000)+00 06(0000)+00 06(0000)+00 06(0000)+00 06(0000)+00 06(0000)+00 "
        + "06(0000)+00 06(0000)+00 ", quirk: "QEMU looks at few features of SSE2", model: "pentium3"),
    Program(
      "a 32-bit processor of the reference has SSE3 but not SSSE3", .protected, enable + tries,
      expect: "- - - - - - - - - - - - - - 06(0000)+00 ", model: "qemu32"),
    Program(
      "a Pentium has MMX alone", .protected,
      """
      align 16
      area: times 512 db 0
      main:
        TRY movq mm0, mm1
        TRY emms
        TRY pshufw mm0, mm1, 0
        TRY paddq mm0, mm1
        TRY fxsave [area]
        TRY sfence
        TRY movaps xmm0, xmm1
        mov eax, 0x200
        TRY mov cr4, eax
        jmp finish32

      """,
      expect: "- - 06(0000)+00 06(0000)+00 06(0000)+00 06(0000)+00 06(0000)+00 0d(0000)+00 ",
      quirk: "QEMU has fences on all models and takes CR4.OSFXSR", model: "pentium"),
    Program(
      "a 486 has none of it", .protected,
      """
      main:
        TRY movq mm0, mm1
        TRY emms
        TRY movaps xmm0, xmm1
        jmp finish32

      """, expect: "06(0000)+00 06(0000)+00 06(0000)+00 ", quirk: "QEMU has MMX on all models", model: "486"),
  ]

  private static let tries = """
    align 16
    area: times 512 db 0
    main:
      ENABLE
      TRY movq mm0, mm1
      TRY pshufw mm0, mm1, 0
      TRY movaps xmm0, [area]
      TRY ldmxcsr [mx]
      TRY fxsave [area]
      TRY sfence
      TRY movdqa xmm0, xmm1
      TRY paddq mm0, mm1
      TRY pxor xmm0, xmm1
      TRY movapd xmm0, xmm1
      TRY movq2dq xmm0, mm1
      TRY mfence
      TRY movnti [area], eax
      TRY lddqu xmm0, [area]
      TRY pshufb xmm0, xmm1
      jmp finish32
    mx: dd 0x1f80

    """
}
