// SPDX-License-Identifier: Apache-2.0

/// Conversions between double extended-precision values and the formats in memory. SDM vol. 1, 4.2.2, 8.2 and 8.3.3.

/// A binary interchange format of 32 or 64 bits.
struct BinaryFormat {
  let fractionBits: UInt64
  let exponentBits: UInt64

  static let single = BinaryFormat(fractionBits: 23, exponentBits: 8)
  static let double = BinaryFormat(fractionBits: 52, exponentBits: 11)

  @inline(__always) var maximumExponent: UInt64 { (1 &<< exponentBits) &- 1 }
  /// Difference of the biases.
  @inline(__always) var rebias: Int32 { Extended.bias &- Int32(truncatingIfNeeded: maximumExponent &>> 1) }
  @inline(__always) var signShift: UInt64 { fractionBits &+ exponentBits }
  /// Bits of a 64-bit significand that the format has no room for.
  @inline(__always) var droppedBits: UInt64 { 63 &- fractionBits }
  @inline(__always) var quietBit: UInt64 { 1 &<< (fractionBits &- 1) }
}

extension X87Context {
  /// FLD m32, m64: a signaling NaN is quieted and a denormal noted.
  @inline(__always)
  mutating func load(_ bits: UInt64, _ format: BinaryFormat) -> Extended {
    let value = Extended(widening: bits, format)
    if value.isNaN {
      if value.isSignaling { flags |= FSW.invalid }
      return value.quieted
    }
    let exponent = bits &>> format.fractionBits & format.maximumExponent
    if exponent == 0 && value.significand != 0 { flags |= FSW.denormal }
    return value
  }

  /// A memory operand of arithmetic: as `load`, but a signaling NaN stays for the operation to find.
  mutating func operand(_ bits: UInt64, _ format: BinaryFormat) -> Extended {
    let value = Extended(widening: bits, format)
    let exponent = bits &>> format.fractionBits & format.maximumExponent
    hasDenormalOperand = exponent == 0 && value.significand != 0
    return value
  }

  /// FST m32, m64.
  mutating func store(_ value: Extended, _ format: BinaryFormat) -> UInt64 {
    let sign = UInt64(value.sign &>> 15) &<< format.signShift
    let infinity = format.maximumExponent &<< format.fractionBits
    if value.isUnsupported {
      flags |= FSW.invalid
      return 1 &<< format.signShift | infinity | format.quietBit
    }
    if value.isNaN {
      if value.isSignaling { flags |= FSW.invalid }
      return sign | infinity | (value.quieted.significand &<< 1) &>> (64 &- format.fractionBits)
    }
    if value.isInfinity { return sign | infinity }
    if value.isZero { return sign }
    return storeNumber(value, sign, format)
  }

  private mutating func storeNumber(_ value: Extended, _ sign: UInt64, _ format: BinaryFormat) -> UInt64 {
    let (wide, significand) = value.normalized
    let exponent = wide &- format.rebias
    let maximum = Int32(truncatingIfNeeded: format.maximumExponent)
    func bits(_ significand: UInt64, _ exponent: Int32) -> UInt64 {
      sign | UInt64(truncatingIfNeeded: exponent) &<< format.fractionBits
        | (significand &<< 1) &>> (64 &- format.fractionBits)
    }
    let rounded = roundBits(negative: value.isNegative, significand, 0, format.droppedBits)
    let finalExponent = rounded.carries ? exponent &+ 1 : exponent
    if finalExponent >= maximum {
      guard raise(FSW.overflow) else { return 0 }
      flags |= FSW.precision
      guard overflowsToInfinity(negative: value.isNegative) else { return bits(~0, maximum &- 1) }
      flags |= FSW.c1
      return sign | format.maximumExponent &<< format.fractionBits
    }
    if finalExponent <= 0 {
      guard control & FSW.underflow != 0 else {
        flags |= FSW.underflow
        return 0
      }
      let (high, low) = shiftRightCollecting(significand, 0, UInt64(truncatingIfNeeded: 1 &- exponent))
      let denormal = roundBits(negative: value.isNegative, high, low, format.droppedBits)
      if denormal.isInexact { flags |= FSW.underflow }
      note(denormal)
      return bits(denormal.significand, Int64(bitPattern: denormal.significand) < 0 ? 1 : 0)
    }
    note(rounded)
    return bits(rounded.significand, finalExponent)
  }

  // MARK: Integers

