// SPDX-License-Identifier: Apache-2.0

/// Memory accesses that handlers call (as opposed to the fast path they contain). Each checks `faulted(c)` semantics:
/// on a fault it records the exception and returns zero; the handler then returns `takeFault(c, o)`. Handlers that use
/// them call `note(c, o)` first and end with `endInstruction` or `exitBlock`, since a device may have been reached.

/// Reads through a segment register with limit, rights and paging checks at the current privilege.
@inline(never)
func readMemory<W: Width>(_ c: UnsafeMutableRawPointer, segment: Int, offset: UInt64, as: W.Type) -> W {
  guard let linear = segmentAddress(c, segment, offset, W.byteCount, write: false) else { return 0 }
  return readLinear(c, linear, as: W.self, supervisor: false)
}

/// Writes through a segment register with limit, rights and paging checks at the current privilege.
@inline(never)
func writeMemory<W: Width>(_ c: UnsafeMutableRawPointer, segment: Int, offset: UInt64, _ value: W) {
  guard let linear = segmentAddress(c, segment, offset, W.byteCount, write: true) else { return }
  writeLinear(c, linear, value, supervisor: false)
}

/// Makes all checks of a write (segment, canonical form, alignment, paging for every byte; dirty bits are set) and
/// writes nothing. After it succeeds, a write of the same bytes cannot fault.
@inline(never)
func probeWrite(_ c: UnsafeMutableRawPointer, segment: Int, offset: UInt64, size: Int) {
  guard let linear = segmentAddress(c, segment, offset, size, write: true) else { return }
  probeLinear(c, linear, size, write: true, supervisor: false)
}

/// `probeWrite` for a read.
@inline(never)
func probeRead(_ c: UnsafeMutableRawPointer, segment: Int, offset: UInt64, size: Int) {
  guard let linear = segmentAddress(c, segment, offset, size, write: false) else { return }
  probeLinear(c, linear, size, write: false, supervisor: false)
}

/// Segment checks of an access of `byteCount` bytes: the linear address, or nil with #GP(0) or #SS(0) recorded.
@inline(__always)
func segmentAddress(
  _ c: UnsafeMutableRawPointer, _ segment: Int, _ offset: UInt64, _ byteCount: Int, write: Bool
) -> UInt64? {
  let cpu = c.cpu
  let base = cpu.pointee.segmentBases[segment]
  if cpu.pointee.modeKey & ModeKey.codeSizeMask == UInt32(CodeSize.bits64.rawValue) {
    let linear = base &+ offset
    guard isCanonical(linear), isCanonical(linear &+ UInt64(byteCount &- 1)) else {
      recordFault(c, segment == SegmentIndex.ss ? Exception.stackFault : Exception.generalProtection, 0)
      return nil
    }
    return linear
  }
  let window = cpu.pointee.segmentWindows[segment]
  guard write ? window.allowsWrite(offset, byteCount) : window.allowsRead(offset, byteCount) else {
    recordFault(c, segment == SegmentIndex.ss ? Exception.stackFault : Exception.generalProtection, 0)
    return nil
  }
  return (base &+ offset) & 0xffff_ffff
}

@inline(__always)
func isCanonical(_ linear: UInt64) -> Bool {
  let top = Int64(bitPattern: linear) >> 47
  return top == 0 || top == -1
}

/// Reads a linear address. `supervisor`: with supervisor rights whatever CPL is (descriptor tables, TSS).
@inline(__always)
func readLinear<W: Width>(_ c: UnsafeMutableRawPointer, _ linear: UInt64, as: W.Type, supervisor: Bool) -> W {
  let cpu = c.cpu
  let table =
    supervisor
    ? UnsafeMutableRawPointer(cpu.pointee.mmu.pointee.supervisor.slots) : cpu.pointee.fastTLB
  let slot = table + Int(truncatingIfNeeded: (linear >> 7) & fastIndexMask)
  if slot.load(as: UInt64.self) == (linear &+ UInt64(W.byteCount - 1)) & ~0xfff,
    let host = UnsafeRawPointer(bitPattern: UInt(slot.load(fromByteOffset: 24, as: UInt64.self) &+ linear))
  {
    return W.read(host)
  }
  return W(truncatingIfNeeded: slowRead(c, linear, W.byteCount, supervisor: supervisor))
}

