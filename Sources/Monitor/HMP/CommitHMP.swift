// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import Migration
import QAPI

/// Brings what disks have of their own into the images below them. The guest stands still meanwhile.
enum HMPCommit: HMPCommand {
  static let names = ["commit"]
  static let parameters = "device|all"
  static let help = "bring what a disk's image holds into the image below it, of -snapshot too"

  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let name = try line.string(expected: "block device name")
    try line.end()
    var tops: [GraphNode] = []
    if name == "all" {
      for root in context.blockGraph.backends.compactMap({ $0.medium?.root }) where root.backingNode != nil {
        if !tops.contains(where: { $0 === root }) { tops.append(root) }
      }
    } else {
      guard let drive = context.blockGraph.backend(named: name) else { throw .message("Device '\(name)' not found") }
      guard let root = drive.medium?.root, drive.device?.isTrayOpen != true else {
        throw .message("Device '\(name)' has no medium")
      }
      tops = [root]
    }
    let (hub, wanted) = (context.hub, tops)
    return .finishing { progress in
      guard hub.onMachine({ $0.holdGuest() }) != nil else { return .success("") }
      defer { _ = hub.onMachine { $0.releaseGuest() } }
      do throws(MigrationError) { try hub.waitForDisks() } catch {
        return .success("'commit' error for '\(name)': \(error)\n")
      }
      do throws(Errno) {
        for top in wanted {
          try commit(top, hub)
          progress()
        }
      } catch {
        return .success("'commit' error for '\(name)': \(error)\n")
      }
      return .success("")
    }
  }

  private static func commit(_ top: GraphNode, _ hub: MonitorHub) throws(Errno) {
    let prepared = hub.onMachine { machine -> Result<BlockCommit, Errno> in
      do throws(Errno) { return .success(try machine.blockGraph.commit(of: top)) } catch { return .failure(error) }
    }
    guard let commit = try prepared?.get() else { return }
    defer { _ = hub.onMachine { $0.blockGraph.end(commit) } }
    try commit.run()
  }
}
