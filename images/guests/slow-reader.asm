; SPDX-License-Identifier: Apache-2.0
; Takes a key from the BIOS every 55 ms and sends its character to COM1: slower than anybody types, so that the BIOS's ring
; of 15 keys overflows under whoever does not wait.
%include "boot.inc"
start:  mov si, hello
        call serial_text
        sti
.next:  mov ah, 0
        int 0x16
        call serial_character
        mov eax, [0x46c]                ; BIOS's count of timer ticks
.tick:  hlt
        cmp eax, [0x46c]
        je .tick
        jmp .next
hello:  db 'GUEST slow-reader', 13, 10, 0
boot_end
