// SPDX-License-Identifier: Apache-2.0

/// Calls, returns and indirect jumps. All that can go wrong is found out before anything is written.
extension SegmentCompiler {
  /// CALL to a displacement.
  mutating func endCall(_ op: Op, _ operation: HostOperation) {
    let displacement = Int32(truncatingIfNeeded: op.immediate)
    if operation.isLong && operation.sourceSize == 0 {
      asm.load(.rax, HostMemory(.rdi, StateField.blockIP), 8)
      asm.alu(.add, .rax, displacement, 8)
      exitUnlessCanonical(.rax)
    }
    pushReturn(op, operation)
    follow(BranchLinks.takenOffset, by: displacement, operation)
  }

  /// RET, with `immediate` bytes of arguments.
  mutating func endReturn(_ op: Op, _ operation: HostOperation) {
    let size = operation.size
    let pointer = guest(32), target = temporary()
    asm.move(.rax, pointer, operation.isLong ? 8 : 4)
    asm.load(target, lookUp(byteCount: size, writes: false), size)
    findTarget(target, operation)
    asm.alu(.add, pointer, Int32(size) + Int32(truncatingIfNeeded: op.immediate & 0xffff), operation.isLong ? 8 : 4)
    wrote(32, pointer, 8)
    goTo(target)
  }

  /// JMP to a register.
  mutating func endIndirect(_ op: Op, _ operation: HostOperation) {
    let target = temporary()
    asm.move(target, guest(op.dst), operation.isLong ? 8 : 4)
    findTarget(target, operation)
    goTo(target)
  }

  /// CALL to a register.
  mutating func endIndirectCall(_ op: Op, _ operation: HostOperation) {
    let target = temporary(), entry = temporary()
    asm.move(target, guest(op.dst), operation.isLong ? 8 : 4)
    findTarget(target, operation)
    asm.move(entry, .rcx, 8)
    pushReturn(op, operation)
    asm.move(.rcx, entry, 8)
    goTo(target)
  }

  /// Pushes the address after the instruction. RAX, RCX and RDX are lost.
  private mutating func pushReturn(_ op: Op, _ operation: HostOperation) {
    let size = operation.size
    let pointer = guest(32), address = temporary()
    asm.load(address, HostMemory(.rdi, StateField.blockIP), 8)
    asm.alu(.add, address, Int32(op.ipOffset) + Int32(op.length), operation.isLong ? 8 : 4)
    asm.lea(.rax, HostMemory(pointer, -Int(size)), operation.isLong ? 8 : 4)
    asm.store(lookUp(byteCount: size, writes: true), address, size)
    asm.move(pointer, .rax, 8)
    wrote(32, pointer, 8)
  }

  /// Leaves the jump table's entry for a linear address in RCX, or exits. RAX is lost.
  private mutating func findTarget(_ target: HostRegister, _ operation: HostOperation) {
    if operation.isLong { exitUnlessCanonical(target) }
    // JumpEntry.byteOffset
    asm.move(.rcx, target, 8)
    asm.shift(.shr, .rcx, 12, 8)
    asm.alu(.xor, .rcx, target, 8)
    asm.alu(.and, .rcx, Int32(JumpEntry.count - 1), 4)
    asm.shift(.shl, .rcx, 5, 4)
    asm.alu(.add, .rcx, HostMemory(.rdi, StateField.jumpTable), 8)
    asm.alu(.cmp, target, HostMemory(.rcx), 8)
    exitIf(HostCondition.notZero)
    asm.load(.rax, HostMemory(.rcx, 8), 4)
    asm.alu(.cmp, .rax, HostMemory(.rdi, StateField.modeKey), 4)
    exitIf(HostCondition.notZero)
    asm.load(.rax, HostMemory(.rcx, 12), 4)
    asm.alu(.cmp, .rax, HostMemory(.rdi, StateField.globalGeneration), 4)
    let holds = asm.jumpIf(HostCondition.zero)
    asm.alu(.cmp, .rax, HostMemory(.rdi, StateField.linkGeneration), 4)
    exitIf(HostCondition.notZero)
    asm.land(holds)
  }

  /// Continues at a linear address whose entry has been found. Everything is done by then.
  private mutating func goTo(_ target: HostRegister) {
    asm.store(HostMemory(.rdi, StateField.blockIP), target, 8)
    asm.lea(.rsi, HostMemory(.rcx, JumpEntry.targetOffset), 8)
    asm.jump(to: HostMemory(.rcx, JumpEntry.landingOffset))
  }
}
