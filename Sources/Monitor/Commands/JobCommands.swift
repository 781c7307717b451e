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

/// Tells a job to stop; it ends as one that failed.
struct JobCancel: MonitorCommand {
  static let name = "job-cancel"
  var id: String
  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    try context.hub.jobs.cancel(id)
    return Empty()
  }
}

/// A verb that no job here can follow: jobs on snapshots are one step from their beginning to their end.
protocol RefusedJobVerb: MonitorCommand where Returns == Empty {
  static var verb: String { get }
  var id: String { get }
}

extension RefusedJobVerb {
  static var name: String { "job-\(verb)" }

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    try context.hub.jobs.refuse(Self.verb, id)
    return Empty()
  }
}

struct JobPause: RefusedJobVerb {
  static let verb = "pause"
  var id: String
}

struct JobResume: MonitorCommand {
  static let name = "job-resume"
  var id: String

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    try context.hub.jobs.check(id)
    throw QMPError("Can't resume a job that was not paused")
  }
}

struct JobComplete: RefusedJobVerb {
  static let verb = "complete"
  var id: String
}

struct JobFinalize: RefusedJobVerb {
  static let verb = "finalize"
  var id: String
}
