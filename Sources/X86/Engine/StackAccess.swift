// SPDX-License-Identifier: Apache-2.0

/// Stack helpers for complex instructions: they move a copy of the stack pointer, which the handler commits last.

/// The stack pointer as the stack size sees it.
@inline(__always)
func stackOffset(_ c: UnsafeMutableRawPointer) -> UInt64 { c.cpu.pointee.registers[4] & c.cpu.pointee.stackMask }

/// Commits a stack pointer: only as many bits as the stack size has.
@inline(__always)
func setStackOffset(_ c: UnsafeMutableRawPointer, _ offset: UInt64) {
  let cpu = c.cpu
  let mask = cpu.pointee.stackMask
  if mask == 0xffff {
    cpu.pointee.registers[4] = (cpu.pointee.registers[4] & ~0xffff) | (offset & 0xffff)
  } else {
    cpu.pointee.registers[4] = offset & mask
  }
}

/// Pushes a value of 2, 4 or 8 bytes below `spOffset` and moves that; on a fault nothing moves (see `faulted`).
@inline(never)
func pushValue(_ c: UnsafeMutableRawPointer, _ value: UInt64, _ size: Int, _ spOffset: inout UInt64) {
  let offset = (spOffset &- UInt64(size)) & c.cpu.pointee.stackMask
  switch size {
  case 2: writeMemory(c, segment: SegmentIndex.ss, offset: offset, UInt16(truncatingIfNeeded: value))
  case 4: writeMemory(c, segment: SegmentIndex.ss, offset: offset, UInt32(truncatingIfNeeded: value))
  default: writeMemory(c, segment: SegmentIndex.ss, offset: offset, value)
  }
  if !faulted(c) { spOffset = offset }
}

/// Pops a value of 2, 4 or 8 bytes from `spOffset` and moves that; on a fault nothing moves.
@inline(never)
func popValue(_ c: UnsafeMutableRawPointer, _ size: Int, _ spOffset: inout UInt64) -> UInt64 {
  let value: UInt64
  switch size {
  case 2: value = UInt64(readMemory(c, segment: SegmentIndex.ss, offset: spOffset, as: UInt16.self))
  case 4: value = UInt64(readMemory(c, segment: SegmentIndex.ss, offset: spOffset, as: UInt32.self))
  default: value = readMemory(c, segment: SegmentIndex.ss, offset: spOffset, as: UInt64.self)
  }
  if !faulted(c) { spOffset = (spOffset &+ UInt64(size)) & c.cpu.pointee.stackMask }
  return value
}
