// SPDX-License-Identifier: Apache-2.0
import Network
import Platform

/// A virtio network adapter (1AF4:1000, or 1AF4:1041 without the legacy interface). QEMU's `virtio-net-pci`.
///
/// The wire carries complete frames: checksums are completed and long TCP packets cut before they are sent, and the
/// checksums of what is received are verified for a driver that wants to know. A frame for which there are no buffers
/// is refused, so that its sender waits; a packet that the peer refuses waits here and stops the transmit queue. What arrives in a
/// run is joined (`VirtioNetworkJoiner`) for a driver that takes long packets. Buffers that were sent are given back at once, but
/// told of a little later (`completionDelay`): many drivers find them before that, when an answer comes in.
///
/// Not emulated: more than one pair of queues, which no back end has, so that steering (RSS) has nothing to choose from;
/// hashes of packets, long packets of IPv6 towards the driver, UDP fragmentation.
/// Reference: Virtio 1.2, 5.1; what it leaves open, as QEMU 7.2 does it.
public final class VirtioNetwork: Device {
  /// Longest packet of a driver: 64 KiB of IP, and an Ethernet header with tags.
  static let packetLimit = 65_535 + 14 + 8

  enum Queue {
    static let receive = 0
    static let transmit = 1
    static let control = 2
  }

  /// A packet that is being sent.
  struct Pending: Equatable {
    /// Header and frame as the driver gave them; empty for none.
    var packet: [UInt8] = []
    /// Frames of it that are sent.
    var sentCount: UInt32 = 0
  }

