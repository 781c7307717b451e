// SPDX-License-Identifier: Apache-2.0

/// What each kind of op is translated to. The handlers say what it must do.
extension SegmentCompiler {
  mutating func translate(_ operation: HostOperation) {
    let op = ops[slot], size = operation.size
    let immediate = Int32(truncatingIfNeeded: op.immediate)
    switch operation.kind {
    case .pair: translatePair(op, operation)
    case .moveReg:
      let source = guest(op.src), target = destination(op.dst, size)
      asm.move(target, source, size)
      wrote(op.dst, target, size)
    case .moveImm:
      let target = destination(op.dst, size)
      if size >= 4 {
        asm.move(target, size == 8 ? op.immediate : op.immediate & 0xffff_ffff)
      } else {
        asm.move(.rax, op.immediate & 0xffff)
        asm.move(target, .rax, size)
      }
      wrote(op.dst, target, size)
    case .load:
      let memory = access(op, operation, byteCount: size, writes: false)
      let target = destination(op.dst, size)
      asm.load(target, memory, size)
      wrote(op.dst, target, size)
    case .store:
      let source = guest(op.src)
      asm.store(access(op, operation, byteCount: size, writes: true), source, size)
    case .storeImm:
      let memory = access(op, operation, byteCount: size, writes: true)
      if size == 8 && UInt64(bitPattern: Int64(immediate)) != op.immediate {
        asm.move(.rdx, op.immediate)
        asm.store(memory, .rdx, 8)
      } else {
        asm.store(memory, immediate, size)
      }
    case .zeroReg, .signReg:
      let isSigned = operation.kind == .signReg
      if op.src & 7 != 0 {
        let target = destination(op.dst, size)
        extend(HostMemory(.rdi, Int(op.src)), target, operation, isSigned)
        wrote(op.dst, target, size)
      } else {
        let source = guest(op.src), target = destination(op.dst, size)
        asm.extend(target, source, from: operation.sourceSize, to: isSigned || size == 2 ? size : 4, signed: isSigned)
        wrote(op.dst, target, size)
      }
    case .zeroLoad, .signLoad:
      let memory = access(op, operation, byteCount: operation.sourceSize, writes: false)
      let target = destination(op.dst, size)
      extend(memory, target, operation, operation.kind == .signLoad)
      wrote(op.dst, target, size)
    case .lea:
      let source = address(op), target = destination(op.dst, size)
      asm.lea(target, source, operation.isLong ? size : 4)
      wrote(op.dst, target, size)
    case .aluReg, .aluImm, .aluLoad, .aluStore, .aluStoreImm: translateALU(op, operation)
    case .compareReg, .compareImm, .compareLoad, .compareStore, .compareStoreImm: translateCompare(op, operation)
    case .testReg, .testImm, .testStore, .testStoreImm: translateTest(op, operation)
    case .increment, .decrement:
      let isDecrement = operation.kind == .decrement
      let target = guest(op.dst)
      let need = flagNeed(operation)
      if need == .dead {
        asm.alu(isDecrement ? .sub : .add, target, 1, size)
      } else {
        asm.move(.rax, target, size == 8 ? 8 : 4)
        asm.alu(isDecrement ? .sub : .add, target, 1, size)
        stepCarries(isDecrement: isDecrement, target, size)
        storeStepFlags(target, size)
      }
      wrote(op.dst, target, size)
    case .negate:
      let target = guest(op.dst)
      asm.move(.rax, target, size == 8 ? 8 : 4)
      asm.negate(target, size)
      if flagNeed(operation) != .dead {
        // Borrows of 0 - b: b | d.
        asm.alu(.or, .rax, target, size == 8 ? 8 : 4)
        packCarries(size)
        asm.store(HostMemory(.rdi, StateField.flagCarries), .rax, 4)
        storeResult(target, size)
      }
      deferred.kind = .none
      wrote(op.dst, target, size)
    case .complement:
      let target = guest(op.dst)
      asm.not(target, size)
      wrote(op.dst, target, size)
    case .shift: translateShift(op, operation)
    case .multiplyReg, .multiplyImm:
      let source = guest(op.src), target = operation.kind == .multiplyReg ? guest(op.dst) : destination(op.dst, size)
      if operation.kind == .multiplyReg {
        asm.multiply(target, source, size)
      } else {
        asm.multiply(target, source, immediate, size)
      }
      if flagNeed(operation) != .dead {
        asm.setIf(0, .rax)
        asm.extend(.rax, .rax, from: 1, to: 4, signed: false)
        asm.shift(.shl, .rax, 31, 4)
        asm.store(HostMemory(.rdi, StateField.flagCarries), .rax, 4)
        storeResult(target, size)
      }
      deferred.kind = .none
      wrote(op.dst, target, size)
    case .moveIf:
      let source = guest(op.src), target = guest(op.dst)
      asm.moveIf(evaluate(operation.detail), target, source, size)
      wrote(op.dst, target, size)
    case .setIf:
      let target = guest(op.dst)
      asm.setIf(evaluate(operation.detail), target)
      wrote(op.dst, target, 1)
    case .push:
      let source = guest(op.dst), pointer = guest(32)
      asm.lea(.rax, HostMemory(pointer, -Int(size)), operation.isLong ? 8 : 4)
      asm.store(lookUp(byteCount: size, writes: true), source, size)
      asm.move(pointer, .rax, 8)
      wrote(32, pointer, 8)
    case .pushImm:
      let pointer = guest(32)
      asm.lea(.rax, HostMemory(pointer, -Int(size)), operation.isLong ? 8 : 4)
      asm.store(lookUp(byteCount: size, writes: true), immediate, size)
      asm.move(pointer, .rax, 8)
      wrote(32, pointer, 8)
    case .swapBytes:
      let target = guest(op.dst)
      asm.swapBytes(target, size)
      wrote(op.dst, target, size)
    case .shiftCL: translateShiftCL(op, operation)
    case .pop:
      let pointer = guest(32)
      asm.move(.rax, pointer, operation.isLong ? 8 : 4)
      let memory = lookUp(byteCount: size, writes: false)
      asm.load(.rdx, memory, size)
      asm.alu(.add, pointer, Int32(size), operation.isLong ? 8 : 4)
      wrote(32, pointer, 8)
      let target = destination(op.dst, size)
      asm.move(target, .rdx, size)
      wrote(op.dst, target, size)
    default: break
    }
  }

