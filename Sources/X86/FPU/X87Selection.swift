// SPDX-License-Identifier: Apache-2.0

/// The handler of an x87 instruction; nil for all others, and without a coprocessor.
func x87Handler(for instruction: Instruction, _ mode: SelectionMode, features: CPUFeatures) -> Handler? {
  guard instruction.opcode & ~7 == 0xd8, features.feature1EDX & F1.fpu != 0 else { return nil }
  switch instruction.mnemonic {
  case .fisttp where features.feature1ECX & F1C.sse3 == 0: return FaultHandlers.undefinedOpcode
  case .fcmovb, .fcmove, .fcmovbe, .fcmovu, .fcmovnb, .fcmovne, .fcmovnbe, .fcmovnu, .fcomi, .fcomip, .fucomi,
    .fucomip:
    if features.feature1EDX & F1.cmov == 0 { return FaultHandlers.undefinedOpcode }
  default: break
  }
  let isMemory = instruction.operands.0.kind == .memory || instruction.operands.1.kind == .memory
  if isMemory { return x87MemoryHandler(instruction, mode.address(instruction)) }
  return x87ArithmeticHandler(instruction) ?? x87CompareHandler(instruction) ?? x87MoveHandler(instruction)
    ?? x87FunctionHandler(instruction) ?? x87ControlHandler(instruction)
}

private func x87ArithmeticForms(_ mnemonic: Mnemonic) -> X87ArithmeticForms? {
  typealias T = X87ArithmeticTables
  return switch mnemonic {
  case .fadd, .faddp, .fiadd: T.add
  case .fsub, .fsubp, .fisub: T.subtract
  case .fsubr, .fsubrp, .fisubr: T.subtractReversed
  case .fmul, .fmulp, .fimul: T.multiply
  case .fdiv, .fdivp, .fidiv: T.divide
  case .fdivr, .fdivrp, .fidivr: T.divideReversed
  default: nil
  }
}

private func x87ArithmeticHandler(_ instruction: Instruction) -> Handler? {
  guard let forms = x87ArithmeticForms(instruction.mnemonic) else { return nil }
  switch instruction.mnemonic {
  case .faddp, .fsubp, .fsubrp, .fmulp, .fdivp, .fdivrp: return forms.pop
  default: return forms.register
  }
}

private func x87CompareHandler(_ instruction: Instruction) -> Handler? {
  typealias H = X87CompareHandlers
  return switch instruction.mnemonic {
  case .fcom: H.compare
  case .fcomp: H.comparePop
  case .fcompp: H.comparePopTwice
  case .fucom: H.quiet
  case .fucomp: H.quietPop
  case .fucompp: H.quietPopTwice
  case .fcomi: H.flags
  case .fcomip: H.flagsPop
  case .fucomi: H.quietFlags
  case .fucomip: H.quietFlagsPop
  case .ftst: H.test
  case .fxam: H.examine
  default: nil
  }
}

private func x87MoveHandler(_ instruction: Instruction) -> Handler? {
  typealias H = X87LoadStoreHandlers
  return switch instruction.mnemonic {
  case .fld: H.loadRegister
  case .fst: H.storeRegister
  case .fstp: instruction.opcode & 7 == 1 ? H.storePopRegisterUnchecked : H.storePopRegister
  case .fxch: H.exchange
  case .fcmovb: H.moveBelow
  case .fcmove: H.moveEqual
  case .fcmovbe: H.moveBelowOrEqual
  case .fcmovu: H.moveUnordered
  case .fcmovnb: H.moveNotBelow
  case .fcmovne: H.moveNotEqual
  case .fcmovnbe: H.moveAbove
  case .fcmovnu: H.moveOrdered
  case .fld1: H.one
  case .fldz: H.zero
  case .fldl2t: H.log2Of10
  case .fldl2e: H.log2OfE
  case .fldpi: H.pi
  case .fldlg2: H.log10Of2
  case .fldln2: H.logEOf2
  default: nil
  }
}

