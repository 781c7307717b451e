// SPDX-License-Identifier: Apache-2.0

/// Why a piece of a JSON stream is no value. The texts are QEMU's: clients match them.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }

  static func parse(_ reason: String) -> JSONError { JSONError("JSON parse error, \(reason)") }
}

/// Finds the values in an endless byte stream by counting brackets: no line ends are needed, values may follow each
/// other without a gap, and one value may arrive in any number of pieces.
///
/// Memory is bounded by `Limits`; each mistake costs one error and the stream goes on behind it.
public struct JSONStream {
  /// Bounds on one value before its brackets close.
  public struct Limits: Sendable {
    /// Bytes of all its tokens.
    public var byteCount = 64 << 20
    public var tokenCount = 2 << 20
    /// Brackets and braces open at once.
    public var nesting = 1024
    public init() {}
  }

  public typealias Outcome = Result<JSON, JSONError>

  private let limits: Limits
  private var lexer = JSONLexer()
  /// The tokens of the value under way, each followed by a space so that none runs into the next.
  private var pending: [UInt8] = []
  private var tokenCount = 0
  private var byteCount = 0
  private var braces = 0
  private var brackets = 0
  /// Shown of a stray token, which may be a string of megabytes.
  private static let longestShown = 4096

  public init(limits: Limits = Limits()) { self.limits = limits }

  /// Takes bytes from the front of `bytes` until one value or error is complete, and returns it; nil when all bytes are
  /// taken and nothing is complete yet.
  public mutating func next(_ bytes: inout ArraySlice<UInt8>) -> Outcome? {
    var position = bytes.startIndex
    defer { bytes = bytes[position...] }
    while position < bytes.endIndex {
      switch lexer.step(bytes[position]) {
      case .more:
        position += 1
        if byteCount + lexer.text.count > limits.byteCount {
          lexer.abandon()
          return finish(.failure(JSONError("JSON token size limit exceeded")))
        }
      case .token(let token):
        position += 1
        if let outcome = take(token) { return outcome }
      case .tokenBefore(let token):
        if let outcome = take(token) { return outcome }
      }
    }
    return nil
  }

  /// Convenience for whole texts: every value and error in them. A word at the very end needs a byte behind it to be
  /// seen.
  public mutating func all(_ bytes: [UInt8]) -> [Outcome] {
    var rest = bytes[...]
    var outcomes: [Outcome] = []
    while let outcome = next(&rest) { outcomes.append(outcome) }
    return outcomes
  }

  private mutating func take(_ token: JSONLexer.Token) -> Outcome? {
    switch token {
    case .openBrace: braces += 1
    case .closeBrace: braces -= 1
    case .openBracket: brackets += 1
    case .closeBracket: brackets -= 1
    case .stray:
      // QEMU's text ends at a NUL.
      let shown = lexer.text.prefix { $0 != 0 }.prefix(Self.longestShown)
      return finish(.failure(.parse("stray '\(String(decoding: shown, as: UTF8.self))'")))
    default: break
    }
    byteCount += lexer.text.count
    tokenCount += 1
    if let excess { return finish(.failure(JSONError("JSON \(excess) limit exceeded"))) }
    pending += lexer.text
    pending.append(UInt8(ascii: " "))
    if braces > 0 || brackets > 0, braces >= 0, brackets >= 0 { return nil }
    var parser = JSONParser(pending)
    let outcome: Outcome
    do { outcome = .success(try parser.value()) } catch { outcome = .failure(error) }
    return finish(outcome)
  }

  /// The limit that the value under way breaks.
  private var excess: String? {
    if byteCount + tokenCount > limits.byteCount { return "token size" }
    if tokenCount > limits.tokenCount { return "token count" }
    return braces + brackets > limits.nesting ? "nesting depth" : nil
  }

  private mutating func finish(_ outcome: Outcome) -> Outcome {
    pending.removeAll(keepingCapacity: pending.capacity <= 65536)
    (tokenCount, byteCount, braces, brackets) = (0, 0, 0, 0)
    return outcome
  }
}

extension JSON {
  /// Parses a text that holds exactly one value, as in `-device {…}`.
  public init(parsing text: some Sequence<UInt8>) throws(JSONError) {
    var stream = JSONStream()
    var rest = (Array(text) + [UInt8(ascii: "\n")])[...]
    guard let first = stream.next(&rest) else { throw .parse("premature EOI") }
    let value = try first.get()
    if stream.next(&rest) != nil { throw .parse("expecting one value only") }
    self = value
  }
}
