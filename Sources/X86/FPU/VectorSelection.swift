// SPDX-License-Identifier: Apache-2.0

/// From an MMX or SSE instruction to its handler, but for those that compute with floating-point numbers.

/// The handler of an MMX or SSE instruction that moves, shuffles or computes with integers, and of those that manage the
/// vector state; nil for all others.
func vectorIntegerHandler(for instruction: Instruction, _ mode: SelectionMode, features: CPUFeatures) -> Handler? {
  guard features.hasVectorInstruction(instruction) else { return nil }
  let first = instruction.operands.0.kind, second = instruction.operands.1.kind
  switch instruction.mnemonic {
  case .fxsave: return VectorStateHandlers.fxsave
  case .fxrstor: return VectorStateHandlers.fxrstor
  case .ldmxcsr: return VectorStateHandlers.ldmxcsr
  case .stmxcsr: return VectorStateHandlers.stmxcsr
  case .clflush: return VectorStateHandlers.clflush
  case .emms: return MMXHandlers.emms
  case .movq2dq: return MMXHandlers.movq2dq
  case .movdq2q: return MMXHandlers.movdq2q
  default: break
  }
  if first == .mmx || second == .mmx {
    return mmxForms(instruction.mnemonic)?.handler(instruction) ?? mmxShift(instruction.mnemonic)?.handler(instruction)
      ?? mmxMove(instruction)
  }
  return vectorForms(instruction.mnemonic)?.handler(instruction, mode)
    ?? vectorShift(instruction.mnemonic)?.handler(instruction) ?? vectorMove(instruction, mode)
    ?? vectorWord(instruction)
}

/// Operations with a source in a register or in aligned memory.
private func vectorForms(_ mnemonic: Mnemonic) -> PackedForms? {
  switch mnemonic {
  case .pand, .andps, .andpd: VectorIntegerTables.pand
  case .pandn, .andnps, .andnpd: VectorIntegerTables.pandn
  case .por, .orps, .orpd: VectorIntegerTables.por
  case .pxor, .xorps, .xorpd: VectorIntegerTables.pxor
  case .paddb: VectorIntegerTables.paddb
  case .paddw: VectorIntegerTables.paddw
  case .paddd: VectorIntegerTables.paddd
  case .paddq: VectorIntegerTables.paddq
  case .psubb: VectorIntegerTables.psubb
  case .psubw: VectorIntegerTables.psubw
  case .psubd: VectorIntegerTables.psubd
  case .psubq: VectorIntegerTables.psubq
  case .paddusb: VectorIntegerTables.paddusb
  case .paddusw: VectorIntegerTables.paddusw
  case .psubusb: VectorIntegerTables.psubusb
  case .psubusw: VectorIntegerTables.psubusw
  case .paddsb: VectorIntegerTables.paddsb
  case .paddsw: VectorIntegerTables.paddsw
  case .psubsb: VectorIntegerTables.psubsb
  case .psubsw: VectorIntegerTables.psubsw
  case .pmullw: VectorIntegerTables.pmullw
  case .pmulhw: VectorIntegerTables.pmulhw
  case .pmulhuw: VectorIntegerTables.pmulhuw
  case .pmuludq: VectorIntegerTables.pmuludq
  case .pmaddwd: VectorIntegerTables.pmaddwd
  case .pavgb: VectorIntegerTables.pavgb
  case .pavgw: VectorIntegerTables.pavgw
  case .pminub: VectorIntegerTables.pminub
  case .pmaxub: VectorIntegerTables.pmaxub
  case .pminsw: VectorIntegerTables.pminsw
  case .pmaxsw: VectorIntegerTables.pmaxsw
  case .psadbw: VectorIntegerTables.psadbw
  case .pcmpeqb: VectorIntegerTables.pcmpeqb
  case .pcmpeqw: VectorIntegerTables.pcmpeqw
  case .pcmpeqd: VectorIntegerTables.pcmpeqd
  case .pcmpgtb: VectorIntegerTables.pcmpgtb
  case .pcmpgtw: VectorIntegerTables.pcmpgtw
  case .pcmpgtd: VectorIntegerTables.pcmpgtd
  case .packsswb: VectorPackingTables.packsswb
  case .packuswb: VectorPackingTables.packuswb
  case .packssdw: VectorPackingTables.packssdw
  case .punpcklbw: VectorPackingTables.punpcklbw
  case .punpckhbw: VectorPackingTables.punpckhbw
  case .punpcklwd: VectorPackingTables.punpcklwd
  case .punpckhwd: VectorPackingTables.punpckhwd
  case .punpckldq, .unpcklps: VectorPackingTables.punpckldq
  case .punpckhdq, .unpckhps: VectorPackingTables.punpckhdq
  case .punpcklqdq, .unpcklpd: VectorPackingTables.punpcklqdq
  case .punpckhqdq, .unpckhpd: VectorPackingTables.punpckhqdq
  case .movsldup: VectorPackingTables.movsldup
  case .movshdup: VectorPackingTables.movshdup
  case .pshufd: VectorPackingTables.pshufd
  case .pshuflw: VectorPackingTables.pshuflw
  case .pshufhw: VectorPackingTables.pshufhw
  case .shufps: VectorPackingTables.shufps
  case .shufpd: VectorPackingTables.shufpd
  default: nil
  }
}

