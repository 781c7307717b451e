// SPDX-License-Identifier: Apache-2.0
import QAPI

/// Jobs that copy disks in the background, of which there are none here: jobs on snapshots are no block jobs.
struct QueryBlockJobs: MonitorCommand {
  static let name = "query-block-jobs"
  typealias Returns = [BlockJobInfo]
  struct BlockJobInfo: Codable, Sendable {
    var type: String
    var device: String
    var len: Int64
    var offset: Int64
    var busy: Bool
    var paused: Bool
    var speed: Int64
    var ready: Bool
    var status: JobTable.Status
  }

  func run(in context: MonitorContext) -> [BlockJobInfo] { [] }
}

/// A verb for a block job.
protocol BlockJobVerb: MonitorCommand where Returns == Empty {
  static var verb: String { get }
  var job: String { get }
}

extension BlockJobVerb {
  static var name: String { "block-job-\(verb)" }

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    throw QMPError("Block job '\(job)' not found", class: .deviceNotActive)
  }
}

struct BlockJobPause: BlockJobVerb {
  static let verb = "pause"
  var device: String
  var job: String { device }
}

struct BlockJobResume: BlockJobVerb {
  static let verb = "resume"
  var device: String
  var job: String { device }
}

struct BlockJobCancel: BlockJobVerb {
  static let verb = "cancel"
  var device: String
  var force: Bool?
  var job: String { device }
}

struct BlockJobComplete: BlockJobVerb {
  static let verb = "complete"
  var device: String
  var job: String { device }
}

struct BlockJobSetSpeed: BlockJobVerb {
  static let verb = "set-speed"
  var device: String
  var speed: Int64
  var job: String { device }
}

struct BlockJobFinalize: BlockJobVerb {
  static let verb = "finalize"
  var id: String
  var job: String { id }
}

struct BlockJobDismiss: BlockJobVerb {
  static let verb = "dismiss"
  var id: String
  var job: String { id }
}
