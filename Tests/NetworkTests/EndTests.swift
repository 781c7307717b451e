// SPDX-License-Identifier: Apache-2.0
import HostIO
import Network
import Testing

/// Rules and queues of guest forwarding, and ends of wires by their names.
struct EndTests {
  private func backend(_ text: String) throws -> NetworkConfiguration.Backend {
    var fields = NetworkFields(parsing: text)
    let type = fields.take("type") ?? ""
    let backend = try NetworkConfiguration.backend(type: type, &fields)
    try fields.finish()
    return backend
  }

  @Test func `a rule leads to a command or to a device`() throws {
    guard
      case .user(let user) = try backend(
        "user,guestfwd=tcp:10.0.2.9:80-cmd:cat -,guestfwd=tcp::81-unix:/x-y,guestfwd=tcp::82-chardev:c")
    else {
      Issue.record("no user network")
      return
    }
    #expect(user.guestForwards.map(\.target) == [.command("cat -"), .device("unix:/x-y"), .device("chardev:c")])
    #expect(user.guestForwards.map(\.label) == ["guestfwd.tcp.80", "guestfwd.tcp.81", "guestfwd.tcp.82"])
    #expect(user.guestForwards.map(\.hasOwnDevice) == [false, true, false])
  }

  @Test func `a stream's end has a name in no folder, or a range of ports`() throws {
    guard
      case .stream(let abstract) = try backend(
        "stream,server=on,addr.type=unix,addr.path=x,addr.abstract=on,addr.tight=off"),
      case .stream(let range) = try backend(
        "stream,server=on,addr.type=inet,addr.host=127.0.0.1,addr.port=1,addr.to=65535")
    else {
      Issue.record("no streams")
      return
    }
    #expect(abstract.end == .listen(.abstract(AbstractName("x", isTight: false))))
    #expect(range.lastPort == 65535)
    for to in ["-1", "65536", "99999999999999999999", "x"] {
      #expect(throws: NetworkError.self) {
        try backend("stream,server=on,addr.type=inet,addr.host=127.0.0.1,addr.port=1,addr.to=\(to)")
      }
    }
  }

  @Test func `the first free port of a range is taken`() throws {
    let first = try Socket.listen(on: .tcp(host: "127.0.0.1", port: "0"))
    defer { first.closeIgnoringErrors() }
    guard case .tcp(_, let taken, _) = Socket.localEndpoint(of: first) else { return }
    let address = SocketAddress.tcp(host: "127.0.0.1", port: String(taken))
    #expect(throws: SocketError.bind(.addressInUse)) { try Socket.listen(on: address, upTo: taken) }
    #expect(throws: SocketError.noPorts) { try Socket.listen(on: address, upTo: taken - 1) }
  }

  @Test("abstract names of every length are found again", arguments: [40, 106, 107], [true, false])
  func abstract(_ count: Int, _ isTight: Bool) throws {
    let start = "apus-\(HostProcess.processID)-\(isTight)"
    let text = start + String(repeating: "x", count: count - start.utf8.count)
    let name = AbstractName(BytePath(text), isTight: isTight)
    let listener = try Socket.listen(on: .abstract(name))
    defer { listener.closeIgnoringErrors() }
    let client = try Socket.connect(to: .abstract(name))
    defer { client.closeIgnoringErrors() }
    guard case .abstract(let found) = Socket.localEndpoint(of: listener) else {
      Issue.record("no abstract name")
      return
    }
    #expect(found.bytes == name.bytes)
    let tooLong = String(repeating: "x", count: 108)
    #expect(throws: SocketError.pathTooLong(BytePath(tooLong))) {
      try Socket.listen(on: .abstract(AbstractName(BytePath(tooLong))))
    }
  }
}
