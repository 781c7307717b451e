; SPDX-License-Identifier: Apache-2.0
; With interrupts off: halts once COM1 has received an h, waits for memory that nobody writes for an l, and jumps to itself
; for ever for anything else. What a guest looks like that nothing but a reset helps.
%include "boot.inc"
start:  mov si, hello
        call serial_text
        mov dx, 0x3fd
.wait:  in al, dx
        test al, 1
        jz .wait
        mov dl, 0xf8
        in al, dx
        mov ebx, 0x12345678
        cmp al, 'l'
        je .loop
        cmp al, 'h'
        jne .spin
        hlt
.spin:  jmp .spin
.loop:  pause
        cmp dword [hello], 'GUES'
        je .loop
hello:  db 'GUEST hang', 13, 10, 0
boot_end
