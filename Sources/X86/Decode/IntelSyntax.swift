// SPDX-License-Identifier: Apache-2.0

/// Intel syntax as `objdump -M intel` writes it.
struct IntelSyntax {
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

  /// The suffix that tells widths apart where no operand does.
  private func sized(_ stem: String, _ word: String, _ dword: String, _ qword: String) -> String {
    switch instruction.operandSize {
    case 2: stem + word
    case 8: stem + qword
    default: stem + dword
    }
  }

  func name() -> String {
    let wide = instruction.operandSize == 8
    switch instruction.mnemonic {
    case .jcc: return "j\(conditionNames[Int(instruction.condition & 15)])"
    case .setcc: return "set\(conditionNames[Int(instruction.condition & 15)])"
    case .cmovcc: return "cmov\(conditionNames[Int(instruction.condition & 15)])"
    case .cbw: return sized("", "cbw", "cwde", "cdqe")
    case .cwd: return sized("", "cwd", "cdq", "cqo")
    case .jmpFar: return "jmp"
    case .callFar: return "call"
    case .retFar: return wide ? "retfq" : optionalWidth("retf")
    case .ret, .leave, .enter: return optionalWidth(instruction.mnemonic.name)
    case .iret: return wide ? "iretq" : optionalWidth("iret")
    case .pusha, .popa, .pushf, .popf: return optionalWidth(instruction.mnemonic.name)
    case .jcxz:
      switch instruction.addressSize {
      case 2: return "jcxz"
      case 4: return "jecxz"
      default: return "jrcxz"
      }
    case .prefetch: return instruction.prefetchName
    case .wait: return "fwait"
    case .sysret, .sysexit:
      return instruction.mnemonic.name + (instruction.codeSize != .bits64 ? "" : wide ? "q" : "d")
    case .push, .pop:
      switch instruction.operands.0.kind {
      case .segment, .immediate: return optionalWidth(instruction.mnemonic.name)
      default: return instruction.mnemonic.name
      }
    case .call, .jmp:
      let isLong = instruction.opcode == 0xe8 || instruction.opcode == 0xe9
      return isLong ? optionalWidth(instruction.mnemonic.name) : instruction.mnemonic.name
    case .fldenv, .fnstenv, .fnsave, .frstor: return optionalWidth(instruction.mnemonic.name)
    case .sgdt, .sidt, .lgdt, .lidt:
      if instruction.codeSize == .bits64 { return instruction.mnemonic.name }
      return instruction.mnemonic.name + (instruction.operandSize == 2 ? "w" : "d")
    case .nop where instruction.opcode == 0x90 && instruction.hasOperandSizePrefix: return "xchg"
    case .mov:
      let isLongest =
        instruction.codeSize == .bits64 && (!instruction.hasAddressSizePrefix || instruction.opcode & ~3 != 0xa0)
        && (instruction.opcode & ~3 == 0xa0 || instruction.opcode & ~7 == 0xb8 && instruction.hasREXW)
      return isLongest ? "movabs" : "mov"
    case .cmpps, .cmppd, .cmpss, .cmpsd, .pclmulqdq: return instruction.predicateName
    case .pcmpestri, .pcmpestrm: return instruction.mnemonic.name + (instruction.hasREXW ? "q" : "")
    case .movd, .pextrd, .pinsrd:
      let name = instruction.mnemonic.name
      return instruction.hasREXW ? name.dropLast() + "q" : name
    default: return instruction.mnemonic.name
    }
  }

  private func optionalWidth(_ stem: String) -> String {
    guard instruction.hasOperandSizePrefix, !instruction.hasREXW else { return stem }
    return stem + (instruction.operandSize == 2 ? "w" : instruction.operandSize == 4 ? "d" : "")
  }

