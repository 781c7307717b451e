// SPDX-License-Identifier: Apache-2.0
import Screen
import Testing

/// Pixels, conversion and comparison.
struct SurfaceTests {
  @Test func `pixels outside are black and stay so`() {
    var surface = Surface(width: 4, height: 3, color: 0xff11_2233)
    #expect(surface[0, 0] == 0x112233)
    surface[4, 0] = 0xffffff
    surface[0, -1] = 0xffffff
    #expect(surface[4, 0] == 0 && surface[-1, 0] == 0 && surface[0, 3] == 0)
    #expect(surface.pixels.allSatisfy { $0 == 0x112233 })
  }

  @Test func `sides are clamped`() {
    #expect(Surface(width: -5, height: 3).pixels.isEmpty)
    #expect(Surface(width: 1 << 40, height: 1).width == Surface.maximumSide)
  }

  @Test func `a rectangle is filled where it lies inside`() {
    var surface = Surface(width: 5, height: 5)
    surface.fill(x: 3, y: -2, width: .max, height: 4, color: 0xff)
    #expect(surface.pixels.indices.filter { surface.pixels[$0] == 0xff } == [3, 4, 8, 9])
  }

  @Test(
    arguments: [
      (.x1r5g5b5, [0x1f, 0x7c], 0xf800f8), (.x1r5g5b5, [0xe0, 0x83], 0x00f800),
      (.r5g6b5, [0x00, 0xf8], 0xff0000), (.r5g6b5, [0xe0, 0x07], 0x00ff00), (.r5g6b5, [0x21, 0x08], 0x080408),
      (.r8g8b8, [0x33, 0x22, 0x11], 0x112233), (.x8r8g8b8, [0x33, 0x22, 0x11, 0x99], 0x112233),
    ] as [(PixelFormat, [UInt8], UInt32)])
  func `a frame buffer's pixel becomes red, green and blue`(_ format: PixelFormat, _ bytes: [UInt8], _ color: UInt32) {
    let row = bytes + bytes + [UInt8](repeating: 0xff, count: 16 - 2 * bytes.count)
    for stride in [16, 13] {
      let buffer = Array((row.prefix(stride) + row).prefix(stride + 2 * bytes.count))
      let surface = buffer.withUnsafeBytes { Surface(converting: $0, format, width: 2, height: 2, stride: stride) }
      #expect(surface.pixels == [color, color, color, color])
    }
  }

  @Test func `rows that the frame buffer lacks stay black`() {
    let bytes = [UInt8](repeating: 0xff, count: 20)
    let surface = bytes.withUnsafeBytes { Surface(converting: $0, .x8r8g8b8, width: 2, height: 4, stride: 8) }
    #expect(surface.pixels == [0xffffff, 0xffffff, 0xffffff, 0xffffff, 0, 0, 0, 0])
    let none = bytes.withUnsafeBytes { Surface(converting: $0, .x8r8g8b8, width: 6, height: 1, stride: 24) }
    #expect(none.pixels.allSatisfy { $0 == 0 })
  }

  @Test func `a comparison tells how many pixels differ, by how much and where`() {
    let a = Surface(width: 10, height: 10, color: 0x808080)
    var b = a
    #expect(a.compared(with: b).isEqual)
    b[2, 3] = 0x808380
    b[7, 5] = 0x708080
    let exact = a.compared(with: b)
    #expect(exact.differingPixelCount == 2 && exact.largestDifference == 16 && !exact.isEqual)
    #expect(exact.bounds == .init(x: 2, y: 3, width: 6, height: 3))
    let tolerant = a.compared(with: b, tolerance: 3)
    #expect(tolerant.differingPixelCount == 1)
    #expect(tolerant.bounds == .init(x: 7, y: 5, width: 1, height: 1))
    #expect(!a.compared(with: Surface(width: 10, height: 9)).isSameSize)
  }

  @Test func `the checksum is CRC-32 of the RGB bytes`() {
    var surface = Surface(width: 3, height: 1)
    // "123456789", whose CRC-32 is the usual check value.
    surface[0, 0] = 0x313233
    surface[1, 0] = 0x343536
    surface[2, 0] = 0x373839
    #expect(surface.checksum == 0xcbf4_3926)
  }

  @Test func `the placeholder is the one clients know`() {
    let surface = Surface.notInitialized()
    #expect(surface.width == 640 && surface.height == 480)
    #expect(surface.checksum == 0x4340_8c71)
  }
}
