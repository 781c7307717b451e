// SPDX-License-Identifier: Apache-2.0

/// AT&T syntax as `objdump -d` writes it: operands reversed, a width suffix only where no register tells the width.
struct ATTSyntax {
  let instruction: Instruction
  let address: UInt64

  func text() -> String {
    let operands = operandTexts()
    let prefix = instruction.prefixText
    let name = self.name()
    if operands.isEmpty { return prefix + name }
    let padding = String(repeating: " ", count: max(1, 7 - prefix.utf8.count - name.utf8.count))
    return prefix + name + padding + operands.joined(separator: ",") + instruction.relativeComment(address)
  }

  private func operandTexts() -> [String] {
    if let operands = implicitOperands() { return operands }
    var operands = instruction.shownOperands.enumerated().map { text($1, position: $0) }
    switch instruction.mnemonic {
    case .enter, .bound, .invlpg: break
    default: operands.reverse()
    }
    return operands
  }

  private func text(_ operand: Instruction.Operand, position: Int) -> String {
    switch operand.kind {
    case .memory: return indirection + instruction.attMemory(separator: ",")
    case .immediate: return "$" + hexadecimal(instruction.immediate)
    case .immediate2: return "$" + hexadecimal(UInt64(instruction.immediate2))
    case .farPointer:
      return "$" + hexadecimal(UInt64(instruction.immediate2)) + ",$" + hexadecimal(instruction.immediate)
    case .relative: return hexadecimal(instruction.target(from: address))
    case .x87: return instruction.isImpliedStackTop(position) ? "%st" : "%st(\(operand.register))"
    case .one: return "$1"
    default:
      let name = RegisterNames.name(of: operand) ?? ""
      switch instruction.mnemonic {
      case .in, .out: return name == "dx" ? "(%dx)" : "%" + name
      case .mov where operand.kind == .debug: return "%db\(operand.register)"
      default: return indirection + "%" + name
      }
    }
  }

  /// The star of indirect branches.
  private var indirection: String {
    switch instruction.mnemonic {
    case .jmp, .call, .jmpFar, .callFar: "*"
    default: ""
    }
  }

  /// Operands of instructions that have none in their encoding.
  private func implicitOperands() -> [String]? {
    let segment = "%" + RegisterNames.segment(instruction.segment.rawValue) + ":"
    let size = instruction.addressSize
    let source = segment + "(%" + RegisterNames.general(6, size) + ")"
    let destination = "%es:(%" + RegisterNames.general(7, size) + ")"
    let accumulator = "%" + RegisterNames.general(0, instruction.operandSize)
    switch instruction.mnemonic {
    case .movs: return [source, destination]
    case .cmps: return [destination, source]
    case .stos: return [accumulator, destination]
    case .lods: return [source, accumulator]
    case .scas: return [destination, accumulator]
    case .ins: return ["(%dx)", destination]
    case .outs: return [source, "(%dx)"]
    case .xlat: return [segment + "(%" + RegisterNames.general(3, size) + ")"]
    case .nop where instruction.opcode == 0x90 && instruction.hasOperandSizePrefix: return [accumulator, accumulator]
    default: break
    }
    // Shifts by the implied 1 are written with one operand.
    if instruction.operandCount == 2, instruction.operands.1.kind == .one {
      return [text(instruction.operands.0, position: 0)]
    }
    return nil
  }

  func name() -> String {
    let intel = IntelSyntax(instruction: instruction, address: address)
    switch instruction.mnemonic {
    case .cbw: return ["cbtw", "cwtl", "cltq"][instruction.widthIndex]
    case .cwd: return ["cwtd", "cltd", "cqto"][instruction.widthIndex]
    case .jmpFar: return "ljmp" + farWidth
    case .callFar: return "lcall" + farWidth
    case .retFar: return "lret" + farWidth
    case .iret: return "iret" + farWidth
    case .pusha, .popa, .pushf, .popf, .ret, .leave, .enter: return instruction.mnemonic.name + widthByPrefix
    case .loop, .loope, .loopne:
      let suffix = instruction.addressSize == 2 ? "w" : "l"
      return instruction.mnemonic.name + (instruction.hasAddressSizePrefix ? suffix : "")
    case .movs, .cmps, .ins, .outs: return instruction.mnemonic.name + instruction.widthSuffix
    case .movzx, .movsx:
      let stem = instruction.mnemonic == .movzx ? "movz" : "movs"
      return stem + (instruction.operands.1.size == 1 ? "b" : "w") + instruction.widthSuffix
    case .movsxd: return instruction.operandSize == 8 ? "movslq" : "movsxd"
    case .sysret, .sysexit:
      let suffix = instruction.operandSize == 8 ? "q" : "l"
      return instruction.mnemonic.name + (instruction.codeSize == .bits64 ? suffix : "")
    case .push, .pop, .call, .jmp: return stackName()
    case .lgdt, .lidt, .sgdt, .sidt:
      if instruction.codeSize == .bits64 { return instruction.mnemonic.name }
      return instruction.mnemonic.name + (instruction.operandSize == 2 ? "w" : "l")
    case .fldenv, .fnstenv, .fnsave, .frstor:
      return instruction.mnemonic.name + (widthByPrefix == "w" ? "s" : widthByPrefix)
    default: break
    }
    if instruction.checks.contains(.x87) { return x87Name() }
    return intel.name() + memorySuffix
  }

