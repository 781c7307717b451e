// SPDX-License-Identifier: Apache-2.0

/// Turning the instructions of a draft into ops.

/// Writes the block at the free end of the arena; it is in no list yet.
func emit(_ c: UnsafeMutableRawPointer, _ physical: UInt64, _ key: UInt32) -> Block {
  let blocks = c.cpu.pointee.blocks
  let draft = blocks.pointee.draft
  let block = (blocks.pointee.arena + blocks.pointee.used).bindMemory(to: BlockHeader.self, capacity: 1)
  block.initialize(
    to: BlockHeader(physical: physical, key: key, byteLength: UInt16(truncatingIfNeeded: draft.pointee.byteLength)))
  let count = draft.pointee.count
  let options = blocks.pointee.options
  let dead = options.contains(.deadFlags) ? deadFlags(draft) : .init(repeating: false)
  let isFused = options.contains(.fusion) && fusesLastPair(draft, key)
  // Handlers that check are right in flat segments too.
  let handlerKey = options.contains(.flatHandlers) ? key : key & ~(ModeKey.flatData | ModeKey.flatCode)
  let listing = blocks.pointee.listing
  listing.pointee.count = 0
  var isClosed = false
  var index = 0
  // The last two may be a pair of another kind.
  let pairEnd = isFused ? count - 2 : count
  while index < count {
    if index + 1 < pairEnd, let first = pairHalf(draft, index, dead), let second = pairHalf(draft, index + 1, dead) {
      var op = Op(handler: PairTables.handler(first.kind, second.kind))
      (op.dst, op.src, op.immediate) = (first.dst, first.src, UInt64(bitPattern: Int64(first.immediate)))
      (op.base, op.index, op.displacement) = (second.dst, second.src, second.immediate)
      op.length = draft.pointee.instructions[index].length
      op.ipOffset = UInt16(truncatingIfNeeded: draft.pointee.offsets[index])
      op.left = UInt16(truncatingIfNeeded: count - index)
      listing.pointee.append(
        op, HostOperation(.pair, detail: first.kind.rawValue, sourceSize: second.kind.rawValue))
      index += 2
      isClosed = false
      continue
    }
    let instruction = draft.pointee.instructions[index]
    let offset = draft.pointee.offsets[index]
    if isFused && index == count - 2 {
      listing.pointee.append(fusedOp(draft, key), fusedOperation(draft, key))
      isClosed = true
      break
    }
    let selection = select(
      instruction, draft.pointee.results[index], handlerKey, features: c.cpu.pointee.features, dropFlags: dead[index])
    let op = makeOp(instruction, selection.handler, offset: offset, left: count - index)
    isClosed = selection.isBranch
    listing.pointee.append(
      op, isClosed ? branchOperation(instruction, op, physical, handlerKey) : selection.operation)
    index += 1
  }
  if !isClosed {
    var end = Op(handler: branchHandlers(handlerKey, operandSize: nil).blockEnd)
    end.ipOffset = UInt16(truncatingIfNeeded: draft.pointee.byteLength)
    end.displacement = Int32(truncatingIfNeeded: draft.pointee.byteLength)
    var operation = HostOperation()
    if isFlatCode(handlerKey) {
      operation = HostOperation(.fallThrough)
      operation.isLong = is64Bit(handlerKey)
    }
    listing.pointee.append(end, operation)
  }
  block.pointee.instructionCount = UInt8(truncatingIfNeeded: count)
  let hostCode = blocks.pointee.hostCode
  let compiles =
    options.contains(.hostCode) && hostCode.isAvailable && (count > 1 || isClosed || hostCode.compilesSingles)
  block.pointee.opCount = UInt16(truncatingIfNeeded: listing.pointee.place(block, heads: compiles ? hostCode : nil))
  block.pointee.hasLinks = true
  let last = draft.pointee.instructions[count - 1]
  switch last.mnemonic {
  case .int, .int3, .int1, .into: block.pointee.isSoftwareInterrupt = true
  default: break
  }
  let dispatch = blocks.pointee.dispatchOp
  if options.contains(.links) {
    // The handlers of other branches look at the header of what they are linked to.
    let hasGates = is64Bit(handlerKey) || handlerKey & ModeKey.flatCode != 0 && !(isClosed && last.operandSize == 2)
    block.links.initialize(to: links(block, draft, last, isClosed, hasGates ? nil : dispatch))
  } else {
    block.links.initialize(to: BranchLinks(taken: dispatch, fallThrough: dispatch, landing: Landing.linked))
  }
  if compiles { listing.pointee.placeOperations(block, hostCode) }
  return block
}

