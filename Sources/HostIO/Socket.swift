// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// Where a stream socket listens or connects.
public enum SocketAddress: Hashable, Sendable {
  /// A name in the file system.
  case unix(BytePath)
  case abstract(AbstractName)
  /// Host name or literal (empty: every interface when listening, this host when connecting) and port number or service name.
  case tcp(host: String, port: String, family: IPFamily = .any)

  public enum IPFamily: Hashable, Sendable { case any, ipv4, ipv6 }
}

/// One end of a connected or listening socket, as numbers.
public enum SocketEndpoint: Hashable, Sendable {
  case unix(BytePath)
  case abstract(AbstractName)
  /// `host` is numeric, IPv6 without brackets.
  case tcp(host: String, port: UInt16, isIPv6: Bool)
  case other
}

/// What went wrong with a socket, and at which step; the caller words the message.
public enum SocketError: Error, Hashable, Sendable {
  case create(Errno)
  /// The unix path does not fit a `sockaddr_un` (107 bytes).
  case pathTooLong(BytePath)
  /// The last port of a range lies before the first.
  case noPorts
  case bind(Errno)
  case unlink(Errno)
  case listen(Errno)
  case connect(Errno)
  case accept(Errno)
  case option(Errno)
  /// The resolver's sentence (`Name or service not known`).
  case resolve(String)

  /// The system's reason, where there is one.
  public var errno: Errno? {
    switch self {
    case .create(let error), .bind(let error), .unlink(let error), .listen(let error), .connect(let error),
      .accept(let error),
      .option(let error):
      error
    case .pathTooLong, .noPorts, .resolve: nil
    }
  }
}

/// Stream sockets. Everything here is a `FileDescriptor`; the calls only know about addresses.
public enum Socket {
  /// Longest unix socket path in bytes, without its NUL.
  public static let unixPathLimit = 107

  /// Takes the first free port from that of the address to `lastPort`; nil: that port only.
  public static func listen(
    on address: SocketAddress, upTo lastPort: UInt16?, backlog: Int32 = 16
  ) throws(SocketError) -> FileDescriptor {
    guard let lastPort, case .tcp(let host, let port, let family) = address, let first = UInt16(port) else {
      return try listen(on: address, backlog: backlog)
    }
    guard first <= lastPort else { throw .noPorts }
    for number in first...lastPort {
      do throws(SocketError) {
        return try listen(on: .tcp(host: host, port: String(number), family: family), backlog: backlog)
      } catch .bind(.addressInUse) {
        continue
      }
    }
    throw .bind(.addressInUse)
  }

  /// Binds and listens. An old unix socket of that name is removed first; port 0 picks a free port (ask `localEndpoint`).
  public static func listen(on address: SocketAddress, backlog: Int32 = 16) throws(SocketError) -> FileDescriptor {
    switch address {
    case .abstract(let name):
      let socket = try make(AF_UNIX)
      do throws(SocketError) {
        if try withSocketAddress(name, { bind(socket.rawValue, $0, $1) }) != 0 { throw .bind(.last) }
        if Glibc.listen(socket.rawValue, backlog) != 0 { throw .listen(.last) }
        return socket
      } catch {
        socket.closeIgnoringErrors()
        throw error
      }
    case .unix(let path):
      let socket = try make(AF_UNIX)
      do throws(SocketError) {
        var name = try unixAddress(path)
        do throws(Errno) { try path.unlink() } catch .noSuchFile {} catch { throw SocketError.unlink(error) }
        if withSocketAddress(&name, { bind(socket.rawValue, $0, $1) }) != 0 { throw .bind(.last) }
        if Glibc.listen(socket.rawValue, backlog) != 0 { throw .listen(.last) }
        return socket
      } catch {
        socket.closeIgnoringErrors()
        throw error
      }
    case .tcp(let host, let port, let family):
      let candidates = try resolve(host, port, family, passive: true)
      var failure = SocketError.bind(.addressNotAvailable)
      for candidate in candidates {
        do throws(SocketError) { return try listen(on: candidate, backlog: backlog) } catch { failure = error }
      }
      throw failure
    }
  }

