// SPDX-License-Identifier: Apache-2.0

/// What an op does, as far as it can be translated to host code: beside the op's own fields, which say on what.
struct HostOperation: BitwiseCopyable {
  enum Kind: UInt8 {
    /// Only its handler can do it.
    case none
    /// `detail` and `sourceSize` are the two `PairKind`s.
    case pair
    case moveReg, moveImm, load, store, storeImm
    /// Extensions, from `sourceSize`.
    case zeroReg, zeroLoad, signReg, signLoad
    case lea
    /// `detail` is a `HostALU`, without `cmp`.
    case aluReg, aluImm, aluLoad, aluStore, aluStoreImm
    case compareReg, compareImm, compareLoad, compareStore, compareStoreImm
    case testReg, testImm, testStore, testStoreImm
    case increment, decrement, negate, complement
    /// `detail` is a `HostShift`; the count is not zero.
    case shift
    case multiplyReg, multiplyImm
    /// `detail` is a condition code; not of parity.
    case moveIf, setIf
    case push, pushImm, pop
    case swapBytes
    /// By CL.
    case shiftCL
    case nop
    // The ends of blocks, in flat code
    /// `detail` is the condition code, `sourceSize` the comparison: 0 CMP, 1 TEST.
    case fusedReg, fusedImm
    /// `sourceSize`: 0 INC, 1 DEC.
    case fusedStep
    /// `sourceSize`: 1 if the target is in the same page, so that it is canonical.
    case jumpIf, jump, call
    case fallThrough
    case ret, jumpReg, callReg
  }
  var kind = Kind.none
  var detail: UInt8 = 0
  /// Operand size in bytes.
  var size: UInt8 = 0
  var sourceSize: UInt8 = 0
  /// The instruction's flags are overwritten before anything reads them.
  var dropsFlags = false
  /// Offsets and stack pointers have 64 bits (else 32).
  var isLong = false

  static var byteCount: Int { MemoryLayout<HostOperation>.stride }

  init(_ kind: Kind = .none, size: UInt8 = 0, detail: UInt8 = 0, sourceSize: UInt8 = 0) {
    (self.kind, self.size, self.detail, self.sourceSize) = (kind, size, detail, sourceSize)
  }

  /// It ends the block by itself.
  var endsBlock: Bool { kind.rawValue >= Kind.fusedReg.rawValue }

  var touchesMemory: Bool {
    switch kind {
    case .load, .store, .storeImm, .zeroLoad, .signLoad, .aluLoad, .aluStore, .aluStoreImm, .compareLoad, .compareStore,
      .compareStoreImm, .testStore, .testStoreImm, .push, .pushImm, .pop:
      true
    default: false
    }
  }

  /// It ends the block with an access to the stack.
  var usesStack: Bool { kind == .call || kind == .ret || kind == .callReg }

  enum FlagUse {
    /// Writes all status flags and reads none.
    case overwrites
    case reads
    case none
  }
  var flagUse: FlagUse {
    switch kind {
    case .aluReg, .aluImm, .aluLoad, .aluStore, .aluStoreImm:
      detail == HostALU.adc.rawValue || detail == HostALU.sbb.rawValue ? .reads : .overwrites
    case .compareReg, .compareImm, .compareLoad, .compareStore, .compareStoreImm, .testReg, .testImm, .testStore,
      .testStoreImm, .negate, .multiplyReg, .multiplyImm, .fusedReg, .fusedImm:
      .overwrites
    case .shift:
      detail == HostShift.rol.rawValue || detail == HostShift.ror.rawValue ? .reads : .overwrites
    case .increment, .decrement, .moveIf, .setIf, .shiftCL, .fusedStep, .jumpIf, .jump, .call, .fallThrough, .ret,
      .jumpReg,
      .callReg, .none:
      .reads
    default: .none
    }
  }
}

/// What of an instruction's op can be translated, in a mode. `dropsFlags`: see `HostOperation`.
func hostOperation(_ i: Instruction, _ mode: SelectionMode, dropsFlags: Bool) -> HostOperation {
  var operation = translatable(i, mode, dropsFlags)
  operation.dropsFlags = dropsFlags
  operation.isLong = mode.is64
  return operation
}

