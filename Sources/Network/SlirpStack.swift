// SPDX-License-Identifier: Apache-2.0
import CSlirp
import HostIO

/// libslirp behind a small safe surface: one TCP/IP stack, its callbacks and its timers. Used on one thread at a time.
///
/// Safe: libslirp holds the callback table and the address of this object; both live until `slirp_cleanup` in deinit.
final class SlirpStack {
  /// SLIRP_POLL_IN and its kin, whose type in Swift differs by compiler.
  private enum Flag {
    static let readable: Int32 = 1
    static let writable: Int32 = 2
    static let urgent: Int32 = 4
    static let failed: Int32 = 8
    static let hungUp: Int32 = 16
  }

  private struct Timer {
    let id: SlirpTimerId
    let context: UnsafeMutableRawPointer?
    /// Milliseconds of virtual time, nil while it is not armed.
    var deadline: Int64?
  }

  private var slirp: OpaquePointer?
  private let callbacks = UnsafeMutablePointer<SlirpCb>.allocate(capacity: 1)
  private var timers: [Int: Timer] = [:]
  private var nextTimer = 1
  private var pollSet = PollSet()
  private var forwards: [Forward] = []
  /// The timer that ends the wait under way.
  private var lentUntil: Int64?

  /// Frames for the guest.
  var output: ([UInt8]) -> Void = { _ in }
  /// Virtual nanoseconds.
  let now: () -> Int64
  /// What libslirp sends of its own accord (router advertisements) stays away.
  let isQuiet: Bool

  init(_ configuration: UserConfiguration, isQuiet: Bool, now: @escaping () -> Int64) throws(NetworkError) {
    self.now = now
    self.isQuiet = isQuiet
    callbacks.initialize(to: Self.makeCallbacks())
    let this = Unmanaged.passUnretained(self).toOpaque()
    let table = callbacks
    slirp = Self.withConfiguration(configuration) { slirp_new($0, table, this) }
    guard slirp != nil else { throw NetworkError("user networking could not be set up") }
    for forward in configuration.guestForwards {
      guard case .command(let command) = forward.target else { continue }
      var address = Self.address(forward.address)
      let code = command.withCString { slirp_add_exec(slirp, $0, &address, Int32(forward.port)) }
      guard code >= 0 else {
        throw NetworkError("Conflicting/invalid host:port in guest forwarding rule '\(forward.text)'")
      }
    }
    for rule in configuration.hostForwards { try add(rule) }
  }

  deinit {
    if let slirp { slirp_cleanup(slirp) }
    callbacks.deinitialize(count: 1)
    callbacks.deallocate()
  }

  // MARK: Forwarded addresses

  /// A forwarded address with a channel behind it. libslirp knows it by its place in memory, so it lives as long as the stack.
  private final class Forward {
    var address: in_addr
    let port: Int32
    let queue: GuestQueue
    let channel: GuestChannel

    init(_ address: in_addr, _ port: Int32, _ queue: GuestQueue, _ channel: GuestChannel) {
      (self.address, self.port, self.queue, self.channel) = (address, port, queue, channel)
    }
  }

  /// Has connections of the guest to an address reach a channel.
  func add(_ forward: GuestForward, _ queue: GuestQueue, _ channel: GuestChannel) throws(NetworkError) {
    let entry = Forward(Self.address(forward.address), Int32(forward.port), queue, channel)
    let code = slirp_add_guestfwd(
      slirp,
      { bytes, count, context in
        guard let bytes, let context else { return -1 }
        let forward = Unmanaged<Forward>.fromOpaque(context).takeUnretainedValue()
        forward.channel.write(Array(UnsafeRawBufferPointer(start: bytes, count: count)))
        return count
      }, Unmanaged.passUnretained(entry).toOpaque(), &entry.address, entry.port)
    guard code >= 0 else {
      throw NetworkError("Conflicting/invalid host:port in guest forwarding rule '\(forward.text)'")
    }
    forwards.append(entry)
  }

  /// Gives the guest what has come for it, as far as its connections have room.
  func feedForwards() {
    for forward in forwards {
      let room = slirp_socket_can_recv(slirp, forward.address, forward.port)
      guard room > 0 else { continue }
      let bytes = forward.queue.take(Int(clamping: room))
      if bytes.isEmpty { continue }
      bytes.withUnsafeBufferPointer { buffer in
        slirp_socket_recv(slirp, forward.address, forward.port, buffer.baseAddress, Int32(clamping: buffer.count))
      }
      forward.channel.acceptInput()
    }
  }

  // MARK: Use

