// SPDX-License-Identifier: Apache-2.0

/// MUL IMUL DIV IDIV and the sign extensions of the accumulator. SDM vol. 2. SF ZF PF, undefined after a
/// multiplication, follow the low half of the product; divisions leave all flags as they were.

/// The double-width accumulator: AX, DX:AX, EDX:EAX, RDX:RAX.
@inline(__always)
private func storeProduct<W: Width>(_ c: UnsafeMutableRawPointer, high: W, low: W) {
  if W.bitWidth == 8 {
    c[0, as: UInt8.self] = UInt8(truncatingIfNeeded: low)
    c[1, as: UInt8.self] = UInt8(truncatingIfNeeded: high)
  } else {
    c[0, as: W.self] = low
    c[16, as: W.self] = high
  }
}

protocol MultiplyOperation {
  static func apply<W: Width>(_ value: W, _ c: UnsafeMutableRawPointer)
}

enum MultiplyUnsigned: MultiplyOperation {
  @inline(__always)
  static func apply<W: Width>(_ value: W, _ c: UnsafeMutableRawPointer) {
    let product = c[0, as: W.self].multipliedFullWidth(by: value)
    let low = W(truncatingIfNeeded: product.low)
    storeProduct(c, high: product.high, low: low)
    storeFlags(c, low, carry: product.high != 0, overflow: product.high != 0)
  }
}

enum MultiplySigned: MultiplyOperation {
  @inline(__always)
  static func apply<W: Width>(_ value: W, _ c: UnsafeMutableRawPointer) {
    let product = c[0, as: W.self].signed.multipliedFullWidth(by: value.signed)
    let low = W(truncatingIfNeeded: product.low), high = W(truncatingIfNeeded: product.high)
    storeProduct(c, high: high, low: low)
    let overflows = high != (low.isNegative ? W.max : 0)
    storeFlags(c, low, carry: overflows, overflow: overflows)
  }
}

@inline(__always)
func multiplyReg<O: MultiplyOperation, W: Width>(
  _: O.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  O.apply(c[o.op.pointee.dst, as: W.self], c)
  return next(c, o)
}

@inline(__always)
func multiplyMem<O: MultiplyOperation, W: Width>(
  _: O.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return reading(GeneralAddress.self, W.self, c, o) { value in
    O.apply(value, c)
    return next(c, o)
  }
}

/// IMUL with two and three operands: only the low half is kept.
@inline(__always)
private func truncatedProduct<W: Width>(_ a: W, _ b: W, _ c: UnsafeMutableRawPointer) -> W {
  let (result, overflows) = a.signed.multipliedReportingOverflow(by: b.signed)
  let low = W(truncatingIfNeeded: result)
  storeFlags(c, low, carry: overflows, overflow: overflows)
  return low
}

@inline(__always)
func multiplyRegReg<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  c[o.op.pointee.dst, as: W.self] = truncatedProduct(
    c[o.op.pointee.dst, as: W.self], c[o.op.pointee.src, as: W.self], c)
  return next(c, o)
}

@inline(__always)
func multiplyRegMem<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return reading(GeneralAddress.self, W.self, c, o) { value in
    c[o.op.pointee.dst, as: W.self] = truncatedProduct(c[o.op.pointee.dst, as: W.self], value, c)
    return next(c, o)
  }
}

@inline(__always)
func multiplyRegRegImm<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  c[o.op.pointee.dst, as: W.self] = truncatedProduct(
    c[o.op.pointee.src, as: W.self], W(low: o.op.pointee.immediate), c)
  return next(c, o)
}

@inline(__always)
func multiplyRegMemImm<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return reading(GeneralAddress.self, W.self, c, o) { value in
    c[o.op.pointee.dst, as: W.self] = truncatedProduct(value, W(low: o.op.pointee.immediate), c)
    return next(c, o)
  }
}

protocol DivideOperation {
  /// False: #DE, nothing was written.
  static func apply<W: Width>(_ divisor: W, _ c: UnsafeMutableRawPointer) -> Bool
}

