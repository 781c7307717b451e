// SPDX-License-Identifier: Apache-2.0

/// Where a migration is, in the words of `query-migrate` (qapi/migration.json); those of features that are not here are
/// left out.
public enum MigrationStatus: String, Sendable, CaseIterable {
  case none
  /// The way is being opened; the guest runs.
  case setup
  case cancelling
  case cancelled
  /// The guest stands still and is being written, or is being read.
  case active
  case completed
  case failed
  /// The guest stands still and nothing is written before `migrate-continue`.
  case preSwitchover = "pre-switchover"
  /// The same as `active`, after `pre-switchover`.
  case device

  /// A second migration is refused meanwhile.
  public var isRunning: Bool {
    switch self {
    case .setup, .active, .preSwitchover, .device, .cancelling: true
    case .none, .cancelled, .completed, .failed: false
    }
  }
}

/// What a migration tells whoever listens.
public enum MigrationEvent: Sendable, Equatable {
  case status(MigrationStatus)
  /// Memory is gone through for the n-th time. Ours says 1 when it begins and 2 when the guest stands still.
  case pass(Int)
}

/// What `query-migrate` shows of an outgoing migration. Times are in milliseconds.
public struct MigrationReport: Sendable, Equatable {
  /// Memory, while it is being written and afterwards.
  public struct Memory: Sendable, Equatable {
    public var progress: ImageProgress
    public var passCount: Int
    /// Megabits per second, over all of the time.
    public var megabitsPerSecond: Double
    public var pagesPerSecond: UInt64
  }

  public var status: MigrationStatus
  public var error: String?
  public var totalTime: Int64?
  public var setupTime: Int64?
  /// How long the guest stood still.
  public var downtime: Int64?
  /// How long it will have stood still when the speed stays as it is.
  public var expectedDowntime: Int64?
  public var memory: Memory?
}

/// Where an incoming migration is waited for.
public enum MigrationListener: Sendable, Equatable {
  case unix(String)
  case tcp(host: String, port: UInt16, isIPv6: Bool)
}
