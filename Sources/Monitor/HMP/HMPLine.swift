// SPDX-License-Identifier: Apache-2.0

/// How `x`, `xp` and `print` show numbers.
struct DumpFormat: Hashable, Sendable {
  enum Style: UInt8, Sendable {
    case octal = 0x6F, decimal = 0x64, unsigned = 0x75, hexadecimal = 0x78, instructions = 0x69, character = 0x63
  }
  var style = Style.hexadecimal
  /// 1, 2, 4 or 8.
  var byteCount = 4
}

/// A command line with a reading position. Each method takes one argument off the front; the sentences are QEMU's.
struct HMPLine {
  private let bytes: [UInt8]
  private(set) var position = 0
  /// The command's names as errors show them: `print|p`.
  var command = ""
  var reader: ExpressionReader?

  init(_ text: String) { bytes = Array(text.utf8.prefix { $0 != 0 }) }

  /// The byte here; 0 at the end.
  var current: UInt8 { position < bytes.count ? bytes[position] : 0 }
  var isAtEnd: Bool { position >= bytes.count }

  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  mutating func advance() { position += 1 }

  mutating func skipSpaces() {
    while Self.isSpace(current) { position += 1 }
  }

  func text(from start: Int) -> String { String(decoding: bytes[start..<min(position, bytes.count)], as: UTF8.self) }

  /// A name ends at a space or at the slash of a format.
  mutating func commandName() -> String {
    let start = position
    while !isAtEnd, !Self.isSpace(current), current != UInt8(ascii: "/") { position += 1 }
    return text(from: start)
  }

  /// After the last argument.
  mutating func end() throws(HMPError) {
    skipSpaces()
    if !isAtEnd { throw .usage("\(command): extraneous characters at the end of line") }
  }

  /// A word, or text in double quotes with backslash escapes; nil at the end of the line.
  mutating func optionalString(expected: String = "string") throws(HMPError) -> String? {
    skipSpaces()
    if isAtEnd { return nil }
    guard let string = try word() else { throw .usage("\(command): \(expected) expected") }
    return string
  }

  mutating func string(expected: String = "string") throws(HMPError) -> String {
    guard let string = try optionalString(expected: expected) else {
      throw .usage("\(command): \(expected) expected")
    }
    return string
  }

  /// nil when a quote is not closed.
  private mutating func word() throws(HMPError) -> String? {
    let start = position
    guard current == UInt8(ascii: "\"") else {
      while !isAtEnd, !Self.isSpace(current) { position += 1 }
      return text(from: start)
    }
    position += 1
    var result: [UInt8] = []
    while !isAtEnd, current != UInt8(ascii: "\"") {
      if current == UInt8(ascii: "\\") {
        position += 1
        switch current {
        case UInt8(ascii: "n"): result.append(10)
        case UInt8(ascii: "r"): result.append(13)
        case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): result.append(current)
        default: throw .usage("unsupported escape code: '\\\(Self.shown(current))'\n\(command): string expected")
        }
      } else {
        result.append(current)
      }
      position += 1
    }
    if isAtEnd { return nil }
    position += 1
    return String(decoding: result, as: UTF8.self)
  }

  static func shown(_ byte: UInt8) -> String { byte == 0 ? "" : String(decoding: [byte], as: UTF8.self) }

  /// Whether `-letter` is next, and past it.
  mutating func flag(_ letter: Character, among known: String) throws(HMPError) -> Bool {
    skipSpaces()
    guard current == UInt8(ascii: "-") else { return false }
    let next = position + 1 < bytes.count ? bytes[position + 1] : 0
    if next == letter.asciiValue {
      position += 2
      return true
    }
    if known.utf8.contains(next) { return false }
    throw .usage("\(command): unsupported option -\(Self.shown(next))")
  }

  /// Several one-letter options in any order, `-v -n`; returns those given.
  mutating func flags(_ known: String) throws(HMPError) -> Set<Character> {
    var given: Set<Character> = []
    while true {
      var found = false
      for letter in known where try flag(letter, among: known) {
        given.insert(letter)
        found = true
      }
      if !found { return given }
    }
  }

  /// `-f word`; nil without it.
  mutating func option(_ letter: Character) throws(HMPError) -> String? {
    guard try flag(letter, among: String(letter)) else { return nil }
    skipSpaces()
    if isAtEnd { throw .usage("\(command): value expected for -\(letter)") }
    return try string()
  }

  mutating func expression() throws(HMPError) -> Int64 {
    skipSpaces()
    guard let reader else { preconditionFailure("a line is read for a command") }
    return try reader.value(&self)
  }

  /// A 32-bit number.
  mutating func integer() throws(HMPError) -> Int64 {
    let value = try expression()
    if UInt64(bitPattern: value) >> 32 != 0 {
      throw .usage("'\(command)' has failed: integer is for 32-bit values")
    }
    return Int64(Int32(truncatingIfNeeded: value))
  }

  mutating func optionalInteger() throws(HMPError) -> Int64? {
    skipSpaces()
    return isAtEnd ? nil : try integer()
  }

  /// `/COUNT STYLE SIZE` directly behind the name or after spaces. What is not given is taken from `defaults`, and what
  /// is given becomes the default.
  mutating func format(_ defaults: inout DumpFormat) throws(HMPError) -> (count: Int, DumpFormat) {
    skipSpaces()
    guard current == UInt8(ascii: "/") else { return (1, defaults) }
    position += 1
    var count = 1
    if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(current) {
      count = 0
      while (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(current) {
        count = min(count * 10 + Int(current - UInt8(ascii: "0")), Int(Int32.max))
        position += 1
      }
    }
    var style: DumpFormat.Style?
    var byteCount: Int?
    loop: while true {
      switch current {
      case UInt8(ascii: "b"): byteCount = 1
      case UInt8(ascii: "h"): byteCount = 2
      case UInt8(ascii: "w"): byteCount = 4
      case UInt8(ascii: "g"), UInt8(ascii: "L"): byteCount = 8
      default:
        guard let next = DumpFormat.Style(rawValue: current) else { break loop }
        style = next
      }
      position += 1
    }
    if !isAtEnd, !Self.isSpace(current) { throw .usage("invalid char in format: '\(Self.shown(current))'") }
    defaults.style = style ?? defaults.style
    if defaults.style != .instructions { defaults.byteCount = byteCount ?? defaults.byteCount }
    return (count, defaults)
  }
}
