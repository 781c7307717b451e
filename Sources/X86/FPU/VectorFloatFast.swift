// SPDX-License-Identifier: Apache-2.0

/// SSE arithmetic with the host's numbers where that is provably the same: the host computes correctly rounded to nearest,
/// and its result is taken if no operand is a NaN, infinite or denormal, the result is a normal number, and the only
/// exception that could be met, precision, is flagged already and masked. Everything else goes to the soft paths; nothing
/// depends on the host's NaNs, flags or modes other than those that Swift promises.

extension SSEState {
  /// Rounding is to nearest and a result that is not exact changes nothing. FTZ and DAZ do not matter, since neither tiny
  /// results nor denormal operands are taken.
  @inline(__always) var roundsAsHost: Bool {
    let precisionMask: UInt32 = SIMDFlags.precision << SIMDFlags.maskShift
    return mxcsr & (precisionMask | 3 << 13 | SIMDFlags.precision) == precisionMask | SIMDFlags.precision
  }

  /// `roundsAsHost` for what does not round as MXCSR says.
  @inline(__always) var ignoresPrecision: Bool {
    let precisionMask: UInt32 = SIMDFlags.precision << SIMDFlags.maskShift
    return mxcsr & (precisionMask | SIMDFlags.precision) == precisionMask | SIMDFlags.precision
  }
}

/// A format with the host's types for it. What concerns whole vectors is written for each format by itself, since the
/// standard library's generic vector operations are loops.
protocol HostFormat: SoftFormat {
  associatedtype Bits: Width
  associatedtype Number: BinaryFloatingPoint
  associatedtype Vector: BitwiseCopyable
  static var scalarShape: VectorShape { get }
  static var packedShape: VectorShape { get }
  /// Twice the encodings (so without the sign) of the smallest normal number and of infinity.
  static var doubledSmallest: Bits { get }
  static var doubledInfinity: Bits { get }
  static func number(_ bits: Bits) -> Number
  static func bits(_ number: Number) -> Bits
  static func double(_ number: Number) -> Double
  static func fromInteger(_ value: Int64) -> Number
  /// The lowest element, and the vector with it replaced.
  static func low(_ vector: SIMD2<UInt64>) -> Bits
  static func replacingLow(_ vector: SIMD2<UInt64>, _ value: Bits) -> SIMD2<UInt64>

  static func vector(_ bits: SIMD2<UInt64>) -> Vector
  static func bits(_ vector: Vector) -> SIMD2<UInt64>
  static func add(_ a: Vector, _ b: Vector) -> Vector
  static func subtract(_ a: Vector, _ b: Vector) -> Vector
  static func multiply(_ a: Vector, _ b: Vector) -> Vector
  static func divide(_ a: Vector, _ b: Vector) -> Vector
  static func squareRoot(_ a: Vector) -> Vector
  /// Elementwise masks of `a < b` and `a == b`.
  static func isLess(_ a: Vector, _ b: Vector) -> SIMD2<UInt64>
  static func isEqual(_ a: Vector, _ b: Vector) -> SIMD2<UInt64>
  static func magnitude(_ a: Vector) -> Vector
  static func splat(_ number: Number) -> Vector
}

extension Binary32: HostFormat {
  typealias Vector = SIMD4<Float>
  @inline(__always) static var scalarShape: VectorShape { .ss }
  @inline(__always) static var packedShape: VectorShape { .ps }
  @inline(__always) static var doubledSmallest: UInt32 { 1 << 24 }
  @inline(__always) static var doubledInfinity: UInt32 { 0xff << 24 }
  @inline(__always) static func number(_ bits: UInt32) -> Float { Float(bitPattern: bits) }
  @inline(__always) static func bits(_ number: Float) -> UInt32 { number.bitPattern }
  @inline(__always) static func double(_ number: Float) -> Double { Double(number) }
  @inline(__always) static func fromInteger(_ value: Int64) -> Float { Float(value) }
  @inline(__always) static func low(_ vector: SIMD2<UInt64>) -> UInt32 { UInt32(truncatingIfNeeded: vector.x) }
  @inline(__always) static func replacingLow(_ vector: SIMD2<UInt64>, _ value: UInt32) -> SIMD2<UInt64> {
    var elements = unsafeBitCast(vector, to: SIMD4<UInt32>.self)
    elements.x = value
    return unsafeBitCast(elements, to: SIMD2<UInt64>.self)
  }

  @inline(__always) static func vector(_ bits: SIMD2<UInt64>) -> SIMD4<Float> { unsafeBitCast(bits, to: Vector.self) }
  @inline(__always) static func bits(_ vector: Vector) -> SIMD2<UInt64> {
    unsafeBitCast(vector, to: SIMD2<UInt64>.self)
  }
  @inline(__always) static func add(_ a: Vector, _ b: Vector) -> Vector { a + b }
  @inline(__always) static func subtract(_ a: Vector, _ b: Vector) -> Vector { a - b }
  @inline(__always) static func multiply(_ a: Vector, _ b: Vector) -> Vector { a * b }
  @inline(__always) static func divide(_ a: Vector, _ b: Vector) -> Vector { a / b }
  @inline(__always) static func squareRoot(_ a: Vector) -> Vector { a.squareRoot() }
  @inline(__always) static func isLess(_ a: Vector, _ b: Vector) -> SIMD2<UInt64> {
    unsafeBitCast(a .< b, to: SIMD2<UInt64>.self)
  }
  @inline(__always) static func isEqual(_ a: Vector, _ b: Vector) -> SIMD2<UInt64> {
    unsafeBitCast(a .== b, to: SIMD2<UInt64>.self)
  }
  @inline(__always) static func magnitude(_ a: Vector) -> Vector {
    vector(bits(a) & SIMD2(repeating: 0x7fff_ffff_7fff_ffff))
  }
  @inline(__always) static func splat(_ number: Float) -> Vector { SIMD4(repeating: number) }
}

