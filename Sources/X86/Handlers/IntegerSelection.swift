// SPDX-License-Identifier: Apache-2.0

/// The handlers of the straight-line integer instructions.

/// The shapes of two operands that handlers distinguish.
enum OperandShape {
  case regReg, regImm, regMem, memReg, memImm, other

  init(_ instruction: Instruction) {
    switch (instruction.operands.0.kind, instruction.operands.1.kind) {
    case (.register, .register): self = .regReg
    case (.register, .immediate): self = .regImm
    case (.register, .memory): self = .regMem
    case (.memory, .register): self = .memReg
    case (.memory, .immediate): self = .memImm
    default: self = .other
    }
  }
}

/// The handler of an integer instruction without control transfer; nil if it is none.
func integerHandler(
  for instruction: Instruction, _ mode: SelectionMode, features: CPUFeatures, dropFlags: Bool
) -> Handler? {
  if mode.address(instruction) == .flat, instruction.memoryIndex == Instruction.noRegister,
    let handler = BaseHandlers.handler(instruction)
  {
    return handler
  }
  switch instruction.mnemonic {
  case .add, .or, .adc, .sbb, .and, .sub, .xor, .cmp, .test:
    return arithmetic(instruction, mode.address(instruction), dropFlags)
  case .inc, .dec, .neg, .not: return unary(instruction, mode.address(instruction), dropFlags)
  case .mov, .movnti, .movzx, .movsx, .movsxd, .movbe: return move(instruction, mode.address(instruction))
  case .xchg, .lea, .cmovcc, .setcc, .xlat, .bswap: return transfer(instruction, mode)
  case .push, .pop, .pusha, .popa, .enter, .leave: return stack(instruction, mode)
  case .rol, .ror, .rcl, .rcr, .shl, .shr, .sar, .shld, .shrd: return shift(instruction, dropFlags)
  case .mul, .imul, .div, .idiv, .cbw, .cwd: return multiply(instruction)
  case .bt, .bts, .btr, .btc: return bitTest(instruction)
  case .bsf, .bsr, .lzcnt, .tzcnt, .popcnt: return bitScan(instruction, features)
  case .xadd, .cmpxchg, .cmpxchg8b, .cmpxchg16b: return exchange(instruction)
  case .clc: return FlagOperations.clc
  case .stc: return FlagOperations.stc
  case .cmc: return FlagOperations.cmc
  case .cld: return FlagOperations.cld
  case .std: return FlagOperations.std
  case .lahf: return FlagOperations.lahf
  case .sahf: return FlagOperations.sahf
  case .salc: return FlagOperations.salc
  case .nop, .pause, .prefetch, .mfence, .lfence, .sfence: return MoveHandlers.nop
  default: return nil
  }
}

