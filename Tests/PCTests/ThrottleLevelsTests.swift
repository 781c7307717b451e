// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import PC
import Platform
import Testing

struct ThrottleLevelsTests {
  /// A throttled drive over memory, in a graph of its own.
  struct Side {
    let clock = VirtualClock()
    let graph = BlockGraph(mailbox: Mailbox())
    let drive: BlockBackend
    let levels: ThrottleLevels

    init(group: String = "gruppe ä") throws {
      let queue = BlockQueue(clock: clock, mailbox: Mailbox(), timing: .atDeadline)
      drive = BlockBackend(
        name: "d", queue: queue,
        medium: BlockMedium(node: MemoryNode([UInt8](repeating: 0, count: 1 << 20)), fileName: "d"), hasThread: false)
      try graph.add(drive)
      graph.setThrottle(group, of: drive)
      var limits = ThrottleLimits()
      limits.bytes = .init(average: 1000, burst: 3000, burstLength: 2)
      drive.throttle?.limits = limits
      levels = ThrottleLevels(graph)
    }

    /// When a read of `byteCount` bytes that is asked for now will be done.
    func read(_ byteCount: Int) -> Nanoseconds {
      drive.submit(.read(offset: 0, byteCount: byteCount)) { _ in }.deadline
    }
  }

  @Test func `full buckets are full after a load`() throws {
    let first = try Side(), second = try Side()
    for side in [first, second] { side.clock.advance(by: .second) }
    for _ in 0..<4 { _ = first.read(4096) }
    let saved = first.levels.save()
    #expect(second.levels.save() != saved)
    try second.levels.load(saved)
    #expect(second.levels.save() == saved)
    for side in [first, second] { side.clock.advance(by: .second) }
    let fresh = try Side()
    fresh.clock.advance(by: 2 * .second)
    let deadline = first.read(512)
    #expect(second.read(512) == deadline && fresh.read(512) < deadline)
  }

  @Test func `a group that the machine has not is dropped`() throws {
    let first = try Side(), other = try Side(group: "another")
    _ = first.read(4096)
    let before = other.levels.save()
    try other.levels.load(first.levels.save())
    #expect(other.levels.save() == before)
  }

  @Test(arguments: [
    "67 5", "6 1 0 0 0 0 0 0 0 0 0 0 0 0", "67 -1 0 0 0 0 0 0 0 0 0 0 0 0", "67 1 0 0 0 0 0 0 0 0 0 0 0 x",
    "67 1 7ff0000000000000 0 0 0 0 0 0 0 0 0 0 0", "67 1 0 0 0 0 0 0 0 0 0 0 0 bff0000000000000",
  ])
  func `damaged levels are refused`(text: String) throws {
    let side = try Side()
    var writer = StateWriter()
    var version: UInt32 = 1
    var bytes = Array(text.utf8)
    try writer.field("throttle", &version)
    try writer.buffer("groups", &bytes, limit: 1000)
    #expect(throws: StateError.outOfRange("groups")) { try side.levels.load(writer.image) }
  }
}
