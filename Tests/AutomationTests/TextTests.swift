// SPDX-License-Identifier: Apache-2.0
import Automation
import Platform
import Testing

struct TextPatternTests {
  @Test func `a text stands for itself`() throws {
    let pattern = try TextPattern(text: "a.b*(")
    #expect(pattern.firstMatch(in: Array("xa.b*(y".utf8))?.range == 1..<6)
    #expect(pattern.firstMatch(in: Array("aab".utf8)) == nil)
    #expect(pattern.firstMatch(in: [UInt8]()) == nil)
  }

  @Test func `an expression is Perl's, line by line, in Unicode`() throws {
    let pattern = try TextPattern(regularExpression: #"^(?<key>\w+)=(é|x)?$"#)
    let match = try #require(pattern.firstMatch(in: Array("no\nkey=\nläßt=é\n".utf8)))
    #expect(match.texts == ["key=", "key", nil])
    #expect(try TextPattern(regularExpression: "é$").firstMatch(in: Array("läßt=é".utf8))?.texts == ["é"])
  }

  @Test func `bytes that are no UTF-8 do no harm`() throws {
    let match = try TextPattern(regularExpression: "log.n").firstMatch(in: [0xff, 0xc3] + Array("login".utf8) + [0x80])
    #expect(match?.range == 2..<7)
  }

  @Test func `mistakes are told with their place`() {
    #expect(throws: TextPattern.Mistake.self) { try TextPattern(regularExpression: "a(b") }
    #expect(throws: TextPattern.Mistake.self) { try TextPattern(regularExpression: "") }
    do throws(TextPattern.Mistake) {
      _ = try TextPattern(regularExpression: "ab[")
      Issue.record("that is no expression")
    } catch {
      #expect(error.description.hasPrefix("is no regular expression: "))
      #expect(error.description.hasSuffix(" at position 3"))
    }
  }

  @Test func `an expression that backtracks without end gives up`() throws {
    let pattern = try TextPattern(regularExpression: "^(a+)+$")
    #expect(pattern.firstMatch(in: [UInt8](repeating: UInt8(ascii: "a"), count: 5000) + [UInt8(ascii: "b")]) == nil)
  }

  @Test func `the nearest line has most pairs of letters in common`() throws {
    let pattern = try TextPattern(regularExpression: #"debian login:\s$"#)
    let miss = try #require(NearestMiss(to: pattern, in: ["Welcome", "Debain logn:", "xyz"]))
    #expect(miss.line == 1)
    #expect((30..<100).contains(miss.likeness))
    #expect(NearestMiss(to: pattern, in: ["", "0123"]) == nil)
  }

  @Test(arguments: [
    ("1.5s", 1_500_000_000), ("200ms", 200_000_000), ("2m", 120_000_000_000), ("3", 3_000_000_000), ("0", 0),
  ])
  func `lengths of time`(text: String, expected: Nanoseconds) { #expect(DurationText.parse(text) == expected) }

  @Test(arguments: ["", "s", "1x", "-1s", "1 s", "1e9s", "nan", ".", "9999999999h", "1.2.3s"])
  func `what is no length of time`(text: String) { #expect(DurationText.parse(text) == nil) }

  @Test func `rules for stopping`() throws {
    let rules = try StopRules(parsing: "panic,triple-fault,reset,idle=30s,hang")
    #expect(rules.endsOnPanic && rules.endsOnTripleFault && rules.endsOnReset && rules.endsOnHang)
    #expect(rules.longestIdleness == 30 * .second)
    #expect(try StopRules(parsing: "none") == StopRules())
    for wrong in ["", "idle", "idle=x", "idle=0", "panic,", "reboot"] {
      #expect(throws: StopRules.Mistake.self) { try StopRules(parsing: wrong) }
    }
  }
}
