// SPDX-License-Identifier: Apache-2.0

/// Reads the characters of a graphics mode: cells of two colours from the top left corner, by their shapes.
struct GlyphMatcher {
  private let surface: Surface
  private let height: Int
  private let codes: [[UInt8]: UInt8]
  /// The colour of most pixels is what text is written on.
  private let ground: UInt32

  init(_ surface: Surface, _ font: BitmapFont, ground: UInt32) {
    (self.surface, height, self.ground) = (surface, font.height, ground)
    // Of equal shapes the one that is typed: ASCII before symbols, then the lowest code.
    let order = (32...126).map { UInt8($0) } + (0...31).map { UInt8($0) } + (127...255).map { UInt8($0) }
    codes = Dictionary(order.map { (Array(font[$0]), $0) }, uniquingKeysWith: { first, _ in first })
  }

  func text() -> ScreenText {
    var result = ScreenText(.graphics)
    result.columns = surface.width / 8
    (result.cellWidth, result.cellHeight) = (8, height)
    result.cells.reserveCapacity(result.columns * (surface.height / height))
    for row in 0..<surface.height / height {
      for column in 0..<result.columns {
        let (cell, hasCursor) = cell(row, column)
        result.cells.append(cell)
        if hasCursor { result.cursor = .init(row: row, column: column) }
      }
    }
    return result
  }

  private func cell(_ row: Int, _ column: Int) -> (ScreenText.Cell, hasCursor: Bool) {
    surface.withPixels { pixels in
      let start = row * height * surface.width + column * 8
      let first = pixels[start]
      var second: UInt32?
      var shape = [UInt8](repeating: 0, count: height)
      for line in 0..<height {
        for dot in 0..<8 {
          let pixel = pixels[start + line * surface.width + dot]
          if pixel == first { continue }
          guard second ?? pixel == pixel else {
            return (.init(ScreenText.unknown, foreground: pixel, background: first), false)
          }
          second = pixel
          shape[line] |= 0x80 >> UInt8(dot)
        }
      }
      guard let second else { return (.init(" ", foreground: first, background: first), false) }
      // Most of a cell is background, unless one of its colours is that of the whole screen.
      let isInverse = ground == second || ground != first && shape.reduce(0) { $0 + $1.nonzeroBitCount } > 4 * height
      for inverse in [isInverse, !isInverse] {
        let glyph = inverse ? shape.map { ~$0 } : shape
        let colors = inverse ? (first, second) : (second, first)
        if let code = codes[glyph] {
          let character = CodePage437.scalar(code)
          return (.init(character, foreground: colors.0, background: colors.1), false)
        }
        // Linux underlines with two lines at the bottom of a cell, one in cells lower than ten.
        let lines = height < 10 ? 1 : 2
        let above = Array(glyph.dropLast(lines)) + [UInt8](repeating: 0, count: lines)
        if glyph.suffix(lines).allSatisfy({ $0 == 0xff }), let code = codes[above] {
          let character = CodePage437.scalar(code)
          return (.init(character, foreground: colors.0, background: colors.1), true)
        }
      }
      return (.init(ScreenText.unknown, foreground: second, background: first), false)
    }
  }
}

extension ScreenText {
  /// Reads a picture with whichever of the fonts explains the most of it.
  public init(matching surface: Surface, fonts: [BitmapFont]) {
    var counts: [UInt32: Int] = [:]
    surface.withPixels { pixels in
      // Enough of them to know the colour of most; a screen may have millions, each of another colour.
      for index in stride(from: 0, to: pixels.count, by: pixels.count >> 17 | 1) {
        counts[pixels[index], default: 0] += 1
      }
    }
    let ground = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? 0
    let candidates = fonts.map { GlyphMatcher(surface, $0, ground: ground).text() }
    // Pixels explained by characters; a taller font, which is listed first, wins a tie.
    func score(_ text: ScreenText) -> Int {
      text.cells.count { $0.character != " " && $0.character != Self.unknown } * text.cellHeight
    }
    var best = ScreenText(.graphics)
    for candidate in candidates where best.columns == 0 || score(candidate) > score(best) { best = candidate }
    self = best
  }
}
