// SPDX-License-Identifier: Apache-2.0

/// FCOM FUCOM FICOM FCOMI FUCOMI with their popping forms, FTST and FXAM. SDM vol. 2.
enum X87Comparison {
  static let quiet: UInt32 = 1 << 3
  static let popsOnce: UInt32 = 1 << 4
  static let popsTwice: UInt32 = 1 << 5
  static let hasDenormalSource: UInt32 = 1 << 6
  static let hasEmptySource: UInt32 = 1 << 7
  static let setsFlags: UInt32 = 1 << 8
}

extension X87State {
  /// Compares ST(0) and returns C3, C2 and C0 and whether the instruction may pop: an unmasked exception keeps the stack.
  private mutating func order(_ source: Extended, _ form: UInt32) -> (UInt16, mayPop: Bool) {
    let unordered = FSW.c3 | FSW.c2 | FSW.c0
    if form & X87Comparison.hasEmptySource != 0 || isEmpty(0) {
      finish(FSW.invalid | FSW.stackFault, unordered, form)
      return (unordered, control & FSW.invalid != 0)
    }
    var context = self.context
    context.hasDenormalOperand = form & X87Comparison.hasDenormalSource != 0
    let conditions = context.compare(self[0], source, quiet: form & X87Comparison.quiet != 0)
    finish(context.flags, conditions, form)
    return (conditions, !context.isSuppressed)
  }

  private mutating func finish(_ flags: UInt16, _ conditions: UInt16, _ form: UInt32) {
    if form & X87Comparison.setsFlags != 0 {
      report(flags)
    } else {
      report(flags, conditions: conditions)
    }
  }

  /// FCOM and its kin; what EFLAGS get of it, or nil if they stay: with an unmasked invalid operation.
  @inline(never)
  fileprivate mutating func compare(_ form: UInt32, _ significand: UInt64, _ signExponent: UInt16) -> UInt16? {
    let invalid = status & FSW.invalid
    status &= ~FSW.invalid
    let (conditions, mayPop) = order(Extended(significand: significand, signExponent: signExponent), form)
    let isInvalid = status & ~control & FSW.invalid != 0
    status |= invalid
    if mayPop && form & (X87Comparison.popsOnce | X87Comparison.popsTwice) != 0 { pop() }
    if mayPop && form & X87Comparison.popsTwice != 0 { pop() }
    return isInvalid ? nil : conditions
  }

  @inline(never)
  fileprivate mutating func examine() {
    let value = self[0]
    var conditions: UInt16 = value.isNegative ? FSW.c1 : 0
    if isEmpty(0) {
      conditions |= FSW.c3 | FSW.c0
    } else if value.isUnsupported {
      // No condition but the sign.
    } else if value.isNaN {
      conditions |= FSW.c0
    } else if value.isInfinity {
      conditions |= FSW.c2 | FSW.c0
    } else if value.isZero {
      conditions |= FSW.c3
    } else if value.isDenormal {
      conditions |= FSW.c3 | FSW.c2
    } else {
      conditions |= FSW.c2
    }
    status = status & ~FSW.conditions | conditions
  }
}

/// CF, PF and ZF from C0, C2 and C3; OF, SF and AF are cleared.
@inline(__always)
private func setFlags(_ c: UnsafeMutableRawPointer, _ conditions: UInt16) {
  var flags: UInt32 = 0
  if conditions & FSW.c0 != 0 { flags |= Flags.cf }
  if conditions & FSW.c2 != 0 { flags |= Flags.pf }
  if conditions & FSW.c3 != 0 { flags |= Flags.zf }
  c.cpu.pointee.setStatusFlags(flags)
}

@inline(never)
private func x87CompareCompletely(
  _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ form: UInt32, _ significand: UInt64, _ signExponent: UInt16
) {
  let conditions = c.cpu.pointee.x87.compare(form, significand, signExponent)
  if form & X87Comparison.setsFlags != 0, let conditions { setFlags(c, conditions) }
  return next(c, o)
}

/// Normal numbers here, all else in `x87CompareCompletely`.
@inline(never)
private func x87CompareValue(
  _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ form: UInt32, _ significand: UInt64, _ signExponent: UInt16
) {
  let source = Extended(significand: significand, signExponent: signExponent)
  let top = c.cpu.pointee.x87.top & 7
  // Safe: `top` is below 8.
  let value = c.cpu.pointee.x87.registers[unchecked: Int(top)]
  guard source.isNormal || source.isZero, value.isNormal || value.isZero, c.cpu.pointee.x87.valid &>> top & 1 != 0,
    form & X87Comparison.popsTwice == 0
  else { return x87CompareCompletely(c, o, form, significand, signExponent) }
  let conditions = Extended.order(value, source)
  if form & X87Comparison.setsFlags != 0 {
    setFlags(c, conditions)
    c.cpu.pointee.x87.status &= ~FSW.c1
  } else {
    c.cpu.pointee.x87.status = c.cpu.pointee.x87.status & ~FSW.conditions | conditions
  }
  if form & X87Comparison.popsOnce != 0 { c.cpu.pointee.x87.pop() }
  return next(c, o)
}

