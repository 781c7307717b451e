// SPDX-License-Identifier: Apache-2.0

/// Offset of an op's memory operand in its segment, for any address size.
@inline(__always)
func effectiveOffset(_ c: UnsafeMutableRawPointer, _ op: UnsafePointer<Op>) -> UInt64 {
  let base = c.load(fromByteOffset: Int(op.pointee.base), as: UInt64.self)
  let index = c.load(fromByteOffset: Int(op.pointee.index), as: UInt64.self)
  let displacement = UInt64(bitPattern: Int64(op.pointee.displacement))
  let offset = base &+ (index &<< UInt64(op.pointee.scale)) &+ displacement
  if op.pointee.flags & OpFlags.address16 != 0 { return offset & 0xffff }
  if op.pointee.flags & OpFlags.address32 != 0 { return offset & 0xffff_ffff }
  return offset
}

/// The host address of a linear address if the fast table of the current privilege has it: good up to the page's end.
@inline(__always)
func hostAddress(_ c: UnsafeMutableRawPointer, _ linear: UInt64, writing: Bool) -> UnsafeMutableRawPointer? {
  let slot = c.cpu.pointee.fastTLB + Int(truncatingIfNeeded: (linear &>> 7) & fastIndexMask)
  guard slot.load(fromByteOffset: writing ? 8 : 0, as: UInt64.self) == linear & ~0xfff else { return nil }
  return UnsafeMutableRawPointer(bitPattern: UInt(slot.load(fromByteOffset: 24, as: UInt64.self) &+ linear))
}
