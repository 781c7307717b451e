// SPDX-License-Identifier: Apache-2.0

/// Conversions of one element. SDM vol. 1, 4.8.4, 11.5.2; vol. 2, the CVT instructions.
extension SoftFloat {
  /// To a signed integer of `width` 32 or 64 bits, in the low bits. What does not fit is the integer indefinite.
  static func integer(_ value: UInt64, width: Int, truncates: Bool, _ e: inout SoftEnvironment) -> UInt64 {
    let a = SoftOperand(value, F.self, e)
    let indefinite: UInt64 = 1 << UInt64(width - 1)
    if a.isZero { return 0 }
    guard a.kind == .finite, a.exponent < width else {
      e.flags |= SIMDFlags.invalid
      return indefinite
    }
    let (magnitude, isInexact) = roundedShift(
      a.significand, 63 - a.exponent, a.isNegative, truncates ? .zero : e.rounding)
    guard magnitude < indefinite || (a.isNegative && magnitude == indefinite) else {
      e.flags |= SIMDFlags.invalid
      return indefinite
    }
    if isInexact { e.flags |= SIMDFlags.precision }
    let result = a.isNegative ? 0 &- magnitude : magnitude
    return width == 32 ? result & 0xffff_ffff : result
  }

  /// From a signed integer.
  static func fromInteger(_ value: Int64, _ e: inout SoftEnvironment) -> UInt64 {
    if value == 0 { return 0 }
    let shift = value.magnitude.leadingZeroBitCount
    return round(value < 0, 63 - shift, value.magnitude << UInt64(shift), &e)
  }

  /// To another format. The payload of a NaN keeps its high bits.
  static func convert<G: SoftFormat>(_ value: UInt64, to _: G.Type, _ e: inout SoftEnvironment) -> UInt64 {
    let a = SoftOperand(value, F.self, e)
    switch a.kind {
    case .zero: return G.sign(a.isNegative)
    case .infinity: return G.sign(a.isNegative) | G.infinity
    case .quietNaN, .signalingNaN:
      if a.kind == .signalingNaN { e.flags |= SIMDFlags.invalid }
      let aligned = (value & F.fractionMask) << UInt64(63 - F.fractionBits)
      return G.sign(a.isNegative) | G.infinity | G.quietBit | aligned >> UInt64(63 - G.fractionBits)
    case .finite:
      noteDenormals(a, a, &e)
      return SoftFloat<G>.round(a.isNegative, a.exponent, a.significand, &e)
    }
  }
}
