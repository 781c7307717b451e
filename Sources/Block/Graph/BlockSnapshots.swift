// SPDX-License-Identifier: Apache-2.0
import HostIO

/// A new layer over a node, on its way into the graph.
///
/// First, on the machine thread, the node is found and the overlay described; then a worker makes and opens the image;
/// then, with all drives concerned held still, the machine thread puts it in place, which can be undone.
public struct PreparedOverlay: Sendable {
  /// The node that will be below.
  let base: GraphNode
  let overlay: GraphNode
  /// Opened for the snapshot; nil when the overlay was there before.
  let tree: OpenedTree?

  public var baseName: String { base.fileName }
  /// Waits for the disk.
  public func flushBase() throws(Errno) { try base.flush() }
  /// Once the overlay is in place: what the base keeps in memory goes to its file. Waits for the disk.
  public func settleBase() throws(Errno) { try (base.content as? QCOW2Node)?.restBitmaps() }
}

/// What makes an overlay, safe to take to a worker.
public struct OverlayRequest: Sendable {
  public enum Mode: Sendable {
    /// A new image is made, or an old one made empty.
    case absolutePaths
    /// The image is there and based on what it shall cover.
    case existing
  }

  let base: GraphNode
  let opener: ImageOpener
  let fileName: BytePath
  let format: NodeOptions.Driver
  let nodeName: String?
  let mode: Mode

  /// Makes the image, if it is to be made, and opens it. May wait for the disk.
  public func prepare() throws(BlockError) -> PreparedOverlay {
    if mode == .absolutePaths { try create() }
    var options = base.options.generalPart
    options = try NodeOptions(fileName: fileName, format: format, defaults: options)
    options.isReadOnly = false
    options.nodeName = nodeName
    options.backing = NodeOptions.Reference.none
    let tree = try opener.open(options)
    return PreparedOverlay(base: base, overlay: tree.root, tree: tree)
  }

  private func create() throws(BlockError) {
    guard format == .qcow2 else {
      throw .refused("Backing file not supported for file format '\(format.rawValue)'")
    }
    var walked: GraphNode? = base
    while let node = walked {
      if node.file?.options.fileName == fileName || node.options.fileName == fileName {
        throw .refused("Error: Trying to create an image with the same filename as the backing file")
      }
      walked = node.backingNode
      if walked !== base.backingNode { break }
    }
    let file = try ImageOpener.createFile(fileName)
    var creation = QCOW2Creation(byteCount: base.byteCount)
    creation.backingFile = BytePath(base.fileName)
    creation.backingFormat = base.driver
    try creation.create(in: file)
    do throws(Errno) { try file.flush() } catch { throw .failed("Could not create '\(fileName)'", error) }
  }
}

extension BlockGraph {
  /// `blockdev-snapshot-sync`: describes a new image over a drive's or a node's content.
  public func overlayRequest(
    device: String?, node name: String?, file: BytePath, format: String?, overlayName: String?,
    mode: OverlayRequest.Mode
  ) throws(BlockError) -> OverlayRequest {
    let base = try node(device: device, node: name)
    if device == nil || backend(named: device ?? "") == nil, overlayName == nil {
      throw .refused("New overlay node-name missing")
    }
    if let overlayName, node(named: overlayName) != nil { throw .refused("New overlay node-name already in use") }
    var driver = NodeOptions.Driver.qcow2
    if let format {
      if mode == .absolutePaths {
        guard NodeOptions.Driver(rawValue: format) != nil || ImageFormat(rawValue: format) != nil else {
          throw .refused("Unknown file format '\(format)'")
        }
      }
      driver = try ImageOptions.driver(format)
    }
    try checkReplaceable(base)
    return OverlayRequest(
      base: base, opener: opener(), fileName: file, format: driver, nodeName: overlayName, mode: mode)
  }

  /// `blockdev-snapshot`: an open node without backing becomes the overlay.
  public func prepareOverlay(node: String, overlay name: String) throws(BlockError) -> PreparedOverlay {
    let base = try self.node(device: node, node: node)
    let overlay = try self.node(device: name, node: name)
    let isUsed =
      backends.contains { $0.medium?.root === overlay }
      || nodes.contains { $0.children.contains { $0.node === overlay } }
    guard !isUsed else { throw .refused("The overlay is already in use") }
    guard overlay.backingNode == nil else { throw .refused("The overlay already has a backing image") }
    guard overlay.content is QCOW2Node else { throw .refused("The overlay does not support backing images") }
    try checkReplaceable(base)
    return PreparedOverlay(base: base, overlay: overlay, tree: nil)
  }

  /// Only drives can be given another node in place of this one.
  private func checkReplaceable(_ base: GraphNode) throws(BlockError) {
    if let parent = nodes.first(where: { $0.children.contains { $0.node === base } }) {
      throw .refused("Node '\(base.name)' is used by node '\(parent.name)', which cannot be given an overlay")
    }
  }

  /// The drives that must stand still while an overlay is put over their content.
  public func hold(for bases: [PreparedOverlay]) -> BlockHold {
    let hold = BlockHold()
    for backend in backends where bases.contains(where: { $0.base === backend.medium?.root }) { backend.join(hold) }
    return hold
  }

  /// Puts an overlay over its base; the drives concerned stand still.
  /// - Returns: what undoes it.
  public func install(_ prepared: PreparedOverlay) throws(BlockError) -> InstalledOverlay {
    // It may have changed since the image was made.
    try checkReplaceable(prepared.base)
    guard nodes.contains(where: { $0 === prepared.base }) else {
      throw .refused("Node '\(prepared.base.name)' is gone")
    }
    if let tree = prepared.tree { try insert(tree) }
    let stacked = prepared.overlay.stacked(over: prepared.base)
    replace(prepared.overlay, by: stacked)
    (prepared.overlay.content as? QCOW2Node)?.replaceBacking(prepared.base)
    let media = backends.compactMap(\.medium).filter { $0.root === prepared.base }
    for medium in media { medium.replaceRoot(stacked) }
    prepared.base.seal(true)
    let installed = InstalledOverlay(prepared: prepared, stacked: stacked, media: media)
    do throws(BlockError) { try updatePermissions() } catch {
      undo(installed)
      throw error
    }
    return installed
  }

  public func undo(_ installed: InstalledOverlay) {
    let prepared = installed.prepared
    prepared.base.seal(false)
    for medium in installed.media { medium.replaceRoot(prepared.base) }
    (prepared.overlay.content as? QCOW2Node)?.replaceBacking(nil)
    replace(installed.stacked, by: prepared.overlay)
  }
}

/// An overlay that is in place.
public struct InstalledOverlay: Sendable {
  let prepared: PreparedOverlay
  let stacked: GraphNode
  let media: [BlockMedium]
}
