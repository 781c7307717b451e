// SPDX-License-Identifier: Apache-2.0

/// Shapes of one cell size and the characters that they mean.
public struct GlyphSet: Sendable {
  /// Whose glyphs they are.
  enum Owner { case firmware, grub, console }

  public let width: Int
  public let height: Int
  let owner: Owner
  private(set) var narrow: [GlyphShape: Unicode.Scalar] = [:]
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
    if let first = narrow[shape] { homoglyphs.note(character, asWellAs: first) } else { narrow[shape] = character }
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
