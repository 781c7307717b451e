// SPDX-License-Identifier: Apache-2.0
import Screen
import Testing

/// PPM and PNG, both ways.
struct ImageFileTests {
  static func noise(_ width: Int, _ height: Int) -> Surface {
    var state: UInt32 = 1
    return Surface(width: width, height: height) { pixels in
      for index in pixels.indices {
        state = state &* 1_664_525 &+ 1_013_904_223
        pixels[index] = state >> 8
      }
    }
  }

  @Test func `a PPM has QEMU's header and red first`() {
    var surface = Surface(width: 2, height: 1)
    surface[0, 0] = 0x010203
    surface[1, 0] = 0xfffefd
    #expect(surface.ppm() == Array("P6\n2 1\n255\n".utf8) + [1, 2, 3, 0xff, 0xfe, 0xfd])
  }

  @Test(
    arguments: ImageFormat.allCases, [(1, 1), (3, 2), (4, 4), (7, 5), (720, 400), (909, 33)] as [(Int, Int)])
  func `a picture comes back as it went`(_ format: ImageFormat, _ size: (Int, Int)) throws {
    let surface = Self.noise(size.0, size.1)
    let decoded = try Surface(decoding: surface.encoded(as: format))
    #expect(decoded == surface)
  }

  @Test func `a PNG is of eight bits red, green and blue without alpha`() throws {
    let bytes = try Surface(width: 720, height: 400).png()
    #expect(Array(bytes[0..<8]) == [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
    #expect(Array(bytes[16..<26]) == [0, 0, 2, 0xd0, 0, 0, 1, 0x90, 8, 2])
    #expect(bytes.count < 8000)
  }

  @Test func `a PPM may have comments and a smaller maximum`() throws {
    let surface = try Surface(decoding: Array("P6 # a comment\n1\t1\n# another\n15\n".utf8) + [0, 7, 15])
    #expect(surface[0, 0] == 0x0077ff)
  }

  @Test(arguments: [
    ("", ImageError.unknownFormat), ("GIF89a", .unknownFormat), ("P6", .malformed("width")),
    ("P6 1", .malformed("height")), ("P6 1 1 0 ", .malformed("maximum value")),
    ("P6 1 1 256 xyz", .malformed("maximum value")), ("P6 1 1 255", .malformed("end of header")),
    ("P6 1 1 255\nxy", .malformed("it ends before its last pixel")), ("P6 0 5 255\n", .size(width: 0, height: 5)),
    ("P6 99999 99999 255\n", .size(width: 99999, height: 99999)),
    ("P6 99999999999999999999 1 255\n", .malformed("width")),
  ])
  func `a malformed PPM is refused with its reason`(_ text: String, _ error: ImageError) {
    #expect(throws: error) { try Surface(decoding: Array(text.utf8)) }
  }

  @Test func `a truncated or damaged PNG is refused`() throws {
    let bytes = try Self.noise(40, 30).png()
    for count in stride(from: 4, to: bytes.count, by: 97) {
      #expect(throws: ImageError.self) { try Surface(decoding: Array(bytes.prefix(count))) }
    }
    var damaged = bytes
    damaged[60] ^= 0xff
    #expect(throws: ImageError.self) { try Surface(decoding: damaged) }
  }

  @Test func `an empty picture has a PPM but no PNG`() {
    let empty = Surface(width: 0, height: 10)
    #expect(empty.ppm() == Array("P6\n0 10\n255\n".utf8))
    #expect(throws: ImageError.size(width: 0, height: 10)) { try empty.png() }
  }
}
