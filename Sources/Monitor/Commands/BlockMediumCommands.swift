// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import QAPI

// Trays and media. Every command takes a drive by its own name (`device`, the older form) or by that of its device (`id`).

/// What the commands share.
enum TrayWork {
  enum Refusal {
    case none
    /// There is no tray.
    case noTray
    /// The guest holds it; it was asked.
    case locked(QMPError)
  }

  /// Opens the tray, or asks the guest to when it holds the tray shut.
  static func open(_ drive: BlockBackend, named name: String, force: Bool) throws(QMPError) -> Refusal {
    guard drive.isRemovable else { throw QMPError("Device '\(name)' is not removable") }
    guard let device = drive.device, let isOpen = device.isTrayOpen else { return .noTray }
    if isOpen { return .none }
    if device.openTray(force: force) { return .none }
    return .locked(
      QMPError("Device '\(name)' is locked and force was not specified, wait for tray to open and try again"))
  }

  /// Takes the medium out; the tray is open, or there is none.
  static func removeMedium(_ drive: BlockBackend, named name: String, in context: MonitorContext) throws(QMPError) {
    if drive.attachedTo != nil {
      guard drive.isRemovable else { throw QMPError("Device '\(name)' is not removable") }
      guard drive.device?.isTrayOpen != false else { throw QMPError("Tray of device '\(name)' is not open") }
    }
    guard drive.isInserted else { return }
    try blockWork { () throws(BlockError) in try context.blockGraph.setMedium(nil, of: drive) }
  }

  static func insert(
    _ node: GraphNode, into drive: BlockBackend, in graph: BlockGraph
  ) throws(QMPError) {
    if drive.attachedTo != nil {
      guard drive.isRemovable else { throw QMPError("Device is not removable") }
      guard drive.device?.isTrayOpen != false else { throw QMPError("Tray of the device is not open") }
    }
    guard !drive.isInserted else { throw QMPError("There already is a medium in the device") }
    try blockWork { () throws(BlockError) in try graph.setMedium(node, of: drive) }
  }
}

struct OpenTray: MonitorCommand {
  static let name = "blockdev-open-tray"
  var device: String?
  var id: String?
  var force: Bool?

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    let drive = try context.drive(device: device, id: id)
    _ = try TrayWork.open(drive, named: device ?? id ?? "", force: force ?? false)
    return Empty()
  }
}

struct CloseTray: MonitorCommand {
  static let name = "blockdev-close-tray"
  var device: String?
  var id: String?

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    let drive = try context.drive(device: device, id: id)
    guard drive.isRemovable else { throw QMPError("Device '\(device ?? id ?? "")' is not removable") }
    drive.device?.closeTray()
    return Empty()
  }
}

struct Eject: MonitorTwoPhaseCommand {
  static let name = "eject"
  var device: String?
  var id: String?
  var force: Bool?

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Empty> {
    let drive = try context.drive(device: device, id: id)
    let name = device ?? id ?? ""
    if case .locked(let error) = try TrayWork.open(drive, named: name, force: force ?? false) { throw error }
    try TrayWork.removeMedium(drive, named: name, in: context)
    return context.closing(context.blockGraph.dropUnused())
  }
}

struct RemoveMedium: MonitorTwoPhaseCommand {
  static let name = "blockdev-remove-medium"
  /// The older form.
  var device: String?
  var id: String?

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Empty> {
    if device == nil, id == nil { throw .missingParameter("id") }
    let drive = try context.drive(device: device, id: id)
    try TrayWork.removeMedium(drive, named: device ?? id ?? "", in: context)
    return context.closing(context.blockGraph.dropUnused())
  }
}

/// The name of 2.5 to 2.8.
struct ExperimentalRemoveMedium: MonitorTwoPhaseCommand {
  static let name = "x-blockdev-remove-medium"
  var device: String?
  var id: String?

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Empty> {
    _ = try context.drive(device: device, id: id)
    return try RemoveMedium(device: device, id: id).capture(in: context)
  }
}

