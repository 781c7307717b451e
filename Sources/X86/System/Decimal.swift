// SPDX-License-Identifier: Apache-2.0

/// Decimal adjustment: DAA DAS AAA AAS AAM AAD. SDM vol. 2.
extension Core {
  private var al: UInt8 {
    get { UInt8(truncatingIfNeeded: cpu.pointee.registers[0]) }
    nonmutating set { cpu.pointee.registers[0] = cpu.pointee.registers[0] & ~0xff | UInt64(newValue) }
  }
  private var ax: UInt16 {
    get { UInt16(truncatingIfNeeded: cpu.pointee.registers[0]) }
    nonmutating set { cpu.pointee.registers[0] = cpu.pointee.registers[0] & ~0xffff | UInt64(newValue) }
  }

  /// SF, ZF, PF from a byte; CF and AF as given; OF clear (the manual leaves it undefined).
  private func setDecimalFlags(_ result: UInt8, carry: Bool, adjust: Bool) {
    cpu.pointee.flagResult = UInt64(bitPattern: Int64(Int8(bitPattern: result)))
    cpu.pointee.flagCarries =
      (carry ? LazyFlags.cf | LazyFlags.carryIntoSign : 0) | (adjust ? LazyFlags.af : 0)
  }

  func decimalAdjust(subtracting: Bool) {
    let old = al
    let oldCarry = cpu.pointee.carryFlag
    let adjustLow = old & 0xf > 9 || cpu.pointee.adjustFlag
    let adjustHigh = old > 0x99 || oldCarry
    var result = old
    var carry = adjustHigh
    if adjustLow {
      result = subtracting ? result &- 6 : result &+ 6
      // Only subtraction keeps the borrow of the low digit: after addition AL > 99h has already said so.
      if subtracting, old < 6 { carry = true }
    }
    if adjustHigh { result = subtracting ? result &- 0x60 : result &+ 0x60 }
    al = result
    setDecimalFlags(result, carry: carry, adjust: adjustLow)
  }

  func asciiAdjust(subtracting: Bool) {
    let adjust = al & 0xf > 9 || cpu.pointee.adjustFlag
    if adjust { ax = subtracting ? (ax &- 6) &- 0x100 : ax &+ 0x106 }
    al &= 0xf
    setDecimalFlags(al, carry: adjust, adjust: adjust)
  }

  func asciiAdjustMultiply(base: UInt8) throws(Fault) {
    guard base != 0 else { throw .divide }
    let value = al
    ax = UInt16(value / base) << 8 | UInt16(value % base)
    setDecimalFlags(al, carry: false, adjust: false)
  }

  func asciiAdjustDivide(base: UInt8) {
    let result = al &+ UInt8(truncatingIfNeeded: ax >> 8) &* base
    ax = UInt16(result)
    setDecimalFlags(result, carry: false, adjust: false)
  }
}

enum DecimalHandlers {
  static let daa: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      e.decimalAdjust(subtracting: false)
      return .next
    }
  }
  static let das: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      e.decimalAdjust(subtracting: true)
      return .next
    }
  }
  static let aaa: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      e.asciiAdjust(subtracting: false)
      return .next
    }
  }
  static let aas: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      e.asciiAdjust(subtracting: true)
      return .next
    }
  }
  static let aam: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      try e.asciiAdjustMultiply(base: UInt8(truncatingIfNeeded: o.pointee.immediate))
      return .next
    }
  }
  static let aad: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      e.asciiAdjustDivide(base: UInt8(truncatingIfNeeded: o.pointee.immediate))
      return .next
    }
  }
}
