// SPDX-License-Identifier: Apache-2.0

/// What one operation takes from the control word and leaves for the status word.
///
/// Operations are methods of this: they return the value for the destination, which must not be written if `isSuppressed`.
struct X87Context {
  /// FCW.
  let control: UInt16
  /// Exceptions that the operation met, SF, and C1.
  var flags: UInt16 = 0
  /// An operand came from a denormal number of 32 or 64 bits, which is normal in this format.
  var hasDenormalOperand = false

  @inline(__always) init(control: UInt16) { self.control = control }

  @inline(__always) var rounding: X87Rounding {
    X87Rounding(rawValue: control &>> FCW.roundingShift & 3) ?? .nearest
  }
  /// How many bits of a 64-bit significand precision control drops. SDM vol. 1, table 8-2.
  @inline(__always) var droppedBits: UInt64 {
    switch control &>> FCW.precisionShift & 3 {
    case 0: 40
    case 2: 11
    default: 0
    }
  }

  /// Notes exceptions; true if all of them are masked.
  @inline(__always) mutating func raise(_ exceptions: UInt16) -> Bool {
    flags |= exceptions
    return exceptions & ~control & FSW.exceptions == 0
  }

  /// An unmasked exception that is found before the operation leaves operands and destination alone.
  @inline(__always) var isSuppressed: Bool {
    flags & ~control & (FSW.invalid | FSW.denormal | FSW.zeroDivide) != 0
  }
  /// An unmasked exception that keeps a store to memory from being made.
  @inline(__always) var isStoreSuppressed: Bool {
    flags & ~control & (FSW.invalid | FSW.denormal | FSW.zeroDivide | FSW.overflow | FSW.underflow) != 0
  }

  /// The masked response to an invalid operation.
  mutating func invalid() -> Extended {
    flags |= FSW.invalid
    return .indefinite
  }

  /// Whether a magnitude with these dropped bits is rounded up. `rest`: the dropped bits with the first at bit 63 and all
  /// that are lost below bit 0 collected in it.
  @inline(__always)
  func roundsUp(negative: Bool, odd: Bool, rest: UInt64) -> Bool {
    switch rounding {
    case .nearest: rest > 1 &<< 63 || (rest == 1 &<< 63 && odd)
    case .down: negative && rest != 0
    case .up: !negative && rest != 0
    case .truncate: false
    }
  }

  /// Rounds to the precision of the control word and brings the result into range.
  mutating func round(sign: UInt16, exponent: Int32, significand: UInt64, rest: UInt64) -> Extended {
    round(sign: sign, exponent: exponent, significand: significand, rest: rest, dropped: droppedBits)
  }

  /// Rounds `significand.rest * 2^(exponent - bias - 63)`, with bit 63 of the significand set, so that the lowest
  /// `dropped` bits of the significand are clear; overflow, underflow and inexact results as SDM vol. 1, 8.5 says.
  mutating func round(
    sign: UInt16, exponent: Int32, significand: UInt64, rest: UInt64, dropped: UInt64
  ) -> Extended {
    let negative = sign != 0
    let rounded = roundBits(negative: negative, significand, rest, dropped)
    let finalExponent = rounded.carries ? exponent &+ 1 : exponent
    if finalExponent >= 0x7fff {
      return overflow(sign: sign, exponent: finalExponent, rounded, dropped)
    }
    if finalExponent <= 0 {
      return underflow(
        sign: sign, exponent: exponent, finalExponent: finalExponent, significand, rest, rounded, dropped)
    }
    note(rounded)
    return Extended(
      significand: rounded.significand, signExponent: sign | UInt16(truncatingIfNeeded: finalExponent))
  }

  struct Rounded {
    var significand: UInt64
    /// The increment carried out of bit 63; `significand` is then 2^63.
    var carries: Bool
    var isInexact: Bool
    var isUp: Bool
  }

  mutating func note(_ rounded: Rounded) {
    if rounded.isInexact { flags |= FSW.precision }
    if rounded.isUp { flags |= FSW.c1 }
  }