  private mutating func extend(
    _ memory: HostMemory, _ target: HostRegister, _ operation: HostOperation, _ isSigned: Bool
  ) {
    let size: UInt8 = isSigned || operation.size == 2 ? operation.size : 4
    asm.extend(target, memory, from: operation.sourceSize, to: size, signed: isSigned)
  }

  /// The packed carries of a step by one whose operand is in RAX.
  mutating func stepCarries(isDecrement: Bool, _ result: HostRegister, _ size: UInt8) {
    let wide: UInt8 = size == 8 ? 8 : 4
    if isDecrement { asm.not(.rax, wide) }
    asm.move(.rcx, .rax, wide)
    asm.alu(.or, .rcx, 1, wide)
    asm.alu(.and, .rax, 1, wide)
    if isDecrement {
      asm.alu(.and, .rcx, result, wide)
    } else {
      asm.move(.rdx, result, wide)
      asm.not(.rdx, wide)
      asm.alu(.and, .rcx, .rdx, wide)
    }
    asm.alu(.or, .rax, .rcx, wide)
    packCarries(size)
  }

  // MARK: Arithmetic

  private mutating func translateALU(_ op: Op, _ operation: HostOperation) {
    let size = operation.size
    let alu = HostALU(rawValue: operation.detail) ?? .add
    switch operation.kind {
    case .aluReg where op.dst == op.src && (alu == .xor || alu == .sub):
      let target = destination(op.dst, size)
      asm.alu(.xor, target, target, size)
      wrote(op.dst, target, size)
      if flagNeed(operation) != .dead { storeZeroFlags() }
      deferred.kind = .none
    case .aluReg:
      let target = guest(op.dst), source = guest(op.src)
      // The second operand must outlive the first.
      let second = target == source ? temporary() : source
      let need = flagNeed(operation)
      if target == source && need != .dead { asm.move(second, source, 8) }
      compute(alu, target, .register(second), need, operation, source: source)
      wrote(op.dst, target, size)
    case .aluImm:
      let target = guest(op.dst)
      compute(alu, target, .immediate(Int32(truncatingIfNeeded: op.immediate)), flagNeed(operation), operation)
      wrote(op.dst, target, size)
    case .aluLoad:
      let target = guest(op.dst), second = temporary()
      asm.load(second, access(op, operation, byteCount: size, writes: false), size)
      compute(alu, target, .register(second), flagNeed(operation), operation)
      wrote(op.dst, target, size)
    default:
      let source: HostOperand =
        operation.kind == .aluStore ? .register(guest(op.src)) : .immediate(Int32(truncatingIfNeeded: op.immediate))
      let pointer = temporary()
      asm.lea(pointer, access(op, operation, byteCount: size, writes: true), 8)
      let value = temporary()
      asm.load(value, HostMemory(pointer), size)
      compute(alu, value, source, flagNeed(operation), operation)
      asm.store(HostMemory(pointer), value, size)
    }
  }

