// SPDX-License-Identifier: Apache-2.0
import Chardev
import HostIO
import Testing

@Suite struct BackendTests {
  @Test func `a file gets every byte in order`() throws {
    let folder = try TemporaryDirectory()
    let running = try RunningLoop()
    let configuration = ChardevConfiguration(.file(path: folder("f"), append: false))
    let chardev = try Chardev.open(id: "c", configuration: configuration, loop: running.loop)
    let port = try chardev.attach(Recorder().frontEnd())
    var expected: [UInt8] = []
    for number in 0..<100_000 {
      let byte = UInt8(truncatingIfNeeded: number)
      expected.append(byte)
      port.write([byte])
    }
    #expect(chardev.flush(nanoseconds: patience))
    #expect(try folder("f").contents() == expected)
    #expect(chardev.filename == "file")
    chardev.close()
  }

  @Test(arguments: [(false, "new"), (true, "oldnew")])
  func `a file is truncated unless it is continued, and so is a log`(_ append: Bool, _ expected: String) throws {
    let folder = try TemporaryDirectory()
    let running = try RunningLoop()
    for name in ["f", "log"] { try AtomicFile.write(Array("old".utf8), to: folder(name)) }
    let configuration = ChardevConfiguration(
      .file(path: folder("f"), append: append), logFile: folder("log"), logAppends: append)
    let chardev = try Chardev.open(id: "c", configuration: configuration, loop: running.loop)
    chardev.write(Array("new".utf8))
    #expect(chardev.flush(nanoseconds: patience))
    for name in ["f", "log"] {
      #expect(String(decoding: try folder(name).contents(), as: UTF8.self) == expected)
    }
    chardev.close()
  }

  @Test func `closing a file loses nothing that was written`() throws {
    let folder = try TemporaryDirectory()
    let running = try RunningLoop()
    let configuration = ChardevConfiguration(.file(path: folder("f"), append: false))
    let chardev = try Chardev.open(id: "c", configuration: configuration, loop: running.loop)
    let bytes = [UInt8](repeating: 5, count: 900_000)
    chardev.write(bytes)
    chardev.close()
    let name = folder("f")
    #expect(eventually { (try? name.status().byteCount) == 900_000 })
  }

  @Test func `a stalled file holds the writer but never the loop`() throws {
    let folder = try TemporaryDirectory()
    let running = try RunningLoop()
    try folder("fifo").makeFIFO()
    let reader = try FileDescriptor.open(folder("fifo"), .readWrite)
    let configuration = ChardevConfiguration(.file(path: folder("fifo"), append: false))
    let chardev = try Chardev.open(id: "c", configuration: configuration, loop: running.loop)
    let done = Guarded(false)
    let writer = try Thread(name: "writer") {
      for _ in 0..<40 { chardev.write([UInt8](repeating: 1, count: 65536)) }
      done.update { $0 = true }
    }
    #expect(eventually { chardev.queuedByteCount >= 1 << 20 })
    running.loop.sync { _ = chardev.write([2]) }
    #expect(!done.withLock { $0 })
    #expect(!chardev.flush(nanoseconds: 1_000_000))
    let all = try read(40 * 65536 + 1, from: reader)
    writer.join()
    #expect(all.count == 40 * 65536 + 1)
    #expect(all.count { $0 == 2 } == 1)
    chardev.close()
    try reader.close()
  }

  @Test func `null swallows and a second front end is refused`() throws {
    let running = try RunningLoop()
    let chardev = try Chardev.open(id: "c", configuration: ChardevConfiguration(.null), loop: running.loop)
    #expect(!chardev.isFrontEndOpen)
    let recorder = Recorder()
    let port = try chardev.attach(recorder.frontEnd())
    #expect(chardev.isFrontEndOpen)
    #expect(recorder.waits(forEvents: [.opened]))
    #expect(port.write([1, 2, 3]) == 0)
    #expect(throws: ChardevError.inUse("c")) { try chardev.attach(Recorder().frontEnd()) }
    port.detach()
    _ = try chardev.attach(Recorder().frontEnd())
  }

