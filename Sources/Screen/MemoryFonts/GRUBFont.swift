// SPDX-License-Identifier: Apache-2.0

/// A font in the memory of GRUB 2 for BIOSes, which reads a glyph of a PF2 file when it first draws it. Addresses are physical.
///
/// An index of all characters in ascending order (16 bytes each: code, flags, offset in the file, address of the glyph or 0) points to
/// the glyphs (font, width, height, offset to the right and up, advance, then bits row after row without gaps), and these to
/// the font, which has the index's address and length again.
///
/// Reference: GNU GRUB 2.06, grub-core/font/font.c and include/grub/font.h.
struct GRUBFont: Equatable {
  let index: Int
  let glyphCount: Int
  let ascent: Int
  let descent: Int
  /// Which glyphs are loaded.
  private(set) var loaded: [Int] = []

  private static let entryByteCount = 16
  private static let largestGlyphCount = 0x20000
  /// More characters than ever were on a screen.
  private static let largestLoadedCount = 8192
  private static let fontByteCount = 40

  /// The font whose index has "A" at an offset.
  init?(letterAt position: Int, in memory: GuestBytes) {
    let entry = Self.entryByteCount
    guard (1..<16).allSatisfy({ memory.load(position + $0 * entry, as: UInt32.self) == UInt32(0x41 + $0) }) else {
      return nil
    }
    // Codes ascend, so no more than so many come before it.
    var start = position
    for _ in 0..<0x41 {
      let before = memory.load(start - entry, as: UInt32.self)
      guard start >= entry, before < memory.load(start, as: UInt32.self) else { break }
      start -= entry
    }
    // Its "A" or another letter has been drawn, if any text was.
    for code in 0..<0x60 {
      let glyph = Int(memory.load(start + code * entry + 12, as: UInt32.self))
      guard glyph != 0 else { continue }
      let font = Int(memory.load(glyph, as: UInt32.self))
      guard memory.contains(font, Self.fontByteCount) else { continue }
      let index = Int(memory.load(font + 32, as: UInt32.self)), count = Int(memory.load(font + 28, as: UInt32.self))
      // A word before the first code may look like one.
      guard index >= start, index <= position, (index - start) % entry == 0 else { continue }
      guard (64...Self.largestGlyphCount).contains(count), memory.contains(index, count * entry) else { continue }
      (self.index, glyphCount) = (index, count)
      ascent = Int(memory.load(font + 20, as: Int16.self))
      descent = Int(memory.load(font + 22, as: Int16.self))
      guard (1...32).contains(ascent), (0...16).contains(descent) else { return nil }
      loaded = Self.loadedGlyphs(memory, index, count)
      return
    }
    return nil
  }

  private static func loadedGlyphs(_ memory: GuestBytes, _ index: Int, _ count: Int) -> [Int] {
    Array(
      (0..<count).lazy.filter { memory.load(index + $0 * entryByteCount + 12, as: UInt32.self) != 0 }
        .prefix(largestLoadedCount))
  }

  /// The same font as it is now; nil when it is no longer there.
  func reloaded(_ memory: GuestBytes) -> GRUBFont? {
    let letter = (0..<min(0x60, glyphCount)).first {
      memory.load(index + $0 * Self.entryByteCount, as: UInt32.self) == 0x41
    }
    guard let letter else { return nil }
    return GRUBFont(letterAt: index + letter * Self.entryByteCount, in: memory)
  }

  /// The glyphs in cells as wide as letters advance.
  func glyphSet(_ memory: GuestBytes) -> GlyphSet? {
    var advances: [Int: Int] = [:]
    let glyphs = loaded.compactMap { Glyph(memory, entry: index + $0 * Self.entryByteCount) }
    for glyph in glyphs where (33...126).contains(glyph.code) { advances[glyph.advance, default: 0] += 1 }
    guard let width = advances.max(by: { ($0.value, $1.key) < ($1.value, $0.key) })?.key,
      var set = GlyphSet(width: width, height: ascent + descent, of: .grub)
    else { return nil }
    // Of equal shapes the one that is typed.
    let ascii: ClosedRange<UInt32> = 32...126
    for glyph in glyphs.filter({ ascii.contains($0.code) }) + glyphs.filter({ !ascii.contains($0.code) }) {
      guard let character = Unicode.Scalar(glyph.code) else { continue }
      if glyph.advance == width { set.add(glyph.shape(memory, in: set, width: width, ascent: ascent), character) }
      if glyph.advance == 2 * width, glyph.advance <= GlyphShape.maximumWidth {
        set.addWide(glyph.shape(memory, in: set, width: 2 * width, ascent: ascent), character)
      }
    }
    return set.isEmpty ? nil : set
  }

  private struct Glyph {
    let code: UInt32
    let width: Int
    let height: Int
    let left: Int
    let up: Int
    let advance: Int
    let bits: Int

    init?(_ memory: GuestBytes, entry: Int) {
      code = memory.load(entry, as: UInt32.self)
      let address = Int(memory.load(entry + 12, as: UInt32.self))
      width = Int(memory.load(address + 4, as: UInt16.self))
      height = Int(memory.load(address + 6, as: UInt16.self))
      left = Int(memory.load(address + 8, as: Int16.self))
      up = Int(memory.load(address + 10, as: Int16.self))
      advance = Int(memory.load(address + 12, as: UInt16.self))
      bits = address + 14
      guard width <= 64, height <= 64, memory.contains(bits, (width * height + 7) / 8) else { return nil }
    }

    func shape(_ memory: GuestBytes, in set: GlyphSet, width cellWidth: Int, ascent: Int) -> GlyphShape {
      var shape = GlyphShape()
      for row in 0..<height {
        let y = ascent - up - height + row
        guard y >= 0, y < set.height else { continue }
        for column in 0..<width where left + column < cellWidth {
          let bit = row * width + column
          if memory.load(bits + bit / 8, as: UInt8.self) & 0x80 >> UInt8(bit % 8) != 0 { shape.set(left + column, y) }
        }
      }
      return shape
    }
  }
}
