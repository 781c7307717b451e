// SPDX-License-Identifier: Apache-2.0

/// FADD FSUB FSUBR FMUL FDIV FDIVR and their integer and popping forms. SDM vol. 2.
///
/// Normal operands rounded to nearest with the precision exception masked take a short way; everything else is done by
/// the complete operations of `X87Context`.
protocol X87Operation {
  /// The result for normal operands, and its sign bit; an exact zero has no significand. Not rounded.
  static func normal(_ a: Extended, _ b: Extended) -> (Unrounded, sign: UInt16)
  static func complete(_ context: inout X87Context, _ a: Extended, _ b: Extended) -> Extended
}

enum X87Add: X87Operation {
  @inline(__always)
  static func normal(_ a: Extended, _ b: Extended) -> (Unrounded, sign: UInt16) {
    let x = Int32(a.exponent), y = Int32(b.exponent)
    if (a.signExponent ^ b.signExponent) & Extended.signBit == 0 {
      return (.sum(x, a.significand, y, b.significand), a.sign)
    }
    let (difference, isReversed) = Unrounded.difference(x, a.significand, y, b.significand)
    return (difference, difference.significand == 0 ? 0 : isReversed ? b.sign : a.sign)
  }
  static func complete(_ context: inout X87Context, _ a: Extended, _ b: Extended) -> Extended { context.add(a, b) }
}

enum X87Subtract: X87Operation {
  @inline(__always)
  static func normal(_ a: Extended, _ b: Extended) -> (Unrounded, sign: UInt16) { X87Add.normal(a, b.negated) }
  static func complete(_ context: inout X87Context, _ a: Extended, _ b: Extended) -> Extended { context.subtract(a, b) }
}

enum X87Multiply: X87Operation {
  @inline(__always)
  static func normal(_ a: Extended, _ b: Extended) -> (Unrounded, sign: UInt16) {
    (.product(Int32(a.exponent), a.significand, Int32(b.exponent), b.significand), a.sign ^ b.sign)
  }
  static func complete(_ context: inout X87Context, _ a: Extended, _ b: Extended) -> Extended { context.multiply(a, b) }
}

enum X87Divide: X87Operation {
  @inline(__always)
  static func normal(_ a: Extended, _ b: Extended) -> (Unrounded, sign: UInt16) {
    (.quotient(Int32(a.exponent), a.significand, Int32(b.exponent), b.significand), a.sign ^ b.sign)
  }
  static func complete(_ context: inout X87Context, _ a: Extended, _ b: Extended) -> Extended { context.divide(a, b) }
}

/// FSUBR, FDIVR: source and destination change places.
enum X87Reversed<O: X87Operation>: X87Operation {
  @inline(__always)
  static func normal(_ a: Extended, _ b: Extended) -> (Unrounded, sign: UInt16) { O.normal(b, a) }
  static func complete(_ context: inout X87Context, _ a: Extended, _ b: Extended) -> Extended {
    O.complete(&context, b, a)
  }
}

/// Where the result goes and what is special about the source, as one argument in a register.
enum X87Form {
  static let destinationMask: UInt32 = 7
  static let pops: UInt32 = 1 << 3
  static let hasDenormalSource: UInt32 = 1 << 4
  static let hasEmptySource: UInt32 = 1 << 5
}

/// ST(destination) = ST(destination) op source.
@inline(never)
func x87Combine<O: X87Operation>(
  _: O.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ form: UInt32, _ significand: UInt64,
  _ signExponent: UInt16
) {
  let number = UInt8(truncatingIfNeeded: form & X87Form.destinationMask)
  let control = c.cpu.pointee.x87.control
  let physical = c.cpu.pointee.x87.physical(number)
  let source = Extended(significand: significand, signExponent: signExponent)
  let destination = c.cpu.pointee.x87.registers[unchecked: physical]
  guard control & (3 &<< FCW.roundingShift | FCW.precisionMask) == FCW.precisionMask, source.isNormal,
    destination.isNormal, c.cpu.pointee.x87.valid &>> UInt8(truncatingIfNeeded: physical) & 1 != 0
  else { return x87CombineCompletely(O.self, c, o, form, significand, signExponent) }
  var (result, sign) = O.normal(destination, source)
  var low = result.rest
  var unit: UInt64 = 1
  if control & 0x300 != 0x300 {
    let dropped = X87Context(control: control).droppedBits
    if dropped != 0 {
      unit &<<= dropped
      low = result.significand &<< (64 &- dropped) | (low != 0 ? 1 : 0)
      result.significand &= ~(unit &- 1)
    }
  }
  var flags: UInt16 = 0
  if low != 0 {
    flags = FSW.precision
    if low > 1 &<< 63 || (low == 1 &<< 63 && result.significand & unit != 0) {
      flags = FSW.precision | FSW.c1
      let (sum, carries) = result.significand.addingReportingOverflow(unit)
      result.significand = carries ? 1 &<< 63 : sum
      if carries { result.exponent &+= 1 }
    }
  }
  if UInt32(bitPattern: result.exponent &- 1) >= 0x7ffe {
    return x87CombineCompletely(O.self, c, o, form, significand, signExponent)
  }
  if result.significand == 0 {
    result.exponent = 0
    sign = 0
  }
  c.cpu.pointee.x87.registers[unchecked: physical] = Extended(
    significand: result.significand, signExponent: sign | UInt16(truncatingIfNeeded: result.exponent))
  c.cpu.pointee.x87.status = c.cpu.pointee.x87.status & ~FSW.c1 | flags
  if form & X87Form.pops != 0 { c.cpu.pointee.x87.pop() }
  return next(c, o)
}

