// SPDX-License-Identifier: Apache-2.0
import QAPI

struct QueryJobs: MonitorCommand {
  static let name = "query-jobs"
  typealias Returns = [JobInfo]
  struct JobInfo: Codable, Sendable {
    var id: String
    var type: JobTable.Kind
    var status: JobTable.Status
    /// Parts of the work done, of `totalProgress`.
    var currentProgress: Int64
    var totalProgress: Int64
    var error: String?
  }

  func run(in context: MonitorContext) -> [JobInfo] {
    context.hub.jobs.all.map { job in
      JobInfo(
        id: job.id, type: job.kind, status: job.status,
        currentProgress: [.created, .running].contains(job.status) ? 0 : 1, totalProgress: 1, error: job.error)
    }
  }
}

/// Forgets a job that has ended.
struct JobDismiss: MonitorCommand {
  static let name = "job-dismiss"
  var id: String
  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    try context.hub.jobs.dismiss(id)
    context.hub.emit(JobStatusEvent(status: .null, id: id))
    return Empty()
  }
}

// Jobs on snapshots cannot be held up: they are one step from their beginning to their end.

struct JobCancel: MonitorCommand {
  static let name = "job-cancel"
  var id: String
  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    try context.hub.jobs.refuse("cancel", id)
    return Empty()
  }
}

struct JobPause: MonitorCommand {
  static let name = "job-pause"
  var id: String
  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    try context.hub.jobs.refuse("pause", id)
    return Empty()
  }
}

struct JobResume: MonitorCommand {
  static let name = "job-resume"
  var id: String
  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    try context.hub.jobs.refuse("resume", id)
    return Empty()
  }
}

struct JobComplete: MonitorCommand {
  static let name = "job-complete"
  var id: String
  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    try context.hub.jobs.refuse("complete", id)
    return Empty()
  }
}

struct JobFinalize: MonitorCommand {
  static let name = "job-finalize"
  var id: String
  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    try context.hub.jobs.refuse("finalize", id)
    return Empty()
  }
}
