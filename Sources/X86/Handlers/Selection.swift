// SPDX-License-Identifier: Apache-2.0

/// From a decoded instruction to its handler: one total function, by family.

/// What runs an instruction.
struct Selection {
  var handler: Handler
  /// It leaves the block by itself in every case and uses the block's links.
  var isBranch = false
  /// What host code can do in its place; of branches nothing.
  var operation = HostOperation()
}

/// What a mode allows: the address and stack forms, and the code mode, that fit an instruction.
struct SelectionMode {
  let key: UInt32

  var is64: Bool { key & ModeKey.codeSizeMask == UInt32(CodeSize.bits64.rawValue) }

  func address(_ instruction: Instruction) -> AddressForm {
    if is64 { return instruction.addressSize == 8 ? .long : .general }
    guard instruction.addressSize == 4, key & ModeKey.flatData != 0 else { return .general }
    switch instruction.segment {
    case .es, .ss, .ds: return .flat
    default: return .general
    }
  }

  enum StackForm { case flat, long, general }
  var stack: StackForm {
    if is64 { return .long }
    return key & (ModeKey.flatData | ModeKey.stack32) == ModeKey.flatData | ModeKey.stack32 ? .flat : .general
  }

  func pick(flat: Sized, long: Sized, general: Sized) -> Sized {
    switch stack {
    case .flat: flat
    case .long: long
    case .general: general
    }
  }
}

/// The branch handlers for a mode; without an operand size, those of the block's own flow.
func branchHandlers(_ key: UInt32, operandSize: UInt8?) -> BranchHandlers {
  if key & ModeKey.codeSizeMask == UInt32(CodeSize.bits64.rawValue) { return .near64 }
  if operandSize == 2 { return .near16 }
  return key & ModeKey.flatCode != 0 ? .flat32 : .near32
}

/// Selects the handler of an instruction in a mode. Illegal instructions get a handler that faults.
func select(
  _ instruction: Instruction, _ result: DecodeResult, _ key: UInt32, features: CPUFeatures, dropFlags: Bool
) -> Selection {
  switch result {
  case .ok: break
  case .tooLong: return Selection(handler: FaultHandlers.generalProtection)
  case .invalid, .needsMoreBytes: return Selection(handler: FaultHandlers.undefinedOpcode)
  }
  if let handler = illegal(instruction, key) { return Selection(handler: handler) }
  if !isSupported(instruction, features, key) { return Selection(handler: FaultHandlers.undefinedOpcode) }
  let mode = SelectionMode(key: key)
  if let handler = branch(instruction, mode) { return Selection(handler: handler, isBranch: true) }
  if let handler = integerHandler(for: instruction, mode, features: features, dropFlags: dropFlags) {
    return Selection(handler: handler, operation: hostOperation(instruction, mode, dropsFlags: dropFlags))
  }
  if let handler = floatingHandler(for: instruction, mode, features: features) { return Selection(handler: handler) }
  if let system = systemHandler(for: instruction) { return Selection(handler: system.handler) }
  return Selection(handler: FaultHandlers.undefinedOpcode)
}

/// x87, MMX and SSE.
private func floatingHandler(for instruction: Instruction, _ mode: SelectionMode, features: CPUFeatures) -> Handler? {
  x87Handler(for: instruction, mode, features: features)
    ?? vectorIntegerHandler(for: instruction, mode, features: features)
    ?? vectorFloatHandler(for: instruction, mode, features: features)
}

/// Whether the processor executes this instruction in some mode if its model has it (for the coverage page): it has a
/// handler, and not the one that says that the unit is missing.
package func isImplemented(_ instruction: Instruction) -> Bool {
  switch instruction.mnemonic {
  case .ud0, .ud1, .ud2: return true  // #UD is what they are for
  default: break
  }
  let mode = SelectionMode(key: ModeKey.protected | ModeKey.cpl0 | UInt32(CodeSize.bits32.rawValue))
  if branch(instruction, mode) != nil { return true }
  if integerHandler(for: instruction, mode, features: .all, dropFlags: false) != nil { return true }
  if floatingHandler(for: instruction, mode, features: .all) != nil { return true }
  guard let system = systemHandler(for: instruction) else { return false }
  func isSame(_ other: Handler) -> Bool {
    unsafeBitCast(system.handler, to: UInt.self) == unsafeBitCast(other, to: UInt.self)
  }
  return !isSame(SoftwareInterruptHandlers.undefined) && !isSame(SoftwareInterruptHandlers.escape)
}