  /// Rounds to an integer magnitude: nil if it needs more than 64 bits. Sets the precision flag and C1.
  mutating func integerMagnitude(_ value: Extended) -> UInt64? {
    if value.isZero { return 0 }
    let (exponent, significand) = value.normalized
    let shift = Extended.bias &+ 63 &- exponent
    if shift < 0 { return nil }
    let (high, low) = shiftRightCollecting(significand, 0, UInt64(truncatingIfNeeded: shift))
    guard low != 0 else { return high }
    flags |= FSW.precision
    guard roundsUp(negative: value.isNegative, odd: high & 1 != 0, rest: low) else { return high }
    flags |= FSW.c1
    return high == .max ? nil : high &+ 1
  }

  /// FIST, FISTP: the integer of `bitCount` bits, sign-extended; its smallest number if there is none.
  mutating func integer(_ value: Extended, bitCount: UInt64) -> UInt64 {
    let indefinite = ~UInt64(0) &<< (bitCount &- 1)
    let limit: UInt64 = 1 &<< (bitCount &- 1)
    guard !value.isUnsupported, value.exponent != 0x7fff, let magnitude = integerMagnitude(value),
      magnitude < limit || (magnitude == limit && value.isNegative)
    else {
      flags = FSW.invalid
      return indefinite
    }
    return value.isNegative ? 0 &- magnitude : magnitude
  }

  /// FBSTP: 18 digits and a sign, as the low 64 and the high 16 bits.
  mutating func packedDecimal(_ value: Extended) -> (UInt64, UInt16) {
    let limit: UInt64 = 1_000_000_000_000_000_000
    guard !value.isUnsupported, value.exponent != 0x7fff, var magnitude = integerMagnitude(value), magnitude < limit
    else {
      flags = FSW.invalid
      return (0xc000_0000_0000_0000, 0xffff)
    }
    var low: UInt64 = 0
    for digit in 0..<16 {
      low |= (magnitude % 10) &<< UInt64(4 * digit)
      magnitude /= 10
    }
    let high = UInt16(truncatingIfNeeded: magnitude % 10 | (magnitude / 10) << 4)
    return (low, high | (value.isNegative ? 0x8000 : 0))
  }
}

extension Extended {
  /// The value of a 32- or 64-bit format; signaling NaNs stay so.
  @inline(__always)
  init(widening bits: UInt64, _ format: BinaryFormat) {
    let sign = UInt16(truncatingIfNeeded: bits &>> format.signShift) &<< 15
    let exponent = bits &>> format.fractionBits & format.maximumExponent
    let fraction = (bits &<< (64 &- format.fractionBits)) &>> 1
    if exponent == format.maximumExponent {
      self.init(significand: fraction | Extended.integerBit, signExponent: sign | 0x7fff)
    } else if exponent != 0 {
      let rebiased = UInt16(truncatingIfNeeded: Int32(truncatingIfNeeded: exponent) &+ format.rebias)
      self.init(significand: fraction | Extended.integerBit, signExponent: sign | rebiased)
    } else if fraction == 0 {
      self.init(significand: 0, signExponent: sign)
    } else {
      let shift = fraction.leadingZeroBitCount
      let rebiased = format.rebias &+ 1 &- Int32(truncatingIfNeeded: shift)
      self.init(
        significand: fraction &<< UInt64(truncatingIfNeeded: shift),
        signExponent: sign | UInt16(truncatingIfNeeded: rebiased))
    }
  }

  /// FILD: exact.
  @inline(__always)
  init(integer: Int64) {
    if integer == 0 {
      self = .zero
      return
    }
    let magnitude = integer.magnitude
    let shift = UInt64(truncatingIfNeeded: magnitude.leadingZeroBitCount)
    self.init(
      significand: magnitude &<< shift,
      signExponent: UInt16(truncatingIfNeeded: UInt64(0x3fff + 63) &- shift) | (integer < 0 ? Extended.signBit : 0))
  }

  /// FBLD: 18 digits; what a digit above 9 means is undefined, and here it is its binary value.
  init(packedDecimal low: UInt64, _ high: UInt16) {
    var magnitude: UInt64 = UInt64(high &>> 4 & 15) &* 10 &+ UInt64(high & 15)
    for digit in (0..<16).reversed() { magnitude = magnitude &* 10 &+ (low &>> UInt64(4 * digit) & 15) }
    self.init(integer: Int64(bitPattern: magnitude))
    signExponent |= high & Extended.signBit
  }
}
