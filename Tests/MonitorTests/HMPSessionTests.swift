// SPDX-License-Identifier: Apache-2.0
import HostIO
import Monitor
import Platform
import Testing

/// Echo and redraws were recorded from QEMU 7.2's monitor on a unix socket.
struct HMPSessionTests {
  static let greeting = "QEMU 7.2.0 monitor - type 'help' for more information\r\n(qemu) "

  private func ready() throws -> Client {
    let client = try Bench().hmp()
    #expect(try client.output(endingWith: "(qemu) ") == Self.greeting)
    return client
  }

  /// The echo of typing `text` one key after the other.
  static func echo(_ text: String) -> String {
    var result = ""
    for length in 1...text.count {
      result += String(repeating: "\u{1B}[D", count: length - 1) + text.prefix(length) + "\u{1B}[K"
    }
    return result
  }

  @Test(arguments: ["\n", "\r"])
  func `a line is echoed, run, and followed by the prompt`(end: String) throws {
    let client = try ready()
    client.send("info status" + end)
    #expect(
      try client.output(endingWith: "(qemu) ") == Self.echo("info status") + "\r\nVM status: running\r\n(qemu) ")
  }

  @Test func `CRLF is two line ends`() throws {
    let client = try ready()
    client.send("bogus\r\n")
    #expect(
      try client.output(endingWith: "(qemu) \r\n(qemu) ")
        == Self.echo("bogus") + "\r\nunknown command: 'bogus'\r\n(qemu) \r\n(qemu) ")
  }

  static let keys: [(String, String)] = [
    ("ab", "a\u{1B}[K\u{1B}[Dab\u{1B}[K"),
    ("ab\u{7F}", "a\u{1B}[K\u{1B}[Dab\u{1B}[K\u{1B}[D\u{1B}[Da\u{1B}[K"),
    ("a\u{8}", "a\u{1B}[K\u{1B}[D\u{1B}[K"),
    ("c\u{1}x", "c\u{1B}[K\u{1B}[Dxc\u{1B}[K\u{1B}[D"),
    ("c\u{1}\u{5}", "c\u{1B}[K\u{1B}[D\u{1B}[C"),
    ("ab\u{1B}[D\u{1B}[DX", "a\u{1B}[K\u{1B}[Dab\u{1B}[K\u{1B}[D\u{1B}[DXab\u{1B}[K\u{1B}[D\u{1B}[D"),
    ("a\u{1B}[D\u{1B}[C", "a\u{1B}[K\u{1B}[D\u{1B}[C"),
    ("a\u{2}\u{4}", "a\u{1B}[K\u{1B}[D\u{1B}[K"),
    ("a\u{2}\u{1B}[3~", "a\u{1B}[K\u{1B}[D\u{1B}[K"),
    ("a b\u{17}", "a\u{1B}[K\u{1B}[Da \u{1B}[K\u{1B}[D\u{1B}[Da b\u{1B}[K\u{1B}[D\u{1B}[D\u{1B}[Da \u{1B}[K"),
    ("a\u{C}", "a\u{1B}[K\u{1B}[2J\u{1B}[1;1H(qemu) a\u{1B}[K"),
    ("\u{0}\u{3}\u{7}\u{1B}[B\u{1B}[A", ""),
  ]

  @Test(arguments: keys)
  func `keys edit the line as on QEMU`(typed: String, echo: String) throws {
    let client = try ready()
    // A last key whose echo is known shows that all before have been taken.
    client.send(typed + "\u{1}\u{B}!\n")
    let output = try client.output(endingWith: "unknown command: '!'\r\n(qemu) ")
    #expect(output.hasPrefix(echo))
  }

  @Test func `the history is walked with the arrows`() throws {
    let client = try ready()
    client.send("two\none\ntwo\none\n")
    // The second `one` is the only thing that follows a second `two`.
    var before = ""
    while before.occurrences("'two'") < 2 || !before.hasSuffix("'one'\r\n(qemu) ") {
      before += try client.output(endingWith: "(qemu) ")
    }
    client.send("\u{1B}[A\u{1B}[A\n")
    #expect(
      try client.output(endingWith: "'two'\r\n(qemu) ")
        == "one\u{1B}[K\u{1B}[D\u{1B}[D\u{1B}[Dtwo\u{1B}[K\r\nunknown command: 'two'\r\n(qemu) ")
    client.send("info history\n")
    #expect(
      try client.output(endingWith: "(qemu) ").hasSuffix("\r\n0: 'one'\r\n1: 'two'\r\n2: 'info history'\r\n(qemu) "))
  }

  @Test func `Tab completes commands and lists what is possible`() throws {
    let client = try ready()
    client.send("scr\t\u{15}info st\t\n")
    #expect(try client.output(endingWith: "(qemu) ").hasSuffix("info status \u{1B}[K\r\nVM status: running\r\n(qemu) "))
    client.send("system_\t")
    let list = try client.output(endingWith: "(qemu) system_\u{1B}[K")
    #expect(list.contains("\r\nsystem_powerdown  system_reset      \r\n(qemu) system_\u{1B}[K"))
  }

  @Test func `commands given at once run in order`() throws {
    let bench = try Bench()
    let client = bench.hmp()
    client.send("stop\ninfo status\ncont\ninfo status\n")
    let output = try client.output(endingWith: "VM status: running\r\n(qemu) ")
    #expect(output.contains("VM status: paused\r\n(qemu) "))
    #expect(bench.board.on { $0.runState } == .running)
  }

  @Test func `the current CPU belongs to the session`() throws {
    let client = try ready()
    client.send("cpu 1\n")
    _ = try client.output(endingWith: "\r\n(qemu) ")
    client.send("info cpus\n")
    #expect(
      try client.output(endingWith: "(qemu) ").hasSuffix(
        "  CPU #0: thread_id=100\r\n* CPU #1: thread_id=101\r\n(qemu) "))
  }

  @Test func `the prompt returns when the screendump is on disk`() throws {
    let client = try ready()
    let folder = try Folder()
    client.send("screendump \(folder.file("s.ppm"))\n")
    _ = try client.output(endingWith: "\r\n(qemu) ")
    #expect(folder.content("s.ppm") == Array("PPM 2x1".utf8))
  }

  @Test func `a session that is not shown keeps its output until it is`() throws {
    let bench = try Bench()
    let pipe = Pipe()
    let session = bench.hub.addHMP(pipe)
    bench.loop.sync { session.focusChanged(isFocused: false) }
    bench.loop.sync { session.opened() }
    let client = Client(pipe: pipe, session: session, loop: bench.loop)
    #expect(client.text().isEmpty)
    bench.loop.sync { session.focusChanged(isFocused: true) }
    #expect(client.text() == Self.greeting)
  }

  @Test func `a very long line is cut and does not stop the monitor`() throws {
    let client = try ready()
    client.send(String(repeating: "x", count: 6000) + "\ninfo name\n")
    #expect(try client.output(endingWith: "fake\r\n(qemu) ").contains("unknown command: 'xxxx"))
  }
}

extension String {
  /// How often `part` occurs.
  fileprivate func occurrences(_ part: String) -> Int {
    var (count, rest) = (0, self[...])
    while let range = rest.firstRange(of: part) {
      count += 1
      rest = rest[range.upperBound...]
    }
    return count
  }
}
