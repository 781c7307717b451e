// SPDX-License-Identifier: Apache-2.0

/// One row of the opcode tables: what the manual says about an encoding, legality included, as data.
///
/// The tables are constant-folded into the binary; every initialiser here must stay foldable.
struct DecodeRow: BitwiseCopyable, Sendable {
  var mnemonic: Mnemonic
  var flags: RowFlags
  var checks: LegalityChecks
  /// The opcode byte, or the position inside a group; a test compares it with the row's place in its table.
  var position: UInt8
  var link: RowLink
  /// Which group, pair or set the link goes to.
  var index: UInt8
  var a: OperandForm
  var b: OperandForm
  var c: OperandForm
}

/// Where decoding goes on from a row.
enum RowLink: UInt8, BitwiseCopyable, Sendable {
  /// This row is an instruction, or undefined if its mnemonic is `.invalid`.
  case leaf
  case twoByte, map0F38, map0F3A
  /// By mandatory prefix, in the vector tables.
  case vector
  /// By ModRM.reg, in `groupRows`.
  case group
  /// By ModRM.mod, in `modRows`.
  case mod
  /// By ModRM.rm, in `rmRows`.
  case rm
  /// By code size, in `modeRows`.
  case mode
  /// 90: NOP, PAUSE with F3, XCHG with REX.B.
  case nop
  /// D8...DF, and the sets of operand-less x87 instructions.
  case x87, x87RM
}

/// What a row says besides operands.
struct RowFlags: OptionSet, BitwiseCopyable, Sendable {
  let rawValue: UInt16
  /// LOCK is legal when the first operand is memory.
  static let lock = RowFlags(rawValue: 1 << 0)
  /// #UD in 64-bit mode.
  static let i64 = RowFlags(rawValue: 1 << 1)
  /// #UD outside 64-bit mode.
  static let o64 = RowFlags(rawValue: 1 << 2)
  /// In 64-bit mode the operand size is 64 by default; 66h makes it 16.
  static let d64 = RowFlags(rawValue: 1 << 3)
  /// In 64-bit mode the operand size is 64 whatever the prefixes say.
  static let f64 = RowFlags(rawValue: 1 << 4)
  /// The low four bits of the opcode are a condition.
  static let condition = RowFlags(rawValue: 1 << 5)
  /// The operand size is a byte although no operand tells.
  static let byte = RowFlags(rawValue: 1 << 6)
  /// REX.W does not widen (INS, OUTS, IN, OUT).
  static let noW = RowFlags(rawValue: 1 << 7)
  /// ModRM.mod is ignored: rm is always a register.
  static let control = RowFlags(rawValue: 1 << 8)
}

/// A row that a mandatory prefix selects.
struct VectorRow: BitwiseCopyable, Sendable {
  /// Map, opcode and prefix, in the order of the table: see `VectorRow.key`.
  var key: UInt16
  var row: DecodeRow

  @inline(__always)
  static func key(opcode: UInt8, prefix: MandatoryPrefix) -> UInt16 {
    UInt16(opcode) &<< 2 | UInt16(prefix.rawValue)
  }
}

/// NP, 66, F3 and F2 of the manual's opcode column. A repeat prefix wins over 66.
enum MandatoryPrefix: UInt8, BitwiseCopyable, Sendable {
  case np, x66, xF3, xF2
}

/// The register file a vector row works on, which is what its checks come from.
enum VectorUnit: BitwiseCopyable, Sendable {
  case general, mmx, sse, mixed

  @inline(__always)
  var checks: LegalityChecks {
    switch self {
    case .general: LegalityChecks(rawValue: 0)
    case .mmx: LegalityChecks(rawValue: LegalityChecks.mmx.rawValue)
    case .sse: LegalityChecks(rawValue: LegalityChecks.sse.rawValue)
    case .mixed: LegalityChecks(rawValue: LegalityChecks.sse.rawValue | LegalityChecks.mmx.rawValue)
    }
  }
}