// MARK: Shapes

@inline(__always)
func x87CompareRegister(
  _ form: UInt32, _ number: UInt8, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
  trackX87(c, o)
  if c.cpu.pointee.x87.isEmpty(number) {
    return x87CompareCompletely(c, o, form | X87Comparison.hasEmptySource, 0, 0)
  }
  let source = c.cpu.pointee.x87[number]
  return x87CompareValue(c, o, form, source.significand, source.signExponent)
}

@inline(__always)
func x87CompareMemory<F: X87Format, A: Addressing>(
  _: F.Type, _: A.Type, _ form: UInt32, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
  return reading(A.self, F.Word.self, c, o) { bits in
    trackX87(A.self, c, o)
    let source = Extended(widening: bits.wide, F.format)
    if F.isDenormal(bits) {
      return x87CompareCompletely(
        c, o, form | X87Comparison.hasDenormalSource, source.significand, source.signExponent)
    }
    return x87CompareValue(c, o, form, source.significand, source.signExponent)
  }
}

@inline(__always)
func x87CompareInteger<W: Width>(
  _: W.Type, _ form: UInt32, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
  return reading(GeneralAddress.self, W.self, c, o) { bits in
    trackX87(GeneralAddress.self, c, o)
    let source = Extended(integer: Int64(bitPattern: bits.flagWord))
    return x87CompareValue(c, o, form, source.significand, source.signExponent)
  }
}

enum X87CompareHandlers {
  typealias Form = X87Comparison
  static let compare: Handler = { x87CompareRegister(0, $1.op.pointee.dst, $0, $1) }
  static let comparePop: Handler = { x87CompareRegister(Form.popsOnce, $1.op.pointee.dst, $0, $1) }
  static let comparePopTwice: Handler = { x87CompareRegister(Form.popsTwice, 1, $0, $1) }
  static let quiet: Handler = { x87CompareRegister(Form.quiet, $1.op.pointee.dst, $0, $1) }
  static let quietPop: Handler = { x87CompareRegister(Form.quiet | Form.popsOnce, $1.op.pointee.dst, $0, $1) }
  static let quietPopTwice: Handler = { x87CompareRegister(Form.quiet | Form.popsTwice, 1, $0, $1) }
  static let flags: Handler = { x87CompareRegister(Form.setsFlags, $1.op.pointee.src, $0, $1) }
  static let flagsPop: Handler = { x87CompareRegister(Form.setsFlags | Form.popsOnce, $1.op.pointee.src, $0, $1) }
  static let quietFlags: Handler = { x87CompareRegister(Form.setsFlags | Form.quiet, $1.op.pointee.src, $0, $1) }
  static let quietFlagsPop: Handler = {
    x87CompareRegister(Form.setsFlags | Form.quiet | Form.popsOnce, $1.op.pointee.src, $0, $1)
  }
  /// FTST: comparison with +0.
  static let test: Handler = { c, o in
    guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
    trackX87(c, o)
    return x87CompareValue(c, o, 0, 0, 0)
  }
  static let examine: Handler = { c, o in x87Register(c, o) { x87, _ in x87.examine() } }

  static let single = X87Addressed(
    flat: { x87CompareMemory(X87Single.self, FlatAddress.self, 0, $0, $1) },
    long: { x87CompareMemory(X87Single.self, LongAddress.self, 0, $0, $1) },
    general: { x87CompareMemory(X87Single.self, GeneralAddress.self, 0, $0, $1) })
  static let singlePop = X87Addressed(
    flat: { x87CompareMemory(X87Single.self, FlatAddress.self, Form.popsOnce, $0, $1) },
    long: { x87CompareMemory(X87Single.self, LongAddress.self, Form.popsOnce, $0, $1) },
    general: { x87CompareMemory(X87Single.self, GeneralAddress.self, Form.popsOnce, $0, $1) })
  static let double = X87Addressed(
    flat: { x87CompareMemory(X87Double.self, FlatAddress.self, 0, $0, $1) },
    long: { x87CompareMemory(X87Double.self, LongAddress.self, 0, $0, $1) },
    general: { x87CompareMemory(X87Double.self, GeneralAddress.self, 0, $0, $1) })
  static let doublePop = X87Addressed(
    flat: { x87CompareMemory(X87Double.self, FlatAddress.self, Form.popsOnce, $0, $1) },
    long: { x87CompareMemory(X87Double.self, LongAddress.self, Form.popsOnce, $0, $1) },
    general: { x87CompareMemory(X87Double.self, GeneralAddress.self, Form.popsOnce, $0, $1) })
  static let word: Handler = { x87CompareInteger(UInt16.self, 0, $0, $1) }
  static let wordPop: Handler = { x87CompareInteger(UInt16.self, Form.popsOnce, $0, $1) }
  static let doubleword: Handler = { x87CompareInteger(UInt32.self, 0, $0, $1) }
  static let doublewordPop: Handler = { x87CompareInteger(UInt32.self, Form.popsOnce, $0, $1) }
}
