// SPDX-License-Identifier: Apache-2.0

/// Arithmetic on normalized magnitudes: exact but for what is collected in the last bit of `rest`. The fast handlers and
/// the complete operations of `X87Context` share these.
struct Unrounded {
  /// Biased; may be outside 1...7FFEh.
  var exponent: Int32
  /// Bit 63 set, or zero for an exact zero difference.
  var significand: UInt64
  /// The bits below, bit 0 standing for all that follow.
  var rest: UInt64

  /// The sum; the exponents may come in either order.
  @inline(__always)
  static func sum(_ exponentA: Int32, _ a: UInt64, _ exponentB: Int32, _ b: UInt64) -> Unrounded {
    let isSwapped = exponentB > exponentA
    let big = isSwapped ? b : a, small = isSwapped ? a : b
    let exponent = isSwapped ? exponentB : exponentA
    let distance = UInt64(truncatingIfNeeded: isSwapped ? exponentB &- exponentA : exponentA &- exponentB)
    let (high, low) = align(small, distance)
    let (sum, carries) = big.addingReportingOverflow(high)
    if carries {
      return Unrounded(
        exponent: exponent &+ 1, significand: sum &>> 1 | 1 &<< 63, rest: sum &<< 63 | low &>> 1 | low & 1)
    }
    return Unrounded(exponent: exponent, significand: sum, rest: low)
  }

  /// The absolute difference, and whether B was the larger.
  @inline(__always)
  static func difference(
    _ exponentA: Int32, _ a: UInt64, _ exponentB: Int32, _ b: UInt64
  ) -> (Unrounded, isReversed: Bool) {
    let isReversed = exponentB > exponentA || (exponentB == exponentA && b > a)
    let big = isReversed ? b : a, small = isReversed ? a : b
    let exponent = isReversed ? exponentB : exponentA
    let distance = UInt64(truncatingIfNeeded: isReversed ? exponentB &- exponentA : exponentA &- exponentB)
    let (shifted, lost) = align(small, distance)
    var low = 0 &- lost
    var high = big &- shifted &- (lost != 0 ? 1 : 0)
    if Int64(bitPattern: high) < 0 {
      return (Unrounded(exponent: exponent, significand: high, rest: low), isReversed)
    }
    if high == 0 {
      // Only neighbours cancel this far, and of them at most one bit was shifted out.
      return (Unrounded(exponent: exponent &- 64, significand: low, rest: 0).normalizedOnce, isReversed)
    }
    let shift = UInt64(truncatingIfNeeded: high.leadingZeroBitCount)
    high = high &<< shift | low &>> (64 &- shift)
    low &<<= shift
    return (
      Unrounded(exponent: exponent &- Int32(truncatingIfNeeded: shift), significand: high, rest: low), isReversed
    )
  }

  /// Brings the leading bit of a significand without rest to bit 63.
  @inline(__always) private var normalizedOnce: Unrounded {
    if significand == 0 { return self }
    let shift = significand.leadingZeroBitCount
    return Unrounded(
      exponent: exponent &- Int32(truncatingIfNeeded: shift),
      significand: significand &<< UInt64(truncatingIfNeeded: shift), rest: 0)
  }

  @inline(__always)
  private static func align(_ significand: UInt64, _ distance: UInt64) -> (UInt64, UInt64) {
    if distance < 64 {
      return (significand &>> distance, (significand &<< 1) &<< (63 &- distance))
    }
    return shiftRightCollecting(significand, 0, distance)
  }

  @inline(__always)
  static func product(_ exponentA: Int32, _ a: UInt64, _ exponentB: Int32, _ b: UInt64) -> Unrounded {
    let (high, low) = a.multipliedFullWidth(by: b)
    let exponent = exponentA &+ exponentB &- Extended.bias
    if Int64(bitPattern: high) < 0 { return Unrounded(exponent: exponent &+ 1, significand: high, rest: low) }
    return Unrounded(exponent: exponent, significand: high &<< 1 | low &>> 63, rest: low &<< 1)
  }

  /// A divided by B; both normalized.
  @inline(__always)
  static func quotient(_ exponentA: Int32, _ a: UInt64, _ exponentB: Int32, _ b: UInt64) -> Unrounded {
    // The dividend's high word is below the divisor, so the quotient fits and has bit 63 set.
    let isLess = a < b
    let high = isLess ? a : a &>> 1
    let low = isLess ? 0 : a &<< 63
    let (quotient, remainder) = b.dividingFullWidth((high, low))
    let exponent = exponentA &- exponentB &+ Extended.bias &- (isLess ? 1 : 0)
    // What matters of the rest is its relation to one half.
    let rest: UInt64 =
      remainder == 0 ? 0 : (remainder > b &- remainder ? 3 &<< 62 : remainder == b &- remainder ? 1 &<< 63 : 1)
    return Unrounded(exponent: exponent, significand: quotient, rest: rest)
  }

  /// The square root of `significand * 2^(exponent - bias - 63)`.
  static func squareRoot(_ exponent: Int32, _ significand: UInt64) -> Unrounded {
    let unbiased = exponent &- Extended.bias
    let isOdd = unbiased & 1 != 0
    // The radicand has 127 or 128 bits, so the root has 64.
    let radicand = isOdd ? UInt128(significand) << 64 : UInt128(significand) << 63
    let root = squareRoot(radicand)
    let remainder = radicand &- UInt128(root) &* UInt128(root)
    let halfExponent = (unbiased &- (isOdd ? 1 : 0)) / 2
    // (root + 1/2)^2 = root^2 + root + 1/4, so a remainder above the root is more than a half, and none is exactly one.
    let rest: UInt64 = remainder == 0 ? 0 : (remainder > UInt128(root) ? 3 &<< 62 : 1)
    return Unrounded(exponent: halfExponent &+ Extended.bias, significand: root, rest: rest)
  }

  /// The largest integer whose square is not above `radicand`, which is 2^126 or more.
  private static func squareRoot(_ radicand: UInt128) -> UInt64 {
    // One step of Newton's iteration on an estimate of 32 bits gives 63 and more, a second one all.
    let estimate = Double(UInt64(truncatingIfNeeded: radicand >> 64)).squareRoot() * 4294967296
    var root = estimate >= 18446744073709551616 ? UInt64.max : UInt64(max(estimate, 9223372036854775808))
    let wide = UInt128(root)
    let square = wide &* wide
    if square > radicand {
      let step = (square &- radicand) / (2 &* wide)
      root &-= UInt64(truncatingIfNeeded: min(step, wide))
    } else {
      let step = (radicand &- square) / (2 &* wide)
      root = UInt64(truncatingIfNeeded: min(wide &+ step, UInt128(UInt64.max)))
    }
    while UInt128(root) &* UInt128(root) > radicand { root &-= 1 }
    while root != .max, (UInt128(root) &+ 1) &* (UInt128(root) &+ 1) <= radicand { root &+= 1 }
    return root
  }
}
