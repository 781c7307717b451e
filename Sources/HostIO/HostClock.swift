// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// The host's clocks. Only back ends and the board's wall-clock option may ask; a device asks its virtual clock.
public enum HostClock {
  /// Nanoseconds since some fixed moment; never steps back.
  public static var monotonicNanoseconds: UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) &* 1_000_000_000 &+ UInt64(now.tv_nsec)
  }

  /// Time of day: seconds since 1970-01-01T00:00:00Z and the microseconds within.
  public static var realTime: (seconds: Int64, microseconds: Int32) {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return (Int64(now.tv_sec), Int32(now.tv_nsec / 1000))
  }

  /// Nanoseconds since 1970-01-01T00:00:00Z.
  public static var realTimeNanoseconds: Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) &* 1_000_000_000 &+ Int64(now.tv_nsec)
  }

  /// Tells the processor that this thread looks at something again and again.
  @inline(__always) public static func pause() { linux_pause() }

  /// CPU time this process has used, in nanoseconds.
  public static var processNanoseconds: UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now)
    return UInt64(now.tv_sec) &* 1_000_000_000 &+ UInt64(now.tv_nsec)
  }

  /// How far local time is ahead of UTC at `seconds` since 1970, in seconds.
  public static func localOffset(at seconds: Int64) -> Int64 {
    var moment = time_t(seconds)
    var local = tm()
    guard localtime_r(&moment, &local) != nil else { return 0 }
    return Int64(local.tm_gmtoff)
  }

  /// Local time, broken down.
  public static func local(at seconds: Int64) -> CalendarTime {
    CalendarTime(secondsSince1970: seconds &+ localOffset(at: seconds))
  }

  /// Sleeps this thread. For tests and retry delays, never on the machine thread.
  public static func sleep(nanoseconds: UInt64) {
    var wanted = timespec(tv_sec: time_t(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    var left = timespec()
    while nanosleep(&wanted, &left) != 0 && errno == EINTR { wanted = left }
  }
}

/// A date and time of day in the proleptic Gregorian calendar, without a zone.
public struct CalendarTime: Hashable, Sendable {
  public var year: Int
  /// 1...12
  public var month: Int
  /// 1...31
  public var day: Int
  /// 0...23
  public var hour: Int
  /// 0...59
  public var minute: Int
  /// 0...59
  public var second: Int

  public init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
    (self.year, self.month, self.day) = (year, month, day)
    (self.hour, self.minute, self.second) = (hour, minute, second)
  }

  /// UTC. Howard Hinnant's civil_from_days: 400-year eras that begin on 1 March.
  public init(secondsSince1970 seconds: Int64) {
    let days = seconds >= 0 ? seconds / 86400 : -((86399 &- seconds) / 86400)
    let within = Int(seconds &- days &* 86400)
    let shifted = days &+ 719_468
    let era = (shifted >= 0 ? shifted : shifted &- 146_096) / 146_097
    let dayOfEra = shifted &- era &* 146_097
    let yearOfEra = (dayOfEra &- dayOfEra / 1460 &+ dayOfEra / 36524 &- dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra &- (365 &* yearOfEra &+ yearOfEra / 4 &- yearOfEra / 100)
    let marchMonth = (5 &* dayOfYear &+ 2) / 153
    day = Int(dayOfYear &- (153 &* marchMonth &+ 2) / 5 &+ 1)
    month = Int(marchMonth < 10 ? marchMonth &+ 3 : marchMonth &- 9)
    year = Int(yearOfEra &+ era &* 400 &+ (month <= 2 ? 1 : 0))
    (hour, minute, second) = (within / 3600, within / 60 % 60, within % 60)
  }

  /// Seconds since 1970-01-01T00:00:00, read as UTC.
  public var secondsSince1970: Int64 {
    let y = Int64(year) &- (month <= 2 ? 1 : 0)
    let era = (y >= 0 ? y : y &- 399) / 400
    let yearOfEra = y &- era &* 400
    let dayOfYear = (153 &* Int64(month > 2 ? month - 3 : month + 9) &+ 2) / 5 &+ Int64(day) &- 1
    let dayOfEra = yearOfEra &* 365 &+ yearOfEra / 4 &- yearOfEra / 100 &+ dayOfYear
    let days = era &* 146_097 &+ dayOfEra &- 719_468
    return days &* 86400 &+ Int64(hour) &* 3600 &+ Int64(minute) &* 60 &+ Int64(second)
  }

  /// 0 is Sunday.
  public var weekday: Int {
    let seconds = secondsSince1970
    let days = seconds >= 0 ? seconds / 86400 : -((86399 &- seconds) / 86400)
    return Int(((days &+ 4) % 7 &+ 7) % 7)
  }

  /// 1...366
  public var dayOfYear: Int {
    Int((secondsSince1970 &- CalendarTime(year: year, month: 1, day: 1).secondsSince1970) / 86400) + 1
  }

  /// Parses `YYYY-MM-DD` or `YYYY-MM-DDThh:mm:ss`, the grammar of `-rtc base=`. Fields may have fewer digits than shown;
  /// a field out of range or anything after the last one makes it nil.
  public init?(parsing text: some StringProtocol) {
    var fields: [Int] = []
    var rest = Substring(text)
    for separator: Character? in ["-", "-", "T", ":", ":", nil] {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      guard (1...(fields.isEmpty ? 4 : 2)).contains(digits.count), let value = Int(digits) else { return nil }
      fields.append(value)
      rest = rest.dropFirst(digits.count)
      if rest.isEmpty { break }
      guard let separator, rest.first == separator else { return nil }
      rest = rest.dropFirst()
    }
    guard rest.isEmpty, fields.count == 3 || fields.count == 6 else { return nil }
    let time = fields.count == 6 ? Array(fields[3...]) : [0, 0, 0]
    self.init(
      year: fields[0], month: fields[1], day: fields[2], hour: time[0], minute: time[1], second: time[2])
    guard (1...12).contains(month), hour < 24, minute < 60, second < 60,
      (1...CalendarTime.days(inMonth: month, year: year)).contains(day)
    else { return nil }
  }

  /// Length of a month. `month` must be 1...12.
  public static func days(inMonth month: Int, year: Int) -> Int {
    precondition((1...12).contains(month), "a month is 1...12")
    if month == 2 { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28 }
    return [4, 6, 9, 11].contains(month) ? 30 : 31
  }
}