  /// Rounds a magnitude so that its lowest `dropped` bits are clear.
  @inline(__always)
  func roundBits(negative: Bool, _ significand: UInt64, _ rest: UInt64, _ dropped: UInt64) -> Rounded {
    var low = rest
    var kept = significand
    let unit: UInt64 = 1 &<< dropped
    if dropped != 0 {
      low = significand &<< (64 &- dropped) | (rest != 0 ? 1 : 0)
      kept = significand & ~(unit &- 1)
    }
    guard roundsUp(negative: negative, odd: kept & unit != 0, rest: low) else {
      return Rounded(significand: kept, carries: false, isInexact: low != 0, isUp: false)
    }
    let (sum, carries) = kept.addingReportingOverflow(unit)
    return Rounded(significand: carries ? 1 &<< 63 : sum, carries: carries, isInexact: true, isUp: true)
  }

  private mutating func overflow(
    sign: UInt16, exponent: Int32, _ rounded: Rounded, _ dropped: UInt64
  ) -> Extended {
    if raise(FSW.overflow) {
      flags |= FSW.precision
      return overflowed(sign: sign, dropped)
    }
    // Unmasked: the exponent is wrapped by 24576 so that a handler can recover it.
    let wrapped = exponent &- 24576
    guard wrapped < 0x7fff else {
      // Only FSCALE gets here. SDM vol. 1, 8.5.4.
      flags |= FSW.precision | FSW.c1
      return Extended(significand: Extended.integerBit, signExponent: sign | 0x7fff)
    }
    note(rounded)
    return Extended(significand: rounded.significand, signExponent: sign | UInt16(truncatingIfNeeded: wrapped))
  }

  /// Whether a masked overflow gives infinity and not the largest number. SDM vol. 1, table 4-10.
  func overflowsToInfinity(negative: Bool) -> Bool {
    switch rounding {
    case .nearest: true
    case .down: negative
    case .up: !negative
    case .truncate: false
    }
  }

  /// Infinity or the largest number.
  mutating func overflowed(sign: UInt16, _ dropped: UInt64) -> Extended {
    if overflowsToInfinity(negative: sign != 0) {
      flags |= FSW.c1
      return Extended(significand: Extended.integerBit, signExponent: sign | 0x7fff)
    }
    return Extended(significand: ~0 &<< dropped, signExponent: sign | 0x7ffe)
  }

  private mutating func underflow(
    sign: UInt16, exponent: Int32, finalExponent: Int32, _ significand: UInt64, _ rest: UInt64, _ rounded: Rounded,
    _ dropped: UInt64
  ) -> Extended {
    if control & FSW.underflow == 0 {
      flags |= FSW.underflow
      let wrapped = finalExponent &+ 24576
      if wrapped > 0 {
        note(rounded)
        return Extended(significand: rounded.significand, signExponent: sign | UInt16(truncatingIfNeeded: wrapped))
      }
      flags |= FSW.precision
      return Extended(significand: 0, signExponent: sign)
    }
    // Denormalize, then round once.
    let (high, low) = shiftRightCollecting(significand, rest, UInt64(truncatingIfNeeded: 1 &- exponent))
    let denormal = roundBits(negative: sign != 0, high, low, dropped)
    if denormal.isInexact { flags |= FSW.underflow }
    note(denormal)
    // An increment into bit 63 makes the smallest normal number.
    let field: UInt16 = Int64(bitPattern: denormal.significand) < 0 ? 1 : 0
    return Extended(significand: denormal.significand, signExponent: sign | field)
  }
}

/// Shifts a 128-bit value right; bits that are lost are collected in bit 0 of the low word.
@inline(__always)
func shiftRightCollecting(_ high: UInt64, _ low: UInt64, _ count: UInt64) -> (UInt64, UInt64) {
  if count == 0 { return (high, low) }
  if count < 64 {
    let lost = low &<< (64 &- count)
    return (high &>> count, high &<< (64 &- count) | low &>> count | (lost != 0 ? 1 : 0))
  }
  if count < 128 {
    let shift = count &- 64
    let lost = low | (shift == 0 ? 0 : high &<< (64 &- shift))
    return (0, high &>> shift | (lost != 0 ? 1 : 0))
  }
  return (0, high | low != 0 ? 1 : 0)
}