private func is64Bit(_ key: UInt32) -> Bool { key & ModeKey.codeSizeMask == UInt32(CodeSize.bits64.rawValue) }

/// Code whose branches of 32 or 64 bits check nothing.
private func isFlatCode(_ key: UInt32) -> Bool { is64Bit(key) || key & ModeKey.flatCode != 0 }

/// A near branch in flat code.
private func branchOperation(_ instruction: Instruction, _ op: Op, _ physical: UInt64, _ key: UInt32) -> HostOperation {
  let none = HostOperation()
  let size: UInt8 = is64Bit(key) ? 8 : 4
  guard isFlatCode(key), instruction.operandSize == size || is64Bit(key) else { return none }
  let mode = SelectionMode(key: key)
  var operation = none
  switch (instruction.mnemonic, instruction.operands.0.kind) {
  case (.jcc, .relative) where instruction.condition >> 1 != 5:
    operation = HostOperation(.jumpIf, size: size, detail: instruction.condition & 15)
  case (.jmp, .relative): operation = HostOperation(.jump, size: size)
  case (.call, .relative) where mode.stack != .general: operation = HostOperation(.call, size: size)
  case (.ret, _) where mode.stack != .general: operation = HostOperation(.ret, size: size)
  case (.jmp, .register): operation = HostOperation(.jumpReg, size: size)
  case (.call, .register) where mode.stack != .general: operation = HostOperation(.callReg, size: size)
  default: return none
  }
  if instruction.operands.0.kind == .relative {
    guard Int64(Int32(truncatingIfNeeded: op.immediate)) == Int64(bitPattern: op.immediate) else { return none }
    let (target, overflow) = Int64(physical & 0xfff).addingReportingOverflow(Int64(bitPattern: op.immediate))
    if !overflow && target >= 0 && target < 0x1000 { operation.sourceSize = 1 }
  }
  operation.isLong = is64Bit(key)
  return operation
}

/// An instruction as a half of a pair, if it can be one.
private func pairHalf(
  _ draft: UnsafeMutablePointer<Draft>, _ index: Int, _ dead: InlineArray<64, Bool>
) -> PairHalf? {
  let instruction = draft.pointee.instructions[index]
  guard draft.pointee.results[index] == .ok, let effect = flagEffect(instruction), effect.writes == 0 || dead[index]
  else { return nil }
  return PairHalf(instruction)
}

/// Links inside the page start unresolved; all others go through the jump table for good if `dispatch` is its op, and
/// have gates if it is nil.
private func links(
  _ block: Block, _ draft: UnsafeMutablePointer<Draft>, _ last: Instruction, _ isClosed: Bool, _ dispatch: UInt?
) -> BranchLinks {
  let start = Int64(block.pointee.physical & 0xfff), end = Int64(draft.pointee.byteLength)
  let isSpanning = start + end > 0x1000
  func link(_ displacement: Int64) -> UInt {
    let (target, overflow) = start.addingReportingOverflow(displacement)
    if !overflow && target >= 0 && target < 0x1000 && !isSpanning { return 0 }
    if let dispatch { return dispatch }
    let gate = block.gates + Int(block.pointee.gateCount) * Gate.byteCount
    Gate.initialize(gate)
    block.pointee.gateCount += 1
    return UInt(bitPattern: gate)
  }
  let landing = dispatch == nil ? Landing.gate : Landing.linked
  guard isClosed else {
    // What follows a block that ends for want of bytes spans two pages.
    let next = link(draft.pointee.isCut && dispatch == nil ? 0x1000 : end)
    return BranchLinks(taken: 0, fallThrough: next, landing: landing)
  }
  let fallThrough = last.mnemonic == .jmp || last.mnemonic == .call ? 0 : link(end)
  return BranchLinks(
    taken: link(end &+ Int64(bitPattern: last.immediate)), fallThrough: fallThrough, landing: landing)
}

