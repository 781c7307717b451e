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
