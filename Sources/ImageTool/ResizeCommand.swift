// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO

enum ResizeCommand {
  static let syntax =
    "[--object objectdef] [--image-opts] [-f fmt] [--preallocation=prealloc] [-q] [--shrink] filename [+ | -]size"

  static func run(_ arguments: [BytePath], _ console: inout Console) throws(ToolError) -> Int32 {
    // The size is last, and may look like an option.
    guard arguments.count >= 2, let sizeText = arguments.last?.description else { throw .usage("Not enough arguments") }
    let given = try ToolArguments(
      Array(arguments.dropLast()),
      [
        .init("f", "format", value: true), .init("q", "quiet"), .init(nil, "preallocation", value: true),
        .init(nil, "shrink"),
      ])
    try given.check()
    console.isQuiet = given.has("quiet")
    let name: BytePath
    do throws(ToolError) { name = try given.onlyOperand() } catch { throw .usage("Expecting image file name and size") }
    var mode = Preallocation.off
    if let text = given.text("preallocation") {
      guard let parsed = Preallocation(rawValue: text) else {
        throw ToolError("Invalid preallocation mode '\(text)'")
      }
      mode = parsed
    }
    let sign = sizeText.first == "+" ? 1 : sizeText.first == "-" ? -1 : 0
    guard let amount = ToolSize.parse(sign == 0 ? sizeText : String(sizeText.dropFirst())) else {
      throw ToolError(
        """
        Parameter 'size' expects a non-negative number below 2^64
        Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-
        and exabytes, respectively.
        """)
    }
    var options = given.opening(isReadOnly: false)
    options.unmapsDiscards = true
    let chain = try ToolImage.open(name, format: given.text("format"), options)
    let old = chain.top.byteCount
    let sum = old.addingReportingOverflow(Int64(sign) * amount)
    let new = sign == 0 ? amount : sum.partialValue
    guard new > 0, new <= .max - (4 << 20), !sum.overflow else { throw ToolError("New image size must be positive") }
    if new <= old, mode != .off { throw ToolError("Preallocation can only be used for growing images") }
    if new < old, !given.has("shrink") {
      console.report("Use the --shrink option to perform a shrink operation.")
      console.report(
        "warning: Shrinking an image will delete all data beyond the shrunken image's end. Before performing such an "
          + "operation, make sure there is no important data there.")
      throw ToolError("")
    }
    do throws(BlockError) {
      try chain.checkResize(to: (new + 511) & -512)
      try chain.top.resize(to: (new + 511) & -512, preallocation: mode)
    } catch {
      throw ToolError(error.description)
    }
    try ToolImage.close(chain, name)
    console.say("Image resized.")
    return 0
  }
}
