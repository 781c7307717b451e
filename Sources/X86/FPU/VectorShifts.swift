// SPDX-License-Identifier: Apache-2.0

/// Packed shifts, named by mnemonic: counts at or above the lane's width give zero, or copies of the sign. SDM vol. 2.

enum PSLLW: VectorShift {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ count: UInt64) -> SIMD2<UInt64> {
    let shifted = SIMD2(packed: a.words &<< SIMD8(repeating: UInt16(truncatingIfNeeded: count)))
    return count > 15 ? SIMD2() : shifted
  }
}
enum PSLLD: VectorShift {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ count: UInt64) -> SIMD2<UInt64> {
    let shifted = SIMD2(packed: a.dwords &<< SIMD4(repeating: UInt32(truncatingIfNeeded: count)))
    return count > 31 ? SIMD2() : shifted
  }
}
enum PSLLQ: VectorShift {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ count: UInt64) -> SIMD2<UInt64> {
    let shifted = a &<< SIMD2(repeating: count)
    return count > 63 ? SIMD2() : shifted
  }
}
enum PSRLW: VectorShift {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ count: UInt64) -> SIMD2<UInt64> {
    let shifted = SIMD2(packed: a.words &>> SIMD8(repeating: UInt16(truncatingIfNeeded: count)))
    return count > 15 ? SIMD2() : shifted
  }
}
enum PSRLD: VectorShift {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ count: UInt64) -> SIMD2<UInt64> {
    let shifted = SIMD2(packed: a.dwords &>> SIMD4(repeating: UInt32(truncatingIfNeeded: count)))
    return count > 31 ? SIMD2() : shifted
  }
}
enum PSRLQ: VectorShift {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ count: UInt64) -> SIMD2<UInt64> {
    let shifted = a &>> SIMD2(repeating: count)
    return count > 63 ? SIMD2() : shifted
  }
}
enum PSRAW: VectorShift {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ count: UInt64) -> SIMD2<UInt64> {
    let count = Int16(truncatingIfNeeded: min(count, 15))
    return SIMD2(packed: a.signedWords &>> SIMD8(repeating: count))
  }
}
enum PSRAD: VectorShift {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ count: UInt64) -> SIMD2<UInt64> {
    let count = Int32(truncatingIfNeeded: min(count, 31))
    return SIMD2(packed: a.signedDwords &>> SIMD4(repeating: count))
  }
}

// MARK: Shifts of the whole register by bytes

/// The register shifted right by 0...16 bytes.
@inline(__always)
private func shiftedRight(_ a: SIMD2<UInt64>, bytes count: UInt64) -> SIMD2<UInt64> {
  let bits = (count & 7) &* 8
  // Two steps, since a shift by 64 must give zero.
  let low = a.x &>> bits | (a.y &<< 1) &<< (63 &- bits)
  let high = a.y &>> bits
  if count > 15 { return SIMD2() }
  return count > 7 ? SIMD2(high, 0) : SIMD2(low, high)
}

@inline(__always)
private func shiftedLeft(_ a: SIMD2<UInt64>, bytes count: UInt64) -> SIMD2<UInt64> {
  let bits = (count & 7) &* 8
  let high = a.y &<< bits | (a.x &>> 1) &>> (63 &- bits)
  let low = a.x &<< bits
  if count > 15 { return SIMD2() }
  return count > 7 ? SIMD2(0, low) : SIMD2(low, high)
}

enum PSRLDQ: VectorShift {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ count: UInt64) -> SIMD2<UInt64> {
    shiftedRight(a, bytes: count)
  }
}
enum PSLLDQ: VectorShift {
  @inline(__always) static func apply(_ a: SIMD2<UInt64>, _ count: UInt64) -> SIMD2<UInt64> {
    shiftedLeft(a, bytes: count)
  }
}

/// The handlers of one shift.
struct VectorShiftForms {
  let reg: Handler
  let mem: Handler
  let imm: Handler

  func handler(_ instruction: Instruction) -> Handler {
    switch instruction.operands.1.kind {
    case .immediate: imm
    case .memory: mem
    default: reg
    }
  }
}

/// The shifts on XMM registers.
enum VectorShiftTables {
  static let psllw = VectorShiftForms(
    reg: { vectorShiftReg(PSLLW.self, $0, $1) }, mem: { vectorShiftMem(PSLLW.self, $0, $1) },
    imm: { vectorShiftImm(PSLLW.self, $0, $1) })
  static let pslld = VectorShiftForms(
    reg: { vectorShiftReg(PSLLD.self, $0, $1) }, mem: { vectorShiftMem(PSLLD.self, $0, $1) },
    imm: { vectorShiftImm(PSLLD.self, $0, $1) })
  static let psllq = VectorShiftForms(
    reg: { vectorShiftReg(PSLLQ.self, $0, $1) }, mem: { vectorShiftMem(PSLLQ.self, $0, $1) },
    imm: { vectorShiftImm(PSLLQ.self, $0, $1) })
  static let psrlw = VectorShiftForms(
    reg: { vectorShiftReg(PSRLW.self, $0, $1) }, mem: { vectorShiftMem(PSRLW.self, $0, $1) },
    imm: { vectorShiftImm(PSRLW.self, $0, $1) })
  static let psrld = VectorShiftForms(
    reg: { vectorShiftReg(PSRLD.self, $0, $1) }, mem: { vectorShiftMem(PSRLD.self, $0, $1) },
    imm: { vectorShiftImm(PSRLD.self, $0, $1) })
  static let psrlq = VectorShiftForms(
    reg: { vectorShiftReg(PSRLQ.self, $0, $1) }, mem: { vectorShiftMem(PSRLQ.self, $0, $1) },
    imm: { vectorShiftImm(PSRLQ.self, $0, $1) })
  static let psraw = VectorShiftForms(
    reg: { vectorShiftReg(PSRAW.self, $0, $1) }, mem: { vectorShiftMem(PSRAW.self, $0, $1) },
    imm: { vectorShiftImm(PSRAW.self, $0, $1) })
  static let psrad = VectorShiftForms(
    reg: { vectorShiftReg(PSRAD.self, $0, $1) }, mem: { vectorShiftMem(PSRAD.self, $0, $1) },
    imm: { vectorShiftImm(PSRAD.self, $0, $1) })
  static let pslldq: Handler = { vectorShiftImm(PSLLDQ.self, $0, $1) }
  static let psrldq: Handler = { vectorShiftImm(PSRLDQ.self, $0, $1) }
}
