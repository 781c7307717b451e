// SPDX-License-Identifier: Apache-2.0
import Chardev
import HostIO
import Testing

@Suite struct SocketChardevTests {
  private func server(_ path: BytePath, telnet: Bool = false) -> ChardevConfiguration {
    ChardevConfiguration(.socket(SocketConfiguration(.unix(path), isServer: true, waits: false, isTelnet: telnet)))
  }

  @Test func `a unix server takes one client after the other`() throws {
    let folder = try TemporaryDirectory()
    let running = try RunningLoop()
    let chardev = try Chardev.open(id: "c", configuration: server(folder("s")), loop: running.loop)
    #expect(chardev.filename == "disconnected:unix:\(folder("s")),server=on")
    let recorder = Recorder()
    let port = try chardev.attach(recorder.frontEnd())
    #expect(port.write(Array("lost".utf8)) == 0)

    let first = try Socket.connect(to: .unix(folder("s")))
    #expect(recorder.waits(forEvents: [.opened]))
    #expect(chardev.filename == "unix:\(folder("s")),server=on")
    let second = try Socket.connect(to: .unix(folder("s")))
    try second.writeAll("two")
    try first.writeAll("one")
    #expect(recorder.waits(forText: "one"))
    port.write(Array("hi".utf8))
    #expect(try readText(2, from: first) == "hi")
    try first.close()
    #expect(recorder.waits(forText: "onetwo"))
    #expect(recorder.events == [.opened, .closed, .opened])
    try second.close()
    #expect(recorder.waits(forEvents: [.opened, .closed, .opened, .closed]))
    #expect(chardev.filename.hasPrefix("disconnected:"))
    chardev.close()
    #expect(!folder("s").exists)
  }

  @Test func `a client that leaves early is still heard, and its place is free at once`() throws {
    let folder = try TemporaryDirectory()
    let running = try RunningLoop()
    let chardev = try Chardev.open(id: "c", configuration: server(folder("s")), loop: running.loop)
    defer { chardev.close() }
    let recorder = Recorder()
    let port = try chardev.attach(recorder.frontEnd(room: 0))
    let first = try Socket.connect(to: .unix(folder("s")))
    try first.writeAll("left behind,")
    try first.close()
    let second = try Socket.connect(to: .unix(folder("s")))
    try second.writeAll("second")
    #expect(recorder.waits(forEvents: [.opened, .closed, .opened]))
    #expect(recorder.text.isEmpty)
    recorder.record.update { $0.room = 6 }
    port.acceptInput()
    #expect(recorder.waits(forText: "left b"))
    recorder.record.update { $0.room = .max }
    port.acceptInput()
    #expect(recorder.waits(forText: "left behind,second"))
    try second.close()
  }

  @Test func `a front end is never given more than it takes`() throws {
    let running = try RunningLoop()
    let (near, far) = try FileDescriptor.socketPair()
    let configuration = ChardevConfiguration(.socket(SocketConfiguration(.descriptor(near))))
    let chardev = try Chardev.open(id: "c", configuration: configuration, loop: running.loop)
    defer { chardev.close() }
    #expect(chardev.filename == "unix:")
    let recorder = Recorder()
    let port = try chardev.attach(recorder.frontEnd(room: 1))
    try far.writeAll("abcdef")
    #expect(recorder.waits(forText: "a"))
    for expected in ["ab", "abc"] {
      recorder.record.update { $0.room = 1 }
      port.acceptInput()
      #expect(recorder.waits(forText: expected))
    }
    recorder.record.update { $0.room = 100 }
    port.acceptInput()
    #expect(recorder.waits(forText: "abcdef"))
    try far.close()
    #expect(recorder.waits(forEvents: [.opened, .closed]))
    #expect(chardev.filename == "disconnected:fd:\(near.rawValue)")
  }

  @Test func `descriptors arrive with a front end that wants them`() throws {
    let running = try RunningLoop()
    let (near, far) = try FileDescriptor.socketPair()
    let configuration = ChardevConfiguration(.socket(SocketConfiguration(.descriptor(near))))
    let chardev = try Chardev.open(id: "c", configuration: configuration, loop: running.loop)
    defer { chardev.close() }
    let recorder = Recorder()
    _ = try chardev.attach(recorder.frontEnd())
    let memory = try FileDescriptor.memoryFile(named: "passed")
    _ = try Socket.send(Array("x".utf8), descriptors: [memory], to: far)
    #expect(recorder.waits(forText: "x"))
    let got = recorder.record.withLock { $0.descriptors }
    #expect(got.count == 1)
    for descriptor in got + [memory, far] { descriptor.closeIgnoringErrors() }
  }

