; SPDX-License-Identifier: Apache-2.0
; Counts in the doubleword at 500h for ever, so that a test can read how fast the guest runs.
%include "boot.inc"
start:  mov si, hello
        call serial_text
        sti
        xor eax, eax
        mov [0x500], eax
.count:
        mov cx, 100                     ; a hundred rounds of plain arithmetic a count
.round:
        add ebx, ecx
        xor edx, ebx
        rol edx, 5
        dec cx
        jnz .round
        inc eax
        mov [0x500], eax
        jmp .count
hello:  db 'GUEST busy', 13, 10, 0
boot_end
