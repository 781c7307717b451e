// SPDX-License-Identifier: Apache-2.0

/// From an MMX instruction to its handler.

func mmxForms(_ mnemonic: Mnemonic) -> PackedMMXForms? {
  switch mnemonic {
  case .pand: MMXTables.pand
  case .pandn: MMXTables.pandn
  case .por: MMXTables.por
  case .pxor: MMXTables.pxor
  case .paddb: MMXTables.paddb
  case .paddw: MMXTables.paddw
  case .paddd: MMXTables.paddd
  case .paddq: MMXTables.paddq
  case .psubb: MMXTables.psubb
  case .psubw: MMXTables.psubw
  case .psubd: MMXTables.psubd
  case .psubq: MMXTables.psubq
  case .paddusb: MMXTables.paddusb
  case .paddusw: MMXTables.paddusw
  case .psubusb: MMXTables.psubusb
  case .psubusw: MMXTables.psubusw
  case .paddsb: MMXTables.paddsb
  case .paddsw: MMXTables.paddsw
  case .psubsb: MMXTables.psubsb
  case .psubsw: MMXTables.psubsw
  case .pmullw: MMXTables.pmullw
  case .pmulhw: MMXTables.pmulhw
  case .pmulhuw: MMXTables.pmulhuw
  case .pmuludq: MMXTables.pmuludq
  case .pmaddwd: MMXTables.pmaddwd
  case .pavgb: MMXTables.pavgb
  case .pavgw: MMXTables.pavgw
  case .pminub: MMXTables.pminub
  case .pmaxub: MMXTables.pmaxub
  case .pminsw: MMXTables.pminsw
  case .pmaxsw: MMXTables.pmaxsw
  case .psadbw: MMXTables.psadbw
  case .pcmpeqb: MMXTables.pcmpeqb
  case .pcmpeqw: MMXTables.pcmpeqw
  case .pcmpeqd: MMXTables.pcmpeqd
  case .pcmpgtb: MMXTables.pcmpgtb
  case .pcmpgtw: MMXTables.pcmpgtw
  case .pcmpgtd: MMXTables.pcmpgtd
  case .packsswb: MMXTables.packsswb
  case .packuswb: MMXTables.packuswb
  case .packssdw: MMXTables.packssdw
  case .punpcklbw: MMXTables.punpcklbw
  case .punpckhbw: MMXTables.punpckhbw
  case .punpcklwd: MMXTables.punpcklwd
  case .punpckhwd: MMXTables.punpckhwd
  case .punpckldq: MMXTables.punpckldq
  case .punpckhdq: MMXTables.punpckhdq
  default: nil
  }
}

func mmxShift(_ mnemonic: Mnemonic) -> VectorShiftForms? {
  switch mnemonic {
  case .psllw: MMXTables.psllw
  case .pslld: MMXTables.pslld
  case .psllq: MMXTables.psllq
  case .psrlw: MMXTables.psrlw
  case .psrld: MMXTables.psrld
  case .psrlq: MMXTables.psrlq
  case .psraw: MMXTables.psraw
  case .psrad: MMXTables.psrad
  default: nil
  }
}

func mmxMove(_ instruction: Instruction) -> Handler? {
  typealias T = MMXHandlers
  let isLoad = instruction.operands.1.kind == .memory, isStore = instruction.operands.0.kind == .memory
  switch instruction.mnemonic {
  case .movq: return isLoad ? T.movqLoad : isStore ? T.movqStore : T.movqRegister
  case .movd where instruction.operands.0.kind == .mmx:
    let isWide = instruction.operands.1.size == 8
    if isLoad { return isWide ? T.movqLoad : T.movdLoad }
    return isWide ? T.movqFromRegister : T.movdFromRegister
  case .movd:
    let isWide = instruction.operands.0.size == 8
    if isStore { return isWide ? T.movqStore : T.movdStore }
    return isWide ? T.movqToRegister : T.movdToRegister
  case .movntq: return T.movqStore
  case .pshufw: return isLoad ? T.pshufwLoad : T.pshufw
  case .pextrw: return T.pextrw
  case .pinsrw: return isLoad ? T.pinsrwLoad : T.pinsrw
  case .pmovmskb: return T.pmovmskb
  case .maskmovq: return T.maskmovq
  default: return nil
  }
}
