// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO

enum CommitCommand {
  static let syntax =
    "[--object objectdef] [--image-opts] [-q] [-f fmt] [-t cache] [-b base] [-r rate_limit] [-d] [-p] filename"
  private static let pieceByteCount: Int64 = 2 << 20

  static func run(_ arguments: [BytePath], _ console: inout Console) throws(ToolError) -> Int32 {
    let given = try ToolArguments(
      arguments,
      [
        .init("f", "format", value: true), .init("t", value: true), .init("b", value: true), .init("d"), .init("p"),
        .init("q", "quiet"), .init("r", value: true),
      ])
    try given.check(refusing: "r")
    console.isQuiet = given.has("quiet")
    let name = try given.onlyOperand()
    let cache = try CacheMode(given.text("t") ?? "writeback")
    var options = given.opening(isReadOnly: false)
    (options.writesBacking, options.unmapsDiscards) = (true, true)
    cache.apply(to: &options)
    let chain = try ToolImage.open(name, format: given.text("format"), options)
    var depth = 1
    if let base = given.path("b") {
      guard let found = chain.links.indices.dropFirst().first(where: { chain.links[$0].fileName == base }) else {
        throw ToolError("Did not find '\(base)' in the backing chain of '\(name)'")
      }
      depth = found
    } else if chain.links.count < 2 {
      throw ToolError("Image does not have a backing file")
    }
    let base = chain.links[depth].node
    if base.byteCount < chain.top.byteCount {
      do throws(BlockError) { try base.resize(to: chain.top.byteCount, preallocation: .off) } catch {
        throw ToolError("Could not grow '\(chain.links[depth].fileName)': \(error)")
      }
    }
    let progress = Progress(total: chain.top.byteCount, isShown: given.has("p") && !console.isQuiet)
    try copy(chain, depth, to: base, writesThrough: cache.writesThrough, progress)
    try describing("Could not flush '\(chain.links[depth].fileName)'") { () throws(Errno) in try base.flush() }
    progress.finish()
    if !given.has("d"), given.path("b") == nil, let node = chain.top as? QCOW2Node {
      try describing("Could not empty \(name)") { () throws(Errno) in try node.makeEmpty() }
    }
    try ToolImage.close(chain, name)
    console.say("Image committed.")
    return 0
  }

  /// Everything that the images above the base have.
  private static func copy(
    _ chain: ImageChain, _ depth: Int, to base: any BlockNode, writesThrough: Bool, _ progress: Progress
  ) throws(ToolError) {
    var place: Int64 = 0
    let end = chain.top.byteCount
    while place < end {
      let range = place..<min(end, place + pieceByteCount)
      let offset = place
      place = try describing("Could not commit") { () throws(Errno) in
        let status = try ChainStatus.at(range, in: chain, depthLimit: depth)
        // Behind the end of an image between, the disk is zeros and not what the base has there.
        let isHidden = !status.isPresent && status.isZero && status.depth + 1 < depth
        if status.isZero, status.isPresent || isHidden {
          try base.writeZeroes(status.range, mayUnmap: true)
        } else if status.isPresent {
          let count = Int(status.range.upperBound - status.range.lowerBound)
          try base.write(try chain.top.bytes(at: status.range.lowerBound, count), at: status.range.lowerBound)
          if writesThrough { try base.flush() }
        }
        return status.range.upperBound
      }
      progress.advance(by: place - offset)
    }
  }
}
