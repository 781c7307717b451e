// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import QAPI
import Screen

/// A change of a bitmap, alone or as a part of a transaction.
struct BitmapChange: Sendable {
  enum Kind: Sendable {
    case remove
    case clear
    case enable
    case disable
    /// Names of bitmaps of the same node, or objects with `node` and `name`.
    case merge([JSON])
  }
  var node: String
  var bitmap: String
  var kind: Kind

  var commandName: String {
    switch kind {
    case .remove: BitmapRemove.name
    case .clear: BitmapClear.name
    case .enable: BitmapEnable.name
    case .disable: BitmapDisable.name
    case .merge: BitmapMerge.name
    }
  }

  static func find(_ bitmap: String, of name: String, in graph: BlockGraph) throws(QMPError) -> (GraphNode, DirtyBitmap)
  {
    guard let node = try? graph.node(device: name, node: name) else { throw QMPError("Node '\(name)' not found") }
    return (node, try find(bitmap, of: node))
  }

  private static func find(_ bitmap: String, of node: GraphNode) throws(QMPError) -> DirtyBitmap {
    guard let found = node.bitmaps.first(where: { $0.name == bitmap }) else {
      throw QMPError("Dirty bitmap '\(bitmap)' not found")
    }
    return found
  }

  /// The bitmap, if it may be changed so.
  private func target(in graph: BlockGraph) throws(QMPError) -> (GraphNode, DirtyBitmap) {
    let (node, found) = try Self.find(bitmap, of: node, in: graph)
    var (isWritten, isUsed) = (true, true)
    switch kind {
    case .remove: isUsed = false
    case .enable, .disable: isWritten = false
    case .clear, .merge: break
    }
    if isWritten, found.isReadOnly { throw QMPError("Bitmap '\(bitmap)' is readonly and cannot be modified") }
    if isUsed { try Self.checkUsable(found) }
    return (node, found)
  }

  private static func checkUsable(_ bitmap: DirtyBitmap) throws(QMPError) {
    if bitmap.isInconsistent { throw QMPError("Bitmap '\(bitmap.name)' is inconsistent and cannot be used") }
  }

  /// What must be told to the image before the change; nil for nothing.
  func affectedImage(in graph: BlockGraph) throws(QMPError) -> GraphNode? {
    let (node, found) = try target(in: graph)
    return found.isPersistent && !found.isReadOnly ? node : nil
  }

  /// Does it; returns what takes it back.
  func apply(to graph: BlockGraph) throws(QMPError) -> @Sendable (BlockGraph) -> Void {
    let (node, target) = try target(in: graph)
    switch kind {
    case .remove:
      graph.remove(target, from: node)
      return { $0.addBitmap(target, to: node) }
    case .clear:
      let content = target.take()
      return { _ in target.restore(content) }
    case .enable, .disable:
      let wasRecording = target.isRecording
      if case .enable = kind { target.isRecording = true } else { target.isRecording = false }
      return { _ in target.isRecording = wasRecording }
    case .merge(let names):
      let content = target.content
      do throws(QMPError) {
        for name in names { try merge(name, into: target, of: node, graph) }
      } catch {
        target.put(content)
        throw error
      }
      return { _ in target.put(content) }
    }
  }

  private func merge(
    _ name: JSON, into target: DirtyBitmap, of node: GraphNode, _ graph: BlockGraph
  ) throws(QMPError) {
    let (owner, source): (GraphNode, DirtyBitmap)
    if let text = name.string {
      (owner, source) = (node, try Self.find(text, of: node))
    } else if let object = name.object, let nodeName = object["node"]?.string, let text = object["name"]?.string {
      (owner, source) = try Self.find(text, of: nodeName, in: graph)
    } else {
      throw QMPError("Invalid parameter type for 'bitmaps', expected: BlockDirtyBitmapOrStr")
    }
    try Self.checkUsable(source)
    guard owner.byteCount == node.byteCount else {
      throw QMPError(
        "Bitmaps are of different sizes (destination size is \(node.byteCount), source size is \(owner.byteCount)) "
          + "and can't be merged")
    }
    target.merge(source)
  }

  /// As a command of its own.
  func run(in context: MonitorContext) throws(QMPError) -> Phase<Empty> {
    guard let image = try affectedImage(in: context.blockGraph) else {
      _ = try apply(to: context.blockGraph)
      return .done(Empty())
    }
    let hub = context.hub
    return .finishing { _ in
      Result(block: { () throws(QMPError) in
        try prepare(image)
        return try onMachine(hub) { machine in
          Result(block: { () throws(QMPError) in
            _ = try apply(to: machine.blockGraph)
            return Empty()
          })
        }
      })
    }
  }