/// The op of one instruction; how operands are encoded is described at `Op` and `systemHandler`.
private func makeOp(_ instruction: Instruction, _ handler: @escaping Handler, offset: Int, left: Int) -> Op {
  var op = Op(handler: handler)
  op.length = instruction.length
  op.ipOffset = UInt16(truncatingIfNeeded: offset)
  op.left = UInt16(truncatingIfNeeded: left)
  op.immediate = instruction.immediate
  op.dst = registerOffset(instruction.operands.0)
  op.src = registerOffset(instruction.operands.1)
  op.segment = instruction.segment.rawValue
  op.scale = instruction.memoryScale & 3
  op.displacement = Int32(truncatingIfNeeded: instruction.displacement)
  let following = offset + Int(instruction.length)
  switch instruction.memoryBase {
  case Instruction.noRegister: op.base = StateOffset.zero
  case Instruction.instructionPointer:
    op.base = StateOffset.blockIP
    op.displacement = Int32(truncatingIfNeeded: instruction.displacement &+ Int64(following))
  default: op.base = (instruction.memoryBase & 15) * 8
  }
  op.index =
    instruction.memoryIndex == Instruction.noRegister ? StateOffset.zero : (instruction.memoryIndex & 15) * 8
  var sizeClass: UInt8 = 0
  switch instruction.operandSize {
  case 1: sizeClass = 0
  case 2: sizeClass = 1
  case 4: sizeClass = 2
  default: sizeClass = 3
  }
  op.flags = sizeClass << OpFlags.sizeShift
  if instruction.addressSize == 2 { op.flags |= OpFlags.address16 }
  if instruction.addressSize == 4 { op.flags |= OpFlags.address32 }
  if instruction.repeatPrefix == .repeatEqual { op.flags |= OpFlags.repeatEqual }
  if instruction.repeatPrefix == .repeatNotEqual { op.flags |= OpFlags.repeatNotEqual }
  if instruction.lock { op.flags |= OpFlags.lock }
  // ESC instructions have no immediate; what FOP will hold takes its place.
  if instruction.opcode & ~7 == 0xd8 {
    op.immediate = UInt64(instruction.opcode & 7) << 8 | UInt64(instruction.modRM)
  }

  switch instruction.mnemonic {
  case .jcc, .jmp, .call, .loop, .loope, .loopne, .jcxz:
    if instruction.operands.0.kind == .relative {
      op.immediate = UInt64(truncatingIfNeeded: following) &+ instruction.immediate
      op.displacement = Int32(truncatingIfNeeded: following)
    }
  case .setcc, .cmovcc: op.immediate = UInt64(instruction.condition)
  case .jmpFar, .callFar:
    if instruction.operands.0.kind == .farPointer {
      op.immediate = UInt64(instruction.immediate2) << 32 | instruction.immediate & 0xffff_ffff
    }
  case .enter: op.displacement = Int32(instruction.immediate2)
  case .push, .pop, .leave:
    if instruction.operands.0.kind != .memory { op.segment = UInt8(SegmentIndex.ss) }
  case .rol, .ror, .rcl, .rcr, .shl, .shr, .sar:
    if instruction.operands.1.kind == .one { op.immediate = 1 }
  case .xchg:
    // The register is in `src` whichever operand it was.
    if instruction.operands.1.kind == .memory { op.src = op.dst }
  case .mov:
    if isAbsolute(instruction) { op.immediate = UInt64(bitPattern: instruction.displacement) }
  default: break
  }
  return op
}

/// MOV of the accumulator with an offset that 32 bits cannot hold.
func isAbsolute(_ instruction: Instruction) -> Bool {
  instruction.addressSize == 8 && instruction.memoryBase == Instruction.noRegister
    && instruction.memoryIndex == Instruction.noRegister
    && Int64(Int32(truncatingIfNeeded: instruction.displacement)) != instruction.displacement
}

private func registerOffset(_ operand: Instruction.Operand) -> UInt8 {
  switch operand.kind {
  case .register:
    operand.register >= 16 ? (operand.register & 3) * 8 + 1 : operand.register * 8
  case .segment, .control, .debug, .test, .x87, .mmx, .xmm: operand.register
  default: StateOffset.zero
  }
}

