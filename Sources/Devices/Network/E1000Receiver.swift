// SPDX-License-Identifier: Apache-2.0
import Network
import Platform

/// The receive ring's registers.
///
/// Reference: the manual's sections 3.2 and 13.4.22 to 13.4.32.
struct E1000Receiver: Equatable {
  enum Mode {
    static let enable: UInt32 = 1 << 1
    static let longPackets: UInt32 = 1 << 5
    /// In the MAC or in the PHY.
    static let loopback: UInt32 = 1 << 6
    static let extendedSize: UInt32 = 1 << 25
    static let stripsCheckSequence: UInt32 = 1 << 26
  }

  var mode: UInt32 = 0
  var base: UInt64 = 0
  /// Bytes of the ring, a multiple of 128.
  var length: UInt32 = 0
  var head: UInt32 = 0
  var tail: UInt32 = 0
  /// In 1.024 us; 16 bits.
  var delay: UInt32 = 0
  var absoluteDelay: UInt32 = 0
  var checksums: UInt32 = 0
  /// When the delayed interrupt comes, and at the latest.
  var interruptDeadline: Nanoseconds?
  var latestInterrupt: Nanoseconds?

  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    try visitor.field("rctl", &mode)
    try visitor.field("rdba", &base)
    try visitor.field("rdlen", &length)
    try visitor.field("rdh", &head)
    try visitor.field("rdt", &tail)
    try visitor.field("rdtr", &delay)
    try visitor.field("radv", &absoluteDelay)
    try visitor.field("rxcsum", &checksums)
    try visitor.field("receive_deadline", optional: &interruptDeadline)
    try visitor.field("receive_latest", optional: &latestInterrupt)
    guard head <= 0xffff, tail <= 0xffff, length <= 0xfff80, delay <= 0xffff, absoluteDelay <= 0xffff,
      interruptDeadline ?? 0 >= 0, latestInterrupt ?? 0 >= 0
    else { throw .outOfRange("rdh") }
  }

  func read(_ offset: UInt32) -> UInt32 {
    switch offset {
    case E1000Register.receiveControl: mode
    case E1000Register.receiveBaseLow: UInt32(truncatingIfNeeded: base)
    case E1000Register.receiveBaseHigh: UInt32(truncatingIfNeeded: base >> 32)
    case E1000Register.receiveLength: length
    case E1000Register.receiveHead: head
    case E1000Register.receiveTail: tail
    case E1000Register.receiveDelay: delay
    case E1000Register.receiveAbsoluteDelay: absoluteDelay
    case E1000Register.receiveChecksum: checksums
    default: 0
    }
  }

  var isEnabled: Bool { mode & Mode.enable != 0 }
  var descriptorCount: UInt32 { length / 16 }

  /// Descriptors that software has given: all of them when the tail is outside the ring, which is never reached.
  var available: UInt32 {
    let count = descriptorCount
    guard count > 0, head < count, head != tail else { return 0 }
    if tail >= count { return count }
    return head < tail ? tail - head : count + tail - head
  }

  /// Bytes of a buffer.
  var bufferByteCount: Int {
    let code = mode >> 16 & 3
    if mode & Mode.extendedSize != 0, code != 0 { return 32768 >> Int(code) }
    return 2048 >> Int(code)
  }

  /// Free descriptors at which software is warned.
  var threshold: UInt32 { descriptorCount >> (1 + min(mode >> 8 & 3, 2)) }

  /// Longest frame without check sequence that is received.
  var frameLimit: Int { mode & Mode.longPackets != 0 ? 16380 : 1518 }
}

extension E1000 {
  private enum ReceiveStatus {
    static let done: UInt8 = 1 << 0
    static let endOfPacket: UInt8 = 1 << 1
    static let ignoreChecksum: UInt8 = 1 << 2
    static let vlan: UInt8 = 1 << 3
    static let transportChecked: UInt8 = 1 << 5
    static let headerChecked: UInt8 = 1 << 6
    static let inexactFilter: UInt8 = 1 << 7
  }

  private enum ReceiveError {
    static let transport: UInt8 = 1 << 5
    static let header: UInt8 = 1 << 6
  }

  private enum ChecksumMode {
    static let header: UInt32 = 1 << 8
    static let transport: UInt32 = 1 << 9
  }

