; SPDX-License-Identifier: Apache-2.0
; Sends back each character that COM1 receives, in upper case where it is a letter.
%include "boot.inc"
start:  mov si, hello
        call serial_text
        mov dx, 0x3fd
.wait:  in al, dx
        test al, 1
        jz .wait
        mov dl, 0xf8
        in al, dx
        mov dl, 0xfd
        cmp al, 'a'
        jb .send
        cmp al, 'z'
        ja .send
        sub al, 32
.send:  call serial_character
        jmp .wait
hello:  db 'GUEST serial-echo', 13, 10, 0
boot_end
