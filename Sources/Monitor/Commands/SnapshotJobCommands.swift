// SPDX-License-Identifier: Apache-2.0
import Migration
import QAPI

/// What a job on snapshots does on its worker.
typealias SnapshotWork = @Sendable (_ hub: MonitorHub, _ progress: @Sendable () -> Void) throws(MigrationError) -> Void

extension MonitorContext {
  /// Makes a job and does its work. The reply comes when it is done, and what that means for the job after the reply:
  /// clients that wait for the reply have the events in QEMU's order.
  func run(job id: String, _ kind: JobTable.Kind, _ work: @escaping SnapshotWork) throws(QMPError) -> Phase<Empty> {
    let (hub, followUp) = (hub, followUp)
    try hub.jobs.add(id, kind)
    hub.emit(JobStatusEvent(status: .created, id: id))
    hub.moveJob(id, .running)
    return .finishing { progress in
      var failure: String?
      do throws(MigrationError) { try work(hub, progress) } catch { failure = error.description }
      let error = failure
      followUp.add {
        if error == nil {
          hub.moveJob(id, .waiting)
          hub.moveJob(id, .pending)
        } else {
          hub.moveJob(id, .aborting, error: error)
        }
        hub.moveJob(id, .concluded)
      }
      return .success(Empty())
    }
  }
}

/// Saves the machine and its disks as a snapshot inside the disks' images.
struct SnapshotSaveCommand: MonitorTwoPhaseCommand {
  static let name = "snapshot-save"
  var jobID: String
  var tag: String
  /// The node whose image holds the machine's state.
  var vmstate: String
  /// Nodes of all disks that take part.
  var devices: [String]
  enum CodingKeys: String, CodingKey {
    case jobID = "job-id"
    case tag, vmstate, devices
  }

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Empty> {
    let save = SnapshotSave(tag, replaces: false, stateNode: vmstate, nodes: devices)
    let id = jobID
    return try context.run(job: id, .snapshotSave) { (hub, progress) throws(MigrationError) in
      try save.run(on: hub) { () throws(MigrationError) in
        progress()
        if hub.jobs.isCancelled(id) { throw MigrationError("Operation canceled") }
      }
    }
  }
}

/// Makes the machine and its disks what they were.
struct SnapshotLoadCommand: MonitorTwoPhaseCommand {
  static let name = "snapshot-load"
  var jobID: String
  var tag: String
  var vmstate: String
  var devices: [String]
  enum CodingKeys: String, CodingKey {
    case jobID = "job-id"
    case tag, vmstate, devices
  }

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Empty> {
    let load = SnapshotLoad(tag, stateNode: vmstate, nodes: devices)
    return try context.run(job: jobID, .snapshotLoad) { (hub, progress) throws(MigrationError) in
      try load.run(on: hub, progress: progress)
    }
  }
}

/// Takes snapshots of a name out of the disks that have one.
struct SnapshotDeleteCommand: MonitorTwoPhaseCommand {
  static let name = "snapshot-delete"
  var jobID: String
  var tag: String
  var devices: [String]
  enum CodingKeys: String, CodingKey {
    case jobID = "job-id"
    case tag, devices
  }

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Empty> {
    let delete = SnapshotDelete(tag, nodes: devices)
    return try context.run(job: jobID, .snapshotDelete) { (hub, _) throws(MigrationError) in try delete.run(on: hub) }
  }
}
