// SPDX-License-Identifier: Apache-2.0
import QAPI
import Synchronization

/// Long work that has a name and is told of in events (qapi/job.json).
///
/// A job here is one command's work: it runs to its end once it has been made, unless a save is cancelled, and then waits
/// to be dismissed.
final class JobTable: Sendable {
  enum Status: String, QMPEnum {
    case created, running, waiting, pending, aborting, concluded, null
  }

  enum Kind: String, QMPEnum {
    case snapshotSave = "snapshot-save"
    case snapshotLoad = "snapshot-load"
    case snapshotDelete = "snapshot-delete"
  }

  struct Job: Sendable {
    let id: String
    let kind: Kind
    var status = Status.created
    var error: String?
    var isCancelled = false
  }

  /// Jobs that nobody dismisses, and bytes of an id: a client could go on for ever.
  private static let limit = 1024, longestID = 1023
  private let jobs = Mutex<[Job]>([])
  var all: [Job] { jobs.withLock { $0 } }

  /// Takes a new job in.
  /// - Throws: QEMU's sentences for an id that is taken or none.
  func add(_ id: String, _ kind: Kind) throws(QMPError) {
    guard id.utf8.count <= Self.longestID, Self.isWellFormed(id) else { throw QMPError("Invalid job ID '\(id)'") }
    try jobs.withLock { (jobs) throws(QMPError) in
      if jobs.count >= Self.limit { throw QMPError("There are too many jobs; dismiss some") }
      if jobs.contains(where: { $0.id == id }) { throw QMPError("Job ID '\(id)' already in use") }
      // The newest is listed first.
      jobs.insert(Job(id: id, kind: kind), at: 0)
    }
  }

  private static func isWellFormed(_ id: String) -> Bool {
    guard let first = id.unicodeScalars.first, first.properties.isAlphabetic, first.isASCII else { return false }
    return id.unicodeScalars.allSatisfy {
      $0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0) || "-._".unicodeScalars.contains($0))
    }
  }

  func set(_ id: String, _ status: Status, error: String? = nil) {
    jobs.withLock { jobs in
      guard let index = jobs.firstIndex(where: { $0.id == id }) else { return }
      jobs[index].status = status
      if let error { jobs[index].error = error }
    }
  }

  /// Forgets a job that has ended.
  func dismiss(_ id: String) throws(QMPError) {
    try jobs.withLock { (jobs) throws(QMPError) in
      let index = try Self.find(id, jobs)
      guard jobs[index].status == .concluded else { throw Self.refusal("dismiss", jobs[index]) }
      jobs.remove(at: index)
    }
  }

  /// Tells a job to stop. Only a save can: the others have changed disks once they run.
  func cancel(_ id: String) throws(QMPError) {
    try jobs.withLock { (jobs) throws(QMPError) in
      let index = try Self.find(id, jobs)
      guard jobs[index].status == .running, jobs[index].kind == .snapshotSave else {
        throw Self.refusal("cancel", jobs[index])
      }
      jobs[index].isCancelled = true
    }
  }

  func isCancelled(_ id: String) -> Bool { jobs.withLock { $0.first { $0.id == id }?.isCancelled ?? false } }

  /// The answer to a verb that no job here can follow.
  func refuse(_ verb: String, _ id: String) throws(QMPError) {
    let job = try jobs.withLock { (jobs) throws(QMPError) in jobs[try Self.find(id, jobs)] }
    throw Self.refusal(verb, job)
  }

  /// There is such a job.
  func check(_ id: String) throws(QMPError) {
    try jobs.withLock { (jobs) throws(QMPError) in _ = try Self.find(id, jobs) }
  }

  private static func find(_ id: String, _ jobs: [Job]) throws(QMPError) -> Int {
    guard let index = jobs.firstIndex(where: { $0.id == id }) else { throw QMPError("Job not found") }
    return index
  }

  private static func refusal(_ verb: String, _ job: Job) -> QMPError {
    QMPError("Job '\(job.id)' in state '\(job.status.rawValue)' cannot accept command verb '\(verb)'")
  }
}

/// A job has come so far.
struct JobStatusEvent: QMPEvent {
  static let name = "JOB_STATUS_CHANGE"
  var status: JobTable.Status
  var id: String
}

extension MonitorHub {
  /// Moves a job on and tells everybody.
  func moveJob(_ id: String, _ status: JobTable.Status, error: String? = nil) {
    jobs.set(id, status, error: error)
    emit(JobStatusEvent(status: status, id: id))
  }
}
