// SPDX-License-Identifier: Apache-2.0

/// What a straight-line handler does with its memory operand.
enum AccessKind: UInt8 {
  case read = 1
  case write = 2
  case readWrite = 3

  var reads: Bool { self != .write }
  var writes: Bool { self != .read }
}

/// The continuation of a handler whose memory operand missed the fast table.
///
/// It translates (faults end the chain here) and then either fills the fast slot and runs the op again, which now hits;
/// or, where no direct access is possible (device, ROM, page-crossing, code in the page, alignment checking), makes a
/// *staged* access: the bytes are read once into a buffer of the MMU, the fast slot is pointed at them while a copy of the
/// op runs, and what the handler wrote there is then written to where it belongs. So a straight-line handler has one
/// body, and a device sees each access exactly once.
///
/// For handlers that make exactly one access, of at most 16 bytes, and end with `next`, `fault` or another leaving exit.
@inline(never)
func slowAccess(
  _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ linear: UInt64, _ byteCount: Int, _ kind: AccessKind
) {
  let cpu = c.cpu
  note(c, o)
  if cpu.pointee.ipMask == ~0 && !(isCanonical(linear) && isCanonical(linear &+ UInt64(byteCount &- 1))) {
    let isStack = Int(o.op.pointee.segment) == SegmentIndex.ss
    return fault(c, o, isStack ? Exception.stackFault : Exception.generalProtection, 0)
  }
  probeLinear(c, linear, byteCount, write: kind.writes, supervisor: false)
  if faulted(c) { return takeFault(c, o) }
  noteAccess(c, linear, byteCount, write: kind.writes)

  let inFirst = 0x1000 - Int(linear & 0xfff)
  if byteCount <= inFirst {
    let physical = translateData(c, linear, write: kind.writes, user: cpu.pointee.cpl == 3)
    if fillFast(c, linear, physical, write: kind.writes) {
      return o.op.pointee.handler(c, o)
    }
    if kind.writes && writeBesideCode(c, o, linear, physical, byteCount) {
      if faulted(c) { return }
      return endInstruction(c, o)
    }
  }
  if stagedAccess(c, o, linear, byteCount, kind) { return endInstruction(c, o) }
}

/// Writes to plain memory of a page with code where there is none: the op runs with the page open to it for the duration.
/// True if that was possible; then the whole instruction but its end is done.
@inline(never)
private func writeBesideCode(
  _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ linear: UInt64, _ physical: UInt64, _ byteCount: Int
) -> Bool {
  let cpu = c.cpu
  let address = maskA20(c, physical)
  let memory = physicalSlot(c, address)
  let host = memory.pointee.writeAddress
  guard host != 0, host == memory.pointee.readAddress, !cpu.pointee.blocks.pointee.hasCode(address, byteCount) else {
    return false
  }
  announceWrite(c, memory)
  let page = linear & ~0xfff
  runCopy(c, o, linear, tag: page, addend: host &- page)
  return true
}

/// Runs a copy of the op, followed by `stopOp`, with the fast slot of `linear` open to reads and writes.
@inline(__always)
private func runCopy(
  _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ linear: UInt64, tag: UInt64, addend: UInt64
) {
  let cpu = c.cpu
  let scratch = cpu.pointee.mmu.pointee.scratch
  scratch.copyMemory(from: o, byteCount: opStride)
  scratch.storeBytes(of: Op(handler: stopOp), toByteOffset: opStride, as: Op.self)
  let slot = cpu.pointee.fastTLB + Int(truncatingIfNeeded: (linear >> 7) & fastIndexMask)
  let saved = slot.load(as: FastSlot.self)
  slot.storeBytes(of: FastSlot(readTag: tag, writeTag: tag, frame: saved.frame, addend: addend), as: FastSlot.self)
  o.op.pointee.handler(c, UnsafeRawPointer(scratch))
  slot.storeBytes(of: saved, as: FastSlot.self)
}

/// Does the whole instruction but its end; false if it faulted. The translations have been probed.
@inline(never)
private func stagedAccess(
  _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ linear: UInt64, _ byteCount: Int, _ kind: AccessKind
) -> Bool {
  let cpu = c.cpu
  let staging = cpu.pointee.mmu.pointee.scratch + 2 * opStride
  if kind.reads {
    transfer(c, linear, byteCount) { address, offset, count in
      let value = physicalRead(c, address, count)
      for index in 0..<count {
        staging.storeBytes(
          of: UInt8(truncatingIfNeeded: value >> UInt64(8 * index)), toByteOffset: offset + index, as: UInt8.self)
      }
    }
  }

  let tag = (linear &+ UInt64(byteCount &- 1)) & ~0xfff
  runCopy(c, o, linear, tag: tag, addend: UInt64(UInt(bitPattern: staging)) &- linear)
  if faulted(c) { return false }

  if kind.writes {
    transfer(c, linear, byteCount) { address, offset, count in
      var value: UInt64 = 0
      for index in 0..<count {
        value |= UInt64(staging.load(fromByteOffset: offset + index, as: UInt8.self)) << UInt64(8 * index)
      }
      physicalWrite(c, address, count, value)
    }
  }
  return true
}

/// Splits an access into pieces of at most 8 bytes that cross no page: physical address, offset in the access, count.
@inline(__always)
private func transfer(
  _ c: UnsafeMutableRawPointer, _ linear: UInt64, _ byteCount: Int, _ body: (UInt64, Int, Int) -> Void
) {
  let user = c.cpu.pointee.cpl == 3
  var offset = 0
  while offset < byteCount {
    let address = (linear &+ UInt64(offset)) & c.cpu.pointee.ipMask
    let inPage = 0x1000 - Int(address & 0xfff)
    let count = min(min(8, byteCount - offset), inPage)
    // Safe to take as it is: the rights were probed, and only a read right is asked for again.
    let physical = translateData(c, address, write: false, user: user)
    guard physical != noPhysicalAddress else { return }
    body(physical, offset, count)
    offset += count
  }
}
