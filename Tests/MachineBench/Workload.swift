// SPDX-License-Identifier: Apache-2.0

/// A disk whose guest does a bit of everything, round after round: screen, serial port, disk, timers, interrupts, code
/// that changes itself, paging with accessed bits cleared behind the processor's back, string moves.
public enum Workload {
  /// Physical addresses of the number of rounds and of a sum over what the guest saw.
  public static let rounds = 0x7de0, sum = 0x7de4

  /// 64 sectors: the program, then bytes for it to read.
  public static func disk() throws -> [UInt8] {
    var disk = try Assembler.assemble(source)
    var word: UInt32 = 1
    while disk.count < 64 * 512 {
      word = word &* 1_664_525 &+ 1_013_904_223
      disk.append(UInt8(truncatingIfNeeded: word >> 24))
    }
    return disk
  }

  /// Runs a machine with this disk until the guest has begun its first round, and gives the count there.
  public static func start(on bench: MachineBench) throws -> UInt64 {
    var count: UInt64 = 0
    // Before the boot sector is there, its place holds zeros or the firmware's bytes.
    while !(1...1000).contains(bench.memory(rounds)) || bench.memory(0x7dfc) >> 16 != 0xaa55 {
      count += 100_000
      guard count < 400_000_000 else { throw MachineBench.Failure(description: "the guest does not start") }
      try bench.run(to: count)
    }
    return count
  }

  private static let source = """
    bits 16
    org 0x7c00
            cli
            xor ax, ax
            mov ds, ax
            mov es, ax
            mov ss, ax
            mov sp, 0x7c00
            sti
            mov [drive], dl
            mov ax, 0x0208
            mov cx, 2
            mov dh, 0
            mov bx, 0x7e00
            int 0x13
            jnc main
    failed: hlt
            jmp failed
    gdt:    dq 0, 0x00cf9a000000ffff, 0x00cf92000000ffff, 0x00009a000000ffff, 0x000092000000ffff
    gdtr:   dw 39
            dd gdt
    drive:  db 0
            times 0x1e0 - ($ - $$) db 0
    rounds: dd 0
    sum:    dd 0
            times 510 - ($ - $$) db 0
            dw 0xaa55

    main:   inc dword [rounds]
            mov al, [rounds]
            and al, 15
            add al, 'A'
            mov ah, 0x0e
            mov bx, 7
            int 0x10
            mov dx, 0x3fd
    .full:  in al, dx
            test al, 0x20
            jz .full
            mov dx, 0x3f8
            mov al, [rounds]
            out dx, al
            mov ax, 0x0204
            mov cl, [rounds]
            and cx, 31
            inc cx
            mov dh, 0
            mov dl, [drive]
            mov bx, 0xa000
            int 0x13
            mov si, 0xa000
            mov cx, 1024
    .add:   lodsw
            add [sum], ax
            adc word [sum + 2], 0
            loop .add
            rdtsc
            add [sum], eax
            in al, 0x40
            add [sum], al
            inc byte [patch + 1]
    patch:  mov al, 0
            add [sum], al
            call paged
            test byte [rounds], 3
            jnz main
            hlt
            jmp main

    paged:  cli
            mov ax, 0x1000
            mov es, ax
            mov dword [es:0], 0x11007
            mov edi, 0x1000
            mov eax, 7
            mov cx, 1024
    .table: mov [es:edi], eax
            add eax, 0x1000
            add edi, 4
            loop .table
            lgdt [gdtr]
            mov eax, 0x10000
            mov cr3, eax
            mov eax, cr0
            or eax, 0x80000001
            mov cr0, eax
            jmp dword 8:.flat
    bits 32
    .flat:  mov eax, 16
            mov ds, eax
            mov es, eax
            mov ss, eax
            movzx esp, sp
            mov ecx, 48
            mov esi, 0x20000
    .touch: add [esi], ecx
            add esi, 0x1000
            loop .touch
            mov ecx, 1024
            mov edi, 0x11000
    .clear: and dword [edi], ~0x60
            add edi, 4
            loop .clear
            mov ecx, 48
            mov esi, 0x20000
    .again: mov eax, [esi]
            add [sum], eax
            add esi, 0x1000
            loop .again
            mov esi, 0x20ff1
            mov edi, 0x50ff3
            mov ecx, 0x700
            rep movsd
            mov ecx, 1024
            mov edi, 0x11000
    .count: test dword [edi], 0x60
            jz .none
            inc dword [sum]
    .none:  add edi, 4
            loop .count
            jmp 24:.back
    bits 16
    .back:  mov ax, 32
            mov ds, ax
            mov es, ax
            mov ss, ax
            mov eax, cr0
            and eax, 0x7ffffffe
            mov cr0, eax
            jmp 0:.real
    .real:  xor ax, ax
            mov ds, ax
            mov es, ax
            mov ss, ax
            sti
            ret
            times 4608 - ($ - $$) db 0
    """
}