  /// Connects, waiting until it is done. `localhost` and names with several addresses are tried in the resolver's order.
  public static func connect(to address: SocketAddress) throws(SocketError) -> FileDescriptor {
    switch address {
    case .abstract(let name):
      let socket = try make(AF_UNIX)
      do throws(SocketError) {
        if try withSocketAddress(name, { linux_connect(socket.rawValue, $0, $1) }) != 0 { throw .connect(.last) }
        return socket
      } catch {
        socket.closeIgnoringErrors()
        throw error
      }
    case .unix(let path):
      let socket = try make(AF_UNIX)
      do throws(SocketError) {
        var name = try unixAddress(path)
        try connect(socket, &name)
        return socket
      } catch {
        socket.closeIgnoringErrors()
        throw error
      }
    case .tcp(let host, let port, let family):
      var failure = SocketError.connect(.addressNotAvailable)
      for candidate in try resolve(host, port, family, passive: false) {
        let socket = try make(candidate.family)
        do throws(SocketError) {
          if candidate.withAddress({ linux_connect(socket.rawValue, $0, $1) }) != 0 { throw .connect(.last) }
          return socket
        } catch {
          socket.closeIgnoringErrors()
          failure = error
        }
      }
      throw failure
    }
  }

  /// The next client of a listening socket; nil when the listener is non-blocking and nobody waits, or the client has left again.
  public static func accept(from listener: FileDescriptor) throws(Errno) -> FileDescriptor? {
    do throws(Errno) {
      return FileDescriptor(rawValue: try call { accept4(listener.rawValue, nil, nil, O_CLOEXEC) })
    } catch .wouldBlock {
      return nil
    } catch {
      if error.rawValue == ECONNABORTED { return nil }
      throw error
    }
  }

  /// Whether the socket is listening; `.notASocket` for anything else.
  public static func isListening(_ socket: FileDescriptor) throws(Errno) -> Bool {
    var value: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    _ = try call { getsockopt(socket.rawValue, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) }
    return value != 0
  }

  /// Turns Nagle's delay off (or on); an error for a unix socket is ignored.
  public static func setNoDelay(_ socket: FileDescriptor, _ enabled: Bool) {
    var value: Int32 = enabled ? 1 : 0
    _ = setsockopt(socket.rawValue, Int32(IPPROTO_TCP), TCP_NODELAY, &value, socklen_t(MemoryLayout<Int32>.size))
  }

  /// Bytes sent that the peer (unix) or the peer's kernel (TCP) has not taken yet; 0 for what is no socket.
  public static func unsentByteCount(of socket: FileDescriptor) -> Int {
    max(0, Int(linux_unsent_byte_count(socket.rawValue)))
  }

  /// What became of a connection since the last call that told (SO_ERROR); nil when it is well.
  public static func pendingError(of socket: FileDescriptor) -> Errno? {
    var value: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    guard getsockopt(socket.rawValue, SOL_SOCKET, SO_ERROR, &value, &length) == 0, value != 0 else { return nil }
    return Errno(value)
  }

  /// shutdown(2) for both directions.
  public static func shutDown(_ socket: FileDescriptor) { _ = shutdown(socket.rawValue, Int32(SHUT_RDWR)) }

  public static func localEndpoint(of socket: FileDescriptor) -> SocketEndpoint {
    endpoint { getsockname(socket.rawValue, $0, $1) }
  }

  public static func remoteEndpoint(of socket: FileDescriptor) -> SocketEndpoint {
    endpoint { getpeername(socket.rawValue, $0, $1) }
  }

  // MARK: Messages with descriptors

