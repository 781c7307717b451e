// SPDX-License-Identifier: Apache-2.0

/// FSIN FCOS FSINCOS FPTAN FPATAN. SDM vol. 2, tables of results; vol. 1, 8.3.8 and 8.3.10.
///
/// Arguments are reduced with the 66-bit value of pi that the manual names, exactly; the reduced functions are power
/// series in 128 bits, so that results are within one unit in the last place of those of the reduced argument.
enum Trigonometry {
  /// pi/2 to 66 bits, in units of 2^-65. SDM vol. 1, 8.3.8.
  private static let halfPi: UInt128 = Fixed.word(3, 0x243f_6a88_85a3_08d3)

  /// An argument as a multiple of pi/2 and what is left, at most pi/4 to either side.
  struct Reduced {
    var quadrant: UInt8
    var rest: Wide
    var isRestNegative: Bool
  }

  /// Reduces a magnitude below 2^63.
  static func reduce(_ value: Wide) -> Reduced {
    // Below one half, which is less than pi/4.
    if value.exponent < -1 { return Reduced(quadrant: 0, rest: value, isRestNegative: false) }
    // The significand has 64 bits, so its lowest is worth 2^-64 or more here.
    let units = value.significand >> UInt128(UInt32(bitPattern: 62 &- value.exponent))
    let (quotient, remainder) = units.quotientAndRemainder(dividingBy: halfPi)
    let quadrant = UInt8(truncatingIfNeeded: quotient & 3)
    // Never zero: no 64-bit number is a multiple of a 66-bit odd one.
    if remainder > halfPi >> 1 {
      return Reduced(
        quadrant: (quadrant &+ 1) & 3, rest: Wide(normalizing: halfPi &- remainder, exponent: 62), isRestNegative: true)
    }
    return Reduced(
      quadrant: quadrant, rest: Wide(normalizing: remainder == 0 ? 1 : remainder, exponent: 62), isRestNegative: false)
  }

  /// The square of a number below one, with 128 fraction bits.
  private static func square(_ value: Wide) -> UInt128 {
    let high = Fixed.multiply(value.significand, value.significand)
    let shift = -2 &* (value.exponent &+ 1)
    return shift >= 128 ? 0 : high >> UInt128(UInt32(bitPattern: shift))
  }

  /// The sine of at most pi/4. The last term is 2^-148 of the result.
  static func sine(_ value: Wide) -> Wide {
    let square = square(value)
    // 1 - z/3! + …, where 1 is one unit less than it ought to be, so that a tiny argument gives a little less than itself.
    let factor = UInt128.max &- Fixed.multiply(Fixed.alternating(FunctionTables.sine, square), square)
    return value * Wide(exponent: -1, significand: factor)
  }

  /// The cosine of at most pi/4.
  static func cosine(_ value: Wide) -> Wide {
    let square = square(value)
    let result = UInt128.max &- Fixed.multiply(Fixed.alternating(FunctionTables.cosine, square), square)
    return Wide(exponent: -1, significand: result)
  }

  /// The arc tangent of a quotient of at most one.
  static func arctangent(_ quotient: Wide) -> Wide {
    // atan(t) = atan(i/16) + atan((t - i/16) / (1 + t i/16)), where i/16 is the nearest.
    let steps = quotient.fixed(bits: 126)
    let nearest = Int(truncatingIfNeeded: (steps &+ 1 << 121) >> 122)
    if nearest == 0 { return smallArctangent(quotient) }
    let step = Wide(normalizing: UInt128(UInt32(nearest)) << 122, exponent: 1)
    let start = Wide(
      normalizing: Fixed.word(FunctionTables.arctangent[2 * nearest], FunctionTables.arctangent[2 * nearest + 1]),
      exponent: 1)
    let isBelow = quotient < step
    guard let distance = isBelow ? Wide.difference(step, quotient) : Wide.difference(quotient, step) else {
      return start
    }
    let angle = smallArctangent(distance / (.one + quotient * step))
    return isBelow ? Wide.difference(start, angle) ?? start : start + angle
  }

  /// The arc tangent of less than 1/16. Horner's scheme on 1 - z/3 + z^2/5 - …
  private static func smallArctangent(_ value: Wide) -> Wide {
    // Less one unit, so that a tiny exact quotient gives a little less than itself.
    let factor = Fixed.alternating(FunctionTables.odd, square(value)) &- 1
    return value * Wide(normalizing: factor, exponent: 1)
  }
}

