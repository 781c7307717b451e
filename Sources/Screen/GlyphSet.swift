// SPDX-License-Identifier: Apache-2.0

/// Shapes of one cell size and the characters that they mean.
public struct GlyphSet: Sendable {
  /// Whose glyphs they are.
  enum Owner { case firmware, grub, console }

  public let width: Int
  public let height: Int
  let owner: Owner
  private(set) var narrow: [GlyphShape: Unicode.Scalar] = [:]
  /// The middles of all letters, so that what is none is mostly known without a look at its other rows.
  private(set) var letterSieve = LetterSieve()
  /// Of characters two cells wide.
  private(set) var wide: [GlyphShape: Unicode.Scalar] = [:]
  /// Letters with the shapes of others.
  private(set) var homoglyphs = Homoglyphs()
  /// All dots of a cell.
  let full: GlyphShape

  /// Nil for cells that no font has.
  init?(width: Int, height: Int, of owner: Owner) {
    guard (4...GlyphShape.maximumWidth).contains(width), (4...GlyphShape.maximumHeight).contains(height) else {
      return nil
    }
    (self.width, self.height, self.owner) = (width, height, owner)
    full = .full(width: width, height: height)
  }

  /// Adds a shape; of equal ones the first counts. Blanks are known anyway, and one without a character is of no use.
  mutating func add(_ shape: GlyphShape, _ character: Unicode.Scalar?) {
    guard !shape.isBlank, let character else { return }
    if let first = narrow[shape] {
      homoglyphs.note(character, asWellAs: first)
      return
    }
    narrow[shape] = character
    if character.isLetter { letterSieve.insert(shape.middle) }
  }

  mutating func addWide(_ shape: GlyphShape, _ character: Unicode.Scalar) {
    if !shape.isBlank, wide[shape] == nil { wide[shape] = character }
  }

  /// Shapes by their shadows.
  func shadows() -> [GlyphShape: [GlyphShape]] {
    var result: [GlyphShape: [GlyphShape]] = [:]
    for shape in narrow.keys {
      let shadow = shape.shadow(width: width, height: height).inside
      if !shadow.isBlank { result[shadow, default: []].append(shape) }
    }
    return result
  }

  var isEmpty: Bool { narrow.isEmpty && wide.isEmpty }

  /// Codes in the order in which equal shapes are decided: what is typed, ASCII, before symbols, then the lowest.
  static let order = Array(32...126) + Array(0...31) + Array(127...511)

  init?(_ font: BitmapFont) {
    self.init(width: 8, height: font.height, of: .firmware)
    for code in Self.order.prefix(256).map({ UInt8($0) }) {
      add(GlyphShape(font[code], width: 8), CodePage437.scalar(code))
    }
  }
}

/// Tells of most values that they are not in a set.
struct LetterSieve: Sendable {
  private var bits = [UInt64](repeating: 0, count: 64)

  /// One of 4096.
  @inline(__always)
  private static func place(_ value: UInt64) -> Int { Int(truncatingIfNeeded: (value &* 0x9e37_79b9_7f4a_7c15) >> 52) }

  mutating func insert(_ value: UInt64) {
    let place = Self.place(value)
    bits[place >> 6] |= 1 << UInt64(place & 63)
  }

  /// False for values that were not inserted, but not for all of them.
  @inline(__always)
  func mayContain(_ value: UInt64) -> Bool {
    let place = Self.place(value)
    return bits[place >> 6] >> UInt64(place & 63) & 1 != 0
  }
}
