// SPDX-License-Identifier: Apache-2.0

/// The AT&T dialect of the monitor's `x/i`: every general operation carries its width, operands are separated by a comma
/// and a space, numbers up to 9 are decimal.
struct MonitorSyntax {
  let instruction: Instruction
  let address: UInt64

  /// Name and operands; the name includes prefixes.
  func parts() -> (name: String, operands: String) {
    (prefixText + name(), operandTexts().joined(separator: ", "))
  }

  private var prefixText: String {
    let text = instruction.lock ? "lock " : ""
    switch instruction.mnemonic {
    case .movs, .stos, .lods, .ins, .outs:
      if instruction.repeatPrefix == .repeatEqual { return text + "rep " }
      return instruction.repeatPrefix == .repeatNotEqual ? text + "repne " : text
    case .cmps, .scas:
      if instruction.repeatPrefix == .repeatEqual { return text + "repe " }
      return instruction.repeatPrefix == .repeatNotEqual ? text + "repne " : text
    default: return text
    }
  }

  // MARK: Operands

  private func operandTexts() -> [String] {
    if let operands = implicitOperands() { return operands }
    var operands = instruction.shownOperands.enumerated().map { text($1, position: $0) }
    switch instruction.mnemonic {
    case .enter: break
    case .xchg where instruction.opcode & ~7 == 0x90: break
    default: operands.reverse()
    }
    if instruction.checks.contains(.x87), operands.count == 2 { return stackOperands(operands) }
    return operands
  }

  /// The forms with ST(0) implied show only the other register, except where ST(0) is the source.
  private func stackOperands(_ operands: [String]) -> [String] {
    switch instruction.opcode {
    case 0xdc, 0xda: operands
    case 0xdb where instruction.modRM < 0xe0: operands
    case 0xde: [operands[1]]
    default: [operands[0]]
    }
  }

  private func text(_ operand: Instruction.Operand, position: Int) -> String {
    switch operand.kind {
    case .memory: return indirection + memory()
    case .immediate: return "$" + immediateText()
    case .immediate2: return "$" + number(Int64(instruction.immediate2))
    case .farPointer:
      return "$" + hexadecimal(UInt64(instruction.immediate2)) + ":$" + hexadecimal(instruction.immediate)
    case .relative:
      let target = instruction.target(from: address)
      return hexadecimal(instruction.codeSize == .bits16 ? target & 0xffff : target)
    case .x87: return "%st(\(operand.register))"
    case .one: return "$1"
    default: return indirection + "%" + (RegisterNames.name(of: operand) ?? "")
    }
  }

  private var indirection: String {
    switch instruction.mnemonic {
    case .jmp, .call, .jmpFar, .callFar: "*"
    default: ""
    }
  }

  /// Decimal up to 9, hex beyond, with a sign.
  private func number(_ value: Int64) -> String {
    value.magnitude > 9 ? signedHexadecimal(value) : "\(value)"
  }

  /// Immediates that were sign-extended show their sign, except where the operation is on bits.
  private func immediateText() -> String {
    let value = Int64(bitPattern: instruction.immediate)
    switch instruction.mnemonic {
    case .and, .or, .xor, .mov:
      return instruction.immediate > 9 ? hexadecimal(instruction.immediate) : "\(value)"
    default: break
    }
    let isExtendedByte = instruction.opcode == 0x83 || instruction.opcode == 0x6a || instruction.opcode == 0x6b
    guard isExtendedByte, instruction.operandSize < 8 else { return number(value) }
    let unused = 64 &- Int64(instruction.operandSize) &* 8
    return number((value &<< unused) &>> unused)
  }

  private func memory() -> String {
    var text = ""
    if instruction.hasSegmentOverride { text = "%" + RegisterNames.segment(instruction.segment.rawValue) + ":" }
    let hasBase = instruction.memoryBase != Instruction.noRegister
    let hasIndex = instruction.memoryIndex != Instruction.noRegister
    guard hasBase || hasIndex else {
      let value = instruction.absoluteDisplacement
      return text + (value > 9 ? hexadecimal(value) : "\(value)")
    }
    if instruction.displacement != 0 { text += number(instruction.displacement) }
    text += "("
    if instruction.memoryBase == Instruction.instructionPointer {
      text += instruction.addressSize == 4 ? "%eip" : "%rip"
    } else if hasBase {
      text += "%" + RegisterNames.general(instruction.memoryBase, instruction.addressSize)
    }
    if hasIndex {
      text += ", %" + RegisterNames.general(instruction.memoryIndex, instruction.addressSize)
      if instruction.memoryScale != 0 { text += ", \(1 &<< Int(instruction.memoryScale & 3))" }
    }
    return text + ")"
  }

