// SPDX-License-Identifier: Apache-2.0

/// Reads one value from a message whose tokens `JSONStream` has already found and counted, so depth is bounded.
struct JSONParser {
  private let bytes: [UInt8]
  private var position = 0
  private var lexer = JSONLexer()

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  private mutating func token() throws(JSONError) -> JSONLexer.Token {
    while position < bytes.count {
      switch lexer.step(bytes[position]) {
      case .more: position += 1
      case .token(let token):
        position += 1
        return token
      case .tokenBefore(let token): return token
      }
    }
    throw .parse("premature EOI")
  }

  mutating func value() throws(JSONError) -> JSON { try value(startingWith: try token()) }

  private mutating func value(startingWith token: JSONLexer.Token) throws(JSONError) -> JSON {
    switch token {
    case .openBrace: return .object(try object())
    case .openBracket: return .array(try array())
    case .string: return .string(try JSONParser.unquote(lexer.text))
    case .integer, .real: return try number(isInteger: token == .integer)
    case .keyword:
      switch String(decoding: lexer.text, as: UTF8.self) {
      case "true": return .bool(true)
      case "false": return .bool(false)
      case "null": return .null
      case let word: throw .parse("invalid keyword '\(word)'")
      }
    default: throw .parse("expecting value")
    }
  }

  private mutating func array() throws(JSONError) -> [JSON] {
    var elements: [JSON] = []
    var next = try token()
    if next == .closeBracket { return elements }
    while true {
      elements.append(try value(startingWith: next))
      switch try token() {
      case .closeBracket: return elements
      case .comma: next = try token()
      default: throw .parse("expected separator in list")
      }
    }
  }

  private mutating func object() throws(JSONError) -> JSONObject {
    var members = JSONObject()
    var next = try token()
    if next == .closeBrace { return members }
    while true {
      guard case .string(let key) = try value(startingWith: next) else {
        throw .parse("key is not a string in object")
      }
      guard try token() == .colon else { throw .parse("missing : in object pair") }
      let member = try value()
      guard members[key] == nil else { throw .parse("duplicate key") }
      members[key] = member
      switch try token() {
      case .closeBrace: return members
      case .comma: next = try token()
      default: throw .parse("expected separator in dict")
      }
    }
  }

  private func number(isInteger: Bool) throws(JSONError) -> JSON {
    guard lexer.text.count < JSONLexer.longestWord else { throw JSONError("JSON token size limit exceeded") }
    let text = String(decoding: lexer.text, as: UTF8.self)
    if isInteger {
      if let value = Int64(text) { return .int(value) }
      if let value = UInt64(text) { return .uint(value) }
    }
    guard let value = Double(text) else { throw .parse("expecting value") }
    return .double(value)
  }

  /// The string a quoted token stands for. UTF-8 must be well formed, but U+0000 may be written C0 80.
  static func unquote(_ token: [UInt8]) throws(JSONError) -> String {
    var result: [UInt8] = []
    result.reserveCapacity(token.count)
    let end = token.count - 1
    var position = 1
    while position < end {
      let byte = token[position]
      if byte == UInt8(ascii: "\\") {
        try unescape(token, &position, into: &result)
      } else if byte < 0x80 {
        result.append(byte)
        position += 1
      } else {
        guard let (scalar, length) = decodeUTF8(token[position..<end]) else {
          throw .parse("invalid UTF-8 sequence in string")
        }
        result.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        position += length
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  private static func unescape(
    _ token: [UInt8], _ position: inout Int, into result: inout [UInt8]
  ) throws(JSONError) {
    let letter = token[position + 1]
    position += 2
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(letter)
    case UInt8(ascii: "b"): result.append(8)
    case UInt8(ascii: "f"): result.append(12)
    case UInt8(ascii: "n"): result.append(10)
    case UInt8(ascii: "r"): result.append(13)
    case UInt8(ascii: "t"): result.append(9)
    case UInt8(ascii: "u"):
      let digits = token[position..<min(position + 4, token.count)]
      guard let scalar = escapedScalar(token, &position) else {
        throw .parse("\\u\(String(decoding: digits, as: UTF8.self)) is not a valid Unicode character")
      }
      result.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    default: throw .parse("invalid escape sequence in string")
    }
  }

  /// Four hexadecimal digits, or two such escapes that form a surrogate pair.
  private static func escapedScalar(_ token: [UInt8], _ position: inout Int) -> Unicode.Scalar? {
    guard let first = hexadecimal(token, position) else { return nil }
    position += 4
    guard UTF16.isLeadSurrogate(first) else { return Unicode.Scalar(first).flatMap(character) }
    guard position + 1 < token.count, token[position] == UInt8(ascii: "\\"), token[position + 1] == UInt8(ascii: "u"),
      let second = hexadecimal(token, position + 2), UTF16.isTrailSurrogate(second)
    else { return nil }
    position += 6
    let value = 0x10000 + (UInt32(first & 0x3FF) << 10 | UInt32(second & 0x3FF))
    return Unicode.Scalar(value).flatMap(character)
  }

  private static func hexadecimal(_ token: [UInt8], _ position: Int) -> UInt16? {
    guard position + 4 <= token.count else { return nil }
    var value: UInt16 = 0
    for byte in token[position..<position + 4] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
      value = value << 4 | UInt16(digit)
    }
    return value
  }

  /// Unicode's 66 noncharacters are not for interchange.
  private static func character(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
    (0xFDD0...0xFDEF).contains(scalar.value) || scalar.value & 0xFFFE == 0xFFFE ? nil : scalar
  }

  /// One multi-byte sequence (Unicode 15, table 3-7) and its length.
  private static func decodeUTF8(_ bytes: ArraySlice<UInt8>) -> (Unicode.Scalar, Int)? {
    guard let lead = bytes.first else { return nil }
    let length: Int
    let least: UInt32
    switch lead {
    case 0xC0...0xDF: (length, least) = (2, 0x80)
    case 0xE0...0xEF: (length, least) = (3, 0x800)
    case 0xF0...0xF7: (length, least) = (4, 0x10000)
    default: return nil
    }
    guard bytes.count >= length else { return nil }
    var value = UInt32(lead) & (0x7F >> UInt32(length))
    for byte in bytes.dropFirst().prefix(length - 1) {
      guard byte & 0xC0 == 0x80 else { return nil }
      value = value << 6 | UInt32(byte & 0x3F)
    }
    if value == 0, length == 2 { return ("\0", 2) }
    guard value >= least, let scalar = Unicode.Scalar(value), let scalar = character(scalar) else { return nil }
    return (scalar, length)
  }
}
