// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO

enum RebaseCommand {
  static let syntax =
    "[--object objectdef] [--image-opts] [-U] [-q] [-f fmt] [-t cache] [-T src_cache] [-p] [-u] -b backing_file [-F backing_fmt] filename"
  private static let pieceByteCount: Int64 = 2 << 20

  static func run(_ arguments: [BytePath], _ console: inout Console) throws(ToolError) -> Int32 {
    let given = try ToolArguments(
      arguments,
      [
        .init("f", "format", value: true), .init("F", value: true), .init("b", value: true), .init("u"),
        .init("p"), .init("t", value: true), .init("T", value: true), .init("q", "quiet"), .init("U", "force-share"),
      ])
    try given.check()
    console.isQuiet = given.has("quiet")
    guard given.operands.count == 1 else { throw .usage("Expecting one image file name") }
    let name = given.operands[0]
    if !given.has("u"), !given.has("b") { throw .usage("Must specify backing file (-b) or use unsafe mode (-u)") }
    let cache = try CacheMode(given.text("t") ?? "writeback")
    let sourceCache = try CacheMode(given.text("T") ?? "writeback", source: true)
    if let format = given.text("F"), ImageFormat(rawValue: format) == nil {
      throw ToolError("Invalid format name: '\(format)'")
    }
    let base = given.path("b").flatMap { $0.isEmpty ? nil : $0 }
    var options = given.opening(isReadOnly: false)
    options.ignoresBacking = given.has("u")
    cache.apply(to: &options)
    let chain = try ToolImage.open(name, format: given.text("format"), options)
    guard let node = chain.top as? QCOW2Node else {
      throw ToolError("Could not change the backing file to '\(base ?? "")': Operation not supported")
    }
    if !given.has("u") {
      var new: ImageChain?
      var sources = ImageChain.Options()
      sourceCache.apply(to: &sources)
      if let base {
        do throws(BlockError) {
          new = try ImageChain.open(
            ImageChain.resolve(base, beside: chain.links[0].fileName), format: given.text("F"), sources)
        } catch {
          throw ToolError("Could not open new backing file '\(base)': \(error)")
        }
      }
      try keepContent(
        node, old: chain.links.count > 1 ? chain.links[1].node : nil, new: new?.top,
        writesThrough: cache.writesThrough, Progress(total: node.byteCount, isShown: given.has("p")))
      try describing("Could not write to '\(name)'") { () throws(Errno) in try node.flush() }
    }
    let reference = base.map { BackingReference(fileName: $0, format: given.text("F")) }
    do throws(Errno) { try node.setBackingReference(reference) } catch .noSpace {
      throw ToolError(
        "Could not change the backing file to '\(base ?? "")': No space left in the file header")
    } catch {
      throw ToolError("Could not change the backing file to '\(base ?? "")': \(error)")
    }
    try ToolImage.close(chain, name)
    return 0
  }

  /// Copies into the image what it shows of the old backing file and the new one has otherwise.
  private static func keepContent(
    _ node: QCOW2Node, old: (any BlockNode)?, new: (any BlockNode)?, writesThrough: Bool, _ progress: Progress
  ) throws(ToolError) {
    var place: Int64 = 0
    let end = node.byteCount
    while place < end {
      let range = place..<min(end, place + pieceByteCount)
      let offset = place
      place = try describing("error while reading image metadata") { () throws(Errno) in
        let extent = try node.extent(in: range)
        if extent.kind == .unallocated { try keep(extent.range, node, old, new, writesThrough) }
        return extent.range.upperBound
      }
      progress.advance(by: place - offset)
    }
    progress.finish()
  }

  private static func keep(
    _ range: Range<Int64>, _ node: QCOW2Node, _ old: (any BlockNode)?, _ new: (any BlockNode)?, _ writesThrough: Bool
  ) throws(Errno) {
    let count = Int(range.upperBound - range.lowerBound)
    func content(_ backing: (any BlockNode)?) throws(Errno) -> [UInt8] {
      guard let backing else { return [UInt8](repeating: 0, count: count) }
      return try backing.bytes(at: range.lowerBound, count)
    }
    let before = try content(old)
    let after = try content(new)
    guard before != after else { return }
    var start: Int?
    for place in stride(from: 0, through: count, by: 512) {
      let differs = place < count && before[place..<place + 512] != after[place..<place + 512]
      if differs, start == nil { start = place }
      if !differs, let first = start {
        try node.write(Array(before[first..<place]), at: range.lowerBound + Int64(first))
        if writesThrough { try node.flush() }
        start = nil
      }
    }
  }
}
