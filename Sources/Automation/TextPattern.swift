// SPDX-License-Identifier: Apache-2.0
import CPCRE2

/// A text or a regular expression to look for: Perl's, by PCRE2.
public final class TextPattern: @unchecked Sendable {
  // Safe: compiled code is never changed, and each search has match data of its own.

  /// Why a regular expression cannot be used: half a sentence with the place.
  public struct Mistake: Error, CustomStringConvertible, Equatable {
    public let description: String
  }

  /// What was found.
  public struct Match: Equatable, Sendable {
    /// Bytes of the subject.
    public var range: Range<Int>
    /// The whole and the groups, nil for a group that took no part; bytes that are not UTF-8 are replaced.
    public var texts: [String?]
  }

  /// Steps of one search; an expression that needs more is treated as not matching.
  private static let stepLimit: UInt32 = 1_000_000

  /// As it was given.
  public let source: String
  public let isRegularExpression: Bool
  private let code: OpaquePointer
  private let context: OpaquePointer?

  /// Looks for exactly this text.
  public convenience init(text: String) throws(Mistake) {
    try self.init(text, isRegularExpression: false, PCRE2_LITERAL)
  }

  /// `^` and `$` match at every line.
  public convenience init(regularExpression: String) throws(Mistake) {
    try self.init(regularExpression, isRegularExpression: true, PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C)
  }

  private init(_ source: String, isRegularExpression: Bool, _ options: UInt32) throws(Mistake) {
    (self.source, self.isRegularExpression) = (source, isRegularExpression)
    if source.isEmpty { throw Mistake(description: "is empty") }
    var number: Int32 = 0
    var offset = 0
    let pattern = Array(source.utf8)
    let code = pcre2_compile_8(
      pattern, pattern.count, options | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &number, &offset, nil)
    guard let code else {
      throw Mistake(description: "is no regular expression: \(Self.message(number)) at position \(offset)")
    }
    self.code = code
    context = pcre2_match_context_create_8(nil)
    if let context { pcre2_set_match_limit_8(context, Self.stepLimit) }
  }

  deinit {
    pcre2_code_free_8(code)
    pcre2_match_context_free_8(context)
  }

  private static func message(_ number: Int32) -> String {
    var text = [UInt8](repeating: 0, count: 256)
    let count = pcre2_get_error_message_8(number, &text, text.count)
    return String(decoding: text.prefix(Int(max(0, count))), as: UTF8.self)
  }

  /// The first match; nil when there is none.
  public func firstMatch(in subject: some Collection<UInt8>) -> Match? {
    let bytes = Array(subject)
    guard let data = pcre2_match_data_create_from_pattern_8(code, nil) else { return nil }
    defer { pcre2_match_data_free_8(data) }
    // An empty array has no address that PCRE2 takes.
    let count = (bytes.isEmpty ? [0] : bytes).withUnsafeBufferPointer {
      pcre2_match_8(code, $0.baseAddress, bytes.count, 0, 0, data, context)
    }
    guard count > 0, let vector = pcre2_get_ovector_pointer_8(data) else { return nil }
    let texts = (0..<Int(pcre2_get_ovector_count_8(data))).map { group -> String? in
      guard group < count, let range = Self.range(vector, group, bytes.count) else { return nil }
      return String(decoding: bytes[range], as: UTF8.self)
    }
    guard let whole = Self.range(vector, 0, bytes.count) else { return nil }
    return Match(range: whole, texts: texts)
  }

  /// nil for a group that took no part. `\K` can make a match end before it begins.
  private static func range(_ vector: UnsafeMutablePointer<Int>, _ group: Int, _ limit: Int) -> Range<Int>? {
    let (first, last) = (vector[2 * group], vector[2 * group + 1])
    return first >= 0 && first <= last && last <= limit ? first..<last : nil
  }

  /// The characters that a text must hold to be near: the text itself, or what is left of an expression without its operators.
  var letters: String {
    guard isRegularExpression else { return source }
    var result = ""
    var isEscaped = false
    for character in source {
      if isEscaped {
        isEscaped = false
        if !character.isLetter, !character.isNumber { result.append(character) }
      } else if character == "\\" {
        isEscaped = true
      } else if !"^$.|?*+()[]{}".contains(character) {
        result.append(character)
      }
    }
    return result
  }
}
