// SPDX-License-Identifier: Apache-2.0
import Platform

/// The transmit ring's registers, the packet being put together, and where in the ring that is.
///
/// Reference: the manual's sections 3.3 and 13.4.33 to 13.4.45.
struct E1000Transmitter: Equatable {
  enum Mode {
    static let enable: UInt32 = 1 << 1
    static let padsShortPackets: UInt32 = 1 << 3
  }

  /// Longest frame of the controller, without check sequence.
  static let frameLimit = 16288

  var mode: UInt32 = 0
  var base: UInt64 = 0
  /// Bytes of the ring, a multiple of 128.
  var length: UInt32 = 0
  var head: UInt32 = 0
  var tail: UInt32 = 0
  /// In 1.024 us; 16 bits.
  var delay: UInt32 = 0
  var absoluteDelay: UInt32 = 0
  /// When the delayed interrupt comes, and at the latest.
  var interruptDeadline: Nanoseconds?
  var latestInterrupt: Nanoseconds?
  /// When work that was cut short goes on.
  var resumeDeadline: Nanoseconds?

  var checksumContext = E1000Offload()
  var segmentationContext = E1000Offload()

  /// The descriptor being worked on: address of its data, and its command, length and status.
  var descriptorAddress: UInt64 = 0
  var descriptor: UInt64 = 0
  var isInDescriptor = false
  /// Bytes of its data that have been taken.
  var taken: UInt32 = 0

  var packet = E1000Packet()
  /// A whole frame that the peer has not taken yet; empty for none.
  var pending: [UInt8] = []

  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    try visitor.field("tctl", &mode)
    try visitor.field("tdba", &base)
    try visitor.field("tdlen", &length)
    try visitor.field("tdh", &head)
    try visitor.field("tdt", &tail)
    try visitor.field("tidv", &delay)
    try visitor.field("tadv", &absoluteDelay)
    try visitor.field("transmit_deadline", optional: &interruptDeadline)
    try visitor.field("transmit_latest", optional: &latestInterrupt)
    try visitor.field("transmit_resume", optional: &resumeDeadline)
    try checksumContext.visit(&visitor)
    try segmentationContext.visit(&visitor)
    try visitor.field("descriptor_address", &descriptorAddress)
    try visitor.field("descriptor", &descriptor)
    try visitor.field("in_descriptor", &isInDescriptor)
    try visitor.field("descriptor_taken", &taken)
    try packet.visit(&visitor)
    try visitor.buffer("pending_frame", &pending, limit: Self.frameLimit + 4)
    guard head <= 0xffff, tail <= 0xffff, length <= 0xfff80, delay <= 0xffff, absoluteDelay <= 0xffff,
      interruptDeadline ?? 0 >= 0, latestInterrupt ?? 0 >= 0, resumeDeadline ?? 0 >= 0, taken <= 0xfffff
    else { throw .outOfRange("tdh") }
  }

  func read(_ offset: UInt32) -> UInt32 {
    switch offset {
    case E1000Register.transmitControl: mode
    case E1000Register.transmitBaseLow: UInt32(truncatingIfNeeded: base)
    case E1000Register.transmitBaseHigh: UInt32(truncatingIfNeeded: base >> 32)
    case E1000Register.transmitLength: length
    case E1000Register.transmitHead: head
    case E1000Register.transmitTail: tail
    case E1000Register.transmitDelay: delay
    case E1000Register.transmitAbsoluteDelay: absoluteDelay
    default: 0
    }
  }

  var descriptorCount: UInt32 { length / 16 }

  /// Descriptors that software has given and that are not worked off.
  var available: UInt32 {
    let count = descriptorCount
    guard count > 0, max(head, tail) < count else { return 0 }
    return head <= tail ? tail - head : count + tail - head
  }
}

/// Command bits of a transmit descriptor, in its second quadword.
enum E1000TransmitDescriptor {
  static let endOfPacket: UInt64 = 1 << 24
  static let insertChecksum: UInt64 = 1 << 26
  static let segmentation: UInt64 = 1 << 26
  static let reportStatus: UInt64 = 1 << 27
  static let reportSent: UInt64 = 1 << 28
  static let isExtended: UInt64 = 1 << 29
  static let vlan: UInt64 = 1 << 30
  static let delayInterrupt: UInt64 = 1 << 31
  static let done: UInt64 = 1 << 32
  static let insertHeaderChecksum: UInt64 = 1 << 40
  static let insertTransportChecksum: UInt64 = 1 << 41

