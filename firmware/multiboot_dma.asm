; SPDX-License-Identifier: Apache-2.0
; The option ROM behind `-kernel` for Multiboot images. The emulator has prepared the image with its modules and strings, and
; the information structure; this ROM fetches both, adds what only the firmware knows (the memory map), and enters the
; kernel in protected mode.
; Reference: Multiboot Specification 0.6.96, sections 3.2 "Machine state" and 3.3 "Boot information format".
%include "fw_cfg.inc"

INFO_FLAGS       equ 0
INFO_MEM_LOWER   equ 4
INFO_MEM_UPPER   equ 8
INFO_MMAP_LENGTH equ 44
INFO_MMAP_ADDR   equ 48

BOOTLOADER_MAGIC equ 0x2badb002

        rom_head 'Multiboot loader'

boot:
        cli
        cld
        mov ax, KERNEL_ADDRESS
        call read_number
        mov edi, eax
        mov ax, KERNEL_SIZE
        call read_number
        mov ecx, eax
        mov ax, KERNEL_DATA
        call read_item

        mov ax, INITRD_ADDRESS
        call read_number
        mov ebp, eax            ; EBP: the information structure's address; like the map's below 1 MiB and on a paragraph
        mov edi, eax
        mov ax, INITRD_SIZE
        call read_number
        mov ecx, eax
        mov ax, INITRD_DATA
        call read_item

        mov eax, ebp
        shr eax, 4
        mov fs, ax
        mov eax, [fs:INFO_MMAP_ADDR]
        shr eax, 4
        mov es, ax
        xor di, di              ; ES:DI: the next entry, whose first field is the size of the rest
        xor ebx, ebx
.entry:
        push edi
        push ebp
        add di, 4
        mov eax, 0xe820
        mov edx, 0x534d4150     ; 'SMAP'
        mov ecx, 20
        int 0x15
        pop ebp
        pop edi
        jc .mapped
        cmp eax, 0x534d4150
        jne .mapped
        mov dword [es:di], 20
        add di, 24
        test ebx, ebx
        jnz .entry
.mapped:
        movzx eax, di
        mov [fs:INFO_MMAP_LENGTH], eax

        int 0x12
        movzx eax, ax
        mov [fs:INFO_MEM_LOWER], eax
        call memory_end
        sub eax, 1 << 20
        jnc .has_upper
        xor eax, eax
.has_upper:
        shr eax, 10
        mov [fs:INFO_MEM_UPPER], eax

        mov ax, KERNEL_ENTRY
        call read_number
        mov ecx, eax

        cli                     ; the firmware's services may have enabled them
        xor esi, esi
        mov si, cs
        shl esi, 4              ; ESI: where this ROM is
        lea eax, [esi + descriptors]
        push eax
        push word descriptors_end - descriptors - 1
        mov bx, sp
        o32 lgdt [ss:bx]
        add sp, 6
        lea edx, [esi + protected]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        push dword 8
        push edx
        o32 retf

        bits 32
protected:
        mov eax, 16
        mov ds, eax
        mov es, eax
        mov fs, eax
        mov gs, eax
        movzx esp, sp
        mov ss, eax
        mov ebx, ebp
        xor edx, edx
        xor esi, esi
        xor edi, edi
        xor ebp, ebp
        mov eax, BOOTLOADER_MAGIC
        jmp ecx
        bits 16

; Flat segments with the accessed bit already set, for the processor cannot set it in a ROM.
        align 8, db 0
descriptors:
        dq 0
        dq 0x00cf9b000000ffff
        dq 0x00cf93000000ffff
descriptors_end:

        fw_cfg_routines
        rom_tail
