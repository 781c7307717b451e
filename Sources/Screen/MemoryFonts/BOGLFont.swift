// SPDX-License-Identifier: Apache-2.0

/// A font file of BOGL, the library that Debian's installer draws its frame buffer terminal with (bterm), as a program of the
/// guest has mapped it.
///
/// The pages of the file lie anywhere in memory; the page table of the program tells where. Every page is in it that a
/// glyph on the screen was read from.
///
/// The file: "BGF1", then a C structure of the guest's word size with addresses in the file: name, height, mask, buckets,
/// index, glyphs. A character's low bits are the number of its bucket, which is the place of its first entry in the index.
/// An entry is two words, the character with its width in place of those low bits, and the place of its glyph; 0 ends
/// a bucket. A glyph is a word for each line, the leftmost dot highest.
///
/// Reference: bogl 0.1.18, bogl.h (struct bogl_font), bogl-bgf.c and bogl-font.c.
struct BOGLFont: Equatable {
  /// "BGF1".
  static let magic: UInt32 = 0x3146_4742

  private let layout: Layout
  private let mapping: FileMapping

  private struct Layout: Equatable {
    let height: Int
    let mask: UInt32
    let buckets: Int
    let index: Int
    let glyphs: Int

    /// From the first page of a file.
    init?(_ page: Int, _ memory: GuestBytes) {
      guard memory.load(page, as: UInt32.self) == BOGLFont.magic else { return nil }
      // The name follows the structure, whose size is that of its words.
      let name: UInt32 = memory.load(page + 4, as: UInt32.self)
      let addresses: [Int]
      switch name {
      case 32: addresses = (0..<3).map { Int(memory.load(page + 16 + 4 * $0, as: UInt32.self)) }
      case 52: addresses = (0..<3).map { Int(clamping: memory.load(page + 20 + 8 * $0, as: UInt64.self)) }
      default: return nil
      }
      let sizes = name == 32 ? page + 8 : page + 12
      let height = memory.load(sizes, as: UInt32.self)
      mask = memory.load(sizes + 4, as: UInt32.self)
      (buckets, index, glyphs) = (addresses[0], addresses[1], addresses[2])
      guard (4...UInt32(GlyphShape.maximumHeight)).contains(height), mask < 0x10000, mask & (mask + 1) == 0,
        buckets >= Int(name), buckets < index, index < glyphs, glyphs < FileMapping.largestByteCount
      else { return nil }
      self.height = Int(height)
    }
  }

  private static let largestGlyphCount = 0x8000
  private static let smallestLetterCount = 16

  /// The font whose file begins at a page and is mapped so.
  ///
  /// - Parameter extensionCount: how often a next table may still be looked for in all of memory.
  init?(page: Int, _ mapping: FileMapping, _ memory: GuestBytes, extensionCount: inout Int) {
    guard let layout = Layout(page, memory) else { return nil }
    var mapping = mapping
    self.layout = layout
    if Self.end(layout, mapping, memory) > mapping.byteCount, extensionCount > 0 {
      extensionCount -= 1
      mapping.extend(memory)
    }
    self.mapping = mapping
    guard isFont(memory) else { return nil }
  }

  /// Whether it is still there, with enough letters to read anything.
  func isFont(_ memory: GuestBytes) -> Bool {
    guard let page = mapping.page(0, memory), Layout(page, memory) == layout else { return false }
    return letterCount(memory) >= Self.smallestLetterCount
  }

  /// Letters with shapes of their own.
  func letterCount(_ memory: GuestBytes) -> Int {
    let letters = glyphs(memory).filter { (33...126).contains($0.character.value) && !$0.shape.isBlank }
    return Set(letters.map(\.shape)).count
  }

  /// The pages that are mapped now: what can be read changes with them.
  func pages(_ memory: GuestBytes) -> [Int] { mapping.pages(memory) }

  /// Calls `body` with each entry of the index that can be read.
  private static func forEachEntry(
    _ layout: Layout, _ mapping: FileMapping, _ memory: GuestBytes,
    _ body: (_ character: UInt32, _ width: Int, _ place: Int) -> Void
  ) {
    var left = largestGlyphCount
    for bucket in 0...layout.mask {
      guard let start = mapping.word(layout.buckets + 4 * Int(bucket), memory) else { continue }
      var place = layout.index + 4 * Int(start)
      while left > 0, let entry = mapping.word(place, memory), entry != 0, let glyph = mapping.word(place + 4, memory) {
        body(entry & ~layout.mask | bucket, Int(entry & layout.mask), layout.glyphs + 4 * Int(glyph))
        left -= 1
        place += 8
      }
    }
  }

  /// How long the file is at least.
  private static func end(_ layout: Layout, _ mapping: FileMapping, _ memory: GuestBytes) -> Int {
    var end = layout.glyphs
    forEachEntry(layout, mapping, memory) { end = max(end, $2 + 4 * layout.height) }
    return end
  }

  private struct Glyph {
    let character: Unicode.Scalar
    let width: Int
    let shape: GlyphShape
  }

  private func glyphs(_ memory: GuestBytes) -> [Glyph] {
    var glyphs: [Glyph] = []
    Self.forEachEntry(layout, mapping, memory) { character, width, place in
      guard let character = Unicode.Scalar(character), let shape = shape(place, memory) else { return }
      glyphs.append(Glyph(character: character, width: width, shape: shape))
    }
    return glyphs
  }

  private func shape(_ place: Int, _ memory: GuestBytes) -> GlyphShape? {
    var shape = GlyphShape()
    for line in 0..<layout.height {
      guard let word = mapping.word(place + 4 * line, memory) else { return nil }
      shape[row: line] = UInt16(word >> 16)
    }
    return shape
  }

  /// The glyphs in cells as wide as letters.
  func glyphSet(_ memory: GuestBytes) -> GlyphSet? {
    let glyphs = glyphs(memory)
    var widths: [Int: Int] = [:]
    for glyph in glyphs where (33...126).contains(glyph.character.value) { widths[glyph.width, default: 0] += 1 }
    guard let width = widths.max(by: { ($0.value, $1.key) < ($1.value, $0.key) })?.key,
      var set = GlyphSet(width: width, height: layout.height, of: .console)
    else { return nil }
    // Of equal shapes the lowest character: letters before their forms for old terminals.
    for glyph in glyphs.sorted(by: { $0.character < $1.character }) {
      if glyph.width == width { set.add(glyph.shape, glyph.character) }
      if glyph.width == 2 * width, glyph.width <= GlyphShape.maximumWidth { set.addWide(glyph.shape, glyph.character) }
    }
    return set.isEmpty ? nil : set
  }
}
