// SPDX-License-Identifier: Apache-2.0
import Migration
import QAPI

enum HMPSaveVM: HMPCommand {
  static let names = ["savevm"]
  static let parameters = "[tag]"
  static let help = "save the machine and its disks as a snapshot, in place of one of that name"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let name = try line.optionalString()
    try line.end()
    let (hub, save) = (context.hub, SnapshotSave(name, replaces: true))
    return .finishing { progress in
      Result(snapshot: { () throws(MigrationError) in try save.run(on: hub, progress: progress) })
    }
  }
}

enum HMPLoadVM: HMPCommand {
  static let names = ["loadvm"]
  static let parameters = "tag"
  static let help = "make the machine and its disks what they were in a snapshot"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let name = try line.string()
    try line.end()
    let (hub, load) = (context.hub, SnapshotLoad(name))
    return .finishing { progress in
      Result(snapshot: { () throws(MigrationError) in try load.run(on: hub, progress: progress) })
    }
  }
}

enum HMPDeleteVM: HMPCommand {
  static let names = ["delvm"]
  static let parameters = "tag"
  static let help = "take a snapshot out of all disks"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let name = try line.string()
    try line.end()
    let (hub, delete) = (context.hub, SnapshotDelete(name))
    return .finishing { _ in Result(snapshot: { () throws(MigrationError) in try delete.run(on: hub) }) }
  }
}

enum InfoSnapshots: HMPCommand {
  static let names = ["snapshots"]
  static let help = "show the snapshots of the machine"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    return .done(SnapshotReport.text(context.blockGraph))
  }
}

extension Result where Success == String, Failure == QMPError {
  /// Silence, or what went wrong.
  fileprivate init(snapshot body: () throws(MigrationError) -> Void) {
    do throws(MigrationError) {
      try body()
      self = .success("")
    } catch {
      self = .failure(QMPError(error.description))
    }
  }
}

// Snapshots of one disk.

enum HMPSnapshotDrive: HMPCommand {
  static let names = ["snapshot_blkdev"]
  static let parameters = "[-n] device [new-image-file] [format]"
  static let help = "put a new image over a disk's, qcow2 unless told; with -n one that is there"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let isThere = try line.flag("n", among: "n")
    let device = try line.string(expected: "block device name")
    let file = try line.optionalString()
    let format = try line.optionalString()
    try line.end()
    guard let file else { throw .failed(QMPError("Parameter 'snapshot-file' is missing")) }
    return try perform(
      BlockdevSnapshotSync(
        device: device, snapshotFile: file, format: format, mode: isThere ? .existing : .absolutePaths), in: context)
  }
}

enum HMPInternalSnapshot: HMPCommand {
  static let names = ["snapshot_blkdev_internal"]
  static let parameters = "device name"
  static let help = "take a snapshot of a disk inside of its image"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let device = try line.string(expected: "block device name")
    let name = try line.string()
    try line.end()
    return try perform(InternalSnapshotSync(device: device, snapshotName: name), in: context)
  }
}

enum HMPDeleteInternalSnapshot: HMPCommand {
  static let names = ["snapshot_delete_blkdev_internal"]
  static let parameters = "device name [id]"
  static let help = "take a snapshot out of a disk's image"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let device = try line.string(expected: "block device name")
    let name = try line.string()
    let id = try line.optionalString()
    try line.end()
    let phase: Phase<SnapshotInfo>
    do throws(QMPError) {
      phase = try DeleteInternalSnapshotSync(device: device, id: id, snapshotName: name).capture(in: context)
    } catch {
      throw .failed(error)
    }
    switch phase {
    case .done: return .done("")
    case .finishing(let work): return .finishing { progress in work(progress).map { _ in "" } }
    }
  }
}
