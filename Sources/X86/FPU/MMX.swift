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

/// What an MMX instruction does to the x87's state whatever its operands.
@inline(__always)
func enterMMX(_ c: UnsafeMutableRawPointer) {
  c.cpu.pointee.x87.top = 0
  c.cpu.pointee.x87.valid = 0xff
}
