// SPDX-License-Identifier: Apache-2.0

/// Writes `Docs/InstructionCoverage.md`: each row of the decode tables, and whether the processor executes it.
public enum InstructionCoverage {
  /// The page as Markdown. `isExecuted` says whether an instruction has a handler that tests exercise.
  public static func page(isExecuted: (InstructionRow) -> Bool) -> String {
    let rows = Decoder.allRows
    let executed = rows.filter(isExecuted).count
    let hasCoprocessor = !rows.contains { $0.checks.contains(.x87) && !isExecuted($0) }
    let remark = hasCoprocessor ? "" : "\nThose of the x87 do nothing, as on a processor without one."
    var page = """
      # Instruction coverage

      Generated from the decode tables; operands in the letters of the SDM, volume 2, appendix A.2.
      \(executed) of \(rows.count) encodings are executed. What is not listed, or is listed as unimplemented, raises #UD.\(remark)

      | Encoding | Instruction | Operands | Modes | State |
      |---|---|---|---|---|

      """
    for row in rows {
      let modes = row.modes.map(name).joined(separator: " ")
      let state = isExecuted(row) ? "executed" : "unimplemented"
      page += "| \(row.encoding) | \(row.mnemonic.name.uppercased()) | \(row.operands) | \(modes) | \(state) |\n"
    }
    return page
  }

  private static func name(_ size: CodeSize) -> String {
    switch size {
    case .bits16: "16"
    case .bits32: "32"
    case .bits64: "64"
    }
  }
}
