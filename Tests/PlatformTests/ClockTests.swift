// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing

@Suite struct ClockTests {
  @Test func `timers fire at their deadlines, soonest first`() {
    let clock = VirtualClock()
    var fired: [(String, Nanoseconds, Nanoseconds)] = []
    let timers = ["a", "b", "c"].map { name in clock.timer { fired.append((name, $0, clock.now)) } }
    timers[0].arm(at: 30)
    timers[1].arm(at: 10)
    timers[2].arm(at: 20)
    #expect(clock.nextDeadline == 10)
    clock.advance(by: 25)
    #expect(fired.map(\.0) == ["b", "c"])
    #expect(fired.allSatisfy { $0.1 == $0.2 })
    #expect(clock.now == 25)
    #expect(clock.nextDeadline == 30)
  }

  @Test func `of equal deadlines the timer made first fires first, however they were armed`() {
    let clock = VirtualClock()
    var fired: [Int] = []
    let timers = (0..<4).map { number in clock.timer { _ in fired.append(number) } }
    for number in [2, 0, 3, 1] { timers[number].arm(at: 5) }
    clock.advance(by: 5)
    #expect(fired == [0, 1, 2, 3])
  }

  @Test func `of equal deadlines groups fire in their order, whenever their timers were made`() {
    let clock = VirtualClock()
    var fired: [Int] = []
    let groups = [7, 3, 0, 5]
    let timers = groups.map { group in
      clock.grouping(as: group) { clock.timer { _ in fired.append(group) } }
    }
    let plain = clock.timer { _ in fired.append(-1) }
    for timer in timers + [plain] { timer.arm(at: 5) }
    clock.advance(by: 5)
    #expect(fired == [0, -1, 3, 5, 7])
    fired = []
    timers[0].group = 1
    for timer in timers { timer.arm(at: 9) }
    clock.advance(by: 4)
    #expect(fired == [0, 7, 3, 5])
  }

  @Test func `a timer may arm itself and others, also for the past`() {
    let clock = VirtualClock()
    var instants: [Nanoseconds] = []
    var count = 0
    let other = clock.timer { _ in instants.append(-clock.now) }
    var repeating: Platform.Timer?
    repeating = clock.timer { deadline in
      instants.append(deadline)
      count += 1
      if count < 3 { repeating?.arm(at: deadline + 10) } else { other.arm(at: 0) }
    }
    repeating?.arm(at: 10)
    clock.advance(by: 100)
    #expect(instants == [10, 20, 30, -30])
    #expect(clock.nextDeadline == nil)
  }

  @Test func `a cancelled or moved timer does not fire where it was`() {
    let clock = VirtualClock()
    var instants: [Nanoseconds] = []
    let timer = clock.timer { instants.append($0) }
    timer.arm(at: 10)
    timer.arm(at: 50)
    let cancelled = clock.timer { _ in instants.append(-1) }
    cancelled.arm(at: 20)
    cancelled.cancel()
    clock.advance(by: 60)
    #expect(instants == [50])
    #expect(timer.deadline == nil)
  }

  @Test func `only a new soonest deadline is announced`() {
    let clock = VirtualClock()
    var announcements = 0
    clock.deadlineDidShorten = { announcements += 1 }
    let timers = (0..<3).map { _ in clock.timer { _ in } }
    timers[0].arm(at: 100)
    timers[1].arm(at: 200)
    timers[2].arm(at: 50)
    timers[2].arm(at: 50)
    #expect(announcements == 2)
  }

  @Test func `a clock with a source fires what is due when asked`() {
    var now: Nanoseconds = 0
    let clock = VirtualClock { now }
    var fired = 0
    let timer = clock.timer { _ in fired += 1 }
    timer.arm(at: 10)
    now = 9
    clock.fireDueTimers()
    #expect(fired == 0)
    now = 11
    clock.fireDueTimers()
    #expect(fired == 1)
  }

  @Test func `the calendar is shared with the host`() {
    #expect(Platform.CalendarTime(secondsSince1970: 951_782_400) == CalendarTime(year: 2000, month: 2, day: 29))
  }
}
