// SPDX-License-Identifier: Apache-2.0

/// MOV MOVZX MOVSX MOVSXD XCHG LEA CMOVcc SETcc MOVBE MOVNTI XLAT BSWAP. SDM vol. 2.

@inline(__always)
func moveRegReg<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  c[o.op.pointee.dst, as: W.self] = c[o.op.pointee.src, as: W.self]
  return next(c, o)
}

@inline(__always)
func moveRegImm<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  c[o.op.pointee.dst, as: W.self] = W(low: o.op.pointee.immediate)
  return next(c, o)
}

@inline(__always)
func moveRegMem<W: Width, A: Addressing>(
  _: W.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return reading(A.self, W.self, c, o) { value in
    c[o.op.pointee.dst, as: W.self] = value
    return next(c, o)
  }
}

@inline(__always)
func moveMemReg<W: Width, A: Addressing>(
  _: W.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return writing(A.self, W.self, c, o) { host in
    W.write(c[o.op.pointee.src, as: W.self], host)
    return next(c, o)
  }
}

@inline(__always)
func moveMemImm<W: Width, A: Addressing>(
  _: W.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return writing(A.self, W.self, c, o) { host in
    W.write(W(low: o.op.pointee.immediate), host)
    return next(c, o)
  }
}

/// Zero or sign extension from `S` to `W`.
protocol Extension {
  static func apply<S: Width, W: Width>(_ value: S, to: W.Type) -> W
}
enum ZeroExtend: Extension {
  @inline(__always) static func apply<S: Width, W: Width>(_ value: S, to: W.Type) -> W {
    W(low: value.wide)
  }
}
enum SignExtend: Extension {
  @inline(__always) static func apply<S: Width, W: Width>(_ value: S, to: W.Type) -> W {
    W(low: value.flagWord)
  }
}

@inline(__always)
func extendRegReg<E: Extension, S: Width, W: Width>(
  _: E.Type, _: S.Type, _: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  c[o.op.pointee.dst, as: W.self] = E.apply(c[o.op.pointee.src, as: S.self], to: W.self)
  return next(c, o)
}

@inline(__always)
func extendRegMem<E: Extension, S: Width, W: Width, A: Addressing>(
  _: E.Type, _: S.Type, _: W.Type, _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer
) {
  return reading(A.self, S.self, c, o) { value in
    c[o.op.pointee.dst, as: W.self] = E.apply(value, to: W.self)
    return next(c, o)
  }
}

@inline(__always)
func exchangeRegReg<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let first = c[o.op.pointee.dst, as: W.self]
  c[o.op.pointee.dst, as: W.self] = c[o.op.pointee.src, as: W.self]
  c[o.op.pointee.src, as: W.self] = first
  return next(c, o)
}

/// The register is in `src`, whichever operand it was.
@inline(__always)
func exchangeMemReg<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return modifying(GeneralAddress.self, W.self, c, o) { value in
    let register = c[o.op.pointee.src, as: W.self]
    c[o.op.pointee.src, as: W.self] = value
    return register
  }
}

@inline(__always)
func leaFlat<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  c[o.op.pointee.dst, as: W.self] = W(low: FlatAddress.offset(c, o))
  return next(c, o)
}

@inline(__always)
func leaGeneral<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  c[o.op.pointee.dst, as: W.self] = W(low: effectiveOffset(c, o.op))
  return next(c, o)
}

/// CMOVcc; the condition code is in `immediate`. The load form reads (and faults) whatever the condition; a 32-bit
/// destination is written, hence zero-extended, in any case.
@inline(__always)
func conditionalMoveReg<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let value = c[o.op.pointee.src, as: W.self], old = c[o.op.pointee.dst, as: W.self]
  c[o.op.pointee.dst, as: W.self] = holds(c, o.op.pointee.immediate) ? value : old
  return next(c, o)
}