  /// A frame from the guest. What waited for it (a packet for a station that an ARP reply now names) goes at once; libslirp by
  /// itself would send it after the next wait for sockets.
  func input(_ frame: [UInt8]) {
    frame.withUnsafeBufferPointer { slirp_input(slirp, $0.baseAddress, Int32(clamping: $0.count)) }
    // An error instead of ready sockets: only queues and timers are looked at.
    slirp_pollfds_poll(slirp, 1, { _, _ in 0 }, nil)
  }

  func add(_ rule: ForwardRule) throws(NetworkError) {
    let code = slirp_add_hostfwd(
      slirp, rule.isUDP ? 1 : 0, Self.address(rule.hostAddress), Int32(rule.hostPort), Self.address(rule.guestAddress),
      Int32(rule.guestPort))
    if code < 0 { throw NetworkError("Could not set up host forwarding rule '\(rule.text)'") }
  }

  /// False when there is no such rule.
  func remove(_ rule: ForwardRule) -> Bool {
    slirp_remove_hostfwd(slirp, rule.isUDP ? 1 : 0, Self.address(rule.hostAddress), Int32(rule.hostPort)) == 0
  }

  /// libslirp's own table of connections and rules.
  var connections: String {
    guard let text = slirp_connection_info(slirp) else { return "" }
    defer { text.deallocate() }
    return String(cString: text)
  }

  /// Whether `poll` would now wait for something other than it does while it lends the stack.
  var hasBusiness: Bool {
    var milliseconds = Self.idleMilliseconds
    pollSet.removeAll()
    fillPollSet(&milliseconds)
    return !isIdle(pollSet.count, milliseconds) || nextDeadline != lentUntil
  }

  /// No socket is waited for, no timeout that is soon and no forwarded address. Connections that have ended stay for some
  /// seconds, for which libslirp wants to look at them twice a second (TCP's slow timeout).
  private func isIdle(_ socketCount: Int, _ milliseconds: UInt32) -> Bool {
    socketCount == 0 && milliseconds >= Self.slowMilliseconds && forwards.isEmpty
  }

  /// Milliseconds for which libslirp waits when nothing is to be done.
  private static let idleMilliseconds: UInt32 = 1000
  /// At most what it waits for the slow timeout, and far more than for any other.
  private static let slowMilliseconds: UInt32 = 400

  private var nextDeadline: Int64? { timers.values.compactMap(\.deadline).min() }

