// SPDX-License-Identifier: Apache-2.0
import Platform

/// Split virtqueues: a table of descriptors, a ring of available heads and one of used ones. Virtio 1.2, 2.7.
extension Virtqueue {
  private enum Available {
    static let noInterrupt: UInt16 = 1
  }

  func takeSplit() throws(RingFault) -> DescriptorChain? {
    let size = state.size
    let waiting = try load(state.driverArea &+ 2, as: UInt16.self) &- state.nextAvailable
    guard waiting != 0 else { return nil }
    guard waiting <= size else { throw .indexJumped }
    guard state.inUse < size else { throw .sizeExceeded }
    let head = try load(state.driverArea &+ 4 &+ 2 * UInt64(state.nextAvailable % size), as: UInt16.self)
    guard head < size else { throw .headOutOfRange(UInt32(head)) }
    state.nextAvailable &+= 1
    if usesEventIndex { try store(usedEntry(size), state.nextAvailable) }
    let chain = try splitChain(head)
    state.inUse &+= 1
    return chain
  }

  private func splitChain(_ head: UInt16) throws(RingFault) -> DescriptorChain {
    var chain = DescriptorChain(id: head)
    var table = state.descriptorArea
    var limit = UInt32(state.size)
    var descriptor = try descriptor(table &+ 16 * UInt64(head))
    if descriptor.splitFlags & Descriptor.isIndirect != 0 {
      limit = try indirectCount(descriptor)
      table = descriptor.address
      descriptor = try self.descriptor(table)
    }
    var count: UInt32 = 0
    while true {
      count += 1
      guard count <= limit else { throw .loop }
      try append(descriptor, descriptor.splitFlags, to: &chain)
      guard descriptor.splitFlags & Descriptor.hasNext != 0 else { return chain }
      guard descriptor.next < limit else { throw .nextOutOfRange(UInt32(descriptor.next)) }
      descriptor = try self.descriptor(table &+ 16 * UInt64(descriptor.next))
    }
  }

  /// Address of an entry of the used ring; the one behind the last is the event index for the driver's notifications.
  private func usedEntry(_ index: UInt16) -> UInt64 { state.deviceArea &+ 4 &+ 8 * UInt64(index) }

  func giveBackSplit(_ chain: DescriptorChain, _ written: UInt32) throws(RingFault) {
    let entry = usedEntry(state.nextUsed % state.size)
    try store(entry, UInt64(chain.id) | UInt64(written) << 32)
    let old = state.nextUsed
    state.nextUsed &+= 1
    state.inUse -= min(state.inUse, 1)
    try store(state.deviceArea &+ 2, state.nextUsed)
    // Once around since the last signal: its index tells nothing any more.
    if Int16(bitPattern: state.nextUsed &- state.signalledUsed) < Int16(bitPattern: state.nextUsed &- old) {
      state.isSignalledUsedValid = false
    }
  }

  func mustSignalSplit() throws(RingFault) -> Bool {
    if features & VirtioFeature.notifyOnEmpty != 0, state.inUse == 0,
      try load(state.driverArea &+ 2, as: UInt16.self) == state.nextAvailable
    {
      return true
    }
    guard usesEventIndex else {
      return try load(state.driverArea, as: UInt16.self) & Available.noInterrupt == 0
    }
    let (old, wasValid) = (state.signalledUsed, state.isSignalledUsedValid)
    (state.signalledUsed, state.isSignalledUsedValid) = (state.nextUsed, true)
    guard wasValid else { return true }
    let event = try load(state.driverArea &+ 4 &+ 2 * UInt64(state.size), as: UInt16.self)
    return Self.needsEvent(event, new: state.nextUsed, old: old)
  }
}
