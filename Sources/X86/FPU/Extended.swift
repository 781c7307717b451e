// SPDX-License-Identifier: Apache-2.0

/// Classes and constants of double extended-precision values. SDM vol. 1, 4.2.2, 4.8.3 and 8.2.2.
extension Extended {
  static let exponentMask: UInt16 = 0x7fff
  static let signBit: UInt16 = 0x8000
  static let integerBit: UInt64 = 1 << 63
  /// The most significant bit of the fraction: set in a quiet NaN.
  static let quietBit: UInt64 = 1 << 62
  static let bias: Int32 = 16383

  static let zero = Extended(significand: 0, signExponent: 0)
  static let one = Extended(significand: integerBit, signExponent: 0x3fff)
  static let infinity = Extended(significand: integerBit, signExponent: 0x7fff)
  /// The QNaN floating-point indefinite, the masked response to an invalid operation.
  static let indefinite = Extended(significand: integerBit | quietBit, signExponent: 0xffff)

  @inline(__always) var exponent: UInt16 { signExponent & Extended.exponentMask }
  @inline(__always) var sign: UInt16 { signExponent & Extended.signBit }
  @inline(__always) var isNegative: Bool { signExponent & Extended.signBit != 0 }

  /// A finite value with its integer bit set and a biased exponent of 1...7FFEh.
  @inline(__always) var isNormal: Bool {
    Int64(bitPattern: significand) < 0 && (signExponent &- 1) & Extended.exponentMask < 0x7ffe
  }
  @inline(__always) var isZero: Bool { significand == 0 && exponent == 0 }
  /// Denormals, and pseudo-denormals: exponent 0 with the integer bit set, which count as exponent 1.
  @inline(__always) var isDenormal: Bool { exponent == 0 && significand != 0 }
  /// Formats that no processor since the 80387 accepts: unnormals, pseudo-NaNs and pseudo-infinities.
  @inline(__always) var isUnsupported: Bool { exponent != 0 && Int64(bitPattern: significand) >= 0 }
  @inline(__always) var isInfinity: Bool { exponent == 0x7fff && significand == Extended.integerBit }
  @inline(__always) var isNaN: Bool { exponent == 0x7fff && significand > Extended.integerBit }
  @inline(__always) var isSignaling: Bool { isNaN && significand & Extended.quietBit == 0 }

  @inline(__always) var magnitude: Extended {
    Extended(significand: significand, signExponent: signExponent & Extended.exponentMask)
  }
  @inline(__always) var negated: Extended {
    Extended(significand: significand, signExponent: signExponent ^ Extended.signBit)
  }
  @inline(__always) var quieted: Extended {
    Extended(significand: significand | Extended.quietBit, signExponent: signExponent)
  }

  /// A finite nonzero value with the integer bit of its significand set; the exponent, still biased, may be 0 or less.
  @inline(__always) var normalized: (exponent: Int32, significand: UInt64) {
    if exponent != 0 { return (Int32(exponent), significand) }
    let shift = significand.leadingZeroBitCount
    return (1 &- Int32(truncatingIfNeeded: shift), significand &<< UInt64(truncatingIfNeeded: shift))
  }
}

/// Bits of the status word. SDM vol. 1, 8.1.3.
enum FSW {
  static let invalid: UInt16 = 1 << 0
  static let denormal: UInt16 = 1 << 1
  static let zeroDivide: UInt16 = 1 << 2
  static let overflow: UInt16 = 1 << 3
  static let underflow: UInt16 = 1 << 4
  static let precision: UInt16 = 1 << 5
  static let stackFault: UInt16 = 1 << 6
  /// ES: an unmasked exception is pending.
  static let summary: UInt16 = 1 << 7
  static let c0: UInt16 = 1 << 8
  static let c1: UInt16 = 1 << 9
  static let c2: UInt16 = 1 << 10
  static let c3: UInt16 = 1 << 14
  /// B, which repeats ES.
  static let busy: UInt16 = 1 << 15
  static let exceptions: UInt16 = 0x3f
  static let conditions: UInt16 = c0 | c1 | c2 | c3
}

/// Bits of the control word. SDM vol. 1, 8.1.5.
enum FCW {
  static let precisionMask: UInt16 = 1 << 5
  static let precisionShift: UInt16 = 8
  static let roundingShift: UInt16 = 10
  /// Bit 6 exists and is always set; 12 is the 287's infinity control, kept without effect.
  static let reserved: UInt16 = 1 << 6
  static let stored: UInt16 = 0x1f3f
}

/// RC. SDM vol. 1, table 4-8.
enum X87Rounding: UInt16 {
  case nearest = 0
  case down = 1
  case up = 2
  case truncate = 3
}
