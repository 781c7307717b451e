// SPDX-License-Identifier: Apache-2.0

/// Text of decoded instructions, in three dialects.
///
/// Intel and AT&T syntax follow what `objdump -d` prints; the monitor's dialect follows the `x/i` command of QEMU 7.2.
/// Undecodable bytes are the caller's business: `Decoder` says how many there are.
public enum Disassembler {
  /// Intel syntax. `address` is that of the first byte; branch targets and RIP-relative operands are computed from it.
  public static func intel(_ instruction: Instruction, address: UInt64) -> String {
    IntelSyntax(instruction: instruction, address: address).text()
  }

  /// AT&T syntax.
  public static func att(_ instruction: Instruction, address: UInt64) -> String {
    ATTSyntax(instruction: instruction, address: address).text()
  }

  /// The monitor's dialect without address and bytes.
  public static func monitor(_ instruction: Instruction, address: UInt64) -> String {
    let (name, operands) = MonitorSyntax(instruction: instruction, address: address).parts()
    return operands.isEmpty ? name : name + " " + operands
  }

  /// One instruction of the monitor's `x/i`, in parts.
  public struct MonitorLine: Sendable, Equatable {
    /// Bytes it takes, 1...15.
    public var length: Int
    /// The name, prefixes such as LOCK and REP included.
    public var mnemonic: String
    /// All operands, or nothing.
    public var operands: String
  }

  /// Disassembles the instruction at the start of `bytes` for the monitor, or gives nil if it does not end within them.
  /// A byte that begins no instruction is shown as `.byte`.
  public static func monitor(_ bytes: [UInt8], address: UInt64, size: CodeSize) -> MonitorLine? {
    var instruction = Instruction()
    let result = bytes.withUnsafeBufferPointer { buffer -> DecodeResult in
      guard let start = buffer.baseAddress else { return .needsMoreBytes }
      return Decoder.decode(start, available: buffer.count, size: size, into: &instruction)
    }
    switch result {
    case .needsMoreBytes: return nil
    case .ok:
      let (name, operands) = MonitorSyntax(instruction: instruction, address: address).parts()
      return MonitorLine(length: Int(instruction.length), mnemonic: name, operands: operands)
    case .invalid, .tooLong:
      guard let first = bytes.first else { return nil }
      return MonitorLine(length: 1, mnemonic: ".byte", operands: "0x" + padded(String(first, radix: 16), to: 2))
    }
  }

  /// What the monitor's `x/i` prints for the instruction at the start of `bytes`: one line, or two if it has more than
  /// eight bytes, each ending in a newline; and its length.
  public static func monitorLines(_ bytes: [UInt8], address: UInt64, size: CodeSize) -> (text: String, length: Int)? {
    guard let line = monitor(bytes, address: address, size: size) else { return nil }
    let digits = bytes.prefix(line.length).map { " " + padded(String($0, radix: 16), to: 2) }
    var text = addressLabel(address) + digits.prefix(8).joined()
    text += String(repeating: " ", count: 3 * max(0, 8 - digits.count))
    text += "  " + line.mnemonic + String(repeating: " ", count: max(0, 8 - line.mnemonic.utf8.count))
    text += " " + line.operands + "\n"
    if digits.count > 8 { text += addressLabel(address &+ 8) + digits.dropFirst(8).joined() + "\n" }
    return (text, line.length)
  }

  private static func addressLabel(_ address: UInt64) -> String {
    "0x" + padded(String(address, radix: 16), to: 8) + ": "
  }

  private static func padded(_ digits: String, to count: Int) -> String {
    String(repeating: "0", count: max(0, count - digits.utf8.count)) + digits
  }
}

extension Instruction {
  /// All operands in use.
  var operandList: [Operand] {
    let all = [operands.0, operands.1, operands.2, operands.3]
    return Array(all.prefix(Int(operandCount)))
  }

  /// Where a relative branch goes. In 16-bit code the target wraps inside 64 KiB.
  func target(from address: UInt64) -> UInt64 {
    let next = address &+ UInt64(length)
    let target = next &+ immediate
    switch codeSize {
    case .bits64: return target
    case .bits16, .bits32:
      if operandSize == 2 { return (codeSize == .bits16 ? next & 0xffff_0000 : 0) | target & 0xffff }
      return target & 0xffff_ffff
    }
  }

  /// The operand size the mode gives without prefixes, in bytes.
  var defaultOperandSize: UInt8 { codeSize == .bits16 ? 2 : 4 }

  /// The address size the mode gives without prefixes, in bytes.
  var defaultAddressSize: UInt8 {
    switch codeSize {
    case .bits16: 2
    case .bits32: 4
    case .bits64: 8
    }
  }

  var hasOperandSizePrefix: Bool { prefixBits & 1 != 0 }
  var hasAddressSizePrefix: Bool { prefixBits & 2 != 0 }
  var hasREXW: Bool { prefixBits & 8 != 0 }

  var hasMemoryOperand: Bool {
    operands.0.kind == .memory || operands.1.kind == .memory || operands.2.kind == .memory
  }

  /// Displacement as an unsigned address of the address size.
  var absoluteDisplacement: UInt64 {
    let bits = UInt64(bitPattern: displacement)
    switch addressSize {
    case 2: return bits & 0xffff
    case 4: return codeSize == .bits64 ? bits : bits & 0xffff_ffff
    default: return bits
    }
  }
}

extension Instruction {
  var prefetchName: String {
    let reg = (modRM &>> 3) & 7
    if opcode == 0x10d { return reg == 1 ? "prefetchw" : reg == 2 ? "prefetchwt1" : "prefetch" }
    return reg == 0 ? "prefetchnta" : "prefetcht\((reg &- 1) & 3)"
  }

  /// Whether operand `position` is the ST(0) that the form implies, not one that ModRM names.
  func isImpliedStackTop(_ position: Int) -> Bool {
    guard operandCount == 2 else { return false }
    let isReversed = opcode == 0xdc || opcode == 0xde
    return position == (isReversed ? 1 : 0)
  }

  /// The immediate of a comparison or a carry-less multiplication that has a name of its own.
  private var hasPredicateName: Bool {
    switch mnemonic {
    case .cmpps, .cmppd, .cmpss, .cmpsd: immediate < 8
    case .pclmulqdq: immediate & ~0x11 == 0
    default: false
    }
  }

  /// Operands without an immediate that became part of the name.
  var shownOperands: [Operand] { hasPredicateName ? Array(operandList.prefix(2)) : operandList }

  var predicateName: String {
    let name = mnemonic.name
    guard hasPredicateName else { return name }
    if mnemonic == .pclmulqdq {
      return "pclmul" + (immediate & 1 == 0 ? "lq" : "hq") + (immediate & 16 == 0 ? "lqdq" : "hqdq")
    }
    return "cmp\(comparisonNames[Int(immediate & 7)])\(name.suffix(2))"
  }

  /// `# 0x…`, the address of a RIP-relative operand.
  func relativeComment(_ address: UInt64) -> String {
    guard memoryBase == Instruction.instructionPointer else { return "" }
    let target = address &+ UInt64(length) &+ UInt64(bitPattern: displacement)
    return "        # " + hexadecimal(addressSize == 4 ? target & 0xffff_ffff : target)
  }
}

/// Predicates of CMPPS and its kin that have names of their own.
private let comparisonNames: [StaticString] = ["eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord"]

/// `0x` and lower-case hex digits.
func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

/// Signed hex: `-0x5`.
func signedHexadecimal(_ value: Int64) -> String { (value < 0 ? "-0x" : "0x") + String(value.magnitude, radix: 16) }