  /// Buffers given back to the driver which has not been told.
  package struct Completions: Equatable {
    var count: UInt16 = 0
    var deadline: Nanoseconds?

    package init() {}

    mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try visitor.field("tx_unsignalled", &count)
      try visitor.field("tx_signal_deadline", optional: &deadline)
      guard deadline ?? 0 >= 0 else { throw .outOfRange("tx_signal_deadline") }
    }
  }

  public struct State: DeviceState {
    public static let name: StaticString = "virtio-net"
    public static let version = 3
    fileprivate let transport: VirtioPCI
    var registers: VirtioPCI.State
    var address: [UInt8]
    var filter = VirtioNetworkFilter()
    var guestOffloads: UInt64
    var pending = Pending()
    var isToAnnounce = false
    package var completions = Completions()

    public static func == (a: State, b: State) -> Bool {
      a.registers == b.registers && a.address == b.address && a.filter == b.filter
        && a.guestOffloads == b.guestOffloads && a.pending == b.pending
        && a.isToAnnounce == b.isToAnnounce && a.completions == b.completions
    }

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try registers.visit(&visitor, transport)
      try visitor.bytes("mac", &address)
      try filter.visit(&visitor)
      try visitor.field("curr_guest_offloads", &guestOffloads)
      try visitor.buffer("tx_packet", &pending.packet, limit: VirtioNetwork.packetLimit + 12)
      try visitor.field("tx_sent", &pending.sentCount)
      try visitor.field("announce", &isToAnnounce, since: 2, before: false)
      if visitor.version >= 3 { try completions.visit(&visitor) } else { completions = Completions() }
      guard guestOffloads & ~VirtioNetworkFeature.guestOffloads == 0 else { throw .outOfRange("curr_guest_offloads") }
      guard pending.packet.isEmpty || pending.packet.count >= 10 else { throw .outOfRange("tx_packet") }
    }
  }

  public let pci: VirtioPCI
  public let port: NetworkPort
  public let settings: VirtioNetworkSettings
  var address: [UInt8]
  var filter = VirtioNetworkFilter()
  var guestOffloads: UInt64 = 0
  private var pending = Pending()
  private var completions = Completions()
  private let clock: VirtualClock
  private lazy var completionTimer = clock.timer { [unowned self] _ in signalCompletions() }
  /// The driver is to tell the network where it is, and has not said yet that it did.
  var isToAnnounce = false
  /// In the middle of sending, so that what happens meanwhile does not start it again.
  private var isTransmitting = false

  /// Connects itself to its port; does not put its function onto the bus, the board does.
  public init(
    port: NetworkPort, settings: VirtioNetworkSettings, options: VirtioOptions, bus: PCIBus, address: PCIAddress,
    memory: GuestMemory, clock: VirtualClock, rom: RAMBlock? = nil, userID: String = ""
  ) {
    self.clock = clock
    (self.port, self.settings, self.address) = (port, settings, settings.address)
    pci = VirtioPCI(
      VirtioIdentity(
        deviceID: 1, transitionalID: 0x1000, classCode: 0x020000, pciName: "virtio-net-pci",
        queueSizes: settings.queueSizes, configurationByteCount: settings.configurationByteCount),
      options, bus: bus, address: address, memory: memory, rom: rom, userID: userID)
    pci.model = self
    _ = completionTimer
    port.receive = { [unowned self] in receive($0) }
    port.receiveRun = { [unowned self] in receiveRun($0) }
    port.peerHasRoom = { [unowned self] in transmit() }
    port.linkDidChange = { [unowned self] in pci.configurationSpaceDidChange() }
    port.filterReport = { [unowned self] in filterReport }
    port.announce = { [unowned self] in askForAnnouncement() }
    reset(.power)
  }

  public var state: State {
    get {
      State(
        transport: pci, registers: pci.state, address: address, filter: filter, guestOffloads: guestOffloads,
        pending: pending, isToAnnounce: isToAnnounce, completions: completions)
    }
    set {
      pci.state = newValue.registers
      (address, filter) = (newValue.address, newValue.filter)
      (guestOffloads, pending) = (newValue.guestOffloads, newValue.pending)
      (isToAnnounce, completions) = (newValue.isToAnnounce, newValue.completions)
    }
  }

  public func reset(_ kind: ResetKind) { pci.reset() }

  public func stateDidLoad() {
    pci.stateDidLoad()
    completionTimer.arm(at: completions.deadline)
  }

  func has(_ feature: UInt64) -> Bool { pci.features & feature != 0 }

  private var isWorking: Bool { pci.canWork && pci.registers.status & VirtioStatus.driverOK != 0 }

  /// The last field is there for drivers that merge buffers, and for modern ones.
  private var headerByteCount: Int {
    has(VirtioNetworkFeature.mergeableBuffers | VirtioFeature.version1) ? 12 : 10
  }

  // MARK: Receiving

  /// Frames from the wire; how many of them are taken, the rest has to wait.
  private func receiveRun(_ frames: ArraySlice<[UInt8]>) -> Int {
    var rest = frames
    while let frame = rest.first {
      if guestOffloads & VirtioNetworkFeature.guestTSO4 != 0, isReadyToReceive, let joiner = VirtioNetworkJoiner(rest),
        filter.accepts(frame, address: address, filtersVLANs: has(VirtioNetworkFeature.controlVLAN)),
        receiveJoined(joiner)
      {
        rest = rest.dropFirst(joiner.frameCount)
      } else {
        guard receive(frame) else { break }
        rest = rest.dropFirst()
      }
    }
    return frames.count - rest.count
  }

  private var isReadyToReceive: Bool { isWorking && pci.queues[Queue.receive].isReady }

  /// False if the driver's buffers do not hold the packet; its frames then come one by one.
  private func receiveJoined(_ joiner: VirtioNetworkJoiner) -> Bool {
    let packet = joiner.packet
    guard case .enough(let chains) = takeBuffers(for: packet.count) else { return false }
    deliver(receiveHeader(joiner.header, bufferCount: chains.count) + packet, to: chains)
    return true
  }

  /// A frame from the wire; false while there is no room for it.
  private func receive(_ frame: [UInt8]) -> Bool {
    guard isReadyToReceive else { return false }
    guard
      filter.accepts(frame, address: address, filtersVLANs: has(VirtioNetworkFeature.controlVLAN)),
      frame.count <= Self.packetLimit
    else { return true }
    switch takeBuffers(for: frame.count) {
    case .none: return false
    // A device that has just been found broken loses the frame, as does a driver whose buffers are too short for it.
    case .broken, .tooShort: return true
    case .enough(let chains):
      var start = [UInt8](repeating: 0, count: 10)
      if guestOffloads & VirtioNetworkFeature.guestChecksum != 0, FrameHeaders(frame).hasValidTransportSum(frame) {
        start[0] = VirtioNetworkHeader.Flag.dataIsValid
      }
      deliver(receiveHeader(start, bufferCount: chains.count) + frame, to: chains)
      return true
    }
  }

  private enum Buffers {
    case enough([DescriptorChain])
    case none, tooShort, broken
  }

  /// Buffers for a packet and its header; unless they are enough, all are put back.
  private func takeBuffers(for byteCount: Int) -> Buffers {
    let needed = headerByteCount + byteCount
    var chains: [DescriptorChain] = []
    var room = 0
    while room < needed {
      guard let chain = pci.take(Queue.receive) else {
        guard pci.canWork else { return .broken }
        pci.putBack(chains, to: Queue.receive)
        return .none
      }
      chains.append(chain)
      room += chain.writableByteCount
      if !has(VirtioNetworkFeature.mergeableBuffers) || chains.count == Int(UInt16.max) { break }
    }
    guard room >= needed, chains[0].writableByteCount >= headerByteCount else {
      if chains[0].writableByteCount < headerByteCount { pci.fail(.missingHeader) }
      pci.putBack(chains, to: Queue.receive)
      return .tooShort
    }
    return .enough(chains)
  }

  /// A header of ten bytes with the count of buffers if there is a field for it.
  private func receiveHeader(_ start: [UInt8], bufferCount: Int) -> [UInt8] {
    guard headerByteCount == 12 else { return start }
    return start + [UInt8(truncatingIfNeeded: bufferCount), UInt8(truncatingIfNeeded: bufferCount >> 8)]
  }

  private func deliver(_ bytes: [UInt8], to chains: [DescriptorChain]) {
    var done = 0
    for chain in chains {
      let count = min(chain.writableByteCount, bytes.count - done)
      chain.write(pci.memory, at: 0, done == 0 && count == bytes.count ? bytes : Array(bytes[done..<done + count]))
      done += count
      pci.giveBack(chain, to: Queue.receive, written: count)
    }
  }

  // MARK: Transmitting

  /// Sends what the driver has made available, until the peer refuses.
  private func transmit() {
    guard isWorking, !isTransmitting else { return }
    isTransmitting = true
    defer { isTransmitting = false }
    guard finishPending() else { return }
    // Rings that overlap each other could go on for ever.
    for _ in 0..<pci.queues[Queue.transmit].state.size {
      guard let chain = pci.take(Queue.transmit) else { return }
      guard chain.readableByteCount >= headerByteCount else { return pci.fail(.missingHeader) }
      if chain.readableByteCount - headerByteCount <= Self.packetLimit {
        pending = Pending(packet: chain.read(pci.memory, at: 0, count: chain.readableByteCount))
      }
      pci.giveBack(chain, to: Queue.transmit, written: 0, signals: false)
      noteCompletion()
      guard finishPending() else { return }
    }
  }

  /// How long the driver may go without being told that buffers were sent, unless they are a quarter of its queue.
  static let completionDelay = 150 * Nanoseconds.microsecond

  private func noteCompletion() {
    completions.count &+= 1
    if completions.count >= pci.queues[Queue.transmit].state.size / 4 { return signalCompletions() }
    guard completions.deadline == nil else { return }
    completions.deadline = clock.now + Self.completionDelay
    completionTimer.arm(at: completions.deadline)
  }

  private func signalCompletions() {
    forgetCompletions()
    pci.signal(Queue.transmit)
  }

  private func forgetCompletions() {
    completions = Completions()
    completionTimer.cancel()
  }

  /// Sends the rest of the packet under way; false when the peer takes no more.
  private func finishPending() -> Bool {
    guard !pending.packet.isEmpty else { return true }
    let header = VirtioNetworkHeader(pending.packet)
    guard
      let packet = VirtioNetworkPacket(
        Array(pending.packet.dropFirst(headerByteCount)), header,
        features: VirtioNetworkFeature.expanded(pci.features))
    else {
      pending = Pending()
      return true
    }
    while Int(pending.sentCount) < packet.frameCount {
      guard port.send(packet.frame(Int(pending.sentCount))) else { return false }
      pending.sentCount += 1
    }
    pending = Pending()
    return true
  }
}

