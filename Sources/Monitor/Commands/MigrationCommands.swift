// SPDX-License-Identifier: Apache-2.0
import HostIO
import Migration
import QAPI

extension MigrationStatus: QMPEnum {}

/// Runs what migration does; its sentence is the client's.
func migrating<Value>(_ body: () throws(MigrationError) -> Value) throws(QMPError) -> Value {
  do throws(MigrationError) { return try body() } catch { throw QMPError(error.description) }
}

/// Sends the machine elsewhere. Only what is wrong at once is an error here; the rest is in `query-migrate`.
struct Migrate: MonitorCommand {
  static let name = "migrate"
  var uri: String
  /// Copies of the disks too.
  var blk: Bool?
  var inc: Bool?
  /// Of no meaning, as ever.
  var detach: Bool?
  var resume: Bool?

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    if resume == true { throw QMPError("Cannot resume if there is no paused migration") }
    if blk == true || inc == true {
      // What a QEMU without it says.
      throw QMPError("QEMU compiled without old-style (blk/-b, inc/-i) block migration")
    }
    let names = context.descriptorNames
    try migrating { () throws(MigrationError) in
      try context.hub.migration.start(uri, on: context.machine) { names.take($0) }
    }
    return Empty()
  }
}

struct MigrateCancel: MonitorCommand {
  static let name = "migrate_cancel"
  func run(in context: MonitorContext) -> Empty {
    context.hub.migration.cancel()
    return Empty()
  }
}

/// Ends the pause of `pause-before-switchover`.
struct MigrateContinue: MonitorCommand {
  static let name = "migrate-continue"
  var state: MigrationStatus

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    try migrating { () throws(MigrationError) in try context.hub.migration.continueMigration(from: state) }
    return Empty()
  }
}

/// Takes the machine in that `-incoming defer` waits for.
struct MigrateIncoming: MonitorCommand {
  static let name = "migrate-incoming"
  var uri: String

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    let names = context.descriptorNames
    try migrating { () throws(MigrationError) in
      try context.hub.migration.startIncoming(BytePath(uri), on: context.machine) { names.take($0) }
    }
    return Empty()
  }
}

/// How far a migration is, or what the last one came to.
struct QueryMigrate: MonitorCommand {
  static let name = "query-migrate"

  struct Returns: Codable, Sendable {
    var status: MigrationStatus?
    var ram: Memory?
    var xbzrleCache: DeltaCache?
    /// Milliseconds, as the others.
    var totalTime: Int64?
    var expectedDowntime: Int64?
    var downtime: Int64?
    var setupTime: Int64?
    var errorDesc: String?
    var socketAddress: [Listener]?
  }

  struct Memory: Codable, Sendable {
    var transferred: Int
    var remaining: Int
    var total: Int
    var duplicate: Int
    var skipped = 0
    var normal: Int
    var normalBytes: Int
    var dirtyPagesRate = 0
    var mbps: Double
    var dirtySyncCount: Int
    var postcopyRequests = 0
    var pageSize = 4096
    var multifdBytes = 0
    var pagesPerSecond: UInt64
    var precopyBytes = 0
    var downtimeBytes: Int
    var postcopyBytes = 0
    var dirtySyncMissedZeroCopy = 0

    init(_ report: MigrationReport.Memory) {
      let progress = report.progress
      (transferred, remaining, total) = (
        progress.transferredByteCount, progress.remainingByteCount, progress.totalByteCount
      )
      (duplicate, normal) = (progress.zeroPageCount, progress.normalPageCount)
      normalBytes = normal * pageSize
      (mbps, pagesPerSecond, dirtySyncCount) = (report.megabitsPerSecond, report.pagesPerSecond, report.passCount)
      // The guest stands still all the while.
      downtimeBytes = transferred
    }
  }

  /// No page is sent a second time, so that the cache stays empty.
  struct DeltaCache: Codable, Sendable {
    var cacheSize: UInt64
    var bytes = 0
    var pages = 0
    var cacheMiss = 0
    var cacheMissRate = 0.0
    var encodingRate = 0.0
    var overflow = 0
  }

  struct Listener: Codable, Sendable {
    enum Kind: String, QMPEnum { case inet, unix }
    var type: Kind
    var path: String?
    var host: String?
    var port: String?
    var ipv4: Bool?
    var ipv6: Bool?

    init(_ listener: MigrationListener) {
      switch listener {
      case .unix(let path): (type, self.path) = (.unix, path)
      case .tcp(let host, let port, let isIPv6):
        (type, self.host, self.port) = (.inet, host, "\(port)")
        if isIPv6 { ipv6 = true } else { ipv4 = true }
      }
    }
  }

  func run(in context: MonitorContext) -> Returns { Self.report(context.hub.migration) }

  static func report(_ migration: Migration) -> Returns {
    let incoming = migration.incomingReport
    var returns = Returns(status: incoming.status, socketAddress: incoming.listener.map { [Listener($0)] })
    // What goes out comes after what came in.
    guard let report = migration.outgoingReport else { return returns }
    returns.status = report.status
    returns.errorDesc = report.error
    (returns.totalTime, returns.setupTime) = (report.totalTime, report.setupTime)
    (returns.downtime, returns.expectedDowntime) = (report.downtime, report.expectedDowntime)
    returns.ram = report.memory.map(Memory.init)
    if report.memory != nil, migration.capabilities.contains(.xbzrle) {
      returns.xbzrleCache = DeltaCache(cacheSize: migration.parameters.xbzrleCacheSize)
    }
    return returns
  }
}
