// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

/// Counters behind `query-blockstats`. Durations are virtual nanoseconds.
public struct BlockStatistics: Sendable, Equatable {
  public struct Counter: Sendable, Equatable {
    public var operations: UInt64 = 0
    public var failedOperations: UInt64 = 0
    /// Refused by the device, since the medium has no such place.
    public var invalidOperations: UInt64 = 0
    public var bytes: UInt64 = 0
    public var totalNanoseconds: UInt64 = 0
  }

  public var reads = Counter()
  public var writes = Counter()
  public var flushes = Counter()
  public var unmaps = Counter()
  /// End of the highest range that was written.
  public var highestWrittenOffset: UInt64 = 0
  /// When the last operation completed; nil before the first.
  public var lastCompletion: Nanoseconds?
  public private(set) var accounting = BlockAccounting()
  public private(set) var intervals: [IntervalStatistics] = []

  public init() {}

  mutating func setUp(_ accounting: BlockAccounting, at now: Nanoseconds) {
    self.accounting = accounting
    intervals = accounting.intervals.map { IntervalStatistics(length: $0, now: now) }
  }

  public enum Kind { case read, write, unmap }

  mutating func countInvalid(_ kind: Kind, at now: Nanoseconds) {
    switch kind {
    case .read: reads.invalidOperations &+= 1
    case .write: writes.invalidOperations &+= 1
    case .unmap: unmaps.invalidOperations &+= 1
    }
    if accounting.countsInvalid { lastCompletion = now }
  }

  mutating func count(_ operation: BlockOperation, _ result: BlockResult, duration: Nanoseconds, at now: Nanoseconds) {
    var succeeded = false
    if case .success = result { succeeded = true }
    let counts = succeeded || accounting.countsFailed
    if counts {
      lastCompletion = now
      for index in intervals.indices { intervals[index].add(operation, duration, at: now) }
    }
    func add(_ counter: inout Counter, _ bytes: Int64) {
      if succeeded {
        counter.operations &+= 1
        counter.bytes &+= UInt64(clamping: bytes)
      } else {
        counter.failedOperations &+= 1
      }
      if counts { counter.totalNanoseconds &+= UInt64(clamping: duration) }
    }
    func wrote(upTo end: Int64) {
      if succeeded { highestWrittenOffset = max(highestWrittenOffset, UInt64(clamping: end)) }
    }
    switch operation {
    case .read(_, let count): add(&reads, Int64(count))
    case .write(let offset, let bytes):
      add(&writes, Int64(bytes.count))
      wrote(upTo: offset &+ Int64(bytes.count))
    case .writeZeroes(let range):
      add(&writes, range.upperBound &- range.lowerBound)
      wrote(upTo: range.upperBound)
    case .flush: add(&flushes, 0)
    case .discard(let ranges): add(&unmaps, ranges.reduce(0) { $0 &+ ($1.upperBound &- $1.lowerBound) })
    }
  }
}
