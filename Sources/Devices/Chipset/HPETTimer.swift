// SPDX-License-Identifier: Apache-2.0
import Platform

/// One comparator of the HPET as a value. Specification 1.0a, 2.3.8 and 2.3.9.
struct HPETTimer: Equatable {
  /// Fewest counts between two matches of a periodic timer: 10 µs.
  private static let shortestPeriod: UInt64 = 1000

  /// The bits that software can write.
  var configuration: UInt64 = 0
  var comparator: UInt64 = .max
  /// What a periodic timer adds to its comparator at each match.
  var period: UInt64 = 0
  /// The count, of 64 bits, at which the comparator matches next.
  var target: UInt64?

  var isPeriodic: Bool { configuration & HPET.Timer.periodic != 0 }
  var is32Bit: Bool { configuration & HPET.Timer.is32Bit != 0 }
  var route: Int { Int(configuration >> 9 & 0x1f) }

  private var mask: UInt64 { is32Bit ? 0xffff_ffff : .max }

  mutating func configure(_ value: UInt64, _ written: UInt64) {
    configuration = (configuration & ~written | value) & HPET.Timer.writable
    comparator &= mask
    period &= mask
  }

  /// While the timer is periodic a write sets its period, and the comparator only after a write of the configuration
  /// that says so.
  mutating func setComparator(_ value: UInt64, _ written: UInt64) {
    if !isPeriodic || configuration & HPET.Timer.setsValue != 0 {
      comparator = (comparator & ~written | value) & mask
    }
    if isPeriodic { period = (period & ~written | value) & (mask >> 1) }
    configuration &= ~HPET.Timer.setsValue
  }

  /// Finds the next match, seen from a running counter.
  mutating func aim(from count: UInt64) {
    let ahead: Int64 =
      is32Bit ? Int64(Int32(truncatingIfNeeded: comparator &- count)) : Int64(bitPattern: comparator &- count)
    target = ahead <= 0 ? count : count &+ UInt64(ahead)
  }

  /// True when the comparator has matched by `count`; then finds the next match. Matches in between are one.
  mutating func takeMatch(_ count: UInt64) -> Bool {
    guard let matched = target, Int64(bitPattern: count &- matched) >= 0 else { return false }
    if isPeriodic, period > 0 {
      let distance = max(count &- matched, Self.shortestPeriod - 1)
      let periods = distance / period &+ 1
      comparator = (comparator &+ periods &* period) & mask
      target = matched &+ periods &* period
    } else if is32Bit, !isPeriodic {
      // It matches again whenever the counter's lower half comes round.
      let rounds = ((count &- matched) >> 32) &+ 1
      target = matched &+ (rounds &<< 32)
    } else {
      target = nil
    }
    return true
  }

  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    try visitor.field("config", &configuration)
    try visitor.field("cmp", &comparator)
    try visitor.field("period", &period)
    try visitor.field("target", optional: &target)
    guard configuration & ~HPET.Timer.writable == 0 else { throw .outOfRange("config") }
    guard comparator & ~mask == 0, period & ~mask == 0 else { throw .outOfRange("cmp") }
  }
}