struct InsertMedium: MonitorCommand {
  static let name = "blockdev-insert-medium"
  /// The older form.
  var device: String?
  var id: String?
  var nodeName: String

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    if device == nil, id == nil { throw .missingParameter("id") }
    let drive = try context.drive(device: device, id: id)
    let graph = context.blockGraph
    guard let node = graph.node(named: nodeName) else { throw QMPError("Node '\(nodeName)' not found") }
    if graph.backends.contains(where: { $0.medium?.root === node }) {
      throw QMPError("Node '\(nodeName)' is already in use")
    }
    try TrayWork.insert(node, into: drive, in: graph)
    return Empty()
  }
}

/// The name of 2.5 to 2.8.
struct ExperimentalInsertMedium: MonitorCommand {
  static let name = "x-blockdev-insert-medium"
  var device: String?
  var id: String?
  var nodeName: String

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    _ = try context.drive(device: device, id: id)
    return try InsertMedium(device: device, id: id, nodeName: nodeName).run(in: context)
  }
}

/// Opens an image, ejects what is in the drive, puts the image in and closes the tray.
struct ChangeMedium: MonitorTwoPhaseCommand {
  static let name = "blockdev-change-medium"
  enum ReadOnlyMode: String, QMPEnum {
    case retain
    case readOnly = "read-only"
    case readWrite = "read-write"
  }
  var device: String?
  var id: String?
  var filename: String
  var format: String?
  var force: Bool?
  var readOnlyMode: ReadOnlyMode?

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Empty> {
    let drive = try context.drive(device: device, id: id)
    var defaults = drive.medium.map { $0.root.options.generalPart } ?? NodeOptions()
    switch readOnlyMode ?? .retain {
    case .retain: defaults.isReadOnly = drive.opensReadOnly
    case .readOnly: defaults.isReadOnly = true
    case .readWrite: (defaults.isReadOnly, defaults.isAutoReadOnly) = (false, false)
    }
    let options = try blockWork { () throws(BlockError) in
      try NodeOptions(
        fileName: BytePath(filename),
        format: try format.map { (name) throws(BlockError) in try ImageOptions.driver(name) },
        defaults: defaults)
    }
    let opener = context.blockGraph.opener()
    let (hub, command) = (context.hub, self)
    return .finishing { progress in
      Result(block: { () throws(QMPError) in
        let tree = try blockWork { () throws(BlockError) in try opener.open(options) }
        progress()
        let dropped = try onMachine(hub) { machine in
          Result(block: { () throws(QMPError) in
            DroppedNodes(
              try command.change(to: tree, isReadOnly: options.isReadOnly, MonitorContext(machine: machine, hub: hub)))
          })
        }
        if let failure = dropped.close(progress) { throw failure }
        return Empty()
      })
    }
  }

  /// On the machine thread. Returns what is to be closed.
  private func change(
    to tree: OpenedTree, isReadOnly: Bool, _ context: MonitorContext
  ) throws(QMPError) -> [GraphNode] {
    let drive = try context.drive(device: device, id: id)
    let name = device ?? id ?? ""
    if case .locked(let error) = try TrayWork.open(drive, named: name, force: force ?? false) { throw error }
    try TrayWork.removeMedium(drive, named: name, in: context)
    let graph = context.blockGraph
    try blockWork { () throws(BlockError) in try graph.insert(tree) }
    do throws(QMPError) { try TrayWork.insert(tree.root, into: drive, in: graph) } catch {
      _ = graph.dropUnused()
      throw error
    }
    drive.opensReadOnly = isReadOnly
    drive.device?.closeTray()
    return graph.dropUnused()
  }
}

/// The command of QEMU's first years: a medium, or the password of a display.
struct Change: MonitorTwoPhaseCommand {
  static let name = "change"
  var device: String
  var target: String
  /// The image's format.
  var arg: String?

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Empty> {
    if device == "vnc" { throw QMPError("VNC is not supported: there is no display to change") }
    return try ChangeMedium(device: device, filename: target, format: arg).capture(in: context)
  }
}