private func arithmetic(_ i: Instruction, _ form: AddressForm, _ drop: Bool) -> Handler? {
  typealias R = ALURegisterHandlers
  typealias M = ALUMemoryHandlers
  typealias N = ALUOtherMemoryHandlers
  let size = i.operandSize
  switch (i.mnemonic, OperandShape(i)) {
  case (.add, .regReg): return (drop ? R.addRegRegDrop : R.addRegReg)[size: size]
  case (.add, .regImm): return (drop ? R.addRegImmDrop : R.addRegImm)[size: size]
  case (.add, .regMem): return M.addRegMem[form: form][size: size]
  case (.add, .memReg): return M.addMemReg[form: form][size: size]
  case (.add, .memImm): return M.addMemImm[form: form][size: size]
  case (.or, .regReg): return (drop ? R.orRegRegDrop : R.orRegReg)[size: size]
  case (.or, .regImm): return (drop ? R.orRegImmDrop : R.orRegImm)[size: size]
  case (.or, .regMem): return M.orRegMem[form: form][size: size]
  case (.or, .memReg): return M.orMemReg[form: form][size: size]
  case (.or, .memImm): return M.orMemImm[form: form][size: size]
  case (.adc, .regReg): return (drop ? R.adcRegRegDrop : R.adcRegReg)[size: size]
  case (.adc, .regImm): return (drop ? R.adcRegImmDrop : R.adcRegImm)[size: size]
  case (.adc, .regMem): return M.adcRegMem[form: form][size: size]
  case (.adc, .memReg): return M.adcMemReg[form: form][size: size]
  case (.adc, .memImm): return M.adcMemImm[form: form][size: size]
  case (.sbb, .regReg): return (drop ? R.sbbRegRegDrop : R.sbbRegReg)[size: size]
  case (.sbb, .regImm): return (drop ? R.sbbRegImmDrop : R.sbbRegImm)[size: size]
  case (.sbb, .regMem): return M.sbbRegMem[form: form][size: size]
  case (.sbb, .memReg): return M.sbbMemReg[form: form][size: size]
  case (.sbb, .memImm): return M.sbbMemImm[form: form][size: size]
  case (.and, .regReg): return (drop ? R.andRegRegDrop : R.andRegReg)[size: size]
  case (.and, .regImm): return (drop ? R.andRegImmDrop : R.andRegImm)[size: size]
  case (.and, .regMem): return M.andRegMem[form: form][size: size]
  case (.and, .memReg): return M.andMemReg[form: form][size: size]
  case (.and, .memImm): return M.andMemImm[form: form][size: size]
  case (.sub, .regReg): return (drop ? R.subRegRegDrop : R.subRegReg)[size: size]
  case (.sub, .regImm): return (drop ? R.subRegImmDrop : R.subRegImm)[size: size]
  case (.sub, .regMem): return M.subRegMem[form: form][size: size]
  case (.sub, .memReg): return M.subMemReg[form: form][size: size]
  case (.sub, .memImm): return M.subMemImm[form: form][size: size]
  case (.xor, .regReg): return (drop ? R.xorRegRegDrop : R.xorRegReg)[size: size]
  case (.xor, .regImm): return (drop ? R.xorRegImmDrop : R.xorRegImm)[size: size]
  case (.xor, .regMem): return M.xorRegMem[form: form][size: size]
  case (.xor, .memReg): return M.xorMemReg[form: form][size: size]
  case (.xor, .memImm): return M.xorMemImm[form: form][size: size]
  case (.cmp, .regReg): return R.cmpRegReg[size: size]
  case (.cmp, .regImm): return R.cmpRegImm[size: size]
  case (.cmp, .regMem): return N.cmpRegMem[form: form][size: size]
  case (.cmp, .memReg): return N.cmpMemReg[form: form][size: size]
  case (.cmp, .memImm): return N.cmpMemImm[form: form][size: size]
  case (.test, .regReg): return R.testRegReg[size: size]
  case (.test, .regImm): return R.testRegImm[size: size]
  case (.test, .memReg): return N.testMemReg[form: form][size: size]
  case (.test, .memImm): return N.testMemImm[form: form][size: size]
  default: return nil
  }
}

private func unary(_ i: Instruction, _ form: AddressForm, _ drop: Bool) -> Handler? {
  typealias R = ALURegisterHandlers
  typealias N = ALUOtherMemoryHandlers
  let size = i.operandSize
  let inMemory = i.operands.0.kind == .memory
  switch i.mnemonic {
  case .inc: return (inMemory ? N.incMem[form: form] : (drop ? R.incRegDrop : R.incReg))[size: size]
  case .dec: return (inMemory ? N.decMem[form: form] : (drop ? R.decRegDrop : R.decReg))[size: size]
  case .neg: return (inMemory ? N.negMem[form: form] : (drop ? R.negRegDrop : R.negReg))[size: size]
  case .not: return (inMemory ? N.notMem[form: form] : R.notReg)[size: size]
  default: return nil
  }
}

private func move(_ i: Instruction, _ form: AddressForm) -> Handler? {
  typealias T = MoveTables
  let size = i.operandSize
  let inMemory = i.operands.1.kind == .memory
  switch i.mnemonic {
  case .mov, .movnti:
    switch OperandShape(i) {
    case .regReg: return T.regReg[size: size]
    case .regImm: return T.regImm[size: size]
    case .regMem: return isAbsolute(i) ? T.loadAbsolute[size: size] : T.regMem[form: form][size: size]
    case .memReg: return isAbsolute(i) ? T.storeAbsolute[size: size] : T.memReg[form: form][size: size]
    case .memImm: return T.memImm[form: form][size: size]
    case .other: return nil
    }
  case .movzx:
    switch i.operands.1.size {
    case 1: return (inMemory ? T.zeroByteMem[form: form] : T.zeroByteReg)[size: size]
    default: return (inMemory ? T.zeroWordMem[form: form] : T.zeroWordReg)[size: size]
    }
  case .movsx, .movsxd:
    switch i.operands.1.size {
    case 1: return (inMemory ? T.signByteMem[form: form] : T.signByteReg)[size: size]
    case 2: return (inMemory ? T.signWordMem[form: form] : T.signWordReg)[size: size]
    default: return (inMemory ? T.signDoubleMem[form: form] : T.signDoubleReg)[size: size]
    }
  case .movbe: return (inMemory ? T.swappedLoad : T.swappedStore)[size: size]
  default: return nil
  }
}

