// SPDX-License-Identifier: Apache-2.0
import HostIO
import Testing

@Suite struct SocketTests {
  @Test(arguments: ["127.0.0.1", "localhost", ""])
  func `a TCP client reaches a server on a port the kernel picked`(_ host: String) throws {
    let listener = try Socket.listen(on: .tcp(host: host, port: "0", family: .ipv4))
    defer { listener.closeIgnoringErrors() }
    guard case .tcp(_, let port, false) = Socket.localEndpoint(of: listener) else {
      Issue.record("no IPv4 port")
      return
    }
    #expect(port != 0)
    #expect(try Socket.isListening(listener))
    let client = try Socket.connect(to: .tcp(host: host, port: String(port), family: .ipv4))
    let server = try #require(try Socket.accept(from: listener))
    Socket.setNoDelay(client, true)
    try client.writeAll("ping")
    #expect(try server.read(upTo: 10) == Array("ping".utf8))
    #expect(Socket.remoteEndpoint(of: server) == Socket.localEndpoint(of: client))
    client.closeIgnoringErrors()
    server.closeIgnoringErrors()
  }

  @Test func `descriptors travel over a unix socket`() throws {
    let folder = try TemporaryDirectory()
    let listener = try Socket.listen(on: .unix(folder("s")))
    let client = try Socket.connect(to: .unix(folder("s")))
    let server = try #require(try Socket.accept(from: listener))
    let memory = try FileDescriptor.memoryFile(named: "passed")
    try memory.writeAll("content")
    #expect(try Socket.send([1, 2], descriptors: [memory, memory], to: client) == 2)
    let got = try Socket.receive(from: server, upTo: 100)
    #expect(got.bytes == [1, 2])
    #expect(got.descriptors.count == 2)
    #expect(try got.descriptors.first?.read(upTo: 100, at: 0) == Array("content".utf8))
    for descriptor in got.descriptors + [memory, client, server, listener] { descriptor.closeIgnoringErrors() }
  }

  @Test func `more descriptors than one message may carry are not leaked`() throws {
    let (one, other) = try FileDescriptor.socketPair()
    let many = [FileDescriptor](repeating: one, count: 40)
    #expect(try Socket.send([1], descriptors: many, to: one) == 1)
    let got = try Socket.receive(from: other, upTo: 1)
    #expect(got.descriptors.count == 16)
    for descriptor in got.descriptors + [one, other] { descriptor.closeIgnoringErrors() }
    #expect(throws: Errno.badFileDescriptor) { try Socket.send([1], descriptors: many, to: one) }
  }

  @Test func `each failing step is told`() throws {
    let folder = try TemporaryDirectory()
    let long = BytePath(String(repeating: "x", count: 108))
    #expect(throws: SocketError.connect(.noSuchFile)) { try Socket.connect(to: .unix(folder("none"))) }
    #expect(throws: SocketError.pathTooLong(long)) { try Socket.listen(on: .unix(long)) }
    #expect(throws: SocketError.unlink(.isADirectory)) { try Socket.listen(on: .unix(folder.path)) }
    #expect(throws: SocketError.bind(.noSuchFile)) { try Socket.listen(on: .unix("/nonexistent/s")) }
    #expect(throws: SocketError.bind(.addressNotAvailable)) {
      try Socket.listen(on: .tcp(host: "192.0.2.1", port: "0"))
    }
    let listener = try Socket.listen(on: .tcp(host: "127.0.0.1", port: "0"))
    guard case .tcp(_, let port, _) = Socket.localEndpoint(of: listener) else { return }
    #expect(throws: SocketError.bind(.addressInUse)) {
      try Socket.listen(on: .tcp(host: "127.0.0.1", port: String(port)))
    }
    try listener.close()
    #expect(throws: SocketError.connect(.connectionRefused)) {
      try Socket.connect(to: .tcp(host: "127.0.0.1", port: String(port)))
    }
    #expect(throws: SocketError.self) { try Socket.connect(to: .tcp(host: "127.0.0.1", port: "no-such-service")) }
    #expect(throws: Errno.notASocket) {
      let null = try FileDescriptor.open("/dev/null", .readOnly)
      defer { null.closeIgnoringErrors() }
      _ = try Socket.isListening(null)
    }
  }

  @Test func `an old socket file does not hinder a new server`() throws {
    let folder = try TemporaryDirectory()
    try Socket.listen(on: .unix(folder("s"))).close()
    #expect(folder("s").exists)
    let again = try Socket.listen(on: .unix(folder("s")))
    try Socket.connect(to: .unix(folder("s"))).close()
    try again.close()
  }

  @Test func `a pseudo-terminal carries bytes untouched both ways`() throws {
    let (master, name) = try Terminal.openPseudoTerminal()
    #expect(name.description.hasPrefix("/dev/pts/"))
    #expect(try master.wait(for: .readable, milliseconds: 0).contains(.hungUp))
    let slave = try FileDescriptor.open(name, .readWrite, .noControllingTerminal)
    #expect(Terminal.isTerminal(slave))
    try slave.writeAll("a\nb")
    #expect(try master.read(upTo: 10) == Array("a\nb".utf8))
    try master.writeAll("\u{3}\r")
    #expect(try slave.read(upTo: 10) == [3, 13])
    try slave.close()
    try master.close()
  }

  @Test func `the process knows itself`() throws {
    #expect(HostProcess.residentByteCount > 1 << 20)
    #expect(try HostProcess.executablePath().exists)
    #expect(HostProcess.name(ofProcess: HostProcess.processID)?.isEmpty == false)
    #expect(HostProcess.name(ofProcess: .max) == nil)
    #expect(HostProcess.arguments.count >= 1)
    #expect(HostProcess.environment("APUS_NO_SUCH_VARIABLE") == nil)
    #expect(HostProcess.environment("PATH") != nil)
  }
}
