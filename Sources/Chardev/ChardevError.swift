// SPDX-License-Identifier: Apache-2.0
public import HostIO

/// Why a character device could not be made or used. The descriptions are QEMU 7.2's, which scripts match.
public enum ChardevError: Error, Hashable, Sendable {
  case openFile(BytePath, Errno)
  case createLog(BytePath, Errno)
  case stdioInUse
  case ringBufferSize
  case muxBaseNotFound(String)
  case notARingBuffer(String)
  case pty(Errno)
  /// The step that failed and the address as the user wrote it.
  case socket(SocketError, SocketConfiguration.Address)
  case notASocket(FileDescriptor)
  case reconnectOnServer
  case waitOnClient
  case inUse(String)
  case duplicate(String)
  case notFound(String)
  case busy(String)
  /// The event loop refused the descriptor.
  case watch(Errno)

  /// A second line for the user, where there is one.
  public var hint: String? {
    if case .socket(.pathTooLong, let address) = self {
      return "Path must be less than \(address.isAbstract ? 107 : 108) bytes"
    }
    return nil
  }
}

extension ChardevError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .openFile(let path, let error): "Could not open '\(path)': \(error)"
    case .createLog(let path, let error): "Could not create '\(path)': \(error)"
    case .stdioInUse: "cannot use stdio by multiple character devices"
    case .ringBufferSize: "size of ringbuf chardev must be power of two"
    case .muxBaseNotFound(let id): "mux: base chardev \(id) not found"
    case .notARingBuffer(let id): "\(id) is not a ringbuf device"
    case .pty(let error): "Failed to create PTY: \(error)"
    case .socket(let error, let address): Self.sentence(error, address)
    case .notASocket(let descriptor): "File descriptor '\(descriptor.rawValue)' is not a socket"
    case .reconnectOnServer: "'reconnect' option is incompatible with socket in server listen mode"
    case .waitOnClient: "'wait' option is incompatible with socket in client connect mode"
    case .inUse(let id): "Device '\(id)' is in use"
    case .duplicate(let id): "Chardev with id '\(id)' already exists"
    case .notFound(let id): "Chardev '\(id)' not found"
    case .busy(let id): "Chardev '\(id)' is busy"
    case .watch(let error): "Failed to watch a character device: \(error)"
    }
  }

  private static func sentence(_ error: SocketError, _ address: SocketConfiguration.Address) -> String {
    let name =
      switch address {
      case .unix(let path): path.description
      case .abstract(let name): String(decoding: name.bytes, as: UTF8.self)
      case .tcp(let host, let port, _): "\(host):\(port)"
      case .descriptor(let descriptor): "\(descriptor.rawValue)"
      }
    let isUnix = if case .unix = address { true } else { address.isAbstract }
    switch error {
    case .create(let reason): return "Failed to create socket: \(reason)"
    case .pathTooLong(let path): return "UNIX socket path '\(path)' is too long"
    case .bind(.addressInUse) where !isUnix: return "Failed to find an available port: \(Errno.addressInUse)"
    case .noPorts: return "Failed to find an available port: the last port of the range lies before the first"
    case .bind(let reason):
      return isUnix ? "Failed to bind socket to \(name): \(reason)" : "Failed to bind socket: \(reason)"
    case .unlink(let reason): return "Failed to unlink socket \(name): \(reason)"
    case .listen(let reason): return "Failed to listen on socket: \(reason)"
    case .connect(let reason): return "Failed to connect to '\(name)': \(reason)"
    case .accept(let reason): return "Failed to accept a connection on \(name): \(reason)"
    case .option(let reason): return "Failed to set up socket \(name): \(reason)"
    case .resolve(let reason): return "address resolution failed for \(name): \(reason)"
    }
  }
}