extension Binary64: HostFormat {
  typealias Vector = SIMD2<Double>
  @inline(__always) static var scalarShape: VectorShape { .sd }
  @inline(__always) static var packedShape: VectorShape { .pd }
  @inline(__always) static var doubledSmallest: UInt64 { 1 << 53 }
  @inline(__always) static var doubledInfinity: UInt64 { 0x7ff << 53 }
  @inline(__always) static func number(_ bits: UInt64) -> Double { Double(bitPattern: bits) }
  @inline(__always) static func bits(_ number: Double) -> UInt64 { number.bitPattern }
  @inline(__always) static func double(_ number: Double) -> Double { number }
  @inline(__always) static func fromInteger(_ value: Int64) -> Double { Double(value) }
  @inline(__always) static func low(_ vector: SIMD2<UInt64>) -> UInt64 { vector.x }
  @inline(__always) static func replacingLow(_ vector: SIMD2<UInt64>, _ value: UInt64) -> SIMD2<UInt64> {
    var result = vector
    result.x = value
    return result
  }

  @inline(__always) static func vector(_ bits: SIMD2<UInt64>) -> SIMD2<Double> { unsafeBitCast(bits, to: Vector.self) }
  @inline(__always) static func bits(_ vector: Vector) -> SIMD2<UInt64> {
    unsafeBitCast(vector, to: SIMD2<UInt64>.self)
  }
  @inline(__always) static func add(_ a: Vector, _ b: Vector) -> Vector { a + b }
  @inline(__always) static func subtract(_ a: Vector, _ b: Vector) -> Vector { a - b }
  @inline(__always) static func multiply(_ a: Vector, _ b: Vector) -> Vector { a * b }
  @inline(__always) static func divide(_ a: Vector, _ b: Vector) -> Vector { a / b }
  @inline(__always) static func squareRoot(_ a: Vector) -> Vector { a.squareRoot() }
  @inline(__always) static func isLess(_ a: Vector, _ b: Vector) -> SIMD2<UInt64> {
    unsafeBitCast(a .< b, to: SIMD2<UInt64>.self)
  }
  @inline(__always) static func isEqual(_ a: Vector, _ b: Vector) -> SIMD2<UInt64> {
    unsafeBitCast(a .== b, to: SIMD2<UInt64>.self)
  }
  @inline(__always) static func magnitude(_ a: Vector) -> Vector {
    vector(bits(a) & SIMD2(repeating: 0x7fff_ffff_ffff_ffff))
  }
  @inline(__always) static func splat(_ number: Double) -> Vector { SIMD2(repeating: number) }
}

extension HostFormat {
  // MARK: Scalars

  /// Zero or a normal number: neither denormal, infinite nor NaN.
  @inline(__always) static func isOrdinary(_ value: Bits) -> Bool {
    let doubled = value &+ value
    return doubled == 0 || doubled &- doubledSmallest < doubledInfinity &- doubledSmallest
  }

  /// Neither denormal nor NaN.
  @inline(__always) static func isComparable(_ value: Bits) -> Bool {
    let doubled = value &+ value
    return doubled == 0 || doubled &- doubledSmallest <= doubledInfinity &- doubledSmallest
  }

  @inline(__always) static func isNotDenormal(_ value: Bits) -> Bool {
    value &+ value &- 1 >= doubledSmallest &- 1
  }

  /// A normal number that was not rounded up from a tiny one.
  @inline(__always) static func isPlainResult(_ value: Bits) -> Bool {
    value &+ value &- (doubledSmallest &+ 1) < doubledInfinity &- (doubledSmallest &+ 1)
  }

  // MARK: Vectors: masks of the elements for which the same holds

  @inline(__always) static func areZero(_ a: Vector) -> SIMD2<UInt64> { isEqual(a, splat(0)) }

  @inline(__always) static func areNotDenormal(_ a: Vector) -> SIMD2<UInt64> {
    ~isLess(magnitude(a), splat(Number.leastNormalMagnitude)) | areZero(a)
  }

  @inline(__always) static func areOrdinary(_ a: Vector) -> SIMD2<UInt64> {
    areNotDenormal(a) & isLess(magnitude(a), splat(Number.infinity))
  }

  @inline(__always) static func areComparable(_ a: Vector) -> SIMD2<UInt64> { areNotDenormal(a) & isEqual(a, a) }

  @inline(__always) static func arePlainResults(_ a: Vector) -> SIMD2<UInt64> {
    isLess(splat(Number.leastNormalMagnitude), magnitude(a)) & isLess(magnitude(a), splat(Number.infinity))
  }
}

@inline(__always) func holdsEverywhere(_ mask: SIMD2<UInt64>) -> Bool { mask.x & mask.y == ~0 }
