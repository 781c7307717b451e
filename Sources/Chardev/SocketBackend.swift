// SPDX-License-Identifier: Apache-2.0
import HostIO
import Synchronization

/// `socket`: a unix or TCP stream, as server or client.
///
/// A server talks to one client at a time; others wait in the kernel's queue. Without a client, output is dropped.
final class SocketBackend: CharacterBackend {
  private struct State {
    var link: StreamLink?
    var linkName = ""
    var telnet = Telnet()
    /// Input of a client that left before the front end had taken it.
    var leftover = ByteQueue()
    var listenWatch: EventLoop.Watch?
    var reconnectTimer: EventLoop.Timer?
    var hasReportedFailure = false
    var isClosed = false
    var droppedBefore: UInt64 = 0
  }

  private static let leftoverLimit = 1 << 20

  private let id: String
  private let configuration: SocketConfiguration
  private let sink: Sink
  private let loop: EventLoop
  private let host: ChardevHost
  private let listener: FileDescriptor?
  private let disconnectedName: String
  private let state = Mutex(State())

  /// Listens or connects. A server that waits returns when its first client is there.
  init(
    id: String, _ configuration: SocketConfiguration, sink: Sink, loop: EventLoop, host: ChardevHost
  ) throws(ChardevError) {
    if configuration.isServer && configuration.reconnectSeconds > 0 { throw .reconnectOnServer }
    if !configuration.isServer && configuration.waits != nil { throw .waitOnClient }
    (self.id, self.configuration, self.sink, self.loop, self.host) = (id, configuration, sink, loop, host)
    listener = configuration.isServer ? try Self.listen(configuration) : nil
    disconnectedName =
      listener.map { Self.serverName(Socket.localEndpoint(of: $0), configuration) } ?? Self.clientName(configuration)
    if let listener { try startServer(listener) } else { try startClient() }
  }

  // MARK: Names

  var filename: String {
    state.withLock { $0.link == nil ? "disconnected:" + disconnectedName : $0.linkName }
  }

  private static func scheme(_ configuration: SocketConfiguration) -> String {
    configuration.isTelnet ? "telnet:" : "tcp:"
  }

  private static func serverName(_ local: SocketEndpoint, _ configuration: SocketConfiguration) -> String {
    switch local {
    case .unix(let path): "unix:\(path),server=on"
    case .abstract(let name): "unix:\(name),server=on"
    case .tcp(let host, let port, _): "\(scheme(configuration))\(host):\(port),server=on"
    case .other: "socket,server=on"
    }
  }

  private static func clientName(_ configuration: SocketConfiguration) -> String {
    switch configuration.address {
    case .unix(let path): "unix:\(path)"
    case .abstract(let name): "unix:\(name)"
    case .tcp(let host, let port, _): "\(scheme(configuration))\(host):\(port)"
    case .descriptor(let descriptor): "fd:\(descriptor.rawValue)"
    }
  }

  private static func linkName(_ socket: FileDescriptor, _ configuration: SocketConfiguration) -> String {
    let server = configuration.isServer ? ",server=on" : ""
    switch (Socket.localEndpoint(of: socket), Socket.remoteEndpoint(of: socket)) {
    case (.tcp(let host, let port, let isIPv6), .tcp(let peerHost, let peerPort, _)):
      let (left, right) = isIPv6 ? ("[", "]") : ("", "")
      let ours = "\(left)\(host)\(right):\(port)\(server)"
      return "\(scheme(configuration))\(ours) <-> \(left)\(peerHost)\(right):\(peerPort)"
    case (.unix(let path), _): return "unix:\(path)\(server)"
    case (.abstract(let name), _): return "unix:\(name)\(server)"
    default: return "socket\(server)"
    }
  }

  // MARK: Server

  private static func listen(_ configuration: SocketConfiguration) throws(ChardevError) -> FileDescriptor {
    let address = configuration.address
    do throws(SocketError) {
      switch address {
      case .unix(let path): return try Socket.listen(on: .unix(path))
      case .abstract(let name): return try Socket.listen(on: .abstract(name))
      case .tcp(let host, let port, let family):
        return try Socket.listen(on: .tcp(host: host, port: port, family: family), upTo: configuration.lastPort)
      case .descriptor(let descriptor):
        do throws(Errno) {
          if try !Socket.isListening(descriptor) { throw Errno.invalidArgument }
          try descriptor.setCloseOnExec()
        } catch { throw SocketError.listen(error) }
        return descriptor
      }
    } catch .listen(.notASocket) where address.isDescriptor {
      throw notASocket(address)
    } catch .listen(.badFileDescriptor) where address.isDescriptor {
      throw notASocket(address)
    } catch {
      throw .socket(error, address)
    }
  }

