// SPDX-License-Identifier: Apache-2.0

/// FPREM FPREM1 FRNDINT FSCALE FXTRACT: operations on the parts of a number, exact but for FRNDINT. SDM vol. 2.
extension X87Context {
  /// A remainder: the value and C3...C0; C0 and C3 keep their state if there is no quotient.
  struct Remainder {
    var value: Extended
    var conditions: UInt16?
  }

  /// FPREM (`nearest` false: the quotient is truncated) and FPREM1 (rounded to nearest). Reduces by at most 63 powers of
  /// two at once and sets C2 if that was not all.
  mutating func remainder(_ a: Extended, _ b: Extended, nearest: Bool) -> Remainder {
    if let result = notANumber(a, b) { return Remainder(value: result) }
    if a.isInfinity || b.isZero { return Remainder(value: invalid()) }
    guard acceptsDenormals(a, b) else { return Remainder(value: a) }
    if a.isZero { return Remainder(value: a, conditions: 0) }
    let x = a.normalized
    if b.isInfinity { return Remainder(value: exact(a.sign, x.exponent, x.significand), conditions: 0) }
    let y = b.normalized
    let distance = x.exponent &- y.exponent
    if distance >= 64 { return partialRemainder(a.sign, x, y, distance) }

    var exponent = y.exponent
    var rest = x.significand
    var quotient: UInt64 = 0
    if distance < 0 {
      exponent = x.exponent
    } else {
      (quotient, rest) = Self.divide(x.significand, UInt64(truncatingIfNeeded: distance), y.significand)
    }
    var sign = a.sign
    if nearest && distance >= -1 {
      // Twice the rest against the divisor; at distance -1 the rest is the dividend, in units half as large.
      let isMore: Bool, isHalf: Bool
      if distance == -1 {
        (isMore, isHalf) = (rest > y.significand, false)
      } else {
        (isMore, isHalf) = (rest > y.significand &- rest, rest == y.significand &- rest)
      }
      if isMore || (isHalf && quotient & 1 != 0) {
        quotient &+= 1
        rest = (distance == -1 ? y.significand &<< 1 : y.significand) &- rest
        sign ^= Extended.signBit
      }
    }
    var conditions: UInt16 = 0
    if quotient & 1 != 0 { conditions |= FSW.c1 }
    if quotient & 2 != 0 { conditions |= FSW.c3 }
    if quotient & 4 != 0 { conditions |= FSW.c0 }
    if rest == 0 { return Remainder(value: Extended(significand: 0, signExponent: a.sign), conditions: conditions) }
    return Remainder(value: exact(sign, exponent, rest), conditions: conditions)
  }

  private mutating func partialRemainder(
    _ sign: UInt16, _ x: (exponent: Int32, significand: UInt64), _ y: (exponent: Int32, significand: UInt64),
    _ distance: Int32
  ) -> Remainder {
    // The manual leaves the step to the processor, between 32 and 63.
    let step = distance & 31 | 32
    let (_, rest) = Self.divide(x.significand, UInt64(truncatingIfNeeded: step), y.significand)
    let value =
      rest == 0
      ? Extended(significand: 0, signExponent: sign) : exact(sign, y.exponent &+ distance &- step, rest)
    return Remainder(value: value, conditions: FSW.c2)
  }

  /// Quotient and remainder of `a * 2^shift` (0...63) and `b`, both with bit 63 set.
  private static func divide(_ a: UInt64, _ shift: UInt64, _ b: UInt64) -> (UInt64, UInt64) {
    if shift == 0 { return a >= b ? (1, a &- b) : (0, a) }
    // Safe: the high word is below 2^63, the divisor is not.
    return b.dividingFullWidth((a &>> (64 &- shift), a &<< shift))
  }

  /// A value that needs no rounding, with any exponent and a significand that need not be normalized.
  private mutating func exact(_ sign: UInt16, _ exponent: Int32, _ significand: UInt64) -> Extended {
    let shift = significand.leadingZeroBitCount
    return round(
      sign: sign, exponent: exponent &- Int32(truncatingIfNeeded: shift),
      significand: significand &<< UInt64(truncatingIfNeeded: shift), rest: 0, dropped: 0)
  }

  /// FRNDINT.
  mutating func roundToInteger(_ a: Extended) -> Extended {
    if let result = notANumber(a) { return result }
    if a.isZero || a.isInfinity { return a }
    guard acceptsDenormal(a) else { return a }
    let (exponent, significand) = a.normalized
    let shift = Extended.bias &+ 63 &- exponent
    if shift <= 0 { return a }
    let (high, low) = shiftRightCollecting(significand, 0, UInt64(truncatingIfNeeded: shift))
    if low == 0 { return a }
    flags |= FSW.precision
    var magnitude = high
    if roundsUp(negative: a.isNegative, odd: high & 1 != 0, rest: low) {
      flags |= FSW.c1
      magnitude &+= 1
    }
    // At least one bit was shifted out, so the magnitude is at most 2^63.
    let result = Extended(integer: Int64(bitPattern: magnitude))
    return Extended(significand: result.significand, signExponent: result.exponent | a.sign)
  }

  /// FSCALE: `a` times two to the power of the integer part of `b`. SDM vol. 2, FSCALE, results table.
  mutating func scale(_ a: Extended, _ b: Extended) -> Extended {
    if let result = notANumber(a, b) { return result }
    if b.isInfinity {
      if b.isNegative ? a.isInfinity : a.isZero { return invalid() }
      guard acceptsDenormals(a, b) else { return a }
      if b.isNegative { return Extended(significand: 0, signExponent: a.sign) }
      return Extended(significand: Extended.integerBit, signExponent: a.sign | 0x7fff)
    }
    guard acceptsDenormals(a, b) else { return a }
    if a.isInfinity || a.isZero { return a }
    let x = a.normalized
    var power: Int32 = 0
    let (exponent, significand) = b.isZero ? (0, 0) : b.normalized
    if exponent >= Extended.bias &+ 17 {
      power = 1 << 17
    } else if exponent >= Extended.bias {
      power = Int32(truncatingIfNeeded: significand &>> UInt64(truncatingIfNeeded: Extended.bias &+ 63 &- exponent))
    }
    if b.isNegative { power = 0 &- power }
    return round(sign: a.sign, exponent: x.exponent &+ power, significand: x.significand, rest: 0, dropped: 0)
  }

  /// FXTRACT: the unbiased exponent as a number, and the significand with exponent zero.
  mutating func extract(_ a: Extended) -> (exponent: Extended, significand: Extended) {
    if let result = notANumber(a) { return (result, result) }
    if a.isInfinity { return (.infinity, a) }
    if a.isZero {
      flags |= FSW.zeroDivide
      return (Extended.infinity.negated, a)
    }
    guard acceptsDenormal(a) else { return (a, a) }
    let (exponent, significand) = a.normalized
    return (
      Extended(integer: Int64(exponent &- Extended.bias)),
      Extended(significand: significand, signExponent: a.sign | 0x3fff)
    )
  }
}
