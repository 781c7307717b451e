// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

/// `-netdev user`: a private network with a router, DHCP, DNS and TFTP in front of the guest, on the host's own sockets.
///
/// Under instruction counting the answers that the network itself gives (ARP, DHCP, ping of the router, TFTP) arrive a
/// fixed virtual time after the question, and the machine waits for them there; so a guest that talks only to the
/// network's own services runs the same every time. What comes from sockets of the host is outside input.
final class UserNetwork: NetworkBackend {
  /// Virtual time until an answer of the network itself arrives.
  private static let answerDelay = 100 * Nanoseconds.microsecond

  let port: NetworkPort
  let configuration: UserConfiguration
  private let engine: SlirpEngine
  private let inbox: HostInbox
  private let channels: [GuestChannel]
  private let clock: VirtualClock
  private let isCounted: Bool
  private var number: UInt64 = 0
  /// Frames whose answers are due, soonest first.
  private var questions: [(deadline: Nanoseconds, number: UInt64)] = []
  /// Answers that are due and have not been taken.
  private var due: [[UInt8]] = []
  private lazy var timer = clock.timer { [unowned self] _ in answersAreDue() }

  init(_ name: String, _ configuration: UserConfiguration, _ host: NetworkHost) throws(NetworkError) {
    self.configuration = configuration
    clock = host.clock
    isCounted = host.isCounted
    let details =
      "net=\(IPAddress.text(configuration.network)),restrict=\(configuration.isRestricted ? "on" : "off")"
    let port = NetworkPort(name: name, kind: .user, details: details)
    self.port = port
    let mirror = host.mirror
    let stack = try SlirpStack(configuration, isQuiet: host.isCounted) { mirror.now }
    let waker: Waker
    do throws(Errno) { waker = try Waker() } catch {
      throw NetworkError("user networking could not be set up: \(error)")
    }
    inbox = HostInbox(port: port, mailbox: host.mailbox) { waker.wake() }
    channels = try Self.connect(configuration.guestForwards, stack, waker, host)
    let reference = MachineBound(HostInbox.Reference(port))
    let mailbox = host.mailbox
    engine = SlirpEngine(stack, inbox: inbox, waker: waker, collectsAnswers: host.isCounted) {
      mailbox.post { reference.value.port?.becameReady() }
    }
    try engine.start(name: name)
    port.receive = { [unowned self] in receive($0) }
    port.peerHasRoom = { [unowned self] in
      deliverDue()
      inbox.deliver()
    }
    _ = timer
  }

  func close() {
    timer.cancel()
    engine.stop()
    for channel in channels { channel.close() }
  }

  /// The character devices behind forwarded addresses.
  private static func connect(
    _ forwards: [GuestForward], _ stack: SlirpStack, _ waker: Waker, _ host: NetworkHost
  ) throws(NetworkError) -> [GuestChannel] {
    var channels: [GuestChannel] = []
    do throws(NetworkError) {
      for forward in forwards {
        guard case .device = forward.target else { continue }
        guard let make = host.makeChannel else { throw forward.failure }
        let queue = GuestQueue(waker)
        let channel = try make(forward, { queue.room }) { queue.put($0) }
        channels.append(channel)
        try stack.add(forward, queue, channel)
      }
    } catch {
      for channel in channels { channel.close() }
      throw error
    }
    return channels
  }

  private func receive(_ frame: [UInt8]) -> Bool {
    number += 1
    if !isCounted { return engine.submit(frame, number: number) }
    while !engine.submit(frame, number: number) { engine.waitForRoom() }
    questions.append((clock.now &+ Self.answerDelay, number))
    if questions.count == 1 { timer.arm(at: questions[0].deadline) }
    return true
  }

  private func answersAreDue() {
    let now = clock.now
    let count = questions.prefix { $0.deadline <= now }.count
    for question in questions.prefix(count) { due += engine.answers(to: question.number) }
    questions.removeFirst(count)
    if let next = questions.first { timer.arm(at: next.deadline) }
    deliverDue()
  }

  private func deliverDue() {
    due.removeFirst(port.send(due[...]))
    // An adapter that never takes anything must not make answers pile up.
    if due.count > 1024 { due.removeFirst(due.count - 1024) }
  }

  // MARK: The monitor's commands

  func add(_ rule: ForwardRule) throws(NetworkError) {
    let result = engine.perform { stack -> Result<Void, NetworkError> in
      do throws(NetworkError) { return .success(try stack.add(rule)) } catch { return .failure(error) }
    }
    try result.get()
  }

  func remove(_ rule: ForwardRule) -> Bool { engine.perform { $0.remove(rule) } }

  var connections: String { engine.perform { $0.connections } }

  /// The rules as they are in force, with the ports that were picked.
  var forwards: [ActiveForward] {
    connections.split(separator: "\n").compactMap { ActiveForward(line: String($0)) }
  }
}

/// One line of libslirp's table that is a forwarding rule.
public struct ActiveForward: Sendable, Equatable {
  public var isUDP: Bool
  /// Empty: every address.
  public var hostAddress: String
  public var hostPort: Int
  public var guestAddress: String
  public var guestPort: Int

  /// `  TCP[HOST_FORWARD]  10       127.0.0.1 18011       10.0.2.15    22     0     0`; nil for any other line.
  init?(line: String) {
    let words = line.split(separator: " ").map(String.init)
    guard words.count >= 6, words[0] == "TCP[HOST_FORWARD]" || words[0] == "UDP[HOST_FORWARD]",
      let hostPort = Int(words[3]), let guestPort = Int(words[5])
    else { return nil }
    isUDP = words[0].hasPrefix("UDP")
    hostAddress = words[2] == "*" ? "" : words[2]
    (self.hostPort, guestAddress, self.guestPort) = (hostPort, words[4], guestPort)
  }
}
