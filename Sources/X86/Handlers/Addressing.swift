// SPDX-License-Identifier: Apache-2.0

/// How a handler forms the linear address of its memory operand. Each handler that touches memory is instantiated for
/// the forms that are worth it; `GeneralAddress` is right in every mode.
protocol Addressing {
  /// The offset in the segment.
  static func offset(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) -> UInt64
  static func mayRead(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ offset: UInt64, _ byteCount: Int) -> Bool
  static func mayWrite(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ offset: UInt64, _ byteCount: Int) -> Bool
  static func linear(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ offset: UInt64) -> UInt64
}

/// 32-bit addresses through a flat segment: no base, no limit, no rights to check.
enum FlatAddress: Addressing {
  @inline(__always)
  static func offset(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) -> UInt64 {
    let base = c.load(fromByteOffset: Int(o.op.pointee.base), as: UInt32.self)
    let index = c.load(fromByteOffset: Int(o.op.pointee.index), as: UInt32.self)
    let displacement = UInt32(bitPattern: o.op.pointee.displacement)
    return UInt64(base &+ displacement &+ (index &<< UInt32(o.op.pointee.scale)))
  }
  @inline(__always)
  static func mayRead(_: UnsafeMutableRawPointer, _: UnsafeRawPointer, _: UInt64, _: Int) -> Bool { true }
  @inline(__always)
  static func mayWrite(_: UnsafeMutableRawPointer, _: UnsafeRawPointer, _: UInt64, _: Int) -> Bool { true }
  @inline(__always)
  static func linear(_: UnsafeMutableRawPointer, _: UnsafeRawPointer, _ offset: UInt64) -> UInt64 { offset }
}

/// `FlatAddress` without an index.
enum BaseAddress: Addressing {
  @inline(__always)
  static func offset(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) -> UInt64 {
    let base = c.load(fromByteOffset: Int(o.op.pointee.base), as: UInt32.self)
    return UInt64(base &+ UInt32(bitPattern: o.op.pointee.displacement))
  }
  @inline(__always)
  static func mayRead(_: UnsafeMutableRawPointer, _: UnsafeRawPointer, _: UInt64, _: Int) -> Bool { true }
  @inline(__always)
  static func mayWrite(_: UnsafeMutableRawPointer, _: UnsafeRawPointer, _: UInt64, _: Int) -> Bool { true }
  @inline(__always)
  static func linear(_: UnsafeMutableRawPointer, _: UnsafeRawPointer, _ offset: UInt64) -> UInt64 { offset }
}

/// 64-bit addresses in 64-bit mode; the segment base is zero but for FS and GS. Addresses that are not canonical are in
/// no fast table, and `slowAccess` raises the fault.
enum LongAddress: Addressing {
  @inline(__always)
  static func offset(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) -> UInt64 {
    let base = c.load(fromByteOffset: Int(o.op.pointee.base), as: UInt64.self)
    let index = c.load(fromByteOffset: Int(o.op.pointee.index), as: UInt64.self)
    let displacement = UInt64(bitPattern: Int64(o.op.pointee.displacement))
    return base &+ displacement &+ (index &<< UInt64(o.op.pointee.scale))
  }
  @inline(__always)
  static func mayRead(_: UnsafeMutableRawPointer, _: UnsafeRawPointer, _: UInt64, _: Int) -> Bool { true }
  @inline(__always)
  static func mayWrite(_: UnsafeMutableRawPointer, _: UnsafeRawPointer, _: UInt64, _: Int) -> Bool { true }
  @inline(__always)
  static func linear(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ offset: UInt64) -> UInt64 {
    offset &+ segmentBase(c, o)
  }
}

/// Any address size and segment in any mode (in 64-bit mode the windows allow everything).
enum GeneralAddress: Addressing {
  @inline(__always)
  static func offset(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) -> UInt64 { effectiveOffset(c, o.op) }
  @inline(__always)
  static func mayRead(
    _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ offset: UInt64, _ byteCount: Int
  ) -> Bool {
    // Safe: the builder stores segment numbers below 6 only.
    c.cpu.pointee.segmentWindows[unchecked: Int(o.op.pointee.segment)].allowsRead(offset, byteCount)
  }
  @inline(__always)
  static func mayWrite(
    _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ offset: UInt64, _ byteCount: Int
  ) -> Bool {
    c.cpu.pointee.segmentWindows[unchecked: Int(o.op.pointee.segment)].allowsWrite(offset, byteCount)
  }
  @inline(__always)
  static func linear(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ offset: UInt64) -> UInt64 {
    (offset &+ segmentBase(c, o)) & c.cpu.pointee.ipMask
  }
}

