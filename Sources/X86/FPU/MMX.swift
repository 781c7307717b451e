// SPDX-License-Identifier: Apache-2.0

/// MMX registers, which are the significands of the x87's physical registers. SDM vol. 1, 9.2 and 9.5.
///
/// Every MMX instruction but EMMS sets TOP to zero and makes all registers valid; one that writes a register sets its
/// sign and exponent to all ones. A pending x87 exception comes first.

extension UnsafeMutableRawPointer {
  /// Safe: the decoder gives numbers below 8 only.
  @inline(__always) subscript(mmx number: UInt8) -> UInt64 {
    get { cpu.pointee.x87.registers[unchecked: Int(number)].significand }
    nonmutating set {
      cpu.pointee.x87.registers[unchecked: Int(number)] = Extended(significand: newValue, signExponent: 0xffff)
    }
  }
}

/// FSW.ES: an unmasked x87 exception waits for the next instruction that looks.
private let errorSummary: UInt16 = 1 << 7

@inline(__always)
func hasPendingX87Error(_ c: UnsafeMutableRawPointer) -> Bool { c.cpu.pointee.x87.status & errorSummary != 0 }

/// What an MMX instruction does to the x87's state whatever its operands.
@inline(__always)
func enterMMX(_ c: UnsafeMutableRawPointer) {
  c.cpu.pointee.x87.top = 0
  c.cpu.pointee.x87.valid = 0xff
}

/// An MMX instruction met a pending x87 exception: #MF, or with CR0.NE clear FERR#, and the processor stands still until
/// an interrupt comes. SDM vol. 1, 8.7.
@inline(never)
func raisePendingX87Error(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  if c.cpu.pointee.cr0 & CR0.ne != 0 { return fault(c, o, Exception.floatingPoint) }
  note(c, o)
  let machine = c.cpu.pointee.machine
  machine.ferr(machine.context, true)
  c.cpu.pointee.isHalted = true
  return exitBlock(c, o, instructionPointer(c, o))
}

// MARK: Shapes of MMX handlers

@inline(__always)
func mmxReg<O: VectorOperation>(_: O.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  guard !hasPendingX87Error(c) else { return raisePendingX87Error(c, o) }
  let a = SIMD2(c[mmx: o.op.pointee.dst], 0), b = SIMD2(c[mmx: o.op.pointee.src], 0)
  enterMMX(c)
  c[mmx: o.op.pointee.dst] = O.apply(a, b).x
  return next(c, o)
}

/// `W` is 4 bytes wide for PUNPCKL…, 8 for the others.
@inline(__always)
func mmxMem<O: VectorOperation, W: Width>(
  _: O.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  guard !hasPendingX87Error(c) else { return raisePendingX87Error(c, o) }
  return reading(GeneralAddress.self, W.self, c, o) { value in
    let a = SIMD2(c[mmx: o.op.pointee.dst], 0)
    enterMMX(c)
    c[mmx: o.op.pointee.dst] = O.apply(a, SIMD2(value.wide, 0)).x
    return next(c, o)
  }
}

@inline(__always)
func mmxShiftReg<O: VectorShift>(_: O.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  guard !hasPendingX87Error(c) else { return raisePendingX87Error(c, o) }
  let a = SIMD2(c[mmx: o.op.pointee.dst], 0), count = c[mmx: o.op.pointee.src]
  enterMMX(c)
  c[mmx: o.op.pointee.dst] = O.apply(a, count).x
  return next(c, o)
}

@inline(__always)
func mmxShiftMem<O: VectorShift>(_: O.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  guard !hasPendingX87Error(c) else { return raisePendingX87Error(c, o) }
  return reading(GeneralAddress.self, UInt64.self, c, o) { count in
    let a = SIMD2(c[mmx: o.op.pointee.dst], 0)
    enterMMX(c)
    c[mmx: o.op.pointee.dst] = O.apply(a, count).x
    return next(c, o)
  }
}

@inline(__always)
func mmxShiftImm<O: VectorShift>(_: O.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  guard !hasPendingX87Error(c) else { return raisePendingX87Error(c, o) }
  let a = SIMD2(c[mmx: o.op.pointee.dst], 0)
  enterMMX(c)
  c[mmx: o.op.pointee.dst] = O.apply(a, o.op.pointee.immediate & 0xff).x
  return next(c, o)
}

// MARK: Operations whose MMX form is not the low half of the XMM form

/// PACK…: four or two lanes of the destination, then those of the source.
enum HalfPack<O: VectorOperation>: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    O.apply(SIMD2(a.x, b.x), SIMD2())
  }
}
/// PUNPCKH…: the upper lanes of 8 bytes are in the high half of what PUNPCKL… makes of them.
enum HalfUnpackHigh<O: VectorOperation>: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    SIMD2(O.apply(a, b).y, 0)
  }
}
