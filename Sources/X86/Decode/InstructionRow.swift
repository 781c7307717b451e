// SPDX-License-Identifier: Apache-2.0

/// One instruction of the tables with the encoding that leads to it, for tests and the coverage page.
public struct InstructionRow: Sendable, Equatable {
  public var mnemonic: Mnemonic
  /// The encoding in the manual's notation: `0F BA /4`, `66 0F 38 00 /r`, `D9 E8`.
  public var encoding: String
  /// Operand forms in the manual's letters, `Ev, Gv`.
  public var operands: String
  /// Modes the row exists in.
  public var modes: [CodeSize]
  public var checks: LegalityChecks
  public var isLockable: Bool
  /// Bytes that decode to this row in each of `modes`; zeros follow what the row fixes, to fill immediates and
  /// displacements. The memory operand, if there is one, is [BP+DI] with 16-bit addresses and
  /// [EBX] or [RBX] otherwise.
  public var example: [UInt8]
}

extension Decoder {
  /// Every row of the tables that is an instruction, in the order of the manual's maps.
  public static var allRows: [InstructionRow] {
    var walk = TableWalk()
    for opcode in 0...0xff {
      walk.visit(oneByteRows[opcode], EncodingPath(opcode: [UInt8(truncatingIfNeeded: opcode)]))
    }
    return walk.rows
  }
}

/// What has been fixed on the way to a row.
private struct EncodingPath {
  var prefix: UInt8?
  var opcode: [UInt8]
  var reg: UInt8?
  var rm: UInt8?
  var isRegisterForm: Bool?
  var modes: [CodeSize] = [.bits16, .bits32, .bits64]

  func with(_ change: (inout EncodingPath) -> Void) -> EncodingPath {
    var copy = self
    change(&copy)
    return copy
  }
}

private struct TableWalk {
  var rows: [InstructionRow] = []

  mutating func visit(_ row: DecodeRow, _ path: EncodingPath) {
    switch row.link {
    case .leaf: append(row, path)
    case .twoByte:
      for opcode in 0...0xff {
        visit(twoByteRows[opcode], path.with { $0.opcode.append(UInt8(truncatingIfNeeded: opcode)) })
      }
    case .map0F38: visit(vectorRows0F38.span, from: row, path, isEscape: true)
    case .map0F3A: visit(vectorRows0F3A.span, from: row, path, isEscape: true)
    case .vector: visit(vectorRows0F.span, from: row, path, isEscape: false)
    case .group:
      for reg in 0...7 {
        var next = row
        next.descend(to: groupRows[Int(row.index) * 8 + reg])
        visit(next, path.with { $0.reg = UInt8(truncatingIfNeeded: reg) })
      }
    case .mod:
      for form in 0...1 {
        var next = row
        next.descend(to: modRows[Int(row.index) * 2 + form])
        visit(next, path.with { $0.isRegisterForm = form == 1 })
      }
    case .rm:
      for rm in 0...7 {
        var next = row
        next.descend(to: rmRows[Int(row.index) * 8 + rm])
        visit(next, path.with { $0.rm = UInt8(truncatingIfNeeded: rm) })
      }
    case .mode:
      visit(modeRows[Int(row.index) * 2], path.with { $0.modes = [.bits16, .bits32] })
      visit(modeRows[Int(row.index) * 2 + 1], path.with { $0.modes = [.bits64] })
    case .nop:
      append(DecodeRow(leaf: .nop), path)
      append(DecodeRow(leaf: .pause), path.with { $0.prefix = 0xf3 })
    case .x87: visitX87(row, path)
    case .x87RM:
      for rm in 0...7 {
        visit(x87RMRows[Int(row.index) * 8 + rm], path.with { $0.rm = UInt8(truncatingIfNeeded: rm) })
      }
    }
  }

  private mutating func visitX87(_ row: DecodeRow, _ path: EncodingPath) {
    for isRegisterForm in [false, true] {
      for reg in 0...7 {
        let place = Int(row.position & 7) * 8 + reg
        let next = isRegisterForm ? x87RegisterRows[place] : x87MemoryRows[place]
        visit(
          next,
          path.with {
            $0.isRegisterForm = isRegisterForm
            $0.reg = UInt8(truncatingIfNeeded: reg)
          })
      }
    }
  }

  /// Vector rows of one opcode, or of a whole map behind a second escape byte.
  private mutating func visit(_ rows: Span<VectorRow>, from row: DecodeRow, _ path: EncodingPath, isEscape: Bool) {
    for place in rows.indices where isEscape || rows[place].row.position == row.position {
      let next = rows[place]
      let prefixes: [UInt8?] = [nil, 0x66, 0xf3, 0xf2]
      visit(
        next.row,
        path.with {
          $0.prefix = prefixes[Int(next.key & 3)]
          if isEscape { $0.opcode.append(next.row.position) }
        })
    }
  }

  private mutating func append(_ row: DecodeRow, _ path: EncodingPath) {
    guard row.mnemonic != .invalid else { return }
    var modes = path.modes
    if row.flags.contains(.i64) { modes.removeAll { $0 == .bits64 } }
    if row.flags.contains(.o64) { modes.removeAll { $0 != .bits64 } }
    let forms = [row.a, row.b, row.c].filter { $0 != .none }
    let readsModRM =
      path.reg != nil || path.rm != nil || path.isRegisterForm != nil || forms.contains { $0.readsModRM }
    var bytes = path.opcode
    if let prefix = path.prefix { bytes.insert(prefix, at: 0) }
    var encoding = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined(separator: " ")
    if readsModRM {
      let isRegister =
        path.isRegisterForm ?? (path.rm != nil || row.flags.contains(.control) || forms.contains { $0.isRegisterOnly })
      let mod: UInt8 = isRegister ? 0xc0 : 0
      let reg = path.reg ?? defaultReg(forms)
      let modRM = mod | reg &<< 3 | (path.rm ?? 3)
      bytes.append(modRM)
      encoding += suffix(path, modRM)
    }
    rows.append(
      InstructionRow(
        mnemonic: row.mnemonic, encoding: encoding, operands: forms.map { "\($0)" }.joined(separator: ", "),
        modes: modes, checks: row.checks, isLockable: row.flags.contains(.lock),
        example: bytes + [UInt8](repeating: 0, count: Decoder.maximumLength - bytes.count)))
  }

  /// A reg that no form refuses: DS for segment registers, CR0 and DR0 otherwise.
  private func defaultReg(_ forms: [OperandForm]) -> UInt8 {
    forms.contains(.Sw) || forms.contains(.SwDestination) ? 3 : 0
  }

  private func suffix(_ path: EncodingPath, _ modRM: UInt8) -> String {
    if path.rm != nil { return " " + String(modRM, radix: 16, uppercase: true) }
    guard let reg = path.reg else { return " /r" }
    return path.isRegisterForm == true && path.opcode[0] >= 0xd8 && path.opcode.count == 1
      ? " " + String(modRM & 0xf8, radix: 16, uppercase: true) + "+i" : " /\(reg)"
  }
}

extension OperandForm {
  /// mod must be 3.
  var isRegisterOnly: Bool {
    switch self {
    case .Nq, .Ux, .RyW, .Rv, .STi: true
    default: false
    }
  }
}
