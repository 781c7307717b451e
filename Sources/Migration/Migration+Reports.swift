// SPDX-License-Identifier: Apache-2.0
import HostIO

extension Migration {
  /// What `query-migrate` shows of the migration that goes or went out; nil when there never was one.
  public var outgoingReport: MigrationReport? {
    let outgoing = state.withLock { $0.outgoing }
    if outgoing.status == .none { return nil }
    return outgoing.report(now: HostClock.monotonicNanoseconds)
  }

  /// The incoming migration's status, nil before it has a peer, and who listens for one.
  public var incomingReport: (status: MigrationStatus?, listener: MigrationListener?) {
    state.withLock { state in
      let status = state.incoming.status
      return (status == .none || status == .setup ? nil : status, state.incoming.listener)
    }
  }

  /// Waits until nothing goes out any more, with a call of `progress` now and then; what it came to.
  public func waitUntilDone(_ progress: () -> Void) -> MigrationReport? {
    while state.wait(nanoseconds: 100_000_000, until: { $0.outgoing.status.isRunning ? nil : true }) == nil {
      progress()
    }
    return outgoingReport
  }
}

extension Migration.Outgoing {
  func report(now: UInt64) -> MigrationReport {
    var report = MigrationReport(status: status, error: error)
    guard [.active, .device, .preSwitchover, .cancelling, .completed].contains(status), let opened, let stopped else {
      return report
    }
    let end = ended ?? now
    func milliseconds(_ start: UInt64, _ end: UInt64) -> Int64 { Int64((end &- start) / 1_000_000) }
    report.totalTime = milliseconds(began, end)
    report.setupTime = milliseconds(began, opened)
    let standing = milliseconds(stopped, end)
    if status == .completed {
      report.downtime = standing
    } else {
      let done = progress.totalByteCount - progress.remainingByteCount
      let rest = done > 0 ? Double(standing) * Double(progress.remainingByteCount) / Double(done) : 0
      report.expectedDowntime = standing + Int64(rest)
    }
    let seconds = max(Double(end &- opened) / 1e9, 1e-6)
    report.memory = .init(
      progress: progress, passCount: passCount,
      megabitsPerSecond: Double(progress.transferredByteCount) * 8 / 1e6 / seconds,
      pagesPerSecond: UInt64(Double(progress.normalPageCount + progress.zeroPageCount) / seconds))
    return report
  }
}