  private static func notASocket(_ address: SocketConfiguration.Address) -> ChardevError {
    if case .descriptor(let descriptor) = address { return .notASocket(descriptor) }
    return .notASocket(FileDescriptor(rawValue: -1))
  }

  private func startServer(_ listener: FileDescriptor) throws(ChardevError) {
    do throws(Errno) {
      if configuration.waits ?? true {
        host.report("info: QEMU waiting for connection on: \(filename)")
        while true {
          _ = try listener.wait(for: .readable, milliseconds: -1)
          if let client = try Socket.accept(from: listener) {
            try adopt(client)
            break
          }
        }
      }
      try listener.setNonBlocking(true)
      let watch = try loop.watch(listener, []) { [weak self] _ in self?.acceptClient() }
      state.withLock { state in
        state.listenWatch = watch
        if state.link == nil { watch.setInterest(.readable) }
      }
    } catch {
      listener.closeIgnoringErrors()
      throw .socket(.accept(error), configuration.address)
    }
  }

  private func acceptClient() {
    guard let listener, let client = try? Socket.accept(from: listener) else { return }
    state.withLock { $0.listenWatch?.setInterest([]) }
    do throws(Errno) { try adopt(client) } catch { state.withLock { $0.listenWatch?.setInterest(.readable) } }
  }

  // MARK: Client

  private func startClient() throws(ChardevError) {
    if configuration.reconnectSeconds > 0 {
      loop.post { [self] in connectLater() }
      return
    }
    let socket = try connect()
    do throws(Errno) { try adopt(socket) } catch { throw .watch(error) }
  }

  private func connect() throws(ChardevError) -> FileDescriptor {
    do throws(SocketError) {
      switch configuration.address {
      case .unix(let path): return try Socket.connect(to: .unix(path))
      case .abstract(let name): return try Socket.connect(to: .abstract(name))
      case .tcp(let host, let port, let family):
        return try Socket.connect(to: .tcp(host: host, port: port, family: family))
      case .descriptor(let descriptor):
        do throws(Errno) {
          _ = try Socket.isListening(descriptor)
          try descriptor.setCloseOnExec()
        } catch { throw SocketError.option(error) }
        return descriptor
      }
    } catch {
      if case .option = error { throw Self.notASocket(configuration.address) }
      throw .socket(error, configuration.address)
    }
  }

  /// Connecting may take minutes, so a thread of its own does it.
  private func connectLater() {
    if state.withLock({ $0.isClosed }) { return }
    let thread = try? Thread(name: "connect") { [self] in
      let result: Result<FileDescriptor, ChardevError>
      do throws(ChardevError) { result = .success(try connect()) } catch { result = .failure(error) }
      loop.post { [self] in connected(result) }
    }
    if thread == nil { scheduleReconnect() }
  }

  private func connected(_ result: Result<FileDescriptor, ChardevError>) {
    switch result {
    case .success(let socket):
      if state.withLock({ $0.isClosed }) { return socket.closeIgnoringErrors() }
      do throws(Errno) {
        try adopt(socket)
        state.withLock { $0.hasReportedFailure = false }
      } catch { scheduleReconnect() }
    case .failure(let error):
      let isFirst = state.withLock { state in
        defer { state.hasReportedFailure = true }
        return !state.hasReportedFailure && !state.isClosed
      }
      if isFirst { host.report("Unable to connect character device \(id): \(error)") }
      scheduleReconnect()
    }
  }

  private func scheduleReconnect() {
    guard configuration.reconnectSeconds > 0 else { return }
    let delay = UInt64(min(configuration.reconnectSeconds, 86400)) * 1_000_000_000
    state.withLock { state in
      if state.isClosed { return }
      state.reconnectTimer = loop.after(nanoseconds: delay) { [weak self] in self?.connectLater() }
    }
  }

  // MARK: One connection

  /// Takes a connected socket, which it closes when that fails.
  private func adopt(_ socket: FileDescriptor) throws(Errno) {
    Socket.setNoDelay(socket, configuration.noDelay)
    let link: StreamLink
    do throws(Errno) {
      link = try StreamLink(
        socket, isSocket: true, loop: loop, drained: { [sink] in sink.outputDrained() },
        ready: { [weak self] link, readiness in self?.ready(link, readiness) })
    } catch {
      socket.closeIgnoringErrors()
      throw error
    }
    if configuration.isTelnet { _ = link.write(Telnet.greeting, .complete) }
    let isClosed = state.withLock { state in
      if state.isClosed { return true }
      state.link = link
      state.linkName = Self.linkName(socket, configuration)
      state.telnet = Telnet()
      return false
    }
    if isClosed { return link.close() }
    loop.post { [self] in
      if state.withLock({ $0.link === link }) {
        sink.event(.opened)
        inputWanted()
      }
    }
  }

