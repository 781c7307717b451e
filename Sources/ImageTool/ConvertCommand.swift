// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO

enum ConvertCommand {
  static let syntax =
    "[--object objectdef] [--image-opts] [--target-image-opts] [-U] [-c] [-p] [-q] [-n] [-f fmt] [-t cache] [-T src_cache] [-O output_fmt] [-B backing_file [-F backing_fmt]] "
    + "[-o options] [-l snapshot_param] [-S sparse_size] [-m num_coroutines] [-W] [--target-is-zero] [--bitmaps] "
    + "filename [filename2 [...]] output_filename"

  private static let options: [ToolArguments.Option] = [
    .init("f", "source-format", value: true), .init("O", "target-format", value: true), .init("B", value: true),
    .init("F", value: true), .init("o", "options", value: true), .init("l", value: true), .init("S", value: true),
    .init("m", value: true), .init("t", value: true), .init("T", value: true), .init("r", value: true),
    .init("c"), .init("C"), .init("p", "progress"), .init("q", "quiet"), .init("n"), .init("W"),
    .init("U", "force-share"), .init(nil, "target-is-zero"), .init(nil, "bitmaps"), .init(nil, "salvage"),
    .init(nil, "target-image-opts"), .init(nil, "skip-broken-bitmaps"), .init("e"), .init("6"), .init("s", value: true),
  ]

  static func run(_ arguments: [BytePath], _ console: inout Console) throws(ToolError) -> Int32 {
    let given = try ToolArguments(arguments, options)
    try given.check(refusing: "r", "skip-broken-bitmaps", "salvage")
    console.isQuiet = given.has("quiet")
    let format = given.text("target-format") ?? "raw"
    var creation = try CreationOptions(format: format)
    let output = given.operands.last ?? ""
    for list in given.all("options") { try creation.add(list, fileName: output) }
    if creation.wantsHelp {
      console.print(creation.help(withFile: !output.isEmpty))
      return 0
    }
    guard given.operands.count > 1 else { throw ToolError("Must specify image file name") }
    if given.has("n"), given.has("options") { throw ToolError("-o has no effect when skipping image creation") }
    if given.has("target-image-opts"), !given.has("n") {
      throw ToolError("--target-image-opts requires use of -n flag")
    }
    if given.has("target-is-zero"), !given.has("n") { throw ToolError("--target-is-zero requires use of -n flag") }
    if let backing = given.path("B") {
      creation.set("backing_file", backing)
      if given.operands.count > 2 {
        throw ToolError("Having a backing file for the target makes no sense when concatenating multiple input images")
      }
    }
    if let backingFormat = given.path("F") { creation.set("backing_fmt", backingFormat) }
    if let backing = creation.path("backing_file"), !backing.isEmpty {
      if creation.format != .qcow2 {
        throw ToolError("\(output): Backing file not supported for file format '\(format)'")
      }
      if creation.text("backing_fmt") == nil { throw ToolError("Use of backing file requires explicit backing format") }
    }
    if given.has("c"), creation.format != .qcow2, !given.has("target-image-opts") {
      throw ToolError("Compression not supported for this file format")
    }
    return try convert(given, creation, to: output, console)
  }

