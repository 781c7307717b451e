// SPDX-License-Identifier: Apache-2.0

/// The 512-byte image of FXSAVE, as 64 words of 8 bytes. SDM vol. 1, table 10-2 (FXSAVE area) and 10.5.1.
enum FXImage {
  static let byteCount = 512
  /// Words that FXSAVE writes: 36 with XMM0...XMM7, 52 with all sixteen.
  static func wordCount(vectorCount: Int) -> Int { 20 + 2 * vectorCount }

  /// Word `index` of the image. `wide`: REX.W, instruction and data pointers are 64 bits without selectors.
  static func word(_ cpu: borrowing CPUState, _ index: Int, wide: Bool) -> UInt64 {
    switch index {
    case 0:
      return UInt64(cpu.x87.control) | UInt64(cpu.x87.statusWord) << 16 | UInt64(cpu.x87.valid) << 32
        | UInt64(cpu.x87.opcode & 0x7ff) << 48
    case 1:
      if wide { return cpu.x87.instructionPointer }
      return cpu.x87.instructionPointer & 0xffff_ffff | UInt64(cpu.x87.instructionSelector) << 32
    case 2:
      if wide { return cpu.x87.dataPointer }
      return cpu.x87.dataPointer & 0xffff_ffff | UInt64(cpu.x87.dataSelector) << 32
    case 3: return UInt64(cpu.sse.mxcsr) | UInt64(SSEState.mxcsrMask) << 32
    case 4..<20:
      let value = cpu.x87.registers[(Int(cpu.x87.top) + (index - 4) / 2) & 7]
      return index & 1 == 0 ? value.significand : UInt64(value.signExponent)
    case 20..<52:
      let value = cpu.sse.registers[(index - 20) / 2]
      return index & 1 == 0 ? value.x : value.y
    default: return 0
    }
  }

  /// Makes word `index` of an image the state's; words must come in ascending order, since TOP places the registers.
  /// Reserved bits of MXCSR must have been refused before.
  static func set(_ cpu: inout CPUState, _ index: Int, _ value: UInt64, wide: Bool) {
    switch index {
    case 0:
      // Bits that the control word does not have read as fixed values. ES and B are no bits of their own: they say that
      // a flag is set that is not masked.
      cpu.x87.control = UInt16(truncatingIfNeeded: value) & 0x1f3f | 0x40
      let isPending = UInt16(truncatingIfNeeded: value >> 16) & ~cpu.x87.control & 0x3f != 0
      cpu.x87.statusWord = UInt16(truncatingIfNeeded: value >> 16) & 0x7f7f | (isPending ? 0x8080 : 0)
      cpu.x87.valid = UInt8(truncatingIfNeeded: value >> 32)
      cpu.x87.opcode = UInt16(truncatingIfNeeded: value >> 48) & 0x7ff
    case 1:
      cpu.x87.instructionPointer = wide ? value : value & 0xffff_ffff
      cpu.x87.instructionSelector = wide ? 0 : UInt16(truncatingIfNeeded: value >> 32)
    case 2:
      cpu.x87.dataPointer = wide ? value : value & 0xffff_ffff
      cpu.x87.dataSelector = wide ? 0 : UInt16(truncatingIfNeeded: value >> 32)
    case 3: cpu.sse.mxcsr = UInt32(truncatingIfNeeded: value) & SSEState.mxcsrMask
    case 4..<20:
      let register = (Int(cpu.x87.top) + (index - 4) / 2) & 7
      if index & 1 == 0 {
        cpu.x87.registers[register].significand = value
      } else {
        cpu.x87.registers[register].signExponent = UInt16(truncatingIfNeeded: value)
      }
    case 20..<52:
      if index & 1 == 0 {
        cpu.sse.registers[(index - 20) / 2].x = value
      } else {
        cpu.sse.registers[(index - 20) / 2].y = value
      }
    default: break
    }
  }
}

extension Processor {
  /// Stores the floating-point and vector state as a 512-byte FXSAVE image (64-bit form). For tests.
  package func storeFloating(to image: UnsafeMutableRawPointer) {
    for index in 0..<64 {
      image.storeBytes(of: FXImage.word(cpu.pointee, index, wide: true), toByteOffset: index * 8, as: UInt64.self)
    }
  }

  /// Loads the floating-point and vector state from a 512-byte FXSAVE image (64-bit form). For tests.
  package func loadFloating(from image: UnsafeRawPointer) {
    for index in 0..<52 {
      FXImage.set(&cpu.pointee, index, image.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self), wide: true)
    }
  }
}
