// SPDX-License-Identifier: Apache-2.0
import Fuzzing
import Screen
import Testing

/// Fonts in files that a program of the guest has mapped, whose pages lie anywhere.
struct MappedFontTests {
  private static let pageByteCount = 4096
  private static let mask: UInt32 = 0x3f

  /// A font that draws none of these.
  private static let firmware = [
    BitmapFont(height: 16, lines: (0..<256).flatMap { code in (0..<16).map { $0 == 9 ? UInt8(code) : 0 } })
  ].compactMap(\.self)

  /// Lines of a glyph, 16 bits each: for each character others.
  private static func lines(_ character: UInt32) -> [UInt32] {
    (0..<16).map { line in
      switch line {
      case 3: character & 0xff | 1
      case 4: character >> 8 & 0xff
      case 5: (character &* 7 & 0x7f) << 1
      case 6: 0x5a
      default: 0
      }
    }
  }

  /// A font file, with eight or four bytes an address.
  private static func file(_ characters: [(code: UInt32, width: Int)], addressByteCount: Int) -> [UInt8] {
    var index: [UInt32] = [], glyphs: [UInt32] = [], buckets: [UInt32] = []
    for bucket in 0...mask {
      buckets.append(UInt32(index.count))
      for character in characters where character.code & mask == bucket {
        index += [character.code & ~mask | UInt32(character.width), UInt32(glyphs.count)]
        let shift: UInt32 = character.width > 8 ? 16 : 24
        glyphs += lines(character.code).map { ($0 | (character.width > 8 ? $0 << 8 : 0)) << shift }
      }
      index.append(0)
    }
    let name = addressByteCount == 8 ? 52 : 32
    let first = name + 12, second = first + 4 * buckets.count, third = second + 4 * index.count
    func address(_ value: Int) -> [UInt32] { addressByteCount == 8 ? [UInt32(value), 0] : [UInt32(value)] }
    let head: [UInt32] =
      [0x3146_4742] + address(name) + [16, mask] + address(first) + address(second) + address(third) + [0xfffd]
    var bytes = words(head)
    bytes += [UInt8](repeating: 0x20, count: first - bytes.count)
    return bytes + words(buckets + index + glyphs)
  }

  private static func words(_ values: [UInt32]) -> [UInt8] {
    values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
  }

  private static let characters: [(code: UInt32, width: Int)] =
    (33...126).map { ($0, 8) } + (0x410...0x44f).map { ($0, 8) } + (0x4e00...0x4f00).map { ($0, 16) }

  /// Puts the pages of a file into a megabyte, backwards with gaps, and the table that maps them.
  private static func memory(
    _ file: [UInt8], entryByteCount: Int, firstEntry: Int, isMapped: (Int) -> Bool = { _ in true }
  ) -> [UInt8] {
    var memory = [UInt8](repeating: 0, count: 1 << 20)
    let perTable = pageByteCount / entryByteCount
    func put(_ value: UInt32, _ offset: Int) { memory.replaceSubrange(offset..<offset + 4, with: words([value])) }
    for page in 0...file.count / pageByteCount {
      let place = 0xf0000 - 0x2000 * page
      let content = file[page * pageByteCount..<min(file.count, (page + 1) * pageByteCount)]
      memory.replaceSubrange(place..<place + content.count, with: content)
      let entry = firstEntry + page
      if isMapped(page) {
        put(UInt32(place) | 0x67, 0x3000 + 0x2000 * (entry / perTable) + entry % perTable * entryByteCount)
      }
      // The kernel's own view of the same page, which says nothing about the file.
      put(UInt32(place) | 0x163, 0x7000 + page * entryByteCount)
    }
    // Words that look like the first entry.
    for number in 0..<30 { put(UInt32(0xf0000 | 0x40f), 0x40000 + 12 * number) }
    for number in 0..<90 where number % 3 != 0 { put(0x8d48_c789, 0x40000 + 4 * number) }
    // The two tables, side by side in a table of tables.
    put(0x3067, 0x8000 + 3 * entryByteCount)
    put(0x5067, 0x8000 + 4 * entryByteCount)
    return memory
  }

