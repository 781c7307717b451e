// SPDX-License-Identifier: Apache-2.0

/// ADD OR ADC SBB AND SUB XOR CMP, TEST, INC DEC NEG NOT. SDM vol. 2.

/// A two-operand operation: result and carry word (see `LazyFlags`).
protocol ALUOperation {
  static func apply<W: Width>(_ a: W, _ b: W, _ c: UnsafeMutableRawPointer) -> (W, UInt32)
}

@inline(__always)
private func addition<W: Width>(_ a: W, _ b: W, _ sum: W) -> UInt32 { ((a & b) | ((a | b) & ~sum)).carryWord }
@inline(__always)
private func subtraction<W: Width>(_ a: W, _ b: W, _ difference: W) -> UInt32 {
  ((~a & b) | (~(a ^ b) & difference)).carryWord
}

enum Add: ALUOperation {
  @inline(__always) static func apply<W: Width>(_ a: W, _ b: W, _ c: UnsafeMutableRawPointer) -> (W, UInt32) {
    let sum = a &+ b
    return (sum, addition(a, b, sum))
  }
}
enum AddCarry: ALUOperation {
  @inline(__always) static func apply<W: Width>(_ a: W, _ b: W, _ c: UnsafeMutableRawPointer) -> (W, UInt32) {
    let sum = a &+ b &+ carryIn(c, as: W.self)
    return (sum, addition(a, b, sum))
  }
}
enum Subtract: ALUOperation {
  @inline(__always) static func apply<W: Width>(_ a: W, _ b: W, _ c: UnsafeMutableRawPointer) -> (W, UInt32) {
    let difference = a &- b
    return (difference, subtraction(a, b, difference))
  }
}
enum SubtractBorrow: ALUOperation {
  @inline(__always) static func apply<W: Width>(_ a: W, _ b: W, _ c: UnsafeMutableRawPointer) -> (W, UInt32) {
    let difference = a &- b &- carryIn(c, as: W.self)
    return (difference, subtraction(a, b, difference))
  }
}
enum And: ALUOperation {
  @inline(__always) static func apply<W: Width>(_ a: W, _ b: W, _ c: UnsafeMutableRawPointer) -> (W, UInt32) {
    (a & b, 0)
  }
}
enum Or: ALUOperation {
  @inline(__always) static func apply<W: Width>(_ a: W, _ b: W, _ c: UnsafeMutableRawPointer) -> (W, UInt32) {
    (a | b, 0)
  }
}
enum Xor: ALUOperation {
  @inline(__always) static func apply<W: Width>(_ a: W, _ b: W, _ c: UnsafeMutableRawPointer) -> (W, UInt32) {
    (a ^ b, 0)
  }
}

@inline(__always)
func aluRegReg<O: ALUOperation, W: Width, F: FlagPolicy>(
  _: O.Type, _: W.Type, _: F.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  let (result, carries) = O.apply(c[o.op.pointee.dst, as: W.self], c[o.op.pointee.src, as: W.self], c)
  c[o.op.pointee.dst, as: W.self] = result
  if F.stores { storeFlags(c, result, carries) }
  return next(c, o)
}

@inline(__always)
func aluRegImm<O: ALUOperation, W: Width, F: FlagPolicy>(
  _: O.Type, _: W.Type, _: F.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  let (result, carries) = O.apply(
    c[o.op.pointee.dst, as: W.self], W(low: o.op.pointee.immediate), c)
  c[o.op.pointee.dst, as: W.self] = result
  if F.stores { storeFlags(c, result, carries) }
  return next(c, o)
}

@inline(__always)
func aluRegMem<O: ALUOperation, W: Width, A: Addressing>(
  _: O.Type, _: W.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return reading(A.self, W.self, c, o) { value in
    let (result, carries) = O.apply(c[o.op.pointee.dst, as: W.self], value, c)
    c[o.op.pointee.dst, as: W.self] = result
    storeFlags(c, result, carries)
    return next(c, o)
  }
}

@inline(__always)
func aluMemReg<O: ALUOperation, W: Width, A: Addressing>(
  _: O.Type, _: W.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return modifying(A.self, W.self, c, o) { value in
    let (result, carries) = O.apply(value, c[o.op.pointee.src, as: W.self], c)
    storeFlags(c, result, carries)
    return result
  }
}