  /// What the image holds of its bitmaps is not to be trusted from now on.
  func prepare(_ image: GraphNode) throws(QMPError) {
    do throws(Errno) { try image.prepareBitmapChange() } catch {
      throw QMPError("Could not update bitmaps of '\(image.fileName)': \(error)")
    }
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
  /// Bits that a bitmap may have.
  private static let longest: Int64 = 1 << 33

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    let graph = context.blockGraph
    let name = node
    let node = try blockWork { () throws(BlockError) in try graph.node(device: name, node: name) }
    graph.addBitmap(try bitmap(for: node, graph), to: node)
    return Empty()
  }

  private func bitmap(for node: GraphNode, _ graph: BlockGraph) throws(QMPError) -> DirtyBitmap {
    if bitmapName.isEmpty { throw QMPError("Bitmap name cannot be empty") }
    let cluster = node.details.clusterByteCount ?? 65536
    let size = granularity.map { Int64($0) } ?? min(max(cluster, 4096), 65536)
    guard DirtyBitmap.granularities.contains(size), size & (size - 1) == 0 else {
      throw QMPError("Granularity must be power of 2 and at least 512")
    }
    let isPersistent = persistent ?? false
    let shownName = graph.backends.first { $0.medium?.root === node && !$0.name.isEmpty }?.name ?? node.name
    if isPersistent, let sentence = node.objection(toPersistentBitmap: bitmapName, shownAs: shownName) {
      throw QMPError(sentence)
    }
    if node.bitmaps.contains(where: { $0.name == bitmapName }) {
      throw QMPError("Bitmap already exists: \(bitmapName)")
    }
    if bitmapName.utf8.count > 1023 { throw QMPError("Bitmap name too long: \(bitmapName)") }
    guard node.byteCount / size <= Self.longest else {
      throw QMPError("Bitmap would be too large: use a larger granularity")
    }
    if isPersistent, node.isReadOnly {
      throw QMPError("Can't store persistent bitmaps to \(shownName): it is read-only")
    }
    return DirtyBitmap(
      name: bitmapName, granularity: size, byteCount: node.byteCount, isRecording: disabled != true,
      isPersistent: isPersistent)
  }
}

/// What names a bitmap.
protocol BitmapCommand: MonitorTwoPhaseCommand where Returns == Empty {
  var change: BitmapChange { get }
}

extension BitmapCommand {
  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Empty> { try change.run(in: context) }
}

/// What is done to one bitmap of a node.
protocol BitmapVerb {
  static var name: String { get }
  static var kind: BitmapChange.Kind { get }
}

/// A command whose arguments are a node and one of its bitmaps, and nothing else.
struct NamedBitmapCommand<Verb: BitmapVerb>: BitmapCommand {
  static var name: String { Verb.name }
  var node: String
  var bitmapName: String
  enum CodingKeys: String, CodingKey {
    case node
    case bitmapName = "name"
  }
  var change: BitmapChange { BitmapChange(node: node, bitmap: bitmapName, kind: Verb.kind) }
}

typealias BitmapRemove = NamedBitmapCommand<RemoveVerb>
enum RemoveVerb: BitmapVerb {
  static let name = "block-dirty-bitmap-remove"
  static let kind = BitmapChange.Kind.remove
}

/// Forgets what was noted.
typealias BitmapClear = NamedBitmapCommand<ClearVerb>
enum ClearVerb: BitmapVerb {
  static let name = "block-dirty-bitmap-clear"
  static let kind = BitmapChange.Kind.clear
}

/// Notes writes from now on.
typealias BitmapEnable = NamedBitmapCommand<EnableVerb>
enum EnableVerb: BitmapVerb {
  static let name = "block-dirty-bitmap-enable"
  static let kind = BitmapChange.Kind.enable
}

/// Keeps what was noted, and notes nothing more.
typealias BitmapDisable = NamedBitmapCommand<DisableVerb>
enum DisableVerb: BitmapVerb {
  static let name = "block-dirty-bitmap-disable"
  static let kind = BitmapChange.Kind.disable
}

/// Adds to a bitmap what others have.
struct BitmapMerge: BitmapCommand {
  static let name = "block-dirty-bitmap-merge"
  var node: String
  var target: String
  var bitmaps: [JSON]
  var change: BitmapChange { BitmapChange(node: node, bitmap: target, kind: .merge(bitmaps)) }
}

/// SHA-256 of a bitmap's bits, the first one of a word the least significant, in whole words.
struct BitmapDigest: MonitorTwoPhaseCommand {
  static let name = "x-debug-block-dirty-bitmap-sha256"
  var node: String
  var bitmapName: String
  enum CodingKeys: String, CodingKey {
    case node
    case bitmapName = "name"
  }
  struct Returns: Codable, Sendable { var sha256: String }

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Returns> {
    let (_, bitmap) = try BitmapChange.find(bitmapName, of: node, in: context.blockGraph)
    return .finishing { _ in .success(Returns(sha256: bitmap.withBits(SHA256.hex))) }
  }
}