  /// `target` := `target` op `second`, with its flags. `source` stands for `second` where that is a copy made for the flags.
  private mutating func compute(
    _ alu: HostALU, _ target: HostRegister, _ second: HostOperand, _ need: FlagNeed, _ operation: HostOperation,
    source: HostRegister? = nil
  ) {
    let size = operation.size
    func apply(_ asm: inout HostAssembler) {
      switch second {
      case .register(let register): asm.alu(alu, target, source ?? register, size)
      case .immediate(let value): asm.alu(alu, target, value, size)
      }
    }
    switch alu {
    case .add, .sub:
      prepareFlags(need, isSubtraction: alu == .sub, target, second, size)
      apply(&asm)
      if need == .now { storeArithmeticFlags(isSubtraction: alu == .sub, second, target, size) }
    case .adc, .sbb:
      asm.move(.rax, target, size == 8 ? 8 : 4)
      asm.bitTest(HostMemory(.rdi, StateField.flagCarries), 31)
      apply(&asm)
      if need != .dead { storeArithmeticFlags(isSubtraction: alu == .sbb, second, target, size) }
      deferred.kind = .none
    default:
      apply(&asm)
      if need != .dead { storeLogicFlags(target, size) }
      deferred.kind = .none
    }
  }

  private mutating func translateCompare(_ op: Op, _ operation: HostOperation) {
    let size = operation.size
    let need = flagNeed(operation)
    let first: HostRegister
    var second = HostOperand.immediate(Int32(truncatingIfNeeded: op.immediate))
    switch operation.kind {
    case .compareReg:
      first = guest(op.dst)
      second = .register(guest(op.src))
    case .compareImm: first = guest(op.dst)
    case .compareLoad:
      first = guest(op.dst)
      let value = temporary()
      asm.load(value, access(op, operation, byteCount: size, writes: false), size)
      second = .register(value)
    default:
      if operation.kind == .compareStore { second = .register(guest(op.src)) }
      first = temporary()
      asm.load(first, access(op, operation, byteCount: size, writes: false), size)
    }
    prepareFlags(need, isSubtraction: true, first, second, size)
    guard need == .now else { return }
    asm.move(.rdx, first, 8)
    switch second {
    case .register(let register): asm.alu(.sub, .rdx, register, size)
    case .immediate(let value): asm.alu(.sub, .rdx, value, size)
    }
    storeArithmeticFlags(isSubtraction: true, second, .rdx, size)
  }

  private mutating func translateTest(_ op: Op, _ operation: HostOperation) {
    let size = operation.size
    switch operation.kind {
    case .testReg, .testImm: asm.move(.rdx, guest(op.dst), 8)
    default:
      let memory = access(op, operation, byteCount: size, writes: false)
      asm.load(.rdx, memory, size)
    }
    if flagNeed(operation) != .dead {
      if operation.kind == .testReg || operation.kind == .testStore {
        let source = guest(op.src)
        asm.alu(.and, .rdx, source, size)
      } else {
        asm.alu(.and, .rdx, Int32(truncatingIfNeeded: op.immediate), size)
      }
      storeLogicFlags(.rdx, size)
    }
    deferred.kind = .none
  }