  private func operandTexts() -> [String] {
    switch instruction.mnemonic {
    case .movs, .cmps, .stos, .lods, .scas, .ins, .outs, .xlat: return stringOperands()
    case .nop where instruction.opcode == 0x90 && instruction.hasOperandSizePrefix:
      let name = RegisterNames.general(0, instruction.operandSize)
      return [name, name]
    default: break
    }
    return instruction.shownOperands.enumerated().map { position, operand in
      if operand.kind == .x87, instruction.isImpliedStackTop(position) { return "st" }
      if let name = RegisterNames.name(of: operand) { return name }
      switch operand.kind {
      case .memory: return pointer(operand.size) + memory()
      case .immediate: return hexadecimal(instruction.immediate)
      case .immediate2: return hexadecimal(UInt64(instruction.immediate2))
      case .farPointer: return hexadecimal(UInt64(instruction.immediate2)) + ":" + hexadecimal(instruction.immediate)
      case .relative: return hexadecimal(instruction.target(from: address))
      case .x87: return "st(\(operand.register))"
      case .one: return "1"
      default: return ""
      }
    }
  }

  /// The width keyword before a memory operand.
  private func pointer(_ byteCount: UInt8) -> String {
    switch instruction.mnemonic {
    case .lea, .lddqu: return ""
    case .cmpxchg16b: return "OWORD PTR "
    case .mov where instruction.modRM == 0 && instruction.opcode & ~3 == 0xa0: return ""
    case .invlpg: return "BYTE PTR "
    case .lds, .les, .lss, .lfs, .lgs, .jmpFar, .callFar:
      return byteCount == 4 ? "DWORD PTR " : byteCount == 6 ? "FWORD PTR " : "TBYTE PTR "
    case .lgdt, .lidt, .sgdt, .sidt: return ""
    default: break
    }
    switch byteCount {
    case 1: return "BYTE PTR "
    case 2: return "WORD PTR "
    case 4: return "DWORD PTR "
    case 8: return "QWORD PTR "
    case 10: return "TBYTE PTR "
    case 16: return "XMMWORD PTR "
    default: return ""
    }
  }

  private func memory() -> String {
    var text = ""
    let absolute =
      instruction.memoryBase == Instruction.noRegister && instruction.memoryIndex == Instruction.noRegister
    if instruction.hasSegmentOverride || absolute && instruction.codeSize != .bits64 {
      text = RegisterNames.segment(instruction.segment.rawValue) + ":"
    }
    if absolute {
      if instruction.codeSize == .bits64, text.isEmpty { text = "ds:" }
      return text + hexadecimal(instruction.absoluteDisplacement)
    }
    var parts = ""
    if instruction.memoryBase == Instruction.instructionPointer {
      parts = instruction.addressSize == 4 ? "eip" : "rip"
    } else if instruction.memoryBase != Instruction.noRegister {
      parts = RegisterNames.general(instruction.memoryBase, instruction.addressSize)
    }
    if instruction.memoryIndex != Instruction.noRegister {
      if !parts.isEmpty { parts += "+" }
      parts += RegisterNames.general(instruction.memoryIndex, instruction.addressSize)
      if instruction.addressSize != 2 { parts += "*\(1 << Int(instruction.memoryScale & 3))" }
    }
    let needsDisplacement =
      instruction.displacement != 0 || instruction.modRM >> 6 != 0 || instruction.memoryBase == Instruction.noRegister
    if instruction.memoryBase == Instruction.instructionPointer {
      parts += "+" + hexadecimal(UInt64(bitPattern: instruction.displacement))
    } else if needsDisplacement {
      parts += instruction.displacement < 0 ? "" : "+"
      parts += signedHexadecimal(instruction.displacement)
    }
    return text + "[" + parts + "]"
  }

  private func stringOperands() -> [String] {
    let width = pointer(instruction.operandSize)
    let size = instruction.addressSize
    let segment = RegisterNames.segment(instruction.segment.rawValue)
    let source = width + segment + ":[" + RegisterNames.general(6, size) + "]"
    let destination = width + "es:[" + RegisterNames.general(7, size) + "]"
    let accumulator = RegisterNames.general(0, instruction.operandSize)
    switch instruction.mnemonic {
    case .movs: return [destination, source]
    case .cmps: return [source, destination]
    case .stos: return [destination, accumulator]
    case .lods: return [accumulator, source]
    case .scas: return [accumulator, destination]
    case .ins: return [destination, "dx"]
    case .outs: return ["dx", source]
    default: return ["BYTE PTR " + segment + ":[" + RegisterNames.general(3, size) + "]"]
    }
  }
}
