// SPDX-License-Identifier: Apache-2.0
import Fuzzing
import HostIO
import Network
import Platform
import Testing

/// What users and the other ends of wires may send: descriptions of back ends, and streams of frames.
struct FuzzNetworkTests {
  private static let keys = [
    "type", "id", "net", "host", "dns", "dhcpstart", "ip", "restrict", "ipv4", "ipv6", "ipv6-prefix", "ipv6-prefixlen",
    "ipv6-net", "ipv6-host", "ipv6-dns", "hostname", "domainname", "dnssearch", "tftp-server-name", "bootfile",
    "hostfwd",
    "guestfwd", "smbserver", "listen", "connect", "mcast", "udp", "localaddr", "fd", "addr.type", "addr.host",
    "addr.port",
    "addr.path", "addr.str", "addr.ipv4", "addr.ipv6", "server", "local.type", "local.host", "local.port", "local.path",
    "remote.type", "remote.host", "remote.port", "remote.path", "hubid", "netdev", "sndbuf", "ifname", "vnet_hdr",
  ]
  private static let values = [
    "user", "socket", "stream", "dgram", "hubport", "tap", "none", "inet", "unix", "fd", "on", "off", "10.0.2.0/24",
    "10.0.2.0/255.255.255.0", "0.0.0.0", "255.255.255.255", "fec0::/64", "::1", "tcp::0-:22",
    "udp:127.0.0.1:1-10.0.2.15:2",
    "tcp:10.0.2.100:80-cmd:cat", "127.0.0.1:0", ":99999999999999999999", "230.0.0.1:1234", "-1", "0x10", "018", "1e9",
    "9223372036854775808", "/x", "",
  ]

  /// Reading alone: nothing is opened.
  @Test func `descriptions of back ends`() {
    Fuzzing.run("netdev", seconds: 1, atLeast: 3000) { random in
      var parts: [String] = [Self.values[random.below(7)]]
      for _ in 0..<random.below(6) {
        var value = Self.values[random.below(Self.values.count)]
        if random.oneIn(3) {
          value = String(decoding: random.damaged(Array(value.utf8)), as: UTF8.self)
        }
        // Names are not asked of the network.
        guard !value.contains(where: { $0.isLetter && !"xabcdef".contains($0) }) || Self.values.contains(value) else {
          continue
        }
        parts.append(Self.keys[random.below(Self.keys.count)] + "=" + value)
      }
      var fields = NetworkFields(parsing: parts.joined(separator: ","))
      let type = fields.take("type") ?? ""
      do throws(NetworkError) {
        _ = try NetworkConfiguration.backend(type: type, &fields)
        try fields.finish()
      } catch { #expect(!error.description.isEmpty) }
    }
  }

  @Test func `streams of frames`() throws {
    let loop = try EventLoop()
    try loop.start()
    try Fuzzing.run("stream wire", seconds: 1, atLeast: 20) { random in
      let (mailbox, clock) = (Mailbox(), VirtualClock())
      let table = NetworkTable(
        NetworkHost(mailbox: mailbox, clock: clock, mirror: TimeMirror(), isCounted: false, loop: loop))
      defer { table.close() }
      table.setRunning(true)
      let path = "/tmp/apus-fuzz-\(HostClock.monotonicNanoseconds).sock"
      var fields = NetworkFields(parsing: "stream,server=on,addr.type=unix,addr.path=\(path)")
      _ = fields.take("type")
      let backend = try NetworkConfiguration.backend(type: "stream", &fields)
      try table.add(NetworkConfiguration(id: "s", backend))
      let ours = try Socket.connect(to: .unix(BytePath(path)))
      defer { ours.closeIgnoringErrors() }
      let port = table.addAdapter(model: "e1000", id: "a", address: [2, 0, 0, 0, 0, 1], to: table.find("s"))
      var (count, byteCount) = (0, 0)
      port.receive = { frame in
        (count, byteCount) = (count + 1, byteCount + frame.count)
        return true
      }
      for _ in 0..<random.below(40) {
        let length = random.below(2000)
        var message = [UInt8](repeating: 0, count: 4) + random.bytes(length)
        (message[2], message[3]) = (UInt8(length >> 8), UInt8(length & 0xff))
        if random.oneIn(12) { message = random.damaged(message) }
        guard (try? Socket.send(message, to: ours)) != nil else { break }
        if random.oneIn(4) { mailbox.drain() }
      }
      for _ in 0..<3 {
        mailbox.wait(atMost: 1_000_000)
        mailbox.drain()
      }
      #expect(byteCount <= 40 * 2100 && count <= 40 * 2100)
    }
  }
}
