// SPDX-License-Identifier: Apache-2.0
import Fuzzing

/// A ROM of 256 random pieces of code that poke at ports and at all of physical memory. Every exception and interrupt leads
/// to the next piece, with stack and segments made usable again, so that one bad instruction does not end the show.
enum HostileROM {
  private static let pieceBytes = 128
  private static let pieces = 0x8000
  /// Physical address of the number of pieces begun, unless the guest has overwritten it.
  static let pieceCounter = 0x500

  /// 64 KiB: `stub` (from `source`), pieces at 8000h of its segment, the reset vector.
  static func image(_ stub: [UInt8], _ random: inout FuzzRandom) -> [UInt8] {
    var image = stub + [UInt8](repeating: 0xcc, count: 0x10000 - stub.count)
    for index in 0..<240 {
      let start = pieces + index * pieceBytes
      image.replaceSubrange(start..<start + pieceBytes, with: piece(&random))
    }
    image.replaceSubrange(0xfff0..<0xfff5, with: [0xea, 0, 0, 0, 0xf0])
    return image
  }

  /// Real mode with 4 GiB segments; bus mastering and BARs of all functions on; every vector leads to `next`.
  static let source = """
    bits 16
    org 0
    start:  cli
            call open
            xor di, di
    .vector: mov word [ss:di], next
            mov word [ss:di + 2], 0xf000
            add di, 4
            cmp di, 0x400
            jb .vector
            mov ecx, 32                     ; functions 0...31 of the first slots: command register
            mov eax, 0x80000004
    .pci:   mov dx, 0xcf8
            out dx, eax
            push eax
            mov dx, 0xcfc
            mov ax, 7
            out dx, ax
            pop eax
            add eax, 0x100
            loop .pci
            mov eax, 0x80000920             ; IDE bus master registers at C000h
            mov dx, 0xcf8
            out dx, eax
            mov eax, 0xc001
            mov dx, 0xcfc
            out dx, eax
            mov eax, 0x80001010             ; the frame buffer at E0000000h
            mov dx, 0xcf8
            out dx, eax
            mov eax, 0xe0000000
            mov dx, 0xcfc
            out dx, eax
            mov eax, 0x80000b40             ; power management at 600h
            mov dx, 0xcf8
            out dx, eax
            mov eax, 0x601
            mov dx, 0xcfc
            out dx, eax
    next:   cli
            cld
            call open
            inc dword [ss:0x500]
            mov ax, [ss:0x500]
            xor dx, dx
            mov bx, 240
            div bx
            mov bx, dx
            shl bx, 7
            add bx, 0x8000
            mov al, 0x20                    ; end of interrupt
            out 0xa0, al
            out 0x20, al
            mov al, [ss:0x500]
            and al, 7
            jnz .masked
            sti
    .masked: mov ecx, [ss:0x500]
            and ecx, 0xff
            jmp bx

    open:   pop bp                          ; segments of 4 GiB, a stack
            lgdt [cs:gdtr]
            mov eax, cr0
            and eax, 0x7ffffff0
            or al, 1
            mov cr0, eax
            mov bx, 8
            mov ds, bx
            mov es, bx
            mov fs, bx
            and al, 0xfe
            mov cr0, eax
            xor bx, bx
            mov ds, bx
            mov es, bx
            mov ss, bx
            mov esp, 0x7000
            jmp bp
    gdt:    dq 0, 0x00cf92000000ffff
    gdtr:   dw 15
            dd 0xf0000 + gdt
    """

