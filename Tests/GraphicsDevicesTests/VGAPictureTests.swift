// SPDX-License-Identifier: Apache-2.0
import GraphicsDevices
import Platform
import Testing

/// Pictures that the reference does not draw, or not reliably.
struct VGAPictureTests {
  @Test func `a blanked screen is black and keeps its size`() throws {
    let bench = try VGABench()
    bench.mode(0x13)
    bench.memory.write(0xa0000, pattern(64000, seed: 1))
    bench.out(0x3c0, 0)
    let picture = bench.vga.capture()
    #expect(picture.width == 640 && picture.height == 400)
    #expect(picture.pixels.allSatisfy { $0 == 0 })
  }

  @Test func `the pixel mask takes bits away from colour numbers`() throws {
    let bench = try VGABench()
    bench.mode(0x13)
    bench.write(0xa0000, 0x35)
    bench.write(0xa0001, 0x05)
    bench.out(0x3c6, 0x0f)
    let picture = bench.vga.capture()
    #expect(picture[0, 0] == picture[2, 0])
    #expect(picture[0, 0] != 0)
  }

  @Test func `panning moves rows of a planar mode by dots`() throws {
    let bench = try VGABench()
    bench.mode(0x12)
    bench.memory.write(VGABench.frameBuffer, pattern(80 * 480 * 4 + 4, seed: 9))
    let still = bench.vga.capture()
    bench.attribute(0x13, 3)
    let panned = bench.vga.capture()
    for x in 0..<637 { #expect(panned[x, 100] == still[x + 3, 100]) }
  }

  @Test func `pages at the end of memory wrap`() throws {
    let bench = try VGABench(videoMemoryByteCount: 256 << 10)
    bench.mode(0x12)
    bench.memory.write(VGABench.frameBuffer, pattern(256 << 10, seed: 4))
    let first = bench.vga.capture()
    bench.out(0x3d4, 0xff0c, .word)
    bench.out(0x3d4, 0xb00d, .word)  // 80 words before the end of the 64 Ki
    let wrapped = bench.vga.capture()
    for x in 0..<640 { #expect(wrapped[x, 1] == first[x, 0]) }
  }

  @Test func `a big-endian frame buffer is drawn with its bytes swapped`() throws {
    let bench = try VGABench()
    bench.mode(0x13)
    bench.dispi((1, 64), (2, 32), (3, 32), (4, 1))
    bench.write(VGABench.frameBuffer, 0x3322_1100, .dword)
    #expect(bench.vga.capture()[0, 0] == 0x221100)
    bench.write(VGABench.registers + 0x604, 0xbebe_bebe, .dword)
    #expect(bench.read(VGABench.registers + 0x604, .dword) == 0xbebe_bebe)
    #expect(bench.vga.capture()[0, 0] == 0x112233)
  }

  @Test func `registers of any value draw something`() throws {
    let bench = try VGABench(videoMemoryByteCount: 1 << 20)
    bench.mode(3)
    var values = pattern(4000, seed: 21).makeIterator()
    func next() -> UInt32 { UInt32(values.next() ?? 0) }
    for _ in 0..<150 {
      bench.out(0x3d4, 0x0011, .word)
      for _ in 0..<4 { bench.out(0x3d4, next() % 25 | next() << 8, .word) }
      bench.out(0x3ce, 5 | next() << 8, .word)
      bench.out(0x3ce, 6 | next() << 8, .word)
      bench.out(0x3c4, 1 | next() << 8, .word)
      bench.dispi((1, next() << 4), (2, next() << 2), (3, 8 * (next() % 5)), (6, next() << 5), (9, next()))
      bench.dispi((4, next() & 1))
      let picture = bench.vga.capture()
      #expect(picture.width > 0 && picture.height > 0)
    }
  }
}
