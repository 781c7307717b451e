// SPDX-License-Identifier: Apache-2.0

/// A positive number with a significand of 128 bits, in which transcendental functions are worked out before they are
/// rounded once: `significand * 2^(exponent - 127)`, with bit 127 of the significand set.
///
/// Every operation rounds down, so each adds a relative error below 2^-126.
struct Wide {
  var exponent: Int32
  var significand: UInt128

  static let one = Wide(exponent: 0, significand: 1 << 127)

  @inline(__always) init(exponent: Int32, significand: UInt128) {
    self.exponent = exponent
    self.significand = significand
  }

  /// `value * 2^(exponent - 127)` for any value but zero.
  init(normalizing value: UInt128, exponent: Int32) {
    let shift = value.leadingZeroBitCount
    self.init(exponent: exponent &- Int32(truncatingIfNeeded: shift), significand: value << UInt128(shift))
  }

  /// The magnitude of a finite nonzero number, exact.
  init(_ value: Extended) {
    let (exponent, significand) = value.normalized
    self.init(exponent: exponent &- Extended.bias, significand: UInt128(significand) << 64)
  }

  /// A fixed-point constant of `FunctionTables` with 126 fraction bits.
  init(table: InlineArray<2, UInt64>) {
    self.init(normalizing: Fixed.word(table[0], table[1]), exponent: 1)
  }

  static func * (a: Wide, b: Wide) -> Wide {
    let high = Fixed.multiply(a.significand, b.significand)
    if high >> 127 != 0 { return Wide(exponent: a.exponent &+ b.exponent &+ 1, significand: high) }
    // The product of two significands is at least 2^254, so one shift is enough; its lost bit is below the error bound.
    return Wide(exponent: a.exponent &+ b.exponent, significand: high << 1)
  }

  static func / (a: Wide, b: Wide) -> Wide {
    // One bit at a time, so that the dividend never needs more than one bit beyond 128.
    var quotient: UInt128 = 0
    let isLess = a.significand < b.significand
    var rest = isLess ? a.significand : a.significand &- b.significand
    if !isLess { quotient = 1 }
    let count = isLess ? 128 : 127
    for _ in 0..<count {
      let carries = rest >> 127 != 0
      rest <<= 1
      quotient <<= 1
      if carries || rest >= b.significand {
        rest = rest &- b.significand
        quotient |= 1
      }
    }
    return Wide(exponent: a.exponent &- b.exponent &- (isLess ? 1 : 0), significand: quotient)
  }

  static func + (a: Wide, b: Wide) -> Wide {
    let (big, small) = a.exponent >= b.exponent ? (a, b) : (b, a)
    let (sum, carries) = big.significand.addingReportingOverflow(small.shifted(to: big.exponent))
    if carries { return Wide(exponent: big.exponent &+ 1, significand: sum >> 1 | 1 << 127) }
    return Wide(exponent: big.exponent, significand: sum)
  }

  /// The difference of a larger and a smaller number; nil if it is zero.
  static func difference(_ a: Wide, _ b: Wide) -> Wide? {
    let value = a.significand &- b.shifted(to: a.exponent)
    return value == 0 ? nil : Wide(normalizing: value, exponent: a.exponent)
  }

  static func < (a: Wide, b: Wide) -> Bool {
    a.exponent != b.exponent ? a.exponent < b.exponent : a.significand < b.significand
  }

  /// The significand at a larger exponent.
  private func shifted(to exponent: Int32) -> UInt128 {
    let distance = exponent &- self.exponent
    return distance < 128 ? significand >> UInt128(UInt32(bitPattern: distance)) : 0
  }

  /// As a fixed-point number with `bits` fraction bits, for a number that fits.
  func fixed(bits: Int32) -> UInt128 {
    let shift = 127 &- exponent &- bits
    return shift >= 128 ? 0 : shift <= 0 ? significand : significand >> UInt128(UInt32(bitPattern: shift))
  }
}

/// Fixed-point numbers in 128 bits.
enum Fixed {
  @inline(__always) static func word(_ high: UInt64, _ low: UInt64) -> UInt128 { UInt128(high) << 64 | UInt128(low) }

  /// The high half of a product.
  @inline(__always)
  static func multiply(_ a: UInt128, _ b: UInt128) -> UInt128 {
    let a1 = UInt64(truncatingIfNeeded: a >> 64), a0 = UInt64(truncatingIfNeeded: a)
    let b1 = UInt64(truncatingIfNeeded: b >> 64), b0 = UInt64(truncatingIfNeeded: b)
    let high = a1.multipliedFullWidth(by: b1)
    let cross1 = a1.multipliedFullWidth(by: b0), cross2 = a0.multipliedFullWidth(by: b1)
    let low = a0.multipliedFullWidth(by: b0)
    let middle = UInt128(cross1.low) &+ UInt128(cross2.low) &+ UInt128(low.high)
    return word(high.high, high.low) &+ UInt128(cross1.high) &+ UInt128(cross2.high) &+ middle >> 64
  }

  /// c0 - z(c1 - z(c2 - …)) with 128 fraction bits in z.
  @inline(__always)
  static func alternating<let count: Int>(_ table: InlineArray<count, UInt64>, _ z: UInt128) -> UInt128 {
    var value: UInt128 = 0
    var index = count &- 2
    while index >= 0 {
      value = word(table[index], table[index &+ 1]) &- multiply(value, z)
      index &-= 2
    }
    return value
  }

  /// c0 + z(c1 + z(c2 + …)).
  @inline(__always)
  static func ascending<let count: Int>(_ table: InlineArray<count, UInt64>, _ z: UInt128) -> UInt128 {
    var value: UInt128 = 0
    var index = count &- 2
    while index >= 0 {
      value = word(table[index], table[index &+ 1]) &+ multiply(value, z)
      index &-= 2
    }
    return value
  }
}

extension X87Context {
  /// Rounds the result of a transcendental function: to 64 bits whatever precision control says, and always inexact.
  mutating func round(sign: UInt16, _ value: Wide) -> Extended {
    flags |= FSW.precision
    let result = round(
      sign: sign, exponent: value.exponent &+ Extended.bias,
      significand: UInt64(truncatingIfNeeded: value.significand >> 64),
      rest: UInt64(truncatingIfNeeded: value.significand), dropped: 0)
    if result.isDenormal && Int64(bitPattern: result.significand) >= 0 { flags |= FSW.underflow }
    return result
  }
}