  private static let ports: [UInt16] = [
    0x00, 0x08, 0x0b, 0x0d, 0x20, 0x21, 0x40, 0x41, 0x42, 0x43, 0x60, 0x61, 0x64, 0x70, 0x71, 0x80, 0x81, 0x87, 0x92,
    0xa0, 0xa1, 0xb2, 0xb3, 0xc0, 0xd0, 0xd6, 0x170, 0x171, 0x172, 0x173, 0x174, 0x175, 0x176, 0x177, 0x1ce, 0x1cf,
    0x1d0, 0x1f0, 0x1f1, 0x1f2, 0x1f3, 0x1f4, 0x1f5, 0x1f6, 0x1f7, 0x2f8, 0x376, 0x3b4, 0x3b5, 0x3c0, 0x3c1, 0x3c2,
    0x3c4, 0x3c5, 0x3c6, 0x3c7, 0x3c8, 0x3c9, 0x3ce, 0x3cf, 0x3d4, 0x3d5, 0x3da, 0x3f0, 0x3f2, 0x3f4, 0x3f5, 0x3f6,
    0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x3fe, 0x3ff, 0x4d0, 0x4d1, 0x510, 0x511, 0x514, 0x518, 0x600, 0x602,
    0x604, 0x608, 0x700, 0xae00, 0xaf00, 0xafe0, 0xb100, 0xc000, 0xc002, 0xc004, 0xc008, 0xc00a, 0xc00c, 0xcf8, 0xcf9,
    0xcfb, 0xcfc, 0xcfd, 0xcfe, 0xffff,
  ]
  private static let places: [UInt32] = [
    0, 0x500, 0xfffff, 0xa0000, 0xaffff, 0xb0000, 0xb8000, 0xbffff, 0xc0000, 0xe0000, 0xf0000, 0x10_0000, 0xff_fffe,
    0x100_0000, 0xe000_0000, 0xe03f_fffc, 0xe040_0000, 0xfebf_0000, 0xfec0_0000, 0xfed0_0000, 0xfee0_0000, 0xfffc_0000,
    0xffff_fffc, 0xffff_ffff,
  ]

  private static func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  /// One piece: some set-up, a loop over random accesses, and INT 3 behind it (the filling).
  private static func piece(_ random: inout FuzzRandom) -> [UInt8] {
    var code: [UInt8] = []
    while code.count < 90 { code += statement(&random) }
    code = Array(code.prefix(120))
    // LOOPD back to the start: as far as a short jump reaches.
    if random.oneIn(3) { code += [0x67, 0xe2, UInt8(truncatingIfNeeded: -(code.count + 3))] }
    return code + [UInt8](repeating: 0xcc, count: pieceBytes - code.count)
  }

  private static func statement(_ random: inout FuzzRandom) -> [UInt8] {
    let port = random.oneIn(8) ? UInt16(truncatingIfNeeded: random.next()) : ports[random.below(ports.count)]
    let place = places[random.below(places.count)] &+ UInt32(random.below(3) == 0 ? random.below(65536) : 0)
    let value = UInt32(truncatingIfNeeded: random.word())
    switch random.below(12) {
    case 0, 1, 2:  // MOV DX; MOV EAX; OUT of a byte, word or dword
      let outs: [[UInt8]] = [[0xee], [0xef], [0x66, 0xef]]
      return [0xba] + bytes(port) + [0x66, 0xb8] + bytes(value) + outs[random.below(3)]
    case 3:
      let ins: [[UInt8]] = [[0xec], [0xed], [0x66, 0xed]]
      return [0xba] + bytes(port) + ins[random.below(3)]
    case 4:  // REP INS or OUTS at a place
      return [0xba] + bytes(port) + [0x66, random.oneIn(2) ? 0xbf : 0xbe] + bytes(place)
        + [0x66, 0xb9] + bytes(UInt32(random.below(3000))) + [0xf3, 0x67, 0x6c + UInt8(random.below(4))]
    case 5, 6:  // MOV of a byte, word or dword to a place
      let stores: [[UInt8]] = [[0x67, 0x88, 0x05], [0x67, 0x89, 0x05], [0x66, 0x67, 0x89, 0x05]]
      return [0x66, 0xb8] + bytes(value) + stores[random.below(3)] + bytes(place)
    case 7:
      let loads: [[UInt8]] = [[0x67, 0x8a, 0x05], [0x67, 0x8b, 0x05], [0x66, 0x67, 0x8b, 0x05]]
      return loads[random.below(3)] + bytes(place)
    case 8:  // REP STOS or MOVS
      return [0x66, 0xbf] + bytes(place) + [0x66, 0xbe] + bytes(places[random.below(places.count)])
        + [0x66, 0xb9] + bytes(UInt32(random.below(20_000))) + [0xf3, 0x66, 0x67, random.oneIn(2) ? 0xab : 0xa5]
    case 9:
      let flags: [[UInt8]] = [[0xfb], [0xfa], [0xf4], [0xfc], [0xfd], [0x0f, 0x31], [0x0f, 0xa2], [0x0f, 0x09]]
      return flags[random.below(8)]
    case 10: return [0xcd, random.byte()]
    default: return random.bytes(1 + random.below(6))
    }
  }
}
