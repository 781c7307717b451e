// SPDX-License-Identifier: Apache-2.0

/// Finds where a grid of characters begins in a picture, for programs that draw their terminal inside a frame.
struct GridSearch {
  /// One bit a pixel, 64 to a word; a word of zeros ends each row.
  private let ink: [UInt64]
  private let wordsPerRow: Int
  private let width: Int
  private let height: Int
  /// Rows without ink.
  private let isBlank: [Bool]

  /// Takes for ink what has a colour, or what has it not.
  init(_ pixels: UnsafeBufferPointer<UInt32>, width: Int, height: Int, color: UInt32, isGround: Bool) {
    (self.width, self.height) = (width, height)
    wordsPerRow = (width + 63) / 64 + 1
    var ink = [UInt64](repeating: 0, count: wordsPerRow * height)
    var isBlank = [Bool](repeating: true, count: height)
    for row in 0..<height {
      for first in stride(from: 0, to: width, by: 64) {
        let begin = row * width + first, count = min(64, width - first)
        var word: UInt64 = 0
        for index in begin..<begin + count { word = word << 1 | ((pixels[index] == color) != isGround ? 1 : 0) }
        guard word != 0 else { continue }
        ink[row * wordsPerRow + first >> 6] = word << UInt64(64 - count)
        isBlank[row] = false
      }
    }
    (self.ink, self.isBlank) = (ink, isBlank)
  }

  /// Sixteen pixels from a place, the leftmost highest.
  @inline(__always)
  private func row(_ x: Int, _ y: Int) -> UInt16 {
    let word = y * wordsPerRow + x >> 6, shift = UInt64(x & 63)
    // Safe to index: x is less than the width, and a row has one word more than that needs.
    let bits = ink[word] << shift | (shift == 0 ? 0 : ink[word + 1] >> (64 - shift))
    return UInt16(truncatingIfNeeded: bits >> 48)
  }

  /// The origin at which most cells are letters of the set, and how many; none where there are no letters.
  func best(_ set: GlyphSet) -> (origin: GridOrigin, count: Int)? {
    var best: (origin: GridOrigin, count: Int)?
    for y in 0..<min(set.height, height) {
      for x in 0..<min(set.width, width) {
        let count = matches(set, GridOrigin(x: x, y: y))
        if count > (best?.count ?? 0) { best = (GridOrigin(x: x, y: y), count) }
      }
    }
    return best
  }

  /// Cells with ink that are looked at for each origin: enough to tell text from anything else.
  private static let sampleCount = 400

  private func matches(_ set: GlyphSet, _ origin: GridOrigin) -> Int {
    let rows = (height - origin.y) / set.height
    guard rows > 0, width - origin.x >= set.width else { return 0 }
    var count = 0
    var left = Self.sampleCount
    // From all over the picture.
    let step = max(1, rows / 8)
    for first in 0..<step {
      for row in stride(from: first, to: rows, by: step) {
        let top = origin.y + row * set.height
        if isBlank[top..<top + set.height].allSatisfy({ $0 }) { continue }
        count += matches(set, left: origin.x, top: top, &left)
        if left <= 0 { return count }
      }
    }
    return count
  }

  private func matches(_ set: GlyphSet, left start: Int, top: Int, _ sampleCount: inout Int) -> Int {
    let keep = GlyphShape.rowMask(set.width)
    // All rows of a cell at once tell whether there is anything in it.
    var all = [UInt64](repeating: 0, count: wordsPerRow)
    for line in top..<top + set.height {
      for word in 0..<wordsPerRow { all[word] |= ink[line * wordsPerRow + word] }
    }
    var count = 0
    for left in stride(from: start, through: width - set.width, by: set.width) {
      let word = left >> 6, shift = UInt64(left & 63)
      let bits = all[word] << shift | (shift == 0 ? 0 : all[word + 1] >> (64 - shift))
      guard UInt16(truncatingIfNeeded: bits >> 48) & keep != 0 else { continue }
      if isLetter(set, left, top, keep) { count += 1 }
      sampleCount -= 1
      if sampleCount <= 0 { break }
    }
    return count
  }

  private func isLetter(_ set: GlyphSet, _ left: Int, _ top: Int, _ keep: UInt16) -> Bool {
    var middle: UInt64 = 0
    for line in 4..<8 { middle = middle << 16 | (line < set.height ? UInt64(row(left, top + line) & keep) : 0) }
    guard set.letterSieve.mayContain(middle) else { return false }
    var shape = GlyphShape()
    for line in 0..<set.height { shape[row: line] = row(left, top + line) & keep }
    return set.narrow[shape]?.isLetter ?? false
  }
}
