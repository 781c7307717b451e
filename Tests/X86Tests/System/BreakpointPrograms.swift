// SPDX-License-Identifier: Apache-2.0

extension Program {
  /// A handler of vector 1 that tells where it was called from (distance from `mark`), DR6, and `R` if RF was set in
  /// the saved flags; it sets RF there, so that the instruction goes on.
  private static let handler = """
      hit:
        push eax
        mov eax, [esp + 4]
        sub eax, [mark]
        PUT8 eax
        PUTC '/'
        mov eax, dr6
        PUT16 eax
        test dword [esp + 12], 0x10000
        jz .clear
        PUTC 'R'
      .clear:
        PUTC ' '
        mov eax, 0xffff0ff0
        mov dr6, eax
        or dword [esp + 12], 0x10000
        pop eax
        iretd
      ; DR7 = %1
      %macro ENABLE 1
        mov eax, %1
        mov dr7, eax
      %endmacro

    """

  private static func breakpoint(_ name: String, _ source: String, expect: String, quirk: String? = nil) -> Program {
    Program(name, .protected, handler + source, expect: expect, quirk: quirk)
  }

  static let breakpoints: [Program] = [
    breakpoint(
      "an instruction breakpoint comes before the instruction, each time, unless RF holds it off",
      """
      main:
        SETGATE 1, KCODE, hit, 0x8e
        mov dword [mark], here
        mov eax, here
        mov dr0, eax
        xor ebx, ebx
        mov ecx, 3
        ENABLE 0x401
      here:
        inc ebx
        loop here
        PUT8 ebx
        PUTC ' '
        ENABLE 0x400
        mov ecx, 1
        push 2
        push KCODE
        push here2
        mov eax, here2
        mov dr0, eax
        mov dword [mark], here2
        ENABLE 0x402                    ; G0 does as well
        or dword [esp + 8], 0x10000     ; IRET with RF set
        iretd
      here2:
        inc ebx
        dec ecx
        jns here2
        ENABLE 0x400
        PUT8 ebx
        jmp finish32

      """, expect: "00/0ff1 00/0ff1 00/0ff1 03 00/0ff1 05"),
    breakpoint(
      "data breakpoints come after the access: writes, reads and writes, lengths, overlap",
      """
      align 4
        dd 0
      place: dd 0, 0
      main:
        SETGATE 1, KCODE, hit, 0x8e
        mov dword [mark], first
        mov eax, place
        mov dr1, eax
        ENABLE 0x00d00404               ; DR1, write, four bytes
        xor eax, eax
      first:
        mov ecx, [place]
        mov [place + 3], al
        mov [place + 4], al
        mov [place - 1], ax
        inc dword [place]
        mov dword [mark], second
      second:
        push dword [place]
        pop dword [place]
        ENABLE 0x00f00404               ; read or write
        mov dword [mark], third
      third:
        cmp byte [place + 2], 0
        mov ebx, place
        xchg [ebx], ecx
        cmp byte [place + 4], 0
        ENABLE 0x00300404               ; one byte
        mov dword [mark], fourth
      fourth:
        mov ecx, [place - 3]
        ENABLE 0x400
        jmp finish32

      """, expect: "0b/0ff2 16/0ff2 1c/0ff2 0c/0ff2 07/0ff2 0e/0ff2 06/0ff2 "),
    breakpoint(
      "an access beside a one-byte breakpoint does not meet it",
      """
      align 4
      place: dd 0, 0
      main:
        SETGATE 1, KCODE, hit, 0x8e
        mov dword [mark], first
        mov eax, place + 1
        mov dr1, eax
        ENABLE 0x00300404
      first:
        mov cl, [place]
        mov cx, [place + 2]
        mov ecx, [place + 2]
        mov cl, [place + 1]
        ENABLE 0x400
        jmp finish32

      """, expect: "19/0ff2 ", quirk: "QEMU has a breakpoint meet the whole of a wide access"),
    breakpoint(
      "a repeated instruction stops after the iteration that meets a breakpoint, with RF in the saved flags",
      """
      align 4
        dd 0
      place: dd 0, 0
      main:
        SETGATE 1, KCODE, hit, 0x8e
        mov dword [mark], first
        mov eax, place
        mov dr2, eax
        ENABLE 0x01000410               ; DR2, write, one byte
        mov edi, place - 2
        mov ecx, 5
        mov al, 7
      first:
        rep stosb
        PUT8 ecx
        PUTC ' '
        mov dword [mark], second
        mov edi, place - 2
        mov ecx, 3
      second:
        rep stosb
        ENABLE 0x400
        PUT8 [place]
        jmp finish32

      """, expect: "00/0ff4R 00 02/0ff4 07", quirk: "QEMU leaves RF clear"),
    breakpoint(
      "I/O breakpoints need CR4.DE and come after the access",
      """
      main:
        SETGATE 1, KCODE, hit, 0x8e
        mov dword [mark], first
        mov eax, cr4
        or al, 8
        mov cr4, eax
        mov eax, 0x80
        mov dr3, eax
        ENABLE 0x60000440               ; DR3, I/O, two bytes
      first:
        out 0x80, al
        out 0x82, al
        in al, 0x81
        in ax, 0x7f
        mov eax, cr4
        and al, 0xf7
        mov cr4, eax
        out 0x80, al
        ENABLE 0x400
        jmp finish32

      """, expect: "02/0ff8 06/0ff8 09/0ff8 ",
      quirk: "QEMU leaves RF set when it goes on"),
    breakpoint(
      "a fault saves RF set, an instruction breakpoint and a single step leave it clear",
      """
      fault:
        test dword [esp + 8], 0x10000
        jz .done
        PUTC 'F'
        PUTC ' '
      .done:
        add dword [esp], 2
        iretd
      main:
        SETGATE 1, KCODE, hit, 0x8e
        SETGATE 6, KCODE, fault, 0x8e
        mov dword [mark], first
        mov eax, first
        mov dr0, eax
        ENABLE 0x401
      first:
        ud2
        ENABLE 0x400
        push 0x102
        popfd
        mov dword [mark], traced
      traced:
        push 2
        popfd
        jmp finish32

      """, expect: "00/0ff1 F 00/4ff0 02/4ff0 03/4ff0 "),
    breakpoint(
      "after MOV SS data breakpoints wait for the next instruction, and instruction breakpoints are not met",
      """
      align 4
      place: dd KDATA
      main:
        SETGATE 1, KCODE, hit, 0x8e
        mov dword [mark], first
        mov eax, place
        mov dr0, eax
        mov eax, second
        mov dr1, eax
        ENABLE 0x00030405               ; DR0, read or write; DR1, instruction
      first:
        mov ss, [place]
      second:
        nop
        nop
        ENABLE 0x400
        jmp finish32

      """, expect: "07/0ff1 ", quirk: "QEMU does not hold them off"),
    breakpoint(
      "a task switch clears local breakpoints, keeps global ones, and traps if T is set",
      """
      main:
        SETGATE 1, KCODE, hit, 0x8e
        mov dword [mark], task
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
        mov word [tss2 + 0x64], 1
        ENABLE 0x4ff
        call TSS2:0
        jmp finish32
      task:
        mov eax, dr7
        PUT16 eax
        ENABLE 0x400
        iretd

      """, expect: "00/8ff0 04aa", quirk: "QEMU knows no T bit"),
  ]
}