extension VirtioNetwork: VirtioModel {
  public var mayWriteMemory: Bool { port.peer != nil }

  public func features(isLegacy: Bool) -> UInt64 { settings.features }

  /// Virtio 1.2, 5.1.4.
  public var configurationSpace: [UInt8] {
    var space = address
    func append(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { space += $0 }
    }
    append(UInt16((port.isLinkUp ? 1 : 0) | (isToAnnounce ? 2 : 0)))
    append(UInt16(1))  // pairs of queues
    append(settings.maximumTransmissionUnit)
    append(settings.speed ?? .max)
    append(settings.duplex ?? 0xff)
    append(VirtioNetworkSteering.keyLimit)
    append(settings.offersSteering ? VirtioNetworkSteering.tableLimit : 1)
    append(VirtioNetworkSteering.knownHashes)
    return Array(space.prefix(settings.configurationByteCount))
  }

  /// Drivers of before the control queue write the address here.
  public func writeConfigurationSpace(_ offset: Int, _ value: UInt8) {
    guard offset < 6, !has(VirtioNetworkFeature.controlAddress), !has(VirtioFeature.version1) else { return }
    address[offset] = value
  }

  public func queueWasNotified(_ index: Int) {
    switch index {
    case Queue.receive: if isWorking { port.becameReady() }
    case Queue.transmit: transmit()
    default: runCommands()
    }
  }

  public func queueWasReset(_ index: Int) {
    guard index == Queue.transmit else { return }
    pending = Pending()
    forgetCompletions()
  }

  public func resetModel() {
    address = settings.address
    filter = VirtioNetworkFilter()
    guestOffloads = 0
    pending = Pending()
    isToAnnounce = false
    forgetCompletions()
  }

  public func driverIsReady() {
    guestOffloads = pci.features & VirtioNetworkFeature.guestOffloads
    port.becameReady()
  }
}
