// SPDX-License-Identifier: Apache-2.0

/// FADD FSUB FMUL FDIV FSQRT and comparisons, complete: every class of operand, precision and rounding control, masked and
/// unmasked exceptions. SDM vol. 1, 4.8.3, 4.9 and 8.5; tables of the instructions in vol. 2.
extension X87Context {
  // MARK: NaNs

  /// The result of an operation with a NaN operand. SDM vol. 1, table 4-7.
  mutating func propagate(_ a: Extended, _ b: Extended) -> Extended {
    if a.isSignaling || b.isSignaling { flags |= FSW.invalid }
    guard a.isNaN else { return b.quieted }
    guard b.isNaN else { return a.quieted }
    // A quiet one before a signaling one, then the larger significand, then the positive one.
    if a.isSignaling != b.isSignaling { return a.isSignaling ? b : a }
    let x = a.quieted, y = b.quieted
    if x.significand != y.significand { return x.significand > y.significand ? x : y }
    return x.isNegative ? y : x
  }

  /// The result if an operand is unsupported or a NaN.
  mutating func notANumber(_ a: Extended, _ b: Extended) -> Extended? {
    if a.isUnsupported || b.isUnsupported { return invalid() }
    if a.isNaN || b.isNaN { return propagate(a, b) }
    return nil
  }

  mutating func notANumber(_ a: Extended) -> Extended? {
    if a.isUnsupported { return invalid() }
    if a.isNaN {
      if a.isSignaling { flags |= FSW.invalid }
      return a.quieted
    }
    return nil
  }

  /// False if the operation ends here, with an unmasked denormal operand exception.
  mutating func acceptsDenormals(_ a: Extended, _ b: Extended) -> Bool {
    if a.isDenormal || b.isDenormal || hasDenormalOperand { return raise(FSW.denormal) }
    return true
  }

  mutating func acceptsDenormal(_ a: Extended) -> Bool {
    if a.isDenormal { return raise(FSW.denormal) }
    return true
  }

  mutating func round(sign: UInt16, _ value: Unrounded) -> Extended {
    round(sign: sign, exponent: value.exponent, significand: value.significand, rest: value.rest)
  }

  /// Rounds a finite value to the precision of the control word.
  mutating func round(_ value: Extended) -> Extended {
    if value.isZero { return value }
    let (exponent, significand) = value.normalized
    return round(sign: value.sign, exponent: exponent, significand: significand, rest: 0)
  }

  // MARK: Operations

  mutating func add(_ a: Extended, _ b: Extended) -> Extended {
    if let result = notANumber(a, b) { return result }
    return addNumbers(a, b)
  }

  mutating func subtract(_ a: Extended, _ b: Extended) -> Extended {
    if let result = notANumber(a, b) { return result }
    return addNumbers(a, b.negated)
  }

  private mutating func addNumbers(_ a: Extended, _ b: Extended) -> Extended {
    if a.isInfinity || b.isInfinity {
      if a.isInfinity && b.isInfinity && a.sign != b.sign { return invalid() }
      guard acceptsDenormals(a, b) else { return a }
      return a.isInfinity ? a : b
    }
    guard acceptsDenormals(a, b) else { return a }
    if a.isZero && b.isZero { return a.sign == b.sign ? a : exactZero }
    if b.isZero { return round(a) }
    if a.isZero { return round(b) }
    let x = a.normalized, y = b.normalized
    if a.sign == b.sign {
      return round(sign: a.sign, .sum(x.exponent, x.significand, y.exponent, y.significand))
    }
    let (difference, isReversed) = Unrounded.difference(x.exponent, x.significand, y.exponent, y.significand)
    if difference.significand == 0 { return exactZero }
    return round(sign: isReversed ? b.sign : a.sign, difference)
  }

  /// The zero of an exact difference: negative only when rounding down. SDM vol. 1, 4.8.3.1.
  private var exactZero: Extended {
    Extended(significand: 0, signExponent: rounding == .down ? Extended.signBit : 0)
  }

  mutating func multiply(_ a: Extended, _ b: Extended) -> Extended {
    if let result = notANumber(a, b) { return result }
    let sign = a.sign ^ b.sign
    if a.isInfinity || b.isInfinity {
      if a.isZero || b.isZero { return invalid() }
      guard acceptsDenormals(a, b) else { return a }
      return Extended(significand: Extended.integerBit, signExponent: sign | 0x7fff)
    }
    guard acceptsDenormals(a, b) else { return a }
    if a.isZero || b.isZero { return Extended(significand: 0, signExponent: sign) }
    let x = a.normalized, y = b.normalized
    return round(sign: sign, .product(x.exponent, x.significand, y.exponent, y.significand))
  }

  mutating func divide(_ a: Extended, _ b: Extended) -> Extended {
    if let result = notANumber(a, b) { return result }
    let sign = a.sign ^ b.sign
    let infinity = Extended(significand: Extended.integerBit, signExponent: sign | 0x7fff)
    if a.isInfinity {
      if b.isInfinity { return invalid() }
      guard acceptsDenormals(a, b) else { return a }
      return infinity
    }
    if b.isInfinity {
      guard acceptsDenormals(a, b) else { return a }
      return Extended(significand: 0, signExponent: sign)
    }
    if b.isZero {
      if a.isZero { return invalid() }
      // Found before a denormal dividend is.
      flags |= FSW.zeroDivide
      return infinity
    }
    guard acceptsDenormals(a, b) else { return a }
    if a.isZero { return Extended(significand: 0, signExponent: sign) }
    let x = a.normalized, y = b.normalized
    return round(sign: sign, .quotient(x.exponent, x.significand, y.exponent, y.significand))
  }

  mutating func squareRoot(_ a: Extended) -> Extended {
    if let result = notANumber(a) { return result }
    if a.isZero { return a }
    if a.isNegative { return invalid() }
    if a.isInfinity { return a }
    guard acceptsDenormal(a) else { return a }
    let x = a.normalized
    return round(sign: 0, .squareRoot(x.exponent, x.significand))
  }

  // MARK: Comparison

  /// C3, C2 and C0 as FCOM sets them; a quiet comparison (FUCOM) takes quiet NaNs without an exception.
  mutating func compare(_ a: Extended, _ b: Extended, quiet: Bool) -> UInt16 {
    let unordered = FSW.c3 | FSW.c2 | FSW.c0
    if a.isUnsupported || b.isUnsupported {
      flags |= FSW.invalid
      return unordered
    }
    if a.isNaN || b.isNaN {
      if !quiet || a.isSignaling || b.isSignaling { flags |= FSW.invalid }
      return unordered
    }
    _ = acceptsDenormals(a, b)
    return Extended.order(a, b)
  }
}

extension Extended {
  /// C3, C2 and C0 of two numbers.
  @inline(__always)
  static func order(_ a: Extended, _ b: Extended) -> UInt16 {
    if a.significand | b.significand == 0 && a.exponent | b.exponent == 0 { return FSW.c3 }
    if a.isNegative != b.isNegative { return a.isNegative ? FSW.c0 : 0 }
    // A pseudo-denormal has the weight of exponent 1.
    let x = a.exponent == 0 ? 1 : a.exponent, y = b.exponent == 0 ? 1 : b.exponent
    if x == y && a.significand == b.significand { return FSW.c3 }
    let isLess = x < y || (x == y && a.significand < b.significand)
    return isLess != a.isNegative ? FSW.c0 : 0
  }
}
