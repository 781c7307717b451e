// SPDX-License-Identifier: Apache-2.0

/// A picture: rows of 32-bit pixels `0x00RRGGBB`, `width` of them per row, without gaps between rows.
///
/// A value: the machine thread draws one and hands it to a worker that encodes it.
public struct Surface: Equatable, Sendable {
  /// Largest width and height that is drawn or decoded.
  public static let maximumSide = 16384

  /// Pixels per row, 0...`maximumSide`.
  public let width: Int
  /// Rows, 0...`maximumSide`.
  public let height: Int
  /// `width * height` pixels, row by row from the top. The upper byte of a pixel is always 0.
  public private(set) var pixels: [UInt32]

  /// A picture of one colour; sides are clamped to 0...`maximumSide`.
  public init(width: Int, height: Int, color: UInt32 = 0) {
    self.width = min(max(0, width), Self.maximumSide)
    self.height = min(max(0, height), Self.maximumSide)
    pixels = [UInt32](repeating: color & 0xff_ffff, count: self.width * self.height)
  }

  /// A picture that starts black and that `draw` paints, leaving the upper byte of every pixel 0.
  public init(width: Int, height: Int, drawing draw: (UnsafeMutableBufferPointer<UInt32>) -> Void) {
    let width = min(max(0, width), Self.maximumSide)
    let height = min(max(0, height), Self.maximumSide)
    self.width = width
    self.height = height
    pixels = [UInt32](unsafeUninitializedCapacity: width * height) { buffer, count in
      // Safe: all that is promised is initialized before `draw` sees it.
      buffer.initialize(repeating: 0)
      draw(UnsafeMutableBufferPointer(rebasing: buffer[..<(width * height)]))
      count = width * height
    }
  }

  /// Bytes from one row to the next.
  public var stride: Int { width * 4 }

  /// The pixel in a column and row; reading outside gives black and writing there does nothing.
  public subscript(x: Int, y: Int) -> UInt32 {
    get { contains(x, y) ? pixels[y * width + x] : 0 }
    set { if contains(x, y) { pixels[y * width + x] = newValue & 0xff_ffff } }
  }

  private func contains(_ x: Int, _ y: Int) -> Bool { x >= 0 && x < width && y >= 0 && y < height }

  /// Fills the part of a rectangle that lies inside.
  public mutating func fill(x: Int, y: Int, width: Int, height: Int, color: UInt32) {
    let columns = max(0, x)..<max(max(0, x), min(self.width, x.addingClamped(width)))
    for row in max(0, y)..<max(max(0, y), min(self.height, y.addingClamped(height))) {
      for column in columns { pixels[row * self.width + column] = color & 0xff_ffff }
    }
  }

  /// The pixels, for code that reads many of them.
  public func withPixels<R>(_ body: (UnsafeBufferPointer<UInt32>) throws -> R) rethrows -> R {
    try pixels.withUnsafeBufferPointer(body)
  }

  /// CRC-32 (ISO 3309, as in PNG and zlib) of the pixels as R, G, B bytes in reading order.
  public var checksum: UInt32 {
    var crc: UInt32 = .max
    let table = CRC32.table
    for pixel in pixels {
      for shift: UInt32 in [16, 8, 0] {
        crc = table[Int((crc ^ (pixel >> shift)) & 0xff)] ^ (crc >> 8)
      }
    }
    return ~crc
  }
}

extension Int {
  fileprivate func addingClamped(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other > 0 ? .max : .min) : sum
  }
}

private enum CRC32 {
  static let table: [UInt32] = (0..<256).map { (byte: UInt32) -> UInt32 in
    (0..<8).reduce(byte) { value, _ in value & 1 != 0 ? 0xedb8_8320 ^ (value >> 1) : value >> 1 }
  }
}
