// SPDX-License-Identifier: Apache-2.0
import Network
import QAPI

extension QMPError {
  init(_ error: NetworkError) {
    self.init(error.description, class: error.reason == .notFound ? .deviceNotFound : .generic)
  }
}

extension MonitorContext {
  /// The machine's wires.
  func network() throws(QMPError) -> NetworkTable {
    guard let table = machine.network else { throw QMPError("this machine has no network") }
    return table
  }

  /// Makes a back end of fields that name its type and id.
  func addNetdev(_ fields: NetworkFields) throws(QMPError) {
    var fields = fields
    let names = descriptorNames
    fields.takeDescriptor = { names.take($0)?.rawValue }
    do throws(NetworkError) {
      guard let id = fields.take("id") else { throw NetworkError("Parameter 'id' is missing") }
      guard let type = fields.take("type") else { throw NetworkError("Parameter 'type' is missing") }
      let backend = try NetworkConfiguration.backend(type: type, &fields)
      try fields.finish()
      guard NetworkConfiguration.isIdentifier(id) else {
        throw NetworkError("Parameter 'id' expects an identifier")
      }
      guard let table = machine.network else { throw NetworkError("this machine has no network") }
      try table.add(NetworkConfiguration(id: id, backend))
    } catch { throw QMPError(error) }
  }
}

/// Adds a network back end. Members that another type has are refused by name.
struct NetdevAdd: MonitorCommand {
  static let name = "netdev_add"

  struct Text: Codable, Sendable { var str: String }
  struct Address: Codable, Sendable {
    enum Kind: String, QMPEnum { case inet, unix, fd }
    var type: Kind
    var host: String?
    var port: String?
    var ipv4: Bool?
    var ipv6: Bool?
    var to: UInt16?
    var path: String?
    var abstract: Bool?
    var tight: Bool?
    var str: String?
  }

  var id: String
  var type: String
  // user
  var hostname: String?
  var restrict: Bool?
  var ipv4: Bool?
  var ipv6: Bool?
  var ip: String?
  var net: String?
  var host: String?
  var tftp: String?
  var bootfile: String?
  var dhcpstart: String?
  var dns: String?
  var dnssearch: [Text]?
  var domainname: String?
  var ipv6Prefix: String?
  var ipv6Prefixlen: Int64?
  var ipv6Host: String?
  var ipv6Dns: String?
  var smb: String?
  var smbserver: String?
  var hostfwd: [Text]?
  var guestfwd: [Text]?
  var tftpServerName: String?
  // socket
  var fd: String?
  var listen: String?
  var connect: String?
  var mcast: String?
  var localaddr: String?
  var udp: String?
  // tap
  var ifname: String?
  var script: String?
  var downscript: String?
  var fds: String?
  var queues: UInt32?
  var vhost: Bool?
  // tap and bridge
  var br: String?
  var helper: String?
  // stream and dgram
  var addr: Address?
  var server: Bool?
  var local: Address?
  var remote: Address?
  // hubport
  var hubid: Int64?
  var netdev: String?

  enum CodingKeys: String, CodingKey {
    case id, type, hostname, restrict, ipv4, ipv6, ip, net, host, tftp, bootfile, dhcpstart, dns, dnssearch, domainname
    case ipv6Prefix = "ipv6-prefix"
    case ipv6Prefixlen = "ipv6-prefixlen"
    case ipv6Host = "ipv6-host"
    case ipv6Dns = "ipv6-dns"
    case smb, smbserver, hostfwd, guestfwd
    case tftpServerName = "tftp-server-name"
    case fd, listen, connect, mcast, localaddr, udp, ifname, script, downscript, fds, queues, vhost
    case br, helper, addr, server, local, remote, hubid
    case netdev
  }

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    try context.addNetdev(NetworkFields(try QAPIEncoder.encode(self).flattenedMembers, style: .json))
    return Empty()
  }
}

struct NetdevDelete: MonitorCommand {
  static let name = "netdev_del"
  var id: String

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    let table = try context.network()
    do throws(NetworkError) { try table.remove(id) } catch { throw QMPError(error) }
    return Empty()
  }
}

/// Pulls the cable of an adapter or a back end, or puts it back.
struct SetLink: MonitorCommand {
  static let name = "set_link"
  var name: String
  var up: Bool

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    let table = try context.network()
    do throws(NetworkError) { try table.setLink(name, up) } catch { throw QMPError(error) }
    return Empty()
  }
}

/// Receive filters of the adapters whose model tells them, as virtio-net does; e1000 does not, here as in QEMU.
struct QueryReceiveFilter: MonitorCommand {
  static let name = "query-rx-filter"
  typealias Returns = [Filter]
  enum State: String, QMPEnum { case normal, none, all }

  struct Filter: Codable, Sendable {
    var name: String
    var promiscuous: Bool
    var multicast: State
    var unicast: State
    var vlan: State
    var broadcastAllowed: Bool
    var multicastOverflow: Bool
    var unicastOverflow: Bool
    var mainMac: String
    var vlanTable: [Int64]
    var unicastTable: [String]
    var multicastTable: [String]

    init(_ name: String, _ report: ReceiveFilterReport) {
      func text(_ address: [UInt8]) -> String {
        address.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
      }
      func state(_ mode: ReceiveFilterReport.Mode) -> State { State(rawValue: mode.rawValue) ?? .normal }
      (self.name, promiscuous, broadcastAllowed) = (name, report.isPromiscuous, report.allowsBroadcast)
      (multicast, unicast, vlan) = (state(report.multicast), state(report.unicast), state(report.vlan))
      (multicastOverflow, unicastOverflow) = (report.multicastOverflows, report.unicastOverflows)
      mainMac = text(report.mainAddress)
      vlanTable = report.vlans.map(Int64.init)
      unicastTable = report.unicastTable.map(text)
      multicastTable = report.multicastTable.map(text)
    }
  }

  var name: String?

  func run(in context: MonitorContext) throws(QMPError) -> [Filter] {
    let table = try context.network()
    do throws(NetworkError) {
      return try table.filterReports(name).map { Filter($0.name, $0.report) }
    } catch { throw QMPError(error) }
  }
}

/// The forwarding rules in force, with the host ports that were picked for rules that gave none.
struct QueryHostForward: MonitorCommand {
  static let name = "__org.apus_query-hostfwd"
  typealias Returns = [Rule]
  enum Kind: String, QMPEnum { case tcp, udp }

  struct Rule: Codable, Sendable {
    var netdev: String
    var `protocol`: Kind
    /// Empty: every address of the host.
    var hostAddress: String
    var hostPort: Int
    var guestAddress: String
    var guestPort: Int
  }

  func run(in context: MonitorContext) throws(QMPError) -> [Rule] {
    try context.network().forwards().map { netdev, rule in
      Rule(
        netdev: netdev, protocol: rule.isUDP ? .udp : .tcp, hostAddress: rule.hostAddress, hostPort: rule.hostPort,
        guestAddress: rule.guestAddress, guestPort: rule.guestPort)
    }
  }
}
