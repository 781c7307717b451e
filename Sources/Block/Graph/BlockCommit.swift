// SPDX-License-Identifier: Apache-2.0
import HostIO

/// `commit`: what an image has of its own goes into the image below it, and it is empty then.
///
/// The image below is open for reading only, so it is opened a second time, under the locks of the first. Nobody may write
/// to either meanwhile: the guest stands still.
public struct BlockCommit: Sendable {
  let top: GraphNode
  let base: GraphNode
  private static let pieceByteCount: Int64 = 2 << 20

  /// Waits for the disk.
  public func run() throws(Errno) {
    let target = try openBase()
    if target.byteCount < top.byteCount {
      do throws(BlockError) { try target.resize(to: top.byteCount, preallocation: .off) } catch {
        if case .failed(_, let reason) = error { throw reason }
        throw .notSupported
      }
    }
    try copy(to: target)
    try target.flush()
    if target !== base.content {
      try target.close()
      try reload()
    }
    guard let image = top.content as? QCOW2Node else { return }
    try image.makeEmpty()
    try top.flush()
  }

  private func copy(to target: any BlockNode) throws(Errno) {
    var place: Int64 = 0
    while place < top.byteCount {
      let extent = try top.extent(in: place..<min(top.byteCount, place + Self.pieceByteCount))
      let range = extent.range
      switch extent.kind {
      case .unallocated: break
      case .zero: try target.writeZeroes(range, mayUnmap: true)
      case .data:
        let bytes = try [UInt8].filled(Int(range.upperBound - range.lowerBound)) { (buffer) throws(Errno) in
          try top.read(at: range.lowerBound, into: buffer)
        }
        try bytes.withBytes { (bytes) throws(Errno) in try target.write(at: range.lowerBound, from: bytes) }
      }
      place = range.upperBound
    }
  }

  private func openBase() throws(Errno) -> any BlockNode {
    if !base.content.isReadOnly { return base.content }
    let use = BlockUse(needed: [.consistentRead, .write, .resize], shared: [.consistentRead, .writeUnchanged])
    do throws(BlockError) {
      for node in [base] + base.children.filter({ $0.role != .backing }).map(\.node) where node.options.locking != .off
      {
        try node.locks?.applyMore(use)
      }
      return try ImageOpener().knowing([base.backingNode].compactMap { $0 }).open(Self.writable(base)).root
    } catch {
      throw .accessDenied
    }
  }

  private static func writable(_ node: GraphNode) -> NodeOptions {
    var options = node.options
    options.driver = NodeOptions.Driver(rawValue: node.driver)
    (options.nodeName, options.isReadOnly, options.forcesSharing, options.locking) = (nil, false, false, .off)
    if node.content is QCOW2Node { options.backing = NodeOptions.Reference.none }
    for child in node.children {
      switch child.role {
      case .backing: options.backing = .named(child.node.name)
      case .data where child.name == "data-file": options.dataFile = .options(writable(child.node))
      case .metadata, .filtered, .data: options.file = .options(writable(child.node))
      }
    }
    return options
  }

  /// What is known of the image below is read anew.
  private func reload() throws(Errno) {
    do throws(BlockError) {
      for child in base.children where child.role != .backing { try child.node.content.activate() }
      base.content.inactivate()
      try base.content.activate()
    } catch {
      throw .ioError
    }
  }
}

extension BlockGraph {
  /// Checks that a node can be committed to the one below it.
  public func commit(of top: GraphNode) throws(Errno) -> BlockCommit {
    guard let base = top.backingNode else { throw .notSupported }
    guard !isInactive else { throw .busy }
    let isShared =
      nodes.contains { $0 !== top && $0.children.contains { $0.node === base } }
      || backends.contains { $0.medium?.root === base }
    guard !top.isReadOnly, !isShared else { throw .notPermitted }
    return BlockCommit(top: top, base: base)
  }

  /// After the work, whether or not it was done: the locks are again what the nodes' users need.
  public func end(_ commit: BlockCommit) {
    relaxPermissions()
    didResize(commit.base)
  }
}
