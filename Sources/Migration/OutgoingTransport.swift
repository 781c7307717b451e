// SPDX-License-Identifier: Apache-2.0
import HostIO
import Synchronization

/// Says to a worker that nobody wants its work any more. Set once.
final class CancelFlag: Sendable {
  private let flag = Atomic<Bool>(false)
  var isSet: Bool { flag.load(ordering: .acquiring) }
  func set() { flag.store(true, ordering: .releasing) }
}

/// Where an outgoing migration's bytes go. For one worker, which may wait here; a set flag ends the waiting with `.canceled`.
final class OutgoingTransport: ImageSink {
  private enum End {
    case file(AtomicFile)
    case command(ChildProcess)
    case socket
    case descriptor
  }

  /// How long a blocked write goes without a look at the flag.
  private static let lookInterval: Int32 = 10

  private let end: End
  private let output: FileDescriptor
  private let cancel: CancelFlag
  private var isFinished = false
  /// The first write that failed.
  private(set) var failure: Errno?

  /// Opens the way, which may take long: a name server, a FIFO without a reader.
  ///
  /// - Parameter descriptor: the one that a `fd:` address names, which belongs to the transport from here on.
  init(
    _ address: MigrationAddress, descriptor: FileDescriptor?, cancel: CancelFlag
  ) throws(MigrationError) {
    self.cancel = cancel
    (end, output) = try Self.open(address, descriptor)
    do throws(Errno) { try output.setNonBlocking(true) } catch {
      abandon()
      throw MigrationError("Cannot write the stream: \(error)")
    }
  }

  deinit { abandon() }

  private static func open(
    _ address: MigrationAddress, _ descriptor: FileDescriptor?
  ) throws(MigrationError) -> (End, FileDescriptor) {
    switch address {
    case .file(let path):
      do throws(Errno) {
        let file = try AtomicFile(path, permissions: 0o600)
        return (.file(file), file.descriptor)
      } catch {
        throw MigrationError("Unable to open \(path): \(error)")
      }
    case .command(let command):
      do throws(Errno) {
        let (reader, writer) = try FileDescriptor.pipe()
        defer { reader.closeIgnoringErrors() }
        do throws(Errno) {
          return (.command(try ChildProcess(shellCommand: command, standardInput: reader)), writer)
        } catch {
          writer.closeIgnoringErrors()
          throw error
        }
      } catch {
        throw MigrationError("Unable to start command: \(error)")
      }
    case .descriptor(let name):
      guard let descriptor else { throw MigrationError("File descriptor named '\(name)' has not been found") }
      let kind = (try? descriptor.status().kind) ?? .other
      return (kind == .socket ? .socket : .descriptor, descriptor)
    case .unix, .tcp:
      guard let place = address.socketAddress else { throw MigrationError("This is no socket's address") }
      do throws(SocketError) {
        let socket = try Socket.connect(to: place)
        Socket.setNoDelay(socket, true)
        return (.socket, socket)
      } catch {
        throw MigrationError(error, place)
      }
    }
  }

  // MARK: ImageSink

  var isSeekable: Bool {
    switch end {
    case .file, .descriptor: output.isSeekable
    case .command, .socket: false
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) {
    var rest = bytes
    try noting { () throws(Errno) in
      while !rest.isEmpty {
        if cancel.isSet { throw .canceled }
        do throws(Errno) {
          rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(try output.write(rest)))
        } catch .wouldBlock {
          _ = try output.wait(for: .writable, milliseconds: Self.lookInterval)
        }
      }
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(Errno) {
    try noting { () throws(Errno) in
      if cancel.isSet { throw .canceled }
      try output.writeAll(bytes, at: offset)
    }
  }

  private func noting(_ body: () throws(Errno) -> Void) throws(Errno) {
    do throws(Errno) { try body() } catch {
      failure = failure ?? error
      throw error
    }
  }

  /// The sentence for a write that failed, as QEMU has it.
  func sentence(for error: Errno) -> MigrationError {
    let what =
      switch end {
      case .file, .descriptor: "file"
      case .command: "command"
      case .socket: "socket"
      }
    return MigrationError("Unable to write to \(what): \(error)")
  }

  // MARK: The end

  /// Everything was written: puts a file in place, waits for a command to end well and for a socket's peer to take what is
  /// on its way.
  func finish() throws(MigrationError) {
    switch end {
    case .file(let file):
      isFinished = true
      do throws(Errno) { try file.commit() } catch { throw sentence(for: error) }
    case .command(let process):
      isFinished = true
      output.closeIgnoringErrors()
      try wait(for: process)
    case .socket:
      do throws(Errno) { try waitUntilTaken() } catch { throw sentence(for: error) }
      close()
    case .descriptor:
      isFinished = true
      do throws(Errno) { try output.close() } catch { throw sentence(for: error) }
    }
  }

  private func wait(for process: ChildProcess) throws(MigrationError) {
    while true {
      switch process.wait(nanoseconds: UInt64(Self.lookInterval) * 1_000_000) {
      case .exited(0): return
      case .exited(let status): throw MigrationError("The command exited with status \(status)")
      case .killed(let signal): throw MigrationError("The command was killed by signal \(signal)")
      case nil:
        if cancel.isSet {
          process.terminate()
          throw sentence(for: .canceled)
        }
      }
    }
  }

  /// Bytes in a socket's buffer are lost when the peer goes away: the guest must not end here before they have arrived.
  private func waitUntilTaken() throws(Errno) {
    while Socket.unsentByteCount(of: output) > 0 {
      if cancel.isSet { throw .canceled }
      if try output.wait(for: [], milliseconds: 1).contains(.hungUp) { break }
    }
    // A peer that leaves bytes unread resets the connection.
    if let error = Socket.pendingError(of: output) { throw error }
    if Socket.unsentByteCount(of: output) > 0 { throw .brokenPipe }
  }

  private func close() {
    if isFinished { return }
    isFinished = true
    output.closeIgnoringErrors()
  }

  /// Nothing more comes: removes an unfinished file, ends a command. Harmless after `finish`.
  func abandon() {
    if isFinished { return }
    switch end {
    case .file(let file):
      isFinished = true
      file.abandon()
    case .command(let process):
      close()
      process.terminate()
    case .socket, .descriptor: close()
    }
  }
}
