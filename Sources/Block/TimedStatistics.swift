// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

/// Which requests a drive's statistics take in, and over which intervals they are kept (`stats-account-invalid`,
/// `stats-account-failed`, `stats-intervals.N` of `-drive`).
public struct BlockAccounting: Sendable, Equatable {
  /// Requests that the device refused count as activity of the drive.
  public var countsInvalid = true
  /// The time of requests that failed is added up too.
  public var countsFailed = true
  /// Seconds.
  public var intervals: [UInt32] = []

  public init() {}
}

/// Latencies of the recent past: those of one kind of request within a moving interval.
///
/// Two windows of the interval's length begin half of it apart; the older one is shown, so that what is shown always
/// covers between half of the interval and all of it.
package struct TimedLatency: Sendable, Equatable {
  private struct Window: Sendable, Equatable {
    /// It begins anew then.
    var end: Nanoseconds
    var count: UInt64 = 0
    var sum: UInt64 = 0
    var least: UInt64 = .max
    var most: UInt64 = 0
  }

  private let length: Nanoseconds
  private var windows: [Window]

  /// `seconds` is not 0.
  package init(seconds: UInt32, now: Nanoseconds) {
    length = Nanoseconds(max(1, seconds)) * 1_000_000_000
    windows = [Window(end: now &+ length / 2), Window(end: now &+ length)]
  }

  private mutating func advance(to now: Nanoseconds) {
    for index in windows.indices where windows[index].end <= now {
      let late = now &- windows[index].end
      windows[index] = Window(end: now &+ (length &- late % length))
    }
  }

  package mutating func add(_ latency: Nanoseconds, at now: Nanoseconds) {
    advance(to: now)
    let latency = UInt64(clamping: latency)
    for index in windows.indices {
      windows[index].count &+= 1
      windows[index].sum &+= latency
      windows[index].least = min(windows[index].least, latency)
      windows[index].most = max(windows[index].most, latency)
    }
  }

  package struct Summary: Sendable, Equatable {
    package var least: UInt64 = 0
    package var most: UInt64 = 0
    package var average: UInt64 = 0
    /// How many requests were under way at a time.
    package var depth: Double = 0

    package init(least: UInt64 = 0, most: UInt64 = 0, average: UInt64 = 0, depth: Double = 0) {
      (self.least, self.most, self.average, self.depth) = (least, most, average, depth)
    }
  }

  package func summary(at now: Nanoseconds) -> Summary {
    var current = self
    current.advance(to: now)
    guard let window = current.windows.min(by: { $0.end < $1.end }), window.count > 0 else { return Summary() }
    let elapsed = length &- (window.end &- now)
    return Summary(
      least: window.least, most: window.most, average: window.sum / window.count,
      depth: elapsed > 0 ? Double(window.sum) / Double(elapsed) : 0)
  }
}

/// The statistics of one interval of a drive.
public struct IntervalStatistics: Sendable, Equatable {
  /// Seconds.
  public let length: UInt32
  var reads: TimedLatency
  var writes: TimedLatency
  var flushes: TimedLatency

  init(length: UInt32, now: Nanoseconds) {
    self.length = length
    let fresh = TimedLatency(seconds: length, now: now)
    (reads, writes, flushes) = (fresh, fresh, fresh)
  }

  mutating func add(_ operation: BlockOperation, _ latency: Nanoseconds, at now: Nanoseconds) {
    switch operation {
    case .read: reads.add(latency, at: now)
    case .write, .writeZeroes: writes.add(latency, at: now)
    case .flush: flushes.add(latency, at: now)
    case .discard: break
    }
  }

  /// Latencies in nanoseconds and queue depths by QEMU's names (BlockDeviceTimedStats).
  public func report(at now: Nanoseconds) -> (latencies: [(name: String, value: UInt64)], depths: [(String, Double)]) {
    let kinds = [
      ("rd", reads.summary(at: now)), ("wr", writes.summary(at: now)), ("flush", flushes.summary(at: now)),
    ]
    let latencies = kinds.flatMap { name, summary in
      [
        ("min_\(name)_latency_ns", summary.least), ("max_\(name)_latency_ns", summary.most),
        ("avg_\(name)_latency_ns", summary.average),
      ]
    }
    return (latencies, kinds.prefix(2).map { ("avg_\($0.0)_queue_depth", $0.1.depth) })
  }
}