/// The fault of an instruction that the mode forbids; what depends on IOPL is tested when it executes.
private func illegal(_ instruction: Instruction, _ key: UInt32) -> Handler? {
  let checks = instruction.checks
  if checks.contains(.protectedMode), key & ModeKey.protected == 0 || key & ModeKey.v86 != 0 {
    return FaultHandlers.undefinedOpcode
  }
  if checks.contains(.cpl0), key & ModeKey.cpl0 == 0 { return FaultHandlers.generalProtection }
  if checks.contains(.x87), key & (ModeKey.em | ModeKey.ts) != 0 { return FaultHandlers.deviceNotAvailable }
  if checks.contains(.mmx) {
    if key & ModeKey.em != 0 { return FaultHandlers.undefinedOpcode }
    if key & ModeKey.ts != 0 { return FaultHandlers.deviceNotAvailable }
  }
  if checks.contains(.sse) {
    if key & ModeKey.em != 0 || key & ModeKey.osfxsr == 0 { return FaultHandlers.undefinedOpcode }
    if key & ModeKey.ts != 0 { return FaultHandlers.deviceNotAvailable }
  }
  return nil
}

/// Whether the processor model has the instruction.
private func isSupported(_ instruction: Instruction, _ features: CPUFeatures, _ key: UInt32) -> Bool {
  switch instruction.mnemonic {
  case .cmovcc: features.feature1EDX & F1.cmov != 0
  case .cmpxchg8b: features.feature1EDX & F1.cx8 != 0
  case .cmpxchg16b: features.feature1ECX & F1C.cx16 != 0
  case .popcnt: features.feature1ECX & F1C.popcnt != 0
  case .movbe: features.feature1ECX & F1C.movbe != 0
  case .rdrand: features.feature1ECX & F1C.rdrand != 0
  case .sfence, .lfence, .mfence, .movnti: features.hasVectorInstruction(instruction)
  // 0F 0D, AMD's, is a no-operation everywhere.
  case .prefetch: instruction.opcode & 0xff != 0x18 || features.hasVectorInstruction(instruction)
  case .lahf, .sahf:
    key & ModeKey.codeSizeMask != UInt32(CodeSize.bits64.rawValue) || features.extended1ECX & FXC.lahf != 0
  default: true
  }
}

private func branch(_ instruction: Instruction, _ mode: SelectionMode) -> Handler? {
  let handlers = branchHandlers(mode.key, operandSize: instruction.operandSize)
  switch instruction.mnemonic {
  case .jcc: return handlers.conditional[Int(instruction.condition & 15)]
  case .jcxz: return handlers.countZero
  case .loop: return handlers.loop
  case .loope: return handlers.loopEqual
  case .loopne: return handlers.loopNotEqual
  case .jmp:
    switch instruction.operands.0.kind {
    case .relative: return handlers.jump
    case .register: return handlers.jumpReg
    default: return handlers.jumpMem
    }
  case .call:
    switch (instruction.operands.0.kind, mode.stack) {
    case (.relative, .flat): return handlers.callFlat
    case (.relative, .long): return handlers.callLong
    case (.relative, .general): return handlers.callGeneral
    case (.register, .flat): return handlers.callRegFlat
    case (.register, .long): return handlers.callRegLong
    case (.register, .general): return handlers.callRegGeneral
    case (_, .flat): return handlers.callMemFlat
    case (_, .long): return handlers.callMemLong
    case (_, .general): return handlers.callMemGeneral
    }
  case .ret:
    switch mode.stack {
    case .flat: return handlers.returnFlat
    case .long: return handlers.returnLong
    case .general: return handlers.returnGeneral
    }
  default: return nil
  }
}
