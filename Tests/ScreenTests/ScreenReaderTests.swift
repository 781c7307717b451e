// SPDX-License-Identifier: Apache-2.0
import Fuzzing
import Screen
import Testing

/// Characters in fonts that lie in a guest's memory, in grids that begin anywhere, over pictures and with shadows.
struct ScreenReaderTests {
  /// Different shapes for all codes; `seed` makes another font. Blank at 0, 32 and 255, "A" as the firmware's.
  private static func font(_ height: Int, seed: Int, count: Int = 256) -> [UInt8] {
    (0..<count).flatMap { code -> [UInt8] in
      if [0, 32, 255].contains(code) { return [UInt8](repeating: 0, count: height) }
      let letter: [UInt8] = [0, 0, 0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe, 0xc6, 0xc6, 0xc6, 0xc6, 0, 0, 0, 0]
      if seed == 0, code == 65, height == 16 { return letter }
      return (0..<height).map { line in
        switch line {
        case 2: UInt8(code & 0xff)
        case 3: 0x3c
        case 4: UInt8(truncatingIfNeeded: (seed * 37 + 1) & 0x7f | (code >> 8) << 7)
        case 5: UInt8(truncatingIfNeeded: code * 7 + seed)
        default: 0
        }
      }
    }
  }
  private static let firmware = BitmapFont.inVideoBIOS(font(16, seed: 0))

  private static func words(_ values: UInt32...) -> [UInt8] {
    values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
  }

  private static func put(_ bytes: [UInt8], _ memory: inout [UInt8], at offset: Int) {
    memory.replaceSubrange(offset..<offset + bytes.count, with: bytes)
  }

  private static func draw(
    _ codes: [Int], _ surface: inout Surface, _ lines: [UInt8], height: Int, x: Int, y: Int,
    color: UInt32 = 0xaaaaaa, background: UInt32? = 0, shadow: UInt32? = nil
  ) {
    for (column, code) in codes.enumerated() {
      for line in 0..<height {
        for dot in 0..<8 {
          let isSet = lines[code * height + line] & 0x80 >> UInt8(dot) != 0
          let left = x + 8 * column + dot, top = y + line
          if isSet {
            surface[left, top] = color
            if let shadow, left + 1 < surface.width, surface[left + 1, top + 1] != color {
              surface[left + 1, top + 1] = shadow
            }
          } else if let background {
            surface[left, top] = background
          }
        }
      }
    }
  }

  private static func codes(_ text: String) -> [Int] { text.utf8.map(Int.init) }

  private static func read(
    _ reader: inout ScreenReader, _ surface: Surface, _ memory: [UInt8], at now: Int64 = 0, searches: Bool = false
  ) -> (text: ScreenText, searchInstant: Int64?) {
    let answer = memory.withUnsafeBytes {
      reader.read(surface, memory: GuestBytes($0, isSparse: false), at: now, searches: searches)
    }
    return (answer.text, answer.searchInstant)
  }

  @Test(arguments: [0, 256])
  func `a kernel's own font is found by its header`(_ count: UInt32) {
    let lines = Self.font(16, seed: 3)
    var memory = [UInt8](repeating: 0, count: 1 << 20)
    Self.put(Self.words(count == 0 ? 0 : 7, count, 4096, 1) + lines, &memory, at: 0x12340)
    var surface = Surface(width: 320, height: 64)
    Self.draw(Self.codes("Kernel MTWX 0"), &surface, lines, height: 16, x: 0, y: 16)
    var reader = ScreenReader(fonts: Self.firmware)
    let (text, searchInstant) = Self.read(&reader, surface, memory)
    #expect(text.rows[1] == "Kernel MTWX 0" && text.unknownCount == 0 && searchInstant == nil)
    // The next picture is read without a search: the font elsewhere would not be found any more.
    Self.draw(Self.codes("again"), &surface, lines, height: 16, x: 0, y: 32)
    #expect(Self.read(&reader, surface, memory).0.rows[2] == "again")
  }

