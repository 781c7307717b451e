// SPDX-License-Identifier: Apache-2.0

/// Flags that an op leaves as its operands, in `deferredFirst` and `deferredSecond`: an op that overwrites them follows before
/// any that reads them, but the code may stop in between.
struct DeferredFlags {
  enum Kind { case none, add, subtract, shift }
  var kind = Kind.none
  var size: UInt8 = 0
  /// The second operand if it is an immediate; a shift's count.
  var immediate: Int32?
  var shift = HostShift.shl
}

/// Second operand of an addition or subtraction.
enum HostOperand {
  case register(HostRegister)
  case immediate(Int32)
}

extension SegmentCompiler {
  enum FlagNeed { case dead, deferred, now }

  /// What has to be done for the flags of the op that is translated.
  func flagNeed(_ operation: HostOperation) -> FlagNeed {
    if operation.dropsFlags { return .dead }
    var mayStop = false
    for index in slot + 1..<max(count, slot + 1) {
      if operations[index].touchesMemory { mayStop = true }
      switch operations[index].flagUse {
      case .overwrites: return mayStop ? .deferred : .dead
      case .reads: return .now
      case .none: break
      }
    }
    return .now
  }

  // MARK: Additions and subtractions

  /// Before an addition or subtraction of `second` to `first`: what the flags will be made of. `first` is in RAX after it if the
  /// flags are to be stored at once.
  mutating func prepareFlags(
    _ need: FlagNeed, isSubtraction: Bool, _ first: HostRegister, _ second: HostOperand, _ size: UInt8
  ) {
    switch need {
    case .dead: deferred.kind = .none
    case .now:
      deferred.kind = .none
      if first != .rax { asm.move(.rax, first, size == 8 ? 8 : 4) }
    case .deferred:
      deferred = DeferredFlags(kind: isSubtraction ? .subtract : .add, size: size)
      asm.store(HostMemory(.rdi, StateField.deferredFirst), first, 8)
      switch second {
      case .register(let register): asm.store(HostMemory(.rdi, StateField.deferredSecond), register, 8)
      case .immediate(let value): deferred.immediate = value
      }
    }
  }

  /// Stores the flags of an addition or subtraction whose first operand is in RAX; see `ALUOperation`. RAX, RCX and RDX are
  /// lost, but not a result in RDX. `second` may not be the register of the result.
  mutating func storeArithmeticFlags(
    isSubtraction: Bool, _ second: HostOperand, _ result: HostRegister, _ size: UInt8
  ) {
    let wide: UInt8 = size == 8 ? 8 : 4
    // Subtraction: (~a & b) | ((~a | b) & d); addition: (a & b) | ((a | b) & ~d).
    if isSubtraction { asm.not(.rax, wide) }
    asm.move(.rcx, .rax, wide)
    switch second {
    case .register(let register):
      asm.alu(.or, .rcx, register, wide)
      asm.alu(.and, .rax, register, wide)
    case .immediate(let value):
      asm.alu(.or, .rcx, value, wide)
      asm.alu(.and, .rax, value, wide)
    }
    if isSubtraction {
      asm.alu(.and, .rcx, result, wide)
    } else {
      if result != .rdx { asm.move(.rdx, result, wide) }
      asm.not(.rdx, wide)
      asm.alu(.and, .rcx, .rdx, wide)
      if result == .rdx { asm.not(.rdx, wide) }
    }
    asm.alu(.or, .rax, .rcx, wide)
    packCarries(size)
    asm.store(HostMemory(.rdi, StateField.flagCarries), .rax, 4)
    storeResult(result, size)
  }

  /// A vector of carries in RAX as `Width.carryWord` has it; RCX is lost.
  mutating func packCarries(_ size: UInt8) {
    if size == 4 {
      asm.alu(.and, .rax, Int32(bitPattern: LazyFlags.carryMask), 4)
      return
    }
    asm.move(.rcx, .rax, size == 8 ? 8 : 4)
    if size == 8 {
      asm.shift(.shr, .rcx, 32, 8)
      asm.alu(.and, .rcx, Int32(bitPattern: 0xffff_0000), 4)
    } else {
      asm.shift(.shl, .rcx, size == 1 ? 24 : 16, 4)
    }
    asm.alu(.and, .rax, Int32(bitPattern: LazyFlags.af), 4)
    asm.alu(.or, .rax, .rcx, 4)
  }

  /// Stores a result, sign-extended, as the flags' first word. RCX is lost.
  mutating func storeResult(_ result: HostRegister, _ size: UInt8) {
    guard size != 8 else {
      asm.store(HostMemory(.rdi, StateField.flagResult), result, 8)
      return
    }
    asm.extend(.rcx, result, from: size, to: 8, signed: true)
    asm.store(HostMemory(.rdi, StateField.flagResult), .rcx, 8)
  }

  /// The flags of a logical operation. RCX is lost.
  mutating func storeLogicFlags(_ result: HostRegister, _ size: UInt8) {
    deferred.kind = .none
    asm.store(HostMemory(.rdi, StateField.flagCarries), 0, 4)
    storeResult(result, size)
  }

  /// The flags of a result that is zero whatever the operands were.
  mutating func storeZeroFlags() {
    deferred.kind = .none
    asm.store(HostMemory(.rdi, StateField.flagCarries), 0, 4)
    asm.store(HostMemory(.rdi, StateField.flagResult), 0, 8)
  }

  // MARK: Others