@inline(never)
private func x87CombineCompletely<O: X87Operation>(
  _: O.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ form: UInt32, _ significand: UInt64,
  _ signExponent: UInt16
) {
  c.cpu.pointee.x87.combine(O.self, form, significand, signExponent)
  return next(c, o)
}

extension X87State {
  @inline(never)
  fileprivate mutating func combine<O: X87Operation>(
    _: O.Type, _ form: UInt32, _ significand: UInt64, _ signExponent: UInt16
  ) {
    let number = UInt8(truncatingIfNeeded: form & X87Form.destinationMask)
    var result = Extended.indefinite
    if form & X87Form.hasEmptySource != 0 || isEmpty(number) {
      guard underflowsStack() else { return }
    } else {
      var context = self.context
      context.hasDenormalOperand = form & X87Form.hasDenormalSource != 0
      result = O.complete(
        &context, self[number], Extended(significand: significand, signExponent: signExponent))
      report(context.flags)
      if context.isSuppressed { return }
    }
    set(number, result)
    if form & X87Form.pops != 0 { pop() }
  }
}

// MARK: Shapes

/// Two registers; the operands say which is the destination.
@inline(__always)
func x87Arithmetic<O: X87Operation>(_: O.Type, pops: Bool, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
  trackX87(c, o)
  let physical = c.cpu.pointee.x87.physical(o.op.pointee.src)
  let source = c.cpu.pointee.x87.registers[unchecked: physical]
  var form = UInt32(o.op.pointee.dst)
  if pops { form |= X87Form.pops }
  if c.cpu.pointee.x87.valid &>> UInt8(truncatingIfNeeded: physical) & 1 == 0 {
    return x87CombineCompletely(O.self, c, o, form | X87Form.hasEmptySource, 0, 0)
  }
  return x87Combine(O.self, c, o, form, source.significand, source.signExponent)
}

/// A number of 32 or 64 bits in memory.
@inline(__always)
func x87Arithmetic<O: X87Operation, F: X87Format, A: Addressing>(
  _: O.Type, _: F.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
  return reading(A.self, F.Word.self, c, o) { bits in
    trackX87(A.self, c, o)
    let source = Extended(widening: bits.wide, F.format)
    let isDenormal = F.isDenormal(bits)
    if isDenormal {
      return x87CombineCompletely(
        O.self, c, o, X87Form.hasDenormalSource, source.significand, source.signExponent)
    }
    return x87Combine(O.self, c, o, 0, source.significand, source.signExponent)
  }
}

/// An integer of 16 or 32 bits in memory.
@inline(__always)
func x87Arithmetic<O: X87Operation, W: Width>(
  _: O.Type, integer: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
  return reading(GeneralAddress.self, W.self, c, o) { bits in
    trackX87(GeneralAddress.self, c, o)
    let source = Extended(integer: Int64(bitPattern: bits.flagWord))
    return x87Combine(O.self, c, o, 0, source.significand, source.signExponent)
  }
}

/// A binary format in memory, known when a handler is compiled.
protocol X87Format {
  associatedtype Word: Width
  static var format: BinaryFormat { get }
}
enum X87Single: X87Format {
  typealias Word = UInt32
  @inline(__always) static var format: BinaryFormat { .single }
}
enum X87Double: X87Format {
  typealias Word = UInt64
  @inline(__always) static var format: BinaryFormat { .double }
}
extension X87Format {
  @inline(__always) static func isDenormal(_ bits: Word) -> Bool {
    let magnitude = bits.wide & ((1 &<< format.signShift) &- 1)
    return magnitude != 0 && magnitude &>> format.fractionBits == 0
  }
  /// Neither denormal nor infinity nor NaN.
  @inline(__always) static func isPlain(_ bits: Word) -> Bool {
    let magnitude = bits.wide & ((1 &<< format.signShift) &- 1)
    let exponent = magnitude &>> format.fractionBits
    return magnitude == 0 || exponent &- 1 < format.maximumExponent &- 1
  }
}
