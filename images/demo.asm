; SPDX-License-Identifier: Apache-2.0
;
; The demo disk: a boot sector and a small program behind it that show what the machine can do. Tools/run-demo drives it.
;
; What a driver can rely on (COM1, 115200 8N1; every line ends CR LF):
;   APUS-DEMO hello                 the program runs
;   APUS-DEMO screen text           the text screen is complete and waits for keys
;   APUS-DEMO screen picture        the 640x480 picture is complete and waits for keys
;   APUS-DEMO screen mode13         the 320x200 picture is complete and waits for keys
;   APUS-DEMO echo LINE             a line that is none of the commands below was typed
;   APUS-DEMO power off             the last line before ACPI S5
;   APUS-DEMO failed REASON         the demo cannot go on
; A line typed on the PS/2 keyboard is a command: `text`, `picture`, `mode13`, `off`; anything else is echoed on the
; screen (in text mode) and on the serial port.
;
; Memory: 7C00h boot sector, 8000h program, stack below 7000h, VBE mode block at 5000h, variables at 6000h.
; References: VESA BIOS Extension 3.0, functions 4F01h and 4F02h; ACPI 1.0b, chapters 5.2 and 16.3.

%define PROGRAM       0x8000
%define PROGRAM_SECTORS 32
%define MODE_INFO     0x5000
%define LINE_LIMIT    40
%define VARIABLES     0x6000
%define text_active   VARIABLES
%define frame_buffer  (VARIABLES + 4)
%define pitch         (VARIABLES + 8)
%define font          (VARIABLES + 12)
%define pm1a_control  (VARIABLES + 16)
%define sleep_type    (VARIABLES + 18)
%define line          (VARIABLES + 128)

        cpu 386
        org 0x7c00
        bits 16

boot:
        cli
        cld
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7000                  ; not in the page of this code, see picture.inc
        sti
        mov si, packet
        mov ah, 0x42                    ; extended read: the geometry the BIOS invents does not matter
        int 0x13
        jc .broken
        jmp 0x0000:PROGRAM
.broken:
        mov si, read_error
.next:  lodsb
        test al, al
        jz .stop
        mov ah, 0x0e
        mov bx, 7
        int 0x10
        jmp .next
.stop:  hlt
        jmp .stop

packet: db 16, 0
        dw PROGRAM_SECTORS
        dw PROGRAM, 0
        dq 1
read_error: db 'The demo disk cannot be read.', 13, 10, 0

        times 446 - ($ - $$) db 0
        db 0x80, 0, 2, 0, 0x7f, 0, 33, 0  ; one active partition, so that the disk looks like one to any BIOS
        dd 1, PROGRAM_SECTORS
        times 510 - ($ - $$) db 0
        dw 0xaa55

; ---------------------------------------------------------------------------------------------- program, real mode
        section program vstart=PROGRAM follows=.text align=512

        call serial_init
        mov si, say_hello
        call serial_text

show_text:
        call text_screen
        mov si, say_text
        call serial_text
        mov byte [text_active], 1

read_command:
        mov di, line
.key:
        xor ah, ah
        int 0x16
        cmp al, 13
        je .done
        cmp al, 8
        je .rubout
        cmp al, ' '
        jb .key
        cmp al, 0x7e
        ja .key
        cmp di, line + LINE_LIMIT
        jae .key
        stosb
        call echo_character
        jmp .key
.rubout:
        cmp di, line
        je .key
        dec di
        mov al, 8
        call echo_character
        mov al, ' '
        call echo_character
        mov al, 8
        call echo_character
        jmp .key
.done:
        mov byte [di], 0
        mov si, commands
.match:
        mov bx, [si]                    ; handler, 0 at the end of the table
        test bx, bx
        jz .echo
        add si, 2
        mov di, line
        mov cx, 1                       ; 1 while equal
.compare:
        lodsb
        cmp al, [di]
        je .same
        xor cx, cx
.same:
        inc di
        test al, al
        jnz .compare
        jcxz .match
        mov byte [text_active], 0
        jmp bx
.echo:
        mov si, say_echo
        call serial_text
        mov si, line
        call serial_text
        call serial_newline
        cmp byte [text_active], 0
        je read_command
        call answer_echo
        jmp read_command

commands:
        dw show_text
        db 'text', 0
        dw show_picture
        db 'picture', 0
        dw show_mode13
        db 'mode13', 0
        dw power_off
        db 'off', 0
        dw 0