  /// Shifts a register of 4 or 8 bytes, by CL without a count, and stores the flags; see `ShiftOperation`. RAX and RCX are lost.
  mutating func shiftWithFlags(_ shift: HostShift, _ register: HostRegister, _ count: UInt8?, _ size: UInt8) {
    if let count { asm.shift(shift, register, count, size) } else { asm.shift(shift, register, size) }
    asm.setIf(HostCondition.carry, .rax)
    asm.extend(.rax, .rax, from: 1, to: 4, signed: false)
    switch shift {
    case .shl, .sal:
      // Carry into the sign bit: CF xor OF is the sign.
      asm.move(.rcx, register, size)
      asm.shift(.shr, .rcx, size * 8 - 1, size)
    case .sar: asm.move(.rcx, .rax, 4)
    default:
      asm.lea(.rcx, HostMemory(register, index: register), size)
      asm.alu(.xor, .rcx, register, size)
      asm.shift(.shr, .rcx, size * 8 - 1, size)
      asm.alu(.xor, .rcx, .rax, 4)
    }
    asm.shift(.shl, .rax, 31, 4)
    asm.shift(.shl, .rcx, 30, 4)
    asm.alu(.or, .rax, .rcx, 4)
    asm.store(HostMemory(.rdi, StateField.flagCarries), .rax, 4)
    storeResult(register, size)
  }

  /// Keeps CF where INC and DEC have made new flags, the carries of which are packed in RAX; see `UnaryOperation`.
  mutating func storeStepFlags(_ result: HostRegister, _ size: UInt8) {
    asm.load(.rcx, HostMemory(.rdi, StateField.flagCarries), 4)
    asm.alu(.xor, .rcx, .rax, 4)
    asm.shift(.sar, .rcx, 31, 4)
    asm.alu(.and, .rcx, Int32(bitPattern: 0xc000_0000), 4)
    asm.alu(.xor, .rax, .rcx, 4)
    asm.store(HostMemory(.rdi, StateField.flagCarries), .rax, 4)
    storeResult(result, size)
  }

  /// Stores flags that an exit has to; all registers but RDI and RSI are free.
  mutating func storeDeferred(_ flags: DeferredFlags) {
    guard flags.kind != .none else { return }
    asm.load(.rax, HostMemory(.rdi, StateField.deferredFirst), 8)
    asm.move(.r8, .rax, 8)
    if flags.kind == .shift {
      shiftWithFlags(flags.shift, .r8, UInt8(truncatingIfNeeded: flags.immediate ?? 1), flags.size)
      return
    }
    let isSubtraction = flags.kind == .subtract
    let operation = isSubtraction ? HostALU.sub : .add
    if let value = flags.immediate {
      asm.alu(operation, .r8, value, flags.size)
      storeArithmeticFlags(isSubtraction: isSubtraction, .immediate(value), .r8, flags.size)
    } else {
      asm.load(.r9, HostMemory(.rdi, StateField.deferredSecond), 8)
      asm.alu(operation, .r8, .r9, flags.size)
      storeArithmeticFlags(isSubtraction: isSubtraction, .register(.r9), .r8, flags.size)
    }
  }

  // MARK: Conditions

  /// Evaluates a condition code (not of parity) on the stored flags: returns the host's condition code that then holds if
  /// it does. RAX, RCX and RDX are lost.
  mutating func evaluate(_ code: UInt8) -> UInt8 {
    let carries = HostMemory(.rdi, StateField.flagCarries), result = HostMemory(.rdi, StateField.flagResult)
    let negation = code & 1
    switch code >> 1 {
    case 0:
      asm.load(.rax, carries, 4)
      asm.lea(.rcx, HostMemory(.rax, index: .rax), 4)
      asm.alu(.xor, .rcx, .rax, 4)
      return HostCondition.sign | negation
    case 1:
      asm.alu(.cmp, carries, 0, 4)
      return HostCondition.sign | negation
    case 2:
      asm.alu(.cmp, result, 0, 8)
      return HostCondition.zero | negation
    case 3:
      asm.alu(.cmp, result, 0, 8)
      asm.setIf(HostCondition.zero, .rcx)
      asm.extend(.rcx, .rcx, from: 1, to: 4, signed: false)
      asm.load(.rax, carries, 4)
      asm.shift(.shr, .rax, 31, 4)
      asm.alu(.or, .rax, .rcx, 4)
    case 4:
      asm.load(.rax, result, 8)
      asm.shift(.shr, .rax, 63, 8)
      asm.load(.rcx, carries, 4)
      asm.alu(.and, .rcx, 1, 4)
      asm.alu(.xor, .rax, .rcx, 4)
    default:
      asm.load(.rcx, carries, 4)
      asm.lea(.rax, HostMemory(.rcx, index: .rcx), 4)
      asm.alu(.xor, .rax, .rcx, 4)
      asm.shift(.shr, .rax, 31, 4)
      asm.alu(.and, .rcx, 1, 4)
      asm.alu(.xor, .rax, .rcx, 4)
      asm.load(.rdx, result, 8)
      asm.shift(.shr, .rdx, 63, 8)
      asm.alu(.xor, .rax, .rdx, 4)
      guard code >> 1 == 7 else { break }
      asm.alu(.cmp, result, 0, 8)
      asm.setIf(HostCondition.zero, .rcx)
      asm.extend(.rcx, .rcx, from: 1, to: 4, signed: false)
      asm.alu(.or, .rax, .rcx, 4)
    }
    // The last operation was on the whole of RAX.
    return HostCondition.notZero ^ negation
  }
}
