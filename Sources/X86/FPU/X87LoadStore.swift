// SPDX-License-Identifier: Apache-2.0

/// FLD FST FSTP FILD FIST FISTP FISTTP FBLD FBSTP FXCH FCMOVcc, and the constants. SDM vol. 2.
extension X87State {
  @inline(never)
  fileprivate mutating func loadCompletely(_ bits: UInt64, isDouble: Bool) {
    var context = self.context
    let value = context.load(bits, isDouble ? .double : .single)
    load(value, context)
  }

  /// What FST m32 and m64 store.
  @inline(never)
  fileprivate mutating func convert(isDouble: Bool) -> X87Store {
    let format: BinaryFormat = isDouble ? .double : .single
    let value = isEmpty(0) ? Extended.indefinite : self[0]
    if isEmpty(0) {
      var context = X87Context(control: 0x3f)
      let bits = context.store(value, format)
      return emptyStore(bits)
    }
    var context = self.context
    let bits = context.store(value, format)
    return X87Store(bits: bits, flags: context.flags, isSuppressed: context.isStoreSuppressed)
  }

  /// The store of an empty register.
  private func emptyStore(_ indefinite: UInt64) -> X87Store {
    X87Store(
      bits: indefinite, flags: FSW.invalid | FSW.stackFault, isSuppressed: control & FSW.invalid == 0)
  }

  @inline(never)
  fileprivate mutating func convertToInteger(bitCount: UInt64, truncates: Bool) -> X87Store {
    if isEmpty(0) { return emptyStore(~0 &<< (bitCount &- 1)) }
    var context = X87Context(control: truncates ? control | 3 &<< FCW.roundingShift : control)
    let bits = context.integer(self[0], bitCount: bitCount)
    return X87Store(bits: bits, flags: context.flags, isSuppressed: context.isStoreSuppressed)
  }

  @inline(never)
  fileprivate mutating func convertToDecimal() -> (X87Store, UInt16) {
    if isEmpty(0) { return (emptyStore(0xc000_0000_0000_0000), 0xffff) }
    var context = self.context
    let (low, high) = context.packedDecimal(self[0])
    return (X87Store(bits: low, flags: context.flags, isSuppressed: context.isStoreSuppressed), high)
  }

  @inline(never)
  fileprivate mutating func loadRegisterCompletely(_ number: UInt8) {
    if isEmpty(number) {
      if underflowsStack() { push(.indefinite) }
      return
    }
    load(self[number], context)
  }

  @inline(never)
  fileprivate mutating func storeRegister(_ number: UInt8, pops: Bool) {
    if isEmpty(0) {
      guard underflowsStack() else { return }
      set(number, .indefinite)
    } else {
      report(0)
      set(number, self[0])
    }
    if pops { pop() }
  }

  /// D9 D8+i: as FSTP, but an empty register is no error and is not stored.
  @inline(never)
  fileprivate mutating func storeRegisterUnchecked(_ number: UInt8) {
    if !isEmpty(0) { set(number, self[0]) }
    status &= ~FSW.c1
    pop()
  }

  @inline(never)
  fileprivate mutating func exchangeCompletely(_ number: UInt8) {
    if isEmpty(0) || isEmpty(number) {
      guard underflowsStack() else { return }
      if isEmpty(0) { set(0, .indefinite) }
      if isEmpty(number) { set(number, .indefinite) }
    } else {
      report(0)
    }
    let value = self[0]
    self[0] = self[number]
    self[number] = value
  }

  @inline(never)
  fileprivate mutating func moveIf(_ condition: Bool, _ number: UInt8) {
    if isEmpty(0) || isEmpty(number) {
      if underflowsStack() { set(0, .indefinite) }
      return
    }
    if condition { self[0] = self[number] }
  }
}

// MARK: Shapes

