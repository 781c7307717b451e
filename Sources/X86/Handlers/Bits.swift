// SPDX-License-Identifier: Apache-2.0

/// BT BTS BTR BTC, BSF BSR, LZCNT TZCNT POPCNT, CRC32. SDM vol. 2. The bit tests change CF alone; after BSF and BSR
/// only ZF is defined, and a zero source leaves the destination.

protocol BitOperation {
  static var writes: Bool { get }
  static func apply<W: Width>(_ value: W, _ mask: W) -> W
}
enum BitTest: BitOperation {
  @inline(__always) static var writes: Bool { false }
  @inline(__always) static func apply<W: Width>(_ value: W, _ mask: W) -> W { value }
}
enum BitSet: BitOperation {
  @inline(__always) static var writes: Bool { true }
  @inline(__always) static func apply<W: Width>(_ value: W, _ mask: W) -> W { value | mask }
}
enum BitReset: BitOperation {
  @inline(__always) static var writes: Bool { true }
  @inline(__always) static func apply<W: Width>(_ value: W, _ mask: W) -> W { value & ~mask }
}
enum BitComplement: BitOperation {
  @inline(__always) static var writes: Bool { true }
  @inline(__always) static func apply<W: Width>(_ value: W, _ mask: W) -> W { value ^ mask }
}

@inline(__always)
private func bitMask<W: Width>(_ number: UInt64, _: W.Type) -> W {
  W(1) &<< W(truncatingIfNeeded: number)
}

/// The bit number is in `src`, or in `immediate`.
@inline(__always)
func bitReg<O: BitOperation, W: Width>(
  _: O.Type, _: W.Type, isImmediate: Bool, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  let number = isImmediate ? o.op.pointee.immediate : c[o.op.pointee.src, as: W.self].wide
  let value = c[o.op.pointee.dst, as: W.self], mask = bitMask(number, W.self)
  storeCarry(c, value & mask != 0)
  if O.writes { c[o.op.pointee.dst, as: W.self] = O.apply(value, mask) }
  return next(c, o)
}

@inline(__always)
func bitMemImm<O: BitOperation, W: Width>(
  _: O.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  let mask = bitMask(o.op.pointee.immediate, W.self)
  if O.writes {
    return modifying(GeneralAddress.self, W.self, c, o) { value in
      storeCarry(c, value & mask != 0)
      return O.apply(value, mask)
    }
  }
  return reading(GeneralAddress.self, W.self, c, o) { value in
    storeCarry(c, value & mask != 0)
    return next(c, o)
  }
}

/// The register selects a bit of the string that starts at the operand: its upper part moves the address.
@inline(__always)
func bitMemReg<O: BitOperation, W: Width>(
  _: O.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  let number = c[o.op.pointee.src, as: W.self]
  let word = Int64(truncatingIfNeeded: number.signed) >> Int64(W.bitWidth.trailingZeroBitCount)
  let flags = o.op.pointee.flags
  let addressMask: UInt64 =
    flags & OpFlags.address16 != 0 ? 0xffff : (flags & OpFlags.address32 != 0 ? 0xffff_ffff : ~0)
  let offset = (GeneralAddress.offset(c, o) &+ UInt64(bitPattern: word &* Int64(W.byteCount))) & addressMask
  let allowed =
    O.writes
    ? GeneralAddress.mayWrite(c, o, offset, W.byteCount) : GeneralAddress.mayRead(c, o, offset, W.byteCount)
  guard allowed else { return refuse(c, o) }
  let linear = GeneralAddress.linear(c, o, offset)
  let slot = fastSlot(c, linear)
  guard slot.load(fromByteOffset: O.writes ? 8 : 0, as: UInt64.self) == pageOfLastByte(linear, W.byteCount) else {
    return slowAccess(c, o, linear, W.byteCount, O.writes ? .readWrite : .read)
  }
  let host = hostAddress(slot, linear)
  let value = W.read(host), mask = bitMask(UInt64(truncatingIfNeeded: number), W.self)
  storeCarry(c, value & mask != 0)
  if O.writes { W.write(O.apply(value, mask), host) }
  return next(c, o)
}

protocol ScanOperation {
  /// A source of zero leaves the destination, upper half included, as it is.
  static var skipsZero: Bool { get }
  static func apply<W: Width>(_ value: W, _ c: UnsafeMutableRawPointer) -> W
}
enum ScanForward: ScanOperation {
  @inline(__always) static var skipsZero: Bool { true }
  @inline(__always) static func apply<W: Width>(_ value: W, _ c: UnsafeMutableRawPointer) -> W {
    storeFlags(c, value, 0)
    return W(low: UInt64(truncatingIfNeeded: value.trailingZeroBitCount))
  }
}
enum ScanReverse: ScanOperation {
  @inline(__always) static var skipsZero: Bool { true }
  @inline(__always) static func apply<W: Width>(_ value: W, _ c: UnsafeMutableRawPointer) -> W {
    storeFlags(c, value, 0)
    return W(low: UInt64(truncatingIfNeeded: W.bitWidth - 1 - value.leadingZeroBitCount))
  }
}
/// LZCNT and TZCNT: CF says the source was zero, ZF that the result is.
enum CountLeading: ScanOperation {
  @inline(__always) static var skipsZero: Bool { false }
  @inline(__always) static func apply<W: Width>(_ value: W, _ c: UnsafeMutableRawPointer) -> W {
    let result = W(low: UInt64(truncatingIfNeeded: value.leadingZeroBitCount))
    storeFlags(c, result, carry: value == 0, overflow: false)
    return result
  }
}
enum CountTrailing: ScanOperation {
  @inline(__always) static var skipsZero: Bool { false }
  @inline(__always) static func apply<W: Width>(_ value: W, _ c: UnsafeMutableRawPointer) -> W {
    let result = W(low: UInt64(truncatingIfNeeded: value.trailingZeroBitCount))
    storeFlags(c, result, carry: value == 0, overflow: false)
    return result
  }
}
/// POPCNT clears all flags but ZF.
enum CountSet: ScanOperation {
  @inline(__always) static var skipsZero: Bool { false }
  @inline(__always) static func apply<W: Width>(_ value: W, _ c: UnsafeMutableRawPointer) -> W {
    let result = W(low: UInt64(truncatingIfNeeded: value.nonzeroBitCount))
    c.cpu.pointee.setStatusFlags(result == 0 ? Flags.zf : 0)
    return result
  }
}

@inline(__always)
func scanReg<O: ScanOperation, W: Width>(
  _: O.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  let value = c[o.op.pointee.src, as: W.self]
  let result = O.apply(value, c)
  if !O.skipsZero || value != 0 { c[o.op.pointee.dst, as: W.self] = result }
  return next(c, o)
}

@inline(__always)
func scanMem<O: ScanOperation, W: Width>(
  _: O.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return reading(GeneralAddress.self, W.self, c, o) { value in
    let result = O.apply(value, c)
    if !O.skipsZero || value != 0 { c[o.op.pointee.dst, as: W.self] = result }
    return next(c, o)
  }
}