  private func ready(_ link: StreamLink, _ readiness: FileDescriptor.Readiness) {
    guard state.withLock({ $0.link === link }) else { return }
    let room = state.withLock({ $0.leftover.isEmpty }) ? sink.canReceive : 0
    if room > 0 {
      do throws(Errno) {
        if let got = try link.read(upTo: min(room, 16384)) {
          if got.bytes.isEmpty {
            sink.receive(got.descriptors)
            return disconnect(link)
          }
          deliver(got.bytes, got.descriptors)
        }
        inputWanted()
      } catch { disconnect(link) }
    } else if readiness.contains(.hungUp) {
      saveLeftover(link)
      disconnect(link)
    } else {
      inputWanted()
    }
  }

  private func deliver(_ bytes: [UInt8], _ descriptors: [FileDescriptor]) {
    sink.receive(descriptors)
    if !configuration.isTelnet { return sink.receive(bytes) }
    for item in state.withLock({ $0.telnet.receive(bytes) }) {
      switch item {
      case .data(let data): sink.receive(data)
      case .serialBreak: sink.event(.serialBreak)
      }
    }
  }

  /// Keeps what a leaving client had sent (at most 1 MiB), so that its place is free for the next one. A monitor hears
  /// nothing more from a client that has gone: the next one must not be answered for it.
  private func saveLeftover(_ link: StreamLink) {
    if sink.frontEnd?.delivery == .complete { return }
    while state.withLock({ $0.leftover.count }) < Self.leftoverLimit, let got = try? link.read(upTo: 16384) {
      sink.receive(got.descriptors)
      if got.bytes.isEmpty { return }
      state.withLock { state in
        if configuration.isTelnet {
          for case .data(let data) in state.telnet.receive(got.bytes) { state.leftover.append(data) }
        } else {
          state.leftover.append(got.bytes)
        }
      }
    }
  }

  private func disconnect(_ link: StreamLink) {
    let wasOurs = state.withLock { state in
      guard state.link === link else { return false }
      state.link = nil
      state.linkName = ""
      return true
    }
    guard wasOurs else { return }
    link.close()
    state.withLock { $0.droppedBefore &+= link.droppedByteCount }
    sink.event(.closed)
    // Not before the event: a front end hears of one client at a time.
    state.withLock { $0.listenWatch?.setInterest(.readable) }
    scheduleReconnect()
  }

  func inputWanted() {
    while true {
      let room = sink.canReceive
      let piece = state.withLock { $0.leftover.isEmpty || room == 0 ? [] : $0.leftover.take(min(room, 16384)) }
      if piece.isEmpty { break }
      sink.receive(piece)
    }
    let (link, isBlocked) = state.withLock { ($0.link, !$0.leftover.isEmpty) }
    link?.setInput(!isBlocked && sink.canReceive > 0, hangUp: true)
  }

  // MARK: CharacterBackend

  var isOpen: Bool { state.withLock { $0.link != nil } }
  var queuedByteCount: Int { state.withLock { $0.link }?.queuedByteCount ?? 0 }
  var droppedByteCount: UInt64 {
    let (before, link) = state.withLock { ($0.droppedBefore, $0.link) }
    return before &+ (link?.droppedByteCount ?? 0)
  }

  func write(_ bytes: [UInt8], _ delivery: FrontEnd.Delivery) -> Int {
    guard let link = state.withLock({ $0.link }) else { return 0 }
    return link.write(configuration.isTelnet ? Telnet.encode(bytes) : bytes, delivery)
  }

  func flush(nanoseconds: UInt64) -> Bool {
    state.withLock { $0.link }?.flush(nanoseconds: nanoseconds) ?? true
  }

  func close() {
    let (link, watch) = state.withLock { state -> (StreamLink?, EventLoop.Watch?) in
      state.isClosed = true
      state.reconnectTimer?.cancel()
      defer { (state.link, state.listenWatch, state.reconnectTimer) = (nil, nil, nil) }
      return (state.link, state.listenWatch)
    }
    link?.close()
    watch?.cancel()
    if let listener, watch != nil {
      if case .unix(let path) = configuration.address { try? path.unlink() }
      listener.closeIgnoringErrors()
    }
  }
}

extension SocketConfiguration.Address {
  var isAbstract: Bool { if case .abstract = self { true } else { false } }
  var isDescriptor: Bool { if case .descriptor = self { true } else { false } }
}
