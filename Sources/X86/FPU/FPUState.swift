// SPDX-License-Identifier: Apache-2.0

/// A double extended-precision value as the x87 holds it. SDM vol. 1, 4.2.2.
struct Extended: BitwiseCopyable, Equatable {
  /// The significand with its explicit integer bit.
  var significand: UInt64 = 0
  /// Bit 15 the sign, bits 0...14 the biased exponent.
  var signExponent: UInt16 = 0
}

/// Registers of the x87 unit, which MMX shares. SDM vol. 1, 8.1.
struct X87State: BitwiseCopyable {
  /// Physical registers R0...R7; ST(i) is R((TOP + i) mod 8), MMi is the significand of Ri.
  var registers: InlineArray<8, Extended> = .init(repeating: Extended())
  /// FCW.
  var control: UInt16 = 0x0040
  /// FSW without TOP, whose bits are zero here.
  var status: UInt16 = 0
  /// TOP, 0...7.
  var top: UInt8 = 0
  /// One bit for each physical register: set if it is not empty. FTW's other codes are derived from the contents.
  var valid: UInt8 = 0xff
  /// FOP, the opcode of the last instruction that is not a control instruction, 11 bits.
  var opcode: UInt16 = 0
  /// FIP and FDP with their selectors.
  var instructionPointer: UInt64 = 0
  var dataPointer: UInt64 = 0
  var instructionSelector: UInt16 = 0
  var dataSelector: UInt16 = 0

  /// FSW as FNSTSW stores it.
  @inline(__always) var statusWord: UInt16 {
    get { status | UInt16(top & 7) &<< 11 }
    set {
      status = newValue & ~0x3800
      top = UInt8(truncatingIfNeeded: newValue &>> 11) & 7
    }
  }

  /// What FNINIT leaves. SDM vol. 1, table 8-1.
  mutating func initialize() {
    control = 0x037f
    status = 0
    top = 0
    valid = 0
    opcode = 0
    instructionPointer = 0
    dataPointer = 0
    instructionSelector = 0
    dataSelector = 0
  }
}

/// XMM0...XMM15 and MXCSR. SDM vol. 1, 10.2.
struct SSEState: BitwiseCopyable {
  var registers: InlineArray<16, SIMD2<UInt64>> = .init(repeating: .zero)
  var mxcsr: UInt32 = 0x1f80

  /// MXCSR bits that exist, DAZ included.
  static let mxcsrMask: UInt32 = 0xffff
}
