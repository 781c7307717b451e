// SPDX-License-Identifier: Apache-2.0

/// XADD CMPXCHG CMPXCHG8B CMPXCHG16B. SDM vol. 2. LOCK changes nothing: virtual processors take turns.

@inline(__always)
func addExchangeReg<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let first = c[o.op.pointee.dst, as: W.self]
  let (sum, carries) = Add.apply(first, c[o.op.pointee.src, as: W.self], c)
  // With both operands the same register the sum stays.
  c[o.op.pointee.src, as: W.self] = first
  c[o.op.pointee.dst, as: W.self] = sum
  storeFlags(c, sum, carries)
  return next(c, o)
}

@inline(__always)
func addExchangeMem<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return modifying(GeneralAddress.self, W.self, c, o) { value in
    let (sum, carries) = Add.apply(value, c[o.op.pointee.src, as: W.self], c)
    c[o.op.pointee.src, as: W.self] = value
    storeFlags(c, sum, carries)
    return sum
  }
}

/// A destination register of 32 bits is zero-extended only when it is written, the accumulator only when it is.
@inline(__always)
func compareExchangeReg<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let value = c[o.op.pointee.dst, as: W.self]
  let (difference, carries) = Subtract.apply(c[0, as: W.self], value, c)
  if difference == 0 {
    c[o.op.pointee.dst, as: W.self] = c[o.op.pointee.src, as: W.self]
  } else {
    c[0, as: W.self] = value
  }
  storeFlags(c, difference, carries)
  return next(c, o)
}

@inline(__always)
func compareExchangeMem<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  return modifying(GeneralAddress.self, W.self, c, o) { value in
    let (difference, carries) = Subtract.apply(c[0, as: W.self], value, c)
    storeFlags(c, difference, carries)
    if difference == 0 { return c[o.op.pointee.src, as: W.self] }
    c[0, as: W.self] = value
    return value
  }
}

enum ExchangeHandlers {
  /// CMPXCHG8B: EDX:EAX with memory, ECX:EBX the replacement; only ZF changes. Memory is written in either case.
  static let compare8: Handler = { c, o in
    return modifying(GeneralAddress.self, UInt64.self, c, o) { value in
      let expected = UInt64(c[16, as: UInt32.self]) &<< 32 | UInt64(c[0, as: UInt32.self])
      storeZero(c, value == expected)
      if value == expected { return UInt64(c[8, as: UInt32.self]) &<< 32 | UInt64(c[24, as: UInt32.self]) }
      c[0, as: UInt32.self] = UInt32(truncatingIfNeeded: value)
      c[16, as: UInt32.self] = UInt32(truncatingIfNeeded: value &>> 32)
      return value
    }
  }

  /// CMPXCHG16B: #GP(0) unless aligned to 16 bytes.
  static let compare16: Handler = { c, o in
    let offset = GeneralAddress.offset(c, o)
    let linear = GeneralAddress.linear(c, o, offset)
    guard linear & 15 == 0 else { return fault(c, o, Exception.generalProtection, 0) }
    let slot = fastSlot(c, linear)
    guard slot.load(fromByteOffset: 8, as: UInt64.self) == pageOfLastByte(linear, 16) else {
      return slowAccess(c, o, linear, 16, .readWrite)
    }
    let host = hostAddress(slot, linear)
    let low = host.loadUnaligned(as: UInt64.self), high = host.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    let isEqual = low == c[0, as: UInt64.self] && high == c[16, as: UInt64.self]
    storeZero(c, isEqual)
    if isEqual {
      host.storeBytes(of: c[24, as: UInt64.self], as: UInt64.self)
      host.storeBytes(of: c[8, as: UInt64.self], toByteOffset: 8, as: UInt64.self)
    } else {
      c[0, as: UInt64.self] = low
      c[16, as: UInt64.self] = high
    }
    return next(c, o)
  }

  @inline(__always)
  private static func storeZero(_ c: UnsafeMutableRawPointer, _ isZero: Bool) {
    let flags = c.cpu.pointee.eflags & ~Flags.zf
    c.cpu.pointee.setStatusFlags(isZero ? flags | Flags.zf : flags)
  }
}
