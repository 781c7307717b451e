// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO

enum BitmapCommand {
  static let syntax =
    "(--merge SOURCE | --add | --remove | --clear | --enable | --disable)... [-b source_file [-F source_fmt]] "
    + "[-g granularity] [--object objectdef] [--image-opts | -f fmt] filename bitmap"
  private static let actions = ["add", "remove", "clear", "enable", "disable", "merge"]

  static func run(_ arguments: [BytePath], _ console: inout Console) throws(ToolError) -> Int32 {
    let given = try ToolArguments(
      arguments,
      [
        .init(nil, "add"), .init(nil, "remove"), .init(nil, "clear"), .init(nil, "enable"), .init(nil, "disable"),
        .init(nil, "merge", value: true), .init("b", "source-file", value: true),
        .init("F", "source-format", value: true),
        .init("f", "format", value: true), .init("g", "granularity", value: true),
      ])
    try given.check()
    guard given.operands.count == 2 else { throw ToolError("Expecting filename and bitmap name") }
    let todo = given.given.filter { actions.contains($0.name) }
    guard !todo.isEmpty else {
      throw ToolError("Need at least one of --add, --remove, --clear, --enable, --disable, or --merge")
    }
    if given.has("granularity"), !given.has("add") { throw ToolError("granularity only supported with --add") }
    if given.has("source-file"), !given.has("merge") {
      throw ToolError("Merge bitmap source file only supported with --merge")
    }
    var granularity: Int64?
    if let text = given.text("granularity") {
      guard let size = ToolSize.parse(text), size.nonzeroBitCount == 1, (512...1 << 31).contains(size) else {
        throw ToolError("Invalid granularity specified")
      }
      granularity = size
    }
    let (name, bitmap) = (given.operands[0], given.operands[1].description)
    let chain = try ToolImage.open(name, format: given.text("format"), given.opening(isReadOnly: false))
    guard let node = chain.top as? QCOW2Node, node.header.version >= 3 else {
      throw ToolError(
        "Operation \(todo[0].name) on bitmap \(bitmap) failed: Cannot store dirty bitmaps in file '\(name)'")
    }
    for action in todo {
      var source: [QCOW2Bitmap]?
      if action.name == "merge", let file = given.path("source-file") {
        let other = try ToolImage.open(file, format: given.text("source-format"), .init())
        do throws(BlockError) { source = try (other.top as? QCOW2Node)?.loadedBitmaps() ?? [] } catch {
          throw ToolError(error.description)
        }
      }
      do throws(BlockError) {
        try perform(
          action.name, action.value.description, bitmap, node, source, granularity, isDisabled: given.has("disable"))
      } catch {
        throw ToolError("Operation \(action.name) on bitmap \(bitmap) failed: \(error)")
      }
    }
    try ToolImage.close(chain, name)
    return 0
  }

  private static func perform(
    _ action: String, _ value: String, _ name: String, _ node: QCOW2Node, _ source: [QCOW2Bitmap]?,
    _ granularity: Int64?,
    isDisabled: Bool
  ) throws(BlockError) {
    let cluster = node.header.clusterByteCount
    try node.changeBitmaps { (all, byteCount) throws(BlockError) in
      let index = all.firstIndex { $0.name == name }
      if action == "add" {
        if index != nil { throw .invalidImage("Bitmap already exists: \(name)") }
        guard !name.isEmpty, name.utf8.count <= 1023 else { throw .invalidImage("Bitmap name too long") }
        all.append(
          QCOW2Bitmap(
            name: name, granularity: granularity ?? max(4096, min(65536, cluster)), isEnabled: true,
            diskByteCount: byteCount))
        return
      }
      guard let index else { throw .invalidImage("Dirty bitmap '\(name)' not found") }
      switch action {
      case "remove": all.remove(at: index)
      case "clear": all[index].clear()
      case "enable": all[index].flags.insert(.auto)
      case "disable": all[index].flags.remove(.auto)
      default:
        guard let other = (source ?? all).first(where: { $0.name == value }) else {
          throw .invalidImage("Dirty bitmap '\(value)' not found")
        }
        all[index].merge(other)
      }
    }
  }
}
