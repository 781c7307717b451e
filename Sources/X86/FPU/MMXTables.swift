// SPDX-License-Identifier: Apache-2.0

/// The handlers of one operation on MMX registers.
struct PackedMMXForms {
  let reg: Handler
  let mem: Handler

  func handler(_ instruction: Instruction) -> Handler { instruction.operands.1.kind == .memory ? mem : reg }
}

/// Instances of the packed operations on MMX registers.
enum MMXTables {
  static let pand = PackedMMXForms(
    reg: { mmxReg(PAND.self, $0, $1) }, mem: { mmxMem(PAND.self, UInt64.self, $0, $1) })
  static let pandn = PackedMMXForms(
    reg: { mmxReg(PANDN.self, $0, $1) }, mem: { mmxMem(PANDN.self, UInt64.self, $0, $1) })
  static let por = PackedMMXForms(
    reg: { mmxReg(POR.self, $0, $1) }, mem: { mmxMem(POR.self, UInt64.self, $0, $1) })
  static let pxor = PackedMMXForms(
    reg: { mmxReg(PXOR.self, $0, $1) }, mem: { mmxMem(PXOR.self, UInt64.self, $0, $1) })
  static let paddb = PackedMMXForms(
    reg: { mmxReg(PADDB.self, $0, $1) }, mem: { mmxMem(PADDB.self, UInt64.self, $0, $1) })
  static let paddw = PackedMMXForms(
    reg: { mmxReg(PADDW.self, $0, $1) }, mem: { mmxMem(PADDW.self, UInt64.self, $0, $1) })
  static let paddd = PackedMMXForms(
    reg: { mmxReg(PADDD.self, $0, $1) }, mem: { mmxMem(PADDD.self, UInt64.self, $0, $1) })
  static let paddq = PackedMMXForms(
    reg: { mmxReg(PADDQ.self, $0, $1) }, mem: { mmxMem(PADDQ.self, UInt64.self, $0, $1) })
  static let psubb = PackedMMXForms(
    reg: { mmxReg(PSUBB.self, $0, $1) }, mem: { mmxMem(PSUBB.self, UInt64.self, $0, $1) })
  static let psubw = PackedMMXForms(
    reg: { mmxReg(PSUBW.self, $0, $1) }, mem: { mmxMem(PSUBW.self, UInt64.self, $0, $1) })
  static let psubd = PackedMMXForms(
    reg: { mmxReg(PSUBD.self, $0, $1) }, mem: { mmxMem(PSUBD.self, UInt64.self, $0, $1) })
  static let psubq = PackedMMXForms(
    reg: { mmxReg(PSUBQ.self, $0, $1) }, mem: { mmxMem(PSUBQ.self, UInt64.self, $0, $1) })
  static let paddusb = PackedMMXForms(
    reg: { mmxReg(PADDUSB.self, $0, $1) }, mem: { mmxMem(PADDUSB.self, UInt64.self, $0, $1) })
  static let paddusw = PackedMMXForms(
    reg: { mmxReg(PADDUSW.self, $0, $1) }, mem: { mmxMem(PADDUSW.self, UInt64.self, $0, $1) })
  static let psubusb = PackedMMXForms(
    reg: { mmxReg(PSUBUSB.self, $0, $1) }, mem: { mmxMem(PSUBUSB.self, UInt64.self, $0, $1) })
  static let psubusw = PackedMMXForms(
    reg: { mmxReg(PSUBUSW.self, $0, $1) }, mem: { mmxMem(PSUBUSW.self, UInt64.self, $0, $1) })
  static let paddsb = PackedMMXForms(
    reg: { mmxReg(PADDSB.self, $0, $1) }, mem: { mmxMem(PADDSB.self, UInt64.self, $0, $1) })
  static let paddsw = PackedMMXForms(
    reg: { mmxReg(PADDSW.self, $0, $1) }, mem: { mmxMem(PADDSW.self, UInt64.self, $0, $1) })
  static let psubsb = PackedMMXForms(
    reg: { mmxReg(PSUBSB.self, $0, $1) }, mem: { mmxMem(PSUBSB.self, UInt64.self, $0, $1) })
  static let psubsw = PackedMMXForms(
    reg: { mmxReg(PSUBSW.self, $0, $1) }, mem: { mmxMem(PSUBSW.self, UInt64.self, $0, $1) })
  static let pmullw = PackedMMXForms(
    reg: { mmxReg(PMULLW.self, $0, $1) }, mem: { mmxMem(PMULLW.self, UInt64.self, $0, $1) })
  static let pmulhw = PackedMMXForms(
    reg: { mmxReg(PMULHW.self, $0, $1) }, mem: { mmxMem(PMULHW.self, UInt64.self, $0, $1) })
  static let pmulhuw = PackedMMXForms(
    reg: { mmxReg(PMULHUW.self, $0, $1) }, mem: { mmxMem(PMULHUW.self, UInt64.self, $0, $1) })
  static let pmuludq = PackedMMXForms(
    reg: { mmxReg(PMULUDQ.self, $0, $1) }, mem: { mmxMem(PMULUDQ.self, UInt64.self, $0, $1) })
  static let pmaddwd = PackedMMXForms(
    reg: { mmxReg(PMADDWD.self, $0, $1) }, mem: { mmxMem(PMADDWD.self, UInt64.self, $0, $1) })
  static let pavgb = PackedMMXForms(
    reg: { mmxReg(PAVGB.self, $0, $1) }, mem: { mmxMem(PAVGB.self, UInt64.self, $0, $1) })
  static let pavgw = PackedMMXForms(
    reg: { mmxReg(PAVGW.self, $0, $1) }, mem: { mmxMem(PAVGW.self, UInt64.self, $0, $1) })
  static let pminub = PackedMMXForms(
    reg: { mmxReg(PMINUB.self, $0, $1) }, mem: { mmxMem(PMINUB.self, UInt64.self, $0, $1) })
  static let pmaxub = PackedMMXForms(
    reg: { mmxReg(PMAXUB.self, $0, $1) }, mem: { mmxMem(PMAXUB.self, UInt64.self, $0, $1) })
  static let pminsw = PackedMMXForms(
    reg: { mmxReg(PMINSW.self, $0, $1) }, mem: { mmxMem(PMINSW.self, UInt64.self, $0, $1) })
  static let pmaxsw = PackedMMXForms(
    reg: { mmxReg(PMAXSW.self, $0, $1) }, mem: { mmxMem(PMAXSW.self, UInt64.self, $0, $1) })
  static let psadbw = PackedMMXForms(
    reg: { mmxReg(PSADBW.self, $0, $1) }, mem: { mmxMem(PSADBW.self, UInt64.self, $0, $1) })
  static let pcmpeqb = PackedMMXForms(
    reg: { mmxReg(PCMPEQB.self, $0, $1) }, mem: { mmxMem(PCMPEQB.self, UInt64.self, $0, $1) })
  static let pcmpeqw = PackedMMXForms(
    reg: { mmxReg(PCMPEQW.self, $0, $1) }, mem: { mmxMem(PCMPEQW.self, UInt64.self, $0, $1) })
  static let pcmpeqd = PackedMMXForms(
    reg: { mmxReg(PCMPEQD.self, $0, $1) }, mem: { mmxMem(PCMPEQD.self, UInt64.self, $0, $1) })
  static let pcmpgtb = PackedMMXForms(
    reg: { mmxReg(PCMPGTB.self, $0, $1) }, mem: { mmxMem(PCMPGTB.self, UInt64.self, $0, $1) })
  static let pcmpgtw = PackedMMXForms(
    reg: { mmxReg(PCMPGTW.self, $0, $1) }, mem: { mmxMem(PCMPGTW.self, UInt64.self, $0, $1) })
  static let pcmpgtd = PackedMMXForms(
    reg: { mmxReg(PCMPGTD.self, $0, $1) }, mem: { mmxMem(PCMPGTD.self, UInt64.self, $0, $1) })
  static let packsswb = PackedMMXForms(
    reg: { mmxReg(HalfPack<PACKSSWB>.self, $0, $1) }, mem: { mmxMem(HalfPack<PACKSSWB>.self, UInt64.self, $0, $1) })
  static let packuswb = PackedMMXForms(
    reg: { mmxReg(HalfPack<PACKUSWB>.self, $0, $1) }, mem: { mmxMem(HalfPack<PACKUSWB>.self, UInt64.self, $0, $1) })
  static let packssdw = PackedMMXForms(
    reg: { mmxReg(HalfPack<PACKSSDW>.self, $0, $1) }, mem: { mmxMem(HalfPack<PACKSSDW>.self, UInt64.self, $0, $1) })
  static let punpcklbw = PackedMMXForms(
    reg: { mmxReg(PUNPCKLBW.self, $0, $1) }, mem: { mmxMem(PUNPCKLBW.self, UInt32.self, $0, $1) })
  static let punpcklwd = PackedMMXForms(
    reg: { mmxReg(PUNPCKLWD.self, $0, $1) }, mem: { mmxMem(PUNPCKLWD.self, UInt32.self, $0, $1) })
  static let punpckldq = PackedMMXForms(
    reg: { mmxReg(PUNPCKLDQ.self, $0, $1) }, mem: { mmxMem(PUNPCKLDQ.self, UInt32.self, $0, $1) })
  static let punpckhbw = PackedMMXForms(
    reg: { mmxReg(HalfUnpackHigh<PUNPCKLBW>.self, $0, $1) },
    mem: { mmxMem(HalfUnpackHigh<PUNPCKLBW>.self, UInt64.self, $0, $1) })
  static let punpckhwd = PackedMMXForms(
    reg: { mmxReg(HalfUnpackHigh<PUNPCKLWD>.self, $0, $1) },
    mem: { mmxMem(HalfUnpackHigh<PUNPCKLWD>.self, UInt64.self, $0, $1) })
  static let punpckhdq = PackedMMXForms(
    reg: { mmxReg(HalfUnpackHigh<PUNPCKLDQ>.self, $0, $1) },
    mem: { mmxMem(HalfUnpackHigh<PUNPCKLDQ>.self, UInt64.self, $0, $1) })
  static let psllw = VectorShiftForms(
    reg: { mmxShiftReg(PSLLW.self, $0, $1) }, mem: { mmxShiftMem(PSLLW.self, $0, $1) },
    imm: { mmxShiftImm(PSLLW.self, $0, $1) })
  static let pslld = VectorShiftForms(
    reg: { mmxShiftReg(PSLLD.self, $0, $1) }, mem: { mmxShiftMem(PSLLD.self, $0, $1) },
    imm: { mmxShiftImm(PSLLD.self, $0, $1) })
  static let psllq = VectorShiftForms(
    reg: { mmxShiftReg(PSLLQ.self, $0, $1) }, mem: { mmxShiftMem(PSLLQ.self, $0, $1) },
    imm: { mmxShiftImm(PSLLQ.self, $0, $1) })
  static let psrlw = VectorShiftForms(
    reg: { mmxShiftReg(PSRLW.self, $0, $1) }, mem: { mmxShiftMem(PSRLW.self, $0, $1) },
    imm: { mmxShiftImm(PSRLW.self, $0, $1) })
  static let psrld = VectorShiftForms(
    reg: { mmxShiftReg(PSRLD.self, $0, $1) }, mem: { mmxShiftMem(PSRLD.self, $0, $1) },
    imm: { mmxShiftImm(PSRLD.self, $0, $1) })
  static let psrlq = VectorShiftForms(
    reg: { mmxShiftReg(PSRLQ.self, $0, $1) }, mem: { mmxShiftMem(PSRLQ.self, $0, $1) },
    imm: { mmxShiftImm(PSRLQ.self, $0, $1) })
  static let psraw = VectorShiftForms(
    reg: { mmxShiftReg(PSRAW.self, $0, $1) }, mem: { mmxShiftMem(PSRAW.self, $0, $1) },
    imm: { mmxShiftImm(PSRAW.self, $0, $1) })
  static let psrad = VectorShiftForms(
    reg: { mmxShiftReg(PSRAD.self, $0, $1) }, mem: { mmxShiftMem(PSRAD.self, $0, $1) },
    imm: { mmxShiftImm(PSRAD.self, $0, $1) })
}
