// SPDX-License-Identifier: Apache-2.0
import Chardev
import HostIO
import Monitor
import QAPI
import Testing

/// Monitors on real sockets.
struct SocketTests {
  private final class Server {
    let bench: Bench
    let folder: Folder
    let chardev: Chardev
    let path: BytePath

    init(isHuman: Bool = false) throws {
      bench = try Bench()
      folder = try Folder()
      path = folder.path.appending("monitor")
      let socket = SocketConfiguration(.unix(path), isServer: true, waits: false)
      chardev = try Chardev.open(id: "compat_monitor0", configuration: .init(.socket(socket)), loop: bench.loop)
      if isHuman { try bench.hub.attachHMP(to: chardev) } else { try bench.hub.attachQMP(to: chardev) }
    }

    deinit { chardev.close() }

    func connect() throws -> FileDescriptor { try Socket.connect(to: .unix(path)) }
  }

  /// Reads until `end` comes.
  private func read(_ socket: FileDescriptor, until end: String) throws -> String {
    var bytes: [UInt8] = []
    while !bytes.suffix(end.utf8.count).elementsEqual(end.utf8) {
      guard try socket.wait(for: .readable, milliseconds: 10_000) != [] else {
        throw TimedOut(got: String(decoding: bytes, as: UTF8.self))
      }
      let part = try socket.read(upTo: 65536)
      if part.isEmpty { break }
      bytes += part
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func `a client on a unix socket is greeted, served and followed by the next`() throws {
    let server = try Server()
    for _ in 0..<3 {
      let socket = try server.connect()
      #expect(try read(socket, until: "\r\n") == QMPSessionTests.greeting + "\r\n")
      try socket.writeAll(#"{"execute":"qmp_capabilities"}{"execute":"query-name","id":1}"#)
      let replies = "{\"return\": {}}\r\n{\"return\": {\"name\": \"fake\"}, \"id\": 1}\r\n"
      #expect(try read(socket, until: "\"id\": 1}\r\n") == replies)
      socket.closeIgnoringErrors()
    }
  }

  @Test func `a client that never reads costs little and hinders nobody`() throws {
    let server = try Server()
    let socket = try server.connect()
    _ = try read(socket, until: "\r\n")
    try socket.setNonBlocking(true)
    try socket.writeAll(#"{"execute":"qmp_capabilities"}"#)
    let question = Array(String(repeating: #"{"execute":"query-block"}"#, count: 1000).utf8)
    var sent = 0
    // Until the socket is full in both directions.
    while try socket.wait(for: .writable, milliseconds: 500) != [] { sent += (try? socket.write(question)) ?? 0 }
    #expect(sent < 4 << 20)
    #expect(server.chardev.queuedByteCount < 256 << 10)
    #expect(try server.bench.negotiated().ask(#"{"execute":"query-name"}"#) == ["return": ["name": "fake"]])
    // Once it reads again, all that was asked is answered.
    try socket.setNonBlocking(false)
    var got = 0
    while try socket.wait(for: .readable, milliseconds: 500) != [] { got += try socket.read(upTo: 1 << 20).count }
    let answer = try server.bench.negotiated().ask(#"{"execute":"query-block"}"#).text.utf8.count + 2
    #expect(got / answer >= sent / question.count * 1000)
    socket.closeIgnoringErrors()
  }

  @Test func `the human monitor greets and answers on a socket`() throws {
    let server = try Server(isHuman: true)
    let socket = try server.connect()
    #expect(try read(socket, until: "(qemu) ") == HMPSessionTests.greeting)
    try socket.writeAll("info name\n")
    #expect(try read(socket, until: "(qemu) ") == HMPSessionTests.echo("info name") + "\r\nfake\r\n(qemu) ")
    socket.closeIgnoringErrors()
  }

  @Test func `a query takes less than a millisecond`() throws {
    let server = try Server()
    let socket = try server.connect()
    _ = try read(socket, until: "\r\n")
    try socket.writeAll(#"{"execute":"qmp_capabilities"}"#)
    _ = try read(socket, until: "\r\n")
    var times: [UInt64] = []
    for _ in 0..<500 {
      let start = HostClock.monotonicNanoseconds
      try socket.writeAll(#"{"execute":"query-status"}"#)
      _ = try read(socket, until: "\r\n")
      times.append(HostClock.monotonicNanoseconds - start)
    }
    #expect(times.sorted()[250] < 1_000_000)
  }
}
