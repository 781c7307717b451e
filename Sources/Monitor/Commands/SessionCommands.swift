// SPDX-License-Identifier: Apache-2.0
public import QAPI

/// A command of this monitor: one that runs in a `MonitorContext`.
public protocol MonitorCommand: QMPCommand where Context == MonitorContext {}
/// The same for a command that finishes on a worker.
public protocol MonitorTwoPhaseCommand: TwoPhaseCommand where Context == MonitorContext {}

/// Every QMP command, listed once.
public enum StandardCommands {
  public static let table = CommandTable<MonitorContext> {
    NegotiateCapabilities.self
    QueryVersion.self
    QueryCommands.self
    QueryEvents.self
    QuerySchema.self
    QueryStatus.self
    Stop.self
    Continue.self
    SystemReset.self
    SetAction.self
    SystemPowerdown.self
    Quit.self
    InjectNMI.self
    QueryName.self
    QueryUUID.self
    QueryKVM.self
    QueryTarget.self
    QueryMachines.self
    QueryProcessors.self
    QueryProcessorsFast.self
    SelectProcessor.self
    VirtualMemorySave.self
    PhysicalMemorySave.self
    Screendump.self
    QueryScreenText.self
    QueryScreenHash.self
    WaitCommand.self
    SendKey.self
    TypeText.self
    InputSendEvent.self
    QueryMice.self
    QueryPCI.self
    QueryBlock.self
    QueryNamedBlockNodes.self
    QueryBlockStats.self
    BlockdevAdd.self
    BlockdevDelete.self
    ExperimentalBlockdevDelete.self
    OpenTray.self
    CloseTray.self
    RemoveMedium.self
    ExperimentalRemoveMedium.self
    InsertMedium.self
    ExperimentalInsertMedium.self
    ChangeMedium.self
    Eject.self
    Change.self
    BlockResize.self
    SetIOThrottle.self
    SetWriteThreshold.self
    BitmapAdd.self
    BitmapRemove.self
    BitmapClear.self
    BitmapEnable.self
    BitmapDisable.self
    BitmapMerge.self
    BitmapDigest.self
    BlockdevSnapshotSync.self
    BlockdevSnapshot.self
    InternalSnapshotSync.self
    DeleteInternalSnapshotSync.self
    ChangeBackingFile.self
    Transaction.self
    SnapshotSaveCommand.self
    SnapshotLoadCommand.self
    SnapshotDeleteCommand.self
    QueryJobs.self
    JobDismiss.self
    JobCancel.self
    JobPause.self
    JobResume.self
    JobComplete.self
    JobFinalize.self
    QueryChardev.self
    DeviceAdd.self
    DeviceDelete.self
    NetdevAdd.self
    AnnounceSelf.self
    NetdevDelete.self
    SetLink.self
    QueryReceiveFilter.self
    QueryHostForward.self
    HumanMonitorCommand.self
    GetDescriptor.self
    CloseDescriptor.self
    Migrate.self
    MigrateCancel.self
    MigrateContinue.self
    MigrateIncoming.self
    QueryMigrate.self
    MigrateSetCapabilities.self
    QueryMigrateCapabilities.self
    MigrateSetParameters.self
    QueryMigrateParameters.self
    MigrateSetSpeed.self
    MigrateSetDowntime.self
    MigrateSetCacheSize.self
    QueryMigrateCacheSize.self
    SaveDevicesState.self
    LoadDevicesState.self
    MigrateStartPostcopy.self
    MigratePause.self
    MigrateRecover.self
    ColoLostHeartbeat.self
    ClientMigrateInfo.self
  }
}

/// Ends the negotiation every connection begins with.
struct NegotiateCapabilities: MonitorCommand {
  static let name = "qmp_capabilities"
  enum Capability: String, QMPEnum { case oob }
  var enable: [Capability]?

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    try context.session?.negotiate(oob: enable?.contains(.oob) ?? false)
    return Empty()
  }
}

/// The interface's version and the program's, as the greeting shows it.
struct VersionReport: Codable, Sendable {
  struct Triple: Codable, Sendable {
    var major: Int
    var minor: Int
    var micro: Int
  }
  var qemu: Triple
  var package: String

  init(_ version: MonitorHub.Version) {
    qemu = Triple(major: version.major, minor: version.minor, micro: version.micro)
    package = version.package
  }

  var json: JSON {
    [
      "qemu": ["major": JSON(qemu.major), "minor": JSON(qemu.minor), "micro": JSON(qemu.micro)],
      "package": .string(package),
    ]
  }
}

struct QueryVersion: MonitorCommand {
  static let name = "query-version"
  typealias Returns = VersionReport
  func run(in context: MonitorContext) -> VersionReport { VersionReport(context.hub.version) }
}

struct NameReport: Codable, Sendable { var name: String }

struct QueryCommands: MonitorCommand {
  static let name = "query-commands"
  typealias Returns = [NameReport]
  func run(in context: MonitorContext) -> [NameReport] {
    context.hub.commands.entries.map { NameReport(name: $0.name) }
  }
}

/// Removed from QEMU in 6.0 in favour of the schema; old clients still ask.
struct QueryEvents: MonitorCommand {
  static let name = "query-events"
  typealias Returns = [NameReport]
  func run(in context: MonitorContext) -> [NameReport] { EventTable.all.map { NameReport(name: $0.name) } }
}

/// The shape of every command and event, derived from the types that implement them.
struct QuerySchema: MonitorCommand {
  static let name = "query-qmp-schema"
  typealias Returns = [JSON]
  func run(in context: MonitorContext) -> [JSON] {
    var document = SchemaDocument()
    for entry in context.hub.commands.entries { document.add(entry.schema()) }
    for event in EventTable.all { document.add(event: event) }
    return document.entities
  }
}
