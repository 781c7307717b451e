; SPDX-License-Identifier: Apache-2.0
; Faults with an empty interrupt table: #GP, #DF, shutdown.
%include "boot.inc"
start:  mov si, hello
        call serial_text
        lidt [empty]
        int 3
.wait:  hlt
        jmp .wait
empty:  dw 0
        dd 0
hello:  db 'GUEST triple-fault', 13, 10, 0
boot_end