  private func fillPollSet(_ milliseconds: inout UInt32) {
    slirp_pollfds_fill(
      slirp, &milliseconds,
      { descriptor, events, context in
        guard let context else { return -1 }
        return Unmanaged<SlirpStack>.fromOpaque(context).takeUnretainedValue().watch(descriptor, events)
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  /// Waits for about a second at most until a socket, a timer or the waker has something, then lets libslirp work. With
  /// `servesSockets` off only the waker and the timers count.
  ///
  /// - Parameter wait: calls what it is given, which does the waiting. When it is told that there is no business, it may lend the
  ///   stack to others meanwhile, if they wake it as soon as there is.
  func poll(_ waker: Waker, servesSockets: Bool, waitingIn wait: (_ mayLend: Bool, () -> Bool) -> Bool) {
    var milliseconds = Self.idleMilliseconds
    pollSet.removeAll()
    let wakerIndex = pollSet.add(waker.descriptor, .readable)
    if servesSockets { fillPollSet(&milliseconds) }
    let mayLend = servesSockets && isIdle(pollSet.count - 1, milliseconds)
    lentUntil = nextDeadline
    if let deadline = lentUntil {
      milliseconds = min(milliseconds, UInt32(clamping: max(0, deadline &- now() / 1_000_000)))
    }
    // Others may use the set that is kept.
    var set = pollSet
    let isGood = wait(mayLend) { set.wait(milliseconds: Int32(clamping: milliseconds)) }
    pollSet = set
    if pollSet.events(at: wakerIndex).contains(.readable) { waker.drain() }
    if servesSockets {
      if mayLend {
        // Whoever had the stack may have made sockets, of which nothing is known yet.
        var unused = Self.idleMilliseconds
        pollSet.removeAll()
        fillPollSet(&unused)
      }
      slirp_pollfds_poll(
        slirp, isGood ? 0 : 1,
        { index, context in
          guard let context else { return 0 }
          return Unmanaged<SlirpStack>.fromOpaque(context).takeUnretainedValue().readiness(index)
        }, Unmanaged.passUnretained(self).toOpaque())
    }
    runTimers()
  }

  private func watch(_ descriptor: Int32, _ wanted: Int32) -> Int32 {
    var events: PollSet.Events = []
    if wanted & Flag.readable != 0 { events.insert(.readable) }
    if wanted & Flag.writable != 0 { events.insert(.writable) }
    if wanted & Flag.urgent != 0 { events.insert(.urgent) }
    if wanted & Flag.failed != 0 { events.insert(.failed) }
    if wanted & Flag.hungUp != 0 { events.insert(.hungUp) }
    return Int32(clamping: pollSet.add(FileDescriptor(rawValue: descriptor), events))
  }

  private func readiness(_ index: Int32) -> Int32 {
    let events = pollSet.events(at: Int(index))
    var result: Int32 = 0
    if events.contains(.readable) { result |= Flag.readable }
    if events.contains(.writable) { result |= Flag.writable }
    if events.contains(.urgent) { result |= Flag.urgent }
    if events.contains(.failed) { result |= Flag.failed }
    if events.contains(.hungUp) { result |= Flag.hungUp }
    return result
  }

  private func runTimers() {
    let now = now() / 1_000_000
    for (handle, timer) in timers {
      guard let deadline = timer.deadline, deadline <= now else { continue }
      timers[handle]?.deadline = nil
      slirp_handle_timer(slirp, timer.id, timer.context)
    }
  }

  // MARK: Callbacks

  private static func stack(_ context: UnsafeMutableRawPointer?) -> SlirpStack? {
    context.map { Unmanaged<SlirpStack>.fromOpaque($0).takeUnretainedValue() }
  }

  private static func makeCallbacks() -> SlirpCb {
    var table = SlirpCb()
    table.send_packet = { bytes, count, context in
      guard let bytes, let stack = SlirpStack.stack(context) else { return -1 }
      stack.output(Array(UnsafeRawBufferPointer(start: bytes, count: count)))
      return count
    }
    table.guest_error = { _, _ in }
    table.clock_get_ns = { SlirpStack.stack($0)?.now() ?? 0 }
    table.timer_free = { handle, context in
      SlirpStack.stack(context)?.timers[Int(bitPattern: handle)] = nil
    }
    table.timer_mod = { handle, deadline, context in
      guard let stack = SlirpStack.stack(context), !stack.isQuiet else { return }
      stack.timers[Int(bitPattern: handle)]?.deadline = deadline
    }
    table.register_poll_fd = { _, _ in }
    table.unregister_poll_fd = { _, _ in }
    table.notify = { _ in }
    table.init_completed = { _, _ in }
    table.timer_new_opaque = { id, timerContext, context in
      guard let stack = SlirpStack.stack(context) else { return nil }
      defer { stack.nextTimer += 1 }
      stack.timers[stack.nextTimer] = Timer(id: id, context: timerContext)
      return UnsafeMutableRawPointer(bitPattern: stack.nextTimer)
    }
    return table
  }

  // MARK: Configuration

  private static func address(_ value: UInt32) -> in_addr { in_addr(s_addr: value.bigEndian) }

  private static func address(_ bytes: [UInt8]) -> in6_addr {
    var address = in6_addr()
    withUnsafeMutableBytes(of: &address) { $0.copyBytes(from: bytes.prefix(16)) }
    return address
  }

  /// libslirp copies what it is given, so the strings live only as long as the call.
  private static func withConfiguration(
    _ user: UserConfiguration, _ body: (UnsafePointer<SlirpConfig>) -> OpaquePointer?
  ) -> OpaquePointer? {
    var strings: [UnsafeMutablePointer<CChar>] = []
    defer { for string in strings { string.deallocate() } }
    func string(_ text: String?) -> UnsafePointer<CChar>? {
      guard let text else { return nil }
      let bytes = Array(text.utf8) + [0]
      let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
      for (index, byte) in bytes.enumerated() { copy[index] = CChar(bitPattern: byte) }
      strings.append(copy)
      return UnsafePointer(copy)
    }
    var config = SlirpConfig()
    config.version = 4
    config.restricted = user.isRestricted ? 1 : 0
    config.in_enabled = user.hasIPv4
    config.vnetwork = address(user.network)
    config.vnetmask = address(user.mask)
    config.vhost = address(user.host)
    config.in6_enabled = user.hasIPv6
    config.vprefix_addr6 = address(user.ipv6Prefix)
    config.vprefix_len = UInt8(clamping: user.ipv6PrefixLength)
    config.vhost6 = address(user.ipv6Host)
    config.vhostname = string(user.hostname)
    config.tftp_server_name = string(user.tftpServerName)
    config.tftp_path = string(user.tftpFolder)
    config.bootfile = string(user.bootFile)
    config.vdhcp_start = address(user.dhcpStart)
    config.vnameserver = address(user.nameServer)
    config.vnameserver6 = address(user.ipv6NameServer)
    config.vdomainname = string(user.domainName)
    var domains = user.searchDomains.map { string($0) } + [nil]
    return domains.withUnsafeMutableBufferPointer { list in
      if !user.searchDomains.isEmpty { config.vdnssearch = list.baseAddress }
      return body(&config)
    }
  }
}
