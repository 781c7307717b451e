// SPDX-License-Identifier: Apache-2.0

/// Going from block to block without the run loop.

/// Continues at `blockIP` through the jump table if nothing else needs attention; otherwise (or if the target is not in
/// the table) returns to the run loop, which looks the block up. The current block's charge must have been settled.
@inline(never)
func dispatch(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let cpu = c.cpu
  guard cpu.pointee.attention == 0 else { return }
  let ip = cpu.pointee.blockIP
  let linear = (ip &+ cpu.pointee.segmentBases[SegmentIndex.cs]) & cpu.pointee.ipMask
  let entry = UnsafeRawPointer(cpu.pointee.jumpTable) + JumpEntry.byteOffset(linear)
  guard entry.load(as: UInt64.self) == linear, entryHolds(cpu, entry),
    let target = UnsafeRawPointer(bitPattern: entry.load(fromByteOffset: 16, as: UInt.self))
  else { return }
  if cpu.pointee.modeKey & ModeKey.flatCode == 0 {
    // The whole block must lie inside the code segment; the run loop sorts out what to do if it does not.
    let last = ip &+ UInt64(target.header.pointee.byteLength) &- 1
    if last > UInt64(cpu.pointee.segments[SegmentIndex.cs].limit) { return }
  }
  let remaining = cpu.pointee.remaining &- Int64(target.op.pointee.left)
  guard remaining >= 0 else { return }
  cpu.pointee.remaining = remaining
  return target.op.pointee.handler(c, target)
}

/// Whether an entry of the jump table was made in this mode and no translation it relies on has changed since.
@inline(__always)
private func entryHolds(_ cpu: UnsafeMutablePointer<CPUState>, _ entry: UnsafeRawPointer) -> Bool {
  let generation = entry.load(fromByteOffset: 12, as: UInt32.self)
  return entry.load(fromByteOffset: 8, as: UInt32.self) == cpu.pointee.modeKey
    && (generation == cpu.pointee.globalGeneration || generation == cpu.pointee.linkGeneration)
}

/// `dispatch` of a code segment with base 0 and no limit, for indirect branches.
@inline(__always)
func dispatchFlat(_ c: UnsafeMutableRawPointer, _ linear: UInt64) {
  let cpu = c.cpu
  let entry = UnsafeRawPointer(cpu.pointee.jumpTable) + JumpEntry.byteOffset(linear)
  guard cpu.pointee.attention == 0, entry.load(as: UInt64.self) == linear, entryHolds(cpu, entry),
    let target = UnsafeRawPointer(bitPattern: entry.load(fromByteOffset: 16, as: UInt.self))
  else { return }
  let remaining = cpu.pointee.remaining &- Int64(target.op.pointee.left)
  guard remaining >= 0 else { return }
  cpu.pointee.remaining = remaining
  return target.op.pointee.handler(c, target)
}

/// Handler of `BlockCache.dispatchOp`.
let dispatchHandler: Handler = { dispatch($0, $1) }

/// Handler of every op of a dropped block: the instruction has not been executed; continue at it with fresh code.
let staleOp: Handler = { c, o in
  let cpu = c.cpu
  cpu.pointee.blockIP = instructionPointer(c, o)
  cpu.pointee.remaining &+= Int64(o.op.pointee.left)
  // The jump table may have led here.
  let linear = (cpu.pointee.blockIP &+ cpu.pointee.segmentBases[SegmentIndex.cs]) & cpu.pointee.ipMask
  let entry = cpu.pointee.jumpTable + JumpEntry.byteOffset(linear)
  if entry.load(fromByteOffset: 16, as: UInt.self) == UInt(bitPattern: o) {
    entry.storeBytes(of: JumpEntry(), as: JumpEntry.self)
    return
  }
  return dispatch(c, o)
}

/// Handler that ends a staged access; see `slowAccess`.
let stopOp: Handler = { _, _ in }

/// A branch has found no link: continue through the run loop, which enters the target block at `link`.
@inline(never)
func resolveLink(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ link: UnsafeRawPointer) {
  c.cpu.pointee.blocks.pointee.pendingLink = UInt(bitPattern: link)
}

/// Physical memory (A20 applied, inside one page) has been written: blocks decoded from it are dropped.
@inline(__always)
func codeMayChange(_ c: UnsafeMutableRawPointer, _ physical: UInt64, _ byteCount: Int) {
  if c.cpu.pointee.blocks.pointee.hasCode(physical, byteCount) { codeChanged(c, physical, byteCount) }
}

@inline(never)
private func codeChanged(_ c: UnsafeMutableRawPointer, _ physical: UInt64, _ byteCount: Int) {
  if c.cpu.pointee.blocks.pointee.drop(physical, byteCount) {
    codeDisappeared(c, physical & ~0xfff)
  }
}
