// SPDX-License-Identifier: Apache-2.0

/// Storing lazy flags; the encoding is described at `LazyFlags`.

/// Whether an operation stores its flags. The block builder picks `DropFlags` when the block overwrites them unread.
protocol FlagPolicy {
  static var stores: Bool { get }
}

enum KeepFlags: FlagPolicy {
  @inline(__always) static var stores: Bool { true }
}

enum DropFlags: FlagPolicy {
  @inline(__always) static var stores: Bool { false }
}

@inline(__always)
func storeFlags<W: Width>(_ c: UnsafeMutableRawPointer, _ result: W, _ carries: UInt32) {
  c.cpu.pointee.flagResult = result.flagWord
  c.cpu.pointee.flagCarries = carries
}

/// CF and OF alone, the others taken from `result` with AF clear.
@inline(__always)
func storeFlags<W: Width>(_ c: UnsafeMutableRawPointer, _ result: W, carry: Bool, overflow: Bool) {
  storeFlags(c, result, carryBits(carry: carry, overflow: overflow))
}

@inline(__always)
func carryBits(carry: Bool, overflow: Bool) -> UInt32 {
  let cf: UInt32 = carry ? 1 : 0, of: UInt32 = overflow ? 1 : 0
  return cf &<< 31 | (cf ^ of) &<< 30
}

/// Replaces CF and OF and leaves the others.
@inline(__always)
func storeCarryAndOverflow(_ c: UnsafeMutableRawPointer, carry: Bool, overflow: Bool) {
  let kept = c.cpu.pointee.flagCarries & 0x3fff_ffff
  c.cpu.pointee.flagCarries = kept | carryBits(carry: carry, overflow: overflow)
}

/// Replaces CF and leaves the others (OF is the difference of the two top bits, so both flip).
@inline(__always)
func storeCarry(_ c: UnsafeMutableRawPointer, _ carry: Bool) {
  let carries = c.cpu.pointee.flagCarries
  let change = (carries &>> 31) ^ (carry ? 1 : 0)
  c.cpu.pointee.flagCarries = carries ^ (0 &- change) & 0xc000_0000
}

@inline(__always)
func carryIn<W: Width>(_ c: UnsafeMutableRawPointer, as: W.Type) -> W {
  W(low: UInt64(c.cpu.pointee.flagCarries &>> 31))
}