/// Writes a linear address.
@inline(__always)
func writeLinear<W: Width>(_ c: UnsafeMutableRawPointer, _ linear: UInt64, _ value: W, supervisor: Bool) {
  let cpu = c.cpu
  let table =
    supervisor
    ? UnsafeMutableRawPointer(cpu.pointee.mmu.pointee.supervisor.slots) : cpu.pointee.fastTLB
  let slot = table + Int(truncatingIfNeeded: (linear >> 7) & fastIndexMask)
  if slot.load(fromByteOffset: 8, as: UInt64.self) == (linear &+ UInt64(W.byteCount - 1)) & ~0xfff,
    let host = UnsafeMutableRawPointer(bitPattern: UInt(slot.load(fromByteOffset: 24, as: UInt64.self) &+ linear))
  {
    W.write(value, host)
    return
  }
  slowWrite(c, linear, W.byteCount, UInt64(truncatingIfNeeded: value), supervisor: supervisor)
}

/// Byte offset of a fast slot from a linear address shifted right by 7.
let fastIndexMask: UInt64 = UInt64(MMU.slotCount - 1) << 5

/// All checks of an access to linear memory, for every page it touches, without making it.
@inline(never)
func probeLinear(_ c: UnsafeMutableRawPointer, _ linear: UInt64, _ byteCount: Int, write: Bool, supervisor: Bool) {
  let user = !supervisor && c.cpu.pointee.cpl == 3
  if user && misaligned(c, linear, byteCount) { return }
  guard translateData(c, linear, write: write, user: user) != noPhysicalAddress else { return }
  let last = (linear &+ UInt64(byteCount &- 1)) & c.cpu.pointee.ipMask
  if (last ^ linear) & ~0xfff != 0 { _ = translateData(c, last & ~0xfff, write: write, user: user) }
}

/// Raises #AC(0) if alignment checking is on and the access is misaligned.
private func misaligned(_ c: UnsafeMutableRawPointer, _ linear: UInt64, _ byteCount: Int) -> Bool {
  guard c.cpu.pointee.checksAlignment, byteCount & (byteCount - 1) == 0, byteCount <= 8 else { return false }
  guard linear & UInt64(byteCount - 1) != 0 else { return false }
  recordFault(c, Exception.alignmentCheck, 0)
  return true
}

/// Reads 1...8 bytes that may cross a page or lie in a device.
@inline(never)
func slowRead(_ c: UnsafeMutableRawPointer, _ linear: UInt64, _ byteCount: Int, supervisor: Bool) -> UInt64 {
  let user = !supervisor && c.cpu.pointee.cpl == 3
  if user && misaligned(c, linear, byteCount) { return 0 }
  let inFirst = 0x1000 - Int(linear & 0xfff)
  let first = translateData(c, linear, write: false, user: user)
  if first == noPhysicalAddress { return 0 }
  noteAccess(c, linear, byteCount, write: false)
  if byteCount <= inFirst {
    if !supervisor || !user { fillIfCurrent(c, linear, first, write: false, supervisor: supervisor) }
    return physicalRead(c, first, byteCount)
  }
  let second = translateData(c, (linear &+ UInt64(inFirst)) & c.cpu.pointee.ipMask, write: false, user: user)
  if second == noPhysicalAddress { return 0 }
  let low = physicalRead(c, first, inFirst)
  return low | physicalRead(c, second, byteCount - inFirst) << UInt64(8 * inFirst)
}

/// Writes 1...8 bytes that may cross a page or lie in a device; both pages are checked before the first byte is written.
@inline(never)
func slowWrite(
  _ c: UnsafeMutableRawPointer, _ linear: UInt64, _ byteCount: Int, _ value: UInt64, supervisor: Bool
) {
  let user = !supervisor && c.cpu.pointee.cpl == 3
  if user && misaligned(c, linear, byteCount) { return }
  let inFirst = 0x1000 - Int(linear & 0xfff)
  let first = translateData(c, linear, write: true, user: user)
  if first == noPhysicalAddress { return }
  noteAccess(c, linear, byteCount, write: true)
  if byteCount <= inFirst {
    fillIfCurrent(c, linear, first, write: true, supervisor: supervisor)
    physicalWrite(c, first, byteCount, value)
    return
  }
  let second = translateData(c, (linear &+ UInt64(inFirst)) & c.cpu.pointee.ipMask, write: true, user: user)
  if second == noPhysicalAddress { return }
  physicalWrite(c, first, inFirst, value)
  physicalWrite(c, second, byteCount - inFirst, value >> UInt64(8 * inFirst))
}

/// Enters the page into the fast table in use, unless the access was made with other rights than that table's.
@inline(__always)
private func fillIfCurrent(
  _ c: UnsafeMutableRawPointer, _ linear: UInt64, _ physical: UInt64, write: Bool, supervisor: Bool
) {
  if supervisor && c.cpu.pointee.cpl == 3 { return }
  _ = fillFast(c, linear, physical, write: write)
}
