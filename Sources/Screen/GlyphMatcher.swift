// SPDX-License-Identifier: Apache-2.0

/// Where the first cell of a grid of characters is.
struct GridOrigin: Hashable, Sendable {
  var x = 0
  var y = 0
}

/// Reads the characters of a picture in cells of one size, by their shapes.
struct GlyphMatcher {
  private let pixels: UnsafeBufferPointer<UInt32>
  private let width: Int
  private let height: Int
  private let set: GlyphSet
  /// Fonts of the same cells, for what the first does not have.
  private let others: [GlyphSet]
  private let origin: GridOrigin
  /// The colour of most pixels is what text is written on.
  private let ground: UInt32
  /// Whether cells of many colours are searched for characters, and characters by their shadows.
  private let searchesPictures: Bool
  private let shadows: [GlyphShape: [GlyphShape]]

  /// What was read, and what stayed unknown.
  struct Reading {
    var text: ScreenText
    /// Cells with a character other than a blank.
    var matchedCount = 0
    /// Of these, letters and digits.
    var letterCount = 0
    /// Characters that the first font does not have.
    var borrowedCount = 0
    /// Whose the first font is.
    var owner: GlyphSet.Owner?
    /// Shapes in two colours that no font has.
    var unknownShapes: Set<GlyphShape> = []
    /// Cells of more than two colours without a character.
    var pictureCount = 0

    /// Pixels explained by characters.
    var score: Int { matchedCount * text.cellHeight * text.cellWidth }
  }

  init(
    _ pixels: UnsafeBufferPointer<UInt32>, width: Int, height: Int, _ set: GlyphSet, others: [GlyphSet] = [],
    origin: GridOrigin, ground: UInt32, searchesPictures: Bool
  ) {
    (self.pixels, self.width, self.height) = (pixels, width, height)
    (self.set, self.others, self.origin) = (set, others, origin)
    (self.ground, self.searchesPictures) = (ground, searchesPictures)
    shadows = searchesPictures ? set.shadows() : [:]
  }

  func read() -> Reading {
    var result = Reading(text: ScreenText(.graphics))
    let columns = max(0, width - origin.x) / set.width, rows = max(0, height - origin.y) / set.height
    guard columns > 0, rows > 0 else { return result }
    result.text.columns = columns
    (result.text.left, result.text.top) = (origin.x, origin.y)
    (result.text.cellWidth, result.text.cellHeight) = (set.width, set.height)
    result.text.cells.reserveCapacity(columns * rows)
    var effort = searchesPictures ? Effort() : Effort(left: 0)
    for row in 0..<rows {
      var column = 0
      while column < columns {
        let start = (origin.y + row * set.height) * width + origin.x + column * set.width
        let cell = cell(start, &effort)
        switch cell.content {
        case .character(let character):
          if character != " " { result.matchedCount += 1 }
          if character.isLetter { result.letterCount += 1 }
          if cell.isBorrowed { result.borrowedCount += 1 }
          result.text.cells.append(.init(character, foreground: cell.foreground, background: cell.background))
          if cell.isUnderCursor { result.text.cursor = .init(row: row, column: column) }
        case .unknown(let shape):
          if column + 1 < columns, let (character, colors) = wideCell(start) {
            result.matchedCount += 2
            result.letterCount += 1
            result.text.cells.append(.init(character, foreground: colors.0, background: colors.1))
            result.text.cells.append(.init(ScreenText.continuation, foreground: colors.0, background: colors.1))
            column += 1
          } else {
            if let shape { result.unknownShapes.insert(shape) } else { result.pictureCount += 1 }
            result.text.cells.append(
              .init(ScreenText.unknown, foreground: cell.foreground, background: cell.background))
          }
        }
        column += 1
      }
    }
    for set in [set] + others { set.homoglyphs.resolve(&result.text.cells, columns: columns) }
    return result
  }

  private enum Content {
    case character(Unicode.Scalar)
    /// A shape in two colours, or a cell of more.
    case unknown(GlyphShape?)
  }
  private typealias Cell = (
    content: Content, foreground: UInt32, background: UInt32, isUnderCursor: Bool, isBorrowed: Bool
  )

  /// How many cells over a picture are still looked at: all of a screen of text, few of a photograph.
  private struct Effort {
    var left = 20_000
    var searched = 0
    var found = 0

    mutating func note(isFound: Bool) {
      searched += 1
      left -= 8
      if isFound { found += 1 }
      if searched >= 200, found * 10 < searched { left = 0 }
    }
  }

  private func cell(_ start: Int, _ effort: inout Effort) -> Cell {
    guard let (shape, first, second) = shape(start, set.width) else {
      return overPicture(start, &effort) ?? (.unknown(nil), pixels[start], pixels[start], false, false)
    }
    guard let second else { return (.character(" "), first, first, false, false) }
    if searchesPictures, PictureCell.isSmooth(first, second) { return (.character(" "), first, first, false, false) }
    // Most of a cell is background, unless one of its colours is that of the whole screen.
    let isInverse = ground == second || ground != first && shape.dotCount > set.width * set.height / 2
    for inverse in [isInverse, !isInverse] {
      let glyph = inverse ? shape ^ set.full : shape
      let colors = inverse ? (first, second) : (second, first)
      if let (character, isBorrowed) = character(glyph) {
        return (.character(character), colors.0, colors.1, false, isBorrowed)
      }
      for above in withoutCursor(glyph) {
        if above.isBlank { return (.character(" "), colors.0, colors.1, true, false) }
        if let (character, isBorrowed) = character(above) {
          return (.character(character), colors.0, colors.1, true, isBorrowed)
        }
      }
    }
    return overPicture(start, &effort) ?? (.unknown(isInverse ? shape ^ set.full : shape), second, first, false, false)
  }

