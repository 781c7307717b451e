// SPDX-License-Identifier: Apache-2.0
import InputDevices
import Platform

/// Keys that a command sends: a queue in which waits pass on the virtual clock before what follows them.
public final class KeyQueue {
  public enum Event: Sendable, Equatable {
    case key(KeyCode, isDown: Bool)
    case delay(milliseconds: UInt32)
  }

  private var events: [Event] = []
  private let keyboard: PS2Keyboard
  private let clock: VirtualClock
  private lazy var timer = clock.timer { [unowned self] _ in send() }

  package init(clock: VirtualClock, keyboard: PS2Keyboard) {
    self.clock = clock
    self.keyboard = keyboard
    _ = timer
  }

  package func append(_ new: [Event]) {
    events += new
    if timer.deadline == nil { send() }
  }

  package func clear() {
    events = []
    timer.cancel()
  }

  private func send() {
    var sent = 0
    loop: for event in events {
      sent += 1
      switch event {
      case .key(let code, let isDown): keyboard.key(code, isDown: isDown)
      case .delay(let milliseconds):
        timer.arm(at: clock.now &+ Int64(milliseconds) * .millisecond)
        break loop
      }
    }
    events.removeFirst(sent)
  }
}
