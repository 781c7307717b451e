// SPDX-License-Identifier: Apache-2.0
import CPixman

/// How a frame buffer stores a pixel, named from the most to the least significant bits of its little-endian word.
public enum PixelFormat: Sendable, CaseIterable {
  /// 15 bits in two bytes.
  case x1r5g5b5
  /// 16 bits in two bytes.
  case r5g6b5
  /// Three bytes: blue, green, red.
  case r8g8b8
  /// Four bytes: blue, green, red, unused.
  case x8r8g8b8

  /// Bytes of a pixel.
  public var byteCount: Int {
    switch self {
    case .x1r5g5b5, .r5g6b5: 2
    case .r8g8b8: 3
    case .x8r8g8b8: 4
    }
  }

  fileprivate var code: pixman_format_code_t {
    switch self {
    case .x1r5g5b5: PIXMAN_x1r5g5b5
    case .r5g6b5: PIXMAN_r5g6b5
    case .r8g8b8: PIXMAN_r8g8b8
    case .x8r8g8b8: PIXMAN_x8r8g8b8
    }
  }
}

extension Surface {
  /// Converts a frame buffer. Components of fewer than eight bits are widened by repeating their upper bits; those of
  /// `x1r5g5b5` by zeros, as QEMU shows them.
  ///
  /// - Parameters:
  ///   - bytes: the frame buffer; rows that it does not hold whole stay black.
  ///   - stride: bytes from one row to the next, at least a row.
  public init(converting bytes: UnsafeRawBufferPointer, _ format: PixelFormat, width: Int, height: Int, stride: Int) {
    self.init(width: width, height: height) { target in
      let width = min(max(0, width), Surface.maximumSide)
      let height = min(max(0, height), Surface.maximumSide)
      let rowByteCount = width * format.byteCount
      guard width > 0, height > 0, stride >= rowByteCount, bytes.count >= rowByteCount else { return }
      let rows = min(height, (bytes.count - rowByteCount) / stride + 1)
      // Safe: pixman reads `rows` rows of the bytes and writes as many of `target`, whose sizes were checked above. It
      // wants word-aligned rows; other frame buffers are copied into aligned ones first.
      if stride % 4 == 0, Int(bitPattern: bytes.baseAddress) % 4 == 0, let base = bytes.baseAddress {
        Self.composite(base, stride, format.code, target.baseAddress, width, rows)
      } else {
        let aligned = (rowByteCount + 3) & ~3
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: aligned * rows, alignment: 4)
        defer { copy.deallocate() }
        for row in 0..<rows {
          UnsafeMutableRawBufferPointer(rebasing: copy[row * aligned..<row * aligned + rowByteCount])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[row * stride..<row * stride + rowByteCount]))
        }
        if let base = copy.baseAddress { Self.composite(base, aligned, format.code, target.baseAddress, width, rows) }
      }
    }
  }

  private static func composite(
    _ source: UnsafeRawPointer, _ stride: Int, _ code: pixman_format_code_t, _ target: UnsafeMutablePointer<UInt32>?,
    _ width: Int, _ rows: Int
  ) {
    copyPixels(
      from: UnsafeMutableRawPointer(mutating: source), stride, code, to: target, width * 4, PIXMAN_x8r8g8b8, width, rows
    )
    guard let target else { return }
    // The unused byte is whatever the source had there, or what stands for opaque.
    let mask: UInt32 = code == PIXMAN_x1r5g5b5 ? 0xf8_f8f8 : 0xff_ffff
    for index in 0..<width * rows { target[index] &= mask }
  }

  /// The pixels as bytes R, G, B without gaps, as PPM and PNG want them.
  public func rgbBytes() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: width * height * 3) { buffer, count in
      appendRGB(to: UnsafeMutableRawBufferPointer(buffer))
      count = width * height * 3
    }
  }

  /// Writes width * height * 3 bytes to the start of `buffer`.
  func appendRGB(to buffer: UnsafeMutableRawBufferPointer) {
    guard width > 0, height > 0, buffer.count >= width * height * 3, let base = buffer.baseAddress else { return }
    pixels.withUnsafeBufferPointer { source in
      if (width * 3) % 4 == 0, Int(bitPattern: base) % 4 == 0, let start = source.baseAddress {
        // Safe: both images have width * height pixels, and pixman only reads the source.
        copyPixels(
          from: UnsafeMutableRawPointer(mutating: UnsafeRawPointer(start)), width * 4, PIXMAN_x8r8g8b8, to: base,
          width * 3, PIXMAN_b8g8r8, width, height)
      } else {
        for (index, pixel) in source.enumerated() {
          buffer[3 * index] = UInt8(truncatingIfNeeded: pixel >> 16)
          buffer[3 * index + 1] = UInt8(truncatingIfNeeded: pixel >> 8)
          buffer[3 * index + 2] = UInt8(truncatingIfNeeded: pixel)
        }
      }
    }
  }
}

/// Converts between two buffers with word-aligned rows.
private func copyPixels(
  from source: UnsafeMutableRawPointer, _ sourceStride: Int, _ sourceFormat: pixman_format_code_t,
  to target: UnsafeMutableRawPointer?, _ targetStride: Int, _ targetFormat: pixman_format_code_t, _ width: Int,
  _ height: Int
) {
  let word = UInt32.self
  guard let target,
    let from = pixman_image_create_bits_no_clear(
      sourceFormat, Int32(width), Int32(height), source.assumingMemoryBound(to: word), Int32(sourceStride))
  else { return }
  defer { pixman_image_unref(from) }
  guard
    let to = pixman_image_create_bits_no_clear(
      targetFormat, Int32(width), Int32(height), target.assumingMemoryBound(to: word), Int32(targetStride))
  else { return }
  defer { pixman_image_unref(to) }
  pixman_image_composite32(PIXMAN_OP_SRC, from, nil, to, 0, 0, 0, 0, 0, 0, Int32(width), Int32(height))
}
