// SPDX-License-Identifier: Apache-2.0

/// Shapes of the handlers of packed operations on MMX registers.

@inline(__always)
func mmxReg<O: VectorOperation>(_: O.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
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
  guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
  return reading(GeneralAddress.self, W.self, c, o) { value in
    let a = SIMD2(c[mmx: o.op.pointee.dst], 0)
    enterMMX(c)
    c[mmx: o.op.pointee.dst] = O.apply(a, SIMD2(value.wide, 0)).x
    return next(c, o)
  }
}

@inline(__always)
func mmxShiftReg<O: VectorShift>(_: O.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
  let a = SIMD2(c[mmx: o.op.pointee.dst], 0), count = c[mmx: o.op.pointee.src]
  enterMMX(c)
  c[mmx: o.op.pointee.dst] = O.apply(a, count).x
  return next(c, o)
}

@inline(__always)
func mmxShiftMem<O: VectorShift>(_: O.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
  return reading(GeneralAddress.self, UInt64.self, c, o) { count in
    let a = SIMD2(c[mmx: o.op.pointee.dst], 0)
    enterMMX(c)
    c[mmx: o.op.pointee.dst] = O.apply(a, count).x
    return next(c, o)
  }
}

@inline(__always)
func mmxShiftImm<O: VectorShift>(_: O.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
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
