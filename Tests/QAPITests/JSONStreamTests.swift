// SPDX-License-Identifier: Apache-2.0
import QAPI
import Testing

/// Cases were recorded from QEMU 7.2 over a socket: each input with the values (as text) and errors it led to.
struct JSONStreamTests {
  /// Values as text, errors with a leading `!`.
  static func outcomes(_ bytes: [UInt8]) -> [String] {
    var stream = JSONStream()
    return stream.all(bytes).map { outcome in
      switch outcome {
      case .success(let value): value.text
      case .failure(let error): "!" + error.description
      }
    }
  }

  static let recorded: [(String, [String])] = [
    (#"{"a":1}"#, [#"{"a": 1}"#]),
    (#"{"a":1}{"b":2}"#, [#"{"a": 1}"#, #"{"b": 2}"#]),
    (#"{'a':'x'}"#, [#"{"a": "x"}"#]),
    ("{", []),
    ("nosuch }", ["!JSON parse error, invalid keyword 'nosuch'", "!JSON parse error, expecting value"]),
    ("{a:1}", ["!JSON parse error, invalid keyword 'a'"]),
    (#"{"a" 1}"#, ["!JSON parse error, missing : in object pair"]),
    (#"{"a":1 "b":2}"#, ["!JSON parse error, expected separator in dict"]),
    (#"{"a":1,"a":2}"#, ["!JSON parse error, duplicate key"]),
    (#"{"a":1,}"#, ["!JSON parse error, expecting value"]),
    (#"{"a":}"#, ["!JSON parse error, expecting value"]),
    (#"{"a":1]"#, ["!JSON parse error, expected separator in dict"]),
    ("{1:2}", ["!JSON parse error, key is not a string in object"]),
    ("[1,]", ["!JSON parse error, expecting value"]),
    ("[1 2]", ["!JSON parse error, expected separator in list"]),
    ("[,]", ["!JSON parse error, expecting value"]),
    ("{]", ["!JSON parse error, expecting value"]),
    ("]", ["!JSON parse error, expecting value"]),
    ("{,}", ["!JSON parse error, expecting value"]),
    ("}}\n", ["!JSON parse error, expecting value", "!JSON parse error, expecting value"]),
    ("[01]", ["!JSON parse error, stray '01'", "!JSON parse error, expecting value"]),
    ("[1.}", ["!JSON parse error, stray '1.}'"]),
    ("[-}", ["!JSON parse error, stray '-}'"]),
    ("[+1]", ["!JSON parse error, stray '+'", "!JSON parse error, expecting value"]),
    ("[.5]", ["!JSON parse error, stray '.'", "!JSON parse error, expecting value"]),
    ("[1e}", ["!JSON parse error, stray '1e}'"]),
    ("[tru]", ["!JSON parse error, invalid keyword 'tru'"]),
    ("[True]", ["!JSON parse error, stray 'T'", "!JSON parse error, expecting value"]),
    ("[%d]", ["!JSON parse error, stray '%'", "!JSON parse error, expecting value"]),
    ("#foo", ["!JSON parse error, stray '#'"]),
    ("\"abc\n{\"a\":1}", ["!JSON parse error, stray '\"abc\n'", #"{"a": 1}"#]),
    ("truE\n", ["!JSON parse error, invalid keyword 'tru'", "!JSON parse error, stray 'E'"]),
    ("null true 5 \"x\" \n", ["null", "true", "5", #""x""#]),
    (
      "hello [1] foo\n",
      ["!JSON parse error, invalid keyword 'hello'", "[1]", "!JSON parse error, invalid keyword 'foo'"]
    ),
    (
      "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
      [
        "!JSON parse error, stray 'G'", "!JSON parse error, stray 'H'", "!JSON parse error, expecting value",
        "!JSON parse error, invalid keyword 'x'",
      ]
    ),
    ("-\n1.5e+\n", ["!JSON parse error, stray '-\n'"]),
    ("0x10\n", ["0", "!JSON parse error, invalid keyword 'x'", "10"]),
    ("1_\n", ["1", "!JSON parse error, stray '_'"]),
    ("/*x*/\n", ["!JSON parse error, stray '/'"]),
    ("A B C\n5\n", ["!JSON parse error, stray 'A'", "5"]),
    ("\0", ["!JSON parse error, stray ''"]),
    (#"["\q"]"#, ["!JSON parse error, invalid escape sequence in string"]),
    (#"["\uD800"]"#, [#"!JSON parse error, \uD800 is not a valid Unicode character"#]),
    (#"["\uDC00"]"#, [#"!JSON parse error, \uDC00 is not a valid Unicode character"#]),
    (#"["\uD83D\u0041"]"#, [#"!JSON parse error, \uD83D is not a valid Unicode character"#]),
    (#"["\uFFFF"]"#, [#"!JSON parse error, \uFFFF is not a valid Unicode character"#]),
    (#"["\u12G4"]"#, [#"!JSON parse error, \u12G4 is not a valid Unicode character"#]),
    (#"["\u12"]"#, [#"!JSON parse error, \u12" is not a valid Unicode character"#]),
    (#"["\u0000\uD83D\uDE00\/\'\"\b\f\n\r\t"]"#, [#"["\u0000\uD83D\uDE00/'\"\b\f\n\r\t"]"#]),
    ("['it\"s',\"it's\"]", [#"["it\"s", "it's"]"#]),
    (
      "[-0,0,1.0,1e20,123456789012345678901234567890,-9223372036854775808,18446744073709551615]",
      ["[0, 0, 1, 1e+20, 1.2345678901234568e+29, -9223372036854775808, 18446744073709551615]"]
    ),
  ]

  @Test(arguments: recorded)
  func `input leads to the same values and errors as on QEMU`(input: String, expected: [String]) {
    #expect(Self.outcomes(Array(input.utf8)) == expected)
  }

  static let bytes: [([UInt8], [String])] = [
    ([0xFF], ["!JSON parse error, stray '\u{FFFD}'"]),
    ([0xFF, 0x7B, 0x7D], ["!JSON parse error, stray '\u{FFFD}'", "{}"]),
    (Array("{\"a\"".utf8) + [0xFF] + Array("{}".utf8), ["!JSON parse error, stray '\u{FFFD}'", "{}"]),
    (
      Array("[\"".utf8) + [0xE9, 0xFF, 0x22, 0x5D],
      ["!JSON parse error, stray '\"\u{FFFD}\u{FFFD}'", "!JSON parse error, expecting value"]
    ),
    ([0x01], ["!JSON parse error, stray '\u{1}'"]),
    ([0x22, 0xC3, 0x22], ["!JSON parse error, invalid UTF-8 sequence in string"]),
    ([0x22, 0xC0, 0x80, 0x22], [#""\u0000""#]),
    ([0x22, 0xC1, 0x81, 0x22], ["!JSON parse error, invalid UTF-8 sequence in string"]),
    ([0x22, 0xED, 0xA0, 0x80, 0x22], ["!JSON parse error, invalid UTF-8 sequence in string"]),
    ([0x22, 0xEF, 0xBF, 0xBE, 0x22], ["!JSON parse error, invalid UTF-8 sequence in string"]),
    ([0x22, 0xEF, 0xB7, 0x90, 0x22], ["!JSON parse error, invalid UTF-8 sequence in string"]),
    ([0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], ["!JSON parse error, invalid UTF-8 sequence in string"]),
    ([0x22, 0x80, 0x22], ["!JSON parse error, invalid UTF-8 sequence in string"]),
    ([0x22, 0xF0, 0x9F, 0x98, 0x80, 0xC3, 0xA9, 0x7F, 0x22], [#""\uD83D\uDE00\u00E9\u007F""#]),
    (
      [0x5B, 0x22, 0x01, 0x22, 0x5D],
      ["!JSON parse error, stray '\"\u{1}'", "!JSON parse error, expecting value"]
    ),
  ]

  @Test(arguments: bytes)
  func `bytes that are no text lead to the same errors as on QEMU`(input: [UInt8], expected: [String]) {
    #expect(Self.outcomes(input) == expected)
  }

  @Test(arguments: recorded)
  func `one byte at a time gives the same as all at once`(input: String, expected: [String]) {
    var stream = JSONStream()
    var count = 0
    for byte in input.utf8 {
      var piece = [byte][...]
      while stream.next(&piece) != nil { count += 1 }
      #expect(piece.isEmpty)
    }
    #expect(count == expected.count)
  }

  @Test func `1024 brackets nest and 1025 do not`() {
    let deep = [UInt8](repeating: UInt8(ascii: "["), count: 1024) + [UInt8](repeating: UInt8(ascii: "]"), count: 1024)
    #expect(Self.outcomes(deep).count == 1)
    #expect(Self.outcomes(deep)[0].hasPrefix("[["))
    let deeper = [UInt8](repeating: UInt8(ascii: "["), count: 1025) + [UInt8](repeating: UInt8(ascii: "]"), count: 1025)
    let found = Self.outcomes(deeper)
    #expect(found.first == "!JSON nesting depth limit exceeded")
    #expect(found.dropFirst().allSatisfy { $0 == "!JSON parse error, expecting value" })
    #expect(found.count == 1026)
  }

  @Test func `ten million brackets cost one error per 1025`() {
    var stream = JSONStream()
    var errors = 0
    let chunk = [UInt8](repeating: UInt8(ascii: "["), count: 1 << 16)
    for _ in 0..<160 {
      var rest = chunk[...]
      while let outcome = stream.next(&rest) {
        #expect(outcome == .failure(JSONError("JSON nesting depth limit exceeded")))
        errors += 1
      }
    }
    #expect(errors == 160 * (1 << 16) / 1025)
  }

  @Test func `limits on tokens and bytes end a value that never ends`() {
    var limits = JSONStream.Limits()
    limits.tokenCount = 5
    var stream = JSONStream(limits: limits)
    #expect(stream.all(Array("[1,2,3,4]".utf8)).first == .failure(JSONError("JSON token count limit exceeded")))
    limits = JSONStream.Limits()
    limits.byteCount = 10
    stream = JSONStream(limits: limits)
    #expect(stream.all(Array(#"["0123456789"]"#.utf8)).first == .failure(JSONError("JSON token size limit exceeded")))
    stream = JSONStream(limits: limits)
    // A token that is too long is given up in the middle; the reset byte starts afresh.
    limits.byteCount = 20
    stream = JSONStream(limits: limits)
    let endless = stream.all(Array(#""0123456789abcdefghijklmno"#.utf8) + [0xff] + Array(#"{"ok":1}"#.utf8))
    #expect(endless.first == .failure(JSONError("JSON token size limit exceeded")))
    #expect(endless.last == .success(["ok": 1]))
  }

  @Test func `random bytes never trap and a reset always works`() {
    var random = SystemRandomNumberGenerator()
    var stream = JSONStream()
    let alphabet = Array("{}[]:,\"'\\ue0123456789.-+truefalsenul \n\t\u{1}".utf8) + [0xFF, 0xC3, 0x80]
    for _ in 0..<200 {
      let noise = (0..<500).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] }
      _ = stream.all(noise)
      let reset = stream.all([0xFF, 0x0A] + Array(#"{"ok":1}"#.utf8))
      #expect(reset.last == .success(["ok": 1]))
    }
  }

  @Test(arguments: [("", false), ("5", true), ("{} {}", false), ("[1", false), (#"{"a":[1,{}]}"#, true)])
  func `a text is one value or none`(text: String, isValid: Bool) {
    #expect(((try? JSON(parsing: text.utf8)) != nil) == isValid)
  }
}
