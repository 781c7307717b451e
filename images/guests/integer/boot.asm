; SPDX-License-Identifier: Apache-2.0
; Loads the C program behind it (IMAGE_SECTORS, from the build) to 10000h and enters it in flat 32-bit protected mode.
        cpu 386
        org 0x7c00
        bits 16
        cli
        cld
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7000
        jmp 0x0000:start
start:  mov si, packet
        mov ah, 0x42
        int 0x13
        jc .stop
        cli
        in al, 0x92
        or al, 2                        ; A20
        and al, 0xfe
        out 0x92, al
        lgdt [gdt_pointer]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword 0x08:flat
.stop:  hlt
        jmp .stop
        bits 32
flat:   mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esp, 0x90000
        mov eax, 0x10000
        jmp eax

packet: db 16, 0
        dw IMAGE_SECTORS
        dw 0, 0x1000
        dq 1
        align 8
gdt:    dq 0
        dq 0x00cf9a000000ffff
        dq 0x00cf92000000ffff
gdt_pointer:
        dw $ - gdt - 1
        dd gdt
        times 510 - ($ - $$) db 0
        dw 0xaa55
