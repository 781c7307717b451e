// SPDX-License-Identifier: Apache-2.0
import HostIO

/// Where an incoming migration's bytes come from: prepared on the machine thread, opened and read on a worker.
final class IncomingTransport: ImageSource, @unchecked Sendable {
  // Safe: made on one thread, then handed to the one worker that uses it.
  private enum Origin {
    case listener(FileDescriptor, path: BytePath?)
    case stream(FileDescriptor)
    case command(FileDescriptor, ChildProcess)
  }

  private var origin: Origin
  /// Who listens, for `query-migrate`.
  let listener: MigrationListener?

  /// Listens, opens or starts what the address names: all that can be wrong at once is an error here.
  ///
  /// - Parameter descriptor: the one that a `fd:` address names, which belongs to the transport from here on.
  init(_ address: MigrationAddress, descriptor: FileDescriptor?) throws(MigrationError) {
    switch address {
    case .file(let path):
      do throws(Errno) { origin = .stream(try FileDescriptor.open(path, .readOnly)) } catch {
        throw MigrationError("Unable to open \(path): \(error)")
      }
      listener = nil
    case .command(let command):
      do throws(Errno) {
        let (reader, writer) = try FileDescriptor.pipe()
        defer { writer.closeIgnoringErrors() }
        do throws(Errno) {
          origin = .command(reader, try ChildProcess(shellCommand: command, standardOutput: writer))
        } catch {
          reader.closeIgnoringErrors()
          throw error
        }
      } catch {
        throw MigrationError("Unable to start command: \(error)")
      }
      listener = nil
    case .descriptor(let name):
      guard let descriptor else { throw MigrationError("File descriptor named '\(name)' has not been found") }
      origin = .stream(descriptor)
      listener = nil
    case .unix(let path):
      let socket = try Self.listen(on: .unix(path))
      origin = .listener(socket, path: path)
      listener = .unix(path.description)
    case .tcp(let host, let port, let family, let lastPort):
      let socket = try Self.listen(host, port, family, lastPort)
      origin = .listener(socket, path: nil)
      guard case .tcp(let host, let port, let isIPv6) = Socket.localEndpoint(of: socket) else {
        listener = nil
        return
      }
      listener = .tcp(host: host, port: port, isIPv6: isIPv6)
    }
  }

  private static func listen(on address: SocketAddress) throws(MigrationError) -> FileDescriptor {
    do throws(SocketError) { return try Socket.listen(on: address, backlog: 1) } catch {
      throw MigrationError(error, address)
    }
  }

  /// Takes the first free port.
  private static func listen(
    _ host: String, _ port: String, _ family: SocketAddress.IPFamily, _ lastPort: UInt16?
  ) throws(MigrationError) -> FileDescriptor {
    let address = SocketAddress.tcp(host: host, port: port, family: family)
    // A range that ends before it begins is that one port.
    let last = lastPort.flatMap { last in UInt16(port).map { max($0, last) } }
    do throws(SocketError) { return try Socket.listen(on: address, upTo: last, backlog: 1) } catch {
      throw MigrationError(error, address)
    }
  }

  /// The stream as a file that can be mapped; nil for what only flows.
  var regularFile: FileDescriptor? {
    guard case .stream(let descriptor) = origin, let kind = try? descriptor.status().kind else { return nil }
    return kind == .regular ? descriptor : nil
  }

  /// Waits for the one client of a listener, which closes then.
  func connect() throws(MigrationError) {
    guard case .listener(let socket, let path) = origin else { return }
    do throws(Errno) {
      while true {
        if let client = try Socket.accept(from: socket) {
          socket.closeIgnoringErrors()
          try? path?.unlink()
          origin = .stream(client)
          return
        }
        _ = try socket.wait(for: .readable, milliseconds: -1)
      }
    } catch {
      throw MigrationError("Failed to accept a connection: \(error)")
    }
  }

  /// Waits until a stream that has no sender to come first has something to read. A sender that has come is seen at once.
  func waitForData() throws(MigrationError) {
    guard listener == nil else { return }
    do throws(Errno) { _ = try input().wait(for: .readable, milliseconds: -1) } catch {
      throw MigrationError("Cannot read the stream: \(error)", cause: error)
    }
  }

  private func input() throws(Errno) -> FileDescriptor {
    switch origin {
    case .stream(let descriptor), .command(let descriptor, _): return descriptor
    case .listener: throw .notConnected
    }
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    let input = try input()
    while true {
      // A passed descriptor may be non-blocking.
      do throws(Errno) { return try input.read(into: buffer) } catch .wouldBlock {
        _ = try input.wait(for: .readable, milliseconds: -1)
      }
    }
  }

  /// Closes everything and collects a command, whose ending does not matter any more.
  func close() {
    switch origin {
    case .listener(let socket, let path):
      socket.closeIgnoringErrors()
      try? path?.unlink()
    case .stream(let descriptor): descriptor.closeIgnoringErrors()
    case .command(let descriptor, let process):
      descriptor.closeIgnoringErrors()
      if process.wait(nanoseconds: 1_000_000_000) == nil { process.terminate() }
    }
  }
}
