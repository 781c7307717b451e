// SPDX-License-Identifier: Apache-2.0

/// Moves to and from MMX registers, PSHUFW, EMMS, and the word and mask instructions. SDM vol. 2.
enum MMXHandlers {
  static let emms: Handler = { c, o in
    guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
    c.cpu.pointee.x87.valid = 0
    c.cpu.pointee.x87.top = 0
    return next(c, o)
  }

  // MARK: MOVD and MOVQ

  static let movdFromRegister: Handler = { generalToMMX(UInt32.self, $0, $1) }
  static let movqFromRegister: Handler = { generalToMMX(UInt64.self, $0, $1) }
  static let movdToRegister: Handler = { mmxToGeneral(UInt32.self, $0, $1) }
  static let movqToRegister: Handler = { mmxToGeneral(UInt64.self, $0, $1) }
  static let movdLoad: Handler = { mmxMem(MOVQ.self, UInt32.self, $0, $1) }
  static let movdStore: Handler = { mmxStore(UInt32.self, GeneralAddress.self, $0, $1) }
  static let movqRegister: Handler = { mmxReg(MOVQ.self, $0, $1) }
  static let movqLoad: Handler = { mmxMem(MOVQ.self, UInt64.self, $0, $1) }
  /// MOVNTQ too.
  static let movqStore: Handler = { mmxStore(UInt64.self, GeneralAddress.self, $0, $1) }

  @inline(__always)
  private static func generalToMMX<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
    guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
    enterMMX(c)
    c[mmx: o.op.pointee.dst] = c[o.op.pointee.src, as: W.self].wide
    return next(c, o)
  }

  @inline(__always)
  private static func mmxToGeneral<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
    guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
    enterMMX(c)
    c[o.op.pointee.dst, as: W.self] = W(low: c[mmx: o.op.pointee.src])
    return next(c, o)
  }

  @inline(__always)
  private static func mmxStore<W: Width, A: Addressing>(
    _: W.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
  ) {
    guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
    return writing(A.self, W.self, c, o) { host in
      W.write(W(low: c[mmx: o.op.pointee.src]), host)
      enterMMX(c)
      return next(c, o)
    }
  }

  // MARK: Between MMX and XMM registers

  static let movq2dq: Handler = { c, o in
    guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
    enterMMX(c)
    c[xmm: o.op.pointee.dst] = SIMD2(c[mmx: o.op.pointee.src], 0)
    return next(c, o)
  }
  static let movdq2q: Handler = { c, o in
    guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
    enterMMX(c)
    c[mmx: o.op.pointee.dst] = c[xmm: o.op.pointee.src].x
    return next(c, o)
  }

  // MARK: Words and masks

  static let pshufw: Handler = { c, o in
    guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
    enterMMX(c)
    c[mmx: o.op.pointee.dst] = shuffledWords(
      c[mmx: o.op.pointee.src], UInt8(truncatingIfNeeded: o.op.pointee.immediate))
    return next(c, o)
  }
  static let pshufwLoad: Handler = { c, o in
    guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
    return reading(GeneralAddress.self, UInt64.self, c, o) { value in
      enterMMX(c)
      c[mmx: o.op.pointee.dst] = shuffledWords(value, UInt8(truncatingIfNeeded: o.op.pointee.immediate))
      return next(c, o)
    }
  }
  static let pextrw: Handler = { c, o in
    guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
    enterMMX(c)
    let word = c[mmx: o.op.pointee.src] &>> ((o.op.pointee.immediate & 3) &* 16)
    c[o.op.pointee.dst, as: UInt32.self] = UInt32(truncatingIfNeeded: word) & 0xffff
    return next(c, o)
  }
  static let pinsrw: Handler = { c, o in
    guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
    enterMMX(c)
    let word = c[o.op.pointee.src, as: UInt16.self]
    c[mmx: o.op.pointee.dst] = withWord(c[mmx: o.op.pointee.dst], o.op.pointee.immediate, word)
    return next(c, o)
  }
  static let pinsrwLoad: Handler = { c, o in
    guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
    return reading(GeneralAddress.self, UInt16.self, c, o) { word in
      enterMMX(c)
      c[mmx: o.op.pointee.dst] = withWord(c[mmx: o.op.pointee.dst], o.op.pointee.immediate, word)
      return next(c, o)
    }
  }
  static let pmovmskb: Handler = { c, o in
    guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
    enterMMX(c)
    c[o.op.pointee.dst, as: UInt32.self] = byteSigns(c[mmx: o.op.pointee.src])
    return next(c, o)
  }

  /// MASKMOVQ.
  static let maskmovq: Handler = { c, o in
    guard !isX87ErrorPending(c) else { return raiseX87Error(c, o) }
    return execute(c, o) { (e, o) throws(Fault) in
      let mask = byteSigns(e.c[mmx: o.pointee.src])
      try e.storeBytes(o, SIMD2(e.c[mmx: o.pointee.dst], 0), where: mask)
      enterMMX(e.c)
      return .end
    }
  }
}