  private func implicitOperands() -> [String]? {
    let override =
      instruction.hasSegmentOverride ? "%" + RegisterNames.segment(instruction.segment.rawValue) + ":" : ""
    let size = instruction.addressSize
    let source = override + "(%" + RegisterNames.general(6, size) + ")"
    let extra = instruction.codeSize == .bits64 ? "" : "%es:"
    let destination = extra + "(%" + RegisterNames.general(7, size) + ")"
    let accumulator = "%" + RegisterNames.general(0, instruction.operandSize)
    switch instruction.mnemonic {
    case .movs: return [source, destination]
    case .cmps: return [destination, source]
    case .stos: return [accumulator, destination]
    case .lods: return [source, accumulator]
    case .scas: return [destination, accumulator]
    case .ins: return ["%dx", destination]
    case .outs: return [source, "%dx"]
    case .ud0, .ud1: return []
    case .aam, .aad: return instruction.immediate == 10 ? [] : nil
    default: return nil
    }
  }

  // MARK: Names

  private func name() -> String {
    let name = instruction.mnemonic.name
    let suffix = instruction.widthSuffix
    let att = ATTSyntax(instruction: instruction, address: address)
    switch instruction.mnemonic {
    case .cmovcc: return att.name() + suffix
    case .jmpFar: return "ljmp" + suffix
    case .callFar: return "lcall" + suffix
    case .retFar: return "lret" + suffix
    case .jmp: return instruction.operands.0.kind == .relative ? name : name + suffix
    case .wait, .loop, .loope, .loopne: return name
    case .bswap where instruction.operandSize == 2: return "bswapl"
    case .movnti: return name + (instruction.hasREXW ? "q" : "l")
    case .xlat: return "xlatb"
    case .leave, .enter: return name
    case .movsxd: return "movslq"
    case .movzx where instruction.operands.1.size == 2 && instruction.operandSize == 2: return "movzwl"
    case .movsx where instruction.operands.1.size == 2 && instruction.operandSize == 2: return "movswl"
    case .cbw where instruction.codeSize == .bits16: return "cwtl"
    case .cwd where instruction.codeSize == .bits16: return "cltd"
    case .shl where (instruction.modRM &>> 3) & 7 == 6: return "sal" + suffix
    case .ltr, .lldt, .lmsw: return name + "w"
    case .verr, .verw, .arpl: return name
    case .sldt, .str, .smsw: return name + (instruction.operands.0.kind == .memory ? "w" : suffix)
    case .mov where instruction.operands.0.kind == .control || instruction.operands.1.kind == .control,
      .mov where instruction.operands.0.kind == .debug || instruction.operands.1.kind == .debug:
      return instruction.codeSize == .bits64 ? "movq" : "movl"
    case .mov where instruction.operands.0.kind == .segment || instruction.operands.1.kind == .segment:
      return instruction.hasMemoryOperand ? "movw" : name + suffix
    case .mov: return att.name().hasPrefix("movabs") ? "movabs" + suffix : name + suffix
    case .lgdt, .lidt, .sgdt, .sidt: return name + (instruction.codeSize == .bits64 ? "q" : suffix)
    case .nop: return instruction.operandCount == 0 ? name : instruction.operandSize == 8 ? "nopl" : name + suffix
    case .sysret: return name + (instruction.operandSize == 8 ? "q" : "l")
    case .sysexit: return name + (instruction.operandSize == 8 ? "q" : "")
    case .ud1: return "ud2b"
    case .fldenv, .fnstenv, .fnsave, .frstor: return name
    case .add, .or, .adc, .sbb, .and, .sub, .xor, .cmp, .test, .inc, .dec, .not, .neg, .mul, .imul, .div, .idiv,
      .rol, .ror, .rcl, .rcr, .shl, .shr, .sar, .shld, .shrd, .bt, .bts, .btr, .btc, .bsf, .bsr, .bswap, .xadd,
      .cmpxchg, .xchg, .lea, .push, .pop, .call, .ret, .iret, .in, .out, .movs, .cmps, .stos, .lods, .scas, .ins,
      .outs, .lar, .lsl, .lss, .lfs, .lgs, .lds, .les, .movbe, .popcnt, .lzcnt, .tzcnt, .rdrand, .rdseed,
      .rdfsbase, .rdgsbase, .wrfsbase, .wrgsbase, .pushf, .popf:
      return name + suffix
    case .pusha, .popa: return name + suffix
    default: return instruction.checks.contains(.x87) ? att.x87Name() : att.name()
    }
  }
}