; Prints AL at the cursor while the text screen is up; a picture stays as it is.
echo_character:
        cmp byte [text_active], 0
        je .no
        pusha
        mov ah, 0x0e
        mov bx, 7
        int 0x10
        popa
.no:    ret

; Under the prompt: what was typed; then an empty prompt again.
answer_echo:
        mov dx, 0x1704                  ; row 23
        call goto_cell
        mov si, echo_label
        mov bl, 0x0a
        call print
        mov si, line
        mov bl, 0x0f
        call print
        mov cx, LINE_LIMIT
        mov ax, 0x0920
        mov bx, 0x0007
        int 0x10
; falls through
prompt:
        mov dx, 0x1604
        call goto_cell
        mov si, prompt_text
        mov bl, 0x0e
        call print
        mov cx, LINE_LIMIT
        mov ax, 0x0920
        mov bx, 0x0007
        int 0x10
        ret

goto_cell:
        mov ah, 2
        xor bh, bh
        int 0x10
        ret

; Prints the string at SI in colour BL at the cursor, which moves on.
print:
        pusha
.next:  lodsb
        test al, al
        jz .end
        mov ah, 9
        xor bh, bh
        mov cx, 1
        int 0x10
        mov ah, 3
        int 0x10
        inc dl
        call goto_cell
        jmp .next
.end:   popa
        ret

; ---------------------------------------------------------------------------------------------- text screen
text_screen:
        mov ax, 3
        int 0x10
        mov ax, 0xb800
        mov es, ax
        ; sky: blue from dark to light, made of the shade characters of code page 437
        xor di, di
        xor bx, bx
.row:
        mov ax, [sky + bx]
        mov cx, 80
        rep stosw
        add bx, 2
        cmp bx, 2 * 14
        jb .row
        mov ax, 0x0020
        mov cx, 80 * 11
        rep stosw

        mov si, title                   ; the name in blocks
        mov di, (3 * 80 + 24) * 2
        mov ah, 0x1f
        call stamp
        mov ah, 0x10                    ; two swifts in flight
        mov si, bird
        mov di, (5 * 80 + 2) * 2
        call stamp
        mov si, small_bird
        mov di, (3 * 80 + 62) * 2
        call stamp

        mov di, (12 * 80) * 2           ; hills
        mov si, hills
        mov cx, 80 * 2
.hill:
        lodsb
        cmp al, ' '
        je .sky
        mov ah, 0x12
        mov [es:di], ax
.sky:
        add di, 2
        dec cx
        jnz .hill

        mov di, (15 * 80 + 4) * 2       ; the sixteen colours on all eight grounds
        mov dl, 0
.ground:
        push di
        mov cl, 0
.colour:
        mov ah, dl
        shl ah, 4
        or ah, cl
        mov al, 0x04
        stosw
        mov al, 0xb2
        stosw
        inc cl
        cmp cl, 16
        jb .colour
        pop di
        add di, 160
        inc dl
        cmp dl, 6
        jb .ground

        mov si, notes
        mov di, (15 * 80 + 40) * 2
.note:
        push di
        lodsb
        mov ah, al
        test al, al
        jz .notes_end
.note_character:
        lodsb
        test al, al
        jz .note_end
        stosw
        jmp .note_character
.note_end:
        pop di
        add di, 160
        jmp .note
.notes_end:
        pop di
        xor ax, ax
        mov es, ax
        jmp prompt

; Stamps rows of text at SI in colour AH over the screen at DI: each row ends with 0, the last with another; spaces are transparent.
stamp:
        push di
.next:  lodsb
        test al, al
        jz .row
        cmp al, ' '
        je .skip
        mov [es:di], ax
.skip:
        add di, 2
        jmp .next
.row:
        pop di
        add di, 160
        cmp byte [si], 0
        jne stamp
        ret

sky:    dw 0x1020, 0x1020, 0x1020, 0x1020, 0x1020, 0x1020, 0x1020, 0x1020
        dw 0x19b0, 0x19b0, 0x19b1, 0x19b1, 0x19b2, 0x19b2

