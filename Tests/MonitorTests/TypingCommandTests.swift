// SPDX-License-Identifier: Apache-2.0
import Monitor
import PC
import QAPI
import Testing

/// What `__org.apus_type` asks of a machine and says about it.
@Suite struct TypingCommandTests {
  private static func command(_ arguments: String) -> String {
    #"{"execute":"__org.apus_type","arguments":\#(arguments)}"#
  }

  @Test func `the answer comes when the guest has taken all, and others do not wait for it`() throws {
    let bench = try Bench()
    let client = try bench.negotiated(), other = try bench.negotiated()
    client.send(Self.command(#"{"text":"a<enter>","notation":"packer","timeout":5000}"#))
    while bench.board.on({ $0.typed.isEmpty }) {}
    #expect(bench.board.on { $0.typed.map(\.steps) } == [[.press([.a]), .press([.ret])]])
    #expect(bench.board.on { $0.typed.map(\.patience) } == [5000])
    #expect(try other.ask(#"{"execute":"query-name"}"#)["return"] != nil)
    bench.board.on { $0.typed.first?.report?(TypingResult(.done, taken: 2, total: 2, at: 77)) }
    #expect(try client.reply() == ["return": ["keys": 2, "virtual-time": 77]])
  }

  @Test(
    arguments: [
      (.notRead(milliseconds: 30_000), "The guest has not read its keyboard for 30000 ms: 1 of 3 keys were taken"),
      (
        .notTaken(milliseconds: 30_000),
        "No program has taken the last key from the BIOS for 30000 ms: 1 of 3 keys were taken"
      ),
      (.reset, "The guest was reset: 1 of 3 keys were taken"),
      (.stopped, "The guest was stopped: 1 of 3 keys were taken"),
      (.replaced, "Another state was loaded: 1 of 3 keys were taken"),
    ] as [(TypingResult.End, String)])
  func `a text that was not typed to its end is an error`(_ end: TypingResult.End, _ sentence: String) throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    client.send(Self.command(#"{"text":"abc"}"#))
    while bench.board.on({ $0.typed.isEmpty }) {}
    #expect(bench.board.on { $0.typed.map(\.patience) } == [30_000])
    bench.board.on { $0.typed.first?.report?(TypingResult(end, taken: 1, total: 3, at: 0)) }
    #expect(try client.reply() == ["error": ["class": "GenericError", "desc": .string(sentence)]])
  }

  @Test(arguments: [
    (#"{"text":"a\u00df"}"#, "The US keyboard has no key for 'ß' (U+00DF), character 2 of the text"),
    (#"{"text":"<nokey>","notation":"packer"}"#, "There is no key '<nokey>', character 1 of the text"),
    (#"{"text":"a","notation":"vnc"}"#, "Parameter 'notation' does not accept value 'vnc'"),
    (#"{"text":"a","timeout":0}"#, "Parameter 'timeout' expects a value from 1 to 86400000"),
    (#"{"text":"a","timeout":86400001}"#, "Parameter 'timeout' expects a value from 1 to 86400000"),
    ("{}", "Parameter 'text' is missing"),
  ])
  func `what cannot be typed is refused as a whole`(_ arguments: String, _ sentence: String) throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    #expect(try client.error(Self.command(arguments)) == sentence)
    #expect(bench.board.on { $0.typed.isEmpty })
  }

  @Test func `a guest that stands still is typed to only without waiting`() throws {
    let bench = try Bench()
    let client = try bench.negotiated()
    bench.board.on { $0.stop() }
    #expect(try client.error(Self.command(#"{"text":"a"}"#)) == "VM not running")
    #expect(
      try client.ask(Self.command(#"{"text":"a<wait>","notation":"packer","wait":false}"#))
        == ["return": ["keys": 1, "virtual-time": 5]])
    #expect(bench.board.on { $0.typed.map { $0.report == nil } } == [true])
  }

  @Test func `keys beyond what can wait are an error`() throws {
    let bench = try Bench { $0.keyQueueIsFull = true }
    let client = try bench.negotiated()
    let sentence = "Too many keys wait for the guest to read its keyboard"
    #expect(try client.error(Self.command(#"{"text":"a"}"#)) == sentence)
    #expect(
      try client.error(#"{"execute":"send-key","arguments":{"keys":[{"type":"qcode","data":"a"}]}}"#) == sentence)
    #expect(try bench.human("sendkey a") == "Error: \(sentence)\r\n")
  }
}
