// SPDX-License-Identifier: Apache-2.0

/// A hub: what comes in at one port leaves at all others, in the order in which the ports were made.
///
/// A station that takes nothing must not stop the others, so frames for it wait at its port, and beyond a limit they
/// are lost, as on a real wire.
final class NetworkHub {
  private static let waitingLimit = 256

  private final class Socket {
    let port: NetworkPort
    var waiting: [[UInt8]] = []
    init(_ port: NetworkPort) { self.port = port }
  }

  let number: Int
  private var sockets: [Socket] = []
  /// Ports made so far, those that are gone included: they number the names.
  private var portCount = 0

  init(number: Int) { self.number = number }

  /// In the order in which they were made.
  var ports: [NetworkPort] { sockets.map(\.port) }

  /// A new port, named `hub0port1` by default.
  func addPort(_ name: String? = nil) -> NetworkPort {
    let port = NetworkPort(name: name ?? "hub\(number)port\(portCount)", kind: .hubPort)
    portCount += 1
    let socket = Socket(port)
    port.receive = { [unowned self, unowned socket] frame in
      for other in sockets where other !== socket { offer(frame, to: other) }
      return true
    }
    port.peerHasRoom = { [unowned self, unowned socket] in flush(socket) }
    sockets.append(socket)
    return port
  }

  func remove(_ port: NetworkPort) { sockets.removeAll { $0.port === port } }

  private func offer(_ frame: [UInt8], to socket: Socket) {
    if socket.waiting.isEmpty, socket.port.send(frame) { return }
    if socket.waiting.count < Self.waitingLimit { socket.waiting.append(frame) }
  }

  private func flush(_ socket: Socket) {
    var sent = 0
    while sent < socket.waiting.count, socket.port.send(socket.waiting[sent]) { sent += 1 }
    socket.waiting.removeFirst(sent)
  }
}
