// SPDX-License-Identifier: Apache-2.0

/// The CPUID bit that an MMX or SSE instruction needs. SDM vol. 1, 5.4 to 5.7.
enum VectorFeature: BitwiseCopyable {
  case mmx, fxsr, sse, sse2, sse3, clflush
}

extension CPUFeatures {
  func has(_ feature: VectorFeature) -> Bool {
    switch feature {
    case .mmx: feature1EDX & F1.mmx != 0
    case .fxsr: feature1EDX & F1.fxsr != 0
    case .sse: feature1EDX & F1.sse != 0
    case .sse2: feature1EDX & F1.sse2 != 0
    case .sse3: feature1ECX & F1C.sse3 != 0
    case .clflush: feature1EDX & F1.clflush != 0
    }
  }

  /// Whether the model has this MMX or SSE instruction; false for those of extensions that no model has.
  func hasVectorInstruction(_ instruction: Instruction) -> Bool {
    guard let feature = vectorFeature(of: instruction) else { return false }
    return has(feature)
  }
}

/// The feature of an MMX or SSE instruction, or of those that came with them (fences, MOVNTI, CLFLUSH, FXSAVE); nil for
/// all others, SSSE3 and later among them.
func vectorFeature(of instruction: Instruction) -> VectorFeature? {
  switch instruction.mnemonic {
  case .fxsave, .fxrstor: return .fxsr
  case .clflush: return .clflush
  case .sfence, .prefetch: return .sse
  case .lfence, .mfence, .movnti: return .sse2
  default: break
  }
  // Maps 0F 38 and 0F 3A belong to SSSE3 and SSE4.
  guard instruction.opcode >> 8 == 1, !instruction.checks.isDisjoint(with: [.mmx, .sse]) else { return nil }
  switch instruction.mnemonic {
  case .addsubpd, .addsubps, .haddpd, .haddps, .hsubpd, .hsubps, .lddqu, .movddup, .movshdup, .movsldup: return .sse3
  case .movups, .movaps, .movss, .movlps, .movhps, .movhlps, .movlhps, .movmskps, .movntps, .unpcklps, .unpckhps,
    .shufps, .andps, .andnps, .orps, .xorps, .addps, .addss, .subps, .subss, .mulps, .mulss, .divps, .divss, .minps,
    .minss, .maxps, .maxss, .sqrtps, .sqrtss, .rsqrtps, .rsqrtss, .rcpps, .rcpss, .cmpps, .cmpss, .comiss, .ucomiss,
    .cvtsi2ss, .cvtss2si, .cvttss2si, .cvtps2pi, .cvttps2pi, .cvtpi2ps, .ldmxcsr, .stmxcsr:
    return .sse
  default: return instruction.checks.contains(.sse) ? .sse2 : featureOfMMX(instruction.mnemonic)
  }
}

/// What works on MMX registers alone came in three waves.
private func featureOfMMX(_ mnemonic: Mnemonic) -> VectorFeature {
  switch mnemonic {
  case .pshufw, .pinsrw, .pextrw, .pmulhuw, .pavgb, .pavgw, .pminub, .pminsw, .pmaxub, .pmaxsw, .psadbw, .maskmovq,
    .movntq, .pmovmskb:
    .sse
  case .paddq, .psubq, .pmuludq: .sse2
  default: .mmx
  }
}