  @Test func `a font without a header is known by what it shares with the firmware's`() {
    var lines = Self.font(16, seed: 0)
    for code in 70..<90 { lines[code * 16 + 10] = 0x18 }
    var memory = [UInt8](repeating: 0, count: 1 << 20)
    Self.put(lines, &memory, at: 0x8020)
    var surface = Surface(width: 320, height: 32)
    Self.draw(Self.codes("FGHIJ ABC"), &surface, lines, height: 16, x: 0, y: 0)
    var reader = ScreenReader(fonts: Self.firmware)
    #expect(Self.read(&reader, surface, memory).0.rows[0] == "FGHIJ ABC")
  }

  @Test(arguments: [0, 512])
  func `a loaded font of 512 glyphs has the characters of its map`(_ count: UInt32) {
    let lines = Self.font(16, seed: 5, count: 512)
    var memory = [UInt8](repeating: 0, count: 1 << 20)
    Self.put(Self.words(1, count, 8192, 2) + lines, &memory, at: 0x20000)
    var map = [UInt16](repeating: 0, count: 512)
    for code in 32..<127 { map[code] = UInt16(code) }
    for code in 128..<512 { map[code] = UInt16(0x400 + code) }
    let bytes = map.flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }
    var surface = Surface(width: 320, height: 32)
    Self.draw(Self.codes("ab") + [200, 300, 511], &surface, lines, height: 16, x: 0, y: 0)
    var reader = ScreenReader(fonts: Self.firmware)
    #expect(Self.read(&reader, surface, memory).0.rows[0] == "ab\u{fffd}\u{fffd}\u{fffd}", "without a map")
    Self.put(bytes, &memory, at: 0x30400)
    reader = ScreenReader(fonts: Self.firmware)
    #expect(Self.read(&reader, surface, memory).0.rows[0] == "ab\u{4c8}\u{52c}\u{5ff}")
    // Of two maps that disagree, nothing is believed.
    Self.put(bytes, &memory, at: 0x40000)
    memory[0x40000 + 400] ^= 1
    reader = ScreenReader(fonts: Self.firmware)
    #expect(Self.read(&reader, surface, memory).0.rows[0] == "ab\u{fffd}\u{52c}\u{5ff}")
  }

  /// GRUB's index, glyphs and font, as they are in memory.
  private static func grub(_ glyphs: [(code: UInt32, width: Int, bits: [UInt8])]) -> [UInt8] {
    var memory = [UInt8](repeating: 0, count: 1 << 20)
    let font = 0x9000, index = 0x10000
    var place = 0x40000
    let codes = (0x20..<0x80).map { UInt32($0) } + glyphs.map(\.code).filter { $0 >= 0x80 }.sorted()
    put(words(0, 0, 0, 0x0064_0010, 0x0010_0010, 0x0002_000e, 1, UInt32(codes.count), UInt32(index)), &memory, at: font)
    for (number, code) in codes.enumerated() {
      put(words(code, 0, UInt32(number * 9)), &memory, at: index + 16 * number)
      guard let glyph = glyphs.first(where: { $0.code == code }) else { continue }
      put(words(UInt32(place)), &memory, at: index + 16 * number + 12)
      let advance = UInt32(glyph.width)
      put(words(UInt32(font), 16 << 16 | advance, 0xfffe_0000, advance), &memory, at: place)
      put(glyph.bits, &memory, at: place + 14)
      place += 64
    }
    return memory
  }

  @Test func `GRUB's glyphs are read where it has loaded them, one and two cells wide, in a grid that begins anywhere`()
  {
    let lines = Self.font(16, seed: 9)
    let wide: [UInt8] = (0..<32).map { UInt8(truncatingIfNeeded: $0 * 29 + 1) }
    var glyphs = Self.codes("GRUB menu").map {
      (code: UInt32($0), width: 8, bits: Array(lines[$0 * 16..<$0 * 16 + 16]))
    }
    glyphs.append((0x4e2d, 16, wide))
    var surface = Surface(width: 200, height: 100, color: 0x102030)
    Self.draw(Self.codes("GRUB menu"), &surface, lines, height: 16, x: 21, y: 27)
    for row in 0..<16 {
      for dot in 0..<16 {
        surface[21 + 80 + dot, 27 + row] = wide[2 * row + dot / 8] & 0x80 >> UInt8(dot % 8) != 0 ? 0xaaaaaa : 0
      }
    }
    var reader = ScreenReader(fonts: Self.firmware)
    let (text, _) = Self.read(&reader, surface, Self.grub(glyphs))
    #expect((text.left, text.top) == (5, 11) && text.columns == 24)
    #expect(text.rows[1] == "  GRUB menu 中" && text.unknownCount == 0)
    #expect(text.cells[24 + 13].character == ScreenText.continuation)
  }

  @Test func `letters that look alike are in the alphabet of their word`() {
    let lines = Self.font(16, seed: 9)
    func glyph(_ character: Unicode.Scalar, like code: Int) -> (code: UInt32, width: Int, bits: [UInt8]) {
      (character.value, 8, Array(lines[code * 16..<code * 16 + 16]))
    }
    let glyphs =
      Self.codes("ecnop").map { glyph(Unicode.Scalar(UInt8($0)), like: $0) }
      + [glyph("е", like: 101), glyph("о", like: 111), glyph("п", like: 200)]
    var surface = Surface(width: 200, height: 32)
    Self.draw(
      Self.codes("once c") + [111, 200] + Self.codes(" ") + [200, 111, 101], &surface, lines, height: 16, x: 0, y: 0)
    var reader = ScreenReader(fonts: Self.firmware)
    // "c" has no Cyrillic shape here, so the second word keeps its letters.
    #expect(Self.read(&reader, surface, Self.grub(glyphs)).0.rows[0] == "once coп пое")
  }

  @Test func `characters over a picture and with a shadow are read, the picture is blank`() {
    let lines = Self.font(16, seed: 0)
    var surface = Surface(width: 320, height: 96)
    for y in 0..<96 {
      for x in 0..<320 {
        let shade = UInt32(120 + x / 8 + y / 4)
        surface[x, y] = shade << 16 | shade << 8 | shade
      }
    }
    Self.draw(
      Self.codes("Over a picture"), &surface, lines, height: 16, x: 16, y: 16, color: 0xffff00, background: nil,
      shadow: 0x202020)
    var reader = ScreenReader(fonts: Self.firmware)
    let (text, _) = Self.read(&reader, surface, [])
    #expect(text.rows == ["", "  Over a picture", "", "", "", ""] && text.unknownCount == 0)
    #expect(text.cells[42].foreground == 0xffff00)
    // Drawn in no single colour: blended with what is below.
    for y in 48..<64 {
      for x in 16..<128 where surface[x, y - 32] == 0xffff00 {
        surface[x, y] = ((surface[x, y] & 0xfefefe) >> 1) | 0x800000
      }
    }
    let (second, _) = Self.read(&reader, surface, [])
    #expect(second.rows[3] == "  Over a picture" && second.unknownCount == 0)
  }

  private static let millisecond: Int64 = 1_000_000

  @Test func `a shape that is nowhere is searched for once, then less and less often`() {
    var surface = Surface(width: 64, height: 32)
    var reader = ScreenReader(fonts: Self.firmware)
    let lines = Self.font(16, seed: 3)
    Self.draw(Self.codes("x"), &surface, lines, height: 16, x: 0, y: 0)
    #expect(Self.read(&reader, surface, []).searchInstant == nil)
    // The same shape again, elsewhere.
    Self.draw(Self.codes("x"), &surface, lines, height: 16, x: 8, y: 0)
    #expect(Self.read(&reader, surface, []).searchInstant == nil)
    // Another: not yet, however often it is read, then it is found although the picture has not changed.
    var memory = [UInt8](repeating: 0, count: 1 << 20)
    Self.put(Self.words(7, 0, 4096, 0) + lines, &memory, at: 0x1000)
    Self.draw(Self.codes("y"), &surface, lines, height: 16, x: 16, y: 0)
    for now in [1, 2, 19] as [Int64] {
      let first = Self.read(&reader, surface, memory, at: now * Self.millisecond)
      #expect(first.searchInstant == 20 * Self.millisecond && first.text.unknownCount == 3)
    }
    var impatient = reader
    let second = Self.read(&reader, surface, memory, at: 20 * Self.millisecond)
    #expect(second.searchInstant == nil && second.text.rows[0] == "xxy")
    #expect(Self.read(&impatient, surface, memory, at: 1, searches: true).text.rows[0] == "xxy")
  }

  @Test func `pauses between searches grow with each in vain, and end when time goes back`() {
    var surface = Surface(width: 256, height: 32)
    var reader = ScreenReader(fonts: Self.firmware)
    let lines = Self.font(16, seed: 3)
    var now: Int64 = 0
    var pauses: [Int64] = []
    for code in 65..<72 {
      Self.draw([code], &surface, lines, height: 16, x: 8 * (code - 65), y: 0)
      let first = Self.read(&reader, surface, [], at: now)
      if let instant = first.searchInstant {
        pauses.append((instant - now) / Self.millisecond)
        now = instant
        #expect(Self.read(&reader, surface, [], at: now).searchInstant == nil)
      }
    }
    #expect(pauses == [20, 40, 80, 160, 320, 320])
    Self.draw([90], &surface, lines, height: 16, x: 64, y: 0)
    #expect(Self.read(&reader, surface, [], at: now + 1).searchInstant != nil)
    #expect(Self.read(&reader, surface, [], at: now - 1000 * Self.millisecond).searchInstant == nil)
  }

  @Test func `hostile memory is searched in bounds`() {
    Fuzzing.run("fonts in memory", seconds: 1, atLeast: 20) { random in
      let lines = Self.font(16, seed: 3)
      var memory = [UInt8](repeating: 0, count: 1 << 18)
      let structures = [
        Self.words(7, 512, 8192, 0) + lines + lines, Self.words(7, 0, 16384, 0) + lines + lines + lines + lines,
        Array(Self.grub([(65, 8, lines)])[0x10000..<0x12000]), Array(Self.grub([(65, 8, lines)])[0x9000..<0x9040]),
        (0..<512).flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] },
      ]
      for _ in 0..<12 {
        let bytes = structures[random.below(structures.count)]
        let last = memory.count - bytes.count
        let place = random.oneIn(4) ? last : random.below(last / 64) * 64
        Self.put(bytes, &memory, at: place)
      }
      for _ in 0..<random.below(200) {
        let word = random.oneIn(2) ? random.below(memory.count) : [0, -1, 0x10000, 0x9000][random.below(4)]
        Self.put(
          Self.words(UInt32(truncatingIfNeeded: word)), &memory, at: random.below(memory.count / 4 - 1) * 4)
      }
      var surface = Surface(width: 80 + random.below(40), height: 60 + random.below(40))
      for _ in 0..<200 {
        surface[random.below(surface.width), random.below(surface.height)] = UInt32(random.below(3)) * 0x7f7f7f
      }
      Self.draw(Self.codes("xyz"), &surface, lines, height: 16, x: random.below(9), y: random.below(9))
      var reader = ScreenReader(fonts: Self.firmware)
      for _ in 0..<3 {
        let (text, _) = Self.read(&reader, surface, memory)
        #expect(text.cells.count == text.columns * text.rowCount, "seed \(random.seed)")
        Self.put(random.bytes(64), &memory, at: random.below(memory.count - 64))
      }
    }
  }
}
