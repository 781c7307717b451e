// SPDX-License-Identifier: Apache-2.0
import HostIO

/// `-netdev user`: the network that the guest sees, with every default filled in. Addresses are in host order.
public struct UserConfiguration: Sendable, Equatable {
  public var isRestricted = false
  public var hasIPv4 = true
  public var hasIPv6 = true
  public var network: UInt32 = 0x0a00_0200
  public var mask: UInt32 = 0xffff_ff00
  public var host: UInt32 = 0
  public var dhcpStart: UInt32 = 0
  public var nameServer: UInt32 = 0
  /// 16 bytes each.
  public var ipv6Prefix: [UInt8] = []
  public var ipv6PrefixLength = 64
  public var ipv6Host: [UInt8] = []
  public var ipv6NameServer: [UInt8] = []
  public var hostname: String?
  public var tftpFolder: String?
  public var bootFile: String?
  public var tftpServerName: String?
  public var searchDomains: [String] = []
  public var domainName: String?
  public var hostForwards: [ForwardRule] = []
  public var guestForwards: [GuestForward] = []

  init(_ fields: inout NetworkFields) throws(NetworkError) {
    isRestricted = try fields.takeSwitch("restrict") ?? false
    let ipv4 = try fields.takeSwitch("ipv4")
    let ipv6 = try fields.takeSwitch("ipv6")
    // One that is asked for switches the other off, unless that is asked for too.
    hasIPv4 = ipv4 ?? (ipv6 != true)
    hasIPv6 = ipv6 ?? (ipv4 != true)
    let legacyNetwork = fields.take("ip")
    try setIPv4(
      network: fields.take("net") ?? legacyNetwork.map { $0 + "/24" }, host: fields.take("host"),
      dns: fields.take("dns"), dhcp: fields.take("dhcpstart"))
    try setIPv6(&fields)
    if !hasIPv4, !hasIPv6 { throw NetworkError("IPv4 and IPv6 disabled") }
    hostname = try Self.limited(fields.take("hostname"), "vhostname")
    domainName = try Self.limited(fields.take("domainname"), "domainname")
    if domainName == "" { throw NetworkError("'domainname' parameter cannot be empty") }
    tftpServerName = try Self.limited(fields.take("tftp-server-name"), "tftp-server-name")
    tftpFolder = fields.take("tftp")
    bootFile = fields.take("bootfile")
    // The field of a BOOTP message that it goes into has 128 bytes.
    if let bootFile, bootFile.utf8.count > 127 { throw NetworkError("'bootfile' parameter cannot exceed 127 bytes") }
    searchDomains = fields.takeAll("dnssearch") + fields.takeAll("dnssearch.str")
    if fields.take("smb") != nil {
      throw NetworkError("'smb' is not supported: user networking has no SMB server")
    }
    // Where the server would be, if there were one.
    if let text = fields.take("smbserver"), IPAddress.ipv4(text) == nil {
      throw NetworkError("Failed to parse SMB address")
    }
    for text in fields.takeAll("hostfwd") + fields.takeAll("hostfwd.str") {
      do throws(NetworkError) { hostForwards.append(try ForwardRule(text)) } catch {
        throw NetworkError("Invalid host forwarding rule '\(text)' (\(error))")
      }
    }
    for text in fields.takeAll("guestfwd") + fields.takeAll("guestfwd.str") {
      guestForwards.append(try GuestForward(text))
    }
  }

  private static func limited(_ text: String?, _ name: String) throws(NetworkError) -> String? {
    if let text, text.utf8.count > 255 { throw NetworkError("'\(name)' parameter cannot exceed 255 bytes") }
    return text
  }

  // MARK: Addresses

