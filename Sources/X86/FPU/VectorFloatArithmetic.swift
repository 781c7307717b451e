// SPDX-License-Identifier: Apache-2.0

/// The fast paths of ADD SUB MUL DIV SQRT MIN MAX and CMP. SDM vol. 2.

/// An operation as the host computes it, and when its result may be taken (see `SSEState.roundsAsHost`).
protocol FastOperation {
  static var operation: VectorFloatOperation { get }
  /// The result may be inexact, so that MXCSR matters.
  static var rounds: Bool { get }
  static func apply<F: HostFormat>(_: F.Type, _ a: F.Bits, _ b: F.Bits) -> F.Bits
  static func accepts<F: HostFormat>(_: F.Type, _ a: F.Bits, _ b: F.Bits, _ result: F.Bits) -> Bool
  static func apply<F: HostFormat>(_: F.Type, _ a: F.Vector, _ b: F.Vector) -> F.Vector
  static func accepts(_ a: FourSingles, _ b: FourSingles, _ result: FourSingles) -> FourSingles.Mask
}

/// A sum that is denormal or zero is exact; denormal ones are left to the soft path for FTZ.
protocol FastSum: FastOperation {}
extension FastSum {
  @inline(__always) static var rounds: Bool { true }
  @inline(__always)
  static func accepts<F: HostFormat>(_: F.Type, _ a: F.Bits, _ b: F.Bits, _ result: F.Bits) -> Bool {
    F.isNotDenormal(a) && F.isNotDenormal(b) && F.isOrdinary(result)
  }
  @inline(__always)
  static func accepts(_ a: FourSingles, _ b: FourSingles, _ result: FourSingles) -> FourSingles.Mask {
    a.isNotDenormal .& b.isNotDenormal .& result.isOrdinary
  }
}

enum FastAdd: FastSum {
  static var operation: VectorFloatOperation { .add }
  @inline(__always) static func apply<F: HostFormat>(_: F.Type, _ a: F.Bits, _ b: F.Bits) -> F.Bits {
    F.bits(F.number(a) + F.number(b))
  }
  @inline(__always) static func apply<F: HostFormat>(_: F.Type, _ a: F.Vector, _ b: F.Vector) -> F.Vector {
    F.add(a, b)
  }
}

enum FastSubtract: FastSum {
  static var operation: VectorFloatOperation { .subtract }
  @inline(__always) static func apply<F: HostFormat>(_: F.Type, _ a: F.Bits, _ b: F.Bits) -> F.Bits {
    F.bits(F.number(a) - F.number(b))
  }
  @inline(__always) static func apply<F: HostFormat>(_: F.Type, _ a: F.Vector, _ b: F.Vector) -> F.Vector {
    F.subtract(a, b)
  }
}

enum FastMultiply: FastOperation {
  static var operation: VectorFloatOperation { .multiply }
  @inline(__always) static var rounds: Bool { true }
  @inline(__always) static func apply<F: HostFormat>(_: F.Type, _ a: F.Bits, _ b: F.Bits) -> F.Bits {
    F.bits(F.number(a) * F.number(b))
  }
  @inline(__always)
  static func accepts<F: HostFormat>(_: F.Type, _ a: F.Bits, _ b: F.Bits, _ result: F.Bits) -> Bool {
    // Multiplying by zero is common, and zero times infinity is no zero.
    F.isNotDenormal(a) && F.isNotDenormal(b)
      && (F.isPlainResult(result) || F.isZero(result) && (F.isZero(a) || F.isZero(b)))
  }
  @inline(__always) static func apply<F: HostFormat>(_: F.Type, _ a: F.Vector, _ b: F.Vector) -> F.Vector {
    F.multiply(a, b)
  }
  @inline(__always)
  static func accepts(_ a: FourSingles, _ b: FourSingles, _ result: FourSingles) -> FourSingles.Mask {
    a.isNotDenormal .& b.isNotDenormal .& (result.isPlainResult .| result.isZero .& (a.isZero .| b.isZero))
  }
}

enum FastDivide: FastOperation {
  static var operation: VectorFloatOperation { .divide }
  @inline(__always) static var rounds: Bool { true }
  @inline(__always) static func apply<F: HostFormat>(_: F.Type, _ a: F.Bits, _ b: F.Bits) -> F.Bits {
    F.bits(F.number(a) / F.number(b))
  }
  @inline(__always)
  static func accepts<F: HostFormat>(_: F.Type, _ a: F.Bits, _ b: F.Bits, _ result: F.Bits) -> Bool {
    F.isNotDenormal(a) && F.isNotDenormal(b) && (F.isPlainResult(result) || F.isZero(result) && F.isZero(a))
  }
  @inline(__always) static func apply<F: HostFormat>(_: F.Type, _ a: F.Vector, _ b: F.Vector) -> F.Vector {
    F.divide(a, b)
  }
  @inline(__always)
  static func accepts(_ a: FourSingles, _ b: FourSingles, _ result: FourSingles) -> FourSingles.Mask {
    a.isNotDenormal .& b.isNotDenormal .& (result.isPlainResult .| result.isZero .& a.isZero)
  }
}