private func translatable(_ i: Instruction, _ mode: SelectionMode, _ dropsFlags: Bool) -> HostOperation {
  let none = HostOperation()
  switch i.mnemonic {
  case .nop, .pause, .prefetch, .mfence, .lfence, .sfence: return HostOperation(.nop)
  default: break
  }
  guard !i.lock, i.repeatPrefix == .none else { return none }
  let first = i.operands.0, second = i.operands.1
  let size = i.operandSize
  // AH, CH, DH, BH are read where it costs nothing.
  if first.kind == .register && first.register >= 16 { return none }
  if first.kind == .memory || second.kind == .memory, i.mnemonic != .lea {
    guard mode.address(i) != .general, !isAbsolute(i) else { return none }
  }
  let isHigh = second.kind == .register && second.register >= 16
  if isHigh && i.mnemonic != .movzx { return none }
  let shape = OperandShape(i)
  func alu(_ operation: HostALU) -> HostOperation {
    let detail = operation.rawValue
    switch shape {
    case .regReg: return HostOperation(.aluReg, size: size, detail: detail)
    case .regImm: return HostOperation(.aluImm, size: size, detail: detail)
    case .regMem: return HostOperation(.aluLoad, size: size, detail: detail)
    case .memReg: return HostOperation(.aluStore, size: size, detail: detail)
    case .memImm: return HostOperation(.aluStoreImm, size: size, detail: detail)
    case .other: return none
    }
  }

  switch i.mnemonic {
  case .mov:
    switch shape {
    case .regReg: return HostOperation(.moveReg, size: size)
    case .regImm: return HostOperation(.moveImm, size: size)
    case .regMem: return HostOperation(.load, size: size)
    case .memReg: return HostOperation(.store, size: size)
    case .memImm: return HostOperation(.storeImm, size: size)
    case .other: return none
    }
  case .movzx:
    return HostOperation(
      second.kind == .memory ? .zeroLoad : .zeroReg, size: size, sourceSize: second.size == 1 ? 1 : 2)
  case .movsx, .movsxd:
    let from: UInt8 = second.size == 1 ? 1 : second.size == 2 ? 2 : 4
    // MOVSXD without REX.W is a move.
    guard from < size else { return none }
    return HostOperation(second.kind == .memory ? .signLoad : .signReg, size: size, sourceSize: from)
  case .lea:
    guard size >= 4, i.addressSize == (mode.is64 ? 8 : 4) else { return none }
    return HostOperation(.lea, size: size)
  case .add: return alu(.add)
  case .or: return alu(.or)
  case .adc: return alu(.adc)
  case .sbb: return alu(.sbb)
  case .and: return alu(.and)
  case .sub: return alu(.sub)
  case .xor: return alu(.xor)
  case .cmp:
    switch shape {
    case .regReg: return HostOperation(.compareReg, size: size)
    case .regImm: return HostOperation(.compareImm, size: size)
    case .regMem: return HostOperation(.compareLoad, size: size)
    case .memReg: return HostOperation(.compareStore, size: size)
    case .memImm: return HostOperation(.compareStoreImm, size: size)
    case .other: return none
    }
  case .test:
    switch shape {
    case .regReg: return HostOperation(.testReg, size: size)
    case .regImm: return HostOperation(.testImm, size: size)
    case .memReg: return HostOperation(.testStore, size: size)
    case .memImm: return HostOperation(.testStoreImm, size: size)
    default: return none
    }
  case .inc: return first.kind == .register ? HostOperation(.increment, size: size) : none
  case .dec: return first.kind == .register ? HostOperation(.decrement, size: size) : none
  case .neg: return first.kind == .register ? HostOperation(.negate, size: size) : none
  case .not: return first.kind == .register ? HostOperation(.complement, size: size) : none
  case .shl, .shr, .sar:
    let shift: HostShift = i.mnemonic == .shl ? .shl : i.mnemonic == .shr ? .shr : .sar
    guard first.kind == .register else { return none }
    if second.kind == .register {
      return size >= 4 ? HostOperation(.shiftCL, size: size, detail: shift.rawValue) : none
    }
    // Flags of narrow shifts are the handlers' affair.
    guard size >= 4 || dropsFlags else { return none }
    guard second.kind == .one || i.immediate & (size == 8 ? 63 : 31) != 0 else { return none }
    return HostOperation(.shift, size: size, detail: shift.rawValue)
  case .rol, .ror:
    guard first.kind == .register, second.kind != .register, dropsFlags else { return none }
    guard second.kind == .one || i.immediate & (size == 8 ? 63 : 31) != 0 else { return none }
    return HostOperation(.shift, size: size, detail: (i.mnemonic == .rol ? HostShift.rol : .ror).rawValue)
  case .bswap: return size >= 4 ? HostOperation(.swapBytes, size: size) : none
  case .imul:
    guard second.kind == .register, size >= 4 else { return none }
    if i.operandCount == 2 { return HostOperation(.multiplyReg, size: size) }
    return i.operandCount == 3 ? HostOperation(.multiplyImm, size: size) : none
  case .cmovcc:
    guard second.kind == .register, size >= 4, i.condition >> 1 != 5 else { return none }
    return HostOperation(.moveIf, size: size, detail: i.condition & 15)
  case .setcc:
    guard first.kind == .register, i.condition >> 1 != 5 else { return none }
    return HostOperation(.setIf, size: 1, detail: i.condition & 15)
  case .push where first.kind == .immediate:
    guard mode.stack != .general, size == (mode.is64 ? 8 : 4) else { return none }
    return HostOperation(.pushImm, size: size)
  case .push:
    guard first.kind == .register, mode.stack != .general, size == (mode.is64 ? 8 : 4) else { return none }
    return HostOperation(.push, size: size)
  case .pop:
    guard first.kind == .register, mode.stack != .general, size == (mode.is64 ? 8 : 4) else { return none }
    return HostOperation(.pop, size: size)
  default: return none
  }
}
