// SPDX-License-Identifier: Apache-2.0

/// The slow paths of SSE arithmetic: whole instructions in integer arithmetic, with all exceptions.

enum VectorFloatOperation: UInt8 {
  case add, subtract, multiply, divide, minimum, maximum
  /// Of the second operand.
  case squareRoot
  /// With the predicate in the immediate.
  case compare
  /// ADDSUB: even elements are subtracted, odd ones added.
  case subtractAdd
  /// HADD and HSUB.
  case horizontalAdd, horizontalSubtract
}

/// Which elements an instruction works on, as its name ends.
enum VectorShape: UInt8 {
  case ss, sd, ps, pd
}

/// Finishes an instruction that met the exceptions `flags`: #XM (or #UD) if one of them is not masked, otherwise `body`.
///
/// If an exception found before computing is not masked, those found afterwards are not even flagged: the computation has
/// not taken place, in no element. SDM vol. 1, 11.5.2 and vol. 3, 13.1.5 (#UD).
@inline(__always)
func completing(
  _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ flags: UInt32, _ body: () -> Void
) {
  let mxcsr = c.cpu.pointee.sse.mxcsr
  let unmasked = flags & ~(mxcsr &>> SIMDFlags.maskShift)
  if unmasked != 0 { return raiseSIMD(c, o, unmasked & SIMDFlags.early != 0 ? flags & SIMDFlags.early : flags) }
  c.cpu.pointee.sse.mxcsr = mxcsr | flags
  return body()
}

@inline(never)
private func raiseSIMD(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ flags: UInt32) {
  c.cpu.pointee.sse.mxcsr |= flags
  let isReported = c.cpu.pointee.cr4 & CR4.osxmmexcpt != 0
  return fault(c, o, isReported ? Exception.simdFloatingPoint : Exception.invalidOpcode)
}

/// `destination = destination op source` in all elements of a shape.
@inline(never)
func softArithmetic(
  _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ source: SIMD2<UInt64>, _ operation: VectorFloatOperation,
  _ shape: VectorShape
) {
  let predicate = UInt8(truncatingIfNeeded: o.op.pointee.immediate) & 7
  let (result, flags) = compute(
    operation, shape, predicate, c[xmm: o.op.pointee.dst], source, c.cpu.pointee.sse.mxcsr)
  return completing(c, o, flags) {
    c[xmm: o.op.pointee.dst] = result
    return next(c, o)
  }
}

@inline(never)
private func compute(
  _ operation: VectorFloatOperation, _ shape: VectorShape, _ predicate: UInt8, _ a: SIMD2<UInt64>,
  _ b: SIMD2<UInt64>, _ mxcsr: UInt32
) -> (SIMD2<UInt64>, UInt32) {
  var e = SoftEnvironment(mxcsr)
  var result = a
  switch shape {
  case .ss: combine(Binary32.self, operation, predicate, 1, a, b, &result, &e)
  case .ps: combine(Binary32.self, operation, predicate, 4, a, b, &result, &e)
  case .sd: combine(Binary64.self, operation, predicate, 1, a, b, &result, &e)
  case .pd: combine(Binary64.self, operation, predicate, 2, a, b, &result, &e)
  }
  return (result, e.flags)
}

private func combine<F: SoftFormat>(
  _: F.Type, _ operation: VectorFloatOperation, _ predicate: UInt8, _ count: Int, _ a: SIMD2<UInt64>,
  _ b: SIMD2<UInt64>, _ result: inout SIMD2<UInt64>, _ e: inout SoftEnvironment
) {
  for index in 0..<count {
    var left = F.element(a, index), right = F.element(b, index)
    if operation == .horizontalAdd || operation == .horizontalSubtract {
      let pairs = count / 2, source = index < pairs ? a : b, pair = index % pairs
      left = F.element(source, 2 * pair)
      right = F.element(source, 2 * pair + 1)
    }
    let value: UInt64 =
      switch operation {
      case .add, .horizontalAdd: SoftFloat<F>.add(left, right, &e)
      case .subtract, .horizontalSubtract: SoftFloat<F>.subtract(left, right, &e)
      case .subtractAdd:
        index & 1 == 0 ? SoftFloat<F>.subtract(left, right, &e) : SoftFloat<F>.add(left, right, &e)
      case .multiply: SoftFloat<F>.multiply(left, right, &e)
      case .divide: SoftFloat<F>.divide(left, right, &e)
      case .minimum: SoftFloat<F>.select(left, right, .less, &e)
      case .maximum: SoftFloat<F>.select(left, right, .greater, &e)
      case .squareRoot: SoftFloat<F>.squareRoot(right, &e)
      case .compare: SoftFloat<F>.compareMask(left, right, predicate, &e)
      }
    F.setElement(&result, index, value)
  }
}

extension SoftFormat {
  /// Element `index` of a vector.
  static func element(_ vector: SIMD2<UInt64>, _ index: Int) -> UInt64 {
    if fractionBits == Binary64.fractionBits { return index == 0 ? vector.x : vector.y }
    return (index < 2 ? vector.x : vector.y) >> UInt64(32 * (index & 1)) & 0xffff_ffff
  }

  static func setElement(_ vector: inout SIMD2<UInt64>, _ index: Int, _ value: UInt64) {
    if fractionBits == Binary64.fractionBits {
      if index == 0 { vector.x = value } else { vector.y = value }
      return
    }
    let shift = UInt64(32 * (index & 1)), kept = ~(UInt64(0xffff_ffff) << shift)
    if index < 2 { vector.x = vector.x & kept | value << shift } else { vector.y = vector.y & kept | value << shift }
  }
}

/// COMISS, COMISD, and with `signalsQuiet` false UCOMISS and UCOMISD.
@inline(never)
func softOrder(
  _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ source: UInt64, signalsQuiet: Bool, isDouble: Bool
) {
  let (order, flags) = computeOrder(
    c[xmm: o.op.pointee.dst].x, source, signalsQuiet: signalsQuiet, isDouble: isDouble, c.cpu.pointee.sse.mxcsr)
  return completing(c, o, flags) {
    storeOrder(c, order)
    return next(c, o)
  }
}

@inline(never)
private func computeOrder(
  _ left: UInt64, _ right: UInt64, signalsQuiet: Bool, isDouble: Bool, _ mxcsr: UInt32
) -> (SoftOrder, UInt32) {
  var e = SoftEnvironment(mxcsr)
  let order =
    isDouble
    ? SoftFloat<Binary64>.compare(left, right, signalsQuiet: signalsQuiet, &e)
    : SoftFloat<Binary32>.compare(left & 0xffff_ffff, right & 0xffff_ffff, signalsQuiet: signalsQuiet, &e)
  return (order, e.flags)
}

/// ZF PF CF: greater 000, less 001, equal 100, unordered 111; OF, SF and AF are cleared. SDM vol. 2, COMISS.
@inline(__always)
func storeOrder(_ c: UnsafeMutableRawPointer, _ order: SoftOrder) {
  // A zero result has even parity, one odd; OF is the exclusive or of the two top bits of the carries.
  let oddParity: UInt32 = 1 << LazyFlags.parityShift, borrow = LazyFlags.cf | LazyFlags.carryIntoSign
  let (result, carries): (UInt64, UInt32) =
    switch order {
    case .less: (1, borrow)
    case .equal: (0, oddParity)
    case .greater: (1, 0)
    case .unordered: (0, borrow)
    }
  c.cpu.pointee.flagResult = result
  c.cpu.pointee.flagCarries = carries
}
