// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

/// What the drives of a machine share: its clock, its mailbox, and the rule that says when completions are delivered.
public final class BlockQueue {
  /// When a finished request is delivered on the machine thread.
  public enum Timing: Sendable {
    /// As soon as the worker is done: realtime.
    case whenDone
    /// At the virtual deadline fixed at submission, waiting for the worker there if it is late: instruction counting.
    case atDeadline
  }

  public let clock: VirtualClock
  public let timing: Timing
  let mailbox: Mailbox
  /// Called on the machine thread when a failed request is to stop the guest (`werror=stop`); the machine then calls
  /// `BlockBackend.retry` of every drive before the guest goes on.
  public var stopGuest: () -> Void = {}
  /// Called again and again on the machine thread while it must wait for a worker at a deadline; returns after a while
  /// or after an event was posted. The default sleeps on the mailbox and runs what was posted.
  public var waitForWorker: () -> Void
  /// Called on the worker before each operation of requests submitted from now on: tests slow workers down with it.
  package var workWillBegin: (@Sendable () -> Void)?

  public init(clock: VirtualClock, mailbox: Mailbox, timing: Timing) {
    self.clock = clock
    self.mailbox = mailbox
    self.timing = timing
    waitForWorker = {
      mailbox.wait(atMost: nil)
      mailbox.drain()
    }
  }
}
