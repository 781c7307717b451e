// SPDX-License-Identifier: Apache-2.0

/// The assembler text that every bare-metal program of these tests starts with.
///
/// A program is a 64 KiB ROM image: it runs from the reset vector, copies itself to 7C00h and goes on at `start` in real
/// mode. It reports through port E9h and ends by writing to port 501h, so the same image runs on any PC emulator.
enum Library {
  /// Real mode: output, exit, exception reports.
  static let real = """
    bits 16
    org 0x7c00
    jmp start
    %macro PUT 1
      push ax
      mov al, %1
      out 0xe9, al
      pop ax
    %endmacro
    putword:                ; AX in hex
      xchg al, ah
      call putbyte
      xchg al, ah
    putbyte:                ; AL in hex
      push ax
      shr al, 4
      call putdigit
      pop ax
      push ax
      and al, 15
      call putdigit
      pop ax
      ret
    putdigit:
      add al, '0'
      cmp al, '9'
      jbe .out
      add al, 39
    .out:
      out 0xe9, al
      ret
    finish:
      mov dx, 0x501
      mov al, 0
      out dx, al
    .stay:
      cli
      hlt
      jmp .stay
    setvector:              ; vector AL, handler CS:BX
      push ds
      push 0
      pop ds
      movzx di, al
      shl di, 2
      mov [di], bx
      mov [di + 2], cs
      pop ds
      ret

    """

  /// What follows a program: padding, and the code at the reset vector.
  static let tail = """

    bits 16
    times 0x8000 - ($ - $$) db 0
    times 0x7f00 db 0
    reset:                  ; F000:FF00
      cli
      cld
      xor ax, ax
      mov ss, ax
      mov sp, 0x7000
      mov es, ax
      mov ax, 0xf000
      mov ds, ax
      xor si, si
      mov di, 0x7c00
      mov cx, 0x4000
      rep movsw
      xor ax, ax
      mov ds, ax
      jmp 0:0x7c00
    times 0xfff0 - ($ - $$) db 0
      jmp 0xf000:0xff00
    times 0x10000 - ($ - $$) db 0

    """

