// SPDX-License-Identifier: Apache-2.0
import Block
import Glibc
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

/// A medium in memory that notes which thread writes, and takes time of a clock of its own.
final class ThreadNode: BlockNode {
  let byteCount: Int64 = 1 << 20
  let isReadOnly = false
  let driver = "raw"
  let allocatedByteCount: Int64? = nil
  func writesToMemory(_ range: Range<Int64>) -> Bool { true }
  /// What a write takes, and the time that passes.
  let milliseconds = Mutex<UInt64>(0)
  let now = Mutex<UInt64>(0)
  /// Whether each write was made on the thread that made this.
  let wereHere = Mutex<[Bool]>([])
  private let maker = pthread_self()

  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
  }
  func write(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno) {
    let duration = milliseconds.withLock { 1_000_000 * $0 }
    now.withLock { $0 += duration }
    wereHere.withLock { $0.append(pthread_equal(maker, pthread_self()) != 0) }
  }
  func flush() throws(Errno) {}
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

  @Test func `short writes into memory are made at once, until one of them took long`() {
    let node = ThreadNode()
    let backend = BlockBackend(
      name: "d", queue: BlockQueue(clock: clock, mailbox: mailbox, timing: .whenDone),
      medium: BlockMedium(node: node, fileName: "d"))
    backend.hostClock = { node.now.withLock { $0 } }
    var doneCount = 0
    func write(_ byteCount: Int = 512) {
      let expected = doneCount + 1
      backend.submit(.write(offset: 0, [UInt8](repeating: 1, count: byteCount))) { _ in doneCount += 1 }
      #expect(doneCount < expected)
      while doneCount < expected {
        mailbox.wait(atMost: 1_000_000_000)
        mailbox.drain()
      }
    }
    write()
    write(128 << 10)
    write(256 << 10)
    #expect(node.wereHere.withLock { $0 } == [true, true, false])
    backend.waitUntilIdle()
    node.milliseconds.withLock { $0 = 3 }
    write()
    node.milliseconds.withLock { $0 = 0 }
    for _ in 0..<256 {
      write()
      backend.waitUntilIdle()
    }
    write()
    let wereHere = node.wereHere.withLock { $0 }
    #expect(wereHere[3] && !wereHere[4..<260].contains(true) && wereHere[260])
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

  @Test func `a flush follows all operations before it`() throws {
    let backend = backend(.atDeadline)
    node.open(100)
    for index in 0..<20 {
      backend.submit(.write(offset: Int64(index) * 512, [UInt8](repeating: 0, count: 512))) { _ in }
      if index % 5 == 4 { backend.submit(.flush) { _ in } }
    }
    backend.waitUntilIdle()
    // Side by side where they do not touch, but a flush follows everything before it.
    let done = node.done.withLock { $0 }
    for flush in 0..<4 {
      let place = try #require(done.indices.filter { done[$0] == "flush" }.dropFirst(flush).first)
      let before = Set(done[..<place])
      #expect((0..<(flush + 1) * 5).allSatisfy { before.contains("write \($0 * 512)") })
    }
    #expect(done.count == 24)
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
    #expect(!backend.isInserted && backend.isRemovable)
  }

  @Test func `operations on the same bytes are done in the order of submission`() {
    let backend = backend(.atDeadline)
    node.open(100)
    for index in 0..<20 {
      backend.submit(
        index % 2 == 0 ? .write(offset: 512, [UInt8](repeating: 0, count: 512)) : .read(offset: 0, byteCount: 1024)
      ) { _ in }
    }
    backend.waitUntilIdle()
    #expect(node.done.withLock { $0 } == (0..<20).map { $0 % 2 == 0 ? "write 512" : "read 0" })
  }

  // MARK: Errors

  func failing(_ policy: ErrorPolicy, _ timing: BlockQueue.Timing = .atDeadline) -> (
    BlockBackend, FailingNode, BlockGraph
  ) {
    let node = FailingNode()
    let queue = BlockQueue(clock: clock, mailbox: mailbox, timing: timing)
    let backend = BlockBackend(
      name: "d", queue: queue, medium: BlockMedium(node: node, fileName: "d"),
      latency: BlockLatency(fixed: 1000, perBytePicoseconds: 0, flush: 1000), hasThread: false)
    backend.errorPolicy = policy
    let graph = BlockGraph()
    try? graph.add(backend)
    return (backend, node, graph)
  }

  @Test func `a write that stops the guest is kept and tried again`() throws {
    let (backend, node, graph) = failing(ErrorPolicy())
    var stops = 0
    var events: [BlockFailure] = []
    backend.queue.stopGuest = { stops += 1 }
    graph.eventHandler = { if case .failed(let failure) = $0 { events.append(failure) } }
    node.failure.withLock { $0 = .noSpace }
    var results: [BlockResult] = []
    let ticket = backend.submit(.write(offset: 0, [1])) { results.append($0) }
    clock.advance(by: 2000)
    #expect(stops == 1 && results.isEmpty && backend.ioStatus == .noSpace)
    #expect(events.map(\.action) == [.stop] && events[0].error == .noSpace && !events[0].isRead)
    backend.retry()
    #expect(backend.ioStatus == .ok)
    clock.advance(by: 2000)
    #expect(stops == 2 && results.isEmpty)
    node.failure.withLock { $0 = nil }
    backend.retry()
    clock.advance(by: 2000)
    #expect(results.count == 1 && node.writes.withLock { $0 } == 1)
    // One that is forgotten while it waits is not tried again.
    node.failure.withLock { $0 = .noSpace }
    let second = backend.submit(.write(offset: 0, [1])) { results.append($0) }
    clock.advance(by: 2000)
    backend.cancel(second)
    node.failure.withLock { $0 = nil }
    backend.retry()
    clock.advance(by: 2000)
    #expect(results.count == 1 && node.writes.withLock { $0 } == 1 && ticket != second)
  }

  @Test(
    arguments: [
      (ErrorPolicy(), Errno.ioError, false, "report"), (ErrorPolicy(), .noSpace, true, "report"),
      (ErrorPolicy(read: .ignore, write: .ignore), .ioError, true, "ignore"),
      (ErrorPolicy(read: .ignore, write: .ignore), .ioError, false, "ignore"),
      (ErrorPolicy(read: .stop, write: .report), .ioError, true, "stop"),
      (ErrorPolicy(read: .report, write: .stop), .ioError, false, "stop"),
    ] as [(ErrorPolicy, Errno, Bool, String)])
  func `the policy decides`(policy: ErrorPolicy, error: Errno, isRead: Bool, action: String) {
    let (backend, node, graph) = failing(policy)
    var events: [String] = []
    var results: [BlockResult] = []
    graph.eventHandler = { if case .failed(let failure) = $0 { events.append(failure.action.rawValue) } }
    node.failure.withLock { $0 = error }
    backend.submit(isRead ? .read(offset: 0, byteCount: 4) : .write(offset: 0, [1])) { results.append($0) }
    clock.advance(by: 2000)
    #expect(events == [action])
    switch action {
    case "report": #expect(results == [.failure(error)])
    case "ignore": #expect(results == [.success(isRead ? [0, 0, 0, 0] : [])])
    default: #expect(results.isEmpty && backend.ioStatus == .failed)
    }
  }

  @Test func `a command that is served while the host is late sees the request done before later timers`() {
    let gate = Guarded(false)
    let queue = BlockQueue(clock: clock, mailbox: mailbox, timing: .atDeadline)
    queue.workWillBegin = { gate.wait { $0 ? () : nil } }
    var order: [String] = []
    var serve: () -> Void = {}
    queue.waitForWorker = { serve() }
    let backend = BlockBackend(
      name: "d", queue: queue, medium: BlockMedium(node: MemoryNode([1, 2, 3, 4]), fileName: "d"),
      latency: BlockLatency(fixed: 1000, perBytePicoseconds: 0, flush: 1000))
    let timer = clock.timer { _ in order.append("timer") }
    backend.submit(.read(offset: 0, byteCount: 4)) { _ in order.append("disk") }
    timer.arm(at: 1000)
    serve = {
      #expect(backend.awaitsDelivery && order.isEmpty)
      gate.update { $0 = true }
      backend.finishDelivering()
      clock.fireDueTimers()
      #expect(order == ["disk", "timer"])
    }
    clock.advance(by: 1000)
    #expect(order == ["disk", "timer"] && !backend.awaitsDelivery)
  }

  // MARK: Limits

  @Test func `a limit spreads requests over virtual time`() throws {
    let (backend, _, graph) = failing(ErrorPolicy())
    var limits = ThrottleLimits()
    limits.bytes.average = 1000
    try limits.check()
    graph.setThrottle("g", of: backend)
    backend.throttle?.limits = limits
    var done: [Nanoseconds] = []
    for _ in 0..<4 { backend.submit(.read(offset: 0, byteCount: 500)) { _ in done.append(clock.now) } }
    for _ in 0..<400 { clock.advance(by: 10 * .millisecond) }
    // A tenth of a second's worth is free; then half a second for each.
    #expect(done.count == 4)
    #expect(zip(done, [0, 400, 900, 1400]).allSatisfy { abs($0 - $1 * .millisecond) <= 11 * .millisecond }, "\(done)")
    // Those that wait can be forgotten.
    let ticket = backend.submit(.read(offset: 0, byteCount: 5000)) { _ in done.append(0) }
    let waiting = backend.submit(.read(offset: 0, byteCount: 500)) { _ in done.append(0) }
    backend.cancel(waiting)
    for _ in 0..<1000 { clock.advance(by: 10 * .millisecond) }
    #expect(done.count == 5 && ticket != waiting)
  }

  static func limits(_ change: (inout ThrottleLimits) -> Void) -> ThrottleLimits {
    var limits = ThrottleLimits()
    change(&limits)
    return limits
  }

  @Test(
    arguments: [
      (
        limits { ($0.bytes.average, $0.bytesRead.average) = (5, 5) },
        "bps/iops/max total values and read/write values cannot be used at the same time"
      ),
      (limits { $0.bytes.burst = 5 }, "bps_max/iops_max require corresponding bps/iops values"),
      (limits { $0.bytes = .init(average: 10, burst: 5) }, "bps_max/iops_max cannot be lower than bps/iops"),
      (limits { $0.bytes = .init(average: 10, burstLength: 5) }, "burst length set without burst rate"),
      (limits { $0.bytes.average = -1 }, "bps/iops/max values must be within [0, 1000000000000000]"),
    ])
  func `limits that contradict each other are refused in QEMU's words`(limits: ThrottleLimits, sentence: String) {
    #expect(throws: BlockError.refused(sentence)) { try limits.check() }
  }
}

/// A medium that fails when it is told to.
final class FailingNode: BlockNode {
  let byteCount: Int64 = 1 << 20
  let isReadOnly = false
  let driver = "raw"
  let allocatedByteCount: Int64? = nil
  let failure = Mutex<Errno?>(nil)
  let writes = Mutex(0)

  private func check() throws(Errno) { if let error = failure.withLock({ $0 }) { throw error } }
  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
    buffer.initializeMemory(as: UInt8.self, repeating: 7)
    try check()
  }
  func write(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno) {
    try check()
    writes.withLock { $0 += 1 }
  }
  func flush() throws(Errno) { try check() }
}
