// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// Datagram sockets: IPv4 by number, and unix by name. All are non-blocking.
public enum DatagramSocket {
  /// Where a datagram goes.
  public enum Address: Hashable, Sendable {
    /// In host order.
    case ipv4(UInt32, port: Int)
    case unix(BytePath)
  }

  private static func open(_ family: Int32) throws(Errno) -> FileDescriptor {
    let kind = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | O_NONBLOCK
    return FileDescriptor(rawValue: try call { socket(family, kind, 0) })
  }

  /// A socket bound to an address. An old unix socket of the name is removed first.
  public static func bound(to address: Address) throws(Errno) -> FileDescriptor {
    switch address {
    case .ipv4:
      let descriptor = try open(AF_INET)
      var yes: Int32 = 1
      _ = setsockopt(
        descriptor.rawValue, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
      return try bind(descriptor, address)
    case .unix(let path):
      do throws(Errno) { try path.unlink() } catch .noSuchFile {}
      return try bind(try open(AF_UNIX), address)
    }
  }

  private static func bind(_ descriptor: FileDescriptor, _ address: Address) throws(Errno) -> FileDescriptor {
    do throws(Errno) {
      let bytes = try encode(address)
      _ = try call { withAddress(bytes) { Glibc.bind(descriptor.rawValue, $0, $1) } }
      return descriptor
    } catch {
      descriptor.closeIgnoringErrors()
      throw error
    }
  }

  /// A member of a multicast group on one interface (0: any) that hears its own host's other members.
  public static func joined(group: UInt32, port: Int, interface: UInt32) throws(Errno) -> FileDescriptor {
    let descriptor = try bound(to: .ipv4(group, port: port))
    do throws(Errno) {
      var request = ip_mreq()
      request.imr_multiaddr.s_addr = group.bigEndian
      request.imr_interface.s_addr = interface.bigEndian
      _ = try call {
        setsockopt(
          descriptor.rawValue, Int32(IPPROTO_IP), IP_ADD_MEMBERSHIP, &request, socklen_t(MemoryLayout<ip_mreq>.size))
      }
      var loop: Int32 = 1
      _ = try call {
        setsockopt(
          descriptor.rawValue, Int32(IPPROTO_IP), IP_MULTICAST_LOOP, &loop, socklen_t(MemoryLayout<Int32>.size))
      }
      if interface != 0 {
        var address = in_addr(s_addr: interface.bigEndian)
        _ = try call {
          setsockopt(
            descriptor.rawValue, Int32(IPPROTO_IP), IP_MULTICAST_IF, &address, socklen_t(MemoryLayout<in_addr>.size))
        }
      }
      return descriptor
    } catch {
      descriptor.closeIgnoringErrors()
      throw error
    }
  }

  /// sendto(2); without an address the one that the socket is connected to.
  public static func send(_ bytes: [UInt8], from socket: FileDescriptor, to address: Address?) throws(Errno) {
    guard let address else {
      _ = try bytes.withRaw { (buffer) throws(Errno) in
        try call { Glibc.send(socket.rawValue, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL)) }
      }
      return
    }
    let target = try encode(address)
    _ = try bytes.withRaw { (buffer) throws(Errno) in
      try call {
        withAddress(target) {
          sendto(socket.rawValue, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL), $0, $1)
        }
      }
    }
  }

  private static func encode(_ address: Address) throws(Errno) -> [UInt8] {
    switch address {
    case .ipv4(let host, let port):
      var name = sockaddr_in()
      name.sin_family = sa_family_t(AF_INET)
      name.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
      name.sin_addr.s_addr = host.bigEndian
      return withUnsafeBytes(of: &name) { Array($0) }
    case .unix(let path):
      if path.bytes.count > Socket.unixPathLimit { throw .nameTooLong }
      var name = sockaddr_un()
      name.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.bytes) }
      return withUnsafeBytes(of: &name) { Array($0) }
    }
  }

  private static func withAddress<Result>(
    _ bytes: [UInt8], _ body: (UnsafePointer<sockaddr>?, socklen_t) -> Result
  ) -> Result {
    bytes.withUnsafeBytes { body($0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count)) }
  }
}

extension Socket {
  /// Whether the descriptor is a datagram socket; `.notASocket` for what is no socket at all.
  public static func isDatagram(_ socket: FileDescriptor) throws(Errno) -> Bool {
    var value: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    _ = try call { getsockopt(socket.rawValue, SOL_SOCKET, SO_TYPE, &value, &length) }
    return value == Int32(SOCK_DGRAM.rawValue)
  }
}
