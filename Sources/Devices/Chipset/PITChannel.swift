// SPDX-License-Identifier: Apache-2.0
import Platform

/// One counter of the 8254 as a value: what it counts is derived from the virtual clock, never stepped.
///
/// Instants are ticks: input clocks since virtual time 0.
struct PITChannel: Equatable {
  /// Input clock in Hz.
  static let frequency: Int64 = 1_193_182

  /// Reload value, 1...65536 (10000 in BCD).
  var count: UInt32 = 0x10000
  /// M2...M0 as written; 6 and 7 mean 2 and 3.
  var programmedMode: UInt8 = 0
  var isBCD = false
  /// 1 low byte, 2 high byte, 3 low then high.
  var access: UInt8 = 3
  var gate = true
  /// The count register was written after the control word: the counter runs.
  var isLoaded = false
  /// Reload value written while modes 1, 2, 3 and 5 count: taken at the next period or trigger.
  var nextCount: UInt32?
  /// Tick at which counting (re)started.
  var start: Int64 = 0
  /// Count at which a low gate stopped modes 0, 2, 3 and 4, in ticks since start.
  var frozenTicks: Int64?
  /// Modes 1 and 5 wait for a rising gate.
  var isTriggered = false
  var writesHighNext = false
  var readsHighNext = false
  var writeLatch: UInt8 = 0
  var latchedCount: UInt16?
  var latchedStatus: UInt8?

  /// How the counter works, 0...5.
  var mode: UInt8 { programmedMode > 5 ? programmedMode & 3 : programmedMode }

  /// Counts from now on, as after a control word and a count.
  mutating func start(mode: UInt8, count: UInt32, now: Int64) {
    programmedMode = mode
    self.count = count
    isLoaded = true
    start = now
  }

  /// Periods of modes 2 and 3 completed since counting started.
  func periods(_ now: Int64) -> Int64 { isLoaded ? elapsed(now) / Int64(count) : 0 }

  /// When modes 2 and 3 end the period that runs at `now`.
  private func periodEnd(_ now: Int64) -> Int64 { start &+ (elapsed(now) / Int64(count) + 1) * Int64(count) }

  /// Tick at which `nextCount` is taken, in modes 2 and 3.
  var nextStart: Int64 = 0

  /// Takes a new count over whose time has come; call before anything is derived.
  mutating func settle(_ now: Int64) {
    guard let next = nextCount, mode == 2 || mode == 3, now >= nextStart else { return }
    count = next
    start = nextStart
    nextCount = nil
  }

  /// The tick at an instant.
  static func ticks(_ duration: Nanoseconds) -> Int64 {
    let (high, low) = max(0, duration).multipliedFullWidth(by: frequency)
    return Nanoseconds.second.dividingFullWidth((high, low)).quotient
  }

  /// The instant at which a tick begins.
  static func instant(_ ticks: Int64) -> Nanoseconds {
    let (high, low) = ticks.multipliedFullWidth(by: .second)
    let (quotient, remainder) = frequency.dividingFullWidth((high, low))
    return quotient + (remainder == 0 ? 0 : 1)
  }

  func elapsed(_ now: Int64) -> Int64 { frozenTicks ?? max(0, now &- start) }

  /// The counting element at `now`.
  func value(_ now: Int64) -> UInt16 {
    let ticks = elapsed(now)
    let reload = Int64(count)
    let modulus: Int64 = isBCD ? 10000 : 0x10000
    var result: Int64
    switch mode {
    case 2: result = reload - ticks % reload
    case 3:
      // Counts by two, an odd count from one less; reloaded each half period.
      let phase = ticks % reload
      let half = (reload + 1) / 2
      result = (reload & ~1) - 2 * (phase < half ? phase : phase - half)
    default: result = ((reload - ticks) % modulus + modulus) % modulus
    }
    if !isLoaded || ((mode == 1 || mode == 5) && !isTriggered) { result = reload % modulus }
    result %= modulus
    return UInt16(truncatingIfNeeded: isBCD ? Self.toBCD(result) : result)
  }

  static func toBCD(_ value: Int64) -> Int64 {
    (value / 1000 % 10) << 12 | (value / 100 % 10) << 8 | (value / 10 % 10) << 4 | value % 10
  }