%define BLOCK 0xdb
title:
        db ' ', BLOCK, BLOCK, BLOCK, BLOCK, '   ', BLOCK, BLOCK, BLOCK, BLOCK, BLOCK, '   ', BLOCK, BLOCK, '  ', BLOCK, BLOCK, '   ', BLOCK, BLOCK, BLOCK, BLOCK, BLOCK, 0
        db BLOCK, BLOCK, '  ', BLOCK, BLOCK, '  ', BLOCK, BLOCK, '  ', BLOCK, BLOCK, '  ', BLOCK, BLOCK, '  ', BLOCK, BLOCK, '  ', BLOCK, BLOCK, 0
        db BLOCK, BLOCK, '  ', BLOCK, BLOCK, '  ', BLOCK, BLOCK, '  ', BLOCK, BLOCK, '  ', BLOCK, BLOCK, '  ', BLOCK, BLOCK, '  ', BLOCK, BLOCK, 0
        db BLOCK, BLOCK, BLOCK, BLOCK, BLOCK, BLOCK, '  ', BLOCK, BLOCK, BLOCK, BLOCK, BLOCK, '   ', BLOCK, BLOCK, '  ', BLOCK, BLOCK, '   ', BLOCK, BLOCK, BLOCK, BLOCK, 0
        db BLOCK, BLOCK, '  ', BLOCK, BLOCK, '  ', BLOCK, BLOCK, '      ', BLOCK, BLOCK, '  ', BLOCK, BLOCK, '      ', BLOCK, BLOCK, 0
        db BLOCK, BLOCK, '  ', BLOCK, BLOCK, '  ', BLOCK, BLOCK, '      ', BLOCK, BLOCK, '  ', BLOCK, BLOCK, '      ', BLOCK, BLOCK, 0
        db BLOCK, BLOCK, '  ', BLOCK, BLOCK, '  ', BLOCK, BLOCK, '       ', BLOCK, BLOCK, BLOCK, BLOCK, '   ', BLOCK, BLOCK, BLOCK, BLOCK, BLOCK, 0
        db 0
bird:
        db '\_              _/', 0
        db '  ', 0xdb, 0xdc, '          ', 0xdc, 0xdb, 0
        db '   ', 0xdf, 0xdb, 0xdb, 0xdc, 0xdc, 0xdb, 0xdb, 0xdc, 0xdc, 0xdb, 0xdb, 0xdf, 0
        db '      ', 0xdf, 0xdb, 0xdb, 0xdb, 0xdb, 0xdf, 0
        db '        ', 0xdb, 0xdb, 0
        db '       / \', 0, 0
small_bird:
        db '\_   _/', 0
        db '  ', 0xdf, 0xdb, 0xdf, 0, 0

; Two rows: the tops of the hills in half blocks, then solid ground.
hills:
        times 6 db ' '
        times 5 db 0xdc
        times 9 db 0xdb
        times 6 db 0xdc
        times 17 db ' '
        times 6 db 0xdc
        times 5 db 0xdb
        times 4 db 0xdc
        times 12 db ' '
        times 3 db 0xdc
        times 7 db 0xdb
        times 80 db 0xdb

notes:
        db 0x0f, 'Apus, a PC emulator written in Swift', 0
        db 0x07, 'Named after the swift, which hardly', 0
        db 0x07, 'ever lands.', 0
        db 0x08, 0, 0x0b, 'picture  640x480, 16 million colours', 0
        db 0x0b, 'mode13   320x200, 256 colours', 0
        db 0x0b, 'off      ACPI power off', 0
        db 0
prompt_text: db 'Type a command or anything else: ', 0
echo_label:  db 'You typed: ', 0

; ---------------------------------------------------------------------------------------------- pictures
show_picture:
        mov ax, 0x4f01
        mov cx, 0x142
        mov di, MODE_INFO
        int 0x10
        cmp ax, 0x004f
        jne .no_mode
        cmp byte [MODE_INFO + 25], 32   ; bits per pixel
        jne .no_mode
        test byte [MODE_INFO], 0x80     ; linear frame buffer
        jz .no_mode
        movzx eax, word [MODE_INFO + 16]
        mov [pitch], eax
        mov eax, [MODE_INFO + 40]
        mov [frame_buffer], eax
        mov ax, 0x1130                  ; the 8x16 font, for lettering
        mov bh, 6
        push es
        int 0x10
        movzx eax, bp
        mov bx, es
        pop es
        movzx ebx, bx
        shl ebx, 4
        add eax, ebx
        mov [font], eax
        mov ax, 0x4f02
        mov bx, 0x4142
        int 0x10
        cmp ax, 0x004f
        jne .no_mode
        mov eax, draw_picture
        call in_protected_mode
        mov si, say_picture
        call serial_text
        jmp read_command
.no_mode:
        mov si, say_no_mode
        call serial_text
        jmp show_text

show_mode13:
        mov ax, 0x13
        int 0x10
        ; palette: 64 blues to rose, 64 greens, the rest stays
        mov dx, 0x3c8
        xor al, al
        out dx, al
        inc dx
        xor cx, cx