@inline(__always)
func conditionalMoveMem<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return reading(GeneralAddress.self, W.self, c, o) { value in
    let old = c[o.op.pointee.dst, as: W.self]
    c[o.op.pointee.dst, as: W.self] = holds(c, o.op.pointee.immediate) ? value : old
    return next(c, o)
  }
}

enum MoveHandlers {
  static let setReg: Handler = { c, o in
    c[o.op.pointee.dst, as: UInt8.self] = holds(c, o.op.pointee.immediate) ? 1 : 0
    return next(c, o)
  }
  static let setMem: Handler = { c, o in
    return writing(GeneralAddress.self, UInt8.self, c, o) { host in
      host.storeBytes(of: holds(c, o.op.pointee.immediate) ? 1 : 0, as: UInt8.self)
      return next(c, o)
    }
  }

  /// XLAT: the builder gives (E/R)BX as base; AL is added here, unscaled.
  static let xlat: Handler = { c, o in
    let address = xlatOffset(c, o)
    guard GeneralAddress.mayRead(c, o, address, 1) else { return refuse(c, o) }
    let linear = GeneralAddress.linear(c, o, address)
    let slot = fastSlot(c, linear)
    guard slot.load(as: UInt64.self) == linear & ~0xfff else { return slowAccess(c, o, linear, 1, .read) }
    c[0, as: UInt8.self] = hostAddress(slot, linear).load(as: UInt8.self)
    return next(c, o)
  }

  @inline(__always)
  private static func xlatOffset(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) -> UInt64 {
    let sum = c[24, as: UInt64.self] &+ UInt64(c[0, as: UInt8.self])
    let flags = o.op.pointee.flags
    return flags & OpFlags.address16 != 0 ? sum & 0xffff : flags & OpFlags.address32 != 0 ? sum & 0xffff_ffff : sum
  }

  static let swap32: Handler = { c, o in
    c[o.op.pointee.dst, as: UInt32.self] = c[o.op.pointee.dst, as: UInt32.self].byteSwapped
    return next(c, o)
  }
  static let swap64: Handler = { c, o in
    c[o.op.pointee.dst, as: UInt64.self] = c[o.op.pointee.dst, as: UInt64.self].byteSwapped
    return next(c, o)
  }
  /// BSWAP of a 16-bit register is undefined; processors clear it.
  static let swap16: Handler = { c, o in
    c[o.op.pointee.dst, as: UInt16.self] = 0
    return next(c, o)
  }

  static let nop: Handler = { c, o in return next(c, o) }
}

/// MOV between the accumulator and an absolute 64-bit offset, which is in `immediate`.
@inline(__always)
func loadAbsolute<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let linear = GeneralAddress.linear(c, o, o.op.pointee.immediate)
  let slot = fastSlot(c, linear)
  guard slot.load(as: UInt64.self) == pageOfLastByte(linear, W.byteCount) else {
    return slowAccess(c, o, linear, W.byteCount, .read)
  }
  c[0, as: W.self] = W.read(hostAddress(slot, linear))
  return next(c, o)
}

@inline(__always)
func storeAbsolute<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let linear = GeneralAddress.linear(c, o, o.op.pointee.immediate)
  let slot = fastSlot(c, linear)
  guard slot.load(fromByteOffset: 8, as: UInt64.self) == pageOfLastByte(linear, W.byteCount) else {
    return slowAccess(c, o, linear, W.byteCount, .write)
  }
  W.write(c[0, as: W.self], hostAddress(slot, linear))
  return next(c, o)
}

@inline(__always)
func moveSwappedRegMem<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return reading(GeneralAddress.self, W.self, c, o) { value in
    c[o.op.pointee.dst, as: W.self] = value.byteSwapped
    return next(c, o)
  }
}

@inline(__always)
func moveSwappedMemReg<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return writing(GeneralAddress.self, W.self, c, o) { host in
    W.write(c[o.op.pointee.src, as: W.self].byteSwapped, host)
    return next(c, o)
  }
}
