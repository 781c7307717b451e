// SPDX-License-Identifier: Apache-2.0
import HostIO
import Testing

@Suite struct CalendarTimeTests {
  @Test(arguments: [
    (0, CalendarTime(year: 1970, month: 1, day: 1), 4, 1),
    (951_782_400, CalendarTime(year: 2000, month: 2, day: 29), 2, 60),
    (951_868_799, CalendarTime(year: 2000, month: 2, day: 29, hour: 23, minute: 59, second: 59), 2, 60),
    (4_107_542_400, CalendarTime(year: 2100, month: 3, day: 1), 1, 60),
    (-1, CalendarTime(year: 1969, month: 12, day: 31, hour: 23, minute: 59, second: 59), 3, 365),
    (-2_208_988_800, CalendarTime(year: 1900, month: 1, day: 1), 1, 1),
    (253_402_300_799, CalendarTime(year: 9999, month: 12, day: 31, hour: 23, minute: 59, second: 59), 5, 365),
  ])
  func `seconds and calendar agree`(_ seconds: Int64, _ time: CalendarTime, _ weekday: Int, _ dayOfYear: Int) {
    #expect(CalendarTime(secondsSince1970: seconds) == time)
    #expect(time.secondsSince1970 == seconds)
    #expect(time.weekday == weekday)
    #expect(time.dayOfYear == dayOfYear)
  }

  @Test func `every day of 800 years comes back`() {
    for day in Int64(-146_097)...Int64(146_097) {
      let time = CalendarTime(secondsSince1970: day * 86400 + 12345)
      guard time.secondsSince1970 == day * 86400 + 12345 else {
        Issue.record("day \(day) became \(time)")
        return
      }
    }
  }

  @Test(arguments: [
    ("2006-06-17", CalendarTime(year: 2006, month: 6, day: 17)),
    ("2006-06-17T16:01:21", CalendarTime(year: 2006, month: 6, day: 17, hour: 16, minute: 1, second: 21)),
    ("2004-2-29", CalendarTime(year: 2004, month: 2, day: 29)),
  ])
  func `dates of the rtc option parse`(_ text: String, _ time: CalendarTime) {
    #expect(CalendarTime(parsing: text) == time)
  }

  @Test(arguments: [
    "", "2006", "2006-06", "2006-13-01", "2006-00-01", "2006-02-29", "2006-06-17T", "2006-06-17T24:00:00",
    "2006-06-17T12:00", "2006-06-17T12:00:60", "2006-06-17 12:00:00", "2006-06-17Z", "-2006-06-17", "２００６-06-17",
    "2006-06-17T12:00:00:", "99999-01-01", "2006-06-017", "2006--06-17", "utc",
  ])
  func `other dates are refused`(_ text: String) {
    #expect(CalendarTime(parsing: text) == nil)
  }

  @Test func `far away seconds do not trap`() {
    for seconds: Int64 in [.min, .max, .min + 1, -86400, 86399] {
      #expect((1...12).contains(CalendarTime(secondsSince1970: seconds).month))
    }
  }

  @Test func `the monotonic clock does not step back`() {
    let first = HostClock.monotonicNanoseconds
    HostClock.sleep(nanoseconds: 2_000_000)
    #expect(HostClock.monotonicNanoseconds >= first + 2_000_000)
    #expect(HostClock.realTime.seconds > 1_600_000_000)
  }
}
