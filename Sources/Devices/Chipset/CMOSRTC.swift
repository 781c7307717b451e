// SPDX-License-Identifier: Apache-2.0
import Platform

/// MC146818 real-time clock with 128 bytes of battery-backed RAM, at ports 70h and 71h.
///
/// Time is not counted. It is derived from the virtual clock each time the guest looks; so are the flags of register C,
/// from the number of updates and periods that have passed since they were last cleared. The one timer is armed only
/// while the guest has an interrupt enabled.
///
/// Not emulated: daylight saving, square-wave output, the oscillator bits' effect on the time base other than stopping.
/// Reference: Motorola MC146818A data sheet (1984), tables 1...5 and figure 15.
public final class CMOSRTC: Device, PortDevice {
  public struct State: DeviceState {
    public static let name: StaticString = "mc146818rtc"
    public static let version = 1
    var index: UInt8 = 0
    var ram = [UInt8](repeating: 0, count: 128)
    /// Guest wall time at virtual time 0, in nanoseconds since 1970; writing the time registers moves it.
    var epochOffset: Int64 = 0
    /// Virtual instants up to which update-ended, alarm and periodic events have been turned into flags.
    var updatesSeen: Int64 = 0
    var periodsSeen: Int64 = 0

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try visitor.bytes("cmos_data", &ram)
      try visitor.field("cmos_index", &index)
      try visitor.field("base_rtc", &epochOffset)
      try visitor.field("last_update", &updatesSeen)
      try visitor.field("next_periodic_time", &periodsSeen)
      guard index < 128 else { throw .outOfRange("cmos_index") }
      guard epochOffset > -(1 << 62), epochOffset < 1 << 62 else { throw .outOfRange("base_rtc") }
      guard updatesSeen >= 0, updatesSeen < 1 << 62 else { throw .outOfRange("last_update") }
      guard periodsSeen >= 0, periodsSeen < 1 << 62 else { throw .outOfRange("next_periodic_time") }
    }
  }

  enum Register {
    static let seconds = 0, secondsAlarm = 1, minutes = 2, minutesAlarm = 3, hours = 4, hoursAlarm = 5
    static let dayOfWeek = 6, dayOfMonth = 7, month = 8, year = 9
    static let a = 0x0a, b = 0x0b, c = 0x0c, d = 0x0d
    static let century = 0x32
    /// Where an IBM PS/2 keeps the century; the same byte.
    static let centuryPS2 = 0x37
  }

  enum B {
    static let set: UInt8 = 0x80, periodic: UInt8 = 0x40, alarm: UInt8 = 0x20, updateEnded: UInt8 = 0x10
    static let binary: UInt8 = 0x04, hours24: UInt8 = 0x02
    static let interrupts: UInt8 = 0x70
  }

  public var state = State()
  /// The guest set the time: seconds by which it now differs from `-rtc base` (event RTC_CHANGE).
  public var timeDidChange: ((Int64) -> Void)?
  private let clock: VirtualClock
  private let irq: IRQLine
  private var base: Int64
  private lazy var timer = clock.timer { [unowned self] _ in
    collectEvents()
    update()
  }

  /// - Parameter base: wall time at virtual time 0, in nanoseconds since 1970.
  public init(clock: VirtualClock, irq: IRQLine, base: Int64) {
    self.clock = clock
    self.irq = irq
    self.base = base
    state.epochOffset = base
    _ = timer
  }

  /// Sets a byte of the battery-backed RAM, as the board does at power-up.
  public func setByte(_ address: Int, _ value: UInt8) { state.ram[address & 0x7f] = value }
  public func byte(_ address: Int) -> UInt8 { state.ram[address & 0x7f] }

  public func reset(_ kind: ResetKind) {
    if kind == .power {
      state.ram[Register.a] = 0x26
      state.ram[Register.b] = B.hours24
      state.ram[Register.d] = 0x80
      state.epochOffset = base
      state.updatesSeen = max(0, clock.now)
      state.periodsSeen = max(0, clock.now)
      storeTime()
    }
    collectEvents()  // what happened before the reset must not raise flags after it
    state.ram[Register.b] &= ~(B.interrupts | 0x08)
    state.ram[Register.c] = 0
    state.index = 0
    stateDidLoad()
  }

  public func stateDidLoad() { update() }

  /// The battery kept the clock going for so many nanoseconds during which virtual time stood still.
  public func pass(_ duration: Nanoseconds) {
    let (offset, overflow) = state.epochOffset.addingReportingOverflow(duration)
    guard duration > 0, !overflow, abs(offset) < 1 << 62 else { return }
    collectEvents()
    state.epochOffset = offset
    base &+= duration
    update()
  }

  // MARK: Time

  private var isRunning: Bool { state.ram[Register.a] & 0x70 == 0x20 && state.ram[Register.b] & B.set == 0 }

  private var wallNanoseconds: Int64 { state.epochOffset &+ clock.now }

  private func wallSeconds(_ instant: Int64) -> Int64 {
    let value = state.epochOffset &+ instant
    return value >= 0 ? value / .second : (value - (.second - 1)) / .second
  }

  /// Copies the running time into the registers.
  private func storeTime() {
    let date = CalendarTime(secondsSince1970: wallSeconds(clock.now))
    let binary = state.ram[Register.b] & B.binary != 0
    func put(_ register: Int, _ value: Int) {
      let byte = UInt8(truncatingIfNeeded: value)
      state.ram[register] = binary ? byte : (byte / 10) << 4 | byte % 10
    }
    put(Register.seconds, date.second)
    put(Register.minutes, date.minute)
    if state.ram[Register.b] & B.hours24 != 0 {
      put(Register.hours, date.hour)
    } else {
      put(Register.hours, date.hour % 12 == 0 ? 12 : date.hour % 12)
      if date.hour >= 12 { state.ram[Register.hours] |= 0x80 }
    }
    put(Register.dayOfWeek, date.weekday + 1)
    put(Register.dayOfMonth, date.day)
    put(Register.month, date.month)
    put(Register.year, date.year % 100)
    put(Register.century, date.year / 100)
  }

  private func number(_ register: Int) -> Int {
    let byte = state.ram[register]
    return Int(state.ram[Register.b] & B.binary != 0 ? byte : (byte >> 4) &* 10 &+ (byte & 15))
  }

  private func hourNumber(_ register: Int) -> Int {
    guard state.ram[Register.b] & B.hours24 == 0 else { return number(register) }
    let isAfternoon = state.ram[register] & 0x80 != 0
    let byte = state.ram[register] & 0x7f
    let hour = Int(state.ram[Register.b] & B.binary != 0 ? byte : (byte >> 4) &* 10 &+ (byte & 15))
    return hour % 12 + (isAfternoon ? 12 : 0)
  }

  /// Makes the registers' time the wall time.
  private func adoptTime() {
    let year = number(Register.century) * 100 + number(Register.year)
    // Registers may hold anything: the calendar carries fields that are out of range over.
    let date = CalendarTime(
      year: year, month: number(Register.month), day: number(Register.dayOfMonth), hour: hourNumber(Register.hours),
      minute: number(Register.minutes), second: number(Register.seconds))
    let fraction = ((wallNanoseconds % .second) + .second) % .second
    let (nanoseconds, overflow) = date.secondsSince1970.multipliedReportingOverflow(by: .second)
    guard !overflow, abs(nanoseconds) < 1 << 62 else { return }
    state.epochOffset = nanoseconds &+ fraction &- clock.now
    state.updatesSeen = max(0, clock.now)
    timeDidChange?((state.epochOffset &- base) / .second)
  }

  // MARK: Flags and interrupts

  /// Length of a period in nanoseconds × 32768, or nil when off. Table 5 of the data sheet (32.768 kHz base).
  private var periodTicks: Int64? {
    let rate = state.ram[Register.a] & 15
    guard rate != 0, state.ram[Register.a] & 0x70 == 0x20 else { return nil }
    return 1 << Int64(rate <= 2 ? rate + 6 : rate - 1)
  }

  private func crystalTicks(_ instant: Int64) -> Int64 {
    let (high, low) = max(0, instant).multipliedFullWidth(by: 32768)
    return Nanoseconds.second.dividingFullWidth((high, low)).quotient
  }

  private func instant(ofCrystalTick tick: Int64) -> Int64 {
    let (high, low) = tick.multipliedFullWidth(by: .second)
    let (quotient, remainder) = Int64(32768).dividingFullWidth((high, low))
    return quotient + (remainder == 0 ? 0 : 1)
  }

  /// Turns what has happened since the last look into flags of register C.
  private func collectEvents() {
    let now = max(0, clock.now)
    var flags: UInt8 = 0
    if let period = periodTicks, crystalTicks(now) / period != crystalTicks(state.periodsSeen) / period {
      flags |= B.periodic
    }
    state.periodsSeen = now
    if isRunning {
      let first = wallSeconds(state.updatesSeen)
      let last = wallSeconds(now)
      if last != first {
        flags |= B.updateEnded
        if let alarm = nextAlarm(after: first), alarm <= last { flags |= B.alarm }
      }
    }
    state.updatesSeen = now
    state.ram[Register.c] |= flags
  }

  /// The first second after `second` at which the alarm registers match, or nil if they never do.
  private func nextAlarm(after second: Int64) -> Int64? {
    func wanted(_ register: Int, _ value: Int) -> Int? { state.ram[register] & 0xc0 == 0xc0 ? nil : value }
    let seconds = wanted(Register.secondsAlarm, number(Register.secondsAlarm))
    let minutes = wanted(Register.minutesAlarm, number(Register.minutesAlarm))
    let hours = wanted(Register.hoursAlarm, hourNumber(Register.hoursAlarm))
    guard seconds ?? 0 < 60, minutes ?? 0 < 60, hours ?? 0 < 24 else { return nil }
    var candidate = second + 1
    let limit = second + 2 * 86400
    while candidate <= limit {
      let day = ((candidate % 86400) + 86400) % 86400
      if let hours, day / 3600 != Int64(hours) {
        candidate += 3600 - day % 3600
      } else if let minutes, day / 60 % 60 != Int64(minutes) {
        candidate += 60 - day % 60
      } else if let seconds, day % 60 != Int64(seconds) {
        candidate += 1
      } else {
        return candidate
      }
    }
    return nil
  }

  /// IRQF and the line from the flags and enables, and the timer for the next event that may interrupt.
  private func update() {
    let pending = state.ram[Register.c] & state.ram[Register.b] & B.interrupts != 0
    state.ram[Register.c] = state.ram[Register.c] & B.interrupts | (pending ? 0x80 : 0)
    irq.set(pending)
    var next: Int64?
    let enables = state.ram[Register.b]
    let now = max(0, clock.now)
    // An event whose flag is already up changes nothing that the guest could see before it reads register C.
    let quiet = state.ram[Register.c]
    if enables & ~quiet & B.periodic != 0, let period = periodTicks {
      next = instant(ofCrystalTick: (crystalTicks(state.periodsSeen) / period + 1) * period)
    }
    if isRunning, enables & ~quiet & (B.alarm | B.updateEnded) != 0 {
      // Seen from the last look, not from `now`: the second may have changed since.
      let second = wallSeconds(state.updatesSeen)
      var due: Int64? = enables & ~quiet & B.updateEnded != 0 ? second + 1 : nil
      if enables & ~quiet & B.alarm != 0, let alarm = nextAlarm(after: second) { due = min(due ?? .max, alarm) }
      if let due {
        let instant = due &* .second &- state.epochOffset
        next = min(next ?? .max, instant)
      }
    }
    timer.arm(at: next.map { max($0, now) })
  }

  // MARK: Ports

  private var selected: Int { state.index == Register.centuryPS2 ? Register.century : Int(state.index) }

  public func read(port offset: UInt16) -> UInt8 {
    guard offset & 1 == 1 else { return 0xff }  // the index register cannot be read back
    let register = selected
    switch register {
    case Register.seconds, Register.minutes, Register.hours, Register.dayOfWeek, Register.dayOfMonth, Register.month,
      Register.year, Register.century:
      if isRunning { storeTime() }
      return state.ram[register]
    case Register.a:
      return state.ram[register] & 0x7f | (isUpdating ? 0x80 : 0)
    case Register.c:
      collectEvents()
      update()
      let value = state.ram[Register.c]
      state.ram[Register.c] = 0  // reading C acknowledges the interrupt
      update()
      return value
    default: return state.ram[register]
    }
  }

  /// UIP: set from 244 µs before the second changes. Data sheet, "Update Cycle".
  private var isUpdating: Bool {
    guard isRunning else { return false }
    let phase = ((wallNanoseconds % .second) + .second) % .second
    return phase >= .second - 244_140
  }

  public func write(port offset: UInt16, _ value: UInt8) {
    guard offset & 1 == 1 else {
      state.index = value & 0x7f  // bit 7 masks NMI on the board
      return
    }
    let register = selected
    collectEvents()
    switch register {
    case Register.seconds, Register.minutes, Register.hours, Register.dayOfWeek, Register.dayOfMonth, Register.month,
      Register.year, Register.century:
      if isRunning { storeTime() }
      state.ram[register] = value
      if isRunning { adoptTime() }
    case Register.a:
      let wasRunning = isRunning
      if wasRunning { storeTime() }
      state.ram[register] = value & 0x7f
      if !wasRunning, isRunning { adoptTime() }
    case Register.b:
      let wasRunning = isRunning
      if wasRunning { storeTime() }
      // SET aborts an update and keeps update-ended interrupts from being enabled.
      state.ram[register] = value & B.set != 0 ? value & ~B.updateEnded : value
      if !wasRunning, isRunning { adoptTime() }
    case Register.c, Register.d: break  // read-only
    default: state.ram[register] = value
    }
    update()
  }
}
