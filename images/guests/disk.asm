; SPDX-License-Identifier: Apache-2.0
; Reads sector 1 of the first disk, writes its complement to sector 2, then tries to make sector 0 the head of a qcow2
; image, which a disk whose format was guessed must refuse. Says how the BIOS took each step, and powers off.
%include "boot.inc"
start:  mov si, hello
        call serial_text
        mov word [packet + 4], 0x8000
        mov byte [packet + 8], 1
        mov ah, 0x42
        mov bp, say_read
        call disk
        mov si, 0x8000
        mov cx, 512
.flip:  not byte [si]
        inc si
        loop .flip
        mov byte [packet + 8], 2
        mov ax, 0x4300
        mov bp, say_write
        call disk
        mov byte [packet + 8], 0
        mov dword [0x8000], 0xfb494651  ; 'QFI' FBh
        mov dword [0x8004], 0x03000000  ; version 3
        mov ax, 0x4300
        mov bp, say_boot
        call disk
        mov dx, 0x604
        mov ax, 0x2000
        out dx, ax
.wait:  hlt
        jmp .wait

; Calls the BIOS with AX and the packet; reports the step named at BP.
disk:   mov dl, 0x80
        mov si, packet
        int 0x13
        pushf
        mov si, bp
        call serial_text
        mov si, say_ok
        popf
        jnc .say
        mov si, say_error
.say:   jmp serial_text

packet: db 16, 0
        dw 1, 0x8000, 0
        dq 1
hello:     db 'GUEST disk', 13, 10, 0
say_read:  db 'read', 0
say_write: db 'write', 0
say_boot:  db 'boot sector', 0
say_ok:    db ' ok', 13, 10, 0
say_error: db ' error', 13, 10, 0
boot_end
