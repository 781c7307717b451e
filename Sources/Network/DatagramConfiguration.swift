// SPDX-License-Identifier: Apache-2.0
import HostIO

/// A wire over datagrams, one frame in each: `-netdev socket,udp=|mcast=` and `-netdev dgram`.
public struct DatagramConfiguration: Sendable, Equatable {
  public enum Way: Sendable, Equatable {
    case pair(local: DatagramSocket.Address, remote: DatagramSocket.Address)
    /// In host order; interface 0 is any.
    case multicast(group: UInt32, port: Int, interface: UInt32)
    case descriptor(Int32)
  }

  public var way: Way
  /// `dgram` rather than `socket`.
  public var isDatagram: Bool

  /// `socket,mcast=|udp=`.
  init(socket fields: inout NetworkFields) throws(NetworkError) {
    isDatagram = false
    let local = fields.take("localaddr")
    if let text = fields.take("mcast") {
      let place = try HostPort(text)
      way = try Self.multicast(try place.address(), place.port, local)
    } else {
      let remote = try HostPort(try fields.require("udp"))
      guard let local else { throw NetworkError("localaddr= is mandatory with udp=") }
      let own = try HostPort(local)
      way = .pair(
        local: .ipv4(try own.address(), port: own.port), remote: .ipv4(try remote.address(), port: remote.port))
    }
  }

  private static func multicast(_ group: UInt32, _ port: Int, _ local: String?) throws(NetworkError) -> Way {
    guard group >> 28 == 0xe else {
      let digits = String(group, radix: 16)
      throw NetworkError(
        "specified mcastaddr \(IPAddress.text(group)) (0x\(String(repeating: "0", count: 8 - digits.count) + digits)) "
          + "does not contain a multicast address")
    }
    var interface: UInt32 = 0
    if let local {
      guard let address = IPAddress.resolveIPv4(local) else {
        throw NetworkError("localaddr '\(local)' is not a valid IPv4 address")
      }
      interface = address
    }
    return .multicast(group: group, port: port, interface: interface)
  }

  /// `dgram,local.type=…,remote.type=…`.
  init(dgram fields: inout NetworkFields) throws(NetworkError) {
    isDatagram = true
    func address(_ name: String) throws(NetworkError) -> (DatagramSocket.Address?, Int32?) {
      guard fields.has(name) else { return (nil, nil) }
      switch try fields.require("\(name).type") {
      case "inet":
        let host = try fields.require("\(name).host")
        let port = try fields.require("\(name).port")
        guard let address = host.isEmpty ? 0 : IPAddress.resolveIPv4(host) else {
          throw NetworkError("can't resolve host address '\(host)'")
        }
        guard let number = Int(port), (0...65535).contains(number) else {
          throw NetworkError("port number '\(port)' is invalid")
        }
        return (.ipv4(address, port: number), nil)
      case "unix": return (.unix(BytePath(try fields.require("\(name).path"))), nil)
      case "fd":
        let text = try fields.require("\(name).str")
        return (nil, try fields.descriptor(text))
      case let type: throw NetworkError("Parameter 'type' does not accept value '\(type)'")
      }
    }
    let hasRemote = fields.has("remote")
    let (remote, _) = try address("remote")
    let (local, descriptor) = try address("local")
    if case .ipv4(let group, let port) = remote, group >> 28 == 0xe {
      if let descriptor {
        way = .descriptor(descriptor)
        return
      }
      var interface: UInt32 = 0
      switch local {
      case .ipv4(let address, _): interface = address
      case .unix: throw NetworkError("only support inet or fd type for local")
      case nil: break
      }
      way = .multicast(group: group, port: port, interface: interface)
    } else if let descriptor {
      if hasRemote { throw NetworkError("don't set remote with local.fd") }
      way = .descriptor(descriptor)
    } else {
      guard let local else { throw NetworkError("dgram requires local= parameter") }
      guard hasRemote else { throw NetworkError("type=inet or type=unix requires remote parameter") }
      switch (local, remote) {
      case (.ipv4, .ipv4(let address, let port)): way = .pair(local: local, remote: .ipv4(address, port: port))
      case (.unix, .unix(let path)): way = .pair(local: local, remote: .unix(path))
      default: throw NetworkError("remote and local types must be the same")
      }
    }
  }
}
