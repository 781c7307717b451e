// SPDX-License-Identifier: Apache-2.0

/// Operands: ModRM, SIB and displacement first, then immediates in the order of the row.
extension InstructionReader {
  @inline(__always)
  mutating func readOperands(_ row: DecodeRow, _ instruction: inout Instruction) -> Bool {
    if hasModRM || row.a.readsModRM || row.b.readsModRM {
      readModRM()
      if mod != 3, !row.flags.contains(.control) { readMemory(&instruction) }
    }
    instruction.operandCount = 1
    var operand = Instruction.Operand()
    guard readOperand(row.a, &instruction, &operand) else { return false }
    instruction.operands.0 = operand
    if operand.size == 1, operand.kind.isGeneral { instruction.operandSize = 1 }
    guard row.b != .none else { return true }
    instruction.operandCount = 2
    guard readOperand(row.b, &instruction, &operand) else { return false }
    instruction.operands.1 = operand
    guard row.c != .none else { return true }
    instruction.operandCount = 3
    guard readOperand(row.c, &instruction, &operand) else { return false }
    instruction.operands.2 = operand
    return true
  }

  /// Reads SIB and displacement. Reference: SDM volume 2, tables 2-1 to 2-3.
  @inline(__always)
  private mutating func readMemory(_ instruction: inout Instruction) {
    if addressSize == 2 {
      readMemory16(&instruction)
    } else {
      readMemory32(&instruction)
    }
  }

  private mutating func readMemory16(_ instruction: inout Instruction) {
    if mod == 0, rm == 6 {
      instruction.displacement = signedNumber(2)
      return
    }
    switch rm {
    case 0: (instruction.memoryBase, instruction.memoryIndex) = (3, 6)
    case 1: (instruction.memoryBase, instruction.memoryIndex) = (3, 7)
    case 2: (instruction.memoryBase, instruction.memoryIndex) = (5, 6)
    case 3: (instruction.memoryBase, instruction.memoryIndex) = (5, 7)
    case 4: instruction.memoryBase = 6
    case 5: instruction.memoryBase = 7
    case 6: instruction.memoryBase = 5
    default: instruction.memoryBase = 3
    }
    if mod == 1 {
      instruction.displacement = signedNumber(1)
    } else if mod == 2 {
      instruction.displacement = signedNumber(2)
    }
    if instruction.memoryBase == 5, override == nil { instruction.segment = .ss }
  }

  private mutating func readMemory32(_ instruction: inout Instruction) {
    var base = wideRM
    var hasBase = true
    if rm == 4 {
      let sib = byte()
      base = sib & 7 | (rex & 1) &<< 3
      let index = (sib &>> 3) & 7 | (rex & 2) &<< 2
      if index != 4 {
        instruction.memoryIndex = index
        instruction.memoryScale = sib &>> 6
      }
      if mod == 0, sib & 7 == 5 {
        hasBase = false
        instruction.displacement = signedNumber(4)
      }
    } else if mod == 0, rm == 5 {
      hasBase = false
      instruction.displacement = signedNumber(4)
      if is64 { instruction.memoryBase = Instruction.instructionPointer }
    }
    if mod == 1 {
      instruction.displacement = signedNumber(1)
    } else if mod == 2 {
      instruction.displacement = signedNumber(4)
    }
    guard hasBase else { return }
    instruction.memoryBase = base
    if base == 4 || base == 5, override == nil { instruction.segment = .ss }
  }

  private func general(_ number: UInt8, _ byteCount: UInt8) -> Instruction.Operand {
    // Without REX, byte registers 4...7 are AH, CH, DH, BH.
    let register = byteCount == 1 && rex == 0 && number >= 4 && number < 8 ? number &+ 12 : number
    return Instruction.Operand(kind: .register, register: register, size: byteCount)
  }

  private func memory(_ byteCount: UInt8) -> Instruction.Operand {
    Instruction.Operand(kind: .memory, register: 0, size: byteCount)
  }

