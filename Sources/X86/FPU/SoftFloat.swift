// SPDX-License-Identifier: Apache-2.0

/// Binary floating point in integer arithmetic, as the SSE units do it: all roundings, exceptions and NaN rules, the same on
/// every host. The core is one body for both formats; values travel as bit patterns in the low bits of a `UInt64`.
/// Reference: SDM vol. 1, 4.8 (formats, NaNs, rounding), 4.9 (exceptions), 10.2.3 (MXCSR), 11.5 (SSE exceptions).

/// An interchange format of IEEE 754.
protocol SoftFormat {
  /// Bits of the fraction, the implicit integer bit not among them.
  static var fractionBits: Int { get }
  static var exponentBits: Int { get }
}

enum Binary32: SoftFormat {
  @inline(__always) static var fractionBits: Int { 23 }
  @inline(__always) static var exponentBits: Int { 8 }
}

enum Binary64: SoftFormat {
  @inline(__always) static var fractionBits: Int { 52 }
  @inline(__always) static var exponentBits: Int { 11 }
}

extension SoftFormat {
  @inline(__always) static var exponentMask: UInt64 { 1 << UInt64(exponentBits) - 1 }
  @inline(__always) static var fractionMask: UInt64 { 1 << UInt64(fractionBits) - 1 }
  @inline(__always) static var quietBit: UInt64 { 1 << UInt64(fractionBits - 1) }
  @inline(__always) static var signBit: UInt64 { 1 << UInt64(fractionBits + exponentBits) }
  @inline(__always) static var bias: Int { 1 << (exponentBits - 1) - 1 }
  @inline(__always) static var infinity: UInt64 { exponentMask << UInt64(fractionBits) }
  @inline(__always) static var largest: UInt64 { infinity - 1 }
  /// The QNaN floating-point indefinite, the result of an invalid operation. SDM vol. 1, table 4-3.
  @inline(__always) static var indefinite: UInt64 { signBit | infinity | quietBit }

  @inline(__always) static func sign(_ isNegative: Bool) -> UInt64 { isNegative ? signBit : 0 }
}

/// Exception flags as they lie in MXCSR (and in the x87 status word); the masks are 7 bits further up.
enum SIMDFlags {
  static let invalid: UInt32 = 1 << 0
  static let denormal: UInt32 = 1 << 1
  static let zeroDivide: UInt32 = 1 << 2
  static let overflow: UInt32 = 1 << 3
  static let underflow: UInt32 = 1 << 4
  static let precision: UInt32 = 1 << 5
  /// Those that are found before a result is computed.
  static let early: UInt32 = invalid | denormal | zeroDivide
  static let all: UInt32 = 0x3f
  static let maskShift: UInt32 = 7
}

enum SoftRounding: UInt8 {
  case nearest = 0, down, up, zero
}

/// What an operation runs under, and the exceptions it met.
struct SoftEnvironment {
  private let mxcsr: UInt32
  let rounding: SoftRounding
  var flags: UInt32 = 0

  @inline(__always) init(_ mxcsr: UInt32) {
    self.mxcsr = mxcsr
    switch (mxcsr >> 13) & 3 {
    case 0: rounding = .nearest
    case 1: rounding = .down
    case 2: rounding = .up
    default: rounding = .zero
    }
  }

  @inline(__always) var denormalsAreZeros: Bool { mxcsr & 1 << 6 != 0 }
  @inline(__always) var flushesToZero: Bool { mxcsr & 1 << 15 != 0 }
  @inline(__always) func isMasked(_ flag: UInt32) -> Bool { mxcsr & flag << SIMDFlags.maskShift != 0 }
}

/// An operand taken apart.
struct SoftOperand {
  enum Kind: UInt8 { case zero, finite, infinity, quietNaN, signalingNaN }

  let bits: UInt64
  let isNegative: Bool
  private(set) var kind: Kind
  private(set) var isDenormal = false
  /// Of a finite number: its value is `significand * 2^(exponent - 63)`, and bit 63 of the significand is set.
  private(set) var exponent = 0
  private(set) var significand: UInt64 = 0

  init<F: SoftFormat>(_ bits: UInt64, _: F.Type, _ e: SoftEnvironment) {
    self.bits = bits
    isNegative = bits & F.signBit != 0
    let biased = (bits >> UInt64(F.fractionBits)) & F.exponentMask
    let fraction = bits & F.fractionMask
    if biased == F.exponentMask {
      kind = fraction == 0 ? .infinity : (fraction & F.quietBit != 0 ? .quietNaN : .signalingNaN)
    } else if biased != 0 {
      kind = .finite
      exponent = Int(biased) - F.bias
      significand = 1 << 63 | fraction << UInt64(63 - F.fractionBits)
    } else if fraction == 0 || e.denormalsAreZeros {
      kind = .zero
    } else {
      kind = .finite
      isDenormal = true
      let aligned = fraction << UInt64(63 - F.fractionBits)
      let shift = aligned.leadingZeroBitCount
      exponent = 1 - F.bias - shift
      significand = aligned << UInt64(shift)
    }
  }

  /// A finite operand that is not of a format.
  init(isNegative: Bool, exponent: Int, significand: UInt64) {
    bits = 0
    self.isNegative = isNegative
    kind = .finite
    self.exponent = exponent
    self.significand = significand
  }

