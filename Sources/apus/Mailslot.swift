// SPDX-License-Identifier: Apache-2.0
import HostIO
import PC
import Platform
import Synchronization

/// Work for the machine that may come before there is one: signals, and what clients ask of early monitors.
final class Mailslot: Sendable {
  typealias Work = @Sendable (Machine) -> Void

  private struct Contents {
    var machine: (MachineBound<Machine>, Mailbox)?
    var waiting: [Work] = []
  }

  private let contents = Mutex(Contents())

  /// Runs `work` on the machine thread between two instructions, in the order posted, as soon as the machine exists.
  /// From any thread.
  func post(_ work: @escaping Work) {
    contents.withLock { contents in
      guard let (machine, mailbox) = contents.machine else {
        contents.waiting.append(work)
        return
      }
      mailbox.post { work(machine.value) }
    }
  }

  /// Asks the machine to end. Before there is one the process ends here and now: start-up may be waiting for a client
  /// that never comes.
  func send(_ cause: ShutdownCause) {
    guard contents.withLock({ $0.machine != nil }) else {
      PIDFile.removeCurrent()
      HostProcess.exitImmediately(0)
    }
    post { $0.quit(cause) }
  }

  func connect(_ machine: Machine) {
    let bound = MachineBound(machine)
    let mailbox = machine.mailbox
    contents.withLock { contents in
      contents.machine = (bound, mailbox)
      for work in contents.waiting { mailbox.post { work(bound.value) } }
      contents.waiting = []
    }
  }
}
