// SPDX-License-Identifier: Apache-2.0

/// The fonts found in a guest's memory, and where, so that they are read again without a search.
struct MemoryFonts: Sendable {
  /// Of the firmware, which other fonts are known by.
  private let reference: [BitmapFont]
  private var consoleFonts: [ConsoleFont] = []
  private var maps: [Int] = []
  private var grubFonts: [GRUBFont] = []
  private var mappedFonts: [BOGLFont] = []
  /// Bytes of fonts and maps as they were when `sets` was made.
  private var sum = 0
  private(set) var sets: [GlyphSet] = []

  private static let largestCount = 16
  private static let largestGRUBCount = 4
  /// Font files, words that look like an entry for one in a page table, tables that are read, and searches for a next one.
  private static let largestFileCount = 2
  private static let largestUserCount = 256
  private static let largestMappingCount = 16
  private static let largestExtensionCount = 2

  init(reference: [BitmapFont]) { self.reference = reference }

  /// The first four lines but four of the firmware's "A".
  private static func letter(_ font: BitmapFont) -> UInt32? {
    guard font.height == 16 || font.height == 8 else { return nil }
    return font[65].dropFirst(4).prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// Looks through all of memory. True if there are other glyphs than before.
  mutating func search(_ memory: GuestBytes) -> Bool {
    (consoleFonts, maps, grubFonts, mappedFonts) = ([], [], [], [])
    var files: [Int] = []
    let letters = reference.map(Self.letter)
    let tall = letters.compactMap(\.self).first ?? 0, small = letters.compactMap(\.self).last ?? 0
    let grubLetter: UInt32 = 0x41, mapCodes: UInt32 = 0x0041_0040
    // A byte count of glyphs is a multiple of 256 below 64 KiB.
    let wanted = GuestBytes.Wanted(
      values: SIMD4(grubLetter, mapCodes, tall, small), otherBits: 0xffff_00ff, pageStart: BOGLFont.magic)
    memory.scan(wanted) { offset, word in
      switch word {
      case grubLetter:
        if grubFonts.count < Self.largestGRUBCount, let font = GRUBFont(letterAt: offset, in: memory) {
          grubFonts.append(font)
        }
      case mapCodes:
        if maps.count < Self.largestCount, ConsoleMap(codesAt: offset, in: memory) != nil { maps.append(offset) }
      case BOGLFont.magic: if files.count < Self.largestFileCount { files.append(offset) }
      default:
        guard consoleFonts.count < Self.largestCount else { return }
        for font in ConsoleFont.fonts(sizeAt: offset, in: memory) { add(font, memory) }
        for (font, letter) in zip(reference, letters) where letter == word && word != 0 {
          if let font = ConsoleFont(letterAt: offset, like: font, in: memory) { add(font, memory) }
        }
      }
    }
    for file in files { searchUsers(of: file, memory) }
    return build(memory)
  }

  /// Looks for the page tables of programs that have mapped a font file.
  private mutating func searchUsers(of page: Int, _ memory: GuestBytes) {
    let wanted = UInt32(truncatingIfNeeded: page) | FileMapping.flags
    var entries: [Int] = []
    memory.scan(.init(values: SIMD4(repeating: wanted), mask: ~0xfff | FileMapping.flags)) { offset, _ in
      if entries.count < Self.largestUserCount { entries.append(offset) }
    }
    var extensionCount = Self.largestExtensionCount
    var best: (font: BOGLFont, letterCount: Int)?
    // Eight bytes an entry, or four on processors without PAE: whichever gives the more letters.
    let mappings = [8, 4].flatMap { byteCount in
      entries.compactMap { FileMapping(page: page, entryAt: $0, byteCount: byteCount, memory) }
    }
    for mapping in mappings.prefix(Self.largestMappingCount) {
      guard let font = BOGLFont(page: page, mapping, memory, extensionCount: &extensionCount) else { continue }
      let letterCount = font.letterCount(memory)
      if letterCount > (best?.letterCount ?? 0) { best = (font, letterCount) }
    }
    if let best { mappedFonts.append(best.font) }
  }

  /// Fonts that are copies of another are of no use, and crowd out those that are not.
  private mutating func add(_ font: ConsoleFont, _ memory: GuestBytes) {
    let bytes = memory.slice(font.offset, font.byteCount)
    for known in consoleFonts
    where known.glyphByteCount == font.glyphByteCount && known.isLoaded == font.isLoaded {
      if memory.slice(known.offset, known.byteCount).elementsEqual(bytes) { return }
    }
    consoleFonts.append(font)
  }

  /// Reads what was found again. True if there are other glyphs than before.
  mutating func refresh(_ memory: GuestBytes) -> Bool {
    consoleFonts.removeAll { !$0.isFont(memory) }
    maps.removeAll { ConsoleMap(codesAt: $0, in: memory) == nil }
    grubFonts = grubFonts.compactMap { $0.reloaded(memory) }
    mappedFonts.removeAll { !$0.isFont(memory) }
    return build(memory)
  }

  private mutating func build(_ memory: GuestBytes) -> Bool {
    var hasher = Hasher()
    for font in consoleFonts { hasher.combine(bytes: memory.slice(font.offset, font.byteCount)) }
    for map in maps { hasher.combine(bytes: memory.slice(map - 128, ConsoleMap.byteCount)) }
    for font in grubFonts { hasher.combine(font.loaded) }
    for font in mappedFonts { hasher.combine(font.pages(memory)) }
    let sum = hasher.finalize()
    guard sum != self.sum else { return false }
    self.sum = sum
    let maps = maps.compactMap { ConsoleMap(codesAt: $0, in: memory) }
    sets = grubFonts.compactMap { $0.glyphSet(memory) } + mappedFonts.compactMap { $0.glyphSet(memory) }
    // Loaded fonts first: a guest loads one to use it.
    for font in consoleFonts.filter(\.isLoaded) + consoleFonts.filter({ !$0.isLoaded }) {
      let name = font.isLoaded ? names(font, maps) : { Self.codePage437($0) }
      if let set = font.glyphSet(memory, name) { sets.append(set) }
    }
    return true
  }

  private static func codePage437(_ glyph: Int) -> Unicode.Scalar? { UInt8(exactly: glyph).map(CodePage437.scalar) }

  /// What the glyphs of a loaded font are: by the one map that fits it, by what all agree on that do, and at least ASCII.
  private func names(_ font: ConsoleFont, _ maps: [ConsoleMap]) -> (Int) -> Unicode.Scalar? {
    var fitting = maps.filter { $0.fits(glyphCount: font.glyphCount) }
    let own = fitting.filter { !$0.isCodePage437 }
    if !own.isEmpty { fitting = own }
    return { glyph in
      if (32..<127).contains(glyph) { return Unicode.Scalar(UInt8(glyph)) }
      guard let first = fitting.first?[glyph], fitting.allSatisfy({ $0[glyph] == first }) else { return nil }
      return first
    }
  }
}
