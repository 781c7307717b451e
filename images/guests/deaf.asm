; SPDX-License-Identifier: Apache-2.0
; Spins with interrupts off: a guest that never reads its keyboard.
%include "boot.inc"
start:  mov si, hello
        call serial_text
.spin:  jmp .spin
hello:  db 'GUEST deaf', 13, 10, 0
boot_end
