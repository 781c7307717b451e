// SPDX-License-Identifier: Apache-2.0
import Fuzzing
import GraphicsDevices
import MachineBench
import PC
import Platform
import Screen
import Testing

/// The picture's version on a whole machine, where the processor writes video memory without the adapter's noticing.
@Suite(.serialized)
struct ScreenVersionTests {
  /// Paints a linear mode through its frame buffer, through the window at A0000h and with string instructions, by paging
  /// and without, and rests in between.
  private static let painter = """
    bits 16
    org 0
    start:  cli
            lgdt [cs:gdtr]
            mov eax, cr0
            or al, 1
            mov cr0, eax
            mov bx, 8
            mov ds, bx
            mov es, bx
            mov ss, bx
            and al, 0xfe
            mov cr0, eax
            mov esp, 0x7000
            mov eax, 0x80001010             ; the frame buffer at E0000000h
            call config
            mov eax, 0xe0000000
            out dx, eax
            mov eax, 0x80001004
            call config
            mov ax, 3
            out dx, ax
            mov si, modes
    .mode:  mov dx, 0x1ce
            mov ax, [cs:si]
            out dx, ax
            inc dx
            mov ax, [cs:si + 2]
            out dx, ax
            add si, 4
            cmp si, modes.end
            jb .mode
            mov edi, 0x10000                ; one table of pages of 4 MiB: each address itself, and 400000h the frame buffer
            xor ecx, ecx
    .page:  mov eax, ecx
            shl eax, 22
            or eax, 0x83
            mov [edi + ecx * 4], eax
            inc ecx
            cmp ecx, 1024
            jb .page
            mov dword [dword 0x10004], 0xe0000083
            mov eax, cr4
            or al, 0x10
            mov cr4, eax
            mov eax, 0x10000
            mov cr3, eax
            mov eax, cr0
            or eax, 0x80000001
            mov cr0, eax
            jmp 0x10:.code
            bits 32
    .code:  xor ebp, ebp
    again:  inc ebp
            imul ebx, ebp, 2654435
            mov eax, ebx
            and ebx, 0x3ffc
            test ebp, 0x40
            jz .on
            mov ecx, 60
    .rest:  loop .rest
    .on:    mov ecx, ebp
            and ecx, 3
            dec ecx
            jz .second
            dec ecx
            jz .third
            dec ecx
            jz .fourth
            mov [0xe0000000 + ebx], eax
            jmp again
    .second: inc byte [0x400000 + ebx * 8]
            jmp again
    .third: mov [0xa0000 + ebx], al
            jmp again
    .fourth: lea edi, [0x420000 + ebx]
            mov ecx, 5
            rep stosd
            jmp again
            bits 16
    config: mov dx, 0xcf8
            out dx, eax
            mov dx, 0xcfc
            ret
    modes:  dw 1, 320, 2, 200, 3, 32, 4, 0x41
    .end:
    gdt:    dq 0, 0x00cf92000000ffff, 0x00cf9b0f0000ffff
    gdtr:   dw 23
            dd 0xf0000 + gdt
    """

  private static func painterBench() throws -> MachineBench {
    var image = try Assembler.assemble(painter)
    image += [UInt8](repeating: 0, count: 0x10000 - image.count)
    image.replaceSubrange(0xfff0..<0xfff5, with: [0xea, 0, 0, 0, 0xf0])
    return try MachineBench(firmware: image)
  }

  @Test func `a picture painted by the processor is never stale, and looking changes nothing`() throws {
    let bench = try Self.painterBench()
    let vga = try #require(bench.machine.board?.vga)
    var random = FuzzRandom(seed: 11)
    var changes = 0
    var rests = 0
    var version = vga.pictureVersion
    for _ in 0..<400 {
      try bench.run(to: bench.instructionCount + UInt64(1 + random.below(random.oneIn(4) ? 3000 : 60)))
      let picture = vga.capture(cursor: .shown)
      let kept = vga.picture(cursor: .shown).surface
      #expect(kept == picture, "after \(bench.instructionCount) instructions")
      if vga.pictureVersion == version { rests += 1 } else { changes += 1 }
      version = vga.pictureVersion
    }
    #expect(changes > 100 && rests > 30)
    let unseen = try Self.painterBench()
    try unseen.run(to: bench.instructionCount)
    #expect(try unseen.digest().differences(from: bench.digest()) == [])
    #expect(unseen.machine.board?.vga?.videoMemory.dirtyLog == nil)
  }

  @Test func `hostile guests cannot make a picture stale`() throws {
    let stub = try Assembler.assemble(HostileROM.source)
    try Fuzzing.run("picture of a hostile rom", seconds: 2, atLeast: 3) { random in
      let bench = try MachineBench(disk: random.bytes(64 * 512), firmware: HostileROM.image(stub, &random))
      let vga = try #require(bench.machine.board?.vga)
      for _ in 0..<60 {
        try bench.exercise(instructions: UInt64(1 + random.below(5000)))
        #expect(vga.picture(cursor: .shown).surface == vga.capture(cursor: .shown), "seed \(random.seed)")
      }
    }
  }
}