  /// The OUT pin at `now`. Data sheet figures 15...20.
  func output(_ now: Int64) -> Bool {
    guard isLoaded else { return mode != 0 }
    let ticks = elapsed(now)
    let reload = Int64(count)
    switch mode {
    case 0: return ticks >= reload
    case 1: return !isTriggered || ticks >= reload
    case 2: return !gate || ticks % reload != reload - 1 || reload == 1
    case 3: return !gate || ticks % reload < (reload + 1) / 2
    case 4: return ticks != reload
    default: return !isTriggered || ticks != reload
    }
  }

  /// The next tick after `now` at which OUT changes, or nil.
  func nextTransition(after now: Int64) -> Int64? {
    guard isLoaded, frozenTicks == nil else { return nil }
    let ticks = elapsed(now)
    let reload = Int64(count)
    let next: Int64?
    switch mode {
    case 0: next = ticks < reload ? reload : nil
    case 1: next = isTriggered && ticks < reload ? reload : nil
    case 2:
      let phase = ticks % reload
      next = reload == 1 ? nil : ticks - phase + (phase < reload - 1 ? reload - 1 : reload)
    case 3:
      let phase = ticks % reload
      let half = (reload + 1) / 2
      next = reload == 1 ? nil : ticks - phase + (phase < half ? half : reload)
    case 5 where !isTriggered: next = nil
    default: next = ticks < reload ? reload : (ticks == reload ? reload + 1 : nil)
    }
    let transition = next.map { start &+ $0 }
    guard nextCount != nil, mode == 2 || mode == 3 else { return transition }
    return min(transition ?? .max, nextStart)
  }

  mutating func load(_ value: UInt16, now: Int64) {
    let number: UInt32
    if isBCD {
      number =
        UInt32(value >> 12) * 1000 + UInt32(value >> 8 & 15) * 100 + UInt32(value >> 4 & 15) * 10 + UInt32(value & 15)
    } else {
      number = UInt32(value)
    }
    let written = number == 0 ? (isBCD ? 10000 : 0x10000) : number
    switch mode {
    case 1 where isTriggered, 5 where isTriggered: nextCount = written
    case 2, 3:
      if isLoaded, gate {
        // Data sheet, modes 2 and 3: the current period is not affected.
        if nextCount == nil { nextStart = periodEnd(now) }
        nextCount = written
      } else {
        count = written
        start = now
        frozenTicks = gate ? nil : 0
      }
    case 1, 5: count = written
    default:
      count = written
      start = now
      frozenTicks = gate ? nil : 0
    }
    isLoaded = true
  }

  mutating func setGate(_ level: Bool, now: Int64) {
    guard level != gate else { return }
    settle(now)
    let ticks = elapsed(now)
    gate = level
    switch mode {
    case 1, 5:
      if level {
        count = nextCount ?? count
        nextCount = nil
        isTriggered = true
        start = now
      }
    case 2, 3:
      // A trigger reloads.
      count = nextCount ?? count
      nextCount = nil
      if level {
        start = now
        frozenTicks = nil
      } else {
        frozenTicks = 0
      }
    default:  // modes 0 and 4 pause
      if level {
        start = now &- ticks
        frozenTicks = nil
      } else {
        frozenTicks = ticks
      }
    }
  }

  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    try visitor.field("count", &count)
    try visitor.field("mode", &programmedMode)
    try visitor.field("bcd", &isBCD)
    try visitor.field("rw_mode", &access)
    try visitor.field("gate", &gate)
    try visitor.field("loaded", &isLoaded)
    try visitor.field("next_count", optional: &nextCount)
    try visitor.field("next_load_time", &nextStart)
    try visitor.field("count_load_time", &start)
    try visitor.field("frozen_ticks", optional: &frozenTicks)
    try visitor.field("triggered", &isTriggered)
    try visitor.field("write_high", &writesHighNext)
    try visitor.field("read_high", &readsHighNext)
    try visitor.field("write_latch", &writeLatch)
    try visitor.field("latched_count", optional: &latchedCount)
    try visitor.field("latched_status", optional: &latchedStatus)
    guard (1...0x10000).contains(count), (1...0x10000).contains(nextCount ?? 1) else { throw .outOfRange("count") }
    guard programmedMode < 8, (1...3).contains(access) else { throw .outOfRange("mode") }
    guard (-1 << 52..<1 << 52).contains(start), (0..<1 << 52).contains(nextStart) else {
      throw .outOfRange("count_load_time")
    }
    guard frozenTicks ?? 0 >= 0, frozenTicks ?? 0 < 1 << 48 else { throw .outOfRange("frozen_ticks") }
  }
}