@inline(__always)
private func dividend<W: Width>(_ c: UnsafeMutableRawPointer, _: W.Type) -> (high: W, low: W) {
  if W.bitWidth == 8 { return (W(truncatingIfNeeded: c[1, as: UInt8.self]), c[0, as: W.self]) }
  return (c[16, as: W.self], c[0, as: W.self])
}

enum DivideUnsigned: DivideOperation {
  @inline(__always)
  static func apply<W: Width>(_ divisor: W, _ c: UnsafeMutableRawPointer) -> Bool {
    let (high, low) = dividend(c, W.self)
    // The quotient fits exactly when the high half is below the divisor.
    guard divisor != 0, high < divisor else { return false }
    let quotient: W, remainder: W
    if W.bitWidth < 64 {
      let whole = UInt64(truncatingIfNeeded: high) << UInt64(W.bitWidth) | UInt64(truncatingIfNeeded: low)
      let by = UInt64(truncatingIfNeeded: divisor)
      (quotient, remainder) = (W(truncatingIfNeeded: whole / by), W(truncatingIfNeeded: whole % by))
    } else {
      let result = divisor.dividingFullWidth((high, W.Magnitude(truncatingIfNeeded: low)))
      (quotient, remainder) = (result.quotient, result.remainder)
    }
    storeProduct(c, high: remainder, low: quotient)
    return true
  }
}

enum DivideSigned: DivideOperation {
  @inline(__always)
  static func apply<W: Width>(_ divisor: W, _ c: UnsafeMutableRawPointer) -> Bool {
    let (high, low) = dividend(c, W.self)
    guard divisor != 0 else { return false }
    if W.bitWidth < 64 {
      let shift = UInt64(W.bitWidth)
      let bits = UInt64(truncatingIfNeeded: high) << shift | UInt64(truncatingIfNeeded: low)
      // Sign-extend the double-width dividend.
      let whole = Int64(bitPattern: bits << (64 - 2 * shift)) >> Int64(64 - 2 * shift)
      let by = Int64(truncatingIfNeeded: divisor.signed)
      let (quotient, overflow) = whole.dividedReportingOverflow(by: by)
      guard !overflow, Int64(truncatingIfNeeded: W.Signed(truncatingIfNeeded: quotient)) == quotient else {
        return false
      }
      storeProduct(c, high: W(truncatingIfNeeded: whole % by), low: W(truncatingIfNeeded: quotient))
      return true
    }
    let isNegative = high.isNegative
    // Divide magnitudes, then give the signs back.
    let magnitudeLow = isNegative ? 0 &- low : low
    let magnitudeHigh = isNegative ? ~high &+ (low == 0 ? 1 : 0) : high
    let by = divisor.isNegative ? 0 &- divisor : divisor
    guard magnitudeHigh < by else { return false }
    let result = by.dividingFullWidth((magnitudeHigh, W.Magnitude(truncatingIfNeeded: magnitudeLow)))
    let quotientIsNegative = isNegative != divisor.isNegative
    let limit: W = quotientIsNegative ? W(1) << 63 : (W(1) << 63) - 1
    guard result.quotient <= limit else { return false }
    storeProduct(
      c, high: isNegative ? 0 &- result.remainder : result.remainder,
      low: quotientIsNegative ? 0 &- result.quotient : result.quotient)
    return true
  }
}

@inline(__always)
func divideReg<O: DivideOperation, W: Width>(
  _: O.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  guard O.apply(c[o.op.pointee.dst, as: W.self], c) else { return fault(c, o, Exception.divideError) }
  return next(c, o)
}

@inline(__always)
func divideMem<O: DivideOperation, W: Width>(
  _: O.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return reading(GeneralAddress.self, W.self, c, o) { value in
    guard O.apply(value, c) else { return fault(c, o, Exception.divideError) }
    return next(c, o)
  }
}

/// CBW CWDE CDQE: the accumulator's lower half sign-extended to `W`.
@inline(__always)
func extendAccumulator<S: Width, W: Width>(
  _: S.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  c[0, as: W.self] = W(low: c[0, as: S.self].flagWord)
  return next(c, o)
}

/// CWD CDQ CQO: the accumulator's sign in every bit of (E/R)DX.
@inline(__always)
func extendIntoData<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  c[16, as: W.self] = c[0, as: W.self].isNegative ? W.max : 0
  return next(c, o)
}
