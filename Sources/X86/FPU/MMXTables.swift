// SPDX-License-Identifier: Apache-2.0

/// The handlers of one operation on MMX registers.
struct MMXForms {
  let reg: Handler
  let mem: Handler

  func handler(_ instruction: Instruction) -> Handler { instruction.operands.1.kind == .memory ? mem : reg }
}

/// Instances of the packed operations on MMX registers.
enum MMXTables {
  static let pand = MMXForms(
    reg: { mmxReg(PAND.self, $0, $1) }, mem: { mmxMem(PAND.self, UInt64.self, $0, $1) })
  static let pandn = MMXForms(
    reg: { mmxReg(PANDN.self, $0, $1) }, mem: { mmxMem(PANDN.self, UInt64.self, $0, $1) })
  static let por = MMXForms(
    reg: { mmxReg(POR.self, $0, $1) }, mem: { mmxMem(POR.self, UInt64.self, $0, $1) })
  static let pxor = MMXForms(
    reg: { mmxReg(PXOR.self, $0, $1) }, mem: { mmxMem(PXOR.self, UInt64.self, $0, $1) })
  static let paddb = MMXForms(
    reg: { mmxReg(PADDB.self, $0, $1) }, mem: { mmxMem(PADDB.self, UInt64.self, $0, $1) })
  static let paddw = MMXForms(
    reg: { mmxReg(PADDW.self, $0, $1) }, mem: { mmxMem(PADDW.self, UInt64.self, $0, $1) })
  static let paddd = MMXForms(
    reg: { mmxReg(PADDD.self, $0, $1) }, mem: { mmxMem(PADDD.self, UInt64.self, $0, $1) })
  static let paddq = MMXForms(
    reg: { mmxReg(PADDQ.self, $0, $1) }, mem: { mmxMem(PADDQ.self, UInt64.self, $0, $1) })
  static let psubb = MMXForms(
    reg: { mmxReg(PSUBB.self, $0, $1) }, mem: { mmxMem(PSUBB.self, UInt64.self, $0, $1) })
  static let psubw = MMXForms(
    reg: { mmxReg(PSUBW.self, $0, $1) }, mem: { mmxMem(PSUBW.self, UInt64.self, $0, $1) })
  static let psubd = MMXForms(
    reg: { mmxReg(PSUBD.self, $0, $1) }, mem: { mmxMem(PSUBD.self, UInt64.self, $0, $1) })
  static let psubq = MMXForms(
    reg: { mmxReg(PSUBQ.self, $0, $1) }, mem: { mmxMem(PSUBQ.self, UInt64.self, $0, $1) })
  static let paddusb = MMXForms(
    reg: { mmxReg(PADDUSB.self, $0, $1) }, mem: { mmxMem(PADDUSB.self, UInt64.self, $0, $1) })
  static let paddusw = MMXForms(
    reg: { mmxReg(PADDUSW.self, $0, $1) }, mem: { mmxMem(PADDUSW.self, UInt64.self, $0, $1) })
  static let psubusb = MMXForms(
    reg: { mmxReg(PSUBUSB.self, $0, $1) }, mem: { mmxMem(PSUBUSB.self, UInt64.self, $0, $1) })
  static let psubusw = MMXForms(
    reg: { mmxReg(PSUBUSW.self, $0, $1) }, mem: { mmxMem(PSUBUSW.self, UInt64.self, $0, $1) })
  static let paddsb = MMXForms(
    reg: { mmxReg(PADDSB.self, $0, $1) }, mem: { mmxMem(PADDSB.self, UInt64.self, $0, $1) })
  static let paddsw = MMXForms(
    reg: { mmxReg(PADDSW.self, $0, $1) }, mem: { mmxMem(PADDSW.self, UInt64.self, $0, $1) })
  static let psubsb = MMXForms(
    reg: { mmxReg(PSUBSB.self, $0, $1) }, mem: { mmxMem(PSUBSB.self, UInt64.self, $0, $1) })
  static let psubsw = MMXForms(
    reg: { mmxReg(PSUBSW.self, $0, $1) }, mem: { mmxMem(PSUBSW.self, UInt64.self, $0, $1) })
  static let pmullw = MMXForms(
    reg: { mmxReg(PMULLW.self, $0, $1) }, mem: { mmxMem(PMULLW.self, UInt64.self, $0, $1) })
  static let pmulhw = MMXForms(
    reg: { mmxReg(PMULHW.self, $0, $1) }, mem: { mmxMem(PMULHW.self, UInt64.self, $0, $1) })
  static let pmulhuw = MMXForms(
    reg: { mmxReg(PMULHUW.self, $0, $1) }, mem: { mmxMem(PMULHUW.self, UInt64.self, $0, $1) })
  static let pmuludq = MMXForms(
    reg: { mmxReg(PMULUDQ.self, $0, $1) }, mem: { mmxMem(PMULUDQ.self, UInt64.self, $0, $1) })
  static let pmaddwd = MMXForms(
    reg: { mmxReg(PMADDWD.self, $0, $1) }, mem: { mmxMem(PMADDWD.self, UInt64.self, $0, $1) })
  static let pavgb = MMXForms(
    reg: { mmxReg(PAVGB.self, $0, $1) }, mem: { mmxMem(PAVGB.self, UInt64.self, $0, $1) })
  static let pavgw = MMXForms(
    reg: { mmxReg(PAVGW.self, $0, $1) }, mem: { mmxMem(PAVGW.self, UInt64.self, $0, $1) })
  static let pminub = MMXForms(
    reg: { mmxReg(PMINUB.self, $0, $1) }, mem: { mmxMem(PMINUB.self, UInt64.self, $0, $1) })
  static let pmaxub = MMXForms(
    reg: { mmxReg(PMAXUB.self, $0, $1) }, mem: { mmxMem(PMAXUB.self, UInt64.self, $0, $1) })
  static let pminsw = MMXForms(
    reg: { mmxReg(PMINSW.self, $0, $1) }, mem: { mmxMem(PMINSW.self, UInt64.self, $0, $1) })
  static let pmaxsw = MMXForms(
    reg: { mmxReg(PMAXSW.self, $0, $1) }, mem: { mmxMem(PMAXSW.self, UInt64.self, $0, $1) })
  static let psadbw = MMXForms(
    reg: { mmxReg(PSADBW.self, $0, $1) }, mem: { mmxMem(PSADBW.self, UInt64.self, $0, $1) })
  static let pcmpeqb = MMXForms(
    reg: { mmxReg(PCMPEQB.self, $0, $1) }, mem: { mmxMem(PCMPEQB.self, UInt64.self, $0, $1) })
  static let pcmpeqw = MMXForms(
    reg: { mmxReg(PCMPEQW.self, $0, $1) }, mem: { mmxMem(PCMPEQW.self, UInt64.self, $0, $1) })
  static let pcmpeqd = MMXForms(
    reg: { mmxReg(PCMPEQD.self, $0, $1) }, mem: { mmxMem(PCMPEQD.self, UInt64.self, $0, $1) })
  static let pcmpgtb = MMXForms(
    reg: { mmxReg(PCMPGTB.self, $0, $1) }, mem: { mmxMem(PCMPGTB.self, UInt64.self, $0, $1) })
  static let pcmpgtw = MMXForms(
    reg: { mmxReg(PCMPGTW.self, $0, $1) }, mem: { mmxMem(PCMPGTW.self, UInt64.self, $0, $1) })
  static let pcmpgtd = MMXForms(
    reg: { mmxReg(PCMPGTD.self, $0, $1) }, mem: { mmxMem(PCMPGTD.self, UInt64.self, $0, $1) })
  static let packsswb = MMXForms(
    reg: { mmxReg(HalfPack<PACKSSWB>.self, $0, $1) }, mem: { mmxMem(HalfPack<PACKSSWB>.self, UInt64.self, $0, $1) })
  static let packuswb = MMXForms(
    reg: { mmxReg(HalfPack<PACKUSWB>.self, $0, $1) }, mem: { mmxMem(HalfPack<PACKUSWB>.self, UInt64.self, $0, $1) })
  static let packssdw = MMXForms(
    reg: { mmxReg(HalfPack<PACKSSDW>.self, $0, $1) }, mem: { mmxMem(HalfPack<PACKSSDW>.self, UInt64.self, $0, $1) })
  static let punpcklbw = MMXForms(
    reg: { mmxReg(PUNPCKLBW.self, $0, $1) }, mem: { mmxMem(PUNPCKLBW.self, UInt32.self, $0, $1) })
  static let punpcklwd = MMXForms(
    reg: { mmxReg(PUNPCKLWD.self, $0, $1) }, mem: { mmxMem(PUNPCKLWD.self, UInt32.self, $0, $1) })
  static let punpckldq = MMXForms(
    reg: { mmxReg(PUNPCKLDQ.self, $0, $1) }, mem: { mmxMem(PUNPCKLDQ.self, UInt32.self, $0, $1) })
  static let punpckhbw = MMXForms(
    reg: { mmxReg(HalfUnpackHigh<PUNPCKLBW>.self, $0, $1) },
    mem: { mmxMem(HalfUnpackHigh<PUNPCKLBW>.self, UInt64.self, $0, $1) })
  static let punpckhwd = MMXForms(
    reg: { mmxReg(HalfUnpackHigh<PUNPCKLWD>.self, $0, $1) },
    mem: { mmxMem(HalfUnpackHigh<PUNPCKLWD>.self, UInt64.self, $0, $1) })
  static let punpckhdq = MMXForms(
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