@inline(__always)
private func segmentBase(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) -> UInt64 {
  c.cpu.pointee.segmentBases[unchecked: Int(o.op.pointee.segment)]
}

/// A segment check failed: #SS(0) for the stack segment, #GP(0) for the others.
@inline(never)
func refuse(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let isStack = Int(o.op.pointee.segment) == SegmentIndex.ss
  return fault(c, o, isStack ? Exception.stackFault : Exception.generalProtection, 0)
}

/// Address of the fast slot of a linear address.
@inline(__always)
func fastSlot(_ c: UnsafeMutableRawPointer, _ linear: UInt64) -> UnsafeRawPointer {
  UnsafeRawPointer(c.cpu.pointee.fastTLB) + Int(truncatingIfNeeded: (linear &>> 7) & fastIndexMask)
}

/// What the tag of a hit must be equal to.
@inline(__always)
func pageOfLastByte(_ linear: UInt64, _ byteCount: Int) -> UInt64 { (linear &+ UInt64(byteCount &- 1)) & ~0xfff }

/// The host address of a hit. Safe: the tag was compared, so the slot's addend belongs to this page.
@inline(__always)
func hostAddress(_ slot: UnsafeRawPointer, _ linear: UInt64) -> UnsafeMutableRawPointer {
  let address = slot.load(fromByteOffset: 24, as: UInt64.self) &+ linear
  return UnsafeMutableRawPointer(bitPattern: UInt(truncatingIfNeeded: address)).unsafelyUnwrapped
}

/// Runs `body` with the memory operand's value; `body` ends the instruction.
@inline(__always)
func reading<A: Addressing, W: Width>(
  _: A.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ body: (W) -> Void
) {
  let offset = A.offset(c, o)
  guard A.mayRead(c, o, offset, W.byteCount) else { return refuse(c, o) }
  let linear = A.linear(c, o, offset)
  let slot = fastSlot(c, linear)
  guard slot.load(as: UInt64.self) == pageOfLastByte(linear, W.byteCount) else {
    return slowAccess(c, o, linear, W.byteCount, .read)
  }
  return body(W.read(hostAddress(slot, linear)))
}

/// Runs `body` with the host address to write the operand at; `body` ends the instruction.
@inline(__always)
func writing<A: Addressing, W: Width>(
  _: A.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ body: (UnsafeMutableRawPointer) -> Void
) {
  let offset = A.offset(c, o)
  guard A.mayWrite(c, o, offset, W.byteCount) else { return refuse(c, o) }
  let linear = A.linear(c, o, offset)
  let slot = fastSlot(c, linear)
  guard slot.load(fromByteOffset: 8, as: UInt64.self) == pageOfLastByte(linear, W.byteCount) else {
    return slowAccess(c, o, linear, W.byteCount, .write)
  }
  return body(hostAddress(slot, linear))
}

/// Replaces the memory operand by what `body` makes of it, then goes on with the next op.
@inline(__always)
func modifying<A: Addressing, W: Width>(
  _: A.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ body: (W) -> W
) {
  let offset = A.offset(c, o)
  guard A.mayWrite(c, o, offset, W.byteCount) else { return refuse(c, o) }
  let linear = A.linear(c, o, offset)
  let slot = fastSlot(c, linear)
  guard slot.load(fromByteOffset: 8, as: UInt64.self) == pageOfLastByte(linear, W.byteCount) else {
    return slowAccess(c, o, linear, W.byteCount, .readWrite)
  }
  let host = hostAddress(slot, linear)
  W.write(body(W.read(host)), host)
  return next(c, o)
}

/// The handlers of one operation for operands of 1, 2, 4 and 8 bytes.
struct Sized {
  let b: Handler
  let w: Handler
  let d: Handler
  let q: Handler

  subscript(size size: UInt8) -> Handler {
    switch size {
    case 1: b
    case 2: w
    case 4: d
    default: q
    }
  }
}

/// The handlers of one memory operation for the three address forms.
struct Addressed {
  let flat: Sized
  let long: Sized
  let general: Sized

  subscript(form form: AddressForm) -> Sized {
    switch form {
    case .flat: flat
    case .long: long
    case .general: general
    }
  }
}

enum AddressForm: UInt8 {
  case flat, long, general
}
