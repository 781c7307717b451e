// SPDX-License-Identifier: Apache-2.0
import Platform

/// One queue of a virtio device: where the driver put its rings, and how far the device has come in them.
///
/// The driver is not trusted: every address is looked at before it is used, chains are bounded, and what cannot be made
/// sense of is a `RingFault`. Nothing of the rings is kept but what `State` holds.
/// Reference: Virtio 1.2, 2.6 to 2.8; how much of it QEMU checks.
public final class Virtqueue {
  public static let sizeLimit: UInt16 = 1024
  static let noVector: UInt16 = 0xffff

  public struct State: Equatable {
    /// Entries; 0 for a queue that does not exist.
    var size: UInt16
    var isEnabled = false
    /// MSI-X vector.
    var vector = Virtqueue.noVector
    var descriptorArea: UInt64 = 0
    /// Split: the available ring.
    var driverArea: UInt64 = 0
    /// Split: the used ring.
    var deviceArea: UInt64 = 0
    /// Split: counts on; packed: a place in the ring.
    var nextAvailable: UInt16 = 0
    var nextUsed: UInt16 = 0
    /// Packed: the wrap counters.
    var availableWrap = true
    var usedWrap = true
    /// `nextUsed` when the driver was last told, or would have been.
    var signalledUsed: UInt16 = 0
    var isSignalledUsedValid = false
    /// Entries (packed: descriptors) that the device has taken and not given back.
    var inUse: UInt16 = 0

    init(size: UInt16) { self.size = size }

    mutating func visit<V: StateVisitor>(_ visitor: inout V, maximumSize: UInt16) throws(StateError) {
      try visitor.field("num", &size)
      try visitor.field("enabled", &isEnabled)
      try visitor.field("vector", &vector)
      try visitor.field("desc", &descriptorArea)
      try visitor.field("avail", &driverArea)
      try visitor.field("used", &deviceArea)
      try visitor.field("last_avail_idx", &nextAvailable)
      try visitor.field("used_idx", &nextUsed)
      try visitor.field("last_avail_wrap_counter", &availableWrap)
      try visitor.field("used_wrap_counter", &usedWrap)
      try visitor.field("signalled_used", &signalledUsed)
      try visitor.field("signalled_used_valid", &isSignalledUsedValid)
      try visitor.field("inuse", &inUse)
      guard size <= Virtqueue.sizeLimit, (size == 0) == (maximumSize == 0) else { throw .outOfRange("num") }
    }
  }

  public internal(set) var state: State
  /// Entries after a reset.
  let initialSize: UInt16
  let memory: GuestMemory
  /// Those that were negotiated.
  var features: UInt64 = 0

  init(size: UInt16, memory: GuestMemory) {
    (initialSize, self.memory) = (size, memory)
    state = State(size: size)
  }

  func reset() { state = State(size: initialSize) }

  var isPacked: Bool { features & VirtioFeature.packedRing != 0 }
  var usesEventIndex: Bool { features & VirtioFeature.eventIndex != 0 }
  /// The driver has said where its rings are.
  var isReady: Bool { state.isEnabled && state.descriptorArea != 0 }

  /// The next chain that the driver made available, nil when there is none.
  public func take() throws(RingFault) -> DescriptorChain? {
    guard isReady, state.size > 0 else { return nil }
    return isPacked ? try takePacked() : try takeSplit()
  }

  /// Undoes `take` of the chain that was taken last.
  func putBack(_ chain: DescriptorChain) {
    guard state.size > 0 else { return }
    state.inUse -= min(state.inUse, chain.slotCount)
    guard isPacked else {
      state.nextAvailable &-= 1
      return
    }
    if state.nextAvailable >= chain.slotCount {
      state.nextAvailable -= chain.slotCount
    } else {
      state.nextAvailable = UInt16(
        truncatingIfNeeded: Int(state.nextAvailable) + Int(state.size) - Int(chain.slotCount))
      state.availableWrap.toggle()
    }
  }

  /// Gives a chain back to the driver, with `byteCount` bytes written into it.
  public func giveBack(_ chain: DescriptorChain, written byteCount: Int) throws(RingFault) {
    guard isReady, state.size > 0 else { return }
    let written = UInt32(clamping: byteCount)
    if isPacked { try giveBackPacked(chain, written) } else { try giveBackSplit(chain, written) }
  }

  /// Whether the driver wants to be told of what was given back; notes that it was.
  func mustSignal() throws(RingFault) -> Bool {
    guard isReady, state.size > 0 else { return false }
    return isPacked ? try mustSignalPacked() : try mustSignalSplit()
  }

  /// Virtio 1.2, 2.7.7.2: the event lies between the old index and the new one.
  static func needsEvent(_ event: UInt16, new: UInt16, old: UInt16) -> Bool {
    (new &- event &- 1) < (new &- old)
  }

  // MARK: Memory

  func load<T: FixedWidthInteger & UnsignedInteger>(_ address: UInt64, as type: T.Type) throws(RingFault) -> T {
    guard memory.isMemory(address, byteCount: MemoryLayout<T>.size) else { throw .notInMemory(address: address) }
    return memory.read(address, as: type)
  }

  func store<T: FixedWidthInteger & UnsignedInteger>(_ address: UInt64, _ value: T) throws(RingFault) {
    guard memory.isMemory(address, byteCount: MemoryLayout<T>.size) else { throw .notInMemory(address: address) }
    memory.write(address, integer: value)
  }

  /// The 16 bytes of a descriptor.
  func descriptor(_ address: UInt64) throws(RingFault) -> Descriptor {
    guard memory.isMemory(address, byteCount: 16) else { throw .notInMemory(address: address) }
    var words: (UInt64, UInt64) = (0, 0)
    withUnsafeMutableBytes(of: &words) { memory.read(address, into: $0) }
    return Descriptor(address: UInt64(littleEndian: words.0), rest: UInt64(littleEndian: words.1))
  }

  /// A descriptor of either ring; they differ in the order of the last two fields. Virtio 1.2, 2.7.5 and 2.8.13.
  struct Descriptor {
    var address: UInt64
    var rest: UInt64
    var byteCount: UInt32 { UInt32(truncatingIfNeeded: rest) }
    /// Split: flags, next.
    var splitFlags: UInt16 { UInt16(truncatingIfNeeded: rest >> 32) }
    var next: UInt16 { UInt16(truncatingIfNeeded: rest >> 48) }
    /// Packed: id, flags.
    var id: UInt16 { UInt16(truncatingIfNeeded: rest >> 32) }
    var packedFlags: UInt16 { UInt16(truncatingIfNeeded: rest >> 48) }

    static let hasNext: UInt16 = 1 << 0
    static let isWritable: UInt16 = 1 << 1
    static let isIndirect: UInt16 = 1 << 2
    static let available: UInt16 = 1 << 7
    static let used: UInt16 = 1 << 15
  }

  /// Takes a descriptor's buffer into a chain.
  func append(_ descriptor: Descriptor, _ flags: UInt16, to chain: inout DescriptorChain) throws(RingFault) {
    guard memory.isMemory(descriptor.address, byteCount: Int(descriptor.byteCount)) else {
      throw .notInMemory(address: descriptor.address)
    }
    try chain.append(
      .init(address: descriptor.address, byteCount: descriptor.byteCount),
      isWritable: flags & Descriptor.isWritable != 0)
  }

  /// Entries of an indirect table.
  func indirectCount(_ descriptor: Descriptor) throws(RingFault) -> UInt32 {
    guard descriptor.byteCount > 0, descriptor.byteCount % 16 == 0 else { throw .badIndirectTable }
    return descriptor.byteCount / 16
  }
}