  /// Reads what is there, with the descriptors (SCM_RIGHTS) that came along; the receiver closes them. No bytes: end of stream.
  /// Works on sockets only.
  public static func receive(
    from socket: FileDescriptor, upTo byteCount: Int
  ) throws(Errno) -> (bytes: [UInt8], descriptors: [FileDescriptor]) {
    var fds = [Int32](repeating: -1, count: 16)
    var count: Int32 = 0
    var failure: Errno?
    let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, filled in
      do throws(Errno) {
        filled = try call {
          linux_receive_with_descriptors(
            socket.rawValue, UnsafeMutableRawPointer(buffer.baseAddress), byteCount, &fds, Int32(fds.count), &count)
        }
      } catch {
        failure = error
        filled = 0
      }
    }
    if let failure { throw failure }
    return (bytes, fds.prefix(Int(count)).map { FileDescriptor(rawValue: $0) })
  }

  /// Sends bytes (at least one) and descriptors in one message; returns the bytes taken. The sender keeps its descriptors.
  public static func send(
    _ bytes: [UInt8], descriptors: [FileDescriptor] = [], to socket: FileDescriptor
  ) throws(Errno) -> Int {
    let fds = descriptors.map(\.rawValue)
    return try bytes.withRaw { (buffer) throws(Errno) in
      try call {
        linux_send_with_descriptors(socket.rawValue, buffer.baseAddress, buffer.count, fds, Int32(fds.count))
      }
    }
  }

  // MARK: Inner workings

  private struct Candidate {
    let family: Int32
    let storage: [UInt8]

    func withAddress<Result>(_ body: (UnsafePointer<sockaddr>?, socklen_t) -> Result) -> Result {
      storage.withUnsafeBytes { body($0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count)) }
    }
  }

  private static func listen(on candidate: Candidate, backlog: Int32) throws(SocketError) -> FileDescriptor {
    let socket = try make(candidate.family)
    do throws(SocketError) {
      var yes: Int32 = 1
      let size = socklen_t(MemoryLayout<Int32>.size)
      // Else a restart within a minute of the last one fails.
      _ = setsockopt(socket.rawValue, SOL_SOCKET, SO_REUSEADDR, &yes, size)
      if candidate.family == AF_INET6 {
        // An IPv4 socket may listen beside this one on the same port.
        _ = setsockopt(socket.rawValue, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &yes, size)
      }
      if candidate.withAddress({ bind(socket.rawValue, $0, $1) }) != 0 { throw .bind(.last) }
      if Glibc.listen(socket.rawValue, backlog) != 0 { throw .listen(.last) }
      return socket
    } catch {
      socket.closeIgnoringErrors()
      throw error
    }
  }

  private static func connect(_ socket: FileDescriptor, _ name: inout sockaddr_un) throws(SocketError) {
    if withSocketAddress(&name, { linux_connect(socket.rawValue, $0, $1) }) != 0 { throw .connect(.last) }
  }

  private static func make(_ family: Int32) throws(SocketError) -> FileDescriptor {
    let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    if descriptor < 0 { throw .create(.last) }
    return FileDescriptor(rawValue: descriptor)
  }

  private static func unixAddress(_ path: BytePath) throws(SocketError) -> sockaddr_un {
    if path.bytes.count > unixPathLimit { throw .pathTooLong(path) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.bytes) }
    return address
  }

  private static func withSocketAddress<Result>(
    _ name: AbstractName, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) throws(SocketError) -> Result {
    guard name.bytes.count < AbstractName.limit else { throw .pathTooLong(BytePath(bytes: name.bytes)) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { path in
      for (index, byte) in name.bytes.enumerated() { path[index + 1] = byte }
    }
    // Two bytes of family and the NUL come first.
    let length = name.isTight ? 3 + name.bytes.count : MemoryLayout<sockaddr_un>.size
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
    }
  }

  private static func withSocketAddress<Result>(
    _ address: inout sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
  }

  private static func resolve(
    _ host: String, _ port: String, _ family: SocketAddress.IPFamily, passive: Bool
  ) throws(SocketError) -> [Candidate] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = passive ? AI_PASSIVE : 0
    hints.ai_family =
      switch family {
      case .any: AF_UNSPEC
      case .ipv4: AF_INET
      case .ipv6: AF_INET6
      }
    var list: UnsafeMutablePointer<addrinfo>?
    let code = host.isEmpty ? getaddrinfo(nil, port, &hints, &list) : getaddrinfo(host, port, &hints, &list)
    if code != 0 { throw .resolve(gai_strerror(code).map { String(cString: $0) } ?? "Unknown error") }
    defer { freeaddrinfo(list) }
    var found: [Candidate] = []
    var next = list
    while let entry = next {
      let bytes = UnsafeRawBufferPointer(start: entry.pointee.ai_addr, count: Int(entry.pointee.ai_addrlen))
      found.append(Candidate(family: entry.pointee.ai_family, storage: Array(bytes)))
      next = entry.pointee.ai_next
    }
    return found
  }

  private static func endpoint(
    _ ask: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
  ) -> SocketEndpoint {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let code = withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { ask($0, &length) }
    }
    if code != 0 { return .other }
    let family = Int32(storage.ss_family)
    return withUnsafeBytes(of: &storage) { raw in
      switch family {
      case AF_UNIX:
        // Two bytes of family come first; an unnamed socket has nothing after them.
        let name = raw.prefix(Int(length)).dropFirst(2)
        if name.first == 0 { return .abstract(AbstractName(kernel: name.dropFirst())) }
        return .unix(BytePath(bytes: name))
      case AF_INET, AF_INET6:
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let base = raw.baseAddress?.assumingMemoryBound(to: sockaddr.self)
        guard getnameinfo(base, length, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 else {
          return .other
        }
        let host = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // The port is at the same place in both address families, in network order.
        return .tcp(
          host: host, port: UInt16(raw[2]) << 8 | UInt16(raw[3]), isIPv6: family == AF_INET6)
      default:
        return .other
      }
    }
  }
}
