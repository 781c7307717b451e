// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO

enum SnapshotCommand {
  static let syntax =
    "[--object objectdef] [--image-opts] [-U] [-q] [-l | -a snapshot | -c snapshot | -d snapshot] filename"

  static func run(_ arguments: [BytePath], _ console: inout Console) throws(ToolError) -> Int32 {
    let given = try ToolArguments(
      arguments,
      [
        .init("l"), .init("a", value: true), .init("c", value: true), .init("d", value: true), .init("q", "quiet"),
        .init("U", "force-share"),
      ])
    try given.check()
    let actions = given.given.filter { ["l", "a", "c", "d"].contains($0.name) }
    if actions.count > 1 { throw .usage("Cannot mix '-l', '-a', '-c', '-d'") }
    let name = try given.onlyOperand()
    let action = actions.first
    let isListing = action == nil || action?.name == "l"
    var options = given.opening(isReadOnly: isListing)
    options.unmapsDiscards = true
    let chain = try ToolImage.open(name, format: nil, options)
    let node = chain.top as? QCOW2Node
    guard !isListing, let action else {
      let snapshots = node?.snapshots ?? []
      if !snapshots.isEmpty {
        console.print((["Snapshot list:"] + SnapshotTable.lines(snapshots)).joined(separator: "\n"))
      }
      return 0
    }
    let tag = action.value.description
    do throws(ToolError) { try perform(action.name, tag, node) } catch {
      do throws(Errno) { try chain.close() } catch {}
      throw error
    }
    try ToolImage.close(chain, name)
    return 0
  }

  private static func perform(_ action: String, _ tag: String, _ node: QCOW2Node?) throws(ToolError) {
    let found = node?.findSnapshot(tag)
    switch action {
    case "c":
      do throws(Errno) {
        guard let node else { throw .notSupported }
        var details = QCOW2Node.SnapshotDetails(name: tag, realtimeNanoseconds: HostClock.realTimeNanoseconds)
        details.instructionCount = 0
        try node.createSnapshot(details)
      } catch {
        throw ToolError("Could not create snapshot '\(tag)': \(-error.rawValue) (\(error))")
      }
    case "a":
      guard let node else {
        throw ToolError("Could not apply snapshot '\(tag)': Block driver does not support snapshots")
      }
      if node.bitmaps.contains(where: \.isEnabled) {
        throw ToolError("Could not apply snapshot '\(tag)': Device has active dirty bitmaps")
      }
      guard let found else {
        throw ToolError("Could not apply snapshot '\(tag)': Failed to load snapshot: \(Errno.noSuchFile)")
      }
      try describing("Could not apply snapshot '\(tag)'") { () throws(Errno) in try node.applySnapshot(id: found.id) }
    default:
      guard let node, let found else { throw ToolError("Could not delete snapshot '\(tag)': snapshot not found") }
      try describing("Could not delete snapshot '\(tag)'") { () throws(Errno) in try node.deleteSnapshot(id: found.id) }
    }
  }
}
