// SPDX-License-Identifier: Apache-2.0
public import HostIO
import Platform

/// All wires of a machine: back ends, hubs and the adapters' ports, by name. Lives on the machine thread.
public final class NetworkTable {
  public let host: NetworkHost
  /// Back ends and adapters in the order in which they were made; ports of hubs are with their hubs.
  public private(set) var ports: [NetworkPort] = []
  private var backends: [String: any NetworkBackend] = [:]
  private var hubs: [NetworkHub] = []
  private var dumpNames: Set<String> = []
  private var adapters: [NetworkPort] { ports.filter { $0.kind == .adapter } }
  private var anonymousCount = 0
  private var isHeld = true
  /// Hears who has come to the other end of a `stream`, by the back end's name; nil: has left it.
  public var streamHandler: (_ name: String, _ peer: StreamPeer?) -> Void = { _, _ in }
  /// By the user's name.
  var announcements: [String: Announcement] = [:]

  public init(_ host: NetworkHost) { self.host = host }

  deinit { close() }

  /// Ends all back ends' threads and sockets, and timers while there is a clock.
  public func close() {
    announcements = [:]
    for backend in backends.values { backend.close() }
    backends = [:]
  }

  // MARK: Making

  /// A name for a back end that got none; clients do not depend on the number.
  public func anonymousName() -> String {
    defer { anonymousCount += 1 }
    return "#net\(100 + anonymousCount)"
  }

  /// Makes a back end.
  public func add(_ configuration: NetworkConfiguration) throws(NetworkError) {
    let name = configuration.id
    if find(name) != nil { throw NetworkError("Duplicate ID '\(name)'") }
    let backend: any NetworkBackend
    switch configuration.backend {
    case .user(let user): backend = try UserNetwork(name, user, host)
    case .stream(let stream):
      backend = try StreamNetwork(name, stream, host)
      if stream.isStream { backend.port.streamHandler = { [unowned self] peer in streamHandler(name, peer) } }
    case .datagram(let datagram): backend = try DatagramNetwork(name, datagram, host)
    case .tap(let tap): backend = try TapNetwork(name, tap, host)
    case .hubPort(let number, let netdev):
      let port = addHubPort(number, name: name)
      guard let netdev else { return }
      guard let other = find(netdev), other.kind != .adapter else {
        hub(number).remove(port)
        throw NetworkError("netdev '\(netdev)' not found")
      }
      NetworkPort.connect(port, other)
      return
    }
    backends[name] = backend
    ports.append(backend.port)
  }

  /// A port of a hub, for `hubport` and for options of the older form, which use hub 0.
  public func addHubPort(_ number: Int, name: String? = nil) -> NetworkPort { hub(number).addPort(name) }

  private func hub(_ number: Int) -> NetworkHub {
    if let hub = hubs.first(where: { $0.number == number }) { return hub }
    let hub = NetworkHub(number: number)
    hubs.append(hub)
    return hub
  }

  /// The port of an adapter, connected to a back end's if one is named. The table numbers adapters of one model.
  public func addAdapter(
    model: String, id: String?, address: [UInt8], to netdev: NetworkPort?
  ) -> NetworkPort {
    let number = adapters.count { $0.details.contains("model=\(model),") }
    let text = address.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    let port = NetworkPort(
      name: id ?? "\(model).\(number)", kind: .adapter, details: "model=\(model),macaddr=\(text)")
    port.isHeld = isHeld
    port.address = address
    if let netdev { NetworkPort.connect(port, netdev) }
    ports.append(port)
    return port
  }

  /// An adapter is taken out of the machine. What it was plugged into stays, on a wire without anybody at its end.
  public func removeAdapter(_ port: NetworkPort) {
    let peer = port.peer
    port.peer = nil
    peer?.peer = nil
    port.disconnectFromDevice()
    ports.removeAll { $0 === port }
    // What waited for room in the adapter is lost.
    peer?.peerHasRoom()
  }

  /// Ports by name: back ends, adapters and ports of hubs.
  public func find(_ name: String) -> NetworkPort? {
    ports.first { $0.name == name } ?? hubs.flatMap(\.ports).first { $0.name == name }
  }

  /// `filter-dump` on a back end.
  public func addDump(
    id: String, netdev: String, file: BytePath, maximumByteCount: Int, direction: DumpDirection = .all,
    isOn: Bool = true
  ) throws(NetworkError) {
    guard let port = find(netdev), port.kind != .adapter else {
      throw NetworkError("Parameter 'netdev' expects a network backend id")
    }
    guard dumpNames.insert(id).inserted else { throw NetworkError("attempt to add duplicate property '\(id)'") }
    let dump = try PacketDump(
      file, maximumByteCount: maximumByteCount, clock: host.clock, isCounted: host.isCounted)
    (dump.direction, dump.isOn) = (direction, isOn)
    port.dumps.append(dump)
  }

  // MARK: Running

  /// While the guest stands still nothing is delivered to it.
  public func setRunning(_ isRunning: Bool) {
    isHeld = !isRunning
    for port in adapters { port.isHeld = isHeld }
    guard isRunning else { return }
    for port in adapters { port.becameReady() }
  }

  // MARK: The monitor's commands

