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

    """

  /// What SSE floating point does beside computing: exceptions, alignment, MMX, features; and known results.
  static let vectorFloats: [Program] = [
    Program(
      "an unmasked SSE exception is #XM, or #UD while OSXMMEXCPT is clear", .protected,
      enable + """
        align 16
        ones: dd 1.0, 1.0, 1.0, 1.0
        tiny: dd 1.0, 0x00000001, 0.0, 3.0
        control: dd 0x1d80              ; division by zero is not masked
        underflow: dd 0x1780
        result: dd 0
        main:
          ENABLE
          ldmxcsr [control]
          movaps xmm1, [ones]
          TRY divps xmm1, [tiny]        ; denormal and zero-divide are flagged, overflow and precision not any more
          stmxcsr [result]
          PUT16 [result]
          movd eax, xmm1
          PUT32 eax
          mov eax, cr4
          and eax, ~0x400
          mov cr4, eax
          xorps xmm0, xmm0
          TRY divss xmm1, xmm0
          TRY addss xmm1, xmm1
          ENABLE
          ldmxcsr [underflow]
          movss xmm2, [tiny + 4]
          TRY addss xmm2, xmm0          ; exact, but tiny
          stmxcsr [result]
          PUT16 [result]
          jmp finish32

        """, expect: "13(0000)+00 1d863f80000006(0000)+00 - 13(0000)+00 1792",
      quirk: "QEMU raises no SSE exceptions"),
    Program(
      "packed floating-point operands must be aligned, others need not be", .protected,
      enable + """
        align 16
        area: times 64 db 0
        main:
          ENABLE
          TRY addps xmm0, [area + 4]
          TRY sqrtpd xmm0, [area + 8]
          TRY cmpps xmm0, [area + 1], 2
          TRY haddps xmm0, [area + 12]
          TRY rcpps xmm0, [area + 15]
          TRY cvtpd2ps xmm0, [area + 8]
          TRY cvtdq2ps xmm0, [area + 4]
          TRY cvtpd2pi mm0, [area + 8]
          TRY addss xmm0, [area + 1]
          TRY comisd xmm0, [area + 3]
          TRY cvtps2pd xmm0, [area + 5]
          TRY cvtdq2pd xmm0, [area + 5]
          TRY cvtpi2ps xmm0, [area + 1]
          TRY cvttps2pi mm0, [area + 7]
          TRY rsqrtss xmm0, [area + 3]
          TRY addps xmm0, [area + 16]
          jmp finish32

        """,
      expect: "0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 0d(0000)+00 "
        + "- - - - - - - - ",
      quirk: "QEMU checks the alignment of few of these"),
    Program(
      "a pending x87 exception comes before conversions of MMX registers", .protected,
      enable + """
        align 16
        area: times 512 db 0
        main:
          ENABLE
          fxsave [area]
          mov word [area], 0x037b         ; division by zero is not masked
          mov word [area + 2], 0xb084     ; and has happened; TOP is 6
          fxrstor [area]
          TRY cvtpi2ps xmm0, mm1
          TRY cvttpd2pi mm1, xmm0
          TRY cvtps2pi mm1, [area]
          TRY cvtpi2pd xmm0, [area]
          TRY addps xmm0, xmm1
          mov word [area], 0x037f
          mov word [area + 2], 0x3000
          fxrstor [area]
          TRY cvtpi2pd xmm0, [area]
          fxsave [area]
          PUT16 [area + 2]
          TRY cvtpi2pd xmm0, mm1
          fxsave [area]
          PUT16 [area + 2]
          jmp finish32

        """, expect: "10(0000)+00 10(0000)+00 10(0000)+00 - - - 3000- 0000",
      quirk: "QEMU's MMX does not look at pending exceptions"),
    Program(
      "SSE without SSE2 has no double precision", .protected,
      enable + """
        align 16
        area: times 64 db 0
        main:
          ENABLE
          TRY addps xmm0, xmm1
          TRY cvttss2si eax, xmm0
          TRY cvtps2pi mm0, xmm0
          TRY ucomiss xmm0, [area]
          TRY addpd xmm0, xmm1
          TRY sqrtsd xmm0, xmm1
          TRY cvtps2dq xmm0, xmm1
          TRY cvtss2sd xmm0, xmm1
          TRY cvtpi2pd xmm0, mm0
          TRY haddps xmm0, xmm1
          TRY addsubpd xmm0, [area]
          jmp finish32

        """,
      expect: "- - - - 06(0000)+00 06(0000)+00 06(0000)+00 06(0000)+00 06(0000)+00 06(0000)+00 06(0000)+00 ",
      quirk: "QEMU looks for SSE alone", model: "pentium3"),
    Program(
      "results in all four roundings", .protected,
      enable + """
        align 16
        one: dq 1.0
        three: dq 3.0
        two: dq 2.0
        half: dq 2.5
        minus: dq -2.5
        large: dd 0x7f7fffff
        result: dq 0
        control: dd 0x1f80
        %macro SHOW 0
          movsd [result], xmm0
          PUT32 [result + 4]
          PUT32 [result]
          PUTC ' '
        %endmacro
        main:
          ENABLE
          mov ecx, 4
        again:
          ldmxcsr [control]
          movsd xmm0, [one]
          divsd xmm0, [three]
          SHOW
          sqrtsd xmm0, [two]
          SHOW
          cvtsd2si eax, [half]
          PUT8 eax
          cvtsd2si eax, [minus]
          PUT8 eax
          cvttsd2si eax, [minus]
          PUT8 eax
          movss xmm0, [large]
          addss xmm0, xmm0
          movd eax, xmm0
          PUT32 eax
          stmxcsr [result]
          PUT16 [result]
          PUTC ' '
          add dword [control], 0x2000
          dec ecx
          jnz again
          jmp finish32

        """,
      expect: "3fd5555555555555 3ff6a09e667f3bcd 02fefe7f8000001fa8 "
        + "3fd5555555555555 3ff6a09e667f3bcc 02fdfe7f7fffff3fa8 "
        + "3fd5555555555556 3ff6a09e667f3bcd 03fefe7f8000005fa8 "
        + "3fd5555555555555 3ff6a09e667f3bcc 02fefe7f7fffff7fa8 "),
  ]
}
