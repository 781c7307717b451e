; SPDX-License-Identifier: Apache-2.0
; A Linux image that boots nothing: it reports on COM1 what its boot loader gave it. Tests assemble variants of it with
; VERSION (of the boot protocol), LOADFLAGS, SETUP_SECTORS, INITRD_MAX, XLOADFLAGS and PAYLOAD (bytes of kernel proper).
%ifndef VERSION
%define VERSION 0x20f
%endif
%ifndef LOADFLAGS
%define LOADFLAGS 1
%endif
%ifndef SETUP_SECTORS
%define SETUP_SECTORS 5
%endif
%ifndef INITRD_MAX
%define INITRD_MAX 0x7fffffff
%endif
%ifndef XLOADFLAGS
%define XLOADFLAGS 0
%endif
%ifndef PAYLOAD
%define PAYLOAD 5000
%endif
%if SETUP_SECTORS = 0
%define SETUP_END (5 * 512)
%else
%define SETUP_END ((SETUP_SECTORS + 1) * 512)
%endif

%include "report.inc"

        cpu 486
        bits 16
        org 0
        times 0x1f1 - ($ - $$) db 0
        db SETUP_SECTORS
        dw 1                    ; root_flags
        dd (PAYLOAD + 15) / 16  ; syssize
        dw 0, 0x1234, 0         ; ram_size, vid_mode, root_dev
        dw 0xaa55
        jmp short start
%if VERSION
        db 'HdrS'
%else
        db 'none'
%endif
        dw VERSION
        dd 0                    ; realmode_swtch
        dw 0, 0                 ; start_sys, kernel_version
        db 0, LOADFLAGS         ; type_of_loader, loadflags
        dw 0x8000               ; setup_move_size
        dd 0x100000             ; code32_start
        dd 0, 0                 ; ramdisk_image, ramdisk_size
        dd 0                    ; bootsect_kludge
        dw 0, 0                 ; heap_end_ptr, extended loader version and type
        dd 0                    ; cmd_line_ptr
        dd INITRD_MAX
        dd 0x200000             ; kernel_alignment
        db 1, 21                ; relocatable_kernel, min_alignment
        dw XLOADFLAGS
        dd 0x7ff                ; cmdline_size
        times 0x250 - ($ - $$) db 0
        dq 0                    ; setup_data
        times 0x268 - ($ - $$) db 0

start:  cli
        cld
        ; Registers first, while they are as the loader left them.
        mov [cs:saved - 0x200 + 0], esp
        mov word [cs:saved - 0x200 + 4], ss
        mov word [cs:saved - 0x200 + 6], ds
        mov word [cs:saved - 0x200 + 8], es
        mov word [cs:saved - 0x200 + 10], fs
        mov word [cs:saved - 0x200 + 12], gs
        mov word [cs:saved - 0x200 + 14], cs
        pushfd
        pop dword [cs:saved - 0x200 + 16]
        ; E820 into the buffer behind the setup code.
        mov ax, cs
        sub ax, 0x20
        mov ds, ax
        mov es, ax
        mov di, map
        xor ebx, ebx
.entry: mov eax, 0xe820
        mov edx, 0x534d4150
        mov ecx, 20
        int 0x15
        jc .mapped
        add di, 20
        cmp di, map_end
        jae .mapped
        test ebx, ebx
        jnz .entry
.mapped:
        mov [map_used], di
        cli

        ; Flat protected mode, with a code segment based at the setup code so that labels are addresses in it.
        xor eax, eax
        mov ax, ds
        shl eax, 4
        mov [base], eax
        mov ebx, eax
        mov word [descriptors + 8 + 2], ax
        mov word [descriptors + 16 + 2], ax
        shr eax, 16
        mov byte [descriptors + 8 + 4], al
        mov byte [descriptors + 16 + 4], al
        add ebx, descriptors
        mov [table + 2], ebx
        lgdt [table]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp 8:protected

        align 8, db 0
descriptors:
        dq 0
        dq 0x00cf9a000000ffff   ; 8: code at the setup code
        dq 0x00cf92000000ffff   ; 16: data there
        dq 0x00cf92000000ffff   ; 24: all memory
table:  dw 31
        dd 0
base:   dd 0
saved:  times 20 db 0
map_used:
        dw 0

        bits 32
protected:
        mov ax, 16
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esp, 0x7ff0
        mov ax, 24
        mov fs, ax

        mov esi, hello
        call text
        show 'esp', [saved]
        show 'ss:ds', [saved + 4]
        show 'es:fs', [saved + 8]
        show 'gs:cs', [saved + 12]
        mov eax, [saved + 16]
        and eax, 0x200          ; IF
        show 'interrupts', eax
        show 'base', [base]
        movzx eax, word [0x1fa]
        show 'vid_mode', eax
        show 'old command line', [0x20]
        movzx eax, word [0x210]
        show 'loader, loadflags', eax
        show 'ramdisk_image', [0x218]
        show 'ramdisk_size', [0x21c]
        movzx eax, word [0x224]
        show 'heap_end_ptr', eax
        show 'cmd_line_ptr', [0x228]
%if VERSION
        show 'initrd_addr_max', [0x22c]
%endif
        show 'setup_data', [0x250]
        show 'setup_data high', [0x254]

        ; The command line by either protocol.
        mov esi, command_line
        call text
        mov ebx, [0x228]
%if VERSION < 0x202
        movzx ebx, word [0x22]
        add ebx, [base]
%endif
.letter:
        mov al, [fs:ebx]
        inc ebx
        test al, al
        jz .told
        call character
        jmp .letter
.told:  mov esi, end_of_line
        call text

        mov ebx, 0x100000
%if VERSION < 0x200 || (LOADFLAGS & 1) = 0
        mov ebx, 0x10000
%endif
        mov ecx, PAYLOAD
        call sum
        show 'kernel', eax
%if VERSION >= 0x200
        mov ebx, [0x218]
        mov ecx, [0x21c]
        call sum
        show 'ramdisk', eax
%endif
%if VERSION >= 0x209
        mov ebx, [0x250]
.data:  test ebx, ebx
        jz .data_told
        show 'setup_data at', ebx
        show ' type', [fs:ebx + 8]
        show ' bytes', [fs:ebx + 12]
        push ebx
        mov ecx, [fs:ebx + 12]
        add ebx, 16
        call sum
        show ' sum', eax
        pop ebx
        mov ebx, [fs:ebx]
        jmp .data
.data_told:
%endif
        mov ebx, map
.range: cmp bx, [map_used]
        jae finish
        mov esi, memory
        call text
        mov ecx, 5
.field: mov eax, [ebx]
        call number
        mov al, ' '
        call character
        add ebx, 4
        loop .field
        mov esi, end_of_line
        call text
        jmp .range

; The checksum of ECX bytes of memory at EBX.
sum:    push ds
        push fs
        pop ds
        mov esi, ebx
        call checksum
        pop ds
        ret

        report_routines

hello:  db 'KERNEL bzimage', 10, 0
command_line:
        db 'command line [', 0
memory: db 'e820 ', 0
end_of_line:
        db ']', 10, 0

        times SETUP_END - ($ - $$) db 0
; Behind the image's setup sectors, where nothing but the heap is.
map     equ SETUP_END
map_end equ SETUP_END + 20 * 32

%assign index 0
%rep PAYLOAD
        db (index * 7 + index / 256) & 0xff
%assign index index + 1
%endrep