@inline(__always)
func x87Load<F: X87Format, A: Addressing>(
  _: F.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
  return reading(A.self, F.Word.self, c, o) { bits in
    trackX87(A.self, c, o)
    let top = (c.cpu.pointee.x87.top &- 1) & 7
    let valid = c.cpu.pointee.x87.valid
    guard F.isPlain(bits), valid &>> top & 1 == 0 else { return x87LoadCompletely(F.self, c, o, bits.wide) }
    // Safe: `top` is below 8.
    c.cpu.pointee.x87.registers[unchecked: Int(top)] = Extended(widening: bits.wide, F.format)
    c.cpu.pointee.x87.top = top
    c.cpu.pointee.x87.valid = valid | 1 &<< top
    c.cpu.pointee.x87.status &= ~FSW.c1
    return next(c, o)
  }
}

@inline(never)
private func x87LoadCompletely<F: X87Format>(
  _: F.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ bits: UInt64
) {
  c.cpu.pointee.x87.loadCompletely(bits, isDouble: F.format.fractionBits == 52)
  return next(c, o)
}

/// FST and FSTP of a normal number that stays normal, rounded to nearest; all else in `x87StoreCompletely`.
@inline(__always)
func x87Store<F: X87Format, A: Addressing>(
  _: F.Type, _: A.Type, pops: Bool, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
  let format = F.format
  let control = c.cpu.pointee.x87.control
  let top = c.cpu.pointee.x87.top & 7
  // Safe: `top` is below 8.
  let value = c.cpu.pointee.x87.registers[unchecked: Int(top)]
  let sign = UInt64(value.signExponent &>> 15) &<< format.signShift
  let low = value.significand &<< (64 &- format.droppedBits)
  let kept = value.significand &>> format.droppedBits
  let isUp = low > 1 &<< 63 || (low == 1 &<< 63 && kept & 1 != 0)
  // The exponent is added to the significand with its integer bit, so that a carry increments it.
  let exponent = Int32(value.exponent) &- format.rebias &- 1
  let magnitude =
    UInt64(truncatingIfNeeded: Int64(exponent)) &<< format.fractionBits &+ kept &+ (isUp ? 1 : 0)
  let isFitting =
    UInt32(bitPattern: exponent) < UInt32(truncatingIfNeeded: format.maximumExponent &- 2)
    && Int64(bitPattern: value.significand) < 0
  let isZero = value.significand == 0 && value.exponent == 0
  guard control & (3 &<< FCW.roundingShift | FCW.precisionMask) == FCW.precisionMask,
    isFitting || isZero, c.cpu.pointee.x87.valid &>> top & 1 != 0
  else { return x87StoreCompletely(F.self, A.self, pops: pops, c, o) }
  return writing(A.self, F.Word.self, c, o) { host in
    F.Word.write(F.Word(truncatingIfNeeded: isZero ? sign : sign | magnitude), host)
    trackX87(A.self, c, o)
    c.cpu.pointee.x87.status =
      c.cpu.pointee.x87.status & ~FSW.c1 | (low != 0 ? FSW.precision : 0) | (isUp ? FSW.c1 : 0)
    if pops { c.cpu.pointee.x87.pop() }
    return next(c, o)
  }
}

@inline(never)
private func x87StoreCompletely<F: X87Format, A: Addressing>(
  _: F.Type, _: A.Type, pops: Bool, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return x87Writing(A.self, F.Word.self, c, o, pops: pops) { $0.convert(isDouble: F.format.fractionBits == 52) }
}

@inline(__always)
func x87LoadInteger<W: Width, A: Addressing>(
  _: W.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return x87Reading(A.self, W.self, c, o) { x87, bits in
    x87.load(Extended(integer: Int64(bitPattern: bits.flagWord)), X87Context(control: 0x3f))
  }
}

@inline(__always)
func x87StoreInteger<W: Width, A: Addressing>(
  _: W.Type, _: A.Type, pops: Bool, truncates: Bool = false, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return x87Writing(A.self, W.self, c, o, pops: pops) {
    $0.convertToInteger(bitCount: UInt64(truncatingIfNeeded: W.byteCount &* 8), truncates: truncates)
  }
}

/// FLD m80: whatever the bits are.
@inline(__always)
func x87LoadExtended<A: Addressing>(_: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
  return readingTen(A.self, c, o) { significand, signExponent in
    trackX87(A.self, c, o)
    c.cpu.pointee.x87.load(
      Extended(significand: significand, signExponent: signExponent), X87Context(control: 0x3f))
    return next(c, o)
  }
}

