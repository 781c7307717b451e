// SPDX-License-Identifier: Apache-2.0
import Fuzzing
import GraphicsDevices
import Platform
import Screen
import Testing

/// The number that tells whether the picture may have changed, and what is kept while it has not.
struct VGAVersionTests {
  /// Does something to an adapter in a mode and tells whether the version has changed.
  private func changes(_ bench: VGABench, _ action: () throws -> Void) rethrows -> Bool {
    let before = bench.vga.pictureVersion
    #expect(bench.vga.pictureVersion == before)
    try action()
    let after = bench.vga.pictureVersion
    #expect(bench.vga.pictureVersion == after)
    #expect(bench.vga.picture(cursor: .shown).surface == bench.vga.capture(cursor: .shown))
    return after != before
  }

  @Test(
    arguments: [
      "w1 b8002 41", "w2 b8002 1f41", "f b8000 10 3", "o1 3c8 0; o1 3c9 3f; o1 3c9 3f; o1 3c9 3f", "o1 3c6 f",
      "o2 3d4 010d", "o2 3d4 010f", "o2 3d4 0608", "o2 3d4 200a", "x 3da; o1 3c0 30; o1 3c0 8; x 3da",
      "x 3da; o1 3c0 0; x 3da", "o2 3c4 0103", "o2 3c4 0101", "o2 3d4 2013",
      "o2 3c4 0402; o2 3c4 0704; o2 3ce 0005; o2 3ce 0406; w1 a0001 77", "w1 e0000041 12", "f e0030000 9 4",
    ])
  func `what changes a text screen is noticed`(_ transcript: String) throws {
    let bench = try VGABench()
    bench.mode(3)
    #expect(changes(bench) { _ = bench.play(transcript) })
  }

  @Test(
    arguments: [
      (0x12, "w1 a0000 80"), (0x12, "f a0100 40 1"), (0x12, "o2 3ce 0105; w1 a0000 0"), (0x13, "w1 a0000 80"),
      (0x13, "w4 afffc 12345678"), (0x13, "f a8000 40 1"), (0x0d, "w2 a0200 ffff"), (0x04, "w1 b8000 55"),
      (0x13, "o1 3c8 7; o1 3c9 1; o1 3c9 2; o1 3c9 3"), (0x12, "x 3da; o1 3c0 33; o1 3c0 3; x 3da"),
      (0x12, "o2 1ce 4; o2 1cf 41"), (0x13, "o2 3d4 010c"),
    ] as [(UInt64, String)])
  func `what changes a VGA picture is noticed`(_ mode: UInt64, _ transcript: String) throws {
    let bench = try VGABench()
    bench.mode(mode)
    // Latches that differ from what is on the screen.
    _ = bench.play("w1 a8000 55; r1 a8000 0")
    #expect(changes(bench) { _ = bench.play(transcript) })
  }

  @Test(
    arguments: [
      "w4 e0000000 1", "w1 e00fffff 1", "f e0004000 5000 9", "w1 a0000 7", "o2 1ce 5; o2 1cf 1; w1 a0000 7",
      "o2 1ce 9; o2 1cf 10", "o2 1ce 8; o2 1cf 8", "o2 1ce 4; o2 1cf 0", "o2 1ce 1; o2 1cf 140", "w4 f0000604 bebebebe",
      "w2 f0000502 200", "w1 f0000400 0",
    ])
  func `what changes a linear picture is noticed`(_ transcript: String) throws {
    let bench = try VGABench()
    bench.mode(3)
    bench.dispi((1, 640), (2, 480), (3, 32), (4, 0x41))
    #expect(changes(bench) { _ = bench.play(transcript) })
  }

  @Test(
    arguments: [
      "", "w1 b8000 0", "r1 b8000 0; i1 3da 0; i1 3c1 0", "o1 3d4 e; o1 3c4 4; o1 3ce 8", "o1 3c8 5; o1 3c7 5",
      "o2 3ce 0304; o2 3ce ff08; o2 3c4 0702", "o1 3c0 22; x 3da", "o2 1ce 3",
    ])
  func `what changes nothing is not`(_ transcript: String) throws {
    let bench = try VGABench()
    bench.mode(3)
    #expect(!changes(bench) { _ = bench.play(transcript) })
  }

  @Test func `a blinking cursor is no change, and both its pictures are kept`() throws {
    let bench = try VGABench()
    bench.mode(3)
    bench.memory.write(0xb8000, [0x41, 0x1f])
    let version = bench.vga.pictureVersion
    let shown = bench.vga.picture()
    bench.clock.advance(by: 16 * .second / 70 + 1)
    let hidden = bench.vga.picture()
    #expect(shown !== hidden && shown.surface != hidden.surface && bench.vga.pictureVersion == version)
    #expect(bench.vga.picture(cursor: .shown) === shown && bench.vga.picture(cursor: .hidden) === hidden)
    #expect(shown.sha256 == shown.surface.sha256)
    // Without a text cursor there is one picture.
    bench.mode(0x13)
    #expect(bench.vga.picture(cursor: .shown) === bench.vga.picture(cursor: .hidden))
    #expect(bench.vga.pictureVersion != version)
  }

  @Test func `reset and loaded state are changes`() throws {
    let bench = try VGABench()
    bench.mode(3)
    #expect(changes(bench) { bench.vga.reset(.power) })
    #expect(changes(bench) { bench.vga.stateDidLoad() })
    let isCleared = try changes(bench) { try bench.vga.videoMemory.clear() }
    #expect(isCleared)
  }

