// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO

/// Opening images for commands, in the words of the tool.
enum ToolImage {
  static func open(
    _ path: BytePath, format: String?, _ options: ImageChain.Options, status: Int32 = 1
  ) throws(ToolError) -> ImageChain {
    if options.isOptionList {
      if format != nil { throw ToolError("--image-opts and --format are mutually exclusive", status: status) }
      if options.sharesWrite, ImageChain.contradictsSharing(path) {
        throw ToolError("--force-share/-U conflicts with image options", status: status)
      }
    }
    do throws(BlockError) {
      return try ImageChain.open(path, format: format, options)
    } catch {
      throw ToolError("Could not open '\(path)': \(error)", status: status)
    }
  }

  static func close(_ chain: ImageChain, _ path: BytePath) throws(ToolError) {
    try describing("Could not close '\(path)'") { () throws(Errno) in try chain.close() }
  }
}

/// `-t` and `-T`: cache modes by QEMU's names. What a command has written is on stable storage when it ends, but for
/// `unsafe`.
struct CacheMode {
  var isUnsafe = false
  /// Each write is on stable storage before the next one begins.
  var writesThrough = false
  var isDirect = false

  init(_ name: String, source: Bool = false, status: Int32 = 1) throws(ToolError) {
    switch name {
    case "writeback": break
    case "writethrough": writesThrough = true
    case "none", "off": isDirect = true
    case "directsync": (isDirect, writesThrough) = (true, true)
    case "unsafe": isUnsafe = true
    default: throw ToolError("Invalid \(source ? "source cache" : "cache") option: \(name)", status: status)
    }
  }

  func apply(to options: inout ImageChain.Options) {
    (options.isUnsafe, options.isDirect) = (isUnsafe, isDirect)
  }
}

/// How a piece of a disk is stored, seen through the whole chain.
struct ChainStatus {
  var range: Range<Int64>
  var isData: Bool
  var isZero: Bool
  /// Some image of the chain has it.
  var isPresent: Bool
  /// Which image, counted from the top.
  var depth: Int
  var hostOffset: Int64?
  var isCompressed: Bool

  /// The run at the start of a range, no deeper than `limit` images.
  static func at(
    _ range: Range<Int64>, in chain: ImageChain, depthLimit limit: Int = .max
  ) throws(Errno) -> ChainStatus {
    var range = range
    var depth = 0
    while true {
      let node = chain.links[depth].node
      let end = min(range.upperBound, node.byteCount)
      if range.lowerBound >= end {
        return ChainStatus(
          range: range, isData: false, isZero: true, isPresent: false, depth: depth, hostOffset: nil,
          isCompressed: false)
      }
      let extent = try node.extent(in: range.lowerBound..<end)
      range = extent.range
      if extent.kind != .unallocated {
        return ChainStatus(
          range: range, isData: extent.kind == .data, isZero: extent.kind == .zero || extent.isHole, isPresent: true,
          depth: depth, hostOffset: extent.hostOffset, isCompressed: extent.isCompressed)
      }
      guard depth + 1 < chain.links.count, depth + 1 < limit else {
        let isLast = depth + 1 >= chain.links.count
        return ChainStatus(
          range: range, isData: false, isZero: isLast, isPresent: false, depth: depth, hostOffset: nil,
          isCompressed: false)
      }
      let below = chain.links[depth + 1].node.byteCount
      if range.lowerBound >= below {
        return ChainStatus(
          range: range, isData: false, isZero: true, isPresent: false, depth: depth, hostOffset: nil,
          isCompressed: false)
      }
      range = range.lowerBound..<min(range.upperBound, below)
      depth += 1
    }
  }
}
