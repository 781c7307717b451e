// SPDX-License-Identifier: Apache-2.0

/// CMPPS and its kin, COMISS, UCOMISS and their kin. SDM vol. 2.

// MARK: Masks

/// The mask that a predicate makes of operands that are not NaNs: with the low two bits 0 EQ, 1 LT, 2 LE, 3 UNORD; bit 2
/// negates. Bits 3...7 of the immediate are ignored.
@inline(__always)
private func predicateMask(_ immediate: UInt64, isLess: SIMD2<UInt64>, isEqual: SIMD2<UInt64>) -> SIMD2<UInt64> {
  let takesEqual = (immediate & 1) &- 1, takesLess = 0 &- ((immediate &+ 1) &>> 1 & 1)
  let negation = 0 &- (immediate &>> 2 & 1)
  return (isLess & SIMD2(repeating: takesLess) | isEqual & SIMD2(repeating: takesEqual)) ^ SIMD2(repeating: negation)
}

@inline(__always)
private func compareScalar<F: HostFormat>(
  _: F.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ b: F.Bits
) {
  let destination = c[xmm: o.op.pointee.dst]
  let a = F.low(destination)
  guard F.isComparable(a), F.isComparable(b) else {
    return softArithmetic(c, o, SIMD2(b.wide, 0), .compare, F.scalarShape)
  }
  let isLess: UInt64 = F.number(a) < F.number(b) ? ~0 : 0, isEqual: UInt64 = F.number(a) == F.number(b) ? ~0 : 0
  let mask = predicateMask(o.op.pointee.immediate, isLess: SIMD2(isLess, 0), isEqual: SIMD2(isEqual, 0))
  c[xmm: o.op.pointee.dst] = F.replacingLow(destination, F.Bits(low: mask.x))
  return next(c, o)
}

@inline(__always)
func compareScalarRegister<F: HostFormat>(_: F.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return compareScalar(F.self, c, o, F.low(c[xmm: o.op.pointee.src]))
}

@inline(__always)
func compareScalarMemory<F: HostFormat, A: Addressing>(
  _: F.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return reading(A.self, F.Bits.self, c, o) { return compareScalar(F.self, c, o, $0) }
}

@inline(__always)
private func comparePacked<F: HostFormat>(
  _: F.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ source: SIMD2<UInt64>
) {
  let a = F.vector(c[xmm: o.op.pointee.dst]), b = F.vector(source)
  guard F.accepts(FastMinimum.self, a, b, b) else {
    return softArithmetic(c, o, source, .compare, F.packedShape)
  }
  c[xmm: o.op.pointee.dst] = predicateMask(
    o.op.pointee.immediate, isLess: F.isLess(a, b), isEqual: F.isEqual(a, b))
  return next(c, o)
}

@inline(__always)
func comparePackedRegister<F: HostFormat>(_: F.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return comparePacked(F.self, c, o, c[xmm: o.op.pointee.src])
}

@inline(__always)
func comparePackedMemory<F: HostFormat, A: Addressing>(
  _: F.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return readingVectorAligned(A.self, c, o) { return comparePacked(F.self, c, o, $0) }
}

// MARK: Flags

/// COMISx and UCOMISx differ only in that the first calls a QNaN invalid.
protocol OrderComparison {
  static var signalsQuiet: Bool { get }
}
enum OrderedComparison: OrderComparison {
  @inline(__always) static var signalsQuiet: Bool { true }
}
enum UnorderedComparison: OrderComparison {
  @inline(__always) static var signalsQuiet: Bool { false }
}

@inline(__always)
private func order<O: OrderComparison, F: HostFormat>(
  _: O.Type, _: F.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ b: F.Bits
) {
  let a = F.low(c[xmm: o.op.pointee.dst])
  guard F.isComparable(a), F.isComparable(b) else {
    return softOrder(c, o, b.wide, signalsQuiet: O.signalsQuiet, isDouble: F.fractionBits == Binary64.fractionBits)
  }
  let left = F.number(a), right = F.number(b)
  storeOrder(c, left < right ? .less : (left == right ? .equal : .greater))
  return next(c, o)
}

@inline(__always)
func orderRegister<O: OrderComparison, F: HostFormat>(
  _: O.Type, _: F.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return order(O.self, F.self, c, o, F.low(c[xmm: o.op.pointee.src]))
}

@inline(__always)
func orderMemory<O: OrderComparison, F: HostFormat, A: Addressing>(
  _: O.Type, _: F.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return reading(A.self, F.Bits.self, c, o) { return order(O.self, F.self, c, o, $0) }
}
