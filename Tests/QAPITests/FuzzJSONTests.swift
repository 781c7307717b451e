// SPDX-License-Identifier: Apache-2.0
import Fuzzing
import QAPI
import Testing

/// Random and nearly right JSON through the stream, the writer and the decoder of commands' arguments.
struct FuzzJSONTests {
  private static let pieces = [
    "{", "}", "[", "]", ":", ",", "\"", "'", "\\", "\\u", "\\ud800", "\\udc00", "true", "false", "null", "-", "1", "0",
    "01", "1e9", "1e999", "-1.5", "9223372036854775808", "18446744073709551616", "\"a\"", "'b'", "{\"a\":", "[[[[", " ",
    "\n", "\u{0}", "\u{7f}", "é", "\u{1F600}", "%d", "nul", "{\"execute\":\"stop\"}", "\"filename\":", "\"x\":1",
  ]

  private func text(_ random: inout FuzzRandom) -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<(1 + random.below(40)) {
      let piece = Array(Self.pieces[random.below(Self.pieces.count)].utf8)
      bytes += random.oneIn(8) ? random.bytes(1 + random.below(4)) : piece
    }
    return random.oneIn(4) ? random.damaged(bytes) : bytes
  }

  /// A value as deep as `depth`.
  private func value(_ random: inout FuzzRandom, depth: Int) -> JSON {
    switch random.below(depth > 0 ? 8 : 6) {
    case 0: return .null
    case 1: return .bool(random.oneIn(2))
    case 2: return .int(Int64(bitPattern: random.word()))
    case 3: return .uint(random.next() | 1 << 63)
    case 4: return .double(Double(Int64(bitPattern: random.word())) / 1024)
    case 5: return .string(String(decoding: random.bytes(random.below(12)), as: UTF8.self))
    case 6: return .array((0..<random.below(4)).map { _ in value(&random, depth: depth - 1) })
    default:
      var object: JSON = [:]
      if case .object(var members) = object {
        for index in 0..<random.below(4) { members["k\(index)"] = value(&random, depth: depth - 1) }
        object = .object(members)
      }
      return object
    }
  }

  /// A real without a fraction is written like an integer, as QEMU does, so texts are compared and not values.
  private func isReadBack(_ value: JSON) -> Bool { (try? JSON(parsing: value.text.utf8))?.text == value.text }

  @Test func `any bytes are values and errors, however they are cut`() {
    Fuzzing.run("JSON stream", atLeast: 3000) { random in
      let bytes = text(&random)
      var whole = JSONStream()
      let expected = whole.all(bytes)
      var pieces = JSONStream()
      var outcomes: [JSONStream.Outcome] = []
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = 1 + random.below(7)
        outcomes += pieces.all(Array(rest.prefix(count)))
        rest = rest.dropFirst(count)
      }
      #expect(outcomes == expected, "seed \(random.seed)")
      for case .success(let value) in outcomes {
        #expect(isReadBack(value), "seed \(random.seed): \(value.text)")
      }
    }
  }

  @Test func `after any bytes the stream finds the next value`() {
    Fuzzing.run("JSON stream goes on", atLeast: 3000) { random in
      var stream = JSONStream()
      _ = stream.all(text(&random))
      // A line end ends a string, a stray character whatever else is open.
      _ = stream.all(Array("\n`\n`\n".utf8))
      #expect(stream.all(Array(#"{"a": 1}"#.utf8)) == [.success(["a": 1])], "seed \(random.seed)")
    }
  }

  @Test func `limits hold`() {
    var limits = JSONStream.Limits()
    (limits.byteCount, limits.tokenCount, limits.nesting) = (2000, 100, 20)
    Fuzzing.run("JSON limits", seconds: 1, atLeast: 200) { random in
      var stream = JSONStream(limits: limits)
      let opening = Array(["[", "{\"a\":", "[1,", "\"abc"][random.below(4)].utf8)
      let outcomes = (0..<500).flatMap { _ in stream.all(opening) }
      #expect(!outcomes.isEmpty || opening.first == UInt8(ascii: "\""), "seed \(random.seed)")
    }
  }

  @Test(arguments: [0xfdd0, 0xfdef, 0xfffe, 0xffff, 0x1fffe, 0x10ffff] as [UInt32])
  func `a noncharacter is written as the replacement character`(value: UInt32) throws {
    let scalar = try #require(Unicode.Scalar(value))
    #expect(JSON.string(String(Character(scalar))).text == #""\uFFFD""#)
  }

  @Test func `what is written is read back`() {
    Fuzzing.run("JSON writer", atLeast: 3000) { random in
      let value = value(&random, depth: 4)
      #expect(isReadBack(value), "seed \(random.seed): \(value.text)")
    }
  }

  @Test func `arguments of any form are decoded or refused with a sentence`() {
    Fuzzing.run("QAPI decoder", atLeast: 2000) { random in
      var members = JSONObject()
      for key in ["filename", "cpu-index", "keys", "inner", "color", "colors", "flag", "ratio", "big", "anything", "x"]
      where !random.oneIn(3) { members[key] = value(&random, depth: 3) }
      if !random.oneIn(3) { members["filename"] = "f" }
      do {
        _ = try QAPIDecoder.decode(Arguments.self, from: .object(members))
      } catch {
        let sentence = "\(error)"
        #expect(!sentence.isEmpty && !sentence.hasPrefix("Swift."), "seed \(random.seed): \(sentence)")
      }
    }
  }
}