private func transfer(_ i: Instruction, _ mode: SelectionMode) -> Handler? {
  typealias T = MoveTables
  let size = i.operandSize
  let firstInMemory = i.operands.0.kind == .memory, secondInMemory = i.operands.1.kind == .memory
  switch i.mnemonic {
  case .xchg: return (firstInMemory || secondInMemory ? T.exchangeMemReg : T.exchangeRegReg)[size: size]
  case .lea: return (!mode.is64 && i.addressSize == 4 ? T.leaFlat : T.leaGeneral)[size: size]
  case .cmovcc: return (secondInMemory ? T.conditionalMem : T.conditionalReg)[size: size]
  case .setcc: return firstInMemory ? MoveHandlers.setMem : MoveHandlers.setReg
  case .xlat: return MoveHandlers.xlat
  case .bswap:
    switch size {
    case 2: return MoveHandlers.swap16
    case 4: return MoveHandlers.swap32
    default: return MoveHandlers.swap64
    }
  default: return nil
  }
}

private func stack(_ i: Instruction, _ mode: SelectionMode) -> Handler? {
  typealias T = StackTables
  let size = i.operandSize
  switch (i.mnemonic, i.operands.0.kind) {
  case (.push, .register):
    return mode.pick(flat: T.pushRegFlat, long: T.pushRegLong, general: T.pushRegGeneral)[size: size]
  case (.push, .immediate):
    return mode.pick(flat: T.pushImmFlat, long: T.pushImmLong, general: T.pushImmGeneral)[size: size]
  case (.push, .memory):
    return mode.pick(flat: T.pushMemFlat, long: T.pushMemLong, general: T.pushMemGeneral)[size: size]
  case (.pop, .register):
    return mode.pick(flat: T.popRegFlat, long: T.popRegLong, general: T.popRegGeneral)[size: size]
  case (.pop, .memory): return T.popMem[size: size]
  case (.pusha, _): return T.pushAll[size: size]
  case (.popa, _): return T.popAll[size: size]
  case (.enter, _): return T.enterFrame[size: size]
  case (.leave, _):
    return mode.pick(flat: T.leaveFrameFlat, long: T.leaveFrameLong, general: T.leaveFrameGeneral)[size: size]
  default: return nil
  }
}

private func shift(_ i: Instruction, _ drop: Bool) -> Handler? {
  typealias T = ShiftTables
  let size = i.operandSize
  let inMemory = i.operands.0.kind == .memory
  let count = i.mnemonic == .shld || i.mnemonic == .shrd ? i.operands.2 : i.operands.1
  let byCL = count.kind == .register
  // A count of zero does nothing but zero-extend a 32-bit register.
  let mask: UInt64 = size == 8 ? 63 : 31
  if !byCL && !inMemory && count.kind == .immediate && i.immediate & mask == 0 {
    return size == 4 ? zeroExtendSelf : MoveHandlers.nop
  }
  func pick(_ imm: Sized, _ cl: Sized, _ memImm: Sized, _ memCL: Sized) -> Handler {
    (inMemory ? (byCL ? memCL : memImm) : (byCL ? cl : imm))[size: size]
  }
  switch i.mnemonic {
  case .rol: return pick(drop ? T.rolRegImmDrop : T.rolRegImm, T.rolRegCL, T.rolMemImm, T.rolMemCL)
  case .ror: return pick(drop ? T.rorRegImmDrop : T.rorRegImm, T.rorRegCL, T.rorMemImm, T.rorMemCL)
  case .rcl: return pick(T.rclRegImm, T.rclRegCL, T.rclMemImm, T.rclMemCL)
  case .rcr: return pick(T.rcrRegImm, T.rcrRegCL, T.rcrMemImm, T.rcrMemCL)
  case .shl: return pick(drop ? T.shlRegImmDrop : T.shlRegImm, T.shlRegCL, T.shlMemImm, T.shlMemCL)
  case .shr: return pick(drop ? T.shrRegImmDrop : T.shrRegImm, T.shrRegCL, T.shrMemImm, T.shrMemCL)
  case .sar: return pick(drop ? T.sarRegImmDrop : T.sarRegImm, T.sarRegCL, T.sarMemImm, T.sarMemCL)
  case .shld: return pick(T.shldRegImm, T.shldRegCL, T.shldMemImm, T.shldMemCL)
  case .shrd: return pick(T.shrdRegImm, T.shrdRegCL, T.shrdMemImm, T.shrdMemCL)
  default: return nil
  }
}

