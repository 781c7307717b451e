// SPDX-License-Identifier: Apache-2.0

/// Whether and why the guest stands still, in the words of QMP's RunState (qapi/run-state.json).
public enum RunState: String, Sendable, CaseIterable {
  case debug
  case finishMigrate = "finish-migrate"
  case incomingMigration = "inmigrate"
  case internalError = "internal-error"
  case ioError = "io-error"
  case paused
  case postMigrate = "postmigrate"
  /// Waiting for the first `cont`, as with `-S`.
  case prelaunch
  case restoringVM = "restore-vm"
  case running
  case savingVM = "save-vm"
  /// The guest powered itself off, and `-no-shutdown` keeps the process.
  case shutdown
  case suspended
  case watchdog
  case guestPanicked = "guest-panicked"
  case colo

  /// From these states `cont` is refused until the machine has been reset.
  public var needsReset: Bool {
    self == .internalError || self == .shutdown
  }
}

/// Why a shutdown or reset happened, as SHUTDOWN and RESET tell it (qapi/run-state.json, ShutdownCause).
public enum ShutdownCause: String, Sendable, CaseIterable {
  case none
  case hostError = "host-error"
  case hostQMPQuit = "host-qmp-quit"
  case hostQMPSystemReset = "host-qmp-system-reset"
  case hostSignal = "host-signal"
  case hostUI = "host-ui"
  case guestShutdown = "guest-shutdown"
  case guestReset = "guest-reset"
  case guestPanic = "guest-panic"
  case subsystemReset = "subsystem-reset"
  case snapshotLoad = "snapshot-load"

  /// Whether the guest itself asked for it.
  public var isFromGuest: Bool {
    self == .guestShutdown || self == .guestReset || self == .guestPanic || self == .subsystemReset
  }
}