  public func remove(_ name: String) throws(NetworkError) {
    if let port = hubs.flatMap(\.ports).first(where: { $0.name == name && !$0.name.hasPrefix("hub") }) {
      port.peer?.peer = nil
      port.peer = nil
      for hub in hubs { hub.remove(port) }
      return
    }
    guard let port = find(name), port.kind != .adapter else { throw .notFound(name) }
    guard let backend = backends[name] else { throw NetworkError("Device '\(name)' is not a netdev") }
    backend.close()
    backends[name] = nil
    // The adapter stays, on a wire that is cut.
    let peer = port.peer
    peer?.peer = nil
    port.peer = nil
    if peer?.kind == .adapter { peer?.setLink(false) }
    ports.removeAll { $0 === port }
  }

  public func setLink(_ name: String, _ isUp: Bool) throws(NetworkError) {
    guard let port = find(name) else { throw .notFound(name) }
    port.setLink(isUp)
  }

  /// Receive filters of the adapters that tell them, for `query-rx-filter`; of one adapter if it is named. Changes
  /// after this are told again.
  public func filterReports(_ name: String?) throws(NetworkError) -> [(name: String, report: ReceiveFilterReport)] {
    var chosen = adapters
    if let name {
      guard let port = find(name) else { throw NetworkError("invalid net client name: \(name)") }
      guard port.kind == .adapter else { throw NetworkError("net client(\(name)) isn't a NIC") }
      guard port.filterReport != nil else {
        throw NetworkError("net client(\(name)) doesn't support rx-filter querying")
      }
      chosen = [port]
    }
    return chosen.compactMap { port in
      port.isFilterChangeTold = false
      return port.filterReport.map { (port.name, $0()) }
    }
  }

  /// A user network by name; without a name the first one there is.
  private func userNetwork(_ name: String?) throws(NetworkError) -> UserNetwork {
    if let name {
      guard let port = find(name), port.kind != .adapter else {
        throw NetworkError("unrecognized netdev id '\(name)'")
      }
      guard let user = backends[name] as? UserNetwork else { throw NetworkError("invalid device specified") }
      return user
    }
    for port in ports { if let user = backends[port.name] as? UserNetwork { return user } }
    throw NetworkError("user mode network stack not in use")
  }

  public func addForward(_ text: String, to netdev: String?) throws(NetworkError) {
    let user = try userNetwork(netdev)
    let rule: ForwardRule
    do throws(NetworkError) { rule = try ForwardRule(text) } catch {
      throw NetworkError("Invalid host forwarding rule '\(text)' (\(error))")
    }
    try user.add(rule)
  }

  /// The sentence that tells what became of it.
  public func removeForward(_ text: String, from netdev: String?) throws(NetworkError) -> String {
    let user = try userNetwork(netdev)
    guard let rule = ForwardRule(removing: text) else { throw NetworkError("invalid format") }
    return "host forwarding rule for \(text) \(user.remove(rule) ? "removed" : "not found")"
  }

  /// The rules in force, by back end.
  public func forwards() -> [(netdev: String, rule: ActiveForward)] {
    ports.flatMap { port in
      ((backends[port.name] as? UserNetwork)?.forwards ?? []).map { (netdev: port.name, rule: $0) }
    }
  }

  /// `info usernet`.
  public var userReport: String {
    ports.compactMap { port -> String? in
      guard let user = backends[port.name] as? UserNetwork else { return nil }
      let hub = hubs.first { $0.ports.contains { $0 === port.peer } }
      return "Hub \(hub?.number ?? -1) (\(port.name)):\n" + user.connections
    }.joined()
  }

  /// `info network`.
  public var report: String {
    func line(_ port: NetworkPort) -> String { "\(port.name): index=0,type=\(port.kind.rawValue),\(port.details)\n" }
    var text = ""
    var isInHub: Set<ObjectIdentifier> = []
    for hub in hubs.sorted(by: { $0.number < $1.number }) {
      text += "hub \(hub.number)\n"
      for port in hub.ports.reversed() {
        guard let peer = port.peer else {
          text += " \\ \(port.name)\n"
          continue
        }
        text += " \\ \(port.name): " + line(peer)
        isInHub.insert(ObjectIdentifier(peer))
      }
    }
    for port in ports where !isInHub.contains(ObjectIdentifier(port)) {
      // An adapter shows its back end below it.
      if port.kind != .adapter, port.peer?.kind == .adapter { continue }
      text += line(port)
      if let peer = port.peer { text += " \\ " + line(peer) }
    }
    return text
  }

  /// Sentences about stations without anybody at the other end, as QEMU prints them at the start.
  public var warnings: [String] {
    var sentences: [String] = []
    var lonely: [String] = []
    for hub in hubs {
      let peers = hub.ports.compactMap { $0.peer }
      for port in hub.ports where port.peer == nil {
        sentences.append("hub port \(port.name) has no peer")
        // It is a back end too.
        if !port.name.hasPrefix("hub") { lonely.append("netdev \(port.name) has no peer") }
      }
      guard !peers.isEmpty else { continue }
      if !peers.contains(where: { $0.kind == .adapter }) {
        sentences.append("hub \(hub.number) with no nics")
      } else if !peers.contains(where: { $0.kind != .adapter }) {
        sentences.append("hub \(hub.number) is not connected to host network")
      }
    }
    for port in ports where port.peer == nil {
      lonely.append("\(port.kind == .adapter ? "nic" : "netdev") \(port.name) has no peer")
    }
    return sentences + lonely
  }
}
