// SPDX-License-Identifier: Apache-2.0

/// ADD SUB MUL DIV SQRT of one element. SDM vol. 1, 4.8.3 and 4.9; in the order of exceptions of 4.9.2 a NaN operand comes
/// first, then other invalid operations and division by zero, then denormal operands, then what the result raises.
extension SoftFloat {
  static func add(_ left: UInt64, _ right: UInt64, _ e: inout SoftEnvironment) -> UInt64 {
    let a = SoftOperand(left, F.self, e), b = SoftOperand(right, F.self, e)
    if a.isNaN || b.isNaN { return propagate(a, b, &e) }
    return sum(a, b, isNegated: false, &e)
  }

  static func subtract(_ left: UInt64, _ right: UInt64, _ e: inout SoftEnvironment) -> UInt64 {
    let a = SoftOperand(left, F.self, e), b = SoftOperand(right, F.self, e)
    if a.isNaN || b.isNaN { return propagate(a, b, &e) }
    return sum(a, b, isNegated: true, &e)
  }

  /// `a + b`, or `a - b`; neither is a NaN.
  private static func sum(
    _ a: SoftOperand, _ b: SoftOperand, isNegated: Bool, _ e: inout SoftEnvironment
  ) -> UInt64 {
    let bIsNegative = b.isNegative != isNegated
    if a.isInfinite && b.isInfinite && a.isNegative != bIsNegative { return invalid(&e) }
    noteDenormals(a, b, &e)
    if a.isInfinite { return F.sign(a.isNegative) | F.infinity }
    if b.isInfinite { return F.sign(bIsNegative) | F.infinity }
    if a.isZero && b.isZero {
      return F.sign(a.isNegative == bIsNegative ? a.isNegative : e.rounding == .down)
    }
    // The sum with zero is still rounded: a denormal number may be flushed.
    if b.isZero { return round(a.isNegative, a.exponent, a.significand, &e) }
    if a.isZero { return round(bIsNegative, b.exponent, b.significand, &e) }

    let aIsLarger = a.exponent != b.exponent ? a.exponent > b.exponent : a.significand >= b.significand
    let large = aIsLarger ? a : b, small = aIsLarger ? b : a
    let isNegative = aIsLarger ? a.isNegative : bIsNegative
    let addend = shiftedRightSticky(small.significand, large.exponent - small.exponent)
    if a.isNegative == bIsNegative {
      let (total, hasCarried) = large.significand.addingReportingOverflow(addend)
      if hasCarried { return round(isNegative, large.exponent + 1, 1 << 63 | shiftedRightSticky(total, 1), &e) }
      return round(isNegative, large.exponent, total, &e)
    }
    let difference = large.significand &- addend
    if difference == 0 { return F.sign(e.rounding == .down) }
    let shift = difference.leadingZeroBitCount
    return round(isNegative, large.exponent - shift, difference << UInt64(shift), &e)
  }

  static func multiply(_ left: UInt64, _ right: UInt64, _ e: inout SoftEnvironment) -> UInt64 {
    let a = SoftOperand(left, F.self, e), b = SoftOperand(right, F.self, e)
    if a.isNaN || b.isNaN { return propagate(a, b, &e) }
    if (a.isInfinite && b.isZero) || (a.isZero && b.isInfinite) { return invalid(&e) }
    noteDenormals(a, b, &e)
    let isNegative = a.isNegative != b.isNegative
    if a.isInfinite || b.isInfinite { return F.sign(isNegative) | F.infinity }
    if a.isZero || b.isZero { return F.sign(isNegative) }
    let product = a.significand.multipliedFullWidth(by: b.significand)
    let sticky: UInt64 = product.low << 1 == 0 ? 0 : 1
    if product.high >> 63 != 0 {
      return round(isNegative, a.exponent + b.exponent + 1, product.high | sticky | product.low >> 63, &e)
    }
    return round(isNegative, a.exponent + b.exponent, product.high << 1 | product.low >> 63 | sticky, &e)
  }

  static func divide(_ left: UInt64, _ right: UInt64, _ e: inout SoftEnvironment) -> UInt64 {
    let a = SoftOperand(left, F.self, e), b = SoftOperand(right, F.self, e)
    if a.isNaN || b.isNaN { return propagate(a, b, &e) }
    if (a.isInfinite && b.isInfinite) || (a.isZero && b.isZero) { return invalid(&e) }
    let isNegative = a.isNegative != b.isNegative
    if b.isZero && !a.isInfinite {
      e.flags |= SIMDFlags.zeroDivide
      return F.sign(isNegative) | F.infinity
    }
    noteDenormals(a, b, &e)
    if a.isInfinite { return F.sign(isNegative) | F.infinity }
    if a.isZero || b.isInfinite { return F.sign(isNegative) }
    // The dividend is placed so that the quotient has its first bit at bit 63.
    let isBelow = a.significand < b.significand
    let high = isBelow ? a.significand : a.significand >> 1, low = isBelow ? 0 : a.significand << 63
    let (quotient, remainder) = b.significand.dividingFullWidth((high, low))
    return round(
      isNegative, a.exponent - b.exponent - (isBelow ? 1 : 0), quotient | (remainder == 0 ? 0 : 1), &e)
  }

  static func squareRoot(_ value: UInt64, _ e: inout SoftEnvironment) -> UInt64 {
    let a = SoftOperand(value, F.self, e)
    if a.isNaN { return propagate(a, a, &e) }
    if a.isZero { return F.sign(a.isNegative) }
    if a.isNegative { return invalid(&e) }
    noteDenormals(a, a, &e)
    if a.isInfinite { return F.infinity }
    // With an even exponent 2h or an odd one 2h + 1 the root is sqrt(significand * 2^63 or 2^64) * 2^(h - 63).
    let isOdd = a.exponent & 1 != 0
    let radicand = UInt128(a.significand) << (isOdd ? 64 : 63)
    // Digit by digit: two bits more than the format keeps, the rest is sticky.
    var root: UInt128 = 0, rest = radicand
    var place: UInt128 = 1 << 126
    for _ in 0..<(F.fractionBits + 3) {
      let trial = root | place
      root >>= 1
      if rest >= trial {
        rest -= trial
        root |= place
      }
      place >>= 2
    }
    // The digits found are at the top of the low half plus what is still to be shifted.
    let digits = UInt64(truncatingIfNeeded: root >> UInt128(64 - (F.fractionBits + 3)))
    return round(false, a.exponent >> 1, digits | (rest == 0 ? 0 : 1), &e)
  }
}