  /// An extended descriptor of type 0.
  static func isContext(_ word: UInt64) -> Bool { word & isExtended != 0 && word >> 20 & 15 == 0 }

  static func byteCount(_ word: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: word) & (word & isExtended != 0 ? 0xfffff : 0xffff)
  }
}

extension E1000 {
  private typealias Command = E1000TransmitDescriptor

  func writeTransmitter(_ offset: UInt32, _ value: UInt32) {
    let flushes = value >> 31 != 0
    switch offset {
    case E1000Register.transmitControl: state.transmitter.mode = sendPause(value)
    case E1000Register.transmitBaseLow:
      state.transmitter.base = state.transmitter.base & ~0xffff_ffff | UInt64(value & ~15)
    case E1000Register.transmitBaseHigh:
      state.transmitter.base = state.transmitter.base & 0xffff_ffff | UInt64(value) << 32
    case E1000Register.transmitLength: state.transmitter.length = value & 0xfff80
    case E1000Register.transmitHead:
      state.transmitter.head = value & 0xffff
      state.transmitter.isInDescriptor = false
    case E1000Register.transmitTail: state.transmitter.tail = value & 0xffff
    case E1000Register.transmitDelay:
      state.transmitter.delay = value & 0xffff
      if flushes, state.transmitter.interruptDeadline != nil { delayedTransmitInterrupt() }
    case E1000Register.transmitAbsoluteDelay: state.transmitter.absoluteDelay = value & 0xffff
    default: break
    }
    if offset == E1000Register.transmitTail || offset == E1000Register.transmitControl { transmit() }
  }

  /// Bytes and descriptors, each of which counts as 64 bytes, that one call works off.
  private static let workLimit = 1 << 20
  /// Pause after that much work.
  private static let workPause = 50 * Nanoseconds.microsecond

  /// Works until the ring is empty, the peer is busy or enough has been done for now.
  func transmit() {
    guard !isTransmitting, state.transmitter.resumeDeadline == nil else { return }
    isTransmitting = true
    defer { isTransmitting = false }
    var work = 0
    var didFinish = false
    while true {
      if !state.transmitter.pending.isEmpty {
        guard deliver(state.transmitter.pending) else { return }
        work += state.transmitter.pending.count
        state.transmitter.pending = []
      }
      guard work < Self.workLimit else {
        let deadline = clock.now &+ Self.workPause
        state.transmitter.resumeDeadline = deadline
        transmitResume.arm(at: deadline)
        return
      }
      work += 64
      guard state.transmitter.mode & E1000Transmitter.Mode.enable != 0, isBusMaster else { return }
      guard state.transmitter.isInDescriptor || fetchDescriptor() else { break }
      didFinish = true
      work += stepDescriptor()
    }
    if didFinish { raise(.transmitQueueEmpty) }
  }

  func transmitGoesOn() {
    pauseEnded()
    state.transmitter.resumeDeadline = nil
    transmit()
  }

  /// False when software has given no more.
  private func fetchDescriptor() -> Bool {
    let ring = state.transmitter
    guard ring.head != ring.tail, max(ring.head, ring.tail) < ring.descriptorCount else { return false }
    let address = ring.base &+ UInt64(ring.head) &* 16
    let data = memory.read(address, as: UInt64.self)
    let word = memory.read(address &+ 8, as: UInt64.self)
    state.transmitter.descriptorAddress = data
    state.transmitter.descriptor = word
    state.transmitter.taken = 0
    state.transmitter.isInDescriptor = true
    return true
  }

  /// Takes data out of the descriptor, as much as makes a frame; gives the bytes that were read.
  private func stepDescriptor() -> Int {
    let word = state.transmitter.descriptor
    guard !Command.isContext(word) else {
      state.transmitter.takeContext(low: state.transmitter.descriptorAddress, high: word)
      if word & Command.segmentation != 0 { state.statistics.count(.segmentationContexts) }
      finishDescriptor()
      return 0
    }
    if !state.transmitter.packet.isStarted { state.transmitter.startPacket(word) }
    let left = Int(Command.byteCount(word) - min(state.transmitter.taken, Command.byteCount(word)))
    let wanted = min(left, state.transmitter.packet.room)
    if wanted > 0 {
      let address = state.transmitter.descriptorAddress &+ UInt64(state.transmitter.taken)
      let bytes = memory.read(address, count: wanted)
      state.transmitter.packet.bytes += bytes
    }
    // What is beyond the longest frame is passed over; the frame is not sent.
    let isOver = state.transmitter.packet.isOverflowing(left)
    state.transmitter.taken += UInt32(isOver ? left : wanted)
    let isDescriptorDone = state.transmitter.taken >= Command.byteCount(word)
    let isLast = isDescriptorDone && word & Command.endOfPacket != 0
    if isLast || state.transmitter.packet.isSegmentFull {
      let vlanType = vlanTypeForInsertion(word)
      let isImpossible = state.transmitter.packet.isSegmented && state.transmitter.packet.isBad
      if let frame = state.transmitter.makeFrame(word, isLast: isLast, vlanType: vlanType) {
        state.transmitter.pending = padded(frame)
      } else if isImpossible {
        state.statistics.count(.segmentationFailures)
      }
    }
    if isDescriptorDone { finishDescriptor() }
    return wanted
  }