  @Test func `a client that never reads costs a bounded amount and is counted`() throws {
    let running = try RunningLoop()
    let (near, far) = try FileDescriptor.socketPair()
    let configuration = ChardevConfiguration(.socket(SocketConfiguration(.descriptor(near))))
    let chardev = try Chardev.open(id: "c", configuration: configuration, loop: running.loop)
    defer { chardev.close() }
    let port = try chardev.attach(Recorder().frontEnd())
    let block = [UInt8](repeating: 0x41, count: 65536)
    let start = HostClock.monotonicNanoseconds
    for _ in 0..<160 { port.write(block) }
    // One pause until the reader counts as stopped; the writes after it return at once.
    #expect(HostClock.monotonicNanoseconds - start < 5_000_000_000)
    #expect(port.queuedByteCount <= 1 << 20)
    #expect(chardev.droppedByteCount > 8 << 20)
    far.closeIgnoringErrors()
  }

  @Test func `a slow reader loses nothing`() throws {
    let running = try RunningLoop()
    let (near, far) = try FileDescriptor.socketPair()
    let configuration = ChardevConfiguration(.socket(SocketConfiguration(.descriptor(near))))
    let chardev = try Chardev.open(id: "c", configuration: configuration, loop: running.loop)
    let port = try chardev.attach(Recorder().frontEnd())
    let bytes = (0..<4_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let writer = try Thread(name: "writer") {
      var rest = bytes[...]
      var size = 1
      while !rest.isEmpty {
        port.write(Array(rest.prefix(size)))
        rest = rest.dropFirst(size)
        size = size % 5000 + 37
      }
      chardev.flush(nanoseconds: patience)
      chardev.close()
    }
    #expect(try read(bytes.count, from: far) == bytes)
    writer.join()
    #expect(chardev.droppedByteCount == 0)
    far.closeIgnoringErrors()
  }

  @Test func `a monitor learns how much waits, loses nothing, and hears when it has gone`() throws {
    let running = try RunningLoop()
    let (near, far) = try FileDescriptor.socketPair()
    let configuration = ChardevConfiguration(.socket(SocketConfiguration(.descriptor(near))))
    let chardev = try Chardev.open(id: "c", configuration: configuration, loop: running.loop)
    defer { chardev.close() }
    let recorder = Recorder()
    let port = try chardev.attach(recorder.frontEnd(.complete))
    let block = [UInt8](repeating: 0x42, count: 1_000_000)
    let waiting = running.loop.sync {
      port.write(block)
      port.write(block)
      return port.write(block)
    }
    #expect(waiting > 2_000_000)
    recorder.record.update { $0.drained = 0 }
    #expect(try read(3_000_000, from: far).count == 3_000_000)
    #expect(recorder.record.wait(nanoseconds: patience) { $0.drained > 0 ? true : nil } == true)
    #expect(port.queuedByteCount == 0)
    far.closeIgnoringErrors()
  }

  @Test func `flushing on the loop sends by itself and gives up in time`() throws {
    let running = try RunningLoop()
    let (near, far) = try FileDescriptor.socketPair()
    let configuration = ChardevConfiguration(.socket(SocketConfiguration(.descriptor(near))))
    let chardev = try Chardev.open(id: "c", configuration: configuration, loop: running.loop)
    defer { chardev.close() }
    let flushed = running.loop.sync { () -> [Bool] in
      chardev.write(Array("short".utf8), .complete)
      let short = chardev.flush(nanoseconds: patience)
      chardev.write([UInt8](repeating: 1, count: 1_000_000), .complete)
      return [short, chardev.flush(nanoseconds: 1_000_000)]
    }
    #expect(flushed == [true, false])
    #expect(try read(1_000_005, from: far).count == 1_000_005)
    far.closeIgnoringErrors()
  }

  @Test func `telnet negotiates, unescapes and passes the break`() throws {
    let folder = try TemporaryDirectory()
    let running = try RunningLoop()
    let chardev = try Chardev.open(id: "c", configuration: server(folder("s"), telnet: true), loop: running.loop)
    defer { chardev.close() }
    let recorder = Recorder()
    let port = try chardev.attach(recorder.frontEnd())
    let client = try Socket.connect(to: .unix(folder("s")))
    #expect(try read(12, from: client) == [255, 251, 1, 255, 251, 3, 255, 251, 0, 255, 253, 0])
    // Split in the middle of a command: the parser keeps its place.
    try client.writeAll([0x61, 255])
    #expect(recorder.waits(forText: "a"))
    try client.writeAll([253, 3, 255, 250, 24, 255, 255, 0, 255, 240, 0x62, 255, 243, 255, 241, 0x63])
    #expect(recorder.waits(forText: "abc"))
    #expect(recorder.events == [.opened, .serialBreak])
    try client.writeAll([255, 255])
    #expect(recorder.record.wait(nanoseconds: patience) { $0.bytes.last == 255 ? true : nil } == true)
    port.write([1, 255, 2])
    #expect(try read(4, from: client) == [1, 255, 255, 2])
    try client.close()
  }

  @Test func `a TCP server names both ends`() throws {
    let running = try RunningLoop()
    let configuration = ChardevConfiguration(
      .socket(SocketConfiguration(.tcp(host: "127.0.0.1", port: "0"), isServer: true, waits: false)))
    let chardev = try Chardev.open(id: "c", configuration: configuration, loop: running.loop)
    defer { chardev.close() }
    let name = chardev.filename
    #expect(name.hasPrefix("disconnected:tcp:127.0.0.1:") && name.hasSuffix(",server=on"))
    let number = try #require(name.split(separator: ":").last?.split(separator: ",").first)
    let recorder = Recorder()
    _ = try chardev.attach(recorder.frontEnd())
    let client = try Socket.connect(to: .tcp(host: "127.0.0.1", port: String(number)))
    #expect(recorder.waits(forEvents: [.opened]))
    guard case .tcp(_, let peer, _) = Socket.localEndpoint(of: client) else { return }
    #expect(chardev.filename == "tcp:127.0.0.1:\(number),server=on <-> 127.0.0.1:\(peer)")
    try client.close()
  }

  @Test func `a waiting server says so and returns with its client`() throws {
    let folder = try TemporaryDirectory()
    let running = try RunningLoop()
    let recorded = RecordedHost()
    let configuration = ChardevConfiguration(.socket(SocketConfiguration(.unix(folder("s")), isServer: true)))
    let name = folder("s")
    let (reports, client) = (recorded.reports, Guarded<FileDescriptor?>(nil))
    let thread = try Thread(name: "client") {
      _ = reports.wait(nanoseconds: patience) { $0.isEmpty ? nil : true }
      let socket = try? Socket.connect(to: .unix(name))
      client.update { $0 = socket }
    }
    let chardev = try Chardev.open(id: "c", configuration: configuration, loop: running.loop, host: recorded.host)
    thread.join()
    #expect(
      recorded.reports.withLock { $0 } == ["info: QEMU waiting for connection on: disconnected:unix:\(name),server=on"])
    let recorder = Recorder()
    _ = try chardev.attach(recorder.frontEnd())
    #expect(recorder.waits(forEvents: [.opened]))
    client.withLock { $0?.closeIgnoringErrors() }
    #expect(recorder.waits(forEvents: [.opened, .closed]))
    chardev.close()
  }

