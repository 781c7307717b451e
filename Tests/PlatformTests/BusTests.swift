// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform
import Synchronization
import Testing

@Suite struct IRQLineTests {
  @Test func `only changes are heard`() {
    var heard: [Bool] = []
    let line = IRQLine { heard.append($0) }
    line.set(false)
    line.set(true)
    line.set(true)
    line.set(false)
    line.pulse()
    #expect(heard == [true, false, true, false])
    #expect(!line.level)
  }

  @Test func `a listener replaces the one before`() {
    var heard: [Int] = []
    let line = IRQLine { _ in heard.append(1) }
    line.connect { _ in heard.append(2) }
    line.set(true)
    #expect(heard == [2])
  }
}

/// A value that several threads change.
private final class Shared<Value: Sendable>: Sendable {
  private let value: Mutex<Value>
  init(_ value: Value) { self.value = Mutex(value) }
  func change(_ body: (inout Value) -> Void) { value.withLock { body(&$0) } }
  var now: Value { value.withLock { $0 } }
}

@Suite struct MailboxTests {
  @Test func `events run in order, those posted meanwhile next time`() {
    let mailbox = Mailbox()
    let order = Shared<[Int]>([])
    for number in 0..<3 {
      mailbox.post {
        order.change { $0.append(number) }
        if number == 0 { mailbox.post { order.change { $0.append(9) } } }
      }
    }
    #expect(mailbox.hasEvents)
    mailbox.drain()
    #expect(order.now == [0, 1, 2])
    #expect(mailbox.hasEvents)
    mailbox.drain()
    #expect(order.now == [0, 1, 2, 9])
    #expect(!mailbox.hasEvents)
  }

  @Test func `a post from another thread wakes a wait`() throws {
    let mailbox = Mailbox()
    let poster = try Thread(name: "poster") { mailbox.post {} }
    mailbox.wait(atMost: nil)  // without the wake-up this never returns
    poster.join()
    #expect(mailbox.hasEvents)
  }

  @Test func `a wait ends by itself`() {
    let mailbox = Mailbox()
    mailbox.wait(atMost: 1 * .millisecond)
    mailbox.wait(atMost: -5)
    #expect(!mailbox.hasEvents)
  }

  @Test func `every event of many threads runs once`() async {
    let mailbox = Mailbox()
    let count = Shared(0)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask { for _ in 0..<1000 { mailbox.post { count.change { $0 += 1 } } } }
      }
    }
    mailbox.drain()
    #expect(count.now == 8000)
  }
}

@Suite struct RunStateTests {
  @Test func `only a guest that ended needs a reset before it can go on`() {
    #expect(RunState.allCases.filter(\.needsReset) == [.internalError, .shutdown])
  }

  @Test func `causes tell whether the guest asked`() {
    #expect(
      ShutdownCause.allCases.filter(\.isFromGuest) == [.guestShutdown, .guestReset, .guestPanic, .subsystemReset])
  }
}
