// SPDX-License-Identifier: Apache-2.0

/// Moves of 16, 8 and 4 bytes to and from XMM registers. SDM vol. 1, 10.4.1.1 and 11.4.1.1.

// MARK: Whole registers

@inline(__always)
func loadVector<A: Addressing>(_: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return readingVector(A.self, c, o) { value in
    c[xmm: o.op.pointee.dst] = value
    return next(c, o)
  }
}

@inline(__always)
func loadVectorAligned<A: Addressing>(_: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return readingVectorAligned(A.self, c, o) { value in
    c[xmm: o.op.pointee.dst] = value
    return next(c, o)
  }
}

@inline(__always)
func storeVector<A: Addressing>(_: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return writingVector(A.self, c, o) { host in
    host.storeVector(c[xmm: o.op.pointee.src])
    return next(c, o)
  }
}

@inline(__always)
func storeVectorAligned<A: Addressing>(_: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return writingVectorAligned(A.self, c, o) { host in
    host.storeVector(c[xmm: o.op.pointee.src])
    return next(c, o)
  }
}

// MARK: Parts of registers

/// Loads 4 or 8 bytes and clears the rest of the register.
@inline(__always)
func loadScalar<W: Width, A: Addressing>(
  _: W.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return reading(A.self, W.self, c, o) { value in
    c[xmm: o.op.pointee.dst] = SIMD2(value.wide, 0)
    return next(c, o)
  }
}

@inline(__always)
func storeScalar<W: Width, A: Addressing>(
  _: W.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return writing(A.self, W.self, c, o) { host in
    W.write(W(low: c[xmm: o.op.pointee.src].x), host)
    return next(c, o)
  }
}

@inline(__always)
func loadLow<A: Addressing>(_: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return reading(A.self, UInt64.self, c, o) { value in
    c[xmm: o.op.pointee.dst].x = value
    return next(c, o)
  }
}

@inline(__always)
func loadHigh<A: Addressing>(_: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return reading(A.self, UInt64.self, c, o) { value in
    c[xmm: o.op.pointee.dst].y = value
    return next(c, o)
  }
}

@inline(__always)
func storeHigh<A: Addressing>(_: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return writing(A.self, UInt64.self, c, o) { host in
    UInt64.write(c[xmm: o.op.pointee.src].y, host)
    return next(c, o)
  }
}

/// MOVDDUP from memory, which is 8 bytes and need not be aligned.
@inline(__always)
func loadDuplicated<A: Addressing>(_: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return reading(A.self, UInt64.self, c, o) { value in
    c[xmm: o.op.pointee.dst] = SIMD2(repeating: value)
    return next(c, o)
  }
}

// MARK: Between registers: operations of `vectorReg`

/// MOVSS between registers.
enum MOVSS: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    SIMD2(a.x & ~0xffff_ffff | b.x & 0xffff_ffff, a.y)
  }
}
/// MOVSD between registers.
enum MOVSD: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> { SIMD2(b.x, a.y) }
}
enum MOVHLPS: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> { SIMD2(b.y, a.y) }
}
enum MOVLHPS: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> { SIMD2(a.x, b.x) }
}
/// MOVQ between registers clears the high half.
enum MOVQ: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> { SIMD2(b.x, 0) }
}
enum MOVAPS: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> { b }
}
enum MOVDDUP: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> { SIMD2(b.x, b.x) }
}
enum MOVSLDUP: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    let even = b & SIMD2(repeating: 0xffff_ffff)
    return even | even &<< 32
  }
}
enum MOVSHDUP: VectorOperation {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
    let odd = b &>> 32
    return odd | odd &<< 32
  }
}

// MARK: Between XMM and general registers

@inline(__always)
func generalToVector<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  c[xmm: o.op.pointee.dst] = SIMD2(c[o.op.pointee.src, as: W.self].wide, 0)
  return next(c, o)
}

@inline(__always)
func vectorToGeneral<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  c[o.op.pointee.dst, as: W.self] = W(low: c[xmm: o.op.pointee.src].x)
  return next(c, o)
}

enum VectorMaskHandlers {
  /// The sign bits of the four dwords. The upper half of the general register is cleared.
  static let movmskps: Handler = { c, o in
    let signs = c[xmm: o.op.pointee.src] & SIMD2(repeating: 0x8000_0000_8000_0000)
    let low = signs.x &>> 31 | signs.x &>> 62, high = signs.y &>> 29 | signs.y &>> 60
    c[o.op.pointee.dst, as: UInt32.self] = UInt32(truncatingIfNeeded: low & 3 | high & 12)
    return next(c, o)
  }
  static let movmskpd: Handler = { c, o in
    let value = c[xmm: o.op.pointee.src]
    c[o.op.pointee.dst, as: UInt32.self] = UInt32(truncatingIfNeeded: value.x &>> 63 | (value.y &>> 63) &<< 1)
    return next(c, o)
  }
  static let pmovmskb: Handler = { c, o in
    let value = c[xmm: o.op.pointee.src]
    c[o.op.pointee.dst, as: UInt32.self] = byteSigns(value.x) | byteSigns(value.y) &<< 8
    return next(c, o)
  }
  static let pextrw: Handler = { c, o in
    let value = c[xmm: o.op.pointee.src], place = o.op.pointee.immediate
    let half = place & 4 == 0 ? value.x : value.y
    c[o.op.pointee.dst, as: UInt32.self] = UInt32(truncatingIfNeeded: half &>> ((place & 3) &* 16)) & 0xffff
    return next(c, o)
  }
  static let pinsrw: Handler = { c, o in
    insertWord(c, o, c[o.op.pointee.src, as: UInt16.self])
    return next(c, o)
  }
  static let pinsrwMemory: Handler = { c, o in
    return reading(GeneralAddress.self, UInt16.self, c, o) { value in
      insertWord(c, o, value)
      return next(c, o)
    }
  }

  @inline(__always)
  private static func insertWord(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ word: UInt16) {
    var value = c[xmm: o.op.pointee.dst]
    let place = o.op.pointee.immediate
    if place & 4 == 0 {
      value.x = withWord(value.x, place, word)
    } else {
      value.y = withWord(value.y, place, word)
    }
    c[xmm: o.op.pointee.dst] = value
  }
}

/// The most significant bits of eight bytes, as a byte.
@inline(__always)
func byteSigns(_ value: UInt64) -> UInt32 {
  // Each sign, at bit 8i, is carried to bit 56 + i by one term of the factor; no two products meet.
  let signs = (value &>> 7) & 0x0101_0101_0101_0101
  return UInt32(truncatingIfNeeded: (signs &* 0x0102_0408_1020_4080) &>> 56)
}

/// A quadword with word `place` mod 4 replaced.
@inline(__always)
func withWord(_ value: UInt64, _ place: UInt64, _ word: UInt16) -> UInt64 {
  let shift = (place & 3) &* 16
  return value & ~(0xffff &<< shift) | UInt64(word) &<< shift
}
