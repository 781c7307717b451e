// SPDX-License-Identifier: Apache-2.0

/// Conversions in integer arithmetic, with all exceptions. SDM vol. 2, the CVT instructions.

enum VectorConversion: UInt8 {
  case ps2pd, pd2ps, ss2sd, sd2ss
  /// To 32-bit integers; those to MMX registers take two elements.
  case ps2dq, truncatedPS2dq, pd2dq, truncatedPD2dq, ps2pi, truncatedPS2pi
  /// From 32-bit integers; PI2PS leaves the upper half of its destination.
  case dq2ps, pi2ps, dq2pd
}

/// A conversion into an XMM register.
@inline(never)
func softConvert(
  _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ source: SIMD2<UInt64>, _ conversion: VectorConversion
) {
  let (result, flags) = convert(conversion, c[xmm: o.op.pointee.dst], source, c.cpu.pointee.sse.mxcsr)
  return completing(c, o, flags) {
    c[xmm: o.op.pointee.dst] = result
    return next(c, o)
  }
}

/// A conversion into an MMX register; the x87 state changes even if the conversion faults.
@inline(never)
func softConvertToMMX(
  _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ source: SIMD2<UInt64>, _ conversion: VectorConversion
) {
  let (result, flags) = convert(conversion, .zero, source, c.cpu.pointee.sse.mxcsr)
  enterMMX(c)
  return completing(c, o, flags) {
    c[mmx: o.op.pointee.dst] = result.x
    return next(c, o)
  }
}

@inline(never)
private func convert(
  _ conversion: VectorConversion, _ destination: SIMD2<UInt64>, _ source: SIMD2<UInt64>, _ mxcsr: UInt32
) -> (SIMD2<UInt64>, UInt32) {
  var e = SoftEnvironment(mxcsr)
  var result: SIMD2<UInt64> = .zero
  switch conversion {
  case .ps2pd:
    for index in 0..<2 {
      let value = SoftFloat<Binary32>.convert(Binary32.element(source, index), to: Binary64.self, &e)
      Binary64.setElement(&result, index, value)
    }
  case .pd2ps:
    for index in 0..<2 {
      let value = SoftFloat<Binary64>.convert(Binary64.element(source, index), to: Binary32.self, &e)
      Binary32.setElement(&result, index, value)
    }
  case .ss2sd:
    result = destination
    result.x = SoftFloat<Binary32>.convert(Binary32.element(source, 0), to: Binary64.self, &e)
  case .sd2ss:
    result = destination
    Binary32.setElement(&result, 0, SoftFloat<Binary64>.convert(source.x, to: Binary32.self, &e))
  case .ps2dq, .truncatedPS2dq, .ps2pi, .truncatedPS2pi:
    let truncates = conversion == .truncatedPS2dq || conversion == .truncatedPS2pi
    for index in 0..<(conversion == .ps2dq || conversion == .truncatedPS2dq ? 4 : 2) {
      let value = SoftFloat<Binary32>.integer(
        Binary32.element(source, index), width: 32, truncates: truncates, &e)
      Binary32.setElement(&result, index, value)
    }
  case .pd2dq, .truncatedPD2dq:
    for index in 0..<2 {
      let value = SoftFloat<Binary64>.integer(
        Binary64.element(source, index), width: 32, truncates: conversion == .truncatedPD2dq, &e)
      Binary32.setElement(&result, index, value)
    }
  case .dq2ps, .pi2ps:
    if conversion == .pi2ps { result = destination }
    for index in 0..<(conversion == .pi2ps ? 2 : 4) {
      Binary32.setElement(&result, index, SoftFloat<Binary32>.fromInteger(integer(source, index), &e))
    }
  case .dq2pd:
    for index in 0..<2 {
      Binary64.setElement(&result, index, SoftFloat<Binary64>.fromInteger(integer(source, index), &e))
    }
  }
  return (result, e.flags)
}

/// The signed 32-bit integer `index` of a vector.
private func integer(_ vector: SIMD2<UInt64>, _ index: Int) -> Int64 {
  Int64(Int32(truncatingIfNeeded: Binary32.element(vector, index)))
}

// MARK: General registers

/// CVTSI2SS and CVTSI2SD.
@inline(never)
func softFromInteger(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ value: Int64, isDouble: Bool) {
  let (result, flags) = fromInteger(value, isDouble: isDouble, c.cpu.pointee.sse.mxcsr)
  return completing(c, o, flags) {
    let destination = c[xmm: o.op.pointee.dst]
    c[xmm: o.op.pointee.dst] =
      isDouble
      ? Binary64.replacingLow(destination, result)
      : Binary32.replacingLow(destination, UInt32(truncatingIfNeeded: result))
    return next(c, o)
  }
}

@inline(never)
private func fromInteger(_ value: Int64, isDouble: Bool, _ mxcsr: UInt32) -> (UInt64, UInt32) {
  var e = SoftEnvironment(mxcsr)
  let result = isDouble ? SoftFloat<Binary64>.fromInteger(value, &e) : SoftFloat<Binary32>.fromInteger(value, &e)
  return (result, e.flags)
}

/// CVTSS2SI, CVTSD2SI and their truncating forms; `isWide`: into 64 bits.
@inline(never)
func softToInteger(
  _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ value: UInt64, isDouble: Bool, isWide: Bool, truncates: Bool
) {
  let (result, flags) = toInteger(
    value, isDouble: isDouble, width: isWide ? 64 : 32, truncates: truncates, c.cpu.pointee.sse.mxcsr)
  return completing(c, o, flags) {
    // Writing 32 bits clears the upper half, which the result has clear.
    c[o.op.pointee.dst, as: UInt64.self] = result
    return next(c, o)
  }
}

@inline(never)
private func toInteger(
  _ value: UInt64, isDouble: Bool, width: Int, truncates: Bool, _ mxcsr: UInt32
) -> (UInt64, UInt32) {
  var e = SoftEnvironment(mxcsr)
  let result =
    isDouble
    ? SoftFloat<Binary64>.integer(value, width: width, truncates: truncates, &e)
    : SoftFloat<Binary32>.integer(value & 0xffff_ffff, width: width, truncates: truncates, &e)
  return (result, e.flags)
}
