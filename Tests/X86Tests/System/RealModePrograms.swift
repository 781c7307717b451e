// SPDX-License-Identifier: Apache-2.0

extension Program {
  static let realMode: [Program] = [
    Program(
      "INT pushes FLAGS, CS and the next IP, clears IF and TF, and IRET restores them", .real,
      """
      handler:
        pushf
        pop cx
        mov bp, sp
        mov ax, [bp]
        sub ax, after
        call putbyte            ; distance of the saved IP from the instruction after INT
        PUT ' '
        mov ax, [bp + 4]
        call putword
        PUT ' '
        mov ax, cx
        call putword
        PUT ' '
        iret
      start:
        mov al, 0x40
        mov bx, handler
        call setvector
        push 0x0ad7
        popf
        int 0x40
      after:
        pushf
        pop ax
        and ax, 0x0ed7
        cli
        call putword
        jmp finish

      """, expect: "00 0ad7 08d7 0ad7", quirk: nil),
    Program(
      "faults push the address of the instruction, traps that of the next", .real,
      """
      %macro CATCH 1
        mov al, %1
        mov bx, %%handler
        call setvector
        jmp %%over
      %%handler:
        PUT '0' + %1 / 10
        PUT '0' + %1 % 10
        mov bp, sp
        mov ax, [bp]
        sub ax, [mark]
        call putbyte
        PUT ' '
        mov sp, 0x7000
        jmp [resume]
      %%over:
      %endmacro
      %macro TRY 1+
        mov word [mark], %%at
        mov word [resume], %%after
      %%at:
        %1
        PUT '-'
      %%after:
      %endmacro
      mark: dw 0
      resume: dw 0
      bounds: dw 5, 10
      start:
        CATCH 0
        CATCH 1
        CATCH 3
        CATCH 4
        CATCH 5
        CATCH 6
        CATCH 13
        xor bx, bx
        TRY div bl
        mov ax, 0x1000
        mov bl, 1
        TRY div bl
        TRY int3
        TRY db 0xcd, 3
        mov al, 0x7f
        add al, 1
        TRY into
        xor al, al
        TRY into
        mov ax, 4
        TRY bound ax, [bounds]
        mov ax, 10
        TRY bound ax, [bounds]
        mov ax, 11
        TRY bound ax, [bounds]
        TRY ud2
        TRY db 0x0f, 0xff, 0xc0
        TRY lldt ax
        TRY ltr ax
        TRY sldt ax
        TRY arpl ax, ax
        TRY lar ax, ax
        TRY aam 0
        TRY db 0x8e, 0xc8       ; MOV CS, AX
        TRY db 0xc4, 0xc0       ; LES AX, AX
        TRY db 0xf0, 0x90       ; LOCK NOP
        TRY db 0x0f, 0xaa       ; RSM outside SMM
        jmp finish

      """,
      expect: "0000 0000 0301 0302 0401 -0500 -0500 0600 0600 0600 0600 0600 0600 0600 0000 0600 0600 0600 0600 "
    ),
    Program(
      "segment limits hold in real mode; INT1 is a trap to vector 1", .real,
      """
      caught:
        mov bp, sp
        mov ax, [bp]
        sub ax, [mark]
        call putbyte
        PUT ' '
        mov sp, 0x7000
        jmp [resume]
      %macro TRY 1+
        mov word [mark], %%at
        mov word [resume], %%after
      %%at:
        %1
        PUT '-'
      %%after:
      %endmacro
      mark: dw 0
      resume: dw 0
      start:
        mov al, 13
        mov bx, caught
        call setvector
        mov al, 12
        mov bx, caught
        call setvector
        mov al, 1
        mov bx, caught
        call setvector
        TRY mov [0xffff], ax
        TRY mov eax, [0xfffd]
        mov bp, 0xffff
        TRY inc word [bp]
        mov ebx, 0x10000
        TRY mov al, [ebx]
        mov si, 0xffff
        TRY lodsw
        TRY db 0xf1
        jmp finish

      """, expect: "00 00 00 00 00 01 ",
      quirk: "QEMU checks no limits in real mode and calls INT1 undefined"),
    Program(
      "a vector beyond the IDT limit is #GP, then the GP handler runs with the address of INT", .real,
      """
      idtr: dw 14 * 4 - 1
        dd 0
      general:
        mov bp, sp
        mov ax, [bp]
        sub ax, place
        call putbyte
        jmp finish
      start:
        mov al, 13
        mov bx, general
        call setvector
        lidt [idtr]
      place:
        int 0x20
        PUT '-'
        jmp finish

      """, expect: "00"),
    Program(
      "single step traps after each instruction, after each REP iteration, not after MOV SS", .real,
      """
      handler:
        push bp
        push ax
        mov bp, sp
        mov ax, [bp + 4]
        sub ax, first
        call putbyte
        PUT ' '
        pop ax
        pop bp
        iret
      target: times 4 db 0
      nothing: iret
      start:
        mov al, 1
        mov bx, handler
        call setvector
        mov al, 0x41
        mov bx, nothing
        call setvector
        mov di, target
        mov cx, 3
        xor ax, ax
        mov si, sp
        pushf
        pop bx
        or bx, 0x100
        push bx
        popf                    ; TF takes effect after the next instruction
      first:
        nop                     ; 01
        rep stosb               ; 01 01 03
        mov ss, ax              ; no trap: the next instruction runs first
        mov sp, si              ; 07
        int 0x41                ; the handler runs without TF; IRET sets it, no trap here
        nop                     ; 0a
        pushf                   ; 0b
        pop bx                  ; 0c
        and bx, 0xfeff          ; 10
        push bx                 ; 11
        popf                    ; 12: TF was set when it began
        nop
        jmp finish

      """, expect: "01 01 01 03 07 0a 0b 0c 10 11 12 "),
    Program(
      "big real mode keeps the limit of a segment across loads", .real,
      """
      align 8
      gdt: dq 0, 0x00cf92000000ffff
      gdtr: dw 15
        dd gdt
      start:
        lgdt [gdtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        mov bx, 8
        mov ds, bx
        and al, 0xfe
        mov cr0, eax
        xor bx, bx
        mov ds, bx
        mov dword [dword 0x90000], 0x12345678
        mov ax, 0x9000
        mov es, ax
        mov ax, [es:0]
        call putword
        mov ebx, 0x90002
        mov ax, [ebx]
        call putword
        jmp finish

      """, expect: "56781234"),
    Program(
      "LGDT and LIDT load 24 bits of the base with 16-bit operands, SGDT stores 32", .real,
      """
      table: dw 0x1234
        dd 0xab563412
      room: times 8 db 0xee
      show:
        mov ax, [room]
        call putword
        mov ax, [room + 4]
        call putword
        mov ax, [room + 2]
        call putword
        mov ax, [room + 6]
        call putword
        PUT ' '
        ret
      start:
        lgdt [table]
        sgdt [room]
        call show
        o32 lgdt [table]
        sgdt [room]
        call show
        jmp finish

      """, expect: "123400563412eeee 1234ab563412eeee ",
      quirk: "QEMU stores 24 bits when the operand size is 16; silicon since the 386 stores 32"),
    Program(
      "decimal adjustment", .real,
      """
      show:
        pushf
        call putword
        pop ax
        and ax, 0x00d5
        call putbyte
        PUT ' '
        ret
      start:
        mov ax, 0x0079
        add al, 0x35
        daa
        call show
        mov ax, 0x0035
        sub al, 0x47
        das
        call show
        mov ax, 0x0007
        add al, 9
        aaa
        pushf
        and byte [esp], 0x11
        popf
        call show
        mov ax, 0x0103
        sub al, 8
        aas
        pushf
        and byte [esp], 0x11
        popf
        call show
        mov ax, 0x0063
        aam
        call show
        mov ax, 0x0603
        aad
        call show
        mov ax, 0x00ff
        aam 16
        call show
        jmp finish

      """, expect: "001415 008895 010611 000511 090904 003f04 0f0f04 "),
    Program(
      "a processor without coprocessor leaves registers and memory alone, and CR0 decides about #NM", .real,
      """
      probe: dw 0x5a5a
      unavailable:
        PUT 'N'
        add sp, 6
        jmp [resume]
      resume: dw 0
      start:
        mov al, 7
        mov bx, unavailable
        call setvector
        fninit
        fnstsw [probe]
        mov ax, [probe]
        call putword
        fnstcw [probe]
        mov ax, [probe]
        call putword
        mov ax, 0xa5a5
        fnstsw ax
        call putword
        mov word [resume], second
        mov eax, cr0
        or al, 4                ; EM
        mov cr0, eax
        fninit
        PUT '-'
      second:
        mov word [resume], third
        wait
        PUT 'w'
        and al, 0xfb
        or al, 8                ; TS
        mov cr0, eax
        fninit
        PUT '-'
      third:
        wait                    ; MP is clear
        PUT 'w'
        mov word [resume], fourth
        or al, 2                ; MP
        mov cr0, eax
        wait
        PUT '-'
      fourth:
        clts
        mov eax, cr0
        call putbyte
        jmp finish

      """, expect: "5a5a5a5aa5a5NwNwN12", quirk: "QEMU has a coprocessor",
      model: "qemu64,-fpu"),
  ]
}
