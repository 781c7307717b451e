// SPDX-License-Identifier: Apache-2.0
import Platform

/// Limits on what a drive moves, with QEMU's six kinds: bytes and operations, together, reading and writing.
public struct ThrottleLimits: Sendable, Equatable {
  /// One limit. A leaky bucket: it empties at `average` units a second.
  public struct Limit: Sendable, Equatable {
    /// Units per second; 0: no limit.
    public var average: Int64 = 0
    /// Units per second in a burst; 0: no bursts.
    public var burst: Int64 = 0
    /// Seconds that a burst may last.
    public var burstLength: Int64 = 1
    public init(average: Int64 = 0, burst: Int64 = 0, burstLength: Int64 = 1) {
      (self.average, self.burst, self.burstLength) = (average, burst, burstLength)
    }
  }

  public var bytes = Limit()
  public var bytesRead = Limit()
  public var bytesWritten = Limit()
  public var operations = Limit()
  public var operationsRead = Limit()
  public var operationsWritten = Limit()
  /// Bytes that count as one operation; 0: every request is one.
  public var operationByteCount: Int64 = 0

  public init() {}

  var all: [Limit] { [bytes, bytesRead, bytesWritten, operations, operationsRead, operationsWritten] }
  public var isEnabled: Bool { all.contains { $0.average > 0 } }
  static let largest: Int64 = 1_000_000_000_000_000

  /// - Throws: QEMU's sentences for limits that contradict each other.
  public func check() throws(BlockError) {
    func clash(_ total: Limit, _ read: Limit, _ write: Limit) -> Bool {
      total.average != 0 && (read.average != 0 || write.average != 0)
        || total.burst != 0 && (read.burst != 0 || write.burst != 0)
    }
    if clash(bytes, bytesRead, bytesWritten) || clash(operations, operationsRead, operationsWritten) {
      throw .refused("bps/iops/max total values and read/write values cannot be used at the same time")
    }
    if operationByteCount != 0, ![operations, operationsRead, operationsWritten].contains(where: { $0.average != 0 }) {
      throw .refused("iops size requires an iops value to be set")
    }
    for limit in all {
      guard (0...Self.largest).contains(limit.average), (0...Self.largest).contains(limit.burst) else {
        throw .refused("bps/iops/max values must be within [0, \(Self.largest)]")
      }
      guard limit.burstLength != 0 else { throw .refused("the burst length cannot be 0") }
      guard limit.burstLength == 1 || limit.burst != 0 else { throw .refused("burst length set without burst rate") }
      if limit.burst != 0, limit.burstLength < 0 || limit.burstLength > Self.largest / limit.burst {
        throw .refused("burst length too high for this burst rate")
      }
      guard limit.burst == 0 || limit.average != 0 else {
        throw .refused("bps_max/iops_max require corresponding bps/iops values")
      }
      guard limit.burst == 0 || limit.burst >= limit.average else {
        throw .refused("bps_max/iops_max cannot be lower than bps/iops")
      }
    }
  }
}

/// Drives that share one set of limits. Time is virtual time, so that a throttled run is as exact as any.
public final class ThrottleGroup {
  public let name: String
  public var limits: ThrottleLimits { didSet { levels = [Level](repeating: Level(), count: 6) } }

  fileprivate struct Level {
    /// Units in the bucket.
    var units = 0.0
    /// Units of the burst, leaking at the burst rate.
    var burstUnits = 0.0
  }
  private var levels = [Level](repeating: Level(), count: 6)
  private var lastLeak: Nanoseconds = 0

  public init(name: String, limits: ThrottleLimits = ThrottleLimits()) { (self.name, self.limits) = (name, limits) }

  /// How full the buckets are, bit for bit, so that a saved machine's drives go on as they would have.
  public struct Filling: Sendable, Equatable {
    public static let levelCount = 12
    /// When the buckets leaked last.
    public var instant: Nanoseconds
    /// Bit patterns of the levels, each bucket's and its burst's.
    public var levels: [UInt64]

    /// Nil for what no bucket can hold.
    public init?(instant: Nanoseconds, levels: [UInt64]) {
      guard levels.count == Self.levelCount, instant >= 0,
        levels.allSatisfy({ (0...1e18).contains(Double(bitPattern: $0)) })
      else { return nil }
      (self.instant, self.levels) = (instant, levels)
    }

    fileprivate init(_ instant: Nanoseconds, _ levels: [Level]) {
      self.instant = instant
      self.levels = levels.flatMap { [min($0.units, 1e18).bitPattern, min($0.burstUnits, 1e18).bitPattern] }
    }
  }

  public var filling: Filling {
    get { Filling(lastLeak, levels) }
    set {
      lastLeak = newValue.instant
      levels = stride(from: 0, to: Filling.levelCount, by: 2).map {
        Level(
          units: Double(bitPattern: newValue.levels[$0]), burstUnits: Double(bitPattern: newValue.levels[$0 + 1]))
      }
    }
  }

  private static func applies(_ index: Int, isWrite: Bool) -> Bool {
    index % 3 == 0 || (index % 3 == 2) == isWrite
  }

  /// Nanoseconds until a request in this direction may start.
  func wait(isWrite: Bool, at now: Nanoseconds) -> Nanoseconds {
    leak(until: now)
    var longest = 0.0
    for (index, limit) in limits.all.enumerated() where limit.average > 0 && Self.applies(index, isWrite: isWrite) {
      // Without bursts a tenth of a second's worth may come at once; in a long burst, a tenth of its second.
      let room = limit.burst == 0 ? Double(limit.average) / 10 : Double(limit.burst) * Double(limit.burstLength)
      var seconds = max(0, levels[index].units - room) / Double(limit.average)
      if limit.burstLength > 1 {
        seconds = max(seconds, (levels[index].burstUnits - Double(limit.burst) / 10) / Double(limit.burst))
      }
      longest = max(longest, seconds)
    }
    return Nanoseconds(min(longest, 1e9) * 1e9)
  }

  /// A request starts.
  func account(byteCount: Int, isWrite: Bool) {
    let size = Double(byteCount)
    let unit = Double(limits.operationByteCount)
    let operationCount = unit > 0 && size > unit ? size / unit : 1
    for (index, limit) in limits.all.enumerated() where limit.average > 0 && Self.applies(index, isWrite: isWrite) {
      let units = index < 3 ? size : operationCount
      levels[index].units += units
      if limit.burstLength > 1 { levels[index].burstUnits += units }
    }
  }

  private func leak(until now: Nanoseconds) {
    let seconds = Double(max(0, now &- lastLeak)) / 1e9
    lastLeak = now
    for (index, limit) in limits.all.enumerated() {
      levels[index].units = max(0, levels[index].units - Double(limit.average) * seconds)
      levels[index].burstUnits = max(0, levels[index].burstUnits - Double(limit.burst) * seconds)
    }
  }
}