/// FSTP m80.
@inline(__always)
func x87StoreExtended<A: Addressing>(_: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
  let isEmpty = c.cpu.pointee.x87.isEmpty(0)
  if isEmpty && c.cpu.pointee.x87.control & FSW.invalid == 0 {
    trackX87(A.self, c, o)
    c.cpu.pointee.x87.report(FSW.invalid | FSW.stackFault)
    return next(c, o)
  }
  let value = isEmpty ? Extended.indefinite : c.cpu.pointee.x87[0]
  return writingTen(A.self, c, o) { host in
    UInt64.write(value.significand, host)
    UInt16.write(value.signExponent, host + 8)
    trackX87(A.self, c, o)
    c.cpu.pointee.x87.report(isEmpty ? FSW.invalid | FSW.stackFault : 0)
    c.cpu.pointee.x87.pop()
    return next(c, o)
  }
}

@inline(__always)
func x87MoveIf(
  _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ condition: (UnsafeMutablePointer<CPUState>) -> Bool
) {
  guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
  trackX87(c, o)
  let holds = condition(c.cpu)
  c.cpu.pointee.x87.moveIf(holds, o.op.pointee.src)
  return next(c, o)
}

/// A constant between two extended values, which rounding control chooses from. The precision exception is not raised.
@inline(__always)
func x87Constant(
  _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ significand: UInt64, rest: UInt64, _ exponent: UInt16
) {
  return x87Register(c, o) { x87, _ in
    let context = X87Context(control: x87.control | 0x3f)
    let isUp = context.roundsUp(negative: false, odd: significand & 1 != 0, rest: rest)
    x87.load(Extended(significand: significand &+ (isUp ? 1 : 0), signExponent: exponent), context)
  }
}

enum X87LoadStoreHandlers {
  static let loadRegister: Handler = { c, o in
    guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
    trackX87(c, o)
    let number = o.op.pointee.dst
    if c.cpu.pointee.x87.isEmpty(number) || !c.cpu.pointee.x87.isEmpty(7) { return loadRegisterCompletely(c, o) }
    let value = c.cpu.pointee.x87[number]
    c.cpu.pointee.x87.status &= ~FSW.c1
    c.cpu.pointee.x87.push(value)
    return next(c, o)
  }
  static let storeRegister: Handler = { c, o in
    x87Register(c, o) { x87, op in x87.storeRegister(op.dst, pops: false) }
  }
  static let storePopRegister: Handler = { c, o in
    x87Register(c, o) { x87, op in x87.storeRegister(op.dst, pops: true) }
  }
  static let storePopRegisterUnchecked: Handler = { c, o in
    x87Register(c, o) { x87, op in x87.storeRegisterUnchecked(op.dst) }
  }
  static let exchange: Handler = { c, o in
    guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
    trackX87(c, o)
    let number = o.op.pointee.dst
    if c.cpu.pointee.x87.isEmpty(number) || c.cpu.pointee.x87.isEmpty(0) { return exchangeCompletely(c, o) }
    let value = c.cpu.pointee.x87[0]
    c.cpu.pointee.x87[0] = c.cpu.pointee.x87[number]
    c.cpu.pointee.x87[number] = value
    c.cpu.pointee.x87.status &= ~FSW.c1
    return next(c, o)
  }
  static let loadDecimal: Handler = { c, o in
    guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
    return readingTen(GeneralAddress.self, c, o) { low, high in
      trackX87(GeneralAddress.self, c, o)
      c.cpu.pointee.x87.load(Extended(packedDecimal: low, high), X87Context(control: 0x3f))
      return next(c, o)
    }
  }
  static let storeDecimal: Handler = { c, o in
    guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
    let (store, high) = c.cpu.pointee.x87.convertToDecimal()
    if store.isSuppressed {
      trackX87(GeneralAddress.self, c, o)
      c.cpu.pointee.x87.report(store.flags)
      return next(c, o)
    }
    return writingTen(GeneralAddress.self, c, o) { host in
      UInt64.write(store.bits, host)
      UInt16.write(high, host + 8)
      trackX87(GeneralAddress.self, c, o)
      c.cpu.pointee.x87.report(store.flags)
      c.cpu.pointee.x87.pop()
      return next(c, o)
    }
  }

