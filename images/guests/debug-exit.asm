; SPDX-License-Identifier: Apache-2.0
; Writes to debug ports E9h and F4h: the first prints, the second ends the emulator with status (10h << 1) | 1 = 33.
%include "boot.inc"
start:  mov si, hello
        call serial_text
        mov al, 'D'
        out 0xe9, al
        mov al, 0x10
        out 0xf4, al
.wait:  hlt
        jmp .wait
hello:  db 'GUEST debug-exit', 13, 10, 0
boot_end
