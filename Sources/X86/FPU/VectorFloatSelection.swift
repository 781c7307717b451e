// SPDX-License-Identifier: Apache-2.0

/// The handler of an SSE instruction that computes with or converts floating-point numbers; nil for all others.
func vectorFloatHandler(for instruction: Instruction, _ mode: SelectionMode, features: CPUFeatures) -> Handler? {
  guard features.hasVectorInstruction(instruction) else { return nil }
  return arithmetic(instruction, mode) ?? conversion(instruction, mode)
}

private func arithmetic(_ instruction: Instruction, _ mode: SelectionMode) -> Handler? {
  switch instruction.mnemonic {
  case .addss: return VectorArithmeticHandlers.addss(instruction, mode)
  case .addsd: return VectorArithmeticHandlers.addsd(instruction, mode)
  case .addps: return VectorArithmeticHandlers.addps(instruction, mode)
  case .addpd: return VectorArithmeticHandlers.addpd(instruction, mode)
  case .subss: return VectorArithmeticHandlers.subss(instruction, mode)
  case .subsd: return VectorArithmeticHandlers.subsd(instruction, mode)
  case .subps: return VectorArithmeticHandlers.subps(instruction, mode)
  case .subpd: return VectorArithmeticHandlers.subpd(instruction, mode)
  case .mulss: return VectorArithmeticHandlers.mulss(instruction, mode)
  case .mulsd: return VectorArithmeticHandlers.mulsd(instruction, mode)
  case .mulps: return VectorArithmeticHandlers.mulps(instruction, mode)
  case .mulpd: return VectorArithmeticHandlers.mulpd(instruction, mode)
  case .divss: return VectorArithmeticHandlers.divss(instruction, mode)
  case .divsd: return VectorArithmeticHandlers.divsd(instruction, mode)
  case .divps: return VectorArithmeticHandlers.divps(instruction, mode)
  case .divpd: return VectorArithmeticHandlers.divpd(instruction, mode)
  case .sqrtss: return VectorArithmeticHandlers.sqrtss(instruction, mode)
  case .sqrtsd: return VectorArithmeticHandlers.sqrtsd(instruction, mode)
  case .sqrtps: return VectorArithmeticHandlers.sqrtps(instruction, mode)
  case .sqrtpd: return VectorArithmeticHandlers.sqrtpd(instruction, mode)
  case .minss: return VectorArithmeticHandlers.minss(instruction, mode)
  case .minsd: return VectorArithmeticHandlers.minsd(instruction, mode)
  case .minps: return VectorArithmeticHandlers.minps(instruction, mode)
  case .minpd: return VectorArithmeticHandlers.minpd(instruction, mode)
  case .maxss: return VectorArithmeticHandlers.maxss(instruction, mode)
  case .maxsd: return VectorArithmeticHandlers.maxsd(instruction, mode)
  case .maxps: return VectorArithmeticHandlers.maxps(instruction, mode)
  case .maxpd: return VectorArithmeticHandlers.maxpd(instruction, mode)
  case .cmpss: return VectorCompareHandlers.cmpss(instruction, mode)
  case .cmpsd: return VectorCompareHandlers.cmpsd(instruction, mode)
  case .cmpps: return VectorCompareHandlers.cmpps(instruction, mode)
  case .cmppd: return VectorCompareHandlers.cmppd(instruction, mode)
  case .comiss: return VectorCompareHandlers.comiss(instruction, mode)
  case .comisd: return VectorCompareHandlers.comisd(instruction, mode)
  case .ucomiss: return VectorCompareHandlers.ucomiss(instruction, mode)
  case .ucomisd: return VectorCompareHandlers.ucomisd(instruction, mode)
  case .haddps: return VectorPairHandlers.haddps(instruction, mode)
  case .haddpd: return VectorPairHandlers.haddpd(instruction, mode)
  case .hsubps: return VectorPairHandlers.hsubps(instruction, mode)
  case .hsubpd: return VectorPairHandlers.hsubpd(instruction, mode)
  case .addsubps: return VectorPairHandlers.addsubps(instruction, mode)
  case .addsubpd: return VectorPairHandlers.addsubpd(instruction, mode)
  case .rcpss: return VectorEstimateHandlers.rcpss(instruction, mode)
  case .rcpps: return VectorEstimateHandlers.rcpps(instruction, mode)
  case .rsqrtss: return VectorEstimateHandlers.rsqrtss(instruction, mode)
  case .rsqrtps: return VectorEstimateHandlers.rsqrtps(instruction, mode)
  default: return nil
  }
}

private func conversion(_ instruction: Instruction, _ mode: SelectionMode) -> Handler? {
  func isWide(_ operand: Instruction.Operand) -> Bool { operand.size == 8 }
  switch instruction.mnemonic {
  case .cvtsi2ss:
    return isWide(instruction.operands.1)
      ? VectorConversionHandlers.cvtsi2ssq(instruction, mode)
      : VectorConversionHandlers.cvtsi2ssd(instruction, mode)
  case .cvtsi2sd:
    return isWide(instruction.operands.1)
      ? VectorConversionHandlers.cvtsi2sdq(instruction, mode)
      : VectorConversionHandlers.cvtsi2sdd(instruction, mode)
  case .cvtss2si:
    return isWide(instruction.operands.0)
      ? VectorConversionHandlers.cvtss2siq(instruction, mode)
      : VectorConversionHandlers.cvtss2sid(instruction, mode)
  case .cvtsd2si:
    return isWide(instruction.operands.0)
      ? VectorConversionHandlers.cvtsd2siq(instruction, mode)
      : VectorConversionHandlers.cvtsd2sid(instruction, mode)
  case .cvttss2si:
    return isWide(instruction.operands.0)
      ? VectorConversionHandlers.cvttss2siq(instruction, mode)
      : VectorConversionHandlers.cvttss2sid(instruction, mode)
  case .cvttsd2si:
    return isWide(instruction.operands.0)
      ? VectorConversionHandlers.cvttsd2siq(instruction, mode)
      : VectorConversionHandlers.cvttsd2sid(instruction, mode)
  case .cvtss2sd: return VectorConversionHandlers.cvtss2sd(instruction, mode)
  case .cvtsd2ss: return VectorConversionHandlers.cvtsd2ss(instruction, mode)
  case .cvtps2pd: return VectorConversionHandlers.cvtps2pd(instruction, mode)
  case .cvtpd2ps: return VectorConversionHandlers.cvtpd2ps(instruction, mode)
  case .cvtps2dq: return VectorConversionHandlers.cvtps2dq(instruction, mode)
  case .cvttps2dq: return VectorConversionHandlers.cvttps2dq(instruction, mode)
  case .cvtpd2dq: return VectorConversionHandlers.cvtpd2dq(instruction, mode)
  case .cvttpd2dq: return VectorConversionHandlers.cvttpd2dq(instruction, mode)
  case .cvtdq2ps: return VectorConversionHandlers.cvtdq2ps(instruction, mode)
  case .cvtdq2pd: return VectorConversionHandlers.cvtdq2pd(instruction, mode)
  case .cvtpi2ps: return MMXConversionHandlers.cvtpi2ps(instruction)
  case .cvtpi2pd: return MMXConversionHandlers.cvtpi2pd(instruction)
  case .cvtps2pi: return MMXConversionHandlers.cvtps2pi(instruction)
  case .cvttps2pi: return MMXConversionHandlers.cvttps2pi(instruction)
  case .cvtpd2pi: return MMXConversionHandlers.cvtpd2pi(instruction)
  case .cvttpd2pi: return MMXConversionHandlers.cvttpd2pi(instruction)
  default: return nil
  }
}