  private mutating func setIPv4(
    network text: String?, host hostText: String?, dns: String?, dhcp: String?
  ) throws(NetworkError) {
    if !hasIPv4, text != nil || hostText != nil || dns != nil {
      throw NetworkError("IPv4 disabled but netmask/host/dns provided")
    }
    if let text { (network, mask) = try Self.network(text) }
    func address(_ text: String?, _ fallback: UInt32, _ name: String) throws(NetworkError) -> UInt32 {
      guard let text else { return network | fallback & ~mask }
      guard let address = IPAddress.ipv4(text) else { throw NetworkError("Failed to parse \(name)") }
      return address
    }
    host = try address(hostText, 0x0202, "host")
    if host & mask != network { throw NetworkError("Host doesn't belong to network") }
    nameServer = try address(dns, 0x0203, "DNS")
    if isRestricted, nameServer & mask != network { throw NetworkError("DNS doesn't belong to network") }
    if nameServer == host { throw NetworkError("DNS must be different from host") }
    dhcpStart = try address(dhcp, 0x020f, "DHCP start address")
    if dhcpStart & mask != network { throw NetworkError("DHCP doesn't belong to network") }
    if dhcpStart == host || dhcpStart == nameServer {
      throw NetworkError("DHCP must be different from host and DNS")
    }
  }

  /// `ADDRESS`, `ADDRESS/BITS` or `ADDRESS/MASK`; without a mask the old classes of addresses tell it.
  private static func network(_ text: String) throws(NetworkError) -> (UInt32, UInt32) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard let address = IPAddress.ipv4(parts[0]) else { throw NetworkError("Failed to parse netmask") }
    let mask: UInt32
    if parts.count == 1 {
      mask =
        switch address {
        case 0..<0x8000_0000: 0xff00_0000
        case 0xac10_0000..<0xac20_0000: 0xfff0_0000
        case 0x8000_0000..<0xc000_0000: 0xffff_0000
        case 0xc0a8_0000..<0xc0a9_0000: 0xffff_0000
        case 0xc612_0000..<0xc613_0000: 0xfffe_0000
        case 0xe000_0000...: 0xffff_fff0
        default: 0xffff_ff00
        }
    } else if let bits = Int(parts[1]) {
      guard (4...32).contains(bits) else {
        throw NetworkError("Invalid netmask provided (must be in range 4-32)")
      }
      mask = UInt32.max << UInt32(32 - bits)
    } else {
      guard let given = IPAddress.ipv4(parts[1]) else {
        throw NetworkError("Failed to parse netmask (trailing chars)")
      }
      mask = given
    }
    return (address & mask, mask)
  }

  private mutating func setIPv6(_ fields: inout NetworkFields) throws(NetworkError) {
    var prefix = fields.take("ipv6-prefix")
    var length = try fields.takeNumber("ipv6-prefixlen", in: -0x8000_0000...0x7fff_ffff)
    if let both = fields.take("ipv6-net") {
      let parts = both.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      prefix = parts[0]
      if parts.count > 1 {
        guard let bits = Int(parts[1]) else { throw NetworkError("Parameter 'ipv6-prefixlen' expects a number") }
        length = bits
      }
    }
    let hostText = fields.take("ipv6-host")
    let dns = fields.take("ipv6-dns")
    if !hasIPv6, prefix != nil || hostText != nil || dns != nil {
      throw NetworkError("IPv6 disabled but prefix/host6/dns6 provided")
    }
    guard let parsed = IPAddress.ipv6(prefix ?? "fec0::") else { throw NetworkError("Failed to parse IPv6 prefix") }
    ipv6PrefixLength = length ?? 64
    guard (0...126).contains(ipv6PrefixLength) else {
      throw NetworkError("Invalid IPv6 prefix provided (IPv6 prefix length must be between 0 and 126)")
    }
    ipv6Prefix = parsed
    func address(_ text: String?, _ last: UInt8, _ name: String) throws(NetworkError) -> [UInt8] {
      guard let text else {
        var bytes = parsed
        bytes[15] |= last
        return bytes
      }
      guard let address = IPAddress.ipv6(text) else { throw NetworkError("Failed to parse IPv6 \(name)") }
      // The name server may be anywhere.
      if name != "host" { return address }
      for bit in 0..<ipv6PrefixLength where (address[bit / 8] ^ parsed[bit / 8]) << UInt8(bit % 8) & 0x80 != 0 {
        throw NetworkError("IPv6 Host doesn't belong to network")
      }
      return address
    }
    ipv6Host = try address(hostText, 2, "host")
    ipv6NameServer = try address(dns, 3, "DNS")
  }
}
