; SPDX-License-Identifier: Apache-2.0
; Halts with interrupts on: what a guest that has nothing to do looks like.
%include "boot.inc"
start:  mov si, hello
        call serial_text
        sti
.wait:  hlt
        jmp .wait
hello:  db 'GUEST idle', 13, 10, 0
boot_end
