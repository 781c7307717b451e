// SPDX-License-Identifier: Apache-2.0
import Screen
import Testing

/// Digests, fonts in a ROM, and characters known by their shapes.
struct ScreenTextTests {
  // The examples of FIPS 180-4 (NIST's), and lengths around the end of a block against coreutils' sha256sum.
  @Test(
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
      (String(repeating: "a", count: 55), "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"),
      (String(repeating: "a", count: 64), "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"),
    ])
  func `a digest is the standard's`(_ text: String, _ digest: String) {
    #expect(SHA256.hex(Array(text.utf8)) == digest)
  }

  /// Shapes that all differ, blanks at 0, 32 and 255, and the "A" by which the font is known.
  private static func font(_ letter: [UInt8]) -> [UInt8] {
    (0..<256).flatMap { code -> [UInt8] in
      switch code {
      case 0, 32, 255: [UInt8](repeating: 0, count: letter.count)
      case 65: letter
      default: (0..<letter.count).map { $0 == 1 ? UInt8(code) : $0 == 2 ? 0x10 : 0 }
      }
    }
  }
  private static let tall: [UInt8] = [0, 0, 0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe, 0xc6, 0xc6, 0xc6, 0xc6, 0, 0, 0, 0]
  private static let small: [UInt8] = [0x30, 0x78, 0xcc, 0xcc, 0xfc, 0xcc, 0xcc, 0]
  private static let fonts = BitmapFont.inVideoBIOS([1, 2, 3] + font(tall) + [9] + font(small) + [7])

  private static func write(
    _ text: String, _ surface: inout Surface, _ font: BitmapFont, row: Int, _ colors: (UInt32, UInt32) = (0xaaaaaa, 0)
  ) {
    for (column, code) in text.utf8.enumerated() {
      for (line, dots) in font[code].enumerated() {
        for dot in 0..<8 {
          surface[8 * column + dot, row * font.height + line] = dots & 0x80 >> UInt8(dot) != 0 ? colors.0 : colors.1
        }
      }
    }
  }

  @Test func `fonts are found in a ROM, and nowhere else`() {
    #expect(Self.fonts.map(\.height) == [16, 8])
    #expect(Self.fonts.first.map { Array($0[65]) } == Self.tall)
    #expect(BitmapFont.inVideoBIOS([]).isEmpty && BitmapFont.inVideoBIOS(Self.tall).isEmpty)
    #expect(BitmapFont.inVideoBIOS([UInt8](repeating: 0, count: 10000)).isEmpty)
    #expect(BitmapFont.inVideoBIOS(Array(Self.font(Self.tall).dropLast())).isEmpty)
    #expect(BitmapFont(height: 0, lines: []) == nil && BitmapFont(height: 8, lines: [1]) == nil)
  }

  @Test func `code page 437 has 256 characters`() {
    #expect(CodePage437.scalar(0x41) == "A" && CodePage437.scalar(0x7f) == "⌂" && CodePage437.scalar(0x80) == "Ç")
    #expect(CodePage437.scalar(0xda) == "┌" && CodePage437.scalar(0xdb) == "█" && CodePage437.scalar(0xfe) == "■")
    #expect(CodePage437.scalar(0x01) == "☺" && CodePage437.scalar(0x1f) == "▼" && CodePage437.scalar(0xb0) == "░")
    #expect(Set((0...255).map { CodePage437.scalar(UInt8($0)) }).count == 254)
  }

  @Test(arguments: [0, 1])
  func `pixels are read in the font that drew them`(_ index: Int) throws {
    let font = try #require(Self.fonts.dropFirst(index).first)
    var surface = Surface(width: 83, height: 67)
    Self.write("A word, ok", &surface, font, row: 1)
    Self.write("inverse", &surface, font, row: 2, (0, 0xffffff))
    Self.write("colour", &surface, font, row: 3, (0x00ff00, 0x0000aa))
    let text = ScreenText(matching: surface, fonts: Self.fonts)
    #expect(Array(text.rows.prefix(4)) == ["", "A word, ok", "inverse", "colour"])
    #expect(text.columns == 10 && text.rowCount == 67 / font.height && text.cellHeight == font.height)
    #expect(text.unknownCount == 0 && text.cursor == nil && text.mode == .graphics)
    #expect(text.cells[20] == .init("i", foreground: 0, background: 0xffffff))
    #expect(text.cells[30] == .init("c", foreground: 0x00ff00, background: 0x0000aa))
  }

  @Test func `an underlined cell is the cursor, and strange shapes are unknown`() throws {
    let font = try #require(Self.fonts.first)
    var surface = Surface(width: 80, height: 32)
    Self.write("login:", &surface, font, row: 0)
    surface.fill(x: 56, y: 14, width: 8, height: 2, color: 0xaaaaaa)
    surface.fill(x: 8, y: 20, width: 3, height: 3, color: 0xaaaaaa)
    surface.fill(x: 24, y: 20, width: 2, height: 3, color: 0xaaaaaa)
    surface[25, 25] = 0x123456
    let text = ScreenText(matching: surface, fonts: [font])
    #expect(text.rows == ["login:", " \u{fffd} \u{fffd}"] && text.unknownCount == 2)
    #expect(text.cursor == .init(row: 0, column: 7))
  }

  @Test func `without fonts or pixels there is no text`() {
    #expect(ScreenText(matching: Surface(width: 80, height: 32), fonts: []).rows.isEmpty)
    #expect(ScreenText(matching: Surface(width: 0, height: 0), fonts: Self.fonts).rows.isEmpty)
    #expect(ScreenText(matching: Surface(width: 7, height: 7), fonts: Self.fonts).rows.isEmpty)
  }
}
