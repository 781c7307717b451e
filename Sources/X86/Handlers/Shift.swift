// SPDX-License-Identifier: Apache-2.0

/// ROL ROR RCL RCR SHL SHR SAR SHLD SHRD. SDM vol. 2. A masked count of zero leaves the flags alone. Where the manual
/// leaves OF undefined (counts above 1) it is computed as for 1.

protocol ShiftOperation {
  /// `count` is masked to 5 or 6 bits and not zero.
  static func apply<W: Width, F: FlagPolicy>(_ a: W, _ count: Int, _: F.Type, _ c: UnsafeMutableRawPointer) -> W
}

/// OF of the right shifts and rotates: the two top bits differ.
@inline(__always)
private func topBitsDiffer<W: Width>(_ value: W) -> Bool { (value.shiftedLeft(1) ^ value).isNegative }

enum ShiftLeft: ShiftOperation {
  @inline(__always)
  static func apply<W: Width, F: FlagPolicy>(_ a: W, _ count: Int, _: F.Type, _ c: UnsafeMutableRawPointer) -> W {
    // Counts of a narrow operand may reach its width and beyond.
    let result = W(low: a.wide &<< UInt64(truncatingIfNeeded: count))
    if F.stores {
      let carry = W(low: a.wide &<< UInt64(truncatingIfNeeded: count &- 1)).isNegative
      storeFlags(c, result, carry: carry, overflow: carry != result.isNegative)
    }
    return result
  }
}

enum ShiftRight: ShiftOperation {
  @inline(__always)
  static func apply<W: Width, F: FlagPolicy>(_ a: W, _ count: Int, _: F.Type, _ c: UnsafeMutableRawPointer) -> W {
    let result = W(low: a.wide &>> UInt64(truncatingIfNeeded: count))
    if F.stores {
      let carry = (a.wide &>> UInt64(truncatingIfNeeded: count &- 1)) & 1 != 0
      storeFlags(c, result, carry: carry, overflow: topBitsDiffer(result))
    }
    return result
  }
}

enum ShiftArithmetic: ShiftOperation {
  @inline(__always)
  static func apply<W: Width, F: FlagPolicy>(_ a: W, _ count: Int, _: F.Type, _ c: UnsafeMutableRawPointer) -> W {
    let value = Int64(bitPattern: a.flagWord)
    let result = W(low: UInt64(bitPattern: value &>> Int64(truncatingIfNeeded: count)))
    if F.stores {
      let carry = (value &>> Int64(truncatingIfNeeded: count &- 1)) & 1 != 0
      storeFlags(c, result, carry: carry, overflow: false)
    }
    return result
  }
}

enum RotateLeft: ShiftOperation {
  @inline(__always)
  static func apply<W: Width, F: FlagPolicy>(_ a: W, _ count: Int, _: F.Type, _ c: UnsafeMutableRawPointer) -> W {
    let turn = count & (W.bitWidth - 1)
    let result = a.shiftedLeft(turn) | a.shiftedRight((0 &- turn) & (W.bitWidth - 1))
    if F.stores {
      let carry = result & 1 != 0
      storeCarryAndOverflow(c, carry: carry, overflow: carry != result.isNegative)
    }
    return result
  }
}

enum RotateRight: ShiftOperation {
  @inline(__always)
  static func apply<W: Width, F: FlagPolicy>(_ a: W, _ count: Int, _: F.Type, _ c: UnsafeMutableRawPointer) -> W {
    let turn = count & (W.bitWidth - 1)
    let result = a.shiftedRight(turn) | a.shiftedLeft((0 &- turn) & (W.bitWidth - 1))
    if F.stores {
      storeCarryAndOverflow(c, carry: result.isNegative, overflow: topBitsDiffer(result))
    }
    return result
  }
}

enum RotateCarryLeft: ShiftOperation {
  @inline(__always)
  static func apply<W: Width, F: FlagPolicy>(_ a: W, _ count: Int, _: F.Type, _ c: UnsafeMutableRawPointer) -> W {
    let turn = count % (W.bitWidth + 1)
    guard turn != 0 else {
      // A whole turn: the value and CF stay, but OF is computed as for any count.
      let carry = c.cpu.pointee.carryFlag
      storeCarryAndOverflow(c, carry: carry, overflow: carry != a.isNegative)
      return a
    }
    let result = a << turn | carryIn(c, as: W.self) << (turn - 1) | a >> (W.bitWidth + 1 - turn)
    let carry = (a >> (W.bitWidth - turn)) & 1 != 0
    storeCarryAndOverflow(c, carry: carry, overflow: carry != result.isNegative)
    return result
  }
}