extension X87Context {
  /// The result of FSIN and its kin for what is no number to reduce; nil otherwise.
  private mutating func trivial(_ a: Extended, zero: Extended) -> Extended? {
    if let result = notANumber(a) { return result }
    if a.isInfinity { return invalid() }
    if a.isZero { return zero }
    guard acceptsDenormal(a) else { return a }
    return nil
  }

  /// Whether an argument is too large: FSIN and its kin then set C2 and do nothing.
  static func isTooLarge(_ a: Extended) -> Bool {
    a.exponent >= 0x3fff + 63 && a.exponent != 0x7fff && !a.isUnsupported
  }

  mutating func sine(_ a: Extended) -> Extended {
    if let result = trivial(a, zero: a) { return result }
    let reduced = Trigonometry.reduce(Wide(a))
    let usesCosine = reduced.quadrant & 1 != 0
    let isBelow = (reduced.quadrant & 2 != 0) != (!usesCosine && reduced.isRestNegative)
    let isNegative = isBelow != a.isNegative
    let value = usesCosine ? Trigonometry.cosine(reduced.rest) : Trigonometry.sine(reduced.rest)
    return round(sign: isNegative ? Extended.signBit : 0, value)
  }

  mutating func cosine(_ a: Extended) -> Extended {
    if let result = trivial(a, zero: .one) { return result }
    let reduced = Trigonometry.reduce(Wide(a))
    let usesSine = reduced.quadrant & 1 != 0
    // -sin in the first and -cos in the second quadrant.
    let isNegative = (reduced.quadrant == 1 || reduced.quadrant == 2) != (usesSine && reduced.isRestNegative)
    let value = usesSine ? Trigonometry.sine(reduced.rest) : Trigonometry.cosine(reduced.rest)
    return round(sign: isNegative ? Extended.signBit : 0, value)
  }

  mutating func tangent(_ a: Extended) -> Extended {
    if let result = trivial(a, zero: a) { return result }
    let reduced = Trigonometry.reduce(Wide(a))
    if reduced.quadrant & 1 == 0 && reduced.rest.exponent < -40 {
      // A little more than the argument, by less than the last bits of the sine and the cosine can tell.
      let isNegative = reduced.isRestNegative != a.isNegative
      return round(
        sign: isNegative ? Extended.signBit : 0,
        Wide(exponent: reduced.rest.exponent, significand: reduced.rest.significand | 1))
    }
    let sine = Trigonometry.sine(reduced.rest), cosine = Trigonometry.cosine(reduced.rest)
    let isReciprocal = reduced.quadrant & 1 != 0
    let isNegative = (isReciprocal != reduced.isRestNegative) != a.isNegative
    return round(sign: isNegative ? Extended.signBit : 0, isReciprocal ? cosine / sine : sine / cosine)
  }

  /// FPATAN: the angle of the point (x, y). SDM vol. 2, FPATAN, results table.
  mutating func arctangent(_ y: Extended, _ x: Extended) -> Extended {
    if let result = notANumber(x, y) { return result }
    guard acceptsDenormals(x, y) else { return y }
    let halfPi = Wide(table: FunctionTables.halfPi), pi = Wide(table: FunctionTables.pi)
    if y.isZero || (x.isInfinity && !y.isInfinity) {
      if !x.isNegative { return Extended(significand: 0, signExponent: y.sign) }
      return round(sign: y.sign, pi)
    }
    if y.isInfinity {
      guard x.isInfinity else { return round(sign: y.sign, halfPi) }
      let quarter = Wide(exponent: halfPi.exponent &- 1, significand: halfPi.significand)
      return round(sign: y.sign, x.isNegative ? halfPi + quarter : quarter)
    }
    if x.isZero { return round(sign: y.sign, halfPi) }
    let height = Wide(y), width = Wide(x)
    let isSteep = width < height
    let quotient = isSteep ? width / height : height / width
    var angle = Trigonometry.arctangent(quotient)
    if isSteep {
      angle = x.isNegative ? halfPi + angle : Wide.difference(halfPi, angle) ?? halfPi
    } else if x.isNegative {
      angle = Wide.difference(pi, angle) ?? pi
    }
    return round(sign: y.sign, angle)
  }
}
