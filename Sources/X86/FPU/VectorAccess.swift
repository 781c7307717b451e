// SPDX-License-Identifier: Apache-2.0

/// Operands of 16 bytes: XMM registers and memory. SDM vol. 1, 10.2 and 11.4.4.

extension UnsafeMutableRawPointer {
  /// XMM register `number` of the processor behind a handler's first argument.
  ///
  /// Safe: the decoder gives numbers below 16 only.
  @inline(__always) subscript(xmm number: UInt8) -> SIMD2<UInt64> {
    get { cpu.pointee.sse.registers[unchecked: Int(number)] }
    nonmutating set { cpu.pointee.sse.registers[unchecked: Int(number)] = newValue }
  }

  /// Stores 16 bytes at any alignment.
  @inline(__always) func storeVector(_ value: SIMD2<UInt64>) { storeBytes(of: value, as: SIMD2<UInt64>.self) }
}

extension UnsafeRawPointer {
  /// Loads 16 bytes at any alignment.
  @inline(__always) func loadVector() -> SIMD2<UInt64> { loadUnaligned(as: SIMD2<UInt64>.self) }
}

extension UnsafeMutableRawPointer {
  /// Loads 16 bytes at any alignment.
  @inline(__always) func loadVector() -> SIMD2<UInt64> { loadUnaligned(as: SIMD2<UInt64>.self) }
}

/// Runs `body` with the 16-byte memory operand's value, whatever its alignment; `body` ends the instruction.
@inline(__always)
func readingVector<A: Addressing>(
  _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ body: (SIMD2<UInt64>) -> Void
) {
  let offset = A.offset(c, o)
  guard A.mayRead(c, o, offset, 16) else { return refuse(c, o) }
  let linear = A.linear(c, o, offset)
  let slot = fastSlot(c, linear)
  guard slot.load(as: UInt64.self) == pageOfLastByte(linear, 16) else { return slowAccess(c, o, linear, 16, .read) }
  return body(hostAddress(slot, linear).loadVector())
}

/// `readingVector` for the operands that must be aligned: #GP(0) comes before translation.
@inline(__always)
func readingVectorAligned<A: Addressing>(
  _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ body: (SIMD2<UInt64>) -> Void
) {
  let offset = A.offset(c, o)
  guard A.mayRead(c, o, offset, 16) else { return refuse(c, o) }
  let linear = A.linear(c, o, offset)
  let slot = fastSlot(c, linear)
  guard slot.load(as: UInt64.self) == pageIfAligned(linear) else { return slowAlignedRead(c, o, linear) }
  return body(hostAddress(slot, linear).loadVector())
}

/// Runs `body` with the host address to write the 16-byte operand at, whatever its alignment; `body` ends the
/// instruction.
@inline(__always)
func writingVector<A: Addressing>(
  _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ body: (UnsafeMutableRawPointer) -> Void
) {
  let offset = A.offset(c, o)
  guard A.mayWrite(c, o, offset, 16) else { return refuse(c, o) }
  let linear = A.linear(c, o, offset)
  let slot = fastSlot(c, linear)
  guard slot.load(fromByteOffset: 8, as: UInt64.self) == pageOfLastByte(linear, 16) else {
    return slowAccess(c, o, linear, 16, .write)
  }
  return body(hostAddress(slot, linear))
}

/// `writingVector` for the operands that must be aligned.
@inline(__always)
func writingVectorAligned<A: Addressing>(
  _: A.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ body: (UnsafeMutableRawPointer) -> Void
) {
  let offset = A.offset(c, o)
  guard A.mayWrite(c, o, offset, 16) else { return refuse(c, o) }
  let linear = A.linear(c, o, offset)
  let slot = fastSlot(c, linear)
  guard slot.load(fromByteOffset: 8, as: UInt64.self) == pageIfAligned(linear) else {
    return slowAlignedWrite(c, o, linear)
  }
  return body(hostAddress(slot, linear))
}

/// What the tag of a hit must be equal to for an aligned operand of 16 bytes: of a misaligned address bits remain that
/// no tag has.
@inline(__always)
private func pageIfAligned(_ linear: UInt64) -> UInt64 { linear & ~0xff0 }

@inline(never)
private func slowAlignedRead(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ linear: UInt64) {
  if linear & 15 != 0 { return fault(c, o, Exception.generalProtection, 0) }
  return slowAccess(c, o, linear, 16, .read)
}

@inline(never)
private func slowAlignedWrite(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ linear: UInt64) {
  if linear & 15 != 0 { return fault(c, o, Exception.generalProtection, 0) }
  return slowAccess(c, o, linear, 16, .write)
}