  /// Register of one size or memory of another.
  @inline(__always)
  private func either(_ registerSize: UInt8, _ memorySize: UInt8) -> Instruction.Operand {
    mod == 3 ? general(wideRM, registerSize) : memory(memorySize)
  }

  private func vector(_ kind: OperandKind, _ number: UInt8) -> Instruction.Operand {
    Instruction.Operand(kind: kind, register: number, size: kind == .mmx ? 8 : 16)
  }

  private mutating func immediate(
    _ byteCount: UInt8, extendedTo byteCountWanted: UInt8, _ instruction: inout Instruction
  ) -> Instruction.Operand {
    let unused = 64 &- UInt64(byteCountWanted) &* 8
    instruction.immediate = (UInt64(bitPattern: signedNumber(byteCount)) &<< unused) &>> unused
    return Instruction.Operand(kind: .immediate, register: 0, size: byteCountWanted)
  }

  private mutating func relative(_ byteCount: UInt8, _ instruction: inout Instruction) -> Instruction.Operand {
    instruction.immediate = UInt64(bitPattern: signedNumber(byteCount))
    return Instruction.Operand(kind: .relative, register: 0, size: byteCount)
  }

  private mutating func absolute(_ byteCount: UInt8, _ instruction: inout Instruction) -> Instruction.Operand {
    instruction.displacement = Int64(bitPattern: number(addressSize))
    return memory(byteCount)
  }

  /// Fills in one operand; false if this form does not exist.
  private mutating func readOperand(
    _ form: OperandForm, _ instruction: inout Instruction, _ operand: inout Instruction.Operand
  ) -> Bool {
    let size = operandSize
    switch form {
    case .none: return true
    case .Eb: operand = either(1, 1)
    case .Ew: operand = either(2, 2)
    case .Ed: operand = either(4, 4)
    case .Ev: operand = either(size, size)
    case .Ez: operand = either(zSize, zSize)
    case .Ey:
      let wide: UInt8 = rexW ? 8 : 4
      operand = either(wide, wide)
    case .RvMw: operand = either(size, 2)
    case .RdMb: operand = either(4, 1)
    case .RdMw: operand = either(4, 2)
    case .Ry: operand = general(wideRM, is64 ? 8 : 4)
    case .RyW, .Rv:
      guard mod == 3 else { return false }
      operand = general(wideRM, size)
    case .Gb: operand = general(wideReg, 1)
    case .Gw: operand = general(wideReg, 2)
    case .Gd: operand = general(wideReg, 4)
    case .Gv: operand = general(wideReg, size)
    case .Gy: operand = general(wideReg, rexW ? 8 : 4)
    case .Zb: operand = general(opcodeRegister(instruction), 1)
    case .Zv: operand = general(opcodeRegister(instruction), size)
    case .AL: operand = general(0, 1)
    case .AX: operand = general(0, 2)
    case .rAX: operand = general(0, size)
    case .CL: operand = general(1, 1)
    case .DX: operand = general(2, 2)
    case .Ib: operand = byteImmediate(&instruction)
    case .sIb: operand = immediate(1, extendedTo: size, &instruction)
    case .Iw: operand = immediate(2, extendedTo: 2, &instruction)
    case .Iz: operand = immediate(zSize, extendedTo: size, &instruction)
    case .Iv: operand = immediate(size, extendedTo: size, &instruction)
    case .Ib2:
      instruction.immediate2 = UInt16(byte())
      operand = Instruction.Operand(kind: .immediate2, register: 0, size: 1)
    case .Jb: operand = relative(1, &instruction)
    case .Jz: operand = relative(is64 ? 4 : zSize, &instruction)
    case .Ap:
      instruction.immediate = number(zSize)
      instruction.immediate2 = UInt16(truncatingIfNeeded: number(2))
      operand = Instruction.Operand(kind: .farPointer, register: 0, size: zSize &+ 2)
    case .Ob: operand = absolute(1, &instruction)
    case .Ov: operand = absolute(size, &instruction)
    case .one: operand = Instruction.Operand(kind: .one, register: 0, size: 1)
    case .ES, .CS, .SS, .DS, .FS, .GS:
      let number = form.rawValue &- OperandForm.ES.rawValue
      operand = Instruction.Operand(kind: .segment, register: number, size: 2)
    case .Sw, .SwDestination:
      // REX.R does not reach segment registers. CS cannot be loaded.
      guard reg < 6, form == .Sw || reg != 1 else { return false }
      operand = Instruction.Operand(kind: .segment, register: reg, size: 2)
    case .Cd:
      guard wideReg == 0 || wideReg >= 2 && wideReg <= 4 || wideReg == 8 else { return false }
      operand = Instruction.Operand(kind: .control, register: wideReg, size: is64 ? 8 : 4)
    case .Dd:
      guard wideReg < 8 else { return false }
      operand = Instruction.Operand(kind: .debug, register: wideReg, size: is64 ? 8 : 4)
    default:
      if form.isMemoryOnly {
        guard mod != 3 else { return false }
        operand = memory(memorySize(form))
      } else {
        return readVectorOperand(form, &operand)
      }
    }
    return true
  }

