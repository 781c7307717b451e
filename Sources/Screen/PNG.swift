// SPDX-License-Identifier: Apache-2.0
import CPNG

/// PNG by libpng's simplified interface, which reports errors as values instead of jumping out of them.
extension Surface {
  /// The picture as an RGB file of eight bits per component, tuned for speed: no row filters, light compression.
  public func png() throws(ImageError) -> [UInt8] {
    guard width > 0, height > 0 else { throw .size(width: width, height: height) }
    var image = Self.header(width: width, height: height, format: PNG_FORMAT_RGB)
    image.flags |= UInt32(PNG_IMAGE_FLAG_FAST)
    let rgb = rgbBytes()
    // Incompressible data grow a little, by zlib's blocks and PNG's chunks. The buffer's pages exist only once written.
    let capacity = rgb.count + rgb.count / 128 + height + 4096
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
    defer { buffer.deallocate() }
    var byteCount = capacity
    // Safe: libpng reads width * height * 3 bytes of `rgb` and writes at most `byteCount` bytes, which it then sets to
    // how many it wrote.
    guard png_image_write_to_memory(&image, buffer.baseAddress, &byteCount, 0, rgb, 0, nil) != 0 else {
      throw .library(Self.message(image))
    }
    return Array(buffer[..<min(byteCount, capacity)])
  }

  /// Reads a PNG file of any colour type; transparent pixels are laid over black.
  public init(png bytes: [UInt8]) throws(ImageError) {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    // Safe: libpng keeps no pointer into `bytes` beyond png_image_finish_read, which runs inside the same closure.
    var pixels: [UInt32] = []
    var failure: ImageError?
    bytes.withUnsafeBytes { source in
      guard png_image_begin_read_from_memory(&image, source.baseAddress, source.count) != 0 else {
        failure = .library(Self.message(image))
        return
      }
      let width = Int(image.width)
      let height = Int(image.height)
      guard (1...Surface.maximumSide).contains(width), (1...Surface.maximumSide).contains(height) else {
        failure = .size(width: width, height: height)
        png_image_free(&image)
        return
      }
      image.format = UInt32(PNG_FORMAT_BGRA)
      pixels = [UInt32](repeating: 0, count: width * height)
      if png_image_finish_read(&image, nil, &pixels, 0, nil) == 0 { failure = .library(Self.message(image)) }
    }
    if let failure { throw failure }
    let decoded = pixels
    self.init(width: Int(image.width), height: Int(image.height)) { target in
      for index in decoded.indices { target[index] = Self.overBlack(decoded[index]) }
    }
  }

  private static func overBlack(_ pixel: UInt32) -> UInt32 {
    let alpha = pixel >> 24
    if alpha == 255 { return pixel & 0xff_ffff }
    var result: UInt32 = 0
    for shift: UInt32 in [0, 8, 16] { result |= (((pixel >> shift) & 0xff) * alpha + 127) / 255 << shift }
    return result
  }

  private static func header(width: Int, height: Int, format: UInt32) -> png_image {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    image.width = UInt32(width)
    image.height = UInt32(height)
    image.format = format
    return image
  }

  private static func message(_ image: png_image) -> String {
    withUnsafeBytes(of: image.message) { text in
      String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
