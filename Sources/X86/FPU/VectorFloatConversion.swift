// SPDX-License-Identifier: Apache-2.0

/// Handlers of the CVT instructions, with the host's conversions where they are provably the same (see
/// `SSEState.roundsAsHost`).

// MARK: Integers to scalars

/// Numbers below 2^53 are exact in a double.
@inline(__always)
private func fromInteger<F: HostFormat, W: Width>(
  _: F.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ value: W
) {
  let isDouble = F.fractionBits == Binary64.fractionBits
  let number = Int64(bitPattern: value.flagWord)
  guard isDouble && W.byteCount == 4 || c.cpu.pointee.sse.roundsAsHost else {
    return softFromInteger(c, o, number, isDouble: isDouble)
  }
  c[xmm: o.op.pointee.dst] = F.replacingLow(c[xmm: o.op.pointee.dst], F.bits(F.fromInteger(number)))
  return next(c, o)
}

@inline(__always)
func fromIntegerRegister<F: HostFormat, W: Width>(
  _: F.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return fromInteger(F.self, W.self, c, o, c[o.op.pointee.src, as: W.self])
}

@inline(__always)
func fromIntegerMemory<F: HostFormat, W: Width, A: Addressing>(
  _: F.Type, _: W.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return reading(A.self, W.self, c, o) { return fromInteger(F.self, W.self, c, o, $0) }
}

// MARK: Scalars to integers

protocol IntegerRounding {
  static var truncates: Bool { get }
}
enum Truncating: IntegerRounding {
  @inline(__always) static var truncates: Bool { true }
}
enum RoundingNearest: IntegerRounding {
  @inline(__always) static var truncates: Bool { false }
}

@inline(__always)
private func toInteger<R: IntegerRounding, F: HostFormat, W: Width>(
  _: R.Type, _: F.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ value: F.Bits
) {
  let number = F.double(F.number(value))
  // Below 2^51 the sum of a double and 1.5 * 2^52 holds the rounded integer in its low bits.
  let bound: Double = W.byteCount == 4 ? 0x1p31 - 1 : (R.truncates ? 0x1p63 : 0x1p51)
  guard R.truncates ? c.cpu.pointee.sse.ignoresPrecision : c.cpu.pointee.sse.roundsAsHost,
    number.magnitude < bound, F.isNotDenormal(value)
  else {
    return softToInteger(
      c, o, value.wide, isDouble: F.fractionBits == Binary64.fractionBits, isWide: W.byteCount == 8,
      truncates: R.truncates)
  }
  let anchor = 0x1.8p52
  let integer: Int64 =
    R.truncates
    ? Int64(number) : Int64(bitPattern: (number + anchor).bitPattern) &- Int64(bitPattern: anchor.bitPattern)
  c[o.op.pointee.dst, as: W.self] = W(low: UInt64(bitPattern: integer))
  return next(c, o)
}

@inline(__always)
func toIntegerRegister<R: IntegerRounding, F: HostFormat, W: Width>(
  _: R.Type, _: F.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return toInteger(R.self, F.self, W.self, c, o, F.low(c[xmm: o.op.pointee.src]))
}

@inline(__always)
func toIntegerMemory<R: IntegerRounding, F: HostFormat, W: Width, A: Addressing>(
  _: R.Type, _: F.Type, _: W.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return reading(A.self, F.Bits.self, c, o) { return toInteger(R.self, F.self, W.self, c, o, $0) }
}

// MARK: Between single and double

@inline(__always)
private func widenScalar(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ value: UInt32) {
  guard Binary32.isOrdinary(value) else { return softConvert(c, o, SIMD2(UInt64(value), 0), .ss2sd) }
  let result = Double(Float(bitPattern: value)).bitPattern
  c[xmm: o.op.pointee.dst] = Binary64.replacingLow(c[xmm: o.op.pointee.dst], result)
  return next(c, o)
}

@inline(__always)
func widenScalarRegister(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return widenScalar(c, o, Binary32.low(c[xmm: o.op.pointee.src]))
}

@inline(__always)
func widenScalarMemory<A: Addressing>(_: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return reading(A.self, UInt32.self, c, o) { return widenScalar(c, o, $0) }
}

@inline(__always)
private func narrowScalar(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ value: UInt64) {
  let result = Float(Double(bitPattern: value)).bitPattern
  guard c.cpu.pointee.sse.roundsAsHost, Binary32.isPlainResult(result) || value &+ value == 0 else {
    return softConvert(c, o, SIMD2(value, 0), .sd2ss)
  }
  c[xmm: o.op.pointee.dst] = Binary32.replacingLow(c[xmm: o.op.pointee.dst], result)
  return next(c, o)
}

@inline(__always)
func narrowScalarRegister(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return narrowScalar(c, o, c[xmm: o.op.pointee.src].x)
}

@inline(__always)
func narrowScalarMemory<A: Addressing>(_: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return reading(A.self, UInt64.self, c, o) { return narrowScalar(c, o, $0) }
}

// MARK: What has no fast path

@inline(__always)
func softRegister(
  _ operation: VectorFloatOperation, _ shape: VectorShape, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return softArithmetic(c, o, c[xmm: o.op.pointee.src], operation, shape)
}

@inline(__always)
func softMemory<A: Addressing>(
  _ operation: VectorFloatOperation, _ shape: VectorShape, _: A.Type, _ c: UnsafeMutableRawPointer,
  _ o: UnsafeRawPointer
) {
  return readingVectorAligned(A.self, c, o) { return softArithmetic(c, o, $0, operation, shape) }
}

@inline(__always)
func convertRegister(_ conversion: VectorConversion, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return softConvert(c, o, c[xmm: o.op.pointee.src], conversion)
}

/// From 16 bytes of memory.
@inline(__always)
func convertMemory<A: Addressing>(
  _ conversion: VectorConversion, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return readingVectorAligned(A.self, c, o) { return softConvert(c, o, $0, conversion) }
}

/// From 8 bytes of memory at any alignment.
@inline(__always)
func convertHalfMemory<A: Addressing>(
  _ conversion: VectorConversion, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return reading(A.self, UInt64.self, c, o) { return softConvert(c, o, SIMD2($0, 0), conversion) }
}

// MARK: MMX registers

/// CVTPI2PS and CVTPI2PD of an MMX register. Of memory they have nothing to do with MMX: neither does a pending x87
/// exception come first nor is the x87's state changed.
@inline(__always)
func convertFromMMX(_ conversion: VectorConversion, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
  let source = SIMD2(c[mmx: o.op.pointee.src], 0)
  enterMMX(c)
  return softConvert(c, o, source, conversion)
}

@inline(__always)
func convertToMMX(_ conversion: VectorConversion, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
  return softConvertToMMX(c, o, c[xmm: o.op.pointee.src], conversion)
}

/// From 8 bytes of memory for single precision, from 16 aligned ones for double.
@inline(__always)
func convertSinglesToMMX(_ conversion: VectorConversion, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
  return reading(GeneralAddress.self, UInt64.self, c, o) {
    return softConvertToMMX(c, o, SIMD2($0, 0), conversion)
  }
}

@inline(__always)
func convertDoublesToMMX(_ conversion: VectorConversion, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
  return readingVectorAligned(GeneralAddress.self, c, o) { return softConvertToMMX(c, o, $0, conversion) }
}