  private func stackName() -> String {
    let name = instruction.mnemonic.name
    switch instruction.operands.0.kind {
    case .segment, .immediate: return name + widthByPrefix
    case .relative: return name + (instruction.opcode == 0xe8 || instruction.opcode == 0xe9 ? widthByPrefix : "")
    case .memory: return name + widthByPrefix
    default: return name
    }
  }

  /// The suffix only when a prefix changes the default width.
  private var widthByPrefix: String {
    guard instruction.hasOperandSizePrefix, instruction.operandSize != 8 else { return "" }
    return instruction.widthSuffix
  }

  private var farWidth: String { instruction.hasREXW ? "q" : widthByPrefix }

  /// The suffix of an operation on memory whose other operands do not tell its width.
  private var memorySuffix: String {
    guard instruction.hasMemoryOperand else { return "" }
    switch instruction.mnemonic {
    case .add, .or, .adc, .sbb, .and, .sub, .xor, .cmp, .test, .mov, .inc, .dec, .not, .neg, .mul, .imul, .div, .idiv,
      .rol, .ror, .rcl, .rcr, .shl, .shr, .sar, .bt, .bts, .btr, .btc, .nop:
      let other = instruction.operands.1
      let tells = other.kind == .register && other.size == instruction.operands.0.size && !isShift
      let first = instruction.operands.0.kind
      return tells || first == .register || other.kind == .segment || first == .segment ? "" : instruction.widthSuffix
    case .cvtsi2ss, .cvtsi2sd: return instruction.hasREXW ? "q" : "l"
    case .crc32: return instruction.operands.1.size == 1 ? "b" : instruction.widthSuffix
    default: return ""
    }
  }

  private var isShift: Bool {
    switch instruction.mnemonic {
    case .rol, .ror, .rcl, .rcr, .shl, .shr, .sar: true
    default: false
    }
  }

  func x87Name() -> String {
    let name = instruction.mnemonic.name
    guard instruction.hasMemoryOperand else {
      // The assembler's historical exchange of the reversed forms.
      guard instruction.opcode == 0xdc || instruction.opcode == 0xde else { return name }
      switch instruction.mnemonic {
      case .fsub: return "fsubr"
      case .fsubr: return "fsub"
      case .fdiv: return "fdivr"
      case .fdivr: return "fdiv"
      case .fsubp: return "fsubrp"
      case .fsubrp: return "fsubp"
      case .fdivp: return "fdivrp"
      case .fdivrp: return "fdivp"
      default: return name
      }
    }
    switch instruction.mnemonic {
    case .fldcw, .fnstcw, .fnstsw, .fbld, .fbstp: return name
    case .fxsave, .fxrstor: return name + (instruction.hasREXW ? "64" : "")
    case .fild, .fist, .fistp, .fisttp, .fiadd, .fimul, .ficom, .ficomp, .fisub, .fisubr, .fidiv, .fidivr:
      switch instruction.operands.0.size {
      case 2: return name + "s"
      case 4: return name + "l"
      default: return name + "ll"
      }
    default:
      switch instruction.operands.0.size {
      case 4: return name + "s"
      case 8: return name + "l"
      case 10: return name + "t"
      default: return name
      }
    }
  }
}

extension Instruction {
  /// b, w, l or q by operand size.
  var widthSuffix: String {
    switch operandSize {
    case 1: "b"
    case 2: "w"
    case 8: "q"
    default: "l"
    }
  }

  /// 0, 1 or 2 for 16, 32 or 64 bits.
  var widthIndex: Int { operandSize == 2 ? 0 : operandSize == 8 ? 2 : 1 }

  /// LOCK and repeat prefixes, each with a space behind.
  var prefixText: String {
    let text = lock ? "lock " : ""
    switch repeatPrefix {
    case .none: return text
    case .repeatNotEqual: return text + "repnz "
    case .repeatEqual:
      switch mnemonic {
      case .movs, .stos, .lods, .ins, .outs: return text + "rep "
      default: return text + "repz "
      }
    }
  }

  /// `%fs:disp(base,index,scale)`.
  func attMemory(separator: String) -> String {
    var text = hasSegmentOverride ? "%" + RegisterNames.segment(segment.rawValue) + ":" : ""
    let hasBase = memoryBase != Instruction.noRegister
    let hasIndex = memoryIndex != Instruction.noRegister
    guard hasBase || hasIndex else {
      let isSigned = addressSize == 2 && opcode & ~3 != 0xa0
      return text + (isSigned ? signedHexadecimal(displacement) : hexadecimal(absoluteDisplacement))
    }
    if displacement != 0 || modRM &>> 6 != 0 || !hasBase || memoryBase == Instruction.instructionPointer {
      text += signedHexadecimal(displacement)
    }
    text += "("
    if memoryBase == Instruction.instructionPointer {
      text += addressSize == 4 ? "%eip" : "%rip"
    } else if hasBase {
      text += "%" + RegisterNames.general(memoryBase, addressSize)
    }
    if hasIndex {
      text += separator + "%" + RegisterNames.general(memoryIndex, addressSize)
      if addressSize != 2 { text += separator + "\(1 &<< Int(memoryScale & 3))" }
    }
    return text + ")"
  }
}
