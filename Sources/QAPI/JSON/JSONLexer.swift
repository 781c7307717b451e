// SPDX-License-Identifier: Apache-2.0

/// Cuts a byte stream into JSON tokens, one byte at a time, so that a token may arrive in any number of pieces.
///
/// Beyond RFC 8259 it takes 'single quoted' strings and `\'`. After a byte that fits nowhere it skips ahead to the next
/// structural character, control character (other than a tab) or 0xFE or 0xFF: a client can so bring it back to a known
/// state. Bytes 0xFE and 0xFF never occur in UTF-8.
struct JSONLexer {
  enum Token: Equatable {
    case openBrace, closeBrace, openBracket, closeBracket, colon, comma
    case integer, real, keyword, string
    /// The bytes gathered so far, with the one that fits nowhere.
    case stray
  }

  private enum State {
    case start, recovery
    case doubleQuoted, doubleQuotedEscape, singleQuoted, singleQuotedEscape
    case minus, zero, digits, point, fraction, exponent, exponentSign, exponentDigits
    case keyword
  }

  /// What one byte led to.
  enum Step: Equatable {
    case more
    /// A token ended with this byte.
    case token(Token)
    /// A token ended before this byte, which must be given again.
    case tokenBefore(Token)
  }

  private var state = State.start
  /// The current token's bytes; valid until the step after the one that ended it.
  private(set) var text: [UInt8] = []
  private var isFresh = true

  /// Keywords and numbers longer than this mean nothing; their tail is not kept.
  static let longestWord = 4096

  mutating func step(_ byte: UInt8) -> Step {
    if isFresh {
      text.removeAll(keepingCapacity: text.capacity <= 65536)
      isFresh = false
    }
    switch state {
    case .start: return start(byte)
    case .recovery:
      let isControl = byte < 0x20 && byte != UInt8(ascii: "\t")
      guard isControl || byte >= 0xFE || Self.structural(byte) != nil else { return .more }
      state = .start
      return start(byte)
    case .doubleQuoted: return quoted(byte, end: UInt8(ascii: "\""), escape: .doubleQuotedEscape)
    case .singleQuoted: return quoted(byte, end: UInt8(ascii: "'"), escape: .singleQuotedEscape)
    case .doubleQuotedEscape: return escaped(byte, back: .doubleQuoted)
    case .singleQuotedEscape: return escaped(byte, back: .singleQuoted)
    case .keyword:
      guard (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) else { return end(.keyword) }
      return keepWord(byte, .keyword)
    default: return number(byte)
    }
  }

  /// Gives the current token up and skips ahead as after a byte that fits nowhere.
  mutating func abandon() {
    state = .recovery
    isFresh = true
  }

  /// The token still open when the stream ends, if any.
  var isInsideToken: Bool { state != .start && state != .recovery }

  private static func structural(_ byte: UInt8) -> Token? {
    switch byte {
    case UInt8(ascii: "{"): .openBrace
    case UInt8(ascii: "}"): .closeBrace
    case UInt8(ascii: "["): .openBracket
    case UInt8(ascii: "]"): .closeBracket
    case UInt8(ascii: ":"): .colon
    case UInt8(ascii: ","): .comma
    default: nil
    }
  }

  private mutating func start(_ byte: UInt8) -> Step {
    if let token = Self.structural(byte) {
      text.append(byte)
      isFresh = true
      return .token(token)
    }
    switch byte {
    case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"): return .more
    case UInt8(ascii: "\""): return keep(byte, .doubleQuoted)
    case UInt8(ascii: "'"): return keep(byte, .singleQuoted)
    case UInt8(ascii: "-"): return keep(byte, .minus)
    case UInt8(ascii: "0"): return keep(byte, .zero)
    case UInt8(ascii: "1")...UInt8(ascii: "9"): return keep(byte, .digits)
    case UInt8(ascii: "a")...UInt8(ascii: "z"): return keep(byte, .keyword)
    default: return stray(byte)
    }
  }

  private mutating func quoted(_ byte: UInt8, end quote: UInt8, escape: State) -> Step {
    if byte == quote {
      text.append(byte)
      state = .start
      isFresh = true
      return .token(.string)
    }
    if byte == UInt8(ascii: "\\") { return keep(byte, escape) }
    if byte < 0x20 || byte >= 0xFE { return stray(byte) }
    text.append(byte)
    return .more
  }

  private mutating func escaped(_ byte: UInt8, back: State) -> Step {
    byte < 0x20 || byte >= 0xFE ? stray(byte) : keep(byte, back)
  }

  private mutating func number(_ byte: UInt8) -> Step {
    let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    let isExponent = byte | 0x20 == UInt8(ascii: "e")
    let isPoint = byte == UInt8(ascii: ".")
    switch state {
    case .minus:
      guard isDigit else { return stray(byte) }
      return keep(byte, byte == UInt8(ascii: "0") ? .zero : .digits)
    case .zero, .digits:
      if isPoint { return keepWord(byte, .point) }
      if isExponent { return keepWord(byte, .exponent) }
      if !isDigit { return end(.integer) }
      return state == .zero ? stray(byte) : keepWord(byte, .digits)
    case .point: return isDigit ? keepWord(byte, .fraction) : stray(byte)
    case .fraction:
      if isExponent { return keepWord(byte, .exponent) }
      return isDigit ? keepWord(byte, .fraction) : end(.real)
    case .exponent:
      if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { return keepWord(byte, .exponentSign) }
      return isDigit ? keepWord(byte, .exponentDigits) : stray(byte)
    case .exponentSign: return isDigit ? keepWord(byte, .exponentDigits) : stray(byte)
    default: return isDigit ? keepWord(byte, .exponentDigits) : end(.real)
    }
  }

  private mutating func keep(_ byte: UInt8, _ next: State) -> Step {
    text.append(byte)
    state = next
    return .more
  }

  private mutating func keepWord(_ byte: UInt8, _ next: State) -> Step {
    if text.count < Self.longestWord { text.append(byte) }
    state = next
    return .more
  }

  private mutating func end(_ token: Token) -> Step {
    state = .start
    isFresh = true
    return .tokenBefore(token)
  }

  private mutating func stray(_ byte: UInt8) -> Step {
    text.append(byte)
    state = .recovery
    isFresh = true
    return .token(.stray)
  }
}