// MARK: Fusion

/// Whether the last two instructions are a comparison or step and the conditional jump that follows it, in flat code.
private func fusesLastPair(_ draft: UnsafeMutablePointer<Draft>, _ key: UInt32) -> Bool {
  let count = draft.pointee.count
  guard count >= 2, key & ModeKey.flatCode != 0, key & ModeKey.codeSizeMask != 0 else { return false }
  let jump = draft.pointee.instructions[count - 1], first = draft.pointee.instructions[count - 2]
  guard draft.pointee.results[count - 1] == .ok, jump.mnemonic == .jcc else { return false }
  let is64 = key & ModeKey.codeSizeMask == UInt32(CodeSize.bits64.rawValue)
  guard is64 || jump.operandSize == 4 else { return false }
  let displacement =
    Int64(draft.pointee.offsets[count - 1]) &+ Int64(jump.length) &+ Int64(bitPattern: jump.immediate)
  guard Int64(Int32(truncatingIfNeeded: displacement)) == displacement else { return false }
  return fusedHandlers(first, is64: is64) != nil
}

private func fusedOp(_ draft: UnsafeMutablePointer<Draft>, _ key: UInt32) -> Op {
  let count = draft.pointee.count
  let jump = draft.pointee.instructions[count - 1], first = draft.pointee.instructions[count - 2]
  let is64 = key & ModeKey.codeSizeMask == UInt32(CodeSize.bits64.rawValue)
  let handlers = fusedHandlers(first, is64: is64)
  let handler = handlers?[Int(jump.condition & 15)] ?? FaultHandlers.undefinedOpcode
  var op = makeOp(first, handler, offset: draft.pointee.offsets[count - 2], left: 2)
  let following = draft.pointee.offsets[count - 1] + Int(jump.length)
  let displacement = Int64(following) &+ Int64(bitPattern: jump.immediate)
  op.immediate = UInt64(bitPattern: displacement) << 32 | first.immediate & 0xffff_ffff
  op.displacement = Int32(truncatingIfNeeded: following)
  return op
}

private func fusedOperation(_ draft: UnsafeMutablePointer<Draft>, _ key: UInt32) -> HostOperation {
  let count = draft.pointee.count
  let jump = draft.pointee.instructions[count - 1], first = draft.pointee.instructions[count - 2]
  let second = first.operands.1
  var operation = HostOperation()
  // AH, CH, DH, BH stay with the handlers.
  guard first.operands.0.register < 16, second.kind != .register || second.register < 16 else { return operation }
  let condition = jump.condition & 15, size = first.operandSize
  let isImmediate = second.kind == .immediate
  switch first.mnemonic {
  case .cmp, .test:
    operation = HostOperation(
      isImmediate ? .fusedImm : .fusedReg, size: size, detail: condition, sourceSize: first.mnemonic == .cmp ? 0 : 1)
  // INC and DEC leave CF.
  case .inc where condition >> 1 != 1 && condition >> 1 != 3, .dec where condition >> 1 != 1 && condition >> 1 != 3:
    operation = HostOperation(
      .fusedStep, size: size, detail: condition, sourceSize: first.mnemonic == .inc ? 0 : 1)
  default: break
  }
  operation.isLong = is64Bit(key)
  return operation
}

