; SPDX-License-Identifier: Apache-2.0
; Tells pvpanic's port, if there is one, that a crash kernel was loaded, then that it panics; says what the port reads and
; that it goes on.
%include "boot.inc"
start:  mov si, hello
        call serial_text
        mov dx, 0x505
        in al, dx
        add al, '0'
        call serial_character
        mov dx, 0x505
        mov al, 2                       ; crash loaded
        out dx, al
        mov al, 1                       ; panicked
        out dx, al
        mov si, after
        call serial_text
        sti
.wait:  hlt
        jmp .wait
hello:  db 'GUEST panic', 13, 10, 0
after:  db ' goes on', 13, 10, 0
boot_end
