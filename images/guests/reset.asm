; SPDX-License-Identifier: Apache-2.0
; Asks the keyboard controller for a reset.
%include "boot.inc"
start:  mov si, hello
        call serial_text
        mov al, 0xfe
        out 0x64, al
.wait:  hlt
        jmp .wait
hello:  db 'GUEST reset', 13, 10, 0
boot_end
