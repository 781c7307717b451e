// SPDX-License-Identifier: Apache-2.0
import HostIO
import Network
import Platform
import Testing

/// Wires, hubs and back ends from the adapter's end.
struct WireTests {
  private final class Bench {
    let mailbox = Mailbox()
    let clock = VirtualClock()
    let table: NetworkTable

    init(isCounted: Bool = false) throws {
      let loop = try EventLoop()
      try loop.start()
      table = NetworkTable(
        NetworkHost(mailbox: mailbox, clock: clock, mirror: TimeMirror(), isCounted: isCounted, loop: loop))
      table.setRunning(true)
    }

    deinit { table.close() }

    func adapter(_ id: String, on port: NetworkPort?) -> Station {
      Station(table.addAdapter(model: "e1000", id: id, address: [2, 0, 0, 0, 0, 1], to: port))
    }

    func make(_ text: String) throws {
      var fields = NetworkFields(parsing: text)
      let (type, id) = (fields.take("type") ?? "", fields.take("id") ?? "")
      let backend = try NetworkConfiguration.backend(type: type, &fields)
      try fields.finish()
      try table.add(NetworkConfiguration(id: id, backend))
    }

    /// Serves the mailbox until something holds, for up to ten seconds.
    func wait(_ condition: () -> Bool) -> Bool {
      let end = HostClock.monotonicNanoseconds + 10_000_000_000
      while !condition() {
        if HostClock.monotonicNanoseconds > end { return false }
        mailbox.wait(atMost: 10_000_000)
        mailbox.drain()
      }
      return true
    }
  }

  private final class Station {
    let port: NetworkPort
    var frames: [[UInt8]] = []
    var isBusy = false

    init(_ port: NetworkPort) {
      self.port = port
      port.receive = { [unowned self] frame in
        if isBusy { return false }
        frames.append(frame)
        return true
      }
    }
  }

  private let frame =
    [UInt8](repeating: 0xff, count: 6) + [2, 0, 0, 0, 0, 1, 0x88, 0xb5] + [UInt8](repeating: 1, count: 46)

  /// A request for the address of the user network's router.
  private var question: [UInt8] {
    [UInt8](repeating: 0xff, count: 6) + [
      2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 2, 15,
    ]
      + [0, 0, 0, 0, 0, 0, 10, 0, 2, 2] + [UInt8](repeating: 0, count: 18)
  }

