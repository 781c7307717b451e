// SPDX-License-Identifier: Apache-2.0

/// The MSI-X capability of a function: a table of messages and an array of pending bits in a memory region of their
/// own.
///
/// The region is laid out as QEMU's: the table first, the pending bits at 800h or behind a larger table.
/// The owner maps it, saves `state` with its own, and calls `follow` whenever configuration space may have changed.
/// Reference: PCI Local Bus Specification 3.0, 6.8.2.
public final class MSIX: MMIODevice {
  public static let maximumVectorCount = 2048

  /// One 32-bit word after the other, four a vector: address, upper address, data, control.
  public struct State: Equatable {
    public fileprivate(set) var table: [UInt32]
    public fileprivate(set) var pending: [UInt64]

    init(vectorCount: Int) {
      table = (0..<vectorCount).flatMap { _ in [0, 0, 0, VectorControl.masked] }
      pending = [UInt64](repeating: 0, count: (vectorCount + 63) / 64)
    }

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try visitor.array("msix_table", &table)
      try visitor.array("msix_pba", &pending)
      let rest = table.count / 4 % 64
      if rest != 0, let last = pending.last, last >> UInt64(rest) != 0 { throw .outOfRange("msix_pba") }
    }
  }

  private enum VectorControl {
    static let masked: UInt32 = 1
  }

  private enum Control {
    static let functionMask: UInt16 = 1 << 14
    static let enable: UInt16 = 1 << 15
  }

  public var state: State
  public let vectorCount: Int
  /// Bytes of the region, a power of two.
  public let byteCount: UInt64
  private let pendingOffset: UInt64
  private let offset: Int
  private let sink: MessageSink
  public private(set) var isEnabled = false
  private var isMasked = false
  private var mayMaster = false

  /// Adds the capability to a configuration space under construction.
  ///
  /// - Parameters:
  ///   - vectorCount: 1...2048.
  ///   - region: the base address register whose region holds table and pending bits.
  public init(
    _ configuration: inout PCIConfiguration, at offset: Int, vectorCount: Int, region: Int, sink: MessageSink
  ) {
    let vectorCount = min(max(vectorCount, 1), Self.maximumVectorCount)
    (self.vectorCount, self.offset, self.sink) = (vectorCount, offset, sink)
    let layout = Self.layout(vectorCount: vectorCount)
    (pendingOffset, byteCount) = layout
    state = State(vectorCount: vectorCount)
    var body: [UInt8] = []
    func append(_ value: UInt64, _ count: Int) {
      for index in 0..<count { body.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }
    append(UInt64(vectorCount - 1), 2)
    append(UInt64(region & 7), 4)
    append(pendingOffset | UInt64(region & 7), 4)
    configuration.addCapability(PCICapability.extendedMessageInterrupts, at: offset, body)
    configuration.allowWrites(offset + 2, mask: Control.enable | Control.functionMask)
  }

  /// Where the pending bits begin, and the region's size; known before the base address registers are.
  public static func layout(vectorCount: Int) -> (pendingOffset: UInt64, byteCount: UInt64) {
    let tableByteCount = UInt64(vectorCount) * 16
    let pendingOffset = max(0x800, tableByteCount)
    let end = pendingOffset + UInt64((vectorCount + 63) / 64 * 8)
    var byteCount: UInt64 = 4096
    while byteCount < end { byteCount <<= 1 }
    return (pendingOffset, byteCount)
  }

  public func reset() { state = State(vectorCount: vectorCount) }

  /// Takes enable and mask bits from configuration space and, unless a state is being loaded, sends what they
  /// let through.
  public func follow(_ configuration: PCIConfiguration, isLoading: Bool = false) {
    let control = configuration.load16(offset + 2)
    isEnabled = control & Control.enable != 0
    isMasked = control & Control.functionMask != 0
    mayMaster = configuration.command & PCIConfiguration.Command.busMaster != 0
    guard isEnabled, !isMasked, !isLoading, state.pending.contains(where: { $0 != 0 }) else { return }
    for vector in 0..<vectorCount { sendIfPending(vector) }
  }

  /// Sends a vector's message, or notes it as pending while it is masked. Nothing happens while MSI-X is off.
  public func notify(_ vector: Int) {
    guard isEnabled, (0..<vectorCount).contains(vector) else { return }
    if isMasked || isMasked(vector) {
      state.pending[vector / 64] |= 1 << UInt64(vector % 64)
    } else {
      send(vector)
    }
  }

  private func isMasked(_ vector: Int) -> Bool { state.table[vector * 4 + 3] & VectorControl.masked != 0 }

  private func sendIfPending(_ vector: Int) {
    let bit: UInt64 = 1 << UInt64(vector % 64)
    guard isEnabled, !isMasked, !isMasked(vector), state.pending[vector / 64] & bit != 0 else { return }
    state.pending[vector / 64] &= ~bit
    send(vector)
  }

  private func send(_ vector: Int) {
    guard mayMaster else { return }
    let address = UInt64(state.table[vector * 4]) | UInt64(state.table[vector * 4 + 1]) << 32
    sink.send(to: address, state.table[vector * 4 + 2])
  }

  /// Whether a message that may be sent is an NMI or an INIT to a processor, or no interrupt at all. SDM vol. 3, 11.11.
  public var canInterruptMasked: Bool {
    guard isEnabled, !isMasked, mayMaster else { return false }
    return (0..<vectorCount).contains { vector in
      guard !isMasked(vector) else { return false }
      let isInterrupt = state.table[vector * 4] >> 20 == 0xfee && state.table[vector * 4 + 1] == 0
      let mode = state.table[vector * 4 + 2] >> 8 & 7
      return !isInterrupt || mode == 4 || mode == 5
    }
  }

  // MARK: Region

  private func word(at offset: UInt64) -> UInt32 {
    let index = Int(truncatingIfNeeded: offset / 4)
    if index < state.table.count { return state.table[index] }
    guard offset >= pendingOffset else { return 0 }
    let position = Int(truncatingIfNeeded: (offset - pendingOffset) / 4)
    guard position / 2 < state.pending.count else { return 0 }
    return UInt32(truncatingIfNeeded: state.pending[position / 2] >> UInt64(32 * (position & 1)))
  }

  public func read(memory offset: UInt64, width: AccessWidth) -> UInt64 {
    let value = UInt64(word(at: offset & ~3)) | UInt64(word(at: (offset & ~3) &+ 4)) << 32
    return value >> (8 * (offset & 3)) & width.allOnes
  }

  /// Software writes whole words; narrower writes are undefined by the specification and do nothing.
  public func write(memory offset: UInt64, width: AccessWidth, _ value: UInt64) {
    guard width.byteCount >= 4, offset & 3 == 0 else { return }
    setWord(at: offset, UInt32(truncatingIfNeeded: value))
    if width == .qword { setWord(at: offset &+ 4, UInt32(truncatingIfNeeded: value >> 32)) }
  }

  private func setWord(at offset: UInt64, _ value: UInt32) {
    let index = Int(truncatingIfNeeded: offset / 4)
    guard index < state.table.count else { return }
    state.table[index] = value
    if index % 4 == 3 { sendIfPending(index / 4) }
  }
}
