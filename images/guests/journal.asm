; SPDX-License-Identifier: Apache-2.0
; Writes 4 KiB pieces all over the third IDE disk (the secondary channel's master) for ever, each piece full of its number,
; and flushes the disk's cache after every fourth. Then it says the number, in eight digits: what was written up to there
; must be there whatever happens to the host's process. The place of piece n follows from n alone.
%include "boot.inc"

PIECE equ 8                             ; sectors
MASK  equ 0x7ff8                        ; places: multiples of 8 sectors below 16 MiB

start:  mov si, hello
        call serial_text
        xor edi, edi                    ; number of the piece
        mov ebp, 1                      ; what its place is made from
next:   inc edi
        imul ebp, ebp, 1664525
        add ebp, 1013904223
        push edi
        mov eax, edi
        mov di, 0x8000
        mov cx, PIECE * 128
        rep stosd
        pop edi
        call ready
        mov ebx, ebp
        shr ebx, 12
        and ebx, MASK
        mov dx, 0x172
        mov al, PIECE
        out dx, al
        inc dx
        mov al, bl
        out dx, al
        inc dx
        mov al, bh
        out dx, al
        inc dx
        xor al, al
        out dx, al
        inc dx
        mov al, 0xe0
        out dx, al
        inc dx
        mov al, 0x30                    ; WRITE SECTORS
        out dx, al
        mov si, 0x8000
        mov bl, PIECE
.sector:
        mov dx, 0x177
.data:  in al, dx
        test al, 0x80
        jnz .data
        test al, 0x21
        jnz fail
        test al, 0x08
        jz .data
        mov dx, 0x170
        mov cx, 256
        rep outsw
        dec bl
        jnz .sector
        call ready
        test edi, 3
        jnz next
        mov dx, 0x177
        mov al, 0xe7                    ; FLUSH CACHE
        out dx, al
        call ready
        mov edx, edi
        mov cx, 8
.digit: rol edx, 4
        mov al, dl
        and al, 15
        add al, '0'
        cmp al, '9'
        jbe .say
        add al, 'a' - '0' - 10
.say:   call serial_character
        loop .digit
        mov al, 10
        call serial_character
        jmp next

; Waits until the drive is not busy any more.
ready:  mov dx, 0x177
.busy:  in al, dx
        test al, 0x80
        jnz .busy
        test al, 0x21
        jnz fail
        ret

fail:   mov si, failed
        call serial_text
.stop:  hlt
        jmp .stop

hello:  db 'GUEST journal', 10, 0
failed: db 'failed', 10, 0
boot_end