  // SDM vol. 2, FLD1 and its kin; the words after the significand are further bits of the constants.
  static let one: Handler = { x87Constant($0, $1, 0x8000_0000_0000_0000, rest: 0, 0x3fff) }
  static let zero: Handler = { x87Constant($0, $1, 0, rest: 0, 0) }
  static let log2Of10: Handler = { x87Constant($0, $1, 0xd49a_784b_cd1b_8afe, rest: 0x492b_f6ff_4daf_db4c, 0x4000) }
  static let log2OfE: Handler = { x87Constant($0, $1, 0xb8aa_3b29_5c17_f0bb, rest: 0xbe87_fed0_691d_3e88, 0x3fff) }
  static let pi: Handler = { x87Constant($0, $1, 0xc90f_daa2_2168_c234, rest: 0xc4c6_628b_80dc_1cd1, 0x4000) }
  static let log10Of2: Handler = { x87Constant($0, $1, 0x9a20_9a84_fbcf_f798, rest: 0x8f89_59ac_0b7c_9178, 0x3ffd) }
  static let logEOf2: Handler = { x87Constant($0, $1, 0xb172_17f7_d1cf_79ab, rest: 0xc9e3_b398_03f2_f6af, 0x3ffe) }

  static let moveBelow: Handler = { x87MoveIf($0, $1) { $0.pointee.carryFlag } }
  static let moveEqual: Handler = { x87MoveIf($0, $1) { $0.pointee.zeroFlag } }
  static let moveBelowOrEqual: Handler = { x87MoveIf($0, $1) { $0.pointee.carryFlag || $0.pointee.zeroFlag } }
  static let moveUnordered: Handler = { x87MoveIf($0, $1) { $0.pointee.parityFlag } }
  static let moveNotBelow: Handler = { x87MoveIf($0, $1) { !$0.pointee.carryFlag } }
  static let moveNotEqual: Handler = { x87MoveIf($0, $1) { !$0.pointee.zeroFlag } }
  static let moveAbove: Handler = { x87MoveIf($0, $1) { !($0.pointee.carryFlag || $0.pointee.zeroFlag) } }
  static let moveOrdered: Handler = { x87MoveIf($0, $1) { !$0.pointee.parityFlag } }
}

@inline(never)
private func loadRegisterCompletely(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  c.cpu.pointee.x87.loadRegisterCompletely(o.op.pointee.dst)
  return next(c, o)
}

@inline(never)
private func exchangeCompletely(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  c.cpu.pointee.x87.exchangeCompletely(o.op.pointee.dst)
  return next(c, o)
}

