// SPDX-License-Identifier: Apache-2.0

extension Program {
  /// Into 64-bit mode, with an IDT that reports, `TRY`, and a user level; the program starts at `main`.
  private static let longMode = """
    KCODE equ 0x08
    KDATA equ 0x10
    UCODE32 equ 0x18 | 3
    UDATA equ 0x20 | 3
    UCODE equ 0x28 | 3
    TSS equ 0x30
    CODE32 equ 0x40
    align 8
    gdt: dq 0
      dq 0x00af9b000000ffff
      dq 0x00cf93000000ffff
      dq 0x00cffb000000ffff
      dq 0x00cff3000000ffff
      dq 0x00affb000000ffff
    tssdescriptor: dw 0x67, tss
      db 0, 0x89, 0, 0
      dq 0
      dq 0x00cf9b000000ffff
    gdtend:
    gdtr: dw gdtend - gdt - 1
      dd gdt
    idtr: dw 0x40 * 16 - 1
      dq 0x10000
    align 8
    tss: dd 0
      dq 0x6800, 0, 0, 0
      dq 0x6400                 ; IST1
      times 0x68 - 0x2c db 0
    resume: dq 0
    mark: dq 0
    saversp: dq 0
    start:
      cli
      mov di, 0x2000
      mov es, di
      xor di, di
      xor eax, eax
      mov cx, 0x3000
      cld
      rep stosd
      mov ax, 0x2000
      mov ds, ax
      mov dword [0], 0x21007
      mov dword [0x1000], 0x22007
      mov dword [0x2000], 0x87
      mov dword [0x2008], 0x200087
      xor ax, ax
      mov ds, ax
      mov es, ax
      lgdt [gdtr]
      mov eax, 0x20
      mov cr4, eax
      mov eax, 0x20000
      mov cr3, eax
      mov ecx, 0xc0000080
      xor edx, edx
      mov eax, 0x101
      wrmsr
      mov eax, cr0
      or eax, 0x80000001
      mov cr0, eax
      jmp KCODE:start64
    bits 64
    put64: push rax
      shr rax, 32
      call put32
      pop rax
    put32: push rax
      shr rax, 16
      call put16
      pop rax
    put16: push rax
      shr rax, 8
      call put8
      pop rax
    put8: push rax
      shr rax, 4
      call put4
      pop rax
    put4: push rax
      and al, 15
      add al, '0'
      cmp al, '9'
      jbe .out
      add al, 39
    .out:
      out 0xe9, al
      pop rax
      ret
    %macro PUTC 1
      push rax
      mov al, %1
      out 0xe9, al
      pop rax
    %endmacro
    %macro TRY 1+
      mov [saversp], rsp
      mov qword [resume], %%after
      mov qword [mark], %%at
    %%at:
      %1
      PUTC '-'
    %%after:
      PUTC ' '
    %endmacro
    %assign vector 0
    %rep 0x40
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
    %rep 0x40
      dq stub %+ vector
    %assign vector vector + 1
    %endrep
    report:
      mov rax, [rsp]
      call put8
      PUTC '('
      mov rax, [rsp + 8]
      call put16
      PUTC ')'
      PUTC '+'
      mov rax, [rsp + 16]
      sub rax, [mark]
      call put8
      mov rsp, [saversp]
      jmp [resume]
    ; Gate %1: offset %2, attributes %3, interrupt stack %4.
    %macro SETGATE 4
      mov rax, %2
      mov [0x10000 + (%1) * 16], ax
      mov word [0x10000 + (%1) * 16 + 2], KCODE
      mov byte [0x10000 + (%1) * 16 + 4], %4
      mov byte [0x10000 + (%1) * 16 + 5], %3
      shr rax, 16
      mov [0x10000 + (%1) * 16 + 6], ax
      mov qword [0x10000 + (%1) * 16 + 8], 0
    %endmacro
    start64:
      mov ax, KDATA
      mov ds, ax
      mov es, ax
      mov ss, ax
      mov rsp, 0x6000
      mov ecx, 0
    .fill:
      mov rax, [stubs + rcx * 8]
      mov rdi, rcx
      shl rdi, 4
      mov [rdi + 0x10000], ax
      mov word [rdi + 0x10002], KCODE
      mov word [rdi + 0x10004], 0x8e00
      shr rax, 16
      mov [rdi + 0x10006], ax
      mov qword [rdi + 0x10008], 0
      inc ecx
      cmp ecx, 0x40
      jb .fill
      lidt [idtr]
      mov ax, TSS
      ltr ax
      jmp main
    finish64:
      mov dx, 0x501
      mov al, 0
      out dx, al
      hlt

    """