private func x87FunctionHandler(_ instruction: Instruction) -> Handler? {
  typealias H = X87FunctionHandlers
  return switch instruction.mnemonic {
  case .fsqrt: H.squareRoot
  case .frndint: H.roundToInteger
  case .fchs: H.negate
  case .fabs: H.absolute
  case .fscale: H.scale
  case .fprem: H.remainder
  case .fprem1: H.remainderNearest
  case .fxtract: H.extract
  case .f2xm1: X87TranscendentalHandlers.exponential
  case .fyl2x: X87TranscendentalHandlers.logarithm
  case .fyl2xp1: X87TranscendentalHandlers.logarithmOfOnePlus
  case .fptan: X87TranscendentalHandlers.tangent
  case .fpatan: X87TranscendentalHandlers.arctangent
  case .fsin: X87TranscendentalHandlers.sine
  case .fcos: X87TranscendentalHandlers.cosine
  case .fsincos: X87TranscendentalHandlers.sineAndCosine
  default: nil
  }
}

private func x87ControlHandler(_ instruction: Instruction) -> Handler? {
  typealias H = X87ControlHandlers
  return switch instruction.mnemonic {
  case .fnstsw: H.storeStatusAX
  case .fnclex: H.clear
  case .fninit: H.initialize
  case .fincstp: H.increment
  case .fdecstp: H.decrement
  case .ffree: H.free
  case .ffreep: H.freePop
  case .fnop: H.noOperation
  case .fneni, .fndisi, .fnsetpm: H.ignored
  default: nil
  }
}

private func x87MemoryHandler(_ instruction: Instruction, _ form: AddressForm) -> Handler? {
  typealias T = X87LoadStoreTables
  typealias C = X87CompareHandlers
  let size = instruction.operands.0.kind == .memory ? instruction.operands.0.size : instruction.operands.1.size
  if let forms = x87ArithmeticForms(instruction.mnemonic) {
    switch instruction.mnemonic {
    case .fiadd, .fisub, .fisubr, .fimul, .fidiv, .fidivr: return size == 2 ? forms.word : forms.doubleword
    default: return (size == 4 ? forms.single : forms.double)[form: form]
    }
  }
  switch (instruction.mnemonic, size) {
  case (.fld, 4): return T.loadSingle[form: form]
  case (.fld, 8): return T.loadDouble[form: form]
  case (.fld, _): return T.loadExtended[form: form]
  case (.fst, 4): return T.storeSingle[form: form]
  case (.fst, _): return T.storeDouble[form: form]
  case (.fstp, 4): return T.storePopSingle[form: form]
  case (.fstp, 8): return T.storePopDouble[form: form]
  case (.fstp, _): return T.storePopExtended[form: form]
  case (.fild, 2): return T.loadWord[form: form]
  case (.fild, 4): return T.loadDoubleword[form: form]
  case (.fild, _): return T.loadQuadword[form: form]
  case (.fist, 2): return T.storeWord
  case (.fist, _): return T.storeDoubleword
  case (.fistp, 2): return T.storePopWord[form: form]
  case (.fistp, 4): return T.storePopDoubleword[form: form]
  case (.fistp, _): return T.storePopQuadword[form: form]
  case (.fisttp, 2): return T.truncatePopWord
  case (.fisttp, 4): return T.truncatePopDoubleword
  case (.fisttp, _): return T.truncatePopQuadword
  case (.fbld, _): return X87LoadStoreHandlers.loadDecimal
  case (.fbstp, _): return X87LoadStoreHandlers.storeDecimal
  case (.fcom, 4): return C.single[form: form]
  case (.fcom, _): return C.double[form: form]
  case (.fcomp, 4): return C.singlePop[form: form]
  case (.fcomp, _): return C.doublePop[form: form]
  case (.ficom, 2): return C.word
  case (.ficom, _): return C.doubleword
  case (.ficomp, 2): return C.wordPop
  case (.ficomp, _): return C.doublewordPop
  case (.fldcw, _): return X87ControlHandlers.loadControl
  case (.fnstcw, _): return X87ControlHandlers.storeControl
  case (.fnstsw, _): return X87ControlHandlers.storeStatus
  case (.fldenv, _): return X87EnvironmentHandlers.loadEnvironment
  case (.fnstenv, _): return X87EnvironmentHandlers.storeEnvironment
  case (.frstor, _): return X87EnvironmentHandlers.restore
  case (.fnsave, _): return X87EnvironmentHandlers.save
  default: return nil
  }
}