  @inline(__always) var isNaN: Bool { kind == .quietNaN || kind == .signalingNaN }
  @inline(__always) var isZero: Bool { kind == .zero }
  @inline(__always) var isInfinite: Bool { kind == .infinity }
}

/// The operations on one element.
enum SoftFloat<F: SoftFormat> {
  // MARK: NaNs

  /// The result of an operation with a NaN operand: the first one that is a NaN, made quiet. SDM vol. 1, table 4-7.
  static func propagate(_ a: SoftOperand, _ b: SoftOperand, _ e: inout SoftEnvironment) -> UInt64 {
    if a.kind == .signalingNaN || b.kind == .signalingNaN { e.flags |= SIMDFlags.invalid }
    return (a.isNaN ? a.bits : b.bits) | F.quietBit
  }

  static func invalid(_ e: inout SoftEnvironment) -> UInt64 {
    e.flags |= SIMDFlags.invalid
    return F.indefinite
  }

  @inline(__always)
  static func noteDenormals(_ a: SoftOperand, _ b: SoftOperand, _ e: inout SoftEnvironment) {
    if a.isDenormal || b.isDenormal { e.flags |= SIMDFlags.denormal }
  }

  // MARK: Rounding

  /// Rounds `significand * 2^(exponent - 63)`, bit 63 of the significand set and its lowest bit sticky, to the format.
  ///
  /// Tininess is detected after rounding: underflow means that the result, rounded as if the exponent had no bounds, is
  /// below the normal numbers. SDM vol. 1, 4.9.1.5.
  static func round(
    _ isNegative: Bool, _ exponent: Int, _ significand: UInt64, _ e: inout SoftEnvironment
  ) -> UInt64 {
    let dropped = 63 - F.fractionBits
    let (kept, isInexact) = roundedShift(significand, dropped, isNegative, e.rounding)
    let hasCarried = kept >> UInt64(F.fractionBits + 1) != 0
    let biased = exponent + (hasCarried ? 1 : 0) + F.bias
    if biased >= Int(F.exponentMask) { return overflow(isNegative, isInexact, &e) }
    if biased <= 0 { return tiny(isNegative, exponent, significand, isInexact, &e) }
    if isInexact { e.flags |= SIMDFlags.precision }
    // A carry leaves a zero fraction either way.
    return F.sign(isNegative) | UInt64(biased) << UInt64(F.fractionBits) | kept & F.fractionMask
  }

  private static func overflow(_ isNegative: Bool, _ isInexact: Bool, _ e: inout SoftEnvironment) -> UInt64 {
    e.flags |= SIMDFlags.overflow
    if isInexact || e.isMasked(SIMDFlags.overflow) { e.flags |= SIMDFlags.precision }
    let isInfinite: Bool =
      switch e.rounding {
      case .nearest: true
      case .down: isNegative
      case .up: !isNegative
      case .zero: false
      }
    return F.sign(isNegative) | (isInfinite ? F.infinity : F.largest)
  }

  private static func tiny(
    _ isNegative: Bool, _ exponent: Int, _ significand: UInt64, _ isInexact: Bool, _ e: inout SoftEnvironment
  ) -> UInt64 {
    guard e.isMasked(SIMDFlags.underflow) else {
      e.flags |= SIMDFlags.underflow | (isInexact ? SIMDFlags.precision : 0)
      return F.sign(isNegative)
    }
    if e.flushesToZero {
      e.flags |= SIMDFlags.underflow | SIMDFlags.precision
      return F.sign(isNegative)
    }
    let shift = 63 - F.fractionBits + (1 - F.bias - exponent)
    let (kept, isDenormalInexact) = roundedShift(significand, shift, isNegative, e.rounding)
    if isDenormalInexact { e.flags |= SIMDFlags.underflow | SIMDFlags.precision }
    // Rounding up to the smallest normal number gives just its encoding.
    return F.sign(isNegative) | kept
  }
}

/// `value / 2^count` rounded to an integer, and whether that lost anything; any count that is not negative.
func roundedShift(
  _ value: UInt64, _ count: Int, _ isNegative: Bool, _ rounding: SoftRounding
) -> (value: UInt64, isInexact: Bool) {
  if count == 0 { return (value, false) }
  // Far to the right only the order relative to one half matters, which the sticky bit keeps.
  let value = count > 62 ? shiftedRightSticky(value, count - 62) : value
  let shift = UInt64(min(count, 62))
  let kept = value >> shift, rest = value & (1 << shift - 1), half: UInt64 = 1 << (shift - 1)
  let isRoundedUp: Bool =
    switch rounding {
    case .nearest: rest > half || (rest == half && kept & 1 != 0)
    case .down: isNegative && rest != 0
    case .up: !isNegative && rest != 0
    case .zero: false
    }
  return (kept + (isRoundedUp ? 1 : 0), rest != 0)
}

/// `value >> count` with the bits that fall off gathered in the lowest one.
func shiftedRightSticky(_ value: UInt64, _ count: Int) -> UInt64 {
  if count >= 64 { return value == 0 ? 0 : 1 }
  let shift = UInt64(count)
  return value >> shift | (value & (1 << shift - 1) == 0 ? 0 : 1)
}