  /// Nanoseconds of the delay registers' unit.
  static let delayUnit: Nanoseconds = 1024

  func writeReceiver(_ offset: UInt32, _ value: UInt32) {
    let flushes = value >> 31 != 0
    switch offset {
    case E1000Register.receiveControl: state.receiver.mode = value
    case E1000Register.receiveBaseLow:
      state.receiver.base = state.receiver.base & ~0xffff_ffff | UInt64(value & ~15)
    case E1000Register.receiveBaseHigh:
      state.receiver.base = state.receiver.base & 0xffff_ffff | UInt64(value) << 32
    case E1000Register.receiveLength: state.receiver.length = value & 0xfff80
    case E1000Register.receiveHead: state.receiver.head = value & 0xffff
    case E1000Register.receiveTail: state.receiver.tail = value & 0xffff
    case E1000Register.receiveDelay:
      state.receiver.delay = value & 0xffff
      if flushes, state.receiver.interruptDeadline != nil { delayedReceiveInterrupt() }
    case E1000Register.receiveAbsoluteDelay: state.receiver.absoluteDelay = value & 0xffff
    case E1000Register.receiveChecksum: state.receiver.checksums = value & 0x3ff
    default: break
    }
    becomeReady()
  }

  var canReceive: Bool {
    isLinkUp && state.receiver.isEnabled && isBusMaster && state.receiver.available > 0
  }

  /// A frame from the wire; false while there is no room for it.
  func receive(_ frame: [UInt8]) -> Bool {
    guard isLinkUp else { return true }
    guard state.receiver.isEnabled, isBusMaster else { return false }
    var frame = frame
    if frame.count < 60 { frame += [UInt8](repeating: 0, count: 60 - frame.count) }
    if takePause(frame) {
      countReceived(frame, isGood: true, isOversize: false)
      return true
    }
    let type = UInt16(frame[12]) << 8 | UInt16(frame[13])
    let isTagged = type == state.plain.vlanType && frame.count >= 18
    let tag = isTagged ? UInt16(frame[14]) << 8 | UInt16(frame[15]) : nil
    let verdict = state.filter.judge(frame, tag: tag, mode: state.receiver.mode)
    guard verdict != .refused, frame.count <= state.receiver.frameLimit else {
      countReceived(frame, isGood: false, isOversize: verdict != .refused)
      return true
    }
    let isStripped = isTagged && state.control & Control.vlanMode != 0
    let keepsCheckSequence = state.receiver.mode & E1000Receiver.Mode.stripsCheckSequence == 0
    let byteCount = frame.count - (isStripped ? 4 : 0) + (keepsCheckSequence ? 4 : 0)
    let bufferByteCount = state.receiver.bufferByteCount
    let needed = UInt32((byteCount + bufferByteCount - 1) / bufferByteCount)
    guard needed <= state.receiver.available else {
      guard needed >= state.receiver.descriptorCount, state.receiver.descriptorCount > 0 else { return false }
      // No ring of this size can ever take it.
      state.statistics.count(.missed)
      raise(.receiverOverrun)
      return true
    }
    countReceived(frame, isGood: true, isOversize: false)
    var status: UInt8 = verdict == .inexact ? ReceiveStatus.inexactFilter : 0
    var errors: UInt8 = 0
    check(frame, &status, &errors)
    if isStripped {
      frame.removeSubrange(12..<16)
      status |= ReceiveStatus.vlan
    }
    let start = Int(state.receiver.checksums & 0xff)
    let sum =
      start < frame.count && status & ReceiveStatus.transportChecked == 0
      ? InternetChecksum.sum(frame, start..<frame.count) : 0
    // The check sequence has been looked at by nobody: its bytes are zero.
    if keepsCheckSequence { frame += [0, 0, 0, 0] }
    store(frame, bufferByteCount, checksum: sum, status: status, errors: errors, tag: isStripped ? tag ?? 0 : 0)
    let smallest = Int(state.plain[E1000Register.smallPackets] ?? 0)
    if smallest > 0, byteCount <= smallest {
      state.interrupts.causes |= E1000Interrupts.Cause.smallPacket.rawValue
    }
    if state.receiver.available <= state.receiver.threshold {
      state.interrupts.causes |= E1000Interrupts.Cause.receiveThreshold.rawValue
    }
    scheduleReceiveInterrupt()
    return true
  }

