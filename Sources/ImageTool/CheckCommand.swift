// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import QAPI

enum CheckCommand {
  static let syntax =
    "[--object objectdef] [--image-opts] [-q] [-f fmt] [--output=ofmt] [-r [leaks | all]] [-T src_cache] [-U] filename"

  static func run(_ arguments: [BytePath], _ console: inout Console) throws(ToolError) -> Int32 {
    let given = try ToolArguments(
      arguments,
      [
        .init("q", "quiet"), .init("f", "format", value: true), .init(nil, "output", value: true),
        .init("r", "repair", value: true), .init("T", value: true), .init("U", "force-share"),
      ])
    try given.check()
    let isJSON = try given.wantsJSON()
    let repair: QCOW2Check.Repair
    switch given.text("repair") {
    case nil: repair = []
    case "leaks": repair = .leaks
    case "all": repair = [.leaks, .errors]
    case let other?: throw .usage("Unknown option value for -r (expecting 'leaks' or 'all'): \(other)")
    }
    let cache = try CacheMode(given.text("T") ?? "writeback", source: true)
    console.isQuiet = given.has("quiet")
    let name = try given.onlyOperand()
    var options = given.opening(isReadOnly: repair.isEmpty)
    (options.isCheck, options.ignoresBacking) = (true, true)
    cache.apply(to: &options)
    let chain = try ToolImage.open(name, format: given.text("format"), options)
    guard let node = chain.top as? QCOW2Node else {
      throw ToolError("This image format does not support checks", status: 63)
    }
    var check = try describing("Check failed", status: 1) { () throws(Errno) in try node.check(repair) }
    for message in check.messages { HostProcess.printError(message + "\n") }
    let fixed = (leaks: check.fixedLeakCount, errors: check.fixedCorruptionCount)
    if fixed.leaks > 0 || fixed.errors > 0 {
      if !isJSON {
        console.say(
          """
          The following inconsistencies were found and repaired:

              \(fixed.leaks) leaked clusters
              \(fixed.errors) corruptions

          Double checking the fixed image now...
          """)
      }
      check = try describing("Check failed", status: 1) { () throws(Errno) in try node.check() }
      for message in check.messages { HostProcess.printError(message + "\n") }
    }
    try ToolImage.close(chain, name)
    if isJSON {
      console.print(json(check, fixed, name))
    } else if !console.isQuiet {
      console.print(text(check))
    }
    if check.checkErrorCount > 0 { return 1 }
    if check.corruptionCount > 0 { return 2 }
    return check.leakCount > 0 ? 3 : 0
  }

  private static func json(_ check: QCOW2Check, _ fixed: (leaks: Int, errors: Int), _ name: BytePath) -> String {
    var object = JSONObject()
    object["filename"] = .string(name.description)
    object["format"] = "qcow2"
    object["check-errors"] = JSON(check.checkErrorCount)
    object["image-end-offset"] = JSON(check.imageEndOffset)
    if check.corruptionCount > 0 { object["corruptions"] = JSON(check.corruptionCount) }
    if check.leakCount > 0 { object["leaks"] = JSON(check.leakCount) }
    if fixed.errors > 0 { object["corruptions-fixed"] = JSON(fixed.errors) }
    if fixed.leaks > 0 { object["leaks-fixed"] = JSON(fixed.leaks) }
    if check.totalClusterCount > 0 { object["total-clusters"] = JSON(check.totalClusterCount) }
    if check.allocatedClusterCount > 0 { object["allocated-clusters"] = JSON(check.allocatedClusterCount) }
    if check.fragmentedClusterCount > 0 { object["fragmented-clusters"] = JSON(check.fragmentedClusterCount) }
    if check.compressedClusterCount > 0 { object["compressed-clusters"] = JSON(check.compressedClusterCount) }
    return String(decoding: JSON.object(object).utf8(isPretty: true), as: UTF8.self)
  }

  private static func text(_ check: QCOW2Check) -> String {
    var lines: [String] = []
    if check.corruptionCount == 0, check.leakCount == 0, check.checkErrorCount == 0 {
      lines.append("No errors were found on the image.")
    }
    if check.corruptionCount > 0 {
      lines.append(
        """

        \(check.corruptionCount) errors were found on the image.
        Data may be corrupted, or further writes to the image may corrupt it.
        """)
    }
    if check.leakCount > 0 {
      lines.append(
        """

        \(check.leakCount) leaked clusters were found on the image.
        This means waste of disk space, but no harm to data.
        """)
    }
    if check.checkErrorCount > 0 {
      lines.append("\n\(check.checkErrorCount) internal errors have occurred during the check.")
    }
    if check.totalClusterCount > 0, check.allocatedClusterCount > 0 {
      let allocated = Double(check.allocatedClusterCount)
      func percent(_ part: Double, _ whole: Double) -> String { ToolSize.fixed(part * 100 / whole, 2) }
      lines.append(
        "\(check.allocatedClusterCount)/\(check.totalClusterCount) = "
          + "\(percent(allocated, Double(check.totalClusterCount)))% allocated, "
          + "\(percent(Double(check.fragmentedClusterCount), allocated))% fragmented, "
          + "\(percent(Double(check.compressedClusterCount), allocated))% compressed clusters")
    }
    if check.imageEndOffset > 0 { lines.append("Image end offset: \(check.imageEndOffset)") }
    return lines.joined(separator: "\n")
  }
}
