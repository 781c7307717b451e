// SPDX-License-Identifier: Apache-2.0
import Block
import QAPI

/// What the bitmap commands share.
enum BitmapWork {
  /// Bits that a bitmap may have.
  private static let longest: Int64 = 1 << 33

  static func add(
    node name: String, bitmap: String, granularity: UInt32?, isPersistent: Bool, isDisabled: Bool, to graph: BlockGraph
  ) throws(QMPError) {
    let node = try node(name, graph)
    if bitmap.isEmpty { throw QMPError("Bitmap name cannot be empty") }
    let cluster = node.details.clusterByteCount ?? 65536
    let size = granularity.map { Int64($0) } ?? min(max(cluster, 4096), 65536)
    guard DirtyBitmap.granularities.contains(size), size & (size - 1) == 0 else {
      throw QMPError("Granularity must be power of 2 and at least 512")
    }
    if node.bitmaps.contains(where: { $0.name == bitmap }) { throw QMPError("Bitmap already exists: \(bitmap)") }
    if bitmap.utf8.count > 1023 { throw QMPError("Bitmap name too long") }
    guard node.byteCount / size <= longest else {
      throw QMPError("Bitmap would be too large: use a larger granularity")
    }
    if isPersistent { throw QMPError("Persistent bitmaps cannot be added while the image is in use") }
    graph.addBitmap(
      DirtyBitmap(name: bitmap, granularity: size, byteCount: node.byteCount, isRecording: !isDisabled), to: node)
  }

  static func node(_ name: String, _ graph: BlockGraph) throws(QMPError) -> GraphNode {
    try blockWork { () throws(BlockError) in try graph.node(device: name, node: name) }
  }

  static func bitmap(_ bitmap: String, of node: GraphNode) throws(QMPError) -> DirtyBitmap {
    guard let found = node.bitmaps.first(where: { $0.name == bitmap }) else {
      throw QMPError("Dirty bitmap '\(bitmap)' not found")
    }
    return found
  }
}

/// Starts noting what is written to a node.
struct BitmapAdd: MonitorCommand {
  static let name = "block-dirty-bitmap-add"
  var node: String
  /// Of the bitmap.
  var bitmapName: String
  var granularity: UInt32?
  var persistent: Bool?
  var disabled: Bool?

  enum CodingKeys: String, CodingKey {
    case node
    case bitmapName = "name"
    case granularity
    case persistent
    case disabled
  }

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    try BitmapWork.add(
      node: node, bitmap: bitmapName, granularity: granularity, isPersistent: persistent ?? false,
      isDisabled: disabled ?? false, to: context.blockGraph)
    return Empty()
  }
}

struct BitmapRemove: MonitorCommand {
  static let name = "block-dirty-bitmap-remove"
  var node: String
  var bitmapName: String
  enum CodingKeys: String, CodingKey {
    case node
    case bitmapName = "name"
  }

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    let node = try BitmapWork.node(node, context.blockGraph)
    _ = try BitmapWork.bitmap(bitmapName, of: node)
    context.blockGraph.removeBitmap(named: bitmapName, from: node)
    return Empty()
  }
}

/// Forgets what was noted.
struct BitmapClear: MonitorCommand {
  static let name = "block-dirty-bitmap-clear"
  var node: String
  var bitmapName: String
  enum CodingKeys: String, CodingKey {
    case node
    case bitmapName = "name"
  }

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    try BitmapWork.bitmap(bitmapName, of: try BitmapWork.node(node, context.blockGraph)).clear()
    return Empty()
  }
}