  private func vlanTypeForInsertion(_ word: UInt64) -> UInt16? {
    word & Command.vlan != 0 && state.control & Control.vlanMode != 0 ? state.plain.vlanType : nil
  }

  private func padded(_ frame: [UInt8]) -> [UInt8] {
    guard frame.count < 60, state.transmitter.mode & E1000Transmitter.Mode.padsShortPackets != 0 else { return frame }
    return frame + [UInt8](repeating: 0, count: 60 - frame.count)
  }

  /// Writes the status back where it is wanted, moves the head and tells software.
  private func finishDescriptor() {
    let word = state.transmitter.descriptor
    let address = state.transmitter.base &+ UInt64(state.transmitter.head) &* 16
    state.transmitter.isInDescriptor = false
    let next = state.transmitter.head &+ 1
    state.transmitter.head = next >= state.transmitter.descriptorCount ? 0 : next
    reportLowRing()
    guard word & (Command.reportStatus | Command.reportSent) != 0 else { return }
    memory.write(address &+ 12, integer: UInt32(truncatingIfNeeded: (word & ~(0xf << 32) | Command.done) >> 32))
    scheduleTransmitInterrupt(isDelayed: word & Command.delayInterrupt != 0)
  }

  /// TXDCTL.LWTHRESH, in eights: software is told when so many descriptors are left.
  private func reportLowRing() {
    let threshold = (state.plain[E1000Register.transmitDescriptors] ?? 0) >> 25 * 8
    guard threshold > 0, state.transmitter.available == threshold else { return }
    raise(.transmitLow)
  }

  /// Hands a frame to the wire, or to ourselves in loopback; false while the peer is busy.
  private func deliver(_ frame: [UInt8]) -> Bool {
    if state.phy.isLoopback || state.receiver.mode & E1000Receiver.Mode.loopback != 0 {
      if !receive(frame) { state.statistics.count(.missed) }
    } else if !port.send(frame) {
      return false
    }
    let byteCount = frame.count + 4
    state.statistics.count(.totalTransmitted)
    state.statistics.count(.goodTransmitted)
    state.statistics.add(byteCount, to: .transmittedBytes)
    state.statistics.add(byteCount, to: .goodTransmittedBytes)
    state.statistics.countLength(byteCount, first: .transmitted64)
    if frame.count >= 6, frame[0..<6].allSatisfy({ $0 == 0xff }) {
      state.statistics.count(.broadcastTransmitted)
    } else if let first = frame.first, first & 1 != 0 {
      state.statistics.count(.multicastTransmitted)
    }
    return true
  }

  // MARK: Interrupts

  /// At once, or when nothing has been sent for a while, but not later than the absolute delay.
  private func scheduleTransmitInterrupt(isDelayed: Bool) {
    guard isDelayed, settings.mitigates, state.transmitter.delay > 0 else {
      delayedTransmitInterrupt()
      return
    }
    let now = clock.now
    if state.transmitter.interruptDeadline == nil {
      let absolute = state.transmitter.absoluteDelay
      state.transmitter.latestInterrupt = absolute > 0 ? now &+ Nanoseconds(absolute) * Self.delayUnit : nil
    }
    let deadline = now &+ Nanoseconds(state.transmitter.delay) * Self.delayUnit
    state.transmitter.interruptDeadline = min(deadline, state.transmitter.latestInterrupt ?? deadline)
    transmitDelay.arm(at: state.transmitter.interruptDeadline)
  }

  func delayedTransmitInterrupt() {
    state.transmitter.interruptDeadline = nil
    state.transmitter.latestInterrupt = nil
    transmitDelay.cancel()
    raise(.transmitWrittenBack)
  }
}
