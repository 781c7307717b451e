; SPDX-License-Identifier: Apache-2.0
; The option ROM behind `-kernel` for Linux images. The emulator has split the file and filled in the header; this ROM
; fetches the parts, chooses the initial RAM disk's place in the memory that the firmware left, and enters the setup code.
; Reference: Linux, Documentation/arch/x86/boot.rst ("The Linux/x86 Boot Protocol").
%include "fw_cfg.inc"

HEADER_SIGNATURE         equ 0x202
HEADER_VERSION           equ 0x206
HEADER_RAMDISK_IMAGE     equ 0x218
HEADER_INITRD_ADDR_MAX   equ 0x22c
HEADER_XLOADFLAGS        equ 0x236
CAN_BE_LOADED_ABOVE_4G   equ 1 << 1
OLD_INITRD_ADDR_MAX      equ 0x37ffffff

        rom_head 'Linux loader DMA'

boot:
        cli
        cld
        mov ax, SETUP_ADDRESS
        call read_number
        mov ebp, eax            ; EBP: the setup code's address, below 1 MiB and on a paragraph
        shr eax, 4
        mov fs, ax
        mov edi, ebp
        mov ax, SETUP_SIZE
        call read_number
        mov ecx, eax
        mov ax, SETUP_DATA
        call read_item

        ; A header before protocol 2.03 has no limit for the initial RAM disk yet, but room for it.
        cmp dword [fs:HEADER_SIGNATURE], 'HdrS'
        jne .has_limit
        cmp word [fs:HEADER_VERSION], 0x203
        jae .has_limit
        mov dword [fs:HEADER_INITRD_ADDR_MAX], OLD_INITRD_ADDR_MAX
.has_limit:

        mov ax, COMMAND_LINE_ADDRESS
        call read_number
        mov edi, eax
        push eax
        mov ax, COMMAND_LINE_SIZE
        call read_number
        mov ecx, eax
        mov ax, COMMAND_LINE_DATA
        call read_item

        mov ax, KERNEL_ADDRESS
        call read_number
        mov edi, eax
        mov ax, KERNEL_SIZE
        call read_number
        mov ecx, eax
        mov ax, KERNEL_DATA
        call read_item

        mov ax, INITRD_SIZE
        call read_number
        mov ecx, eax            ; ECX: byte count
        mov ax, INITRD_ADDRESS
        call read_number
        mov edi, eax            ; EDI: the place chosen without knowing what the firmware keeps

; A disk that reaches the kernel's limit stays. One at the end of memory goes to where memory really ends, unless the limit
; forbids that, which it does not do for a kernel that takes everything above 4 GiB, too.
        add eax, ecx
        jz start                ; there is none
        mov ebx, [fs:HEADER_INITRD_ADDR_MAX]
        xor eax, ebx
        shr eax, 12
        jz .placed
        push ebx
        push ecx
        call memory_end
        pop ecx
        pop ebx
        test eax, eax
        jz .placed
        cmp word [fs:HEADER_VERSION], 0x20c
        jb .limited
        test word [fs:HEADER_XLOADFLAGS], CAN_BE_LOADED_ABOVE_4G
        jnz .move
.limited:
        mov edx, eax
        dec edx
        cmp edx, ebx
        ja .placed
.move:  sub eax, ecx
        jb .placed
        and eax, ~0xfff
        mov edi, eax
        mov [fs:HEADER_RAMDISK_IMAGE], eax
.placed:
        mov ax, INITRD_DATA
        call read_item

; "Running the kernel": all segments are the setup code's, the stack is below the command line, interrupts are off.
start:
        pop ebx
        sub ebx, ebp
        sub ebx, 16
        mov ax, fs
        mov ds, ax
        mov es, ax
        mov gs, ax
        mov ss, ax
        mov esp, ebx
        add ax, 0x20
        push ax
        push word 0
        xor eax, eax
        xor ebx, ebx
        xor ecx, ecx
        xor edx, edx
        xor esi, esi
        xor edi, edi
        xor ebp, ebp
        retf

        fw_cfg_routines
        rom_tail
