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
  /// The operation's result may be taken in all elements.
  static func accepts<O: FastOperation>(_: O.Type, _ a: Vector, _ b: Vector, _ result: Vector) -> Bool
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
  @inline(__always)
  static func accepts<O: FastOperation>(_: O.Type, _ a: Vector, _ b: Vector, _ result: Vector) -> Bool {
    let mask = O.accepts(
      FourSingles(bits: unsafeBitCast(a, to: SIMD4<Int32>.self)),
      FourSingles(bits: unsafeBitCast(b, to: SIMD4<Int32>.self)),
      FourSingles(bits: unsafeBitCast(result, to: SIMD4<Int32>.self)))
    let words = unsafeBitCast(mask, to: SIMD2<UInt64>.self)
    return words.x & words.y == ~0
  }
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
  @inline(__always)
  static func accepts<O: FastOperation>(_: O.Type, _ a: Vector, _ b: Vector, _ result: Vector) -> Bool {
    let a = bits(a), b = bits(b), result = bits(result)
    return O.accepts(Self.self, a.x, b.x, result.x) && O.accepts(Self.self, a.y, b.y, result.y)
  }
}

extension HostFormat {
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

  @inline(__always) static func isZero(_ value: Bits) -> Bool { value &+ value == 0 }
}

/// The same four questions of four singles at once.
struct FourSingles {
  /// Without the signs: twice the encodings.
  private let doubled: SIMD4<Int32>

  typealias Mask = SIMDMask<SIMD4<Int32>>

  @inline(__always) init(bits: SIMD4<Int32>) { doubled = bits &+ bits }

  private static let smallest: Int32 = 1 << 24
  private static let infinity = Int32(bitPattern: 0xff << 24)

  /// `low <= doubled < low + count`, unsigned, with the signed comparison that vectors have.
  @inline(__always) private func isIn(_ low: Int32, count: Int32) -> Mask {
    doubled &+ (Int32.min &- low) .< SIMD4(repeating: Int32.min &+ count)
  }

  @inline(__always) var isZero: Mask { doubled .== SIMD4(repeating: 0) }
  @inline(__always) var isNotDenormal: Mask { .!isIn(1, count: Self.smallest &- 1) }
  @inline(__always) var isOrdinary: Mask { isIn(Self.smallest, count: Self.infinity &- Self.smallest) .| isZero }
  @inline(__always) var isComparable: Mask {
    isIn(Self.smallest, count: Self.infinity &- Self.smallest &+ 1) .| isZero
  }
  @inline(__always) var isPlainResult: Mask {
    isIn(Self.smallest &+ 1, count: Self.infinity &- Self.smallest &- 1)
  }
}