enum RotateCarryRight: ShiftOperation {
  @inline(__always)
  static func apply<W: Width, F: FlagPolicy>(_ a: W, _ count: Int, _: F.Type, _ c: UnsafeMutableRawPointer) -> W {
    let turn = count % (W.bitWidth + 1)
    guard turn != 0 else {
      storeCarryAndOverflow(
        c, carry: c.cpu.pointee.carryFlag, overflow: topBitsDiffer(a))
      return a
    }
    let result = a >> turn | carryIn(c, as: W.self) << (W.bitWidth - turn) | a << (W.bitWidth + 1 - turn)
    let carry = (a >> (turn - 1)) & 1 != 0
    storeCarryAndOverflow(c, carry: carry, overflow: topBitsDiffer(result))
    return result
  }
}

@inline(__always)
private func maskedCount<W: Width>(_ count: UInt64, _: W.Type) -> Int {
  Int(truncatingIfNeeded: count) & (W.bitWidth == 64 ? 63 : 31)
}

/// The count is an immediate; the builder has masked it and turned zero counts away (see `moveRegReg`).
@inline(__always)
func shiftRegImm<O: ShiftOperation, W: Width, F: FlagPolicy>(
  _: O.Type, _: W.Type, _: F.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  let count = maskedCount(o.op.pointee.immediate, W.self)
  c[o.op.pointee.dst, as: W.self] = O.apply(c[o.op.pointee.dst, as: W.self], count, F.self, c)
  return next(c, o)
}

@inline(__always)
func shiftRegCL<O: ShiftOperation, W: Width>(
  _: O.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  let count = maskedCount(UInt64(c[8, as: UInt8.self]), W.self)
  let value = c[o.op.pointee.dst, as: W.self]
  // With a count of zero a 32-bit register is still zero-extended.
  c[o.op.pointee.dst, as: W.self] = count == 0 ? value : O.apply(value, count, KeepFlags.self, c)
  return next(c, o)
}

@inline(__always)
func shiftMemImm<O: ShiftOperation, W: Width>(
  _: O.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return modifying(GeneralAddress.self, W.self, c, o) { value in
    let count = maskedCount(o.op.pointee.immediate, W.self)
    return count == 0 ? value : O.apply(value, count, KeepFlags.self, c)
  }
}

@inline(__always)
func shiftMemCL<O: ShiftOperation, W: Width>(
  _: O.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return modifying(GeneralAddress.self, W.self, c, o) { value in
    let count = maskedCount(UInt64(c[8, as: UInt8.self]), W.self)
    return count == 0 ? value : O.apply(value, count, KeepFlags.self, c)
  }
}

/// SHLD and SHRD. 16-bit operands with counts above 16 (undefined) shift through the destination again, as Intel's do.
protocol DoubleShift {
  static func apply<W: Width>(_ a: W, _ fill: W, _ count: Int) -> (result: W, carry: Bool)
}

enum DoubleShiftLeft: DoubleShift {
  @inline(__always)
  static func apply<W: Width>(_ a: W, _ fill: W, _ count: Int) -> (result: W, carry: Bool) {
    if count > W.bitWidth {
      return (fill << (count - W.bitWidth) | a >> (2 * W.bitWidth - count), (fill >> (2 * W.bitWidth - count)) & 1 != 0)
    }
    return (a << count | fill >> (W.bitWidth - count), (a >> (W.bitWidth - count)) & 1 != 0)
  }
}

enum DoubleShiftRight: DoubleShift {
  @inline(__always)
  static func apply<W: Width>(_ a: W, _ fill: W, _ count: Int) -> (result: W, carry: Bool) {
    if count > W.bitWidth {
      let rest = count - W.bitWidth
      return (fill >> rest | a << (W.bitWidth - rest), (fill >> (rest - 1)) & 1 != 0)
    }
    return (a >> count | fill << (W.bitWidth - count), (a >> (count - 1)) & 1 != 0)
  }
}

@inline(__always)
private func doubleShift<O: DoubleShift, W: Width>(
  _: O.Type, _ a: W, _ fill: W, _ count: Int, _ c: UnsafeMutableRawPointer
) -> W {
  guard count != 0 else { return a }
  let (result, carry) = O.apply(a, fill, count)
  storeFlags(c, result, carry: carry, overflow: (result ^ a).isNegative)
  return result
}

/// The count is in `immediate` (`isImmediate`) or CL.
@inline(__always)
func doubleShiftReg<O: DoubleShift, W: Width>(
  _: O.Type, _: W.Type, isImmediate: Bool, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  let count = maskedCount(isImmediate ? o.op.pointee.immediate : UInt64(c[8, as: UInt8.self]), W.self)
  c[o.op.pointee.dst, as: W.self] = doubleShift(
    O.self, c[o.op.pointee.dst, as: W.self], c[o.op.pointee.src, as: W.self], count, c)
  return next(c, o)
}

@inline(__always)
func doubleShiftMem<O: DoubleShift, W: Width>(
  _: O.Type, _: W.Type, isImmediate: Bool, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return modifying(GeneralAddress.self, W.self, c, o) { value in
    let count = maskedCount(isImmediate ? o.op.pointee.immediate : UInt64(c[8, as: UInt8.self]), W.self)
    return doubleShift(O.self, value, c[o.op.pointee.src, as: W.self], count, c)
  }
}
