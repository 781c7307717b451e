// SPDX-License-Identifier: Apache-2.0

/// A table of glyphs in a guest's memory, such as the one that Linux's frame buffer console draws with.
///
/// Linux puts four words before the glyphs of a font: a sum (0 for a built-in font), the number of glyphs or 0, their bytes, and
/// how many use it. Built-in fonts of old kernels, and those of other systems, have no such header; they are known by glyphs
/// that they share with the firmware's font.
///
/// Reference: Linux, include/linux/font.h (struct font_data) and drivers/video/fbdev/core/fbcon.h (FNTSIZE and its kin).
struct ConsoleFont: Equatable {
  let offset: Int
  let glyphCount: Int
  let glyphByteCount: Int
  /// Loaded by a program of the guest: which characters its glyphs are is the guest's choice.
  let isLoaded: Bool

  private static let headerByteCount = 16
  private static let ascii = 33...126

  /// The fonts whose header may have its byte count at an offset: where it does not tell how many glyphs there are, of 256 and
  /// of 512.
  static func fonts(sizeAt position: Int, in memory: GuestBytes) -> [ConsoleFont] {
    // Nearly every word that looks like a size ends here.
    guard position >= 8, memory.load(position + 4, as: UInt32.self) < 1024 else { return [] }
    let byteCount = Int(memory.load(position, as: UInt32.self))
    let count = Int(memory.load(position - 4, as: UInt32.self))
    guard count == 0 || count == 256 || count == 512 else { return [] }
    // A built-in font has no sum.
    let isLoaded = memory.load(position - 8, as: UInt32.self) != 0 || count != 0
    let counts = count != 0 ? [count] : isLoaded ? [512, 256] : [256]
    return counts.compactMap {
      ConsoleFont(offset: position + 8, count: $0, byteCount: byteCount, isLoaded: isLoaded, memory)
    }
  }

  init?(offset: Int, count: Int, byteCount: Int, isLoaded: Bool, _ memory: GuestBytes) {
    guard byteCount % count == 0, (6...64).contains(byteCount / count), memory.contains(offset, byteCount) else {
      return nil
    }
    (self.offset, glyphCount, glyphByteCount) = (offset, count, byteCount / count)
    self.isLoaded = isLoaded
    guard isFont(memory) else { return nil }
  }

  /// The table of glyphs whose "A" has its second four lines at an offset, if it shares most letters with a font.
  init?(letterAt position: Int, like font: BitmapFont, in memory: GuestBytes) {
    let start = position - 4 - 65 * font.height
    self.init(offset: start, count: 256, byteCount: 256 * font.height, isLoaded: false, memory)
    let common = Self.ascii.count { code in glyph(code, memory).elementsEqual(font[UInt8(code)]) }
    guard common * 2 > Self.ascii.count else { return nil }
  }

  func glyph(_ index: Int, _ memory: GuestBytes) -> UnsafeRawBufferPointer {
    memory.slice(offset + index * glyphByteCount, glyphByteCount)
  }

  var byteCount: Int { glyphCount * glyphByteCount }

  /// Whether the space is blank and all letters are different shapes.
  func isFont(_ memory: GuestBytes) -> Bool {
    guard memory.contains(offset, byteCount), glyph(32, memory).allSatisfy({ $0 == 0 }) else { return false }
    guard Self.ascii.allSatisfy({ glyph($0, memory).contains { $0 != 0 } }) else { return false }
    var shapes: Set<GlyphShape> = []
    for code in Self.ascii {
      let shape = shape(code, width: 16, memory)
      guard !shape.isBlank else { return false }
      shapes.insert(shape)
    }
    return shapes.count > Self.ascii.count - 8
  }

  private func shape(_ index: Int, width: Int, _ memory: GuestBytes) -> GlyphShape {
    GlyphShape(glyph(index, memory), width: isWide ? width : min(8, width))
  }

  /// Two bytes a line.
  private var isWide: Bool { glyphByteCount > 32 || glyphByteCount == 22 * 2 || glyphByteCount == 18 * 2 }
  private var height: Int { isWide ? glyphByteCount / 2 : glyphByteCount }

  /// - Parameters:
  ///   - name: the character of a glyph, where it is known.
  func glyphSet(_ memory: GuestBytes, _ name: (Int) -> Unicode.Scalar?) -> GlyphSet? {
    let widest = isWide ? 16 : 8
    // The full block, or whatever is widest, reaches to the right end of a cell.
    var dots: UInt16 = 0
    for index in 0..<glyphCount {
      let shape = shape(index, width: widest, memory)
      for line in 0..<height { dots |= shape[row: line] }
    }
    let width = 16 - dots.trailingZeroBitCount
    guard var set = GlyphSet(width: width, height: height, of: .console) else { return nil }
    for index in GlyphSet.order where index < glyphCount { set.add(shape(index, width: width, memory), name(index)) }
    return set.isEmpty ? nil : set
  }
}