  @Test func `characters are read again when they have changed, and only then`() throws {
    let bench = try VGABench()
    bench.mode(3)
    bench.memory.write(0xb8000, [0x41, 0x07, 0x42, 0x07])
    #expect(bench.vga.screenText().rows.first == "AB")
    bench.memory.write(0xb8002, [0x43])
    #expect(bench.vga.screenText().rows.first == "AC")
    // What nobody is told of shows that a kept answer is given.
    bench.vga.videoMemory.contents[0] = 0x44
    #expect(bench.vga.screenText().rows.first == "AC")
    bench.memory.write(0xb8004, [0x45])
    #expect(bench.vga.screenText().rows.first == "DCE")
  }

  /// Letters of the firmware, of which "A" is the real one, and of another font of the same cells.
  private static func font(_ seed: Int) -> [UInt8] {
    let letter: [UInt8] = [0, 0, 0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe, 0xc6, 0xc6, 0xc6, 0xc6, 0, 0, 0, 0]
    return (0..<256).flatMap { code -> [UInt8] in
      if [0, 32, 255].contains(code) { return [UInt8](repeating: 0, count: 16) }
      if seed == 0, code == 65 { return letter }
      return [0, 0, UInt8(code), 0x3c, UInt8(seed * 37 + 1), UInt8(truncatingIfNeeded: code * 7 + seed)]
        + [UInt8](repeating: 0, count: 10)
    }
  }

  private func draw(_ code: Int, column: Int, _ bench: VGABench) {
    for line in 0..<16 {
      for dot in 0..<8 where Self.font(3)[16 * code + line] & 0x80 >> UInt8(dot) != 0 {
        bench.write(VGABench.frameBuffer + UInt64(4 * (640 * line + 8 * column + dot)), 0xffffff, .dword)
      }
    }
  }

  /// Fonts are searched for when it is time, which does not depend on who else looks.
  @Test(arguments: [0, 1, 7])
  func `what waits read does not depend on onlookers`(_ onlookerCount: Int) throws {
    let bench = try VGABench(rom: Self.font(0))
    let memory = try RAMBlock(name: "fonts", byteCount: 1 << 20)
    bench.vga.fontMemory = memory
    bench.mode(3)
    bench.dispi((1, 640), (2, 480), (3, 32), (4, 0x41))
    var seen: [String] = [], versions: [Int] = []
    var version: UInt64 = 0
    for look in 0..<8 {
      for _ in 0..<onlookerCount { _ = bench.vga.screenText() }
      if look == 0 { draw(70, column: 0, bench) }
      if look == 1 {
        let header: [UInt8] = [7, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0]
        for (index, byte) in (header + Self.font(3)).enumerated() { memory.contents[0x1000 + index] = byte }
        draw(71, column: 1, bench)
      }
      for _ in 0..<onlookerCount { _ = bench.vga.screenText() }
      if bench.vga.textVersion != version { versions.append(look) }
      version = bench.vga.textVersion
      seen.append(bench.vga.screenText(for: .waits).rows.first ?? "")
      for _ in 0..<onlookerCount { _ = bench.vga.screenText() }
      if look >= 1, onlookerCount > 0 { #expect(bench.vga.screenText().rows.first == "FG", "they need not wait") }
      bench.clock.advance(by: 10 * .millisecond)
    }
    #expect(seen == ["\u{fffd}", "\u{fffd}\u{fffd}"] + [String](repeating: "FG", count: 6))
    #expect(versions == [0, 1, 2], "the third time nothing has changed but that it is time")
  }

  @Test func `no picture is stale, whatever a guest does`() throws {
    try Fuzzing.run("picture versions", seconds: 1.5, atLeast: 20) { random in
      let bench = try VGABench(videoMemoryByteCount: 1 << 20)
      bench.mode([3, 4, 0xd, 0x12, 0x13][random.below(5)])
      if random.oneIn(2) { bench.dispi((1, 320), (2, 200), (3, [4, 8, 15, 16, 24, 32][random.below(6)]), (4, 0x41)) }
      let ports: [UInt16] = [0x3c0, 0x3c2, 0x3c4, 0x3c5, 0x3c6, 0x3c8, 0x3c9, 0x3ce, 0x3cf, 0x3d4, 0x3d5, 0x3da]
      for _ in 0..<40 {
        for _ in 0..<1 + random.below(4) {
          let value = random.below(65536)
          switch random.below(8) {
          case 0: bench.out(ports[random.below(ports.count)], UInt32(value & 0xff))
          case 1: bench.out(0x3d4, UInt32(value & 0xff1f), .word)
          case 2: bench.dispi((UInt32(random.below(11)), UInt32(value & 0x3ff)))
          case 3: bench.write(VGABench.registers + 0x400 + UInt64(random.below(0x210)), UInt64(value), .word)
          case 4: bench.memory.write(VGABench.frameBuffer + UInt64(value) * 4, random.bytes(3))
          case 5: _ = bench.read(0xa0000 + UInt64(value))
          default: bench.write(0xa0000 + UInt64(random.below(0x20000)), UInt64(value), .word)
          }
        }
        let kept = bench.vga.picture(cursor: .shown).surface
        #expect(kept == bench.vga.capture(cursor: .shown), "seed \(random.seed)")
      }
    }
  }
}