private func vectorShift(_ mnemonic: Mnemonic) -> VectorShiftForms? {
  switch mnemonic {
  case .psllw: VectorShiftTables.psllw
  case .pslld: VectorShiftTables.pslld
  case .psllq: VectorShiftTables.psllq
  case .psrlw: VectorShiftTables.psrlw
  case .psrld: VectorShiftTables.psrld
  case .psrlq: VectorShiftTables.psrlq
  case .psraw: VectorShiftTables.psraw
  case .psrad: VectorShiftTables.psrad
  default: nil
  }
}

private func vectorMove(_ instruction: Instruction, _ mode: SelectionMode) -> Handler? {
  typealias T = VectorMoveTables
  let form = mode.address(instruction)
  let isLoad = instruction.operands.1.kind == .memory, isStore = instruction.operands.0.kind == .memory
  switch instruction.mnemonic {
  case .movaps, .movapd, .movdqa:
    return isLoad ? T.loadAligned[form: form] : isStore ? T.storeAligned[form: form] : T.copy
  case .movups, .movupd, .movdqu, .lddqu: return isLoad ? T.load[form: form] : isStore ? T.store[form: form] : T.copy
  case .movntps, .movntpd, .movntdq: return T.storeAligned[form: form]
  case .movss: return isLoad ? T.loadDword[form: form] : isStore ? T.storeDword[form: form] : T.movss
  case .movsd: return isLoad ? T.loadQword[form: form] : isStore ? T.storeQword[form: form] : T.movsd
  case .movq: return isLoad ? T.loadQword[form: form] : isStore ? T.storeQword[form: form] : T.movq
  case .movlps, .movlpd: return isLoad ? T.loadLow[form: form] : T.storeQword[form: form]
  case .movhps, .movhpd: return isLoad ? T.loadHigh[form: form] : T.storeHigh[form: form]
  case .movhlps: return T.movhlps
  case .movlhps: return T.movlhps
  case .movddup: return isLoad ? T.loadDuplicated[form: form] : T.movddup
  case .movd where instruction.operands.0.kind == .xmm:
    let isWide = instruction.operands.1.size == 8
    if isLoad { return isWide ? T.loadQword[form: form] : T.loadDword[form: form] }
    return isWide ? T.movqFromRegister : T.movdFromRegister
  case .movd:
    let isWide = instruction.operands.0.size == 8
    if isStore { return isWide ? T.storeQword[form: form] : T.storeDword[form: form] }
    return isWide ? T.movqToRegister : T.movdToRegister
  default: return nil
  }
}

/// Words, masks and shifts by bytes.
private func vectorWord(_ instruction: Instruction) -> Handler? {
  switch instruction.mnemonic {
  case .movmskps: VectorMaskHandlers.movmskps
  case .movmskpd: VectorMaskHandlers.movmskpd
  case .pmovmskb: VectorMaskHandlers.pmovmskb
  case .pextrw: VectorMaskHandlers.pextrw
  case .pinsrw:
    instruction.operands.1.kind == .memory ? VectorMaskHandlers.pinsrwMemory : VectorMaskHandlers.pinsrw
  case .maskmovdqu: VectorMaskedStore.maskmovdqu
  case .pslldq: VectorShiftTables.pslldq
  case .psrldq: VectorShiftTables.psrldq
  default: nil
  }
}
