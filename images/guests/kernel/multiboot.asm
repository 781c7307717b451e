; SPDX-License-Identifier: Apache-2.0
; A Multiboot kernel that reports on COM1 what its boot loader gave it. FLAT makes a flat file whose header holds the addresses
; (LOAD_END and BSS_END nonzero: those fields are given); otherwise it is an ELF executable, with a virtual entry address
; if VIRTUAL says how far above the physical addresses it is.
%ifndef VIRTUAL
%define VIRTUAL 0
%endif
%ifdef FLAT
  %ifdef LOAD_END
    %define BSS 1
  %else
    %define BSS 0
  %endif
%else
  %define BSS 1
%endif
%include "report.inc"

        cpu 486
        bits 32
        org 0x100000
image:
%ifndef FLAT
        ; ELF header: executable, 386, one program header that loads the file as a whole and some zeroed memory.
        db 0x7f, 'ELF', 1, 1, 1, 0
        dq 0
        dw 2, 3
        dd 1
        dd start + VIRTUAL
        dd program_header - image, 0, 0
        dw 52, 32, 1, 40, 0, 0
program_header:
        dd 1, 0, image + VIRTUAL, image
        dd image_end - image, bss_end - image, 7, 4096
%endif
        align 4
header: dd 0x1badb002
%ifdef FLAT
        dd 0x10003, -(0x1badb002 + 0x10003)
        dd header, image
  %ifdef LOAD_END
        dd image_end, bss_end, start
  %else
        dd 0, 0, start
  %endif
%else
        dd 3, -(0x1badb002 + 3)
%endif

start:  mov esp, stack_end
        push eax
        mov esi, hello
        call text
        pop eax
        show 'eax', eax
        show 'info', ebx
        pushfd
        pop eax
        and eax, 0x20200        ; VM and IF
        show 'eflags', eax
        mov eax, cr0
        and eax, 0x80000001
        show 'cr0', eax
        mov ax, ss
        movzx eax, ax
        lsl eax, eax
        show 'limit', eax
        show 'flags', [ebx]
        show 'mem_lower', [ebx + 4]
        show 'mem_upper', [ebx + 8]
        show 'boot_device', [ebx + 12]
        show 'cmdline at', [ebx + 16]
        mov esi, [ebx + 16]
        call quoted
        show 'loader at', [ebx + 64]
        mov esi, [ebx + 64]
        call quoted

%if BSS
        mov esi, image_end
        mov ecx, bss_end - image_end
        call checksum
        show 'zeroed', eax
%endif

        show 'mods_count', [ebx + 20]
        show 'mods_addr', [ebx + 24]
        mov ebp, [ebx + 20]
        mov edi, [ebx + 24]
.module:
        test ebp, ebp
        jz .map
        show 'module', [edi]
        show ' end', [edi + 4]
        show ' string at', [edi + 8]
        show ' reserved', [edi + 12]
        mov esi, [edi + 8]
        call quoted
        mov esi, [edi]
        mov ecx, [edi + 4]
        sub ecx, esi
        call checksum
        show ' sum', eax
        add edi, 16
        dec ebp
        jmp .module

.map:   show 'mmap_length', [ebx + 44]
        show 'mmap_addr', [ebx + 48]
        mov edi, [ebx + 48]
        mov ebp, edi
        add ebp, [ebx + 44]
.range: cmp edi, ebp
        jae finish
        mov ecx, 6
        mov edx, edi
.field: mov eax, [edx]
        call number
        mov al, ' '
        call character
        add edx, 4
        loop .field
        mov esi, end_of_line
        call text
        add edi, [edi]
        add edi, 4
        jmp .range

quoted: push esi
        mov al, '['
        call character
        pop esi
        call text
        mov esi, end_of_line
        jmp text

        report_routines

hello:  db 'KERNEL multiboot', 10, 0
end_of_line:
        db ']', 10, 0
        align 4
image_end:
bss_end equ image_end + 0x3000
; In memory that nothing uses: the flat kernel has none of its own.
stack_end equ 0x8000
