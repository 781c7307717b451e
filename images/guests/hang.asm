; SPDX-License-Identifier: Apache-2.0
; Halts with interrupts off once COM1 has received an h, and jumps to itself for ever for anything else: what a guest looks
; like that nothing but a reset helps.
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
        cmp al, 'h'
        jne .spin
        hlt
.spin:  jmp .spin
hello:  db 'GUEST hang', 13, 10, 0
boot_end
