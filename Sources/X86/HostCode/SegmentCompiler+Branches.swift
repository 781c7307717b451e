// SPDX-License-Identifier: Apache-2.0

/// The ends of blocks. What is left to a handler is found out before anything is written that it would write differently.
extension SegmentCompiler {
  mutating func end(_ operation: HostOperation) {
    let op = ops[slot]
    deferred.kind = .none
    switch operation.kind {
    case .fusedReg, .fusedImm: endFused(op, operation)
    case .fusedStep: endStep(op, operation)
    case .jumpIf:
      let taken = asm.jumpIf(evaluate(operation.detail))
      follow(BranchLinks.fallThroughOffset, by: op.displacement, operation)
      asm.land(taken)
      followTaken(op, operation)
    case .jump: followTaken(op, operation)
    case .call: endCall(op, operation)
    case .ret: endReturn(op, operation)
    case .jumpReg: endIndirect(op, operation)
    case .callReg: endIndirectCall(op, operation)
    default: follow(BranchLinks.fallThroughOffset, by: op.displacement, operation)
    }
  }

  /// CMP or TEST and a conditional jump.
  private mutating func endFused(_ op: Op, _ operation: HostOperation) {
    let size = operation.size, isTest = operation.sourceSize == 1
    let first = guest(op.dst)
    let second: HostOperand =
      operation.kind == .fusedReg
      ? .register(guest(op.src)) : .immediate(Int32(truncatingIfNeeded: op.immediate & 0xffff_ffff))
    asm.move(.rdx, first, 8)
    if !isTest { asm.move(.rax, first, 8) }
    let alu: HostALU = isTest ? .and : .sub
    switch second {
    case .register(let register): asm.alu(alu, .rdx, register, size)
    case .immediate(let value): asm.alu(alu, .rdx, value, size)
    }
    if isTest {
      storeLogicFlags(.rdx, size)
    } else {
      storeArithmeticFlags(isSubtraction: true, second, .rdx, size)
    }
    switch (second, isTest) {
    case (.register(let register), true): asm.test(first, register, size)
    case (.register(let register), false): asm.alu(.cmp, first, register, size)
    case (.immediate(let value), true): asm.test(first, value, size)
    case (.immediate(let value), false): asm.alu(.cmp, first, value, size)
    }
    let taken = asm.jumpIf(operation.detail)
    follow(BranchLinks.fallThroughOffset, by: op.displacement, operation)
    asm.land(taken)
    follow(BranchLinks.takenOffset, by: fusedDisplacement(op), operation)
  }

  /// INC or DEC and a conditional jump on flags that they write.
  private mutating func endStep(_ op: Op, _ operation: HostOperation) {
    let size = operation.size, isDecrement = operation.sourceSize == 1
    let target = guest(op.dst), result = temporary()
    asm.move(result, target, 8)
    asm.alu(isDecrement ? .sub : .add, result, 1, size)
    let taken = asm.jumpIf(operation.detail)
    for (link, displacement) in [
      (BranchLinks.fallThroughOffset, op.displacement), (BranchLinks.takenOffset, fusedDisplacement(op)),
    ] {
      if link == BranchLinks.takenOffset { asm.land(taken) }
      asm.move(.rax, target, size == 8 ? 8 : 4)
      stepCarries(isDecrement: isDecrement, result, size)
      storeStepFlags(result, size)
      wrote(op.dst, result, size)
      follow(link, by: displacement, operation)
    }
  }

  /// The upper half of the immediate; see `fusedRegReg`.
  private func fusedDisplacement(_ op: Op) -> Int32 {
    Int32(truncatingIfNeeded: Int64(bitPattern: op.immediate) >> 32)
  }

  /// What stands in front of a block's first segment, whose head is at `first`; see `Landing`.
  mutating func arrive(at first: UInt64, instructions: Int32) {
    let remaining = HostMemory(.rdi, StateField.remaining)
    asm.alu(.sub, remaining, instructions, 8)
    let exceeds = asm.jumpIf(HostCondition.sign)
    asm.alu(.cmp, HostMemory(.rdi, StateField.attention), 0, 8)
    let stops = asm.jumpIf(HostCondition.notZero)
    asm.moveWide(.rsi, first)
    swap(&asm, &exitCode)
    for jump in [exceeds, stops] { exitCode.land(jump, at: exitDistance) }
    asm.alu(.add, remaining, instructions, 8)
    asm.ret()
    swap(&asm, &exitCode)
  }

  /// Goes over a link, `displacement` from the block's start, as `follow` of the handlers does. Everything is done by then.
  mutating func follow(_ link: Int, by displacement: Int32, _ operation: HostOperation) {
    let pointer = HostMemory(.rdi, StateField.blockIP)
    if operation.isLong {
      asm.alu(.add, pointer, displacement, 8)
    } else {
      asm.load(.rcx, pointer, 4)
      asm.alu(.add, .rcx, displacement, 4)
      asm.store(pointer, .rcx, 8)
    }
    asm.alu(.add, .rsi, Int32(truncatingIfNeeded: offset(slot) + opStride + link), 8)
    asm.jump(to: HostMemory(.rsi, BranchLinks.landingOffset))
  }

  /// The same to where an unfused jump goes, whose target may be one that faults.
  private mutating func followTaken(_ op: Op, _ operation: HostOperation) {
    let displacement = Int32(truncatingIfNeeded: op.immediate)
    if operation.isLong && operation.sourceSize == 0 {
      asm.load(.rax, HostMemory(.rdi, StateField.blockIP), 8)
      asm.alu(.add, .rax, displacement, 8)
      exitUnlessCanonical(.rax)
    }
    follow(BranchLinks.takenOffset, by: displacement, operation)
  }

  /// Exits unless bits 47…63 of an address are equal. RCX is lost.
  mutating func exitUnlessCanonical(_ address: HostRegister) {
    asm.move(.rcx, address, 8)
    asm.shift(.shl, .rcx, 16, 8)
    asm.shift(.sar, .rcx, 16, 8)
    asm.alu(.cmp, .rcx, address, 8)
    exitIf(HostCondition.notZero)
  }
}
