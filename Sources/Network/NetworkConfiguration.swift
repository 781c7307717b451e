// SPDX-License-Identifier: Apache-2.0
import HostIO

/// A back end as the user describes it (`-netdev`, `-nic`, `-net`, `netdev_add`).
public struct NetworkConfiguration: Sendable {
  public enum Backend: Sendable {
    case user(UserConfiguration)
    case stream(StreamConfiguration)
    case datagram(DatagramConfiguration)
    case tap(TapConfiguration)
    /// A port of a hub, alone or joined with another back end.
    case hubPort(hub: Int, netdev: String?)
  }

  /// Types for `-netdev help`, in QEMU's order.
  public static let types = ["socket", "stream", "dgram", "hubport", "tap", "user", "bridge"]
  /// Types that QEMU has and this program does not.
  private static let missingTypes = ["none", "nic", "l2tpv3", "vde", "vhost-user", "vhost-vdpa"]

  public var id: String
  public var backend: Backend

  public init(id: String, _ backend: Backend) { (self.id, self.backend) = (id, backend) }

  /// Letters, digits and a few marks, a letter first.
  public static func isIdentifier(_ text: String) -> Bool {
    guard let first = text.first, first.isASCII, first.isLetter else { return false }
    return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-._".contains($0)) }
  }

  /// Reads the fields of a type; whatever it does not take stays in `fields`.
  public static func backend(type: String, _ fields: inout NetworkFields) throws(NetworkError) -> Backend {
    switch type {
    case "user": return .user(try UserConfiguration(&fields))
    case "socket": return try socket(&fields)
    case "stream": return .stream(try StreamConfiguration(stream: &fields))
    case "dgram": return .datagram(try DatagramConfiguration(dgram: &fields))
    case "tap": return .tap(try TapConfiguration(&fields))
    case "bridge": return .tap(try TapConfiguration(bridge: &fields))
    case "hubport":
      guard let text = fields.take("hubid") else { throw NetworkError("Parameter 'hubid' is missing") }
      guard let hub = Int32(text) else { throw NetworkError("Parameter 'hubid' expects an int64 value") }
      return .hubPort(hub: Int(hub), netdev: fields.take("netdev"))
    case _ where missingTypes.contains(type):
      throw NetworkError("network backend '\(type)' is not compiled into this binary")
    default: throw NetworkError("Parameter 'type' does not accept value '\(type)'")
    }
  }

  /// `socket`: a stream or datagrams, by which of its ways is given.
  private static func socket(_ fields: inout NetworkFields) throws(NetworkError) -> Backend {
    let ways = ["fd", "listen", "connect", "mcast", "udp"].filter { fields.has($0) }
    guard ways.count == 1 else {
      throw NetworkError("exactly one of listen=, connect=, mcast= or udp= is required")
    }
    switch ways[0] {
    case "mcast", "udp": return .datagram(try DatagramConfiguration(socket: &fields))
    default:
      if fields.has("localaddr") { throw NetworkError("localaddr= is only valid with mcast= or udp=") }
      return .stream(try StreamConfiguration(socket: &fields))
    }
  }
}

/// An address that QEMU's `HOST:PORT` names.
struct HostPort {
  var host: String
  var port: Int

  init(_ text: String) throws(NetworkError) {
    guard let colon = text.firstIndex(of: ":") else {
      throw NetworkError("host address '\(text)' doesn't contain ':' separating host from port")
    }
    host = String(text[..<colon])
    let portText = String(text[text.index(after: colon)...])
    // As many digits as there are; what is too large loses its upper bits, as with QEMU.
    guard let port = Self.leadingNumber(portText) else {
      throw NetworkError("port number '\(portText)' is invalid")
    }
    self.port = Int(UInt16(truncatingIfNeeded: port))
  }

  /// The number in C's notation that a text begins with.
  static func leadingNumber(_ text: String) -> Int? {
    let isHexadecimal = text.hasPrefix("0x") || text.hasPrefix("0X")
    let radix = isHexadecimal ? 16 : text.hasPrefix("0") ? 8 : 10
    let digits = (isHexadecimal ? text.dropFirst(2) : Substring(text)).prefix {
      $0.isASCII && $0.hexDigitValue.map { $0 < radix } == true
    }
    return digits.isEmpty ? nil : Int(digits, radix: radix)
  }

  /// In host order; every address for an empty host.
  func address() throws(NetworkError) -> UInt32 {
    if host.isEmpty { return 0 }
    guard let address = IPAddress.resolveIPv4(host) else {
      throw NetworkError("can't resolve host address '\(host)'")
    }
    return address
  }
}