/// A root of a normal number is never near the bounds of the format, and that of a negative one is a NaN.
enum FastSquareRoot: FastOperation {
  static var operation: VectorFloatOperation { .squareRoot }
  @inline(__always) static var rounds: Bool { true }
  @inline(__always) static func apply<F: HostFormat>(_: F.Type, _ a: F.Bits, _ b: F.Bits) -> F.Bits {
    F.bits(F.number(b).squareRoot())
  }
  @inline(__always)
  static func accepts<F: HostFormat>(_: F.Type, _ a: F.Bits, _ b: F.Bits, _ result: F.Bits) -> Bool {
    F.isNotDenormal(b) && F.isOrdinary(result)
  }
  @inline(__always) static func apply<F: HostFormat>(_: F.Type, _ a: F.Vector, _ b: F.Vector) -> F.Vector {
    F.squareRoot(b)
  }
  @inline(__always)
  static func accepts(_ a: FourSingles, _ b: FourSingles, _ result: FourSingles) -> FourSingles.Mask {
    b.isNotDenormal .& result.isOrdinary
  }
}

/// MIN, MAX and CMP round nothing; only NaNs and denormal operands raise exceptions.
protocol FastComparison: FastOperation {}
extension FastComparison {
  @inline(__always) static var rounds: Bool { false }
  @inline(__always)
  static func accepts<F: HostFormat>(_: F.Type, _ a: F.Bits, _ b: F.Bits, _ result: F.Bits) -> Bool {
    F.isComparable(a) && F.isComparable(b)
  }
  @inline(__always)
  static func accepts(_ a: FourSingles, _ b: FourSingles, _ result: FourSingles) -> FourSingles.Mask {
    a.isComparable .& b.isComparable
  }
}

/// The second operand unless the first is less: so of two zeros the second.
enum FastMinimum: FastComparison {
  static var operation: VectorFloatOperation { .minimum }
  @inline(__always) static func apply<F: HostFormat>(_: F.Type, _ a: F.Bits, _ b: F.Bits) -> F.Bits {
    F.number(a) < F.number(b) ? a : b
  }
  @inline(__always) static func apply<F: HostFormat>(_: F.Type, _ a: F.Vector, _ b: F.Vector) -> F.Vector {
    let chosen = F.isLess(a, b)
    return F.vector(F.bits(a) & chosen | F.bits(b) & ~chosen)
  }
}

enum FastMaximum: FastComparison {
  static var operation: VectorFloatOperation { .maximum }
  @inline(__always) static func apply<F: HostFormat>(_: F.Type, _ a: F.Bits, _ b: F.Bits) -> F.Bits {
    F.number(a) > F.number(b) ? a : b
  }
  @inline(__always) static func apply<F: HostFormat>(_: F.Type, _ a: F.Vector, _ b: F.Vector) -> F.Vector {
    let chosen = F.isLess(b, a)
    return F.vector(F.bits(a) & chosen | F.bits(b) & ~chosen)
  }
}

// MARK: Handlers

@inline(__always)
private func scalar<O: FastOperation, F: HostFormat>(
  _: O.Type, _: F.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ b: F.Bits
) {
  let destination = c[xmm: o.op.pointee.dst]
  let a = F.low(destination)
  let result = O.apply(F.self, a, b)
  guard !O.rounds || c.cpu.pointee.sse.roundsAsHost, O.accepts(F.self, a, b, result) else {
    return softArithmetic(c, o, SIMD2(b.wide, 0), O.operation, F.scalarShape)
  }
  c[xmm: o.op.pointee.dst] = F.replacingLow(destination, result)
  return next(c, o)
}

@inline(__always)
func scalarRegister<O: FastOperation, F: HostFormat>(
  _: O.Type, _: F.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return scalar(O.self, F.self, c, o, F.low(c[xmm: o.op.pointee.src]))
}

@inline(__always)
func scalarMemory<O: FastOperation, F: HostFormat, A: Addressing>(
  _: O.Type, _: F.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return reading(A.self, F.Bits.self, c, o) { return scalar(O.self, F.self, c, o, $0) }
}

@inline(__always)
private func packed<O: FastOperation, F: HostFormat>(
  _: O.Type, _: F.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ source: SIMD2<UInt64>
) {
  let a = F.vector(c[xmm: o.op.pointee.dst]), b = F.vector(source)
  let result = O.apply(F.self, a, b)
  guard !O.rounds || c.cpu.pointee.sse.roundsAsHost, F.accepts(O.self, a, b, result) else {
    return softArithmetic(c, o, source, O.operation, F.packedShape)
  }
  c[xmm: o.op.pointee.dst] = F.bits(result)
  return next(c, o)
}

@inline(__always)
func packedRegister<O: FastOperation, F: HostFormat>(
  _: O.Type, _: F.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return packed(O.self, F.self, c, o, c[xmm: o.op.pointee.src])
}

@inline(__always)
func packedMemory<O: FastOperation, F: HostFormat, A: Addressing>(
  _: O.Type, _: F.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return readingVectorAligned(A.self, c, o) { return packed(O.self, F.self, c, o, $0) }
}
