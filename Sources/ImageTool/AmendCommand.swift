// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO

enum AmendCommand {
  static let syntax = "[--object objectdef] [--image-opts] [-p] [-q] [-f fmt] [-t cache] [--force] -o options filename"
  /// What can be changed later.
  private static let names = ["backing_file", "backing_fmt", "compat", "lazy_refcounts", "size"]

  static func run(_ arguments: [BytePath], _ console: inout Console) throws(ToolError) -> Int32 {
    let given = try ToolArguments(
      arguments,
      [
        .init("f", "format", value: true), .init("t", value: true), .init("o", value: true), .init("p"),
        .init("q", "quiet"), .init(nil, "force"),
      ])
    try given.check()
    guard given.has("o") else { throw .usage("Must specify options (-o)") }
    var options = try CreationOptions(format: given.text("format") ?? "qcow2")
    let name = given.operands.first ?? ""
    for list in given.all("o") { try options.add(list, fileName: name) }
    if options.wantsHelp {
      let known = options.definitions.filter { names.contains($0.name) }.sorted { $0.name < $1.name }
      let lines = known.map(CreationOptions.helpLine).joined()
      console.print("Amend options for '\(options.format.rawValue)':\n" + String(lines.dropLast()))
      return 0
    }
    let cache = try CacheMode(given.text("t") ?? "writeback")
    guard given.operands.count == 1 else { throw .usage("Expecting one image file name") }
    for key in options.values.keys where !names.contains(key) {
      throw ToolError("Error while amending options: Changing '\(key)' is not supported")
    }
    var opening = given.opening(isReadOnly: false)
    cache.apply(to: &opening)
    let chain = try ToolImage.open(name, format: given.text("format"), opening)
    guard let node = chain.top as? QCOW2Node else {
      throw ToolError("Format driver 'raw' does not support option amendment")
    }
    do throws(BlockError) { try amend(node, options) } catch {
      throw ToolError("Error while amending options: \(error)")
    }
    try ToolImage.close(chain, name)
    return 0
  }

  private static func amend(_ node: QCOW2Node, _ options: CreationOptions) throws(BlockError) {
    let isThree = node.header.version >= 3
    switch options.text("compat") {
    case nil: break
    case "1.1", "v3": if !isThree { try change("Failed to upgrade") { () throws(Errno) in try node.upgrade() } }
    case "0.10", "v2":
      if isThree { throw .invalidImage("Downgrading an image to compat=0.10 is not supported yet") }
    case let other?: throw .invalidImage("Unknown compatibility level \(other)")
    }
    if let text = options.text("lazy_refcounts") {
      if text == "on", node.header.version < 3 {
        throw .invalidImage(
          "Lazy refcounts only supported with compatibility level 1.1 and above (use compat=1.1 or greater)")
      }
      if node.header.version >= 3 {
        try change("Failed to change lazy refcounts") { () throws(Errno) in try node.setLazyRefcounts(text == "on") }
      }
    }
    if options.path("backing_file") != nil || options.path("backing_fmt") != nil {
      let name = options.path("backing_file") ?? node.extensions.backingFile
      let format = options.text("backing_fmt") ?? node.extensions.backingFormat
      let reference = name.flatMap { $0.isEmpty ? nil : BackingReference(fileName: $0, format: format) }
      try change("Failed to change the backing file") { () throws(Errno) in try node.setBackingReference(reference) }
    }
    if let size = options.size("size") { try node.resize(to: (size + 511) & -512, preallocation: .off) }
  }

  private static func change(_ what: String, _ body: () throws(Errno) -> Void) throws(BlockError) {
    do throws(Errno) { try body() } catch { throw .failed(what, error) }
  }
}
