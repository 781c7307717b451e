; SPDX-License-Identifier: Apache-2.0
; Halts with interrupts off at once: the end of many a boot sector.
%include "boot.inc"
start:  mov si, hello
        call serial_text
.wait:  hlt
        jmp .wait
hello:  db 'GUEST halt', 13, 10, 0
boot_end