@inline(__always)
func aluMemImm<O: ALUOperation, W: Width, A: Addressing>(
  _: O.Type, _: W.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return modifying(A.self, W.self, c, o) { value in
    let (result, carries) = O.apply(value, W(low: o.op.pointee.immediate), c)
    storeFlags(c, result, carries)
    return result
  }
}

// CMP and TEST: flags only.

@inline(__always)
func compareRegReg<O: ALUOperation, W: Width>(
  _: O.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  let (result, carries) = O.apply(c[o.op.pointee.dst, as: W.self], c[o.op.pointee.src, as: W.self], c)
  storeFlags(c, result, carries)
  return next(c, o)
}

@inline(__always)
func compareRegImm<O: ALUOperation, W: Width>(
  _: O.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  let (result, carries) = O.apply(
    c[o.op.pointee.dst, as: W.self], W(low: o.op.pointee.immediate), c)
  storeFlags(c, result, carries)
  return next(c, o)
}

@inline(__always)
func compareRegMem<O: ALUOperation, W: Width, A: Addressing>(
  _: O.Type, _: W.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return reading(A.self, W.self, c, o) { value in
    let (result, carries) = O.apply(c[o.op.pointee.dst, as: W.self], value, c)
    storeFlags(c, result, carries)
    return next(c, o)
  }
}

@inline(__always)
func compareMemReg<O: ALUOperation, W: Width, A: Addressing>(
  _: O.Type, _: W.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return reading(A.self, W.self, c, o) { value in
    let (result, carries) = O.apply(value, c[o.op.pointee.src, as: W.self], c)
    storeFlags(c, result, carries)
    return next(c, o)
  }
}

@inline(__always)
func compareMemImm<O: ALUOperation, W: Width, A: Addressing>(
  _: O.Type, _: W.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return reading(A.self, W.self, c, o) { value in
    let (result, carries) = O.apply(value, W(low: o.op.pointee.immediate), c)
    storeFlags(c, result, carries)
    return next(c, o)
  }
}

/// A one-operand operation; it stores its flags itself.
protocol UnaryOperation {
  static func apply<W: Width, F: FlagPolicy>(_ a: W, _: F.Type, _ c: UnsafeMutableRawPointer) -> W
}

/// INC and DEC leave CF.
enum Increment: UnaryOperation {
  @inline(__always)
  static func apply<W: Width, F: FlagPolicy>(_ a: W, _: F.Type, _ c: UnsafeMutableRawPointer) -> W {
    let result = a &+ 1
    if F.stores { storeStep(c, result, addition(a, 1, result)) }
    return result
  }
}
enum Decrement: UnaryOperation {
  @inline(__always)
  static func apply<W: Width, F: FlagPolicy>(_ a: W, _: F.Type, _ c: UnsafeMutableRawPointer) -> W {
    let result = a &- 1
    if F.stores { storeStep(c, result, subtraction(a, 1, result)) }
    return result
  }
}
enum Negate: UnaryOperation {
  @inline(__always)
  static func apply<W: Width, F: FlagPolicy>(_ a: W, _: F.Type, _ c: UnsafeMutableRawPointer) -> W {
    let result = 0 &- a
    if F.stores { storeFlags(c, result, subtraction(0, a, result)) }
    return result
  }
}
enum Complement: UnaryOperation {
  @inline(__always)
  static func apply<W: Width, F: FlagPolicy>(_ a: W, _: F.Type, _ c: UnsafeMutableRawPointer) -> W { ~a }
}

/// Stores flags with CF as it was: where the new carry differs from the old both top bits flip, which keeps OF.
@inline(__always)
private func storeStep<W: Width>(_ c: UnsafeMutableRawPointer, _ result: W, _ carries: UInt32) {
  let change = (carries ^ c.cpu.pointee.flagCarries) &>> 31
  storeFlags(c, result, carries ^ (0 &- change) & 0xc000_0000)
}

@inline(__always)
func unaryReg<O: UnaryOperation, W: Width, F: FlagPolicy>(
  _: O.Type, _: W.Type, _: F.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  c[o.op.pointee.dst, as: W.self] = O.apply(c[o.op.pointee.dst, as: W.self], F.self, c)
  return next(c, o)
}

@inline(__always)
func unaryMem<O: UnaryOperation, W: Width, A: Addressing>(
  _: O.Type, _: W.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return modifying(A.self, W.self, c, o) { O.apply($0, KeepFlags.self, c) }
}
