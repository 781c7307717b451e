; SPDX-License-Identifier: Apache-2.0
; Enters S5 through the PIIX4's fixed PM1a control register.
%include "boot.inc"
start:  mov si, hello
        call serial_text
        mov dx, 0x604
        mov ax, 0x2000                  ; SLP_EN, type 0
        out dx, ax
.wait:  hlt
        jmp .wait
hello:  db 'GUEST power-off', 13, 10, 0
boot_end
