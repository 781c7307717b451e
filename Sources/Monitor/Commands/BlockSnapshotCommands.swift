// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import QAPI

/// Makes a new image over what a drive or node holds; what is written goes there from then on.
struct BlockdevSnapshotSync: MonitorTwoPhaseCommand {
  static let name = "blockdev-snapshot-sync"
  enum Mode: String, QMPEnum {
    case existing
    case absolutePaths = "absolute-paths"
  }
  var device: String?
  var nodeName: String?
  var snapshotFile: String
  var snapshotNodeName: String?
  var format: String?
  var mode: Mode?

  func request(in graph: BlockGraph) throws(QMPError) -> OverlayRequest {
    try blockWork { () throws(BlockError) in
      try graph.overlayRequest(
        device: device, node: nodeName, file: BytePath(snapshotFile), format: format, overlayName: snapshotNodeName,
        mode: mode == .existing ? .existing : .absolutePaths)
    }
  }

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Empty> {
    try Transaction(actions: [.snapshotSync(self)]).capture(in: context)
  }
}

/// Makes an open node, which has no backing node yet, the overlay of another.
struct BlockdevSnapshot: MonitorTwoPhaseCommand {
  static let name = "blockdev-snapshot"
  var node: String
  var overlay: String

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Empty> {
    try Transaction(actions: [.snapshot(self)]).capture(in: context)
  }
}

/// Finds the image that keeps internal snapshots.
private func snapshotImage(_ device: String, _ graph: BlockGraph) throws(QMPError) -> (GraphNode, QCOW2Node) {
  let node = try blockWork { () throws(BlockError) in try graph.node(device: device, node: device) }
  guard let image = node.content as? QCOW2Node else {
    throw QMPError("Block format '\(node.driver)' used by device '\(device)' does not support internal snapshots")
  }
  if node.isReadOnly { throw QMPError("Device '\(device)' is read only") }
  return (node, image)
}

/// Freezes an image's content inside of the image.
struct InternalSnapshotSync: MonitorTwoPhaseCommand {
  static let name = "blockdev-snapshot-internal-sync"
  var device: String
  /// Of the snapshot.
  var snapshotName: String
  enum CodingKeys: String, CodingKey {
    case device
    case snapshotName = "name"
  }

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Empty> {
    try Transaction(actions: [.internalSnapshot(self)]).capture(in: context)
  }

  /// Checks what can be checked before the image is touched.
  func image(in graph: BlockGraph) throws(QMPError) -> (GraphNode, QCOW2Node) {
    let node = try blockWork { () throws(BlockError) in try graph.node(device: device, node: device) }
    if snapshotName.isEmpty { throw QMPError("Name is empty") }
    let found = try snapshotImage(device, graph)
    if node.details.snapshots.contains(where: { $0.name == snapshotName }) {
      throw QMPError("Snapshot with name '\(snapshotName)' already exists on device '\(device)'")
    }
    return found
  }

  func create(in image: QCOW2Node, clock: Int64) throws(QMPError) -> String {
    var details = QCOW2Node.SnapshotDetails(name: snapshotName, realtimeNanoseconds: HostClock.realTimeNanoseconds)
    details.guestNanoseconds = UInt64(clamping: clock)
    do throws(Errno) { try image.createSnapshot(details) } catch {
      throw QMPError("Failed to create snapshot '\(snapshotName)' on device '\(device)': \(error)")
    }
    return image.snapshots.last { $0.name == snapshotName }?.id ?? ""
  }
}

/// Forgets an internal snapshot; answers with what it was.
struct DeleteInternalSnapshotSync: MonitorTwoPhaseCommand {
  static let name = "blockdev-snapshot-delete-internal-sync"
  typealias Returns = SnapshotInfo
  var device: String
  var id: String?
  /// Of the snapshot.
  var snapshotName: String?
  enum CodingKeys: String, CodingKey {
    case device
    case id
    case snapshotName = "name"
  }

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<SnapshotInfo> {
    _ = try blockWork { () throws(BlockError) in try context.blockGraph.node(device: device, node: device) }
    guard id != nil || snapshotName != nil else { throw QMPError("Name or id must be provided") }
    let root = try blockWork { () throws(BlockError) in try context.blockGraph.node(device: device, node: device) }
    guard root.content is QCOW2Node else { throw QMPError("Failed to get a snapshot list: Operation not supported") }
    let (node, image) = try snapshotImage(device, context.blockGraph)
    let found = node.details.snapshots.first { snapshot in
      (id == nil || id == snapshot.id) && (snapshotName == nil || snapshotName == snapshot.name)
    }
    guard let found else {
      throw QMPError(
        "Snapshot with id '\(id ?? "null")' and name '\(snapshotName ?? "null")' does not exist on device '\(device)'")
    }
    let drive = device
    return .finishing { _ in
      do throws(Errno) { try image.deleteSnapshot(id: found.id) } catch {
        return .failure(QMPError("Failed to delete snapshot '\(found.name)' on device '\(drive)': \(error)"))
      }
      return .success(SnapshotInfo(found))
    }
  }
}

/// Writes another name of the backing file into an image. What is open stays as it is.
struct ChangeBackingFile: MonitorTwoPhaseCommand {
  static let name = "change-backing-file"
  var device: String
  var imageNodeName: String
  var backingFile: String

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Empty> {
    let graph = context.blockGraph
    let root = try blockWork { () throws(BlockError) in try graph.node(device: device, node: device) }
    let node = try blockWork { () throws(BlockError) in try graph.node(node: imageNodeName) }
    guard node.backingNode != nil || node.details.backingFileName != nil, let image = node.content as? QCOW2Node else {
      throw QMPError("not allowing backing file change on an image without a backing file")
    }
    guard ([root] + root.chain).contains(where: { $0 === node }) else {
      throw QMPError("'\(device)' and image file are not in the same chain")
    }
    if image.isReadOnly {
      throw QMPError("Could not change the backing file to '\(backingFile)': Read-only file system")
    }
    let name = backingFile
    return .finishing { _ in
      do throws(Errno) { try image.renameBacking(BytePath(name)) } catch {
        return .failure(QMPError("Could not change the backing file to '\(name)': \(error)"))
      }
      return .success(Empty())
    }
  }
}
