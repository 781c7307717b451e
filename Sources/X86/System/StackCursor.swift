// SPDX-License-Identifier: Apache-2.0

/// A stack that is being pushed to or popped from before it is committed: the current one, or the one of another
/// privilege level whose segment is not loaded yet.
struct StackCursor {
  var segment: Segment
  /// (E/R)SP; only the bits of `mask` count.
  var pointer: UInt64
  var mask: UInt64
  /// Accesses are made at privilege 0...2.
  var isSupervisor: Bool
  /// Error code of #SS: 0 for the current stack, the selector for a new one; bit 0 is EXT.
  var errorCode: UInt32 = 0
  /// 64-bit mode: no limit checks.
  var isFlat: Bool

  init(current core: Core) {
    segment = core.cpu.pointee.segments[SegmentIndex.ss]
    pointer = core.stackPointer
    mask = core.cpu.pointee.stackMask
    isSupervisor = core.cpl != 3
    isFlat = core.is64Bit
  }

  init(new segment: Segment, pointer: UInt64, privilege: UInt8, errorCode: UInt32) {
    self.segment = segment
    self.pointer = pointer
    mask = segment.is32Bit ? 0xffff_ffff : 0xffff
    isSupervisor = privilege != 3
    isFlat = false
    self.errorCode = errorCode
  }

  /// A stack of 64-bit mode.
  init(flat pointer: UInt64, isSupervisor: Bool) {
    segment = Segment()
    self.pointer = pointer
    mask = ~0
    self.isSupervisor = isSupervisor
    isFlat = true
  }

  private func address(_ core: Core, _ offset: UInt64, size: Int) throws(Fault) -> UInt64 {
    if isFlat {
      let top = Int64(bitPattern: offset) >> 47
      guard top == 0 || top == -1 else { throw .stack(code: errorCode) }
      return offset
    }
    let last = offset &+ UInt64(size) &- 1
    if segment.isExpandDown {
      guard offset > UInt64(segment.limit), last <= mask else { throw .stack(code: errorCode) }
    } else {
      guard last <= UInt64(segment.limit) else { throw .stack(code: errorCode) }
    }
    return core.wrap(segment.base &+ offset)
  }

  mutating func push(_ core: Core, _ value: UInt64, size: Int) throws(Fault) {
    let offset = (pointer &- UInt64(size)) & mask
    let address = try address(core, offset, size: size)
    switch size {
    case 2: try core.writeLinear(address, UInt16(truncatingIfNeeded: value), supervisor: isSupervisor)
    case 4: try core.writeLinear(address, UInt32(truncatingIfNeeded: value), supervisor: isSupervisor)
    default: try core.writeLinear(address, value, supervisor: isSupervisor)
    }
    pointer = pointer & ~mask | offset
  }

  /// Reads the element `index` slots above the top without moving the pointer.
  func peek(_ core: Core, _ index: Int, size: Int) throws(Fault) -> UInt64 {
    let address = try address(core, (pointer &+ UInt64(index * size)) & mask, size: size)
    switch size {
    case 2: return UInt64(try core.readLinear(address, as: UInt16.self, supervisor: isSupervisor))
    case 4: return UInt64(try core.readLinear(address, as: UInt32.self, supervisor: isSupervisor))
    default: return try core.readLinear(address, as: UInt64.self, supervisor: isSupervisor)
    }
  }

  mutating func pop(_ core: Core, size: Int) throws(Fault) -> UInt64 {
    let value = try peek(core, 0, size: size)
    drop(UInt64(size))
    return value
  }

  /// Pops a selector from a slot of `size` bytes; only two bytes of it are read.
  mutating func popSelector(_ core: Core, size: Int) throws(Fault) -> UInt16 {
    let address = try address(core, pointer & mask, size: 2)
    let value = try core.readLinear(address, as: UInt16.self, supervisor: isSupervisor)
    drop(UInt64(size))
    return value
  }

  mutating func drop(_ byteCount: UInt64) { pointer = pointer & ~mask | (pointer &+ byteCount) & mask }

  /// Checks that `byteCount` more bytes can be pushed, so that a fault comes before the first write.
  func checkRoom(_ core: Core, _ byteCount: Int) throws(Fault) {
    guard !isFlat, byteCount > 0 else { return }
    let offset = (pointer &- UInt64(byteCount)) & mask
    if segment.isExpandDown {
      guard offset > UInt64(segment.limit), offset &+ UInt64(byteCount) &- 1 <= mask else {
        throw .stack(code: errorCode)
      }
    } else if mask == 0xffff && offset &+ UInt64(byteCount) > 0x1_0000 {
      return  // wraps around the top of a 64 KiB stack: each push is checked for itself
    } else {
      guard offset &+ UInt64(byteCount) &- 1 <= UInt64(segment.limit) else { throw .stack(code: errorCode) }
    }
  }

  /// Makes the moved pointer that of the processor (whose SS is `segment` by now).
  func commit(_ core: Core) { core.setStackPointer(pointer, mask: mask) }
}
