// SPDX-License-Identifier: Apache-2.0
import QAPI

// Commands about ways of migrating that are not on, because none of them can be turned on. The answers are QEMU's.

struct MigrateStartPostcopy: MonitorCommand {
  static let name = "migrate-start-postcopy"
  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    throw QMPError("Enable postcopy with migrate_set_capability before the start of migration")
  }
}

struct MigratePause: MonitorCommand {
  static let name = "migrate-pause"
  static let allowsOOB = true
  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    throw QMPError("migrate-pause is currently only supported during postcopy-active state")
  }
}

struct MigrateRecover: MonitorCommand {
  static let name = "migrate-recover"
  static let allowsOOB = true
  var uri: String
  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    throw QMPError("Migrate recover can only be run when postcopy is paused.")
  }
}

struct ColoLostHeartbeat: MonitorCommand {
  static let name = "x-colo-lost-heartbeat"
  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    throw QMPError("The feature 'colo' is not enabled")
  }
}

/// Where a remote display's client shall go after the migration.
struct ClientMigrateInfo: MonitorCommand {
  static let name = "client_migrate_info"
  var `protocol`: String
  var hostname: String
  var port: Int64?
  var tlsPort: Int64?
  var certSubject: String?

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    guard `protocol` == "spice" else { throw .invalidParameter("protocol", expected: "'spice'") }
    throw QMPError("SPICE is not in use", class: .deviceNotActive)
  }
}
