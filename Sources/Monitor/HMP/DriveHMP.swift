// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import PC
import QAPI

/// Adds a drive that no device uses, or with `-n` a node.
enum HMPDriveAdd: HMPCommand {
  static let names = ["drive_add"]
  static let parameters =
    "[-n] [[<domain>:]<bus>:]<slot>\n[file=file][,if=type][,bus=n]\n[,unit=m][,media=d][,index=i]\n"
    + "[,snapshot=on|off][,cache=on|off]\n[,readonly=on|off][,copy-on-read=on|off]"
  static let help = "add a drive on no bus, with the options of -drive; with -n a node"

  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let isNode = try line.flag("n", among: "n")
    _ = try line.string()
    let text = try line.string()
    try line.end()
    return isNode ? try addNode(text, in: context) : try addDrive(text, in: context)
  }

  private static func addNode(_ text: String, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let options = try sentence { () throws(BlockError) in
      var tree = OptionTree()
      for part in Array(text.utf8).splitAtSingleCommas() where !part.isEmpty {
        let words = part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
        try tree.set(String(decoding: words[0], as: UTF8.self), words.count > 1 ? Array(words[1]) : Array("on".utf8))
      }
      if tree["node-name"] == nil { throw .refused("'node-name' needs to be specified") }
      return try NodeOptions(legacy: tree)
    }
    let (hub, opener) = (context.hub, context.blockGraph.opener())
    return finishing { progress throws(QMPError) in
      let opened = try blockWork { () throws(BlockError) in try opener.open(options) }
      progress()
      try onMachine(hub) { machine in
        Result(block: { () throws(QMPError) in
          try blockWork { () throws(BlockError) in try machine.blockGraph.insert(opened, isOwned: true) }
        })
      }
      return ""
    }
  }

  private static func addDrive(_ text: String, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let added: AddedDrive
    do throws(QMPError) { added = try context.hub.readDrive(text) } catch { throw .message(error.description) }
    let graph = context.blockGraph
    if let drive = added.drive, added.hasName, graph.isTaken(drive.id) {
      throw .message("Duplicate ID '\(drive.id)' for drive")
    }
    let (hub, opener) = (context.hub, graph.opener())
    return finishing { progress throws(QMPError) in
      var tree: OpenedTree?
      if case .open(let options)? = added.drive?.image {
        tree = try blockWork { () throws(BlockError) in
          let opened = try opener.open(options)
          return added.drive?.isSnapshot == true ? try opened.withTemporaryOverlay(opener) : opened
        }
        progress()
      }
      for warning in added.warnings { HostProcess.printError(warning + "\n") }
      guard let drive = added.drive, added.interface == 0 else {
        throw QMPError("Can't hot-add drive to type \(added.interface)")
      }
      let opened = tree
      return try onMachine(hub) { machine in
        Result(block: { () throws(QMPError) in
          try blockWork { () throws(BlockError) in try machine.blockGraph.take(drive, opened, added.hasName) }
          return "OK\n"
        })
      }
    }
  }

  /// Work whose failure is a plain sentence.
  private static func finishing(
    _ work: @escaping @Sendable (_ progress: @Sendable () -> Void) throws(QMPError) -> String
  ) -> Phase<String> {
    .finishing { progress in
      do throws(QMPError) { return .success(try work(progress)) } catch { return .success("\(error)\n") }
    }
  }

  private static func sentence<Value>(_ body: () throws(BlockError) -> Value) throws(HMPError) -> Value {
    do throws(QMPError) { return try blockWork(body) } catch { throw .message(error.description) }
  }
}

extension BlockGraph {
  fileprivate func take(
    _ drive: MachineConfiguration.Drive, _ tree: OpenedTree?, _ hasName: Bool
  ) throws(BlockError) {
    var drive = drive
    drive.number = freeDriveNumber
    if !hasName { drive.id = "none\(freeDriveNumber)" }
    if drive.throttle?.group.isEmpty == true { drive.throttle?.group = drive.id }
    try addUnattached(drive, tree)
  }
}

/// Takes a drive away, from under its device if it has one, or a node.
enum HMPDriveDelete: HMPCommand {
  static let names = ["drive_del"]
  static let parameters = "device"
  static let help = "take a disk away from the guest and the monitor"

  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let name = try line.string(expected: "block device name")
    try line.end()
    let graph = context.blockGraph
    do throws(QMPError) {
      if graph.node(named: name) != nil { return try BlockdevDelete(nodeName: name).capture(in: context).silent }
    } catch {
      throw .message(error.description)
    }
    guard let drive = graph.backend(named: name) else { throw .message("Device '\(name)' not found") }
    graph.delete(drive)
    return context.closing(graph.dropUnused()).silent
  }
}

enum InfoBlockJobs: HMPCommand {
  static let names = ["block-jobs"]
  static let help = "show progress of ongoing block device operations"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    // Nothing here copies a disk in the background.
    return .done("No active jobs\n")
  }
}
