// SPDX-License-Identifier: Apache-2.0

/// Letters of different alphabets that a font draws alike, such as Latin and Cyrillic "a": which one is meant, the rest of
/// its word tells.
struct Homoglyphs: Sendable {
  /// By the letter that is taken without a word.
  private var alternatives: [Unicode.Scalar: [Unicode.Scalar]] = [:]

  mutating func note(_ character: Unicode.Scalar, asWellAs first: Unicode.Scalar) {
    guard first.isASCII, first.properties.isAlphabetic, Alphabet(character) != nil else { return }
    alternatives[first, default: []].append(character)
  }

  /// Alphabets that share shapes with ASCII's.
  private enum Alphabet {
    case greek, cyrillic

    init?(_ character: Unicode.Scalar) {
      switch character.value {
      case 0x370...0x3ff: self = .greek
      case 0x400...0x52f: self = .cyrillic
      default: return nil
      }
    }
  }

  /// Puts each word into the alphabet of those of its letters that are in only one, if all of its letters are in that.
  func resolve(_ cells: inout [ScreenText.Cell], columns: Int) {
    guard !alternatives.isEmpty, columns > 0 else { return }
    for start in stride(from: 0, to: cells.count, by: columns) {
      var position = start
      let end = min(start + columns, cells.count)
      while position < end {
        let word = position
        while position < end, cells[position].character.properties.isAlphabetic { position += 1 }
        if position > word { resolve(&cells, word: word..<position) }
        position += 1
      }
    }
  }

  private func resolve(_ cells: inout [ScreenText.Cell], word: Range<Int>) {
    guard let alphabet = cells[word].lazy.compactMap({ Alphabet($0.character) }).first else { return }
    var letters: [Unicode.Scalar] = []
    for index in word {
      let letter = cells[index].character
      if Alphabet(letter) == alphabet {
        letters.append(letter)
      } else if let other = alternatives[letter]?.first(where: { Alphabet($0) == alphabet }) {
        letters.append(other)
      } else {
        return
      }
    }
    for (index, letter) in zip(word, letters) { cells[index].character = letter }
  }
}