  @Test func `adapters announce themselves, with growing pauses`() throws {
    let bench = try Bench()
    try bench.make("hubport,id=h0,hubid=0")
    let one = bench.adapter("one", on: bench.table.find("h0"))
    let listener = bench.adapter("listener", on: bench.table.addHubPort(0))
    var asked = 0
    one.port.announce = { asked += 1 }
    bench.table.announce(.init(initial: 50, longest: 300, rounds: 5, step: 100, interfaces: ["one"]))
    var times: [Nanoseconds] = []
    for _ in 0..<2000 {
      let before = listener.frames.count
      bench.clock.advance(by: .millisecond)
      if listener.frames.count > before { times.append(bench.clock.now / .millisecond) }
    }
    #expect(times == [1, 50, 200, 450, 750])
    #expect(asked == 5)
    let address: [UInt8] = [2, 0, 0, 0, 0, 1]
    #expect(
      listener.frames[0] == [UInt8](repeating: 0xff, count: 6) + address + [0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3]
        + address + [0, 0, 0, 0] + address + [0, 0, 0, 0] + [UInt8](repeating: 0, count: 18))
    #expect(one.frames.isEmpty, "the listener was not named")
  }

  @Test func `announcements of one name replace each other, and none end them`() throws {
    let bench = try Bench()
    try bench.make("hubport,id=h0,hubid=0")
    let one = bench.adapter("one", on: bench.table.find("h0"))
    let listener = bench.adapter("listener", on: bench.table.addHubPort(0))
    bench.table.announce(.init(interfaces: ["one"]), name: "a")
    bench.table.announce(.init(rounds: 2, interfaces: ["one"]), name: "a")
    bench.clock.advance(by: 5 * .second)
    #expect(listener.frames.count == 2)
    bench.table.announce(.init(interfaces: ["one"]), name: "a")
    bench.clock.advance(by: .millisecond)
    bench.table.announce(.init(rounds: 0), name: "a")
    bench.clock.advance(by: 5 * .second)
    #expect(listener.frames.count == 3)
    bench.table.announce(.init(initial: .max, longest: .max, rounds: .max, step: .max, interfaces: ["one"]))
    bench.clock.advance(by: .second)
    #expect(listener.frames.count == 4)
    #expect(one.frames.isEmpty)
  }

  @Test func `a hub passes frames to all others, and keeps some for one that is busy`() throws {
    let bench = try Bench()
    let stations = (0..<3).map { bench.adapter("n\($0)", on: bench.table.addHubPort(0)) }
    stations[2].isBusy = true
    for _ in 0..<300 { #expect(stations[0].port.send(frame)) }
    #expect(stations[0].frames.isEmpty && stations[1].frames.count == 300 && stations[2].frames.isEmpty)
    stations[2].isBusy = false
    stations[2].port.becameReady()
    #expect(stations[2].frames.count == 256)
  }

  @Test func `a link that is down loses frames, and the adapter hears of it`() throws {
    let bench = try Bench()
    try bench.make("hubport,id=h0,hubid=0")
    let one = bench.adapter("one", on: bench.table.find("h0"))
    let two = bench.adapter("two", on: bench.table.addHubPort(0))
    var changes = 0
    two.port.linkDidChange = { changes += 1 }
    try bench.table.setLink("two", false)
    #expect(one.port.send(frame) && two.frames.isEmpty && changes == 1)
    try bench.table.setLink("two", true)
    #expect(one.port.send(frame) && two.frames.count == 1 && changes == 2)
  }

  @Test func `nothing is delivered while the guest stands still`() throws {
    let bench = try Bench()
    let one = bench.adapter("one", on: bench.table.addHubPort(0))
    let two = bench.adapter("two", on: bench.table.addHubPort(0))
    bench.table.setRunning(false)
    #expect(one.port.send(frame) && two.frames.isEmpty)
    bench.table.setRunning(true)
    #expect(two.frames.count == 1)
  }

  @Test func `the user network's router answers, at once or at a fixed virtual time`() throws {
    let bench = try Bench()
    try bench.make("user,id=u")
    let station = bench.adapter("n", on: bench.table.find("u"))
    #expect(station.port.send(question))
    #expect(bench.wait { !station.frames.isEmpty })
    #expect(station.frames.first.map { Array($0[12..<14]) + Array($0[20..<22]) } == [8, 6, 0, 2])

    let counted = try Bench(isCounted: true)
    try counted.make("user,id=u")
    let other = counted.adapter("n", on: counted.table.find("u"))
    #expect(other.port.send(question))
    counted.clock.advance(by: 99_999)
    #expect(other.frames.isEmpty)
    counted.clock.advance(by: 1)
    #expect(other.frames == station.frames)
  }

  /// An ICMP echo request to the router from a station that has asked for nobody's address.
  private let ping: [UInt8] =
    [0x52, 0x55, 10, 0, 2, 2, 2, 0, 0, 0, 0, 1, 8, 0]
    + [69, 0, 0, 46, 0, 1, 0, 0, 64, 1, 98, 190, 10, 0, 2, 15, 10, 0, 2, 2]
    + [8, 0, 139, 145, 0, 1, 0, 1] + [UInt8](repeating: 0x61, count: 18)

  @Test func `pings are answered in order, whoever has the stack`() throws {
    let bench = try Bench()
    try bench.make("user,id=u")
    let station = bench.adapter("n", on: bench.table.find("u"))
    #expect(station.port.send(question))
    #expect(bench.wait { !station.frames.isEmpty })
    for sequence in 1...400 {
      var ping = ping
      // The sum of the whole packet stays what it is.
      let sum = 0x8b92 - sequence
      (ping[36], ping[37]) = (UInt8(sum >> 8), UInt8(sum & 255))
      (ping[40], ping[41]) = (UInt8(sequence >> 8), UInt8(sequence & 255))
      #expect(station.port.send(ping))
      // Now and then the stack's thread is woken for something else, or has time to rest.
      if sequence % 50 == 0 { #expect(bench.table.userReport.contains("Protocol")) }
      if sequence % 40 == 0 { #expect(bench.wait { station.frames.count == sequence + 1 }) }
    }
    #expect(bench.wait { station.frames.count >= 401 })
    #expect(station.frames.dropFirst().map { Int($0[40]) << 8 | Int($0[41]) } == Array(1...400))
  }

  @Test func `what waits for a station's address goes when it is told`() throws {
    let bench = try Bench(isCounted: true)
    try bench.make("user,id=u")
    let station = bench.adapter("n", on: bench.table.find("u"))
    #expect(station.port.send(ping))
    bench.clock.advance(by: 100_000)
    // The router asks who 10.0.2.15 is before it can answer.
    #expect(station.frames.map { Array($0[12..<14]) + Array($0[20..<22]) } == [[8, 6, 0, 1]])
    var reply = question
    reply[21] = 2
    #expect(station.port.send(reply))
    bench.clock.advance(by: 100_000)
    #expect(station.frames.count == 2 && station.frames.last?[12...13] == [8, 0])
    #expect(station.frames.last?[34] == 0, "an echo reply")
  }

  @Test func `frames cross a socket and come out whole`() throws {
    let bench = try Bench()
    let listener = try Socket.listen(on: .tcp(host: "127.0.0.1", port: "0", family: .ipv4))
    guard case .tcp(_, let port, _) = Socket.localEndpoint(of: listener) else { return }
    try bench.make("socket,id=a,fd=\(listener.rawValue)")
    try bench.make("socket,id=b,connect=127.0.0.1:\(port)")
    let one = bench.adapter("one", on: bench.table.find("a"))
    let two = bench.adapter("two", on: bench.table.find("b"))
    #expect(
      bench.wait {
        _ = one.port.send(frame)
        return !two.frames.isEmpty
      })
    let before = two.frames.count
    let long = [UInt8](repeating: 3, count: 9000)
    #expect(one.port.send(long) && two.port.send(frame))
    #expect(bench.wait { two.frames.contains(long) && !one.frames.isEmpty })
    #expect(two.frames.count >= before + 1 && one.frames.contains(frame))
  }

  @Test func `back ends go, and their names are free again`() throws {
    let bench = try Bench()
    try bench.make("user,id=u")
    #expect(throws: NetworkError("Duplicate ID 'u'")) { try bench.make("user,id=u") }
    let station = bench.adapter("n", on: bench.table.find("u"))
    try bench.table.remove("u")
    #expect(!station.port.isLinkUp)
    #expect(throws: NetworkError("Device 'u' not found", .notFound)) { try bench.table.remove("u") }
    try bench.make("user,id=u")
  }

  @Test func `a port that is taken is told as QEMU tells it`() throws {
    let bench = try Bench()
    let listener = try Socket.listen(on: .tcp(host: "127.0.0.1", port: "0", family: .ipv4))
    defer { listener.closeIgnoringErrors() }
    guard case .tcp(_, let port, _) = Socket.localEndpoint(of: listener) else { return }
    #expect(throws: NetworkError("Could not set up host forwarding rule 'tcp:127.0.0.1:\(port)-:80'")) {
      try bench.make("user,id=u,hostfwd=tcp:127.0.0.1:\(port)-:80")
    }
    #expect(throws: NetworkError("can't bind ip=127.0.0.1 to socket: Address already in use")) {
      try bench.make("socket,id=s,listen=127.0.0.1:\(port)")
    }
  }
}
