// SPDX-License-Identifier: Apache-2.0
import GraphicsDevices
import Platform
import Testing

/// Retrace bits and the cursor, both functions of the virtual clock.
struct VGATimingTests {
  /// Duration from one start of vertical retrace to the next, its length and the display enables between, in microseconds.
  private func frame(_ bench: VGABench) -> (period: Int64, retrace: Int64, lines: Int) {
    var starts: [Int64] = []
    var ends: [Int64] = []
    var lines = 0
    var last = bench.input(0x3da)
    while ends.count < 2 {
      bench.clock.advance(by: .microsecond)
      let status = bench.input(0x3da)
      if last & 8 == 0, status & 8 != 0 { starts.append(bench.clock.now) }
      if last & 8 != 0, status & 8 == 0, !starts.isEmpty { ends.append(bench.clock.now) }
      if starts.count == 1, last & 1 != 0, status & 1 == 0 { lines += 1 }
      last = status
    }
    return ((starts[1] - starts[0]) / 1000, (ends[0] - starts[0]) / 1000, lines)
  }

  @Test(arguments: [(3, 14268, 400), (0x12, 16683, 480), (0x13, 14268, 400)])
  func `frames take as long as the registers say`(mode: UInt64, period: Int64, lines: Int) throws {
    let bench = try VGABench()
    bench.mode(mode)
    let found = frame(bench)
    #expect(abs(found.period - period) <= 2)
    #expect(abs(found.retrace - 64) <= 2)
    #expect(found.lines == lines)
  }

  @Test func `a loop that waits for retrace ends even before anything was programmed`() throws {
    let bench = try VGABench()
    bench.out(0x3c2, 1)
    #expect(abs(frame(bench).period - 16683) <= 2)
    bench.dispi((1, 1024), (2, 768), (3, 32), (4, 1))
    #expect(abs(frame(bench).period - 16683) <= 2)
  }

  @Test func `the cursor blinks on the virtual clock unless it is held`() throws {
    let bench = try VGABench()
    bench.mode(3)
    let shown = bench.vga.capture(cursor: .shown)
    let hidden = bench.vga.capture(cursor: .hidden)
    #expect(shown.compared(with: hidden).differingPixelCount == 0)  // black on black: no character yet
    bench.write(0xb8001, 0x0f)
    let visible = bench.vga.capture(cursor: .shown)
    #expect(visible != bench.vga.capture(cursor: .hidden))
    #expect(bench.vga.capture() == visible)
    bench.clock.advance(by: 228_571_428)
    #expect(bench.vga.capture() == bench.vga.capture(cursor: .hidden))
    bench.clock.advance(by: 228_571_428)
    #expect(bench.vga.capture() == visible)
  }

  @Test func `characters blink only for a capture that asks for it`() throws {
    let bench = try VGABench()
    bench.mode(3)
    bench.attribute(0x10, 0x0c)
    for line in UInt64(0)..<16 { bench.write(VGABench.frameBuffer + 2 + 4 * (32 * 0x41 + line), 0xf0) }
    bench.write(VGABench.frameBuffer, 0x41)
    bench.write(VGABench.frameBuffer + 1, 0x9f)
    let first = bench.vga.capture(cursor: .hidden, blink: .asProgrammed)
    let steady = bench.vga.capture(cursor: .hidden)
    #expect(first[0, 0] == steady[0, 0])
    #expect(first[7, 0] != steady[7, 0])  // background 1, not 9
    bench.clock.advance(by: 2 * 228_571_428)
    let second = bench.vga.capture(cursor: .hidden, blink: .asProgrammed)
    #expect(second[0, 0] == second[7, 0])
    #expect(bench.vga.capture(cursor: .hidden) == steady)
  }
}