  private static func picture(_ text: String) -> Surface {
    var surface = Surface(width: 320, height: 48, color: 0x0000aa)
    var x = 0
    for scalar in text.unicodeScalars {
      let width = scalar.value >= 0x4e00 ? 16 : 8
      if scalar != " " {
        for (line, dots) in lines(scalar.value).enumerated() {
          let row = width == 16 ? dots << 8 | dots : dots
          for dot in 0..<width where row & (1 << UInt32(width - 1 - dot)) != 0 {
            surface[x + dot, 16 + line] = 0xffffff
          }
        }
      }
      x += width
    }
    return surface
  }

  private static func read(_ reader: inout ScreenReader, _ text: String, _ memory: [UInt8]) -> String {
    memory.withUnsafeBytes {
      reader.read(picture(text), memory: GuestBytes($0, isSparse: false), at: 0, searches: true).text.rows.dropFirst()
        .first ?? ""
    }
  }

  private static let text = "Language: Дом 中一九 ok"

  // In the middle of a table, and across the end of one.
  @Test(arguments: [(8, 8, 100), (8, 8, 508), (4, 8, 200), (4, 4, 40), (4, 4, 1021)])
  func `a mapped font is read through the program's page table`(
    _ addressByteCount: Int, _ entryByteCount: Int, _ firstEntry: Int
  ) {
    let file = Self.file(Self.characters, addressByteCount: addressByteCount)
    #expect(file.count > 4 * Self.pageByteCount)
    let memory = Self.memory(file, entryByteCount: entryByteCount, firstEntry: firstEntry)
    var reader = ScreenReader(fonts: Self.firmware)
    #expect(Self.read(&reader, Self.text, memory) == Self.text)
    #expect(Self.read(&reader, "again", memory) == "again")
  }

  @Test func `pages that are mapped later are read then, and nothing without a program's table`() {
    let file = Self.file(Self.characters, addressByteCount: 8)
    let none = Self.memory(file, entryByteCount: 8, firstEntry: 100) { _ in false }
    var reader = ScreenReader(fonts: Self.firmware)
    #expect(!Self.read(&reader, Self.text, none).contains("Language"))
    reader = ScreenReader(fonts: Self.firmware)
    let some = Self.memory(file, entryByteCount: 8, firstEntry: 100) { $0 < 3 }
    let first = Self.read(&reader, Self.text, some)
    #expect(first != Self.text && first.contains("\u{fffd}"))
    // A program reads a glyph before it draws it: new shapes come with their pages.
    let all = Self.memory(file, entryByteCount: 8, firstEntry: 100)
    #expect(Self.read(&reader, "Жук 七 zebra", all) == "Жук 七 zebra")
  }

  @Test func `hostile font files and page tables are read in bounds`() {
    let files = [4, 8].map { Self.file(Self.characters, addressByteCount: $0) }
    Fuzzing.run("mapped fonts", seconds: 1, atLeast: 5) { random in
      var memory = Self.memory(
        files[random.below(2)], entryByteCount: random.oneIn(2) ? 4 : 8,
        firstEntry: [0, 100, 508, 511][random.below(4)])
      for _ in 0..<random.below(40) {
        let word =
          random.oneIn(2) ? UInt32(truncatingIfNeeded: random.below(1 << 20)) : [0, .max, 0xf0007][random.below(3)]
        // The file's first page, an entry, or anything.
        let place = [0xf0000 + 4 * random.below(200), 0x3000 + 4 * random.below(2048), 4 * random.below(1 << 18)][
          random.below(3)]
        memory.replaceSubrange(place..<place + 4, with: Self.words([word]))
      }
      var reader = ScreenReader(fonts: Self.firmware)
      for _ in 0..<2 {
        _ = Self.read(&reader, Self.text, memory)
        memory.replaceSubrange(0x3000..<0x3040, with: random.bytes(64))
      }
    }
  }
}