private func fusedHandlers(_ first: Instruction, is64: Bool) -> InlineArray<16, Handler>? {
  guard first.operands.0.kind == .register else { return nil }
  let second = first.operands.1.kind
  let size = first.operandSize
  switch first.mnemonic {
  case .cmp where second == .register, .cmp where second == .immediate, .test where second == .register,
    .test where second == .immediate:
    let isRegister = second == .register, isCompare = first.mnemonic == .cmp
    switch (is64, size) {
    case (false, 1):
      return isCompare
        ? (isRegister ? FusedFlatHandlers.cmpRegRegB : FusedFlatHandlers.cmpRegImmB)
        : (isRegister ? FusedFlatHandlers.testRegRegB : FusedFlatHandlers.testRegImmB)
    case (false, 4):
      return isCompare
        ? (isRegister ? FusedFlatHandlers.cmpRegRegD : FusedFlatHandlers.cmpRegImmD)
        : (isRegister ? FusedFlatHandlers.testRegRegD : FusedFlatHandlers.testRegImmD)
    case (true, 1):
      return isCompare
        ? (isRegister ? FusedLongHandlers.cmpRegRegB : FusedLongHandlers.cmpRegImmB)
        : (isRegister ? FusedLongHandlers.testRegRegB : FusedLongHandlers.testRegImmB)
    case (true, 4):
      return isCompare
        ? (isRegister ? FusedLongHandlers.cmpRegRegD : FusedLongHandlers.cmpRegImmD)
        : (isRegister ? FusedLongHandlers.testRegRegD : FusedLongHandlers.testRegImmD)
    case (true, 8):
      return isCompare
        ? (isRegister ? FusedLongHandlers.cmpRegRegQ : FusedLongHandlers.cmpRegImmQ)
        : (isRegister ? FusedLongHandlers.testRegRegQ : FusedLongHandlers.testRegImmQ)
    default: return nil
    }
  case .dec where first.operandCount == 1:
    switch (is64, size) {
    case (false, 4): return FusedFlatHandlers.decRegD
    case (true, 4): return FusedLongHandlers.decRegD
    case (true, 8): return FusedLongHandlers.decRegQ
    default: return nil
    }
  case .inc where first.operandCount == 1:
    switch (is64, size) {
    case (false, 4): return FusedFlatHandlers.incRegD
    case (true, 4): return FusedLongHandlers.incRegD
    case (true, 8): return FusedLongHandlers.incRegQ
    default: return nil
    }
  default: return nil
  }
}

// MARK: Dead flags

/// Bits of a set of status flags.
private enum FlagSet {
  static let carry: UInt8 = 1
  static let overflow: UInt8 = 2
  static let all: UInt8 = 63
}

/// Which instructions need not store their flags: later ones of the block overwrite them all before anything reads them
/// or can leave the block. Whatever touches memory may fault, and so needs all flags.
private func deadFlags(_ draft: UnsafeMutablePointer<Draft>) -> InlineArray<64, Bool> {
  var dead: InlineArray<64, Bool> = .init(repeating: false)
  var live = FlagSet.all
  var index = draft.pointee.count - 1
  while index >= 0 {
    guard draft.pointee.results[index] == .ok, let effect = flagEffect(draft.pointee.instructions[index]) else {
      live = FlagSet.all
      index -= 1
      continue
    }
    dead[index] = effect.writes != 0 && effect.writes & live == 0
    live = (live & ~effect.writes) | effect.reads
    index -= 1
  }
  return dead
}

/// Flags read and written by an instruction that can neither fault nor leave the block; nil for all others.
private func flagEffect(_ instruction: Instruction) -> (reads: UInt8, writes: UInt8)? {
  if instruction.mnemonic == .lea { return (0, 0) }
  let first = instruction.operands.0.kind, second = instruction.operands.1.kind
  guard first == .register || first == .none else { return nil }
  guard second != .memory, second != .segment, second != .control, second != .debug, second != .test else {
    return nil
  }
  switch instruction.mnemonic {
  case .add, .sub, .cmp, .and, .or, .xor, .test, .neg: return (0, FlagSet.all)
  case .adc, .sbb: return (FlagSet.carry, FlagSet.all)
  case .inc, .dec: return (0, FlagSet.all & ~FlagSet.carry)
  case .mov, .movzx, .movsx, .movsxd, .not, .xchg, .bswap, .cbw, .cwd, .nop: return (0, 0)
  case .shl, .shr, .sar:
    let mask: UInt64 = instruction.operandSize == 8 ? 63 : 31
    if second == .one || (second == .immediate && instruction.immediate & mask != 0) { return (0, FlagSet.all) }
    return second == .immediate ? (0, 0) : (FlagSet.all, 0)
  case .rol where second != .register, .ror where second != .register:
    let mask: UInt64 = instruction.operandSize == 8 ? 63 : 31
    let isIdle = second == .immediate && instruction.immediate & mask == 0
    return (0, isIdle ? 0 : FlagSet.carry | FlagSet.overflow)
  case .imul where instruction.operandCount > 1: return (0, FlagSet.all)
  case .cmovcc, .setcc, .rol, .ror, .rcl, .rcr: return (FlagSet.all, 0)
  default: return nil
  }
}
