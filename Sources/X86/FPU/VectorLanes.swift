// SPDX-License-Identifier: Apache-2.0

/// The packed formats of a 16-byte value. SDM vol. 1, 4.6.2. Lane 0 is the least significant.
extension SIMD2<UInt64> {
  @inline(__always) var bytes: SIMD16<UInt8> { unsafeBitCast(self, to: SIMD16<UInt8>.self) }
  @inline(__always) var words: SIMD8<UInt16> { unsafeBitCast(self, to: SIMD8<UInt16>.self) }
  @inline(__always) var dwords: SIMD4<UInt32> { unsafeBitCast(self, to: SIMD4<UInt32>.self) }
  @inline(__always) var signedBytes: SIMD16<Int8> { unsafeBitCast(self, to: SIMD16<Int8>.self) }
  @inline(__always) var signedWords: SIMD8<Int16> { unsafeBitCast(self, to: SIMD8<Int16>.self) }
  @inline(__always) var signedDwords: SIMD4<Int32> { unsafeBitCast(self, to: SIMD4<Int32>.self) }

  @inline(__always) init(packed lanes: SIMD16<UInt8>) { self = unsafeBitCast(lanes, to: Self.self) }
  @inline(__always) init(packed lanes: SIMD8<UInt16>) { self = unsafeBitCast(lanes, to: Self.self) }
  @inline(__always) init(packed lanes: SIMD4<UInt32>) { self = unsafeBitCast(lanes, to: Self.self) }
  @inline(__always) init(packed lanes: SIMD16<Int8>) { self = unsafeBitCast(lanes, to: Self.self) }
  @inline(__always) init(packed lanes: SIMD8<Int16>) { self = unsafeBitCast(lanes, to: Self.self) }
  @inline(__always) init(packed lanes: SIMD4<Int32>) { self = unsafeBitCast(lanes, to: Self.self) }

  // Masks hold all ones in the lanes that are true, as the comparing instructions want it.
  @inline(__always) init(mask: SIMDMask<SIMD16<Int8>>) { self = unsafeBitCast(mask, to: Self.self) }
  @inline(__always) init(mask: SIMDMask<SIMD8<Int16>>) { self = unsafeBitCast(mask, to: Self.self) }
  @inline(__always) init(mask: SIMDMask<SIMD4<Int32>>) { self = unsafeBitCast(mask, to: Self.self) }

  /// The bits of `other` where the mask is set, the own ones elsewhere.
  @inline(__always) func replaced(by other: Self, where mask: Self) -> Self { self & ~mask | other & mask }
}

/// What a packed instruction makes of its destination and its source.
///
/// MMX instances use the low half: `apply` of two operands with zero high halves must have their result there.
protocol VectorOperation {
  static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64>
}

/// `VectorOperation` with an immediate byte.
protocol VectorImmediateOperation {
  static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>, _ immediate: UInt8) -> SIMD2<UInt64>
}

/// Shifts all lanes by one count.
protocol VectorShift {
  static func apply(_ a: SIMD2<UInt64>, _ count: UInt64) -> SIMD2<UInt64>
}

// MARK: Shapes of XMM handlers

@inline(__always)
func vectorReg<O: VectorOperation>(_: O.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  c[xmm: o.op.pointee.dst] = O.apply(c[xmm: o.op.pointee.dst], c[xmm: o.op.pointee.src])
  return next(c, o)
}

@inline(__always)
func vectorMem<O: VectorOperation, A: Addressing>(
  _: O.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return readingVectorAligned(A.self, c, o) { value in
    c[xmm: o.op.pointee.dst] = O.apply(c[xmm: o.op.pointee.dst], value)
    return next(c, o)
  }
}

@inline(__always)
func vectorRegImm<O: VectorImmediateOperation>(_: O.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let immediate = UInt8(truncatingIfNeeded: o.op.pointee.immediate)
  c[xmm: o.op.pointee.dst] = O.apply(c[xmm: o.op.pointee.dst], c[xmm: o.op.pointee.src], immediate)
  return next(c, o)
}

@inline(__always)
func vectorMemImm<O: VectorImmediateOperation, A: Addressing>(
  _: O.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return readingVectorAligned(A.self, c, o) { value in
    let immediate = UInt8(truncatingIfNeeded: o.op.pointee.immediate)
    c[xmm: o.op.pointee.dst] = O.apply(c[xmm: o.op.pointee.dst], value, immediate)
    return next(c, o)
  }
}

/// The count is all of the low 64 bits of the source.
@inline(__always)
func vectorShiftReg<O: VectorShift>(_: O.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  c[xmm: o.op.pointee.dst] = O.apply(c[xmm: o.op.pointee.dst], c[xmm: o.op.pointee.src].x)
  return next(c, o)
}

@inline(__always)
func vectorShiftMem<O: VectorShift>(_: O.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return readingVectorAligned(GeneralAddress.self, c, o) { value in
    c[xmm: o.op.pointee.dst] = O.apply(c[xmm: o.op.pointee.dst], value.x)
    return next(c, o)
  }
}

@inline(__always)
func vectorShiftImm<O: VectorShift>(_: O.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  c[xmm: o.op.pointee.dst] = O.apply(c[xmm: o.op.pointee.dst], o.op.pointee.immediate & 0xff)
  return next(c, o)
}

/// The handlers of one operation on XMM registers, by where the source is.
struct PackedForms {
  let reg: Handler
  let long: Handler
  let general: Handler

  func handler(_ instruction: Instruction, _ mode: SelectionMode) -> Handler {
    guard instruction.operands.1.kind == .memory else { return reg }
    return mode.address(instruction) == .long ? long : general
  }
}
