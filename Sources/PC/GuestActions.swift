// SPDX-License-Identifier: Apache-2.0

/// What becomes of the machine when the guest ends its run, as `-action` and `set-action` say.
public struct GuestActions: Sendable, Equatable {
  public enum Reboot: String, Sendable, CaseIterable { case reset, shutdown }
  public enum Shutdown: String, Sendable, CaseIterable { case poweroff, pause }
  public enum Panic: String, Sendable, CaseIterable {
    case pause, shutdown
    /// As `shutdown`, with status 1.
    case exitFailure = "exit-failure"
    case none
  }
  public enum Watchdog: String, Sendable, CaseIterable {
    case reset, shutdown, poweroff, pause, debug, none
    case injectNMI = "inject-nmi"
  }

  public var reboot = Reboot.reset
  public var shutdown = Shutdown.poweroff
  public var panic = Panic.shutdown
  /// Nothing asks for it yet: there is no watchdog among the devices.
  public var watchdog = Watchdog.reset

  public init() {}
}

/// What the machine does about a panic that the guest has told, as events name it (qapi/run-state.json, GuestPanicAction).
public enum GuestPanicAction: String, Sendable, CaseIterable {
  case pause, poweroff, run
}