.entry:
        mov al, cl
        shr al, 1
        add al, 8
        out dx, al
        mov al, cl
        shr al, 2
        add al, 4
        out dx, al
        mov al, 40
        sub al, cl
        jns .positive
        neg al
.positive:
        out dx, al
        inc cx
        cmp cx, 64
        jb .entry
        mov ax, 0xa000
        mov es, ax
        xor di, di
        xor bx, bx                      ; y
.row:
        xor si, si                      ; x
.pixel:
        mov ax, si
        sub ax, 160
        imul ax, ax
        mov cx, bx
        sub cx, 100
        imul cx, cx
        add ax, cx
        shr ax, 8
        add ax, bx
        and al, 63                      ; rings on a slope
        stosb
        inc si
        cmp si, 320
        jb .pixel
        inc bx
        cmp bx, 200
        jb .row
        xor ax, ax
        mov es, ax
        mov si, say_mode13
        call serial_text
        jmp read_command

; ---------------------------------------------------------------------------------------------- power off
power_off:
        mov eax, find_acpi
        call in_protected_mode
        cmp word [pm1a_control], 0
        je .none
        mov si, say_off
        call serial_text
        mov dx, 0x3fd
.drain:
        in al, dx                       ; the last line must have left the wire
        test al, 0x40
        jz .drain
        mov ax, [sleep_type]
        shl ax, 10
        or ax, 0x2000                   ; SLP_EN
        mov dx, [pm1a_control]
        out dx, ax
.wait:  hlt
        jmp .wait
.none:
        mov si, say_no_acpi
        call serial_text
        jmp show_text

; ---------------------------------------------------------------------------------------------- serial port
serial_init:
        mov si, .settings
.next:  lodsb
        mov dl, al
        mov dh, 0x03
        lodsb
        out dx, al
        cmp si, .settings_end
        jb .next
        ret
.settings:
        db 0xf9, 0x00, 0xfb, 0x80, 0xf8, 0x01, 0xf9, 0x00, 0xfb, 0x03, 0xfa, 0x07, 0xfc, 0x03
.settings_end:

serial_newline:
        mov si, newline
serial_text:
        lodsb
        test al, al
        jz .end
        mov ah, al
        mov dx, 0x3fd
.busy:
        in al, dx
        test al, 0x20
        jz .busy
        mov dl, 0xf8
        mov al, ah
        out dx, al
        jmp serial_text
.end:   ret

say_hello:   db 'APUS-DEMO hello', 13, 10, 0
say_text:    db 'APUS-DEMO screen text', 13, 10, 0
say_picture: db 'APUS-DEMO screen picture', 13, 10, 0
say_mode13:  db 'APUS-DEMO screen mode13', 13, 10, 0
say_echo:    db 'APUS-DEMO echo ', 0
say_off:     db 'APUS-DEMO power off', 13, 10, 0
say_no_mode: db 'APUS-DEMO failed no 640x480x32 mode', 13, 10, 0
say_no_acpi: db 'APUS-DEMO failed no ACPI', 13, 10, 0
newline:     db 13, 10, 0

; ---------------------------------------------------------------------------------------------- mode switch
; Calls the 32-bit routine at EAX with flat segments, interrupts off, and comes back to real mode.
in_protected_mode:
        pushad
        cli
        in al, 0x92
        or al, 2                        ; A20
        and al, 0xfe
        out 0x92, al
        mov eax, [esp + 28]             ; EAX as it was
        lgdt [gdt_pointer]
        mov ebx, cr0
        or bl, 1
        mov cr0, ebx
        jmp dword 0x08:.flat
        bits 32
.flat:
        mov bx, 0x10
        mov ds, bx
        mov es, bx
        mov ss, bx
        movzx esp, sp
        call eax
        jmp 0x18:.narrow
        bits 16
.narrow:
        mov bx, 0x20
        mov ds, bx
        mov es, bx
        mov ss, bx
        mov eax, cr0
        and al, 0xfe
        mov cr0, eax
        jmp 0x0000:.real
.real:
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        sti
        popad
        ret

        align 8
gdt:    dq 0
        dq 0x00cf9a000000ffff           ; 08h flat code
        dq 0x00cf92000000ffff           ; 10h flat data
        dq 0x00009a000000ffff           ; 18h 16-bit code
        dq 0x000092000000ffff           ; 20h 16-bit data
gdt_pointer:
        dw $ - gdt - 1
        dd gdt

%include "picture.inc"
%include "acpi.inc"

        times PROGRAM_SECTORS * 512 - ($ - $$) db 0