  private func overPicture(_ start: Int, _ effort: inout Effort) -> Cell? {
    guard effort.left > 0 else { return nil }
    effort.left -= 1
    if let color = PictureCell.plainColor(pixels, start: start, stride: width, width: set.width, height: set.height) {
      return (.character(" "), color, color, false, false)
    }
    let cell = PictureCell(pixels, start: start, stride: width, width: set.width, height: set.height)
    // Blocks are what any edge in a picture looks like.
    var isBorrowed = false
    let known = { (shape: GlyphShape) -> Unicode.Scalar? in
      guard let found = character(shape), !(0x2580...0x259f).contains(found.character.value) else { return nil }
      isBorrowed = found.isBorrowed
      return found.character
    }
    if let blank = cell.blank {
      return (.character(blank.character), blank.foreground, blank.background, false, false)
    }
    let found = cell.character(known, byShadow: { shadows[$0] ?? [] })
    effort.note(isFound: found != nil)
    guard let found else { return nil }
    return (.character(found.character), found.foreground, found.background, false, isBorrowed)
  }

  private func character(_ shape: GlyphShape) -> (character: Unicode.Scalar, isBorrowed: Bool)? {
    if let character = set.narrow[shape] { return (character, false) }
    for other in others { if let character = other.narrow[shape] { return (character, true) } }
    return nil
  }

  /// The shape without a line of the kind that consoles underline their cursor's cell with: Linux two lines at the bottom,
  /// one in cells lower than ten, GRUB two lines below its letters.
  private func withoutCursor(_ shape: GlyphShape) -> [GlyphShape] {
    let line = GlyphShape.rowMask(set.width), thickness = set.height < 10 ? 1 : 2
    return (set.height * 2 / 3..<set.height - thickness + 1).reversed().compactMap { top in
      guard (top..<top + thickness).allSatisfy({ shape[row: $0] == line }) else { return nil }
      var above = shape
      for row in top..<top + thickness { above[row: row] = 0 }
      return above
    }
  }

  /// A character of two cells.
  private func wideCell(_ start: Int) -> (Unicode.Scalar, (UInt32, UInt32))? {
    guard set.wide.count > 0, let (shape, first, second) = shape(start, 2 * set.width), let second else { return nil }
    let full = GlyphShape.full(width: 2 * set.width, height: set.height)
    if let character = set.wide[shape] { return (character, (second, first)) }
    if let character = set.wide[shape ^ full] { return (character, (first, second)) }
    return nil
  }

  private typealias Eight = SIMD8<UInt32>
  /// What a dot counts for in a row.
  private static let weights = Eight(0x8000, 0x4000, 0x2000, 0x1000, 0x800, 0x400, 0x200, 0x100)

  /// The dots that have not the colour of the first one; nil for more than two colours.
  private func shape(_ start: Int, _ cellWidth: Int) -> (GlyphShape, first: UInt32, second: UInt32?)? {
    let first = pixels[start]
    var second: UInt32?
    var shape = GlyphShape()
    for line in 0..<set.height {
      var row: UInt16 = 0
      let begin = start + line * width
      var dot = 0
      while dot + 8 <= cellWidth {
        if let differing = differing(begin + dot, first) {
          let other = second ?? pixels[begin + dot + differing]
          guard let dots = dots(begin + dot, first, other) else { return nil }
          second = other
          row |= dots >> UInt16(dot)
        }
        dot += 8
      }
      while dot < cellWidth {
        let pixel = pixels[begin + dot]
        if pixel != first {
          guard second ?? pixel == pixel else { return nil }
          second = pixel
          row |= 0x8000 >> UInt16(dot)
        }
        dot += 1
      }
      if row != 0 { shape[row: line] = row }
    }
    return (shape, first, second)
  }

  /// Eight pixels of a row.
  @inline(__always)
  private func eight(_ index: Int) -> Eight {
    // Safe: the whole cell lies in the picture.
    UnsafeRawBufferPointer(pixels).loadUnaligned(fromByteOffset: 4 * index, as: Eight.self)
  }

  /// The first of eight pixels that has another colour; nil for none.
  @inline(__always)
  private func differing(_ index: Int, _ color: UInt32) -> Int? {
    let difference = unsafeBitCast(eight(index) ^ Eight(repeating: color), to: SIMD4<UInt64>.self)
    let halves = difference.lowHalf | difference.highHalf
    guard halves[0] | halves[1] != 0 else { return nil }
    return (0..<8).first { pixels[index + $0] != color }
  }

  /// Which of eight pixels have the second colour; nil if there is a third.
  @inline(__always)
  private func dots(_ index: Int, _ first: UInt32, _ second: UInt32) -> UInt16? {
    let colors = eight(index)
    let isFirst = colors .== Eight(repeating: first)
    let isKnown = unsafeBitCast(isFirst .| (colors .== Eight(repeating: second)), to: SIMD4<UInt64>.self)
    let halves = isKnown.lowHalf & isKnown.highHalf
    guard halves[0] & halves[1] == .max else { return nil }
    return UInt16(truncatingIfNeeded: Self.weights.replacing(with: 0, where: isFirst).wrappedSum())
  }
}

extension Unicode.Scalar {
  /// A letter or digit, which nothing but text looks like.
  var isLetter: Bool { properties.isAlphabetic || properties.numericType != nil }
}
