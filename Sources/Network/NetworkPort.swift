// SPDX-License-Identifier: Apache-2.0

/// A station at one end of a wire: a network adapter, a back end or a port of a hub. Lives on the machine thread.
///
/// Two ports are peers or a port is alone. A frame is a whole Ethernet frame without its check sequence. A port that
/// cannot take a frame now refuses it; the sender keeps it and is told by `peerHasRoom` when to try again. So
/// nothing between two ports grows, and no frame is lost but where a wire loses it: on a link that is down.
public final class NetworkPort {
  public enum Kind: String, Sendable {
    case adapter = "nic"
    case user
    case socket
    case stream
    case datagram = "dgram"
    case tap
    case hubPort = "hubport"
  }

  /// The user's `id=`, or the name that QEMU's rules give.
  public let name: String
  public let kind: Kind
  /// What `info network` shows after the type.
  public internal(set) var details: String
  public internal(set) weak var peer: NetworkPort?
  /// The user's switch (`set_link`).
  public private(set) var isLinkUp = true

  /// Takes a frame, or refuses it with false and later calls `becameReady`.
  public var receive: ([UInt8]) -> Bool = { _ in true }
  /// Takes frames that have arrived together, in order, and says how many; then as `receive`. Nil: they come one by one.
  public var receiveRun: ((ArraySlice<[UInt8]>) -> Int)?
  /// The peer, which refused a frame, may take it now.
  public var peerHasRoom: () -> Void = {}
  public var linkDidChange: () -> Void = {}
  /// Address that an adapter has from the start.
  public internal(set) var address: [UInt8] = []
  /// The guest is to tell the network where it is, if its driver can.
  public var announce: () -> Void = {}
  /// Somebody has come to the other end of a stream; nil: has left it.
  var streamHandler: (StreamPeer?) -> Void = { _ in }
  /// Receive filters, of an adapter that tells them.
  public var filterReport: (() -> ReceiveFilterReport)?
  /// Hears that an adapter's guest has changed its receive filters, once until they are looked at.
  public var filterChangeHandler: () -> Void = {}
  var isFilterChangeTold = false

  /// Records of what passes, in the order in which they were asked for.
  var dumps: [PacketDump] = []
  /// The guest stands still, so that an adapter must not write its memory.
  var isHeld = false

  init(name: String, kind: Kind, details: String = "") {
    (self.name, self.kind, self.details) = (name, kind, details)
  }

  /// A port that belongs to no table, for tests of adapters.
  public static func adapter(_ name: String) -> NetworkPort { NetworkPort(name: name, kind: .adapter) }

  /// The device behind the port goes.
  func disconnectFromDevice() {
    receive = { _ in true }
    receiveRun = nil
    peerHasRoom = {}
    linkDidChange = {}
    filterReport = nil
    announce = {}
    filterChangeHandler = {}
  }

  /// Joins two ports with a wire.
  public static func connect(_ one: NetworkPort, _ other: NetworkPort) {
    one.peer = other
    other.peer = one
  }

  /// Sends a frame to the peer. False: it was refused, keep it until `peerHasRoom`. On a broken or unconnected wire
  /// it is gone.
  public func send(_ frame: [UInt8]) -> Bool {
    guard let peer, isLinkUp, peer.isLinkUp else { return true }
    if peer.isHeld { return false }
    guard peer.receive(frame) else { return false }
    record(frame, peer)
    return true
  }

  /// Sends frames that have arrived together; how many of them are gone, as `send` says of one.
  public func send(_ frames: ArraySlice<[UInt8]>) -> Int {
    guard let peer, isLinkUp, peer.isLinkUp else { return frames.count }
    if peer.isHeld { return 0 }
    guard let receiveRun = peer.receiveRun else { return frames.prefix { send($0) }.count }
    let count = receiveRun(frames)
    for frame in frames.prefix(count) { record(frame, peer) }
    return count
  }

  private func record(_ frame: [UInt8], _ peer: NetworkPort) {
    for dump in dumps { dump.record(frame, .sent) }
    for dump in peer.dumps { dump.record(frame, .received) }
  }

  /// The guest has changed what its adapter receives.
  public func filterDidChange() {
    guard !isFilterChangeTold else { return }
    isFilterChangeTold = true
    filterChangeHandler()
  }

  /// This port can take frames again.
  public func becameReady() { peer?.peerHasRoom() }

  /// Switches the link, and the adapter's at the other end with it.
  func setLink(_ isUp: Bool) {
    switchLink(isUp)
    if kind != .adapter, let peer, peer.kind == .adapter { peer.switchLink(isUp) }
    // What waited for a link that is down now is lost there.
    if !isUp {
      peerHasRoom()
      becameReady()
    }
  }

  private func switchLink(_ isUp: Bool) {
    guard isUp != isLinkUp else { return }
    isLinkUp = isUp
    linkDidChange()
  }
}
