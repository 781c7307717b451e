// SPDX-License-Identifier: Apache-2.0

/// Which dots of a character cell are set: up to 16 wide and 32 high.
struct GlyphShape: Hashable, Sendable {
  static let maximumWidth = 16
  static let maximumHeight = 32

  /// Sixteen bits a row, the leftmost dot highest; four rows a word, the first row highest.
  private var words = SIMD8<UInt64>()

  init() {}

  /// - Parameter rows: from the top, leftmost dot in bit 15; those beyond the largest shape are left out.
  init(_ rows: some Sequence<UInt16>) {
    for (index, row) in rows.prefix(Self.maximumHeight).enumerated() { self[row: index] = row }
  }

  /// A font's bytes, as many for each row as its width needs; bits beyond the width are left out.
  init(_ bytes: some Sequence<UInt8>, width: Int) {
    var row: UInt16 = 0
    let keep = Self.rowMask(width)
    for (index, byte) in bytes.enumerated() {
      let line = width > 8 ? index / 2 : index
      guard line < Self.maximumHeight else { break }
      row = width > 8 && index & 1 == 1 ? row | UInt16(byte) : UInt16(byte) << 8
      self[row: line] = row & keep
    }
  }

  /// Every dot of a cell.
  static func full(width: Int, height: Int) -> GlyphShape {
    GlyphShape(repeatElement(rowMask(width), count: max(0, height)))
  }

  static func rowMask(_ width: Int) -> UInt16 { width >= maximumWidth ? .max : ~(.max >> UInt16(max(0, width))) }

  subscript(row index: Int) -> UInt16 {
    get {
      guard index >= 0, index < Self.maximumHeight else { return 0 }
      return UInt16(truncatingIfNeeded: words[index >> 2] >> UInt64(48 - 16 * (index & 3)))
    }
    set {
      guard index >= 0, index < Self.maximumHeight else { return }
      let shift = UInt64(48 - 16 * (index & 3))
      words[index >> 2] = (words[index >> 2] & ~(0xffff << shift)) | UInt64(newValue) << shift
    }
  }

  mutating func set(_ x: Int, _ row: Int) {
    guard x >= 0, x < Self.maximumWidth else { return }
    self[row: row] |= 0x8000 >> UInt16(x)
  }

  /// Rows 4 to 7, in which letters have their middle.
  var middle: UInt64 { words[1] }

  var isBlank: Bool { words == SIMD8() }

  var dotCount: Int {
    var count = 0
    for index in 0..<8 { count += words[index].nonzeroBitCount }
    return count
  }

  static func ^ (a: GlyphShape, b: GlyphShape) -> GlyphShape {
    var result = a
    result.words ^= b.words
    return result
  }

  func hash(into hasher: inout Hasher) {
    for index in 0..<4 { hasher.combine(words[index]) }
    // Higher cells are rare.
    let upper = words[4] | words[5] | words[6] | words[7]
    if upper != 0 { for index in 4..<8 { hasher.combine(words[index]) } }
  }
}
