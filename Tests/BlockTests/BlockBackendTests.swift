// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import Platform
import Synchronization
import Testing

/// A medium that waits before each operation until the test lets it go.
final class GatedNode: BlockNode {
  let byteCount: Int64 = 1 << 20
  let isReadOnly = false
  let driver = "raw"
  let allocatedByteCount: Int64? = nil
  let gate = Guarded(0)
  let done = Mutex<[String]>([])

  func pass(_ name: String) {
    gate.wait { state -> Void? in
      guard state > 0 else { return nil }
      state -= 1
      return ()
    }
    done.withLock { $0.append(name) }
  }
  func open(_ count: Int) { gate.update { $0 += count } }

  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
    pass("read \(offset)")
    buffer.initializeMemory(as: UInt8.self, repeating: UInt8(truncatingIfNeeded: offset / 512))
  }
  func write(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno) { pass("write \(offset)") }
  func flush() throws(Errno) { pass("flush") }
}

struct BlockBackendTests {
  let clock = VirtualClock()
  let mailbox = Mailbox()
  let node = GatedNode()

  func backend(_ timing: BlockQueue.Timing) -> BlockBackend {
    let queue = BlockQueue(clock: clock, mailbox: mailbox, timing: timing)
    return BlockBackend(
      name: "d", queue: queue, medium: BlockMedium(node: node, fileName: "d"),
      latency: BlockLatency(fixed: 1000, perBytePicoseconds: 2000, flush: 5000))
  }

  @Test func `under a deadline a completion comes exactly then, however early the worker was`() {
    let backend = backend(.atDeadline)
    node.open(10)
    var seen: [Nanoseconds] = []
    let ticket = backend.submit(.read(offset: 512, byteCount: 512)) { result in
      seen.append(clock.now)
      #expect((try? result.get()) == [UInt8](repeating: 1, count: 512))
    }
    backend.submit(.flush) { _ in seen.append(clock.now) }
    #expect(ticket.deadline == 2024 && clock.nextDeadline == 2024)
    backend.waitUntilIdle()
    #expect(seen.isEmpty)
    clock.advance(by: 2023)
    #expect(seen.isEmpty)
    clock.advance(by: 10_000)
    #expect(seen == [2024, 5000])
    #expect(backend.statistics.reads.bytes == 512 && backend.statistics.flushes.operations == 1)
    #expect(backend.statistics.reads.totalNanoseconds == 2024)
  }

  @Test func `at the deadline the machine waits for a late worker and serves its mailbox meanwhile`() {
    let backend = backend(.atDeadline)
    var finished = false
    var served = false
    backend.submit(.read(offset: 0, byteCount: 512)) { _ in finished = true }
    let bound = MachineBound { served = true }
    let gated = node
    mailbox.post { bound.value() }
    mailbox.post { gated.open(1) }  // only served mail lets the worker go on
    clock.advance(by: 3000)
    #expect(finished && served && clock.now == 3000)
  }

  @Test func `in real time a completion comes with the mail as soon as the worker is done`() {
    let backend = backend(.whenDone)
    var finished = false
    backend.submit(.write(offset: 0, [UInt8](repeating: 1, count: 512))) { _ in finished = true }
    clock.advance(by: .second)
    mailbox.drain()
    #expect(!finished && clock.nextDeadline == nil)
    node.open(1)
    mailbox.wait(atMost: 10 * .second)
    mailbox.drain()
    #expect(finished)
  }

  @Test func `operations are done in the order of submission`() {
    let backend = backend(.atDeadline)
    node.open(100)
    for index in 0..<20 {
      backend.submit(.write(offset: Int64(index) * 512, [UInt8](repeating: 0, count: 512))) { _ in }
      if index % 5 == 4 { backend.submit(.flush) { _ in } }
    }
    backend.waitUntilIdle()
    let expected = (0..<20).flatMap { index -> [String] in
      index % 5 == 4 ? ["write \(index * 512)", "flush"] : ["write \(index * 512)"]
    }
    #expect(node.done.withLock { $0 } == expected)
  }

  @Test func `a cancelled request is never completed, and a resumed one keeps its deadline`() {
    let backend = backend(.atDeadline)
    node.open(10)
    var seen: [String] = []
    let first = backend.submit(.read(offset: 0, byteCount: 512)) { _ in seen.append("first") }
    backend.cancel(first)
    #expect(clock.nextDeadline == nil)
    let second = backend.submit(.read(offset: 0, byteCount: 512), deadline: 77) { _ in seen.append("second") }
    #expect(second.deadline == 77 && clock.nextDeadline == 77)
    clock.advance(by: 100_000)
    #expect(seen == ["second"])
  }

  @Test func `an empty drive answers with an error, at its time`() {
    let queue = BlockQueue(clock: clock, mailbox: mailbox, timing: .atDeadline)
    let backend = BlockBackend(name: "ide1-cd0", queue: queue, isRemovable: true)
    var failure: Errno?
    backend.submit(.read(offset: 0, byteCount: 2048)) { if case .failure(let error) = $0 { failure = error } }
    clock.advance(by: .millisecond)
    #expect(failure == .noDeviceOrAddress && backend.statistics.reads.failedOperations == 1)
    #expect(backend.report.inserted == nil && backend.report.isRemovable)
  }

  @Test func `a report shows the overlay and what is below`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.file("a", [UInt8](repeating: 0, count: 4096))
    let queue = BlockQueue(clock: clock, mailbox: mailbox, timing: .whenDone)
    let backend = BlockBackend(
      name: "ide0-hd0", queue: queue, medium: try BlockMedium.open(path, ImageOptions(isSnapshot: true)))
    let inserted = try #require(backend.report.inserted)
    #expect(inserted.image.format == "qcow2" && inserted.backing?.format == "raw" && inserted.ignoresFlushes)
    #expect(inserted.image.virtualByteCount == 4096 && !inserted.isReadOnly)
    #expect(backend.peek(at: 0, byteCount: 512) == [UInt8](repeating: 0, count: 512))
  }
}
