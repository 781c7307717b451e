// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

/// A wire over datagrams. What the socket does not take at once is lost, as datagrams are.
final class DatagramNetwork: NetworkBackend {
  /// Longest frame that fits a datagram.
  private static let frameLimit = 65536

  let port: NetworkPort
  private let socket: FileDescriptor
  private let reader: FrameReader
  private let unlinks: BytePath?

  init(_ name: String, _ configuration: DatagramConfiguration, _ host: NetworkHost) throws(NetworkError) {
    let port = NetworkPort(name: name, kind: configuration.isDatagram ? .datagram : .socket)
    self.port = port
    var target: DatagramSocket.Address?
    var unlinks: BytePath?
    let prefix = configuration.isDatagram ? "" : "socket: "
    func text(_ address: DatagramSocket.Address) -> String {
      switch address {
      case .ipv4(let host, let port): "\(IPAddress.text(host)):\(port)"
      case .unix(let path): "\(path)"
      }
    }
    do throws(Errno) {
      switch configuration.way {
      case .descriptor(let number):
        socket = FileDescriptor(rawValue: number)
        guard try Socket.isDatagram(socket) else { throw Errno.invalidArgument }
        try socket.setNonBlocking(true)
        port.details = "\(prefix)fd=\(number)"
      case .multicast(let group, let number, let interface):
        socket = try DatagramSocket.joined(group: group, port: number, interface: interface)
        target = .ipv4(group, port: number)
        port.details = "\(prefix)mcast=\(IPAddress.text(group)):\(number)"
      case .pair(let local, let remote):
        socket = try DatagramSocket.bound(to: local)
        target = remote
        switch local {
        case .unix(let path):
          unlinks = path
          port.details = "udp=\(text(local)):\(text(remote))"
        case .ipv4:
          port.details =
            configuration.isDatagram ? "udp=\(text(local))/\(text(remote))" : "socket: udp=\(text(remote))"
        }
      }
    } catch {
      switch configuration.way {
      case .descriptor where error == .notASocket:
        throw NetworkError("Unable to query local socket address: \(error)")
      case .descriptor(let number): throw NetworkError("\(name): Can't use file descriptor \(number): \(error)")
      case .multicast(let group, _, _):
        throw NetworkError("can't bind ip=\(IPAddress.text(group)) to socket: \(error)")
      case .pair(.ipv4(let address, _), _):
        throw NetworkError("can't bind ip=\(IPAddress.text(address)) to socket: \(error)")
      case .pair(.unix(let path), _): throw NetworkError("can't bind unix=\(path) to socket: \(error)")
      }
    }
    self.unlinks = unlinks
    let socket = socket
    let reader = FrameReader(socket, port: port, host: host, frameLimit: Self.frameLimit, endsAtEmpty: false)
    self.reader = reader
    port.receive = { frame in
      try? DatagramSocket.send(frame, from: socket, to: target)
      return true
    }
    port.peerHasRoom = { reader.inbox.deliver() }
    do throws(Errno) { try reader.start() } catch {
      throw NetworkError("\(name): Can't use file descriptor \(socket.rawValue): \(error)")
    }
  }

  func close() {
    reader.stop()
    socket.closeIgnoringErrors()
    try? unlinks?.unlink()
  }
}
