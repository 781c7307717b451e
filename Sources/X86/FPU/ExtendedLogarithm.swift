// SPDX-License-Identifier: Apache-2.0

/// F2XM1 FYL2X FYL2XP1: power series in 128 bits, rounded once. SDM vol. 2, tables of results.
enum Logarithm {
  /// Log2 with its sign; nil for zero.
  typealias Signed = (value: Wide, isNegative: Bool)

  /// The binary logarithm of a number; nil if it is one.
  static func log2(_ number: Wide) -> Signed? {
    var exponent = number.exponent
    var mantissa = Wide(exponent: 0, significand: number.significand)
    // Between the square roots of 1/2 and 2, so that whole and fraction never nearly cancel.
    if number.significand >> 64 > 0xb504_f333_f9de_6484 {
      exponent &+= 1
      mantissa.exponent = -1
    }
    let isBelow = mantissa.exponent < 0
    let distance = isBelow ? Wide.difference(.one, mantissa) : Wide.difference(mantissa, .one)
    let fraction = distance.map { doubledHyperbolic($0 / (mantissa + .one)) }
    guard exponent != 0 else { return fraction.map { ($0, isBelow) } }
    let whole = Wide(normalizing: UInt128(exponent.magnitude), exponent: 127)
    guard let fraction else { return (whole, exponent < 0) }
    // The whole part is one or more, the fraction at most one half.
    if isBelow == (exponent < 0) { return (whole + fraction, exponent < 0) }
    return (Wide.difference(whole, fraction) ?? whole, exponent < 0)
  }

  /// The binary logarithm of one plus or minus a number below 1/2.
  static func log2(onePlus number: Wide, isNegative: Bool) -> Wide {
    let two = Wide(exponent: 1, significand: 1 << 127)
    let divisor = isNegative ? Wide.difference(two, number) ?? two : two + number
    return doubledHyperbolic(number / divisor)
  }

  /// 2/ln(2) artanh(s) for s of at most 1/3: log2((1 + s) / (1 - s)).
  private static func doubledHyperbolic(_ value: Wide) -> Wide {
    let high = Fixed.multiply(value.significand, value.significand)
    let shift = -2 &* (value.exponent &+ 1)
    let square = shift >= 128 ? 0 : high >> UInt128(UInt32(bitPattern: shift))
    let factor = Fixed.ascending(FunctionTables.odd, square)
    let scale = Wide(
      normalizing: Fixed.word(FunctionTables.halfLog2E[0], FunctionTables.halfLog2E[1]), exponent: 1)
    return value * Wide(normalizing: factor, exponent: 1) * scale
  }

  /// Two to a power of magnitude at most one, less one.
  static func exponentialLessOne(_ power: Wide, isNegative: Bool) -> Wide {
    let ln2 = Wide(normalizing: Fixed.word(FunctionTables.ln2[0], FunctionTables.ln2[1]), exponent: -1)
    let exponent = power * ln2
    let z = exponent.fixed(bits: 128)
    // 1 + z/2! + z^2/3! + …
    let factor =
      isNegative
      ? Fixed.alternating(FunctionTables.exponential, z) : Fixed.ascending(FunctionTables.exponential, z)
    return exponent * Wide(normalizing: factor, exponent: 1)
  }
}

extension X87Context {
  /// F2XM1. Operands outside -1...1, for which the manual defines nothing, are returned.
  mutating func exponentialLessOne(_ a: Extended) -> Extended {
    if let result = notANumber(a) { return result }
    if a.isZero { return a }
    if a.isInfinity { return a.isNegative ? Extended.one.negated : a }
    guard acceptsDenormal(a) else { return a }
    if a.exponent >= 0x3fff {
      flags |= FSW.precision
      if a.signExponent == 0xbfff && a.significand == Extended.integerBit {
        return Extended(significand: Extended.integerBit, signExponent: 0xbffe)
      }
      return a
    }
    return round(sign: a.sign, Logarithm.exponentialLessOne(Wide(a), isNegative: a.isNegative))
  }

  /// FYL2X: y log2(x). SDM vol. 2, FYL2X, results table.
  mutating func logarithm(_ y: Extended, _ x: Extended) -> Extended {
    if let result = notANumber(x, y) { return result }
    if x.isZero {
      if y.isZero { return invalid() }
      if !y.isInfinity { flags |= FSW.zeroDivide }
      return Extended(significand: Extended.integerBit, signExponent: ~y.sign & Extended.signBit | 0x7fff)
    }
    if x.isNegative { return invalid() }
    let isOne = x == .one
    if x.isInfinity ? y.isZero : isOne && y.isInfinity { return invalid() }
    guard acceptsDenormals(x, y) else { return y }
    let sign = y.sign ^ (x.exponent < 0x3fff ? Extended.signBit : 0)
    if x.isInfinity || y.isInfinity { return Extended(significand: Extended.integerBit, signExponent: sign | 0x7fff) }
    if isOne || y.isZero { return Extended(significand: 0, signExponent: sign) }
    guard let logarithm = Logarithm.log2(Wide(x)) else { return Extended(significand: 0, signExponent: sign) }
    return round(sign: sign, logarithm.value * Wide(y))
  }

  /// FYL2XP1: y log2(1 + x). The manual defines it for |x| below 0.29; here it is what it says down to -1, and below that
  /// an invalid operation.
  mutating func logarithmOfOnePlus(_ y: Extended, _ x: Extended) -> Extended {
    if let result = notANumber(x, y) { return result }
    if x.isZero ? y.isInfinity : x.isInfinity && y.isZero { return invalid() }
    if x.isNegative && x.exponent >= 0x3fff { return invalid() }
    guard acceptsDenormals(x, y) else { return y }
    let sign = x.sign ^ y.sign
    if x.isInfinity || y.isInfinity { return Extended(significand: Extended.integerBit, signExponent: sign | 0x7fff) }
    if x.isZero || y.isZero { return Extended(significand: 0, signExponent: sign) }
    let number = Wide(x)
    if number.exponent < -2 {
      return round(sign: sign, Logarithm.log2(onePlus: number, isNegative: x.isNegative) * Wide(y))
    }
    let sum = x.isNegative ? Wide.difference(.one, number) : .one + number
    guard let sum, let logarithm = Logarithm.log2(sum) else { return invalid() }
    return round(sign: sign, logarithm.value * Wide(y))
  }
}