private let zeroExtendSelf: Handler = { c, o in
  c[o.op.pointee.dst, as: UInt32.self] = c[o.op.pointee.dst, as: UInt32.self]
  return next(c, o)
}

private func multiply(_ i: Instruction) -> Handler? {
  typealias T = IntegerTables
  let size = i.operandSize
  let inMemory = i.operands.0.kind == .memory
  switch i.mnemonic {
  case .mul: return (inMemory ? T.mulMem : T.mulReg)[size: size]
  case .div: return (inMemory ? T.divMem : T.divReg)[size: size]
  case .idiv: return (inMemory ? T.idivMem : T.idivReg)[size: size]
  case .imul:
    let sourceInMemory = i.operands.1.kind == .memory
    switch i.operandCount {
    case 1: return (inMemory ? T.imulMem : T.imulReg)[size: size]
    case 2: return (sourceInMemory ? T.imulRegMem : T.imulRegReg)[size: size]
    default: return (sourceInMemory ? T.imulRegMemImm : T.imulRegRegImm)[size: size]
    }
  case .cbw:
    switch size {
    case 2: return { extendAccumulator(UInt8.self, UInt16.self, $0, $1) }
    case 4: return { extendAccumulator(UInt16.self, UInt32.self, $0, $1) }
    default: return { extendAccumulator(UInt32.self, UInt64.self, $0, $1) }
    }
  case .cwd:
    switch size {
    case 2: return { extendIntoData(UInt16.self, $0, $1) }
    case 4: return { extendIntoData(UInt32.self, $0, $1) }
    default: return { extendIntoData(UInt64.self, $0, $1) }
    }
  default: return nil
  }
}

private func bitTest(_ i: Instruction) -> Handler? {
  typealias T = IntegerTables
  let size = i.operandSize
  func pick(_ reg: Sized, _ regImm: Sized, _ memReg: Sized, _ memImm: Sized) -> Handler? {
    switch OperandShape(i) {
    case .regReg: reg[size: size]
    case .regImm: regImm[size: size]
    case .memReg: memReg[size: size]
    case .memImm: memImm[size: size]
    default: nil
    }
  }
  switch i.mnemonic {
  case .bt: return pick(T.btReg, T.btRegImm, T.btMemReg, T.btMemImm)
  case .bts: return pick(T.btsReg, T.btsRegImm, T.btsMemReg, T.btsMemImm)
  case .btr: return pick(T.btrReg, T.btrRegImm, T.btrMemReg, T.btrMemImm)
  case .btc: return pick(T.btcReg, T.btcRegImm, T.btcMemReg, T.btcMemImm)
  default: return nil
  }
}

/// LZCNT and TZCNT are BSR and BSF to a processor that lacks them.
private func bitScan(_ i: Instruction, _ features: CPUFeatures) -> Handler? {
  typealias T = IntegerTables
  let size = i.operandSize
  let inMemory = i.operands.1.kind == .memory
  switch i.mnemonic {
  case .bsf, .tzcnt: return (inMemory ? T.bsfMem : T.bsfReg)[size: size]
  case .bsr: return (inMemory ? T.bsrMem : T.bsrReg)[size: size]
  case .lzcnt: return (inMemory ? T.bsrMem : T.bsrReg)[size: size]
  case .popcnt: return (inMemory ? T.popcntMem : T.popcntReg)[size: size]
  default: return nil
  }
}

private func exchange(_ i: Instruction) -> Handler? {
  typealias T = IntegerTables
  let size = i.operandSize
  let inMemory = i.operands.0.kind == .memory
  switch i.mnemonic {
  case .xadd: return (inMemory ? T.xaddMem : T.xaddReg)[size: size]
  case .cmpxchg: return (inMemory ? T.cmpxchgMem : T.cmpxchgReg)[size: size]
  case .cmpxchg8b: return ExchangeHandlers.compare8
  case .cmpxchg16b: return ExchangeHandlers.compare16
  default: return nil
  }
}
