// SPDX-License-Identifier: Apache-2.0

/// Which characters the glyphs of a loaded console font are, as Linux keeps it: for each of 512 glyphs a 16-bit code, 0 for none, in a
/// block of 1024 bytes that begins at a multiple of its size.
///
/// Reference: Linux, drivers/tty/vt/consolemap.c (inverse_trans_unicode).
struct ConsoleMap: Equatable {
  static let byteCount = 1024
  let codes: [UInt16]

  /// The map whose codes 64 and 65 are a word at an offset.
  init?(codesAt position: Int, in memory: GuestBytes) {
    let start = position - 128
    guard start >= 0, start % Self.byteCount == 0, memory.contains(start, Self.byteCount) else { return nil }
    codes = (0..<512).map { memory.load(start + 2 * $0, as: UInt16.self) }
    // Letters are where ASCII has them. Tables of character sets look alike, but have control codes.
    guard (32..<127).allSatisfy({ codes[$0] == UInt16($0) }) || Self.isNearlyASCII(codes), codes[1] != 1,
      !codes.contains(where: { (0xd800..<0xe000).contains($0) })
    else { return nil }
  }

  /// A glyph that stands for several characters has the code of the last of them.
  private static func isNearlyASCII(_ codes: [UInt16]) -> Bool {
    (32..<127).count { codes[$0] == UInt16($0) } > 80
  }

  /// Whether it belongs to a font of so many glyphs.
  func fits(glyphCount: Int) -> Bool {
    let upper = codes[256...].count { $0 != 0 }
    return glyphCount == 512 ? upper > 64 : upper == 0
  }

  /// The map of fonts in code page 437, which a kernel starts with.
  var isCodePage437: Bool {
    (128..<255).count { UInt32(codes[$0]) == CodePage437.scalar(UInt8($0)).value } > 100
  }

  subscript(glyph: Int) -> Unicode.Scalar? {
    guard codes.indices.contains(glyph), codes[glyph] != 0 else { return nil }
    if (32..<127).contains(glyph) { return Unicode.Scalar(UInt8(glyph)) }
    return Unicode.Scalar(codes[glyph])
  }
}
