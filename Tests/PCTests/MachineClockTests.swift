// SPDX-License-Identifier: Apache-2.0
import HostIO
import PC
import Platform
import Testing

struct MachineClockTests {
  private final class Counter { var count: UInt64 = 0 }

  private func counted(shift: Int) -> (clock: MachineClock, counter: Counter) {
    let counter = Counter()
    let clock = MachineClock(counting: .init(shift: shift, sleeps: false))
    clock.instructionCount = { counter.count }
    return (clock, counter)
  }

  @Test(arguments: [(0, 1), (1, 2), (3, 8), (10, 1024)])
  func `counted time is the count shifted`(shift: Int, nanoseconds: Int64) {
    let (clock, counter) = counted(shift: shift)
    #expect(clock.isCounted && clock.now == 0)
    counter.count = 1
    #expect(clock.now == nanoseconds)
    counter.count = 1_000_000
    #expect(clock.now == 1_000_000 * nanoseconds)
  }

  @Test func `a warp jumps forward to the deadline and never back`() {
    let (clock, counter) = counted(shift: 2)
    counter.count = 100
    clock.warp(to: 1000)
    #expect(clock.now == 1000 && clock.warped == 600)
    clock.warp(to: 999)
    #expect(clock.now == 1000 && clock.warped == 600)
    counter.count = 101
    #expect(clock.now == 1004)
  }

  @Test func `a loaded warp puts time where it was`() {
    let (clock, counter) = counted(shift: 2)
    counter.count = 50
    clock.warped = 12
    #expect(clock.now == 212)
  }

  @Test(arguments: [(0, 10, 10), (3, 8, 1), (3, 9, 2), (3, 16, 2), (3, 17, 3), (3, 0, 1), (3, -5, 1), (10, 1, 1)])
  func `instructions until a deadline are rounded up and at least one`(shift: Int, deadline: Int64, count: Int64) {
    #expect(counted(shift: shift).clock.instructions(until: deadline) == count)
  }

  @Test func `a deadline already past still lets one instruction run`() {
    let (clock, counter) = counted(shift: 4)
    counter.count = 1000
    #expect(clock.instructions(until: 15_999) == 1)
    #expect(clock.instructions(until: 16_017) == 2)
  }

  @Test func `counted time does not care whether the machine runs`() {
    let (clock, counter) = counted(shift: 1)
    counter.count = 7
    clock.setRunning(false)
    #expect(clock.now == 14)
    clock.setRunning(true)
    clock.setStopped(at: 99)
    #expect(clock.now == 14)
  }

  @Test func `time that follows the host stands still while the machine is stopped`() {
    let clock = MachineClock(counting: nil)
    #expect(!clock.isCounted && clock.now == 0 && clock.instructions(until: 5) == nil && clock.warped == 0)
    pause()
    #expect(clock.now == 0)
    clock.setRunning(true)
    pause()
    let running = clock.now
    #expect(running >= 2_000_000)
    clock.setRunning(false)
    let stopped = clock.now
    #expect(stopped >= running)
    pause()
    #expect(clock.now == stopped)
    clock.setRunning(false)
    #expect(clock.now == stopped)
    clock.setRunning(true)
    #expect(clock.now >= stopped && clock.now < stopped + 60 * .second)
  }

  @Test func `a load sets stopped time, from where it runs on`() {
    let clock = MachineClock(counting: nil)
    clock.setStopped(at: 5 * .second)
    #expect(clock.now == 5 * .second)
    clock.warp(to: 9 * .second)
    clock.warped = 3
    #expect(clock.now == 5 * .second && clock.warped == 0)
    clock.setRunning(true)
    #expect(clock.now >= 5 * .second)
  }

  /// Lets a little of the host's time pass.
  private func pause() { Mailbox().wait(atMost: 2_000_000) }
}
