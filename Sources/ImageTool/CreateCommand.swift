// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO

enum CreateCommand {
  static let syntax =
    "[--object objectdef] [-q] [-f fmt] [-b backing_file [-F backing_fmt]] [-u] [-o options] filename [size]"

  static func run(_ arguments: [BytePath], _ console: inout Console) throws(ToolError) -> Int32 {
    let given = try ToolArguments(
      arguments,
      [
        .init("q", "quiet"), .init("f", "format", value: true), .init("b", value: true), .init("F", value: true),
        .init("u"), .init("o", "options", value: true), .init("e"), .init("6"),
      ], namesImages: false)
    if given.has("e") { throw ToolError("option -e is deprecated, please use '-o encryption=on' instead!") }
    if given.has("6") { throw ToolError("option -6 is deprecated, please use '-o compat=1.1' instead!") }
    try given.check()
    console.isQuiet = given.has("quiet")
    let format = given.text("format") ?? "raw"
    let lists = given.all("options")
    guard let name = given.operands.first else {
      var options = try CreationOptions(format: format)
      for list in lists { try options.add(list, fileName: "") }
      guard options.wantsHelp else { throw .usage("Expecting image file name") }
      console.print(options.help(withFile: false))
      return 0
    }
    if given.operands.count > 2 { throw .usage("Unexpected argument: \(given.operands[2])") }
    var size: Int64?
    if given.operands.count == 2 {
      guard let parsed = ToolSize.parse(given.operands[1].description) else {
        console.report("Invalid image size specified. You may use k, M, G, T, P or E suffixes for")
        throw ToolError("kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.")
      }
      size = parsed
    }
    var options: CreationOptions
    do throws(ToolError) { options = try CreationOptions(format: format) } catch {
      throw ToolError("\(name): \(error.message)")
    }
    for list in lists { try options.add(list, fileName: name) }
    if options.wantsHelp {
      console.print(options.help(withFile: true))
      return 0
    }
    if let size { options.set("size", BytePath(String(size))) }
    try setBacking(&options, given, name)
    if options.size("size") == nil { try takeSizeOfBacking(&options, name) }
    guard let byteCount = options.size("size") else {
      throw ToolError("\(name): Image creation needs a size parameter")
    }
    if let backing = options.path("backing_file"), !backing.isEmpty, size != nil, !given.has("u") {
      // It must be there, whatever its size.
      _ = try backingByteCount(backing, options, name)
    }
    console.say(options.summary(name))
    try ImageMaker(fileName: name, options: options).make(byteCount)
    return 0
  }

  private static func setBacking(
    _ options: inout CreationOptions, _ given: ToolArguments, _ name: BytePath
  ) throws(ToolError) {
    if let backing = given.path("b") {
      guard options.format == .qcow2 else {
        throw ToolError("\(name): Backing file not supported for file format '\(options.format.rawValue)'")
      }
      options.set("backing_file", backing)
    }
    if let format = given.path("F") {
      guard options.format == .qcow2 else {
        throw ToolError("\(name): Backing format not supported for file format '\(options.format.rawValue)'")
      }
      options.set("backing_fmt", format)
    }
    if let format = options.text("backing_fmt"), ImageFormat(rawValue: format) == nil {
      throw ToolError("\(name): Unknown backing file format '\(format)'")
    }
    guard let backing = options.path("backing_file"), !backing.isEmpty else { return }
    if ImageChain.resolve(backing, beside: name) == name {
      throw ToolError("\(name): Error: Trying to create an image with the same filename as the backing file")
    }
    if options.text("backing_fmt") == nil {
      var text = "\(name): Backing file specified without backing format"
      if let chain = try? ToolImage.open(ImageChain.resolve(backing, beside: name), format: nil, .init()) {
        text += "\nDetected format of \(chain.links[0].format.rawValue)."
      }
      throw ToolError(text)
    }
  }

  private static func takeSizeOfBacking(_ options: inout CreationOptions, _ name: BytePath) throws(ToolError) {
    guard let backing = options.path("backing_file"), !backing.isEmpty else { return }
    options.set("size", BytePath(String(try backingByteCount(backing, options, name))))
  }

  private static func backingByteCount(
    _ backing: BytePath, _ options: CreationOptions, _ name: BytePath
  ) throws(ToolError) -> Int64 {
    var opening = ImageChain.Options()
    opening.sharesWrite = true
    do throws(BlockError) {
      let path = ImageChain.resolve(backing, beside: name)
      return try ImageChain.open(path, format: options.text("backing_fmt"), opening).top.byteCount
    } catch {
      throw ToolError("\(name): \(error)\nCould not open backing image.")
    }
  }
}
