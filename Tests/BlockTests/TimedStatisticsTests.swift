// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform
import Testing

import Block

/// Statistics of the recent past, and which requests they take in.
struct TimedStatisticsTests {
  private static let second: Nanoseconds = 1_000_000_000

  @Test func `what is older than the interval is forgotten`() {
    var latency = TimedLatency(seconds: 10, now: 0)
    latency.add(100, at: 1 * Self.second)
    latency.add(300, at: 2 * Self.second)
    #expect(latency.summary(at: 2 * Self.second) == .init(least: 100, most: 300, average: 200, depth: 400 / 7e9))
    // From the middle of the interval on, the window that began then is the older one.
    latency.add(500, at: 6 * Self.second)
    #expect(latency.summary(at: 9 * Self.second).most == 500 && latency.summary(at: 9 * Self.second).least == 100)
    #expect(latency.summary(at: 12 * Self.second) == .init(least: 500, most: 500, average: 500, depth: 500 / 7e9))
    #expect(latency.summary(at: 30 * Self.second) == .init())
  }

  @Test func `instants at the end of time do no harm`() {
    var latency = TimedLatency(seconds: .max, now: .max)
    for instant: Nanoseconds in [.max, 0, .max - 1] {
      latency.add(.max, at: instant)
      _ = latency.summary(at: instant)
    }
  }

  private func backend(_ accounting: BlockAccounting, _ clock: VirtualClock, length: Int64) -> BlockBackend {
    let node = NullNode(driver: "null-co", byteCount: length, latency: 0, readsZeroes: true, isReadOnly: false)
    let backend = BlockBackend(
      name: "d", queue: BlockQueue(clock: clock, mailbox: Mailbox(), timing: .atDeadline),
      medium: BlockMedium(node: node, fileName: "null-co://"),
      latency: BlockLatency(fixed: 1000, perBytePicoseconds: 0, flush: 5000),
      hasThread: false)
    backend.setAccounting(accounting)
    return backend
  }

  @Test("failures and refusals count where they were asked for", arguments: [true, false])
  func accounting(_ counts: Bool) {
    var accounting = BlockAccounting()
    (accounting.countsFailed, accounting.countsInvalid, accounting.intervals) = (counts, counts, [60])
    let clock = VirtualClock()
    let backend = backend(accounting, clock, length: 4096)
    backend.countInvalid(.write)
    #expect((backend.statistics.lastCompletion != nil) == counts && backend.statistics.writes.invalidOperations == 1)
    backend.submit(.write(offset: 8192, [UInt8](repeating: 1, count: 512))) { _ in }  // past the end
    clock.advance(by: 10_000)
    #expect(backend.statistics.writes.failedOperations == 1)
    #expect(backend.statistics.writes.totalNanoseconds == (counts ? 1000 : 0))
    backend.submit(.flush) { _ in }
    clock.advance(by: 10_000)
    let report = backend.statistics.intervals[0].report(at: clock.now)
    let values = Dictionary(uniqueKeysWithValues: report.latencies)
    #expect(values["max_wr_latency_ns"] == (counts ? 1000 : 0) && values["avg_flush_latency_ns"] == 5000)
    #expect(report.latencies.count == 9 && report.depths.map(\.0) == ["avg_rd_queue_depth", "avg_wr_queue_depth"])
  }
}

/// A disk without storage.
struct NullNodeTests {
  @Test func `writes are gone and reads give zeros, within the disk`() throws {
    let node = NullNode(driver: "null-co", byteCount: 1000, latency: 0, readsZeroes: false, isReadOnly: false)
    #expect(node.byteCount == 1024)
    try node.put(0, [1, 2, 3])
    #expect(try node.bytes(0, 4) == [0, 0, 0, 0] && node.bytes(2048, 2) == [0, 0])
    #expect(throws: Errno.ioError) { try node.put(1023, [1, 2]) }
    #expect(throws: Errno.invalidArgument) { _ = try node.bytes(-1, 2) }
    #expect(throws: Errno.ioError) { try node.writeZeroes(0..<2048, mayUnmap: true) }
    #expect(try node.extent(in: 0..<1024).kind == .unallocated)
    let longest = NullNode(driver: "null-aio", byteCount: .max, latency: 0, readsZeroes: true, isReadOnly: true)
    #expect(longest.byteCount == Int64.max & -512)
    #expect(try longest.extent(in: 512..<longest.byteCount).kind == .zero)
    #expect(throws: Errno.notPermitted) { try longest.put(0, [1]) }
  }

  @Test func `its latency is the host's`() throws {
    let node = NullNode(driver: "null-co", byteCount: 512, latency: 5_000_000, readsZeroes: true, isReadOnly: false)
    let start = HostClock.monotonicNanoseconds
    try node.put(0, [1])
    #expect(HostClock.monotonicNanoseconds - start >= 5_000_000)
    var byte: UInt8 = 0
    withUnsafeMutableBytes(of: &byte) { #expect(!node.readAtOnce(at: 0, into: $0)) }
  }

  @Test func `devices stand in a disk's place unless a file was asked for`() throws {
    func root(_ options: NodeOptions) throws(BlockError) -> GraphNode { try BlockGraph().open(options) }
    let guessed = try root(try NodeOptions(fileName: "/dev/null", format: .raw))
    #expect(guessed.file?.driver == "host_device" && guessed.byteCount == 0 && guessed.fileName == "/dev/null")
    var named = NodeOptions()
    named.nameDriver(.file)
    named.fileName = "/dev/null"
    #expect(throws: BlockError.notAFile("/dev/null")) { try root(named) }
    #expect(throws: BlockError.cannotResize("Cannot resize device files")) { try guessed.checkResize(to: 512) }
    try guessed.checkResize(to: 0)
    let nothing = try root(try NodeOptions(fileName: "null-co://", format: .raw))
    #expect(nothing.byteCount == 1 << 30 && !nothing.hasDetails && nothing.fileName == "null-co://")
  }
}
