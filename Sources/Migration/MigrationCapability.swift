// SPDX-License-Identifier: Apache-2.0

/// What a migration can be told to do or not to do, in QEMU 7.2's names and order (qapi/migration.json).
///
/// Here the guest stands still while it is written. What speeds up or bounds the writing of a running guest has nothing to
/// do then and is on for free; what promises anything else is refused when it is turned on.
public enum MigrationCapability: String, Sendable, CaseIterable {
  /// Pages that are sent again go as differences: none is sent again.
  case xbzrle
  case rdmaPinAll = "rdma-pin-all"
  /// The guest is slowed down until the writing ends: it always ends.
  case autoConverge = "auto-converge"
  case zeroBlocks = "zero-blocks"
  case compress
  case events
  case postcopyRAM = "postcopy-ram"
  case colo = "x-colo"
  case releaseRAM = "release-ram"
  case block
  case returnPath = "return-path"
  case pauseBeforeSwitchover = "pause-before-switchover"
  case multifd
  case dirtyBitmaps = "dirty-bitmaps"
  case postcopyBlocktime = "postcopy-blocktime"
  case lateBlockActivate = "late-block-activate"
  case ignoreShared = "x-ignore-shared"
  case validateUUID = "validate-uuid"
  case backgroundSnapshot = "background-snapshot"
  case zeroCopySend = "zero-copy-send"
  case postcopyPreempt = "postcopy-preempt"

  /// Whether turning it on means what the user expects of it.
  public var isSupported: Bool {
    switch self {
    case .xbzrle, .autoConverge, .events, .pauseBeforeSwitchover: true
    default: false
    }
  }
}