  @Test func `a ring buffer keeps the newest bytes`() throws {
    let running = try RunningLoop()
    let configuration = ChardevConfiguration(.ringBuffer(byteCount: 8, name: "ringbuf"))
    let chardev = try Chardev.open(id: "r", configuration: configuration, loop: running.loop)
    #expect(try chardev.readRing(upTo: 5).isEmpty)
    chardev.write(Array("abc".utf8))
    #expect(try chardev.readRing(upTo: 2) == Array("ab".utf8))
    chardev.write(Array("defghijk".utf8))
    #expect(try chardev.readRing(upTo: -1).isEmpty)
    #expect(try chardev.readRing(upTo: 3) == Array("def".utf8))
    chardev.write(Array("0123456789ABCDEF".utf8))
    #expect(try chardev.readRing(upTo: .max) == Array("89ABCDEF".utf8))
    let null = try Chardev.open(id: "n", configuration: ChardevConfiguration(.null), loop: running.loop)
    #expect(throws: ChardevError.notARingBuffer("n")) { try null.readRing(upTo: 1) }
  }

  @Test(arguments: [0, -8, 1000, Int.max, Int.min, 1 << 40])
  func `a ring buffer of an odd size is refused`(_ byteCount: Int) throws {
    let running = try RunningLoop()
    #expect(throws: ChardevError.ringBufferSize) {
      try Chardev.open(
        id: "r", configuration: ChardevConfiguration(.ringBuffer(byteCount: byteCount, name: "ringbuf")),
        loop: running.loop)
    }
  }

  @Test func `a pair of FIFOs works both ways`() throws {
    let folder = try TemporaryDirectory()
    let running = try RunningLoop()
    try folder("p.in").makeFIFO()
    try folder("p.out").makeFIFO()
    let chardev = try Chardev.open(
      id: "c", configuration: ChardevConfiguration(.pipe(path: folder("p"))), loop: running.loop)
    let recorder = Recorder()
    let port = try chardev.attach(recorder.frontEnd())
    let input = try FileDescriptor.open(folder("p.in"), .writeOnly)
    let output = try FileDescriptor.open(folder("p.out"), .readOnly)
    try input.writeAll("to guest")
    #expect(recorder.waits(forText: "to guest"))
    try input.close()
    let bytes = [UInt8](repeating: 9, count: 300_000)
    let writer = try Thread(name: "writer") { port.write(bytes) }
    #expect(try read(300_000, from: output) == bytes)
    writer.join()
    #expect(recorder.events == [.opened])
    chardev.close()
    try output.close()
  }

  @Test func `a pseudo-terminal tells when it is opened and left`() throws {
    let running = try RunningLoop()
    let chardev = try Chardev.open(id: "serial0", configuration: ChardevConfiguration(.pty), loop: running.loop)
    defer { chardev.close() }
    let name = try #require(chardev.pseudoTerminal)
    #expect(chardev.filename == "pty:\(name)")
    #expect(chardev.announcement == "char device redirected to \(name) (label serial0)")
    let recorder = Recorder()
    let port = try chardev.attach(recorder.frontEnd())
    #expect(port.write(Array("nobody".utf8)) == 0)
    let slave = try FileDescriptor.open(name, .readWrite, .noControllingTerminal)
    #expect(recorder.waits(forEvents: [.opened]))
    port.write(Array("hello\n".utf8))
    #expect(try readText(6, from: slave) == "hello\n")
    try slave.writeAll("in\r")
    #expect(recorder.waits(forText: "in\r"))
    try slave.close()
    #expect(recorder.waits(forEvents: [.opened, .closed]))
    let again = try FileDescriptor.open(name, .readWrite, .noControllingTerminal)
    #expect(recorder.waits(forEvents: [.opened, .closed, .opened]))
    try again.close()
  }

  @Test func `the table refuses duplicates and the removal of what is used`() throws {
    let running = try RunningLoop()
    let table = ChardevTable(loop: running.loop)
    try table.open(id: "a", ChardevConfiguration(.null))
    try table.open(id: "m", ChardevConfiguration(.null, isMultiplexed: true))
    #expect(table.all.map(\.id) == ["a", "m-base", "m"])
    #expect(table.all.map(\.filename) == ["null", "null", "mux"])
    #expect(table.all.map(\.isFrontEndOpen) == [false, true, true])
    #expect(throws: ChardevError.duplicate("a")) { try table.open(id: "a", ChardevConfiguration(.null)) }
    #expect(throws: ChardevError.busy("m-base")) { try table.remove(id: "m-base") }
    #expect(throws: ChardevError.notFound("z")) { try table.remove(id: "z") }
    try table.remove(id: "a")
    #expect(table["a"] == nil)
    table.closeAll()
    #expect(table.all.isEmpty)
  }

  @Test func `what cannot be opened is told in the words scripts know`() throws {
    let running = try RunningLoop()
    let long = BytePath("/tmp/" + String(repeating: "a", count: 120))
    let listener = try Socket.listen(on: .tcp(host: "127.0.0.1", port: "0"))
    defer { listener.closeIgnoringErrors() }
    guard case .tcp(_, let port, _) = Socket.localEndpoint(of: listener) else { return }
    let taken = SocketConfiguration.Address.tcp(host: "127.0.0.1", port: "\(port)")
    let nowhere = SocketConfiguration.Address.unix("/nonexistent/s")
    let cases: [(ChardevConfiguration, String)] = [
      (
        .init(.file(path: "/nonexistent/x", append: false)),
        "Could not open '/nonexistent/x': No such file or directory"
      ),
      (.init(.file(path: "/tmp", append: true)), "Could not open '/tmp': Is a directory"),
      (.init(.null, logFile: "/nonexistent/l"), "Could not create '/nonexistent/l': No such file or directory"),
      (.init(.pipe(path: "/nonexistent/p")), "Could not open '/nonexistent/p': No such file or directory"),
      (.init(.ringBuffer(byteCount: 1000, name: "ringbuf")), "size of ringbuf chardev must be power of two"),
      (.init(.socket(.init(nowhere))), "Failed to connect to '/nonexistent/s': No such file or directory"),
      (
        .init(.socket(.init(nowhere, isServer: true))),
        "Failed to bind socket to /nonexistent/s: No such file or directory"
      ),
      (.init(.socket(.init(.unix("/tmp"), isServer: true))), "Failed to unlink socket /tmp: Is a directory"),
      (.init(.socket(.init(.unix(long)))), "UNIX socket path '\(long)' is too long"),
      (.init(.socket(.init(taken, isServer: true))), "Failed to find an available port: Address already in use"),
      (
        .init(.socket(.init(.tcp(host: "192.0.2.1", port: "1"), isServer: true))),
        "Failed to bind socket: Cannot assign requested address"
      ),
      (
        .init(.socket(.init(.tcp(host: "127.0.0.1", port: "1")))),
        "Failed to connect to '127.0.0.1:1': Connection refused"
      ),
      (.init(.socket(.init(.descriptor(.init(rawValue: 1234567))))), "File descriptor '1234567' is not a socket"),
      (
        .init(.socket(.init(.descriptor(.init(rawValue: 1234567)), isServer: true))),
        "File descriptor '1234567' is not a socket"
      ),
      (
        .init(.socket(.init(nowhere, isServer: true, reconnectSeconds: 1))),
        "'reconnect' option is incompatible with socket in server listen mode"
      ),
      (
        .init(.socket(.init(nowhere, waits: false))),
        "'wait' option is incompatible with socket in client connect mode"
      ),
    ]
    for (configuration, sentence) in cases {
      do throws(ChardevError) {
        _ = try Chardev.open(id: "c", configuration: configuration, loop: running.loop)
        Issue.record("opened, but expected: \(sentence)")
      } catch {
        #expect(error.description == sentence)
      }
    }
    #expect(ChardevError.socket(.pathTooLong(long), .unix(long)).hint == "Path must be less than 108 bytes")
  }
}