  @Test func `a reconnecting client complains once and finds its server later`() throws {
    let folder = try TemporaryDirectory()
    let running = try RunningLoop()
    let recorded = RecordedHost()
    let configuration = ChardevConfiguration(.socket(SocketConfiguration(.unix(folder("s")), reconnectSeconds: 1)))
    let chardev = try Chardev.open(id: "c", configuration: configuration, loop: running.loop, host: recorded.host)
    defer { chardev.close() }
    let recorder = Recorder()
    _ = try chardev.attach(recorder.frontEnd())
    #expect(recorded.reports.wait(nanoseconds: patience) { $0.isEmpty ? nil : true } == true)
    #expect(chardev.filename == "disconnected:unix:\(folder("s"))")
    let listener = try Socket.listen(on: .unix(folder("s")))
    #expect(recorder.waits(forEvents: [.opened]))
    #expect(
      recorded.reports.withLock { $0 } == [
        "Unable to connect character device c: Failed to connect to '\(folder("s"))': No such file or directory"
      ])
    try listener.close()
  }

  @Test func `a listening descriptor serves`() throws {
    let folder = try TemporaryDirectory()
    let running = try RunningLoop()
    let listener = try Socket.listen(on: .unix(folder("s")))
    let configuration = ChardevConfiguration(
      .socket(SocketConfiguration(.descriptor(listener), isServer: true, waits: false)))
    let chardev = try Chardev.open(id: "c", configuration: configuration, loop: running.loop)
    defer { chardev.close() }
    #expect(chardev.filename == "disconnected:unix:\(folder("s")),server=on")
    let recorder = Recorder()
    _ = try chardev.attach(recorder.frontEnd())
    let client = try Socket.connect(to: .unix(folder("s")))
    try client.writeAll("x")
    #expect(recorder.waits(forText: "x"))
    try client.close()
  }
}