  /// Copies a frame into as many buffers as it needs, each with its descriptor.
  private func store(
    _ frame: [UInt8], _ bufferByteCount: Int, checksum: UInt16, status: UInt8, errors: UInt8, tag: UInt16
  ) {
    var position = 0
    let count = state.receiver.descriptorCount
    while position < frame.count {
      let address = state.receiver.base &+ UInt64(state.receiver.head) &* 16
      let piece = min(bufferByteCount, frame.count - position)
      let buffer = memory.read(address, as: UInt64.self)
      // A descriptor without a buffer is skipped over.
      if buffer != 0 {
        frame.withUnsafeBytes {
          memory.write(buffer, from: UnsafeRawBufferPointer(rebasing: $0[position..<position + piece]))
        }
      }
      position += piece
      let isLast = position == frame.count
      var word = UInt64(UInt16(truncatingIfNeeded: piece)) | UInt64(checksum) << 16
      word |= UInt64(ReceiveStatus.done | (isLast ? ReceiveStatus.endOfPacket | status : 0)) << 32
      if isLast { word |= UInt64(errors) << 40 | UInt64(tag) << 48 }
      memory.write(address &+ 8, integer: word)
      let next = state.receiver.head &+ 1
      state.receiver.head = next >= count ? 0 : next
    }
  }

  /// Verifies what the guest wants verified.
  private func check(_ frame: [UInt8], _ status: inout UInt8, _ errors: inout UInt8) {
    let mode = state.receiver.checksums
    guard mode & (ChecksumMode.header | ChecksumMode.transport) != 0 else {
      status |= ReceiveStatus.ignoreChecksum
      return
    }
    let headers = FrameHeaders(frame)
    if mode & ChecksumMode.header != 0, let range = headers.ipv4 {
      status |= ReceiveStatus.headerChecked
      if InternetChecksum.sum(frame, range) != 0xffff { errors |= ReceiveError.header }
    }
    if mode & ChecksumMode.transport != 0, let (range, number, pseudoSum) = headers.transport {
      // A UDP checksum of zero is none.
      let hasChecksum = number == 6 || frame[range.lowerBound + 6] | frame[range.lowerBound + 7] != 0
      if hasChecksum {
        status |= ReceiveStatus.transportChecked
        if InternetChecksum.sum(frame, range, initial: pseudoSum) != 0xffff { errors |= ReceiveError.transport }
      }
    }
    if status & (ReceiveStatus.headerChecked | ReceiveStatus.transportChecked) == 0 {
      status |= ReceiveStatus.ignoreChecksum
    }
  }

  private func countReceived(_ frame: [UInt8], isGood: Bool, isOversize: Bool) {
    let byteCount = frame.count + 4
    state.statistics.count(.totalReceived)
    state.statistics.add(byteCount, to: .receivedBytes)
    if isOversize { state.statistics.count(.oversize) }
    guard isGood else { return }
    state.statistics.count(.goodReceived)
    state.statistics.add(byteCount, to: .goodReceivedBytes)
    state.statistics.countLength(byteCount, first: .received64)
    if frame[0..<6].allSatisfy({ $0 == 0xff }) {
      state.statistics.count(.broadcastReceived)
    } else if frame[0] & 1 != 0 {
      state.statistics.count(.multicastReceived)
    }
  }

  // MARK: Interrupts

  /// Without a delay at once; else when nothing has come for a while, but not later than the absolute delay.
  private func scheduleReceiveInterrupt() {
    guard settings.mitigates, state.receiver.delay > 0 else {
      delayedReceiveInterrupt()
      return
    }
    let now = clock.now
    if state.receiver.interruptDeadline == nil {
      state.receiver.latestInterrupt =
        state.receiver.absoluteDelay > 0 ? now &+ Nanoseconds(state.receiver.absoluteDelay) * Self.delayUnit : nil
    }
    let deadline = now &+ Nanoseconds(state.receiver.delay) * Self.delayUnit
    state.receiver.interruptDeadline = min(deadline, state.receiver.latestInterrupt ?? deadline)
    receiveDelay.arm(at: state.receiver.interruptDeadline)
    updateInterrupt()
  }

  func delayedReceiveInterrupt() {
    state.receiver.interruptDeadline = nil
    state.receiver.latestInterrupt = nil
    receiveDelay.cancel()
    raise(.receiveTimer)
  }
}
