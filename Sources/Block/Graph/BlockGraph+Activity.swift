// SPDX-License-Identifier: Apache-2.0
import HostIO

/// Which process has the images, where a machine moves from one to another and both have them open: as in QEMU, the
/// receiver opens them inactive and takes the locks when the machine has arrived, and the sender lets go before that.
///
/// While the graph is inactive its nodes can be read, but write nothing and hold no lock that keeps others from writing.
extension BlockGraph {
  /// Lets go of the images. What the nodes held back has been written, see `GraphNode.close`; no request is in flight.
  public func inactivate() {
    guard !isInactive else { return }
    for node in nodes { node.inactivate() }
    isInactive = true
    relaxPermissions()
  }

  /// Takes the images: their locks first, then what they hold by now.
  /// - Throws: when another process has one of them, or one is damaged; the graph stays inactive.
  public func activate() throws(BlockError) {
    guard isInactive else { return }
    isInactive = false
    do throws(BlockError) {
      try updatePermissions()
      // Those that hold files first: formats read from them.
      for node in nodes where node.children.isEmpty { try activate(node) }
      for node in nodes where !node.children.isEmpty { try activate(node) }
    } catch {
      for node in nodes { node.inactivate() }
      isInactive = true
      relaxPermissions()
      throw error
    }
  }

  private func activate(_ node: GraphNode) throws(BlockError) {
    let before = node.byteCount
    do throws(BlockError) { try node.activate() } catch {
      throw .refused("Could not reopen \(node.driver) layer: \(error)")
    }
    if node.byteCount != before { didResize(node) }
  }
}