  private mutating func byteImmediate(_ instruction: inout Instruction) -> Instruction.Operand {
    instruction.immediate = UInt64(byte())
    return Instruction.Operand(kind: .immediate, register: 0, size: 1)
  }

  private func opcodeRegister(_ instruction: Instruction) -> UInt8 {
    UInt8(truncatingIfNeeded: instruction.opcode) & 7 | (rex & 1) &<< 3
  }

  private func memorySize(_ form: OperandForm) -> UInt8 {
    let size = operandSize
    switch form {
    case .Mb: return 1
    case .Mw: return 2
    case .Md: return 4
    case .Mq: return 8
    case .Mt: return 10
    case .Mx: return 16
    case .Mv: return size
    case .My: return rexW ? 8 : 4
    case .Ma: return size &* 2
    case .Mp: return size &+ 2
    case .Ms: return is64 ? 10 : 6
    case .Mq2: return rexW ? 16 : 8
    case .Menv: return size == 2 ? 14 : 28
    case .Mstate: return size == 2 ? 94 : 108
    default: return 0
    }
  }

  private func readVectorOperand(_ form: OperandForm, _ operand: inout Instruction.Operand) -> Bool {
    switch form {
    case .Pq: operand = vector(.mmx, reg)
    case .Qd: operand = mod == 3 ? vector(.mmx, rm) : memory(4)
    case .Qq: operand = mod == 3 ? vector(.mmx, rm) : memory(8)
    case .Nq:
      guard mod == 3 else { return false }
      operand = vector(.mmx, rm)
    case .Vx: operand = vector(.xmm, wideReg)
    case .Wx: operand = mod == 3 ? vector(.xmm, wideRM) : memory(16)
    case .Wq: operand = mod == 3 ? vector(.xmm, wideRM) : memory(8)
    case .Wd: operand = mod == 3 ? vector(.xmm, wideRM) : memory(4)
    case .Ww: operand = mod == 3 ? vector(.xmm, wideRM) : memory(2)
    case .Ux:
      guard mod == 3 else { return false }
      operand = vector(.xmm, wideRM)
    case .XMM0: operand = vector(.xmm, 0)
    case .ST0: operand = Instruction.Operand(kind: .x87, register: 0, size: 10)
    case .STi: operand = Instruction.Operand(kind: .x87, register: rm, size: 10)
    default: return false
    }
    return true
  }
}

extension OperandKind {
  /// A kind that the operand size of an instruction is told from.
  @inline(__always)
  var isGeneral: Bool { self == .register || self == .memory }
}

extension OperandForm {
  var isMemoryOnly: Bool { rawValue >= OperandForm.M.rawValue && rawValue <= OperandForm.Mfx.rawValue }
}