  /// Reports page faults as error code and address.
  private static let pageFaults = """
    faulted:
      mov rax, [rsp]
      call put16
      PUTC ':'
      mov rax, cr2
      call put64
      mov rsp, [saversp]
      jmp [resume]

    """

  static let long: [Program] = [
    Program(
      "flags of an instruction before one that faults and others that overwrite them", .real,
      longMode + """
        faultflags:
          mov rax, [rsp + 24]
          and rax, rdx
          call put16
          PUTC ' '
          mov rsp, [saversp]
          jmp [resume]
        ; RAX, RCX, mask of the flags to show, the instruction.
        %macro FLAGS 4+
          mov [saversp], rsp
          mov qword [resume], %%after
          mov rax, %1
          mov rcx, %2
          mov edx, %3
          mov rbx, 0x400000
          %4
          lea rsi, [rax + rcx]
          mov rdi, [rbx]
          add rax, [rbx]
          add rax, rcx
        %%after:
        %endmacro
        main:
          SETGATE 14, faultflags, 0x8e, 0
          mov ebp, 2
        .again:
          FLAGS 0x7fffffff, 0x1, 0x8d5, add eax, ecx
          FLAGS 0xffffffffffffffff, 0x1, 0x8d5, add rax, rcx
          FLAGS 0x7fff, 0x7fff, 0x8d5, add ax, cx
          FLAGS 0x88, 0x99, 0x8d5, add al, cl
          FLAGS 0x7fffff91, 0x0, 0x8d5, add eax, 0x7f
          FLAGS 0x80000000, 0x1, 0x8d5, sub eax, ecx
          FLAGS 0x0, 0x1, 0x8d5, sub rax, rcx
          FLAGS 0x7fffffffffffffff, 0xffffffffffffff80, 0x8d5, sub rax, -0x80
          FLAGS 0x5, 0x10, 0x8d5, cmp ecx, eax
          FLAGS 0x11, 0x91, 0x8d5, cmp al, 0x91
          FLAGS 0xc000000000000001, 0x0, 0x8d5, add rax, rax
          FLAGS 0xc0000003, 0x1, 0x8c5, shl eax, 1
          FLAGS 0x80000001, 0x1, 0x8c5, shr eax, 1
          FLAGS 0x8000000000000003, 0x1, 0x8c5, sar rax, 1
          FLAGS 0x4000000000000000, 0x1, 0x8c5, shl rax, 1
          FLAGS 0xf0f0, 0x8f0f, 0x8c5, and eax, ecx
          FLAGS 0xf0f0f0f0, 0xf0f0f00, 0x8c5, xor eax, ecx
          dec ebp
          jnz .again
          jmp finish64

        """,
      expect:
        "0894 0055 0890 0815 0890 0814 0095 0881 0010 0881 0081 0085 0805 0081 0884 0004 0084 0894 0055 0890 0815 0890 0814 0095 0881 0010 0881 0081 0085 0805 0081 0884 0004 0084 "
    ),
    Program(
      "4-level paging: 1-GiB and 2-MiB pages, reserved bits, no-execute", .real,
      longMode + pageFaults + """
        main:
          SETGATE 14, faulted, 0x8e, 0
          mov qword [0x21008], 0x87             ; 1 GiB at 1 GiB
          mov qword [0x21010], 0x2087           ; bit 13 of a 1-GiB page is reserved
          mov rax, [resume]
          mov rbx, [0x40000000 + resume]
          cmp rax, rbx
          sete al
          call put8
          mov dword [0x40000000 + 0x3ff000], 0x1234
          mov rax, [0x3ff000]
          call put16
          PUTC ' '
          mov ebx, 0x80000000
          TRY mov al, [rbx]
          TRY mov al, [0xffffffffc0000000]
          mov rax, 0x8000000000200087
          mov [0x22008], rax                    ; no-execute is reserved while EFER.NXE is clear
          invlpg [0x200000]
          TRY mov al, [0x200000]
          mov ecx, 0xc0000080
          rdmsr
          or eax, 0x800
          wrmsr
          TRY mov al, [0x200000]
          mov eax, 0x200000
          TRY jmp rax
          mov eax, [0x22008]
          call put16
          jmp finish64

        """,
      expect: "011234 0009:0000000080000000 0000:ffffffffc0000000 0009:0000000000200000 - 0011:0000000000200000 00a7",
      quirk: "reserved bits give error code 8 without the present bit", model: "max"),
    Program(
      "machine-check registers, RDTSCP, and MSRs of AMD's processors", .real,
      longMode + """
        main:
          mov ecx, 0x17b
          rdmsr
          and eax, edx
          call put32
          PUTC ' '
          mov ecx, 0x401
          xor eax, eax
          xor edx, edx
          TRY wrmsr
          inc eax
          TRY wrmsr
          mov ecx, 0xc0000103
          mov eax, 0x77
          xor edx, edx
          wrmsr
          rdtscp
          mov eax, ecx
          call put32
          PUTC ' '
          mov ecx, 0xc0010015
          TRY rdmsr
          jmp finish64

        """, expect: "ffffffff - 0d(0000)+00 00000077 - ",
      quirk: "bank status registers take any value", model: "max"),
    Program(
      "64-bit mode: gates, aligned frames, error codes, canonical addresses", .real,
      longMode + """
        main:
          SETGATE 0x21, show, 0x8e, 0
          SETGATE 0x22, show, 0x8e, 1
          mov rsp, 0x5ff8
          int 0x21
          int 0x22
          mov rsp, 0x6000
          TRY ud2
          mov rbx, 0x800000000000
          TRY mov al, [rbx]
          mov rsp, 0x6000
          TRY mov al, [0x400000]
          xor ecx, ecx
          TRY div ecx
          mov ax, 0x50
          TRY mov fs, ax
          mov ecx, 0xc0000080
          rdmsr
          call put32
          jmp finish64
        show:
          mov rbp, rsp
          mov rax, rsp
          call put16
          mov rax, [rbp + 24]
          call put16
          mov rax, [rbp + 32]
          call put16
          mov rax, [rbp + 8]
          call put16
          PUTC ' '
          iretq

        """,
      expect:
        "5fc85ff800100008 63d85ff800100008 06(0000)+00 0d(0000)+00 0e(0000)+00 00(0000)+00 0d(0050)+00 00000501"
    ),
    Program(
      "64-bit mode: IRETQ to user code, SYSCALL and SYSRET, SWAPGS, interrupts back", .real,
      longMode + """
        main:
          SETGATE 0x21, back, 0xee, 0
          mov ecx, 0xc0000081
          mov edx, 0x00180008
          xor eax, eax
          wrmsr
          inc ecx
          xor edx, edx
          mov eax, entry
          wrmsr
          mov ecx, 0xc0000084
          mov eax, 0x200
          wrmsr
          mov ecx, 0xc0000101
          mov eax, 0x1111
          wrmsr
          inc ecx
          mov eax, 0x2222
          wrmsr
          mov byte [0x22000], 0x87
          push UDATA
          push 0x5000
          push 0x3202
          push UCODE
          push user
          iretq
        user:
          mov ax, cs
          call put16
          mov ax, ss
          call put16
          PUTC ' '
          mov eax, 0x12345678
          syscall
          mov rax, r11
          call put16
          mov ax, cs
          call put16
          mov ax, ss
          call put16
          PUTC ' '
          int 0x21
        entry:
          mov rbx, rsp
          mov rsp, 0x6000
          push rcx
          push r11
          mov ax, cs
          call put16
          mov ax, ss
          call put16
          pushfq
          pop rax
          and eax, 0x200
          call put16
          swapgs
          mov ecx, 0xc0000101
          rdmsr
          call put16
          swapgs
          mov ecx, 0xc0000101
          rdmsr
          call put16
          PUTC ' '
          pop r11
          pop rcx
          mov rsp, rbx
          o64 sysret
        back:
          mov rbp, rsp
          mov rax, rsp
          call put16
          mov rax, [rbp + 24]
          call put16
          mov ax, [rbp + 8]
          call put16
          mov ax, ss
          call put16
          jmp finish64

        """, expect: "002b0023 00080010000022221111 3297002b0023 67d85000002b0000"),
    Program(
      "compatibility mode: 32-bit code between 64-bit gates", .real,
      longMode + """
        main:
          SETGATE 0x21, back, 0xee, 0
          push UDATA
          push 0x5000
          push 0x3202
          push UCODE32
          push user
          iretq
        bits 32
        user:
          mov eax, 0x7fffffff
          inc eax                       ; 40h is no prefix here
          mov ebx, eax
          push eax
          int 0x21
        bits 64
        back:
          mov rbp, rsp
          mov rax, rbx
          call put64
          mov rax, [rbp + 24]
          call put16
          mov ax, [rbp + 8]
          call put16
          push KCODE
          push again
          mov ax, CODE32
          mov ds, ax
          push CODE32
          push kernel32
          o64 retf
        bits 32
        kernel32:
          mov eax, cs
          jmp KCODE:again
        bits 64
        again:
          call put16
          mov ax, cs
          call put16
          jmp finish64

        """, expect: "00000000800000004ffc001b00400008"),
  ]
}