  /// Protected mode: a GDT, an IDT whose stubs report vector, error code and place, and TRY.
  ///
  /// `TRY instruction` prints `vv(eeee)+d` for an exception (vector, error code, distance of the saved EIP from the
  /// instruction) or `-` for none. `USER label` runs code at level 3 until INT 30h or an exception.
  static let protected =
    real + """
      NULL equ 0x00
      KCODE equ 0x08
      KDATA equ 0x10
      UCODE equ 0x18 | 3
      UDATA equ 0x20 | 3
      TSS equ 0x28
      XONLY equ 0x30          ; execute-only code
      RODATA equ 0x38         ; read-only data
      ABSENT equ 0x40         ; data, not present
      CONF equ 0x48           ; conforming code, level 0
      SMALL equ 0x50          ; data, limit 0FFFh
      DOWN equ 0x58           ; expand-down data, limit 0FFFh
      LDTSEL equ 0x60
      GATE equ 0x68           ; 386 call gate to level 0, two parameters, DPL 3
      GATE16 equ 0x70         ; 286 call gate to level 0, one parameter, DPL 3
      GATE0 equ 0x78          ; 386 call gate, DPL 0
      TSS2 equ 0x80           ; second task
      TASKGATE equ 0x88
      CODE16 equ 0x90
      DATA16 equ 0x98
      TSS3 equ 0xa0           ; 286 task
      ABSENTGATE equ 0xa8
      UCONF equ 0xb0          ; conforming code, level 3 not needed to enter from 3
      FREE equ 0xb8           ; written by programs
      LASTSEL equ 0xc0

      %macro DESCRIPTOR 3     ; base, limit, attributes (bits 40-55)
        dw (%2) & 0xffff
        dw %1                   ; everything lies below 64 KiB
        db 0
        db (%3) & 0xff
        db (((%3) >> 8) & 0xf0) | (((%2) >> 16) & 0xf)
        db 0
      %endmacro
      %macro GATEENTRY 4      ; selector, offset, count, attributes
        dw %2
        dw %1
        db %3
        db %4
        dw 0
      %endmacro
      align 8
      gdt:
        dq 0
        DESCRIPTOR 0, 0xfffff, 0xc09b
        DESCRIPTOR 0, 0xfffff, 0xc092
        DESCRIPTOR 0, 0xfffff, 0xc0fb
        DESCRIPTOR 0, 0xfffff, 0xc0f2
        DESCRIPTOR tss, 0x67 + 33, 0x0089
        DESCRIPTOR 0, 0xfffff, 0xc098
        DESCRIPTOR 0, 0xfffff, 0xc090
        DESCRIPTOR 0, 0xfffff, 0xc012
        DESCRIPTOR 0, 0xfffff, 0xc09e
        DESCRIPTOR 0, 0x00fff, 0x4092
        DESCRIPTOR 0, 0x00fff, 0x4096
        DESCRIPTOR ldt, 15, 0x0082
        GATEENTRY KCODE, gated, 2, 0xec
        GATEENTRY KCODE, gated16, 1, 0xe4
        GATEENTRY KCODE, gated, 0, 0x8c
        DESCRIPTOR tss2, 0x67, 0x0089
        GATEENTRY TSS2, 0, 0, 0xe5
        DESCRIPTOR 0, 0xffff, 0x009a
        DESCRIPTOR 0, 0xffff, 0x0092
        DESCRIPTOR tss3, 0x2b, 0x0081
        GATEENTRY KCODE, gated, 0, 0x6c
        DESCRIPTOR 0, 0xfffff, 0xc0fe
        dq 0
      gdtend:
      ldt:
        dq 0
        DESCRIPTOR 0, 0xfffff, 0xc092
      gdtr: dw gdtend - gdt - 1
            dd gdt
      idtr: dw 0x31 * 8 - 1
            dd idt
      align 8
      idt: times 0x31 * 8 db 0
      tss: times 26 dd 0
        times 32 db 0
        db 0xff
      tss2: times 26 dd 0
      tss3: times 22 dw 0
      align 4
      resume: dd 0
      mark: dd 0
      saveesp: dd 0
      kernelesp equ 0x6000
      handleresp equ 0x6800

      bits 32
      put32: push eax
        shr eax, 16
        call put16
        pop eax
      put16: push eax
        shr eax, 8
        call put8
        pop eax
      put8: push eax
        shr eax, 4
        call put4
        pop eax
      put4: push eax
        and al, 15
        add al, '0'
        cmp al, '9'
        jbe .out
        add al, 39
      .out:
        out 0xe9, al
        pop eax
        ret
      %macro PUTC 1
        push eax
        mov al, %1
        out 0xe9, al
        pop eax
      %endmacro
      %macro PUT8 1
        push eax
        mov eax, %1
        call put8
        pop eax
      %endmacro
      %macro PUT16 1
        push eax
        mov eax, %1
        call put16
        pop eax
      %endmacro
      %macro PUT32 1
        push eax
        mov eax, %1
        call put32
        pop eax
      %endmacro
      %macro SAY 1
        %strlen %%length %1
        %assign %%index 1
        %rep %%length
          %substr %%char %1 %%index
          PUTC %%char
          %assign %%index %%index + 1
        %endrep
      %endmacro
      %macro TRY 1+
        mov [saveesp], esp
        mov dword [resume], %%after
        mov dword [mark], %%at
      %%at:
        %1
        PUTC '-'
      %%after:
        PUTC ' '
      %endmacro
      ; Runs user code at %1 with interrupts' IOPL %2 until INT 30h or an exception.
      %macro USER 1-2 0
        mov [saveesp], esp
        mov dword [resume], %%after
        mov dword [mark], %1
        push UDATA
        push 0x5000
        push 2 | (%2 << 12)
        push UCODE
        push %1
        mov ax, UDATA
        mov ds, ax
        mov es, ax
        iretd
      %%after:
        PUTC ' '
      %endmacro
      ; Writes IDT entry %1: selector %2, offset %3, attributes %4 (8E interrupt gate, EE for level 3).
      %macro SETGATE 4
        mov eax, %3
        mov [idt + (%1) * 8], ax
        shr eax, 16
        mov [idt + (%1) * 8 + 6], ax
        mov word [idt + (%1) * 8 + 2], %2
        mov word [idt + (%1) * 8 + 4], (%4) << 8
      %endmacro

      %assign vector 0
      %rep 0x31
      stub %+ vector:
        %if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17
        %else
          push 0
        %endif
        push vector
        jmp report
      %assign vector vector + 1
      %endrep
      stubs:
      %assign vector 0
      %rep 0x31
        dd stub %+ vector
      %assign vector vector + 1
      %endrep

      report:                 ; vector, error code, EIP, CS, EFLAGS
        push eax
        mov ax, KDATA
        mov ds, ax
        mov es, ax
        cmp dword [esp + 4], 0x30
        je .done
        mov eax, [esp + 4]
        call put8
        PUTC '('
        mov eax, [esp + 8]
        call put16
        PUTC ')'
        PUTC '+'
        mov eax, [esp + 12]
        sub eax, [mark]
        call put8
      .done:
        mov esp, [saveesp]
        jmp [resume]

      finish32:
        mov dx, 0x501
        mov al, 0
        out dx, al
      .stay:
        cli
        hlt
        jmp .stay

      bits 16
      start:
        cli
        lgdt [gdtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp KCODE:start32
      bits 32
      start32:
        mov ax, KDATA
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov fs, ax
        mov gs, ax
        mov esp, kernelesp
        mov ecx, 0x30
      .fill:
        mov eax, [stubs + ecx * 4]
        mov [idt + ecx * 8], ax
        shr eax, 16
        mov [idt + ecx * 8 + 6], ax
        mov word [idt + ecx * 8 + 2], KCODE
        mov word [idt + ecx * 8 + 4], 0x8e00
        dec ecx
        jns .fill
        mov word [idt + 0x30 * 8 + 4], 0xee00
        mov dword [tss + 4], handleresp
        mov word [tss + 8], KDATA
        mov word [tss + 0x66], 0x68
        lidt [idtr]
        mov ax, TSS
        ltr ax
        mov ax, LDTSEL
        lldt ax
        jmp main

      """

  /// Identity paging of the first 4 MiB with 4 KiB pages; the table is at `PT`.
  static let paging = """
    PD equ 0x20000
    PT equ 0x21000
    pagingon:
      mov dword [PD], PT | 7
      mov ecx, 1023
    .clear:
      mov dword [PD + ecx * 4], 0
      dec ecx
      jnz .clear
      mov ecx, 1023
    .fill:
      mov eax, ecx
      shl eax, 12
      or eax, 7
      mov [PT + ecx * 4], eax
      dec ecx
      jns .fill
      mov eax, PD
      mov cr3, eax
      mov eax, cr0
      or eax, 0x80010000
      mov cr0, eax
      ret
    ; Page table entry of address %1.
    %define PTE(address) dword [PT + (((address) >> 12) * 4)]
    %macro SETPAGE 2          ; address, attribute bits
      mov PTE(%1), ((%1) & 0xfffff000) | %2
      invlpg [%1]
    %endmacro

    """
}