/// Instances for the formats and address forms.
enum X87LoadStoreTables {
  static let loadSingle = X87Addressed(
    flat: { x87Load(X87Single.self, FlatAddress.self, $0, $1) },
    long: { x87Load(X87Single.self, LongAddress.self, $0, $1) },
    general: { x87Load(X87Single.self, GeneralAddress.self, $0, $1) })
  static let storeSingle = X87Addressed(
    flat: { x87Store(X87Single.self, FlatAddress.self, pops: false, $0, $1) },
    long: { x87Store(X87Single.self, LongAddress.self, pops: false, $0, $1) },
    general: { x87Store(X87Single.self, GeneralAddress.self, pops: false, $0, $1) })
  static let storePopSingle = X87Addressed(
    flat: { x87Store(X87Single.self, FlatAddress.self, pops: true, $0, $1) },
    long: { x87Store(X87Single.self, LongAddress.self, pops: true, $0, $1) },
    general: { x87Store(X87Single.self, GeneralAddress.self, pops: true, $0, $1) })
  static let loadDouble = X87Addressed(
    flat: { x87Load(X87Double.self, FlatAddress.self, $0, $1) },
    long: { x87Load(X87Double.self, LongAddress.self, $0, $1) },
    general: { x87Load(X87Double.self, GeneralAddress.self, $0, $1) })
  static let storeDouble = X87Addressed(
    flat: { x87Store(X87Double.self, FlatAddress.self, pops: false, $0, $1) },
    long: { x87Store(X87Double.self, LongAddress.self, pops: false, $0, $1) },
    general: { x87Store(X87Double.self, GeneralAddress.self, pops: false, $0, $1) })
  static let storePopDouble = X87Addressed(
    flat: { x87Store(X87Double.self, FlatAddress.self, pops: true, $0, $1) },
    long: { x87Store(X87Double.self, LongAddress.self, pops: true, $0, $1) },
    general: { x87Store(X87Double.self, GeneralAddress.self, pops: true, $0, $1) })
  static let loadExtended = X87Addressed(
    flat: { x87LoadExtended(FlatAddress.self, $0, $1) },
    long: { x87LoadExtended(LongAddress.self, $0, $1) },
    general: { x87LoadExtended(GeneralAddress.self, $0, $1) })
  static let storePopExtended = X87Addressed(
    flat: { x87StoreExtended(FlatAddress.self, $0, $1) },
    long: { x87StoreExtended(LongAddress.self, $0, $1) },
    general: { x87StoreExtended(GeneralAddress.self, $0, $1) })
  static let loadWord = X87Addressed(
    flat: { x87LoadInteger(UInt16.self, FlatAddress.self, $0, $1) },
    long: { x87LoadInteger(UInt16.self, LongAddress.self, $0, $1) },
    general: { x87LoadInteger(UInt16.self, GeneralAddress.self, $0, $1) })
  static let loadDoubleword = X87Addressed(
    flat: { x87LoadInteger(UInt32.self, FlatAddress.self, $0, $1) },
    long: { x87LoadInteger(UInt32.self, LongAddress.self, $0, $1) },
    general: { x87LoadInteger(UInt32.self, GeneralAddress.self, $0, $1) })
  static let loadQuadword = X87Addressed(
    flat: { x87LoadInteger(UInt64.self, FlatAddress.self, $0, $1) },
    long: { x87LoadInteger(UInt64.self, LongAddress.self, $0, $1) },
    general: { x87LoadInteger(UInt64.self, GeneralAddress.self, $0, $1) })
  static let storeWord: Handler = { x87StoreInteger(UInt16.self, GeneralAddress.self, pops: false, $0, $1) }
  static let storeDoubleword: Handler = { x87StoreInteger(UInt32.self, GeneralAddress.self, pops: false, $0, $1) }
  static let storePopWord = X87Addressed(
    flat: { x87StoreInteger(UInt16.self, FlatAddress.self, pops: true, $0, $1) },
    long: { x87StoreInteger(UInt16.self, LongAddress.self, pops: true, $0, $1) },
    general: { x87StoreInteger(UInt16.self, GeneralAddress.self, pops: true, $0, $1) })
  static let storePopDoubleword = X87Addressed(
    flat: { x87StoreInteger(UInt32.self, FlatAddress.self, pops: true, $0, $1) },
    long: { x87StoreInteger(UInt32.self, LongAddress.self, pops: true, $0, $1) },
    general: { x87StoreInteger(UInt32.self, GeneralAddress.self, pops: true, $0, $1) })
  static let storePopQuadword = X87Addressed(
    flat: { x87StoreInteger(UInt64.self, FlatAddress.self, pops: true, $0, $1) },
    long: { x87StoreInteger(UInt64.self, LongAddress.self, pops: true, $0, $1) },
    general: { x87StoreInteger(UInt64.self, GeneralAddress.self, pops: true, $0, $1) })
  static let truncatePopWord: Handler = {
    x87StoreInteger(UInt16.self, GeneralAddress.self, pops: true, truncates: true, $0, $1)
  }
  static let truncatePopDoubleword: Handler = {
    x87StoreInteger(UInt32.self, GeneralAddress.self, pops: true, truncates: true, $0, $1)
  }
  static let truncatePopQuadword: Handler = {
    x87StoreInteger(UInt64.self, GeneralAddress.self, pops: true, truncates: true, $0, $1)
  }
}
