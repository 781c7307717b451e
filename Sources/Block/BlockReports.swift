// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

/// Counters behind `query-blockstats`. Durations are virtual nanoseconds.
public struct BlockStatistics: Sendable, Equatable {
  public struct Counter: Sendable, Equatable {
    public var operations: UInt64 = 0
    public var failedOperations: UInt64 = 0
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

  public init() {}

  mutating func count(_ operation: BlockOperation, _ result: BlockResult, duration: Nanoseconds, at now: Nanoseconds) {
    var succeeded = false
    if case .success = result { succeeded = true }
    lastCompletion = now
    func add(_ counter: inout Counter, _ bytes: Int64) {
      if succeeded {
        counter.operations &+= 1
        counter.bytes &+= UInt64(clamping: bytes)
      } else {
        counter.failedOperations &+= 1
      }
      counter.totalNanoseconds &+= UInt64(clamping: duration)
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

/// One drive as `query-block` shows it.
public struct BlockReport: Sendable, Equatable {
  public struct Image: Sendable, Equatable {
    public var fileName: String
    public var format: String
    public var virtualByteCount: Int64
    public var actualByteCount: Int64?
  }

  public struct Inserted: Sendable, Equatable {
    public var image: Image
    /// What lies below a temporary overlay.
    public var backing: Image?
    public var nodeName: String
    public var isReadOnly: Bool
    public var isWriteback: Bool
    public var isDirect: Bool
    public var ignoresFlushes: Bool
  }

  public var device: String
  public var attachedTo: String?
  public var isRemovable: Bool
  public var isLocked: Bool
  public var isTrayOpen: Bool?
  public var inserted: Inserted?
}

extension BlockBackend {
  /// The drive's facts at this instant.
  public var report: BlockReport {
    BlockReport(
      device: name, attachedTo: attachedTo, isRemovable: isRemovable, isLocked: device?.isMediumLocked ?? false,
      isTrayOpen: device?.isTrayOpen, inserted: medium.map(Self.inserted))
  }

  private static func inserted(_ medium: BlockMedium) -> BlockReport.Inserted {
    let options = medium.options
    var inserted = BlockReport.Inserted(
      image: image(medium.node, medium.fileName), nodeName: medium.nodeName, isReadOnly: medium.node.isReadOnly,
      isWriteback: options.isWriteback, isDirect: options.isDirect, ignoresFlushes: options.ignoresFlushes)
    if medium.node is OverlayNode, let backing = medium.node.backing {
      inserted.backing = image(backing, medium.fileName)
      inserted.ignoresFlushes = true
    }
    return inserted
  }

  private static func image(_ node: any BlockNode, _ fileName: String) -> BlockReport.Image {
    BlockReport.Image(
      fileName: fileName, format: node.driver, virtualByteCount: node.byteCount,
      actualByteCount: node.allocatedByteCount)
  }
}
