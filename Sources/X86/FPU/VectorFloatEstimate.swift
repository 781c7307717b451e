// SPDX-License-Identifier: Apache-2.0

/// RCPSS, RCPPS, RSQRTSS, RSQRTPS. SDM vol. 2.
///
/// The manual asks for a relative error of at most 1.5 * 2^-12, and each processor has a result of its own. Ours are the
/// host's correctly rounded quotient and (from double precision) root, so the same everywhere. MXCSR plays no part, and no
/// exception is raised: denormal operands are zeros, and a tiny result is zero.
protocol Estimate {
  /// Of a positive normal number.
  static func positive(_ value: Float) -> Float
  static var takesNegative: Bool { get }
}

enum Reciprocal: Estimate {
  @inline(__always) static func positive(_ value: Float) -> Float { 1 / value }
  @inline(__always) static var takesNegative: Bool { true }
}

enum ReciprocalRoot: Estimate {
  @inline(__always) static func positive(_ value: Float) -> Float { Float(1 / Double(value).squareRoot()) }
  @inline(__always) static var takesNegative: Bool { false }
}

extension Estimate {
  @inline(__always)
  static func apply(_ bits: UInt32) -> UInt32 {
    let sign = bits & 0x8000_0000, magnitude = bits & 0x7fff_ffff, infinity: UInt32 = 0x7f80_0000
    if magnitude > infinity { return bits | 0x0040_0000 }
    if magnitude < 0x0080_0000 { return sign | infinity }
    if sign != 0 && !takesNegative { return 0xffc0_0000 }
    if magnitude == infinity { return sign }
    let result = positive(Float(bitPattern: magnitude)).bitPattern
    return result < 0x0080_0000 ? sign : sign | result
  }

  static func applyToAll(_ vector: SIMD2<UInt64>) -> SIMD2<UInt64> {
    var result = unsafeBitCast(vector, to: SIMD4<UInt32>.self)
    result.x = apply(result.x)
    result.y = apply(result.y)
    result.z = apply(result.z)
    result.w = apply(result.w)
    return unsafeBitCast(result, to: SIMD2<UInt64>.self)
  }
}

@inline(__always)
private func estimateScalar<E: Estimate>(
  _: E.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ value: UInt32
) {
  c[xmm: o.op.pointee.dst] = Binary32.replacingLow(c[xmm: o.op.pointee.dst], E.apply(value))
  return next(c, o)
}

@inline(__always)
func estimateScalarRegister<E: Estimate>(_: E.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return estimateScalar(E.self, c, o, Binary32.low(c[xmm: o.op.pointee.src]))
}

@inline(__always)
func estimateScalarMemory<E: Estimate, A: Addressing>(
  _: E.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return reading(A.self, UInt32.self, c, o) { return estimateScalar(E.self, c, o, $0) }
}

@inline(__always)
func estimatePackedRegister<E: Estimate>(_: E.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  c[xmm: o.op.pointee.dst] = E.applyToAll(c[xmm: o.op.pointee.src])
  return next(c, o)
}

@inline(__always)
func estimatePackedMemory<E: Estimate, A: Addressing>(
  _: E.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return readingVectorAligned(A.self, c, o) { value in
    c[xmm: o.op.pointee.dst] = E.applyToAll(value)
    return next(c, o)
  }
}
