// SPDX-License-Identifier: Apache-2.0

/// The line that comes nearest to what was looked for.
public struct NearestMiss: Equatable, Sendable {
  /// From 0.
  public var line: Int
  public var text: String
  /// Percent of neighbouring pairs of letters that both have, 1...100.
  public var likeness: Int

  /// Lines beyond this number are not looked at, nor are characters of a line.
  private static let limit = 512

  /// nil when no line has two neighbouring letters in common with the pattern.
  public init?(to pattern: TextPattern, in lines: [String]) {
    let wanted = Self.pairs(pattern.letters)
    var best: NearestMiss?
    for (number, line) in lines.enumerated().suffix(Self.limit) {
      let found = Self.pairs(line)
      let common = wanted.reduce(0) { $0 + min($1.value, found[$1.key] ?? 0) }
      let total = wanted.values.reduce(0, +)
      guard common > 0, total > 0 else { continue }
      let likeness = 100 * common / total
      if likeness > best?.likeness ?? 0 { best = NearestMiss(line: number, text: line, likeness: likeness) }
    }
    guard let best else { return nil }
    self = best
  }

  private init(line: Int, text: String, likeness: Int) {
    (self.line, self.text, self.likeness) = (line, text, likeness)
  }

  private struct Pair: Hashable {
    var first: Character
    var second: Character
  }

  private static func pairs(_ text: String) -> [Pair: Int] {
    var counts: [Pair: Int] = [:]
    var before: Character?
    for character in text.prefix(limit) {
      let letter = character.lowercased().first ?? character
      if let before { counts[Pair(first: before, second: letter), default: 0] += 1 }
      before = letter
    }
    return counts
  }
}
