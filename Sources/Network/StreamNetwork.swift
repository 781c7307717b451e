// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform
import Synchronization

/// Who is at the other end of a stream.
public enum StreamPeer: Sendable, Equatable {
  case tcp(host: String, port: String)
  case unix(path: String)

  fileprivate var path: String { if case .unix(let path) = self { path } else { "" } }
}

/// A wire over a stream socket: each frame follows its length, four bytes in network order, as QEMU does it.
///
/// While nobody is at the other end frames are lost. A server takes one client at a time and waits for the next
/// when it leaves.
final class StreamNetwork: NetworkBackend {
  let port: NetworkPort
  private let link: StreamWire

  init(_ name: String, _ configuration: StreamConfiguration, _ host: NetworkHost) throws(NetworkError) {
    let port = NetworkPort(name: name, kind: configuration.isStream ? .stream : .socket)
    self.port = port
    link = StreamWire(port: port, host: host, isStream: configuration.isStream)
    port.receive = { [link] in link.send($0) }
    port.peerHasRoom = { [link] in link.inbox.deliver() }
    switch configuration.end {
    case .descriptor(let number):
      let descriptor = FileDescriptor(rawValue: number)
      do throws(Errno) {
        if try Socket.isListening(descriptor) {
          try link.listen(descriptor)
        } else {
          try link.open(descriptor)
          link.tell(StreamPeer(Socket.remoteEndpoint(of: descriptor)))
        }
      } catch  where error == .notASocket && !configuration.isStream {
        throw NetworkError("can't get socket option SO_TYPE")
      } catch {
        throw NetworkError("\(name): Can't use file descriptor \(number): \(error)")
      }
      port.details = configuration.isStream ? "fd:\(number)" : "socket: fd=\(number)"
    case .listen(let address):
      let listener: FileDescriptor
      do throws(SocketError) { listener = try Socket.listen(on: address, upTo: configuration.lastPort) } catch {
        if configuration.isStream {
          throw NetworkError("Failed to listen on \(StreamWire.text(address)): \(error.reason)")
        }
        throw NetworkError("can't bind ip=\(StreamWire.host(address)) to socket: \(error.reason)")
      }
      do throws(Errno) { try link.listen(listener) } catch { throw NetworkError("can't listen on socket: \(error)") }
    case .connect(let address): try link.connect(to: address)
    }
  }

  func close() { link.close() }
}

extension StreamPeer {
  init(_ endpoint: SocketEndpoint) {
    switch endpoint {
    case .tcp(let host, let port, _): self = .tcp(host: host, port: String(port))
    case .unix(let path): self = .unix(path: path.description)
    case .abstract(let name): self = .unix(path: String(decoding: name.bytes, as: UTF8.self))
    case .other: self = .unix(path: "")
    }
  }
}

extension SocketError {
  /// The system's sentence, or the resolver's.
  var reason: String {
    switch self {
    case .resolve(let text): text
    case .pathTooLong(let path): "UNIX socket path '\(path)' is too long"
    default: errno.map { "\($0)" } ?? "\(self)"
    }
  }
}

/// The sockets of a stream wire, on the event loop.
final class StreamWire: Sendable {
  private struct State {
    var listener: (FileDescriptor, EventLoop.Watch)?
    var link: FileDescriptor?
    var watch: EventLoop.Watch?
    var received: [UInt8] = []
    /// Bytes to send, from `sent` on.
    var output: [UInt8] = []
    var sent = 0
    var wasFull = false
    var isClosed = false
  }

  /// Longest frame that QEMU's end sends.
  private static let frameLimit = 4096 + 65536
  private static let outputLimit = 256 << 10

  let inbox: HostInbox
  private let state = Mutex(State())
  private let loop: EventLoop
  private let mailbox: Mailbox
  private let port: MachineBound<HostInbox.Reference>
  private let isStream: Bool
  private let resume: Guarded<(@Sendable () -> Void)?>

  init(port: NetworkPort, host: NetworkHost, isStream: Bool) {
    let resume = Guarded<(@Sendable () -> Void)?>(nil)
    self.resume = resume
    inbox = HostInbox(port: port, mailbox: host.mailbox) { resume.withLock { $0 }?() }
    self.port = MachineBound(HostInbox.Reference(port))
    (loop, mailbox, self.isStream) = (host.loop, host.mailbox, isStream)
    resume.withLock { $0 = { [weak self] in self?.readAgain() } }
  }

  static func host(_ address: SocketAddress) -> String {
    if case .tcp(let host, _, _) = address { host } else { "" }
  }

  static func text(_ address: SocketAddress) -> String {
    switch address {
    case .tcp(let host, let port, _): "\(host):\(port)"
    case .unix(let path): "\(path)"
    case .abstract(let name): String(decoding: name.bytes, as: UTF8.self)
    }
  }

  private func setDetails(_ text: String) {
    let port = port
    mailbox.post { port.value.port?.details = text }
  }

  /// Somebody has come to the other end; nil: has left it.
  func tell(_ peer: StreamPeer?) {
    let port = port
    mailbox.post { port.value.port?.streamHandler(peer) }
  }

  // MARK: Connections

  func listen(_ listener: FileDescriptor) throws(Errno) {
    try listener.setNonBlocking(true)
    let watch = try loop.watch(listener, .readable) { [weak self] _ in self?.accept() }
    state.withLock { $0.listener = (listener, watch) }
  }

