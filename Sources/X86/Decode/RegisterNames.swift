// SPDX-License-Identifier: Apache-2.0

/// Names as the manual writes them, in lower case.
enum RegisterNames {
  private static let legacy: [StaticString] = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"]
  private static let low: [StaticString] = ["al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"]
  private static let high: [StaticString] = ["ah", "ch", "dh", "bh"]
  private static let segments: [StaticString] = ["es", "cs", "ss", "ds", "fs", "gs"]

  /// General register `number` of `byteCount` bytes; byte registers 16...19 are AH, CH, DH, BH.
  static func general(_ number: UInt8, _ byteCount: UInt8) -> String {
    let number = Int(number)
    if byteCount == 1, number >= 16 { return "\(high[number & 3])" }
    if number >= 8 {
      let name = "r\(number & 15)"
      switch byteCount {
      case 1: return name + "b"
      case 2: return name + "w"
      case 4: return name + "d"
      default: return name
      }
    }
    switch byteCount {
    case 1: return "\(low[number])"
    case 2: return "\(legacy[number])"
    case 4: return "e\(legacy[number])"
    default: return "r\(legacy[number])"
    }
  }

  static func segment(_ number: UInt8) -> String {
    Int(number) < segments.count ? "\(segments[Int(number)])" : "?"
  }

  /// The register an operand names, without any sigil; nil for memory and immediates.
  static func name(of operand: Instruction.Operand) -> String? {
    switch operand.kind {
    case .register: general(operand.register, operand.size)
    case .segment: segment(operand.register)
    case .control: "cr\(operand.register)"
    case .debug: "dr\(operand.register)"
    case .test: "tr\(operand.register)"
    case .mmx: "mm\(operand.register)"
    case .xmm: "xmm\(operand.register)"
    case .ymm: "ymm\(operand.register)"
    case .none, .memory, .immediate, .immediate2, .farPointer, .relative, .x87, .one: nil
    }
  }
}

extension Mnemonic {
  /// The name in lower case, without condition or size.
  var name: String { "\(self)" }
}

/// Condition codes 0...15.
let conditionNames: [StaticString] = [
  "o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g",
]
