// SPDX-License-Identifier: Apache-2.0

/// Netpbm's binary colour format. Reference: netpbm, ppm(5).
extension Surface {
  /// The picture as a P6 file with eight bits per component and QEMU's three-line header.
  public func ppm() -> [UInt8] {
    let header = Array("P6\n\(width) \(height)\n255\n".utf8)
    // Pixels are converted in place when they start on a word, so the header is written to end on one.
    let padding = (4 - header.count % 4) % 4
    let total = header.count + width * height * 3
    return [UInt8](unsafeUninitializedCapacity: total + padding) { buffer, count in
      // Safe: header and pixels fill exactly `total` bytes from the start; memmove closes the gap.
      let raw = UnsafeMutableRawBufferPointer(buffer)
      appendRGB(to: UnsafeMutableRawBufferPointer(rebasing: raw[(header.count + padding)...]))
      if padding != 0 {
        UnsafeMutableRawBufferPointer(rebasing: raw[header.count..<total]).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: raw[(header.count + padding)..<(total + padding)]))
      }
      raw.copyBytes(from: header)
      count = total
    }
  }

  /// Reads a P6 file of at most eight bits per component, with comments; bytes after the pixels are ignored.
  public init(ppm bytes: [UInt8]) throws(ImageError) {
    guard bytes.starts(with: [0x50, 0x36]) else { throw .unknownFormat }
    var position = 2
    let width = try Self.number(bytes, &position, "width")
    let height = try Self.number(bytes, &position, "height")
    let maximum = try Self.number(bytes, &position, "maximum value")
    guard (1...Surface.maximumSide).contains(width), (1...Surface.maximumSide).contains(height) else {
      throw .size(width: width, height: height)
    }
    guard (1...255).contains(maximum) else { throw .malformed("maximum value") }
    guard position < bytes.count, Self.isSpace(bytes[position]) else { throw .malformed("end of header") }
    position += 1
    guard bytes.count - position >= width * height * 3 else { throw .malformed("it ends before its last pixel") }
    self.init(width: width, height: height) { pixels in
      bytes.withUnsafeBufferPointer { source in
        for index in 0..<width * height {
          let at = position + 3 * index
          let red = UInt32(source[at])
          let green = UInt32(source[at + 1])
          let blue = UInt32(source[at + 2])
          pixels[index] =
            maximum == 255
            ? red << 16 | green << 8 | blue
            : Self.scale(red, maximum) << 16 | Self.scale(green, maximum) << 8 | Self.scale(blue, maximum)
        }
      }
    }
  }

  private static func scale(_ value: UInt32, _ maximum: Int) -> UInt32 {
    let limit = UInt32(maximum)
    return (min(value, limit) * 255 + limit / 2) / limit
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

  private static func number(_ bytes: [UInt8], _ position: inout Int, _ part: String) throws(ImageError) -> Int {
    while position < bytes.count, isSpace(bytes[position]) || bytes[position] == UInt8(ascii: "#") {
      if bytes[position] == UInt8(ascii: "#") {
        while position < bytes.count, bytes[position] != 0x0a { position += 1 }
      } else {
        position += 1
      }
    }
    var value = 0
    let start = position
    while position < bytes.count, (0x30...0x39).contains(bytes[position]) {
      value = value * 10 + Int(bytes[position] - 0x30)
      position += 1
      guard value < 1 << 30 else { throw .malformed(part) }
    }
    guard position > start else { throw .malformed(part) }
    return value
  }
}
