// SPDX-License-Identifier: Apache-2.0
import PC
import Platform

/// Ends a run when one of its rules says so. Lives on the machine thread.
public final class StopWatch {
  private let rules: StopRules
  private unowned let watcher: Watcher
  private unowned let machine: any WatchedMachine
  private let end: (RunVerdict, String) -> Void
  /// What the screen and the ports were, and since when.
  private var activity: (screen: UInt64, sent: Int, since: Nanoseconds)?

  /// - Parameter end: called with the reason; may be called again if the run does not end.
  public init(
    _ rules: StopRules, _ watcher: Watcher, _ machine: any WatchedMachine,
    end: @escaping (RunVerdict, String) -> Void
  ) {
    (self.rules, self.watcher, self.machine, self.end) = (rules, watcher, machine, end)
    if let longest = rules.longestIdleness { watcher.follow { [unowned self] in checkIdleness(longest) } }
  }

  /// An event of the monitors' protocol has occurred.
  public func eventOccurred(_ name: String, resetByGuest: Bool) {
    switch name {
    case "GUEST_PANICKED" where rules.endsOnPanic: end(.panic, "the guest panicked")
    case "__org.apus_TRIPLE_FAULT" where rules.endsOnTripleFault: end(.tripleFault, "the processor met a triple fault")
    case "__org.apus_GUEST_HUNG" where rules.endsOnHang: end(.hang, "the guest hangs for good")
    case "RESET" where rules.endsOnReset && resetByGuest: end(.reset, "the guest was reset")
    default: break
    }
  }

  private func checkIdleness(_ longest: Nanoseconds) {
    let now = machine.virtualTime
    let screen = machine.screenVersion
    let sent = (0..<4).reduce(0) { $0 &+ (machine.serialLog($1)?.end ?? 0) }
    guard let activity, activity.screen == screen, activity.sent == sent else {
      activity = (screen, sent, now)
      return
    }
    if now - activity.since >= longest {
      end(.idle, "neither the screen nor a serial port changed for \(LastSeen.time(now - activity.since))")
    }
  }
}
