// SPDX-License-Identifier: Apache-2.0
import Platform

/// Packed virtqueues: one ring of descriptors that driver and device both write, told apart by wrap counters, and an
/// event suppression structure of each. Virtio 1.2, 2.8.
extension Virtqueue {
  /// Flags of an event suppression structure. Virtio 1.2, 2.8.10.
  private enum Events {
    static let enable: UInt16 = 0
    static let disable: UInt16 = 1
    static let atDescriptor: UInt16 = 2
  }

  private func slot(_ index: UInt16) -> UInt64 { state.descriptorArea &+ 16 * UInt64(index) }

  func takePacked() throws(RingFault) -> DescriptorChain? {
    guard state.nextAvailable < state.size else { throw .indexJumped }
    var descriptor = try descriptor(slot(state.nextAvailable))
    let isAvailable = descriptor.packedFlags & Descriptor.available != 0
    let isUsed = descriptor.packedFlags & Descriptor.used != 0
    guard isAvailable != isUsed, isAvailable == state.availableWrap else { return nil }
    guard state.inUse < state.size else { throw .sizeExceeded }
    var chain = DescriptorChain(id: descriptor.id)
    if descriptor.packedFlags & Descriptor.isIndirect != 0 {
      let table = descriptor.address
      for index in 0..<(try indirectCount(descriptor)) {
        let entry = try self.descriptor(table &+ 16 * UInt64(index))
        try append(entry, entry.packedFlags, to: &chain)
      }
    } else {
      var index = state.nextAvailable
      var count: UInt16 = 0
      while true {
        count += 1
        guard count <= state.size else { throw .loop }
        try append(descriptor, descriptor.packedFlags, to: &chain)
        guard descriptor.packedFlags & Descriptor.hasNext != 0 else { break }
        index = index + 1 == state.size ? 0 : index + 1
        descriptor = try self.descriptor(slot(index))
      }
      chain.id = descriptor.id  // the last descriptor has it
      chain.slotCount = count
    }
    advanceAvailable(by: chain.slotCount)
    state.inUse &+= chain.slotCount
    if usesEventIndex {
      let place = state.nextAvailable | (state.availableWrap ? 1 << 15 : 0)
      try store(state.deviceArea, UInt32(place) | UInt32(Events.atDescriptor) << 16)
    }
    return chain
  }

  private func advanceAvailable(by count: UInt16) {
    let next = UInt32(state.nextAvailable) + UInt32(count)
    guard next >= UInt32(state.size) else {
      state.nextAvailable = UInt16(truncatingIfNeeded: next)
      return
    }
    state.nextAvailable = UInt16(truncatingIfNeeded: next - UInt32(state.size))
    state.availableWrap.toggle()
  }

  func giveBackPacked(_ chain: DescriptorChain, _ written: UInt32) throws(RingFault) {
    guard state.nextUsed < state.size else { throw .indexJumped }
    var flags: UInt16 = state.usedWrap ? Descriptor.available | Descriptor.used : 0
    if written > 0 { flags |= Descriptor.isWritable }
    let entry = slot(state.nextUsed)
    try store(entry &+ 8, UInt64(written) | UInt64(chain.id) << 32 | UInt64(flags) << 48)
    state.inUse -= min(state.inUse, chain.slotCount)
    let next = UInt32(state.nextUsed) + UInt32(chain.slotCount)
    guard next >= UInt32(state.size) else {
      state.nextUsed = UInt16(truncatingIfNeeded: next)
      return
    }
    state.nextUsed = UInt16(truncatingIfNeeded: next - UInt32(state.size))
    state.usedWrap.toggle()
    state.isSignalledUsedValid = false
  }

  func mustSignalPacked() throws(RingFault) -> Bool {
    let wish = try load(state.driverArea, as: UInt32.self)
    let (old, wasValid) = (state.signalledUsed, state.isSignalledUsedValid)
    (state.signalledUsed, state.isSignalledUsedValid) = (state.nextUsed, true)
    switch UInt16(truncatingIfNeeded: wish >> 16) {
    case Events.disable: return false
    case Events.enable: return true
    default:
      guard wasValid else { return true }
      let place = UInt16(truncatingIfNeeded: wish)
      var event = place & 0x7fff
      if (place >> 15 != 0) != state.usedWrap { event &-= state.size }
      return Self.needsEvent(event, new: state.nextUsed, old: old)
    }
  }
}