  private mutating func translateShift(_ op: Op, _ operation: HostOperation) {
    let size = operation.size
    let target = guest(op.dst)
    let shift = HostShift(rawValue: operation.detail) ?? .shl
    let count = UInt8(truncatingIfNeeded: op.immediate) & (size == 8 ? 63 : 31)
    switch flagNeed(operation) {
    case .dead:
      deferred.kind = .none
      asm.shift(shift, target, count, size)
    case .deferred:
      deferred = DeferredFlags(kind: .shift, size: size, immediate: Int32(count), shift: shift)
      asm.store(HostMemory(.rdi, StateField.deferredFirst), target, 8)
      asm.shift(shift, target, count, size)
    case .now:
      deferred.kind = .none
      shiftWithFlags(shift, target, count, size)
    }
    wrote(op.dst, target, size)
  }

  /// A masked count of zero leaves the flags, which are stored before this op, and only clears the upper half.
  private mutating func translateShiftCL(_ op: Op, _ operation: HostOperation) {
    let size = operation.size
    let target = guest(op.dst), count = guest(8)
    let shift = HostShift(rawValue: operation.detail) ?? .shl
    asm.move(.rcx, count, 4)
    if size == 4 { asm.move(target, target, 4) }
    asm.test(.rcx, size == 8 ? 63 : 31, 4)
    let idle = asm.jumpIf(HostCondition.zero)
    shiftWithFlags(shift, target, nil, size)
    asm.land(idle)
    wrote(op.dst, target, size)
  }

  // MARK: Pairs

  private mutating func translatePair(_ op: Op, _ operation: HostOperation) {
    step(PairKind(rawValue: operation.detail) ?? .moveD, op.dst, op.src, Int32(truncatingIfNeeded: op.immediate))
    step(PairKind(rawValue: operation.sourceSize) ?? .moveD, op.base, op.index, op.displacement)
  }

  private mutating func step(_ kind: PairKind, _ dst: UInt8, _ src: UInt8, _ immediate: Int32) {
    func arithmetic(_ alu: HostALU, _ size: UInt8) {
      let source = guest(src), target = guest(dst)
      asm.alu(alu, target, source, size)
      wrote(dst, target, size)
    }
    func constant(_ alu: HostALU) {
      let target = guest(dst)
      asm.alu(alu, target, immediate, 4)
      wrote(dst, target, 4)
    }
    func shift(_ shift: HostShift, _ size: UInt8) {
      let target = guest(dst)
      asm.shift(shift, target, UInt8(truncatingIfNeeded: immediate), size)
      wrote(dst, target, size)
    }
    func move(_ size: UInt8) {
      if src == StateOffset.zero {
        let target = destination(dst, size)
        asm.move(target, size == 8 ? UInt64(bitPattern: Int64(immediate)) : UInt64(UInt32(bitPattern: immediate)))
        wrote(dst, target, size)
        return
      }
      let source = guest(src), target = destination(dst, size)
      if immediate == 0 {
        asm.move(target, source, size)
      } else if source == target {
        asm.alu(.add, target, immediate, size)
      } else {
        asm.lea(target, HostMemory(source, Int(immediate)), size)
      }
      wrote(dst, target, size)
    }
    switch kind {
    case .moveD: move(4)
    case .addD: arithmetic(.add, 4)
    case .subD: arithmetic(.sub, 4)
    case .andD: arithmetic(.and, 4)
    case .orD: arithmetic(.or, 4)
    case .xorD: arithmetic(.xor, 4)
    case .andImmD: constant(.and)
    case .xorImmD: constant(.xor)
    case .shlD: shift(.shl, 4)
    case .shrD: shift(.shr, 4)
    case .rorD: shift(.ror, 4)
    case .moveQ: move(8)
    case .addQ: arithmetic(.add, 8)
    case .subQ: arithmetic(.sub, 8)
    case .xorQ: arithmetic(.xor, 8)
    case .shlQ: shift(.shl, 8)
    case .shrQ: shift(.shr, 8)
    case .byteD:
      if src & 7 != 0 {
        let target = destination(dst, 8)
        asm.extend(target, HostMemory(.rdi, Int(src)), from: 1, to: 4, signed: false)
        wrote(dst, target, 8)
      } else {
        let source = guest(src), target = destination(dst, 8)
        asm.extend(target, source, from: 1, to: 4, signed: false)
        wrote(dst, target, 8)
      }
    case .signQ:
      let source = guest(src), target = destination(dst, 8)
      asm.extend(target, source, from: 4, to: 8, signed: true)
      wrote(dst, target, 8)
    }
  }
}
