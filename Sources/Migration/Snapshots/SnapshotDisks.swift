// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO

/// Which disks of a machine a snapshot of it covers: QEMU's rules and sentences (bdrv_all_can_snapshot and its relatives).
public struct SnapshotDisks: Sendable {
  /// One disk whose image keeps internal snapshots.
  struct Disk: Sendable {
    /// The drive's name, or the node's.
    let name: String
    let image: QCOW2Node
    /// Its node notes what is written. Bitmaps know nothing of a disk that becomes another one at once.
    let hasBitmaps: Bool
    func snapshot(_ name: String) -> QCOW2Snapshot? { image.snapshots.first { $0.name == name } }
  }

  let disks: [Disk]

  /// - Parameter names: of nodes; nil for everything that can be written to.
  public init(_ graph: BlockGraph, nodes names: [String]? = nil) throws(MigrationError) {
    if names?.isEmpty == true { throw MigrationError("At least one device is required for snapshot") }
    var disks: [Disk] = []
    for (name, node) in try Self.nodes(graph, names) {
      guard let image = node.content as? QCOW2Node, image.dataFile == nil else {
        throw MigrationError("Device '\(name)' is writable but does not support snapshots")
      }
      disks.append(Disk(name: name, image: image, hasBitmaps: !node.bitmaps.isEmpty))
    }
    self.disks = disks
  }

  private static func nodes(
    _ graph: BlockGraph, _ names: [String]?
  ) throws(MigrationError) -> [(name: String, node: GraphNode)] {
    if let names {
      return try names.map { (name) throws(MigrationError) in
        guard let node = graph.node(named: name) else { throw MigrationError("No block device node '\(name)'") }
        return (graph.driveName(of: node) ?? name, node)
      }
    }
    var found: [(name: String, node: GraphNode)] = []
    for backend in graph.backends {
      guard let root = backend.medium?.root, !root.isReadOnly, !found.contains(where: { $0.node === root }) else {
        continue
      }
      found.append((backend.name.isEmpty ? root.name : backend.name, root))
    }
    // Nodes that the user made and nothing stands on.
    for node in graph.nodes where graph.isOwned(node) && !node.isReadOnly {
      let isUsed = graph.nodes.contains { $0.children.contains { $0.node === node } }
      if !isUsed, !found.contains(where: { $0.node === node }) { found.append((node.name, node)) }
    }
    return found
  }

  /// The disk that holds the state of the machine.
  /// - Parameter name: of its node; nil for the first that can.
  func stateDisk(_ name: String? = nil, in graph: BlockGraph) throws(MigrationError) -> Disk {
    guard let name else {
      guard let first = disks.first else { throw MigrationError("no block device can store vmstate for snapshot") }
      return first
    }
    let node = graph.node(named: name)
    guard let disk = disks.first(where: { $0.image === node?.content }) else {
      throw MigrationError("vmstate block device '\(name)' does not exist")
    }
    return disk
  }

  /// All disks have a snapshot of that name.
  func haveSnapshot(_ name: String) -> Bool { disks.allSatisfy { $0.snapshot(name) != nil } }

  /// Takes the snapshots of that name out, where they are.
  func deleteSnapshots(_ name: String) throws(MigrationError) {
    for disk in disks {
      while let snapshot = disk.snapshot(name) { try disk.delete(snapshot) }
    }
  }
}

extension SnapshotDisks.Disk {
  func delete(_ snapshot: QCOW2Snapshot) throws(MigrationError) {
    do throws(Errno) { try image.deleteSnapshot(id: snapshot.id) } catch {
      throw MigrationError("Could not delete snapshot '\(snapshot.name)' on '\(name)': \(error)")
    }
  }
}

extension BlockGraph {
  /// The drive that a node is the medium of.
  fileprivate func driveName(of node: GraphNode) -> String? {
    backends.first { $0.medium?.root === node && !$0.name.isEmpty }?.name
  }
}

/// `info snapshots`.
public enum SnapshotReport {
  public static func text(_ graph: BlockGraph) -> String {
    let images = graph.backends.compactMap { backend -> (name: String, image: QCOW2Node)? in
      guard let root = backend.medium?.root, let image = root.content as? QCOW2Node else { return nil }
      return (backend.name.isEmpty ? root.name : backend.name, image)
    }
    guard let first = images.first(where: { !$0.image.isReadOnly }) else {
      return "no block device can store vmstate for snapshot\n"
    }
    if images.allSatisfy({ $0.image.snapshots.isEmpty }) { return "There is no snapshot available.\n" }
    var common: [QCOW2Snapshot] = []
    do throws(MigrationError) {
      let disks = try SnapshotDisks(graph)
      let names = disks.disks.map { Set($0.image.snapshots.map(\.name)) }
      common = first.image.snapshots.filter { snapshot in names.allSatisfy { $0.contains(snapshot.name) } }
    } catch {}  // A disk that cannot have any: nothing is on all of them.
    var text = "List of snapshots present on all disks:\n"
    text += common.isEmpty ? "None\n" : lines(SnapshotTable.lines(common, hidesIDs: true))
    // An image may name very many.
    let shared = Set(common.map(\.name))
    for (name, image) in images {
      let partial = image.snapshots.filter { !shared.contains($0.name) }
      if partial.isEmpty { continue }
      text += "\nList of partial (non-loadable) snapshots on '\(name)':\n" + lines(SnapshotTable.lines(partial))
    }
    return text
  }

  private static func lines(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }
}