  private static func convert(
    _ given: ToolArguments, _ creation: CreationOptions, to output: BytePath, _ console: Console
  ) throws(ToolError) -> Int32 {
    var copier = CopyJob()
    if let text = given.text("S") {
      guard let size = ToolSize.parse(text), size % 512 == 0 || size == 0 else {
        throw ToolError(
          "Invalid buffer size for sparse output specified. Valid sizes are multiples of 512 up to 2147483136. Select 0 to disable sparse detection (fully allocates output)."
        )
      }
      copier.sparseByteCount = Int(min(size, 2_147_483_136))
    }
    if let text = given.text("m") {
      guard let count = Int(text), (1...16).contains(count) else {
        throw ToolError("Invalid number of coroutines. Allowed number of coroutines is between 1 and 16")
      }
      copier.threadCount = min(count, max(2, HostProcess.processorCount))
    }
    let sourceCache = try CacheMode(given.text("T") ?? "writeback", source: true)
    let cache = try CacheMode(given.text("t") ?? "unsafe")
    var opening = given.opening()
    sourceCache.apply(to: &opening)
    var sources: [ImageChain] = []
    for name in given.operands.dropLast() {
      sources.append(try ToolImage.open(name, format: given.text("source-format"), opening))
    }
    if let parameter = given.text("l") { try selectSnapshot(parameter, &sources) }
    var total: Int64 = 0
    for source in sources {
      let (sum, overflow) = total.addingReportingOverflow(source.top.byteCount)
      if overflow || sum > .max - (4 << 20) { throw ToolError("The images are too long together") }
      total = sum
    }
    if !given.has("n") {
      var creation = creation
      if creation.size("size") == nil { creation.set("size", BytePath(String(total))) }
      try ImageMaker(
        fileName: output, options: creation, purpose: "error while converting \(creation.format.rawValue): "
      )
      .make(creation.size("size") ?? total)
    }
    do throws(ToolError) {
      var target = ImageChain.Options(isReadOnly: false)
      target.unmapsDiscards = true
      cache.apply(to: &target)
      target.mayGrow = cache.isDirect
      target.isOptionList = given.has("target-image-opts")
      let chain = try ToolImage.open(
        output, format: target.isOptionList ? given.text("target-format") : creation.format.rawValue, target)
      guard chain.top.byteCount >= total else { throw ToolError("output file is smaller than input file") }
      if given.has("c"), !(chain.top is QCOW2Node) {
        throw ToolError("Compression not supported for this file format")
      }
      (copier.isCompressed, copier.writesThrough) = (given.has("c"), cache.writesThrough)
      copier.targetIsZero = !given.has("n") && chain.top.backing == nil || given.has("target-is-zero")
      copier.hasBacking = chain.top.backing != nil && given.has("B") || creation.path("backing_file")?.isEmpty == false
      try copier.run(sources, to: chain.top, Progress(total: total, isShown: given.has("progress") && !console.isQuiet))
      if given.has("bitmaps") { try copyBitmaps(sources, chain.top) }
      try describing("error while writing") { () throws(Errno) in try chain.top.flush() }
      try ToolImage.close(chain, output)
    } catch {
      // A half-written image is of no use to anybody.
      if !given.has("n"), let status = try? output.status(), status.kind == .regular { try? output.unlink() }
      throw error
    }
    return 0
  }

  /// Reads the state that an internal snapshot kept.
  private static func selectSnapshot(_ parameter: String, _ sources: inout [ImageChain]) throws(ToolError) {
    guard sources.count == 1 else { throw ToolError("No support for concatenating multiple snapshot") }
    var name = parameter
    for part in parameter.split(separator: ",") {
      for key in ["snapshot.id=", "snapshot.name="] where part.hasPrefix(key) {
        name = String(part.dropFirst(key.count))
      }
    }
    guard let node = sources[0].top as? QCOW2Node, let snapshot = node.findSnapshot(name) else {
      throw ToolError("Failed to load snapshot: Can't find snapshot")
    }
    try describing("Failed to load snapshot") { () throws(Errno) in try node.showSnapshot(id: snapshot.id) }
  }

  private static func copyBitmaps(_ sources: [ImageChain], _ target: any BlockNode) throws(ToolError) {
    guard sources.count == 1, let source = sources[0].top as? QCOW2Node else {
      throw ToolError("Format driver of the source does not support bitmaps")
    }
    guard let target = target as? QCOW2Node else { throw ToolError("Format driver does not support bitmaps") }
    do throws(BlockError) {
      for bitmap in try source.loadedBitmaps() {
        try target.changeBitmaps { (all, byteCount) throws(BlockError) in
          var copy = QCOW2Bitmap(
            name: bitmap.name, granularity: bitmap.granularity, isEnabled: bitmap.isEnabled, diskByteCount: byteCount)
          copy.merge(bitmap)
          all.append(copy)
        }
      }
    } catch {
      throw ToolError("Failed to copy bitmaps: \(error)")
    }
  }
}
