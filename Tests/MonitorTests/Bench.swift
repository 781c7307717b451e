// SPDX-License-Identifier: Apache-2.0
import HostIO
import Monitor
import QAPI
import Testing

/// A client's end of a monitor connection, in memory.
final class Pipe: MonitorTransport {
  struct State {
    var output: [UInt8] = []
    var isReading = true
    var isAccepted = 0
  }
  let state = Guarded(State())

  func write(_ bytes: [UInt8]) { state.update { $0.output += bytes } }
  /// What a client that does not read leaves waiting.
  var queuedByteCount: Int { state.withLock { $0.isReading ? 0 : $0.output.count } }
  func acceptInput() { state.update { $0.isAccepted += 1 } }
  func flush(nanoseconds: UInt64) {}
}

/// A hub, a fake machine and one client.
struct Bench {
  let loop: EventLoop
  let board: Board
  let hub: MonitorHub
  static let patience: UInt64 = 10_000_000_000

  init(_ prepare: @escaping @Sendable (FakeMachine) -> Void = { _ in }) throws {
    let loop = try EventLoop()
    try loop.start()
    let board = try Board(prepare)
    let encoders = ScreenEncoders(
      ppm: { picture in Array("PPM \(picture.width)x\(picture.height)".utf8) },
      png: { picture in Array("PNG \(picture.pixels)".utf8) })
    let hub = MonitorHub(
      version: .init(package: "Apus 0.1.0"), loop: loop, encoders: encoders, deviceAdder: FakeMachine.addDevice,
      machinePost: { job in board.post(job) })
    board.post { ($0 as? FakeMachine)?.hub = hub }
    (self.loop, self.board, self.hub) = (loop, board, hub)
  }

  func qmp(isPretty: Bool = false) -> Client {
    let pipe = Pipe()
    let session = hub.addQMP(pipe, isPretty: isPretty)
    return Client(pipe: pipe, session: session, loop: loop).opened()
  }

  /// A client that has negotiated.
  func negotiated(oob: Bool = false) throws -> Client {
    let client = qmp()
    _ = try client.line()
    client.send(#"{"execute":"qmp_capabilities","arguments":{"enable":[\#(oob ? "\"oob\"" : "")]}}"#)
    #expect(try client.line() == #"{"return": {}}"#)
    return client
  }

  func hmp() -> Client {
    let pipe = Pipe()
    let session = hub.addHMP(pipe)
    return Client(pipe: pipe, session: session, loop: loop).opened()
  }

  /// One HMP line's output, through QMP.
  func human(_ line: String) throws -> String {
    let client = try negotiated()
    let command: JSON = ["execute": "human-monitor-command", "arguments": ["command-line": .string(line)]]
    client.send(command.text)
    return try #require(try client.reply()["return"]?.string)
  }
}

struct TimedOut: Error { var got: String }

final class Client: Sendable {
  let pipe: Pipe
  let session: any MonitorSession
  let loop: EventLoop

  init(pipe: Pipe, session: any MonitorSession, loop: EventLoop) {
    (self.pipe, self.session, self.loop) = (pipe, session, loop)
  }

  func opened() -> Client {
    loop.sync { [session] in session.opened() }
    return self
  }

  /// Sends on their way to the session.
  private let undelivered = Guarded(0)

  /// As a transport delivers: only while the session takes bytes. Returns at once; the loop goes on with the rest.
  func send(_ bytes: [UInt8]) {
    undelivered.update { $0 += 1 }
    loop.post { [self] in deliver(bytes[...]) }
  }
  func send(_ text: String) { send(Array(text.utf8)) }

  private func deliver(_ bytes: ArraySlice<UInt8>) {
    var rest = bytes
    while !rest.isEmpty {
      let room = session.receivableByteCount
      if room == 0 {
        let later = rest
        loop.after(nanoseconds: 100_000) { [self] in deliver(later) }
        return
      }
      session.received(Array(rest.prefix(room)))
      rest = rest.dropFirst(room)
    }
    undelivered.update { $0 -= 1 }
  }

  /// Waits until the session has taken all that was sent.
  func waitUntilTaken() { undelivered.wait { $0 == 0 ? () : nil } }

  /// The next line, without its CRLF.
  func line() throws -> String {
    let found = pipe.state.wait(nanoseconds: Bench.patience) { state -> [UInt8]? in
      guard let end = state.output.firstIndex(of: 10) else { return nil }
      defer { state.output.removeFirst(end + 1) }
      return Array(state.output[...end])
    }
    guard let found else { throw TimedOut(got: text()) }
    let line = String(decoding: found, as: UTF8.self)
    #expect(line.hasSuffix("\r\n"))
    return String(line.unicodeScalars.dropLast(2).map(Character.init))
  }

  func lines(_ count: Int) throws -> [String] { try (0..<count).map { _ in try line() } }
  /// The next line that is no event.
  func reply() throws -> JSON {
    while true {
      let value = try JSON(parsing: line().utf8)
      if value["event"] == nil { return value }
    }
  }

  /// Everything up to and with `end`, which must come last.
  func output(endingWith end: String) throws -> String {
    let suffix = Array(end.utf8)
    let found = pipe.state.wait(nanoseconds: Bench.patience) { state -> [UInt8]? in
      guard state.output.count >= suffix.count, Array(state.output.suffix(suffix.count)) == suffix else { return nil }
      defer { state.output = [] }
      return state.output
    }
    guard let found else { throw TimedOut(got: text()) }
    return String(decoding: found, as: UTF8.self)
  }

  /// What is there now.
  func text() -> String { pipe.state.withLock { String(decoding: $0.output, as: UTF8.self) } }

  /// Waits until everything sent has been answered, then returns what is there.
  func ask(_ text: String) throws -> JSON {
    send(text)
    return try reply()
  }

  func error(_ text: String) throws -> String {
    let reply = try ask(text)
    return reply["error"]?["desc"]?.string ?? reply.text
  }
}

/// A folder that goes away with the test.
final class Folder {
  let path: BytePath
  init() throws { path = try BytePath("/tmp/apus-monitor-").makeUniqueDirectory() }
  deinit {
    for entry in names { try? path.appending(BytePath(entry)).unlink() }
    try? path.removeDirectory()
  }
  func file(_ name: String) -> String { path.appending(BytePath(name)).description }
  /// What the folder holds, hidden files included.
  var names: [String] { ((try? path.directoryEntries()) ?? []).map(\.description) }
  func content(_ name: String) -> [UInt8]? {
    try? path.appending(BytePath(name)).contents()
  }
}