  private func accept() {
    guard let listener = state.withLock({ $0.link == nil ? $0.listener?.0 : nil }),
      let client = try? Socket.accept(from: listener)
    else { return }
    do throws(Errno) {
      try open(client)
      // One client at a time: the next one waits in the kernel's queue.
      state.withLock { $0.listener?.1 }?.setInterest([])
      if case .tcp(let host, let port, _) = Socket.remoteEndpoint(of: client) {
        setDetails(isStream ? "tcp:\(host):\(port)" : "socket: connection from \(host):\(port)")
        tell(.tcp(host: host, port: String(port)))
      } else if case .unix(let path) = Socket.localEndpoint(of: client) {
        setDetails("unix:\(path)")
        tell(.unix(path: path.description))
      } else if case .abstract = Socket.localEndpoint(of: client) {
        let peer = StreamPeer(Socket.localEndpoint(of: client))
        setDetails("unix:\(peer.path)")
        tell(peer)
      }
    } catch { client.closeIgnoringErrors() }
  }

  /// Connects on a thread of its own, as a name or a peer may take its time. A peer that is not there leaves the wire
  /// dead, as with QEMU.
  func connect(to address: SocketAddress) throws(NetworkError) {
    do throws(Errno) {
      _ = try Thread(name: "net-connect") { [self] in
        guard let socket = try? Socket.connect(to: address) else { return }
        do throws(Errno) {
          try open(socket)
          switch address {
          case .tcp: setDetails((isStream ? "tcp:" : "socket: connect to ") + Self.text(address))
          case .unix, .abstract: setDetails("unix:\(Self.text(address))")
          }
          tell(StreamPeer(Socket.remoteEndpoint(of: socket)))
        } catch { socket.closeIgnoringErrors() }
      }
    } catch { throw NetworkError("can't connect socket: \(error)") }
  }

  func open(_ socket: FileDescriptor) throws(Errno) {
    try socket.setNonBlocking(true)
    Socket.setNoDelay(socket, true)
    let watch = try loop.watch(socket, .readable) { [weak self] readiness in self?.ready(readiness) }
    let isClosed = state.withLock { state in
      (state.link, state.watch) = (socket, watch)
      (state.received, state.output, state.sent) = ([], [], 0)
      return state.isClosed
    }
    if isClosed { disconnect() }
  }

  private func disconnect() {
    let (socket, watch, listener) = state.withLock { state in
      defer {
        (state.link, state.watch) = (nil, nil)
        (state.received, state.output, state.sent) = ([], [], 0)
      }
      return (state.link, state.watch, state.listener)
    }
    watch?.cancel()
    socket?.closeIgnoringErrors()
    if !state.withLock({ $0.isClosed }) {
      listener?.1.setInterest(.readable)
      setDetails("")
      if socket != nil { tell(nil) }
    }
    wakeSender()
  }

  func close() {
    let listener = state.withLock { state in
      state.isClosed = true
      defer { state.listener = nil }
      return state.listener
    }
    listener?.1.cancel()
    listener?.0.closeIgnoringErrors()
    disconnect()
  }

  // MARK: Frames

  /// From the machine thread.
  func send(_ frame: [UInt8]) -> Bool {
    state.withLock { state in
      guard state.link != nil else { return true }
      guard state.output.count - state.sent < Self.outputLimit else {
        state.wasFull = true
        return false
      }
      for shift in [24, 16, 8, 0] { state.output.append(UInt8(truncatingIfNeeded: frame.count >> shift)) }
      state.output += frame
      flush(&state)
      return true
    }
  }

  /// Writes what the socket takes; the watch asks for the rest.
  private func flush(_ state: inout State) {
    guard let link = state.link else { return }
    while state.sent < state.output.count {
      let rest = Array(state.output[state.sent...].prefix(64 << 10))
      guard let count = try? Socket.send(rest, to: link) else { break }
      state.sent += count
    }
    if state.sent == state.output.count {
      (state.output, state.sent) = ([], 0)
    } else if state.sent > 1 << 16 {
      state.output.removeFirst(state.sent)
      state.sent = 0
    }
    var interest: FileDescriptor.Readiness = inbox.isFull ? [] : .readable
    if !state.output.isEmpty { interest.insert(.writable) }
    state.watch?.setInterest(interest)
  }

  private func wakeSender() {
    let wasFull = state.withLock { state in
      let isRoomy = state.wasFull && state.output.count - state.sent < Self.outputLimit / 2
      if isRoomy { state.wasFull = false }
      return isRoomy
    }
    guard wasFull else { return }
    let port = port
    mailbox.post { port.value.port?.becameReady() }
  }

  private func readAgain() { loop.post { [self] in state.withLock { flush(&$0) } } }

  private func ready(_ readiness: FileDescriptor.Readiness) {
    if readiness.contains(.readable) || readiness.contains(.hungUp) {
      guard let link = state.withLock({ $0.link }) else { return }
      do throws(Errno) {
        let bytes = try link.read(upTo: 64 << 10)
        guard !bytes.isEmpty, take(bytes) else { return disconnect() }
      } catch .wouldBlock {} catch { return disconnect() }
    }
    state.withLock { flush(&$0) }
    wakeSender()
  }

  /// Cuts the stream into frames; false when the other end is not one of ours.
  private func take(_ bytes: [UInt8]) -> Bool {
    let frames = state.withLock { state -> [[UInt8]]? in
      state.received += bytes
      var frames: [[UInt8]] = []
      var position = 0
      while state.received.count - position >= 4 {
        let length = state.received[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
        guard length <= Self.frameLimit else { return nil }
        guard state.received.count - position - 4 >= length else { break }
        frames.append(Array(state.received[position + 4..<position + 4 + length]))
        position += 4 + length
      }
      state.received.removeFirst(position)
      return frames
    }
    guard let frames else { return false }
    for frame in frames where !frame.isEmpty { inbox.put(frame) }
    return true
  }
}
