// SPDX-License-Identifier: Apache-2.0
import HostIO
import Synchronization
import Testing

@Suite struct EventLoopTests {
  @Test func `posted work runs in order on the loop's thread`() throws {
    let running = try RunningLoop()
    let order = Guarded<[Int]>([])
    for number in 0..<1000 { running.loop.post { order.update { $0.append(number) } } }
    #expect(order.wait(nanoseconds: patience) { $0.count == 1000 ? $0 : nil } == Array(0..<1000))
    let loop = running.loop
    #expect(running.loop.sync { loop.isCurrent })
    #expect(!running.loop.isCurrent)
  }

  @Test func `work posted from many threads all arrives`() throws {
    let running = try RunningLoop()
    let count = Guarded(0)
    let loop = running.loop
    let threads = try (0..<4).map { number in
      try Thread(name: "poster \(number)") {
        for _ in 0..<5000 { loop.post { count.update { $0 += 1 } } }
      }
    }
    for thread in threads { thread.join() }
    #expect(count.wait(nanoseconds: patience) { $0 == 20000 ? true : nil } == true)
  }

  @Test func `a readable descriptor calls until it is cancelled`() throws {
    let running = try RunningLoop()
    let (reader, writer) = try FileDescriptor.pipe()
    let got = Guarded<[UInt8]>([])
    let watch = try running.loop.watch(reader, .readable) { _ in
      let bytes = (try? reader.read(upTo: 2)) ?? []
      got.update { $0 += bytes }
    }
    try writer.writeAll("abcde")
    #expect(got.wait(nanoseconds: patience) { $0.count == 5 ? $0 : nil } == Array("abcde".utf8))
    watch.cancel()
    running.loop.sync {}
    try writer.writeAll("f")
    running.loop.sync {}
    #expect(got.withLock { $0.count } == 5)
    reader.closeIgnoringErrors()
    writer.closeIgnoringErrors()
  }

  @Test func `an idle watch of a hung-up descriptor does not spin`() throws {
    let running = try RunningLoop()
    let (reader, writer) = try FileDescriptor.pipe()
    let calls = Guarded(0)
    let watch = try running.loop.watch(reader, []) { _ in calls.update { $0 += 1 } }
    try writer.close()
    HostClock.sleep(nanoseconds: 20_000_000)
    #expect(calls.withLock { $0 } == 0)
    watch.setInterest(.readable)
    #expect(calls.wait(nanoseconds: patience) { $0 > 0 ? true : nil } == true)
    watch.cancel()
    running.loop.sync {}
    reader.closeIgnoringErrors()
  }

  @Test func `a regular file is always ready`() throws {
    let running = try RunningLoop()
    let null = try FileDescriptor.open("/dev/null", .readOnly)
    let ended = Guarded(false)
    let watch = try running.loop.watch(null, .readable) { readiness in
      let isEnd = readiness.contains(.readable) && (try? null.read(upTo: 1))?.isEmpty == true
      ended.update { $0 = isEnd }
    }
    #expect(ended.wait(nanoseconds: patience) { $0 ? true : nil } == true)
    watch.cancel()
    running.loop.sync {}
    null.closeIgnoringErrors()
  }

  @Test func `timers fire by deadline and a cancelled one does not`() throws {
    let running = try RunningLoop()
    let order = Guarded<[String]>([])
    let start = HostClock.monotonicNanoseconds
    running.loop.after(nanoseconds: 30_000_000) { order.update { $0.append("late") } }
    let cancelled = running.loop.after(nanoseconds: 10_000_000) { order.update { $0.append("never") } }
    running.loop.after(nanoseconds: 20_000_000) { order.update { $0.append("early") } }
    cancelled.cancel()
    #expect(order.wait(nanoseconds: patience) { $0.count == 2 ? $0 : nil } == ["early", "late"])
    #expect(HostClock.monotonicNanoseconds - start >= 30_000_000)
  }

  @Test func `stopping runs what was posted and can be asked from the loop itself`() throws {
    let loop = try EventLoop()
    let done = Guarded(false)
    loop.post { done.update { $0 = true } }
    try loop.start()
    loop.stop()
    #expect(done.withLock { $0 })
    let other = try EventLoop()
    try other.start()
    let stopped = Guarded(false)
    other.post {
      other.stop()
      stopped.update { $0 = true }
    }
    #expect(stopped.wait(nanoseconds: patience) { $0 ? true : nil } == true)
    #expect(!other.isRunning)
  }

  @Test func `a signal arrives at its callback with its sender`() throws {
    let running = try RunningLoop()
    let got = Guarded<[Int32]>([])
    // The loop's thread has all signals blocked, so a signal sent to it alone waits for the signalfd that it reads.
    let loop = running.loop
    let watch = try SignalWatch([.windowChanged], on: loop) { signal, sender in
      got.update { $0 = [signal.rawValue, sender] }
    }
    loop.post { Signals.raise(.windowChanged) }
    let expected = [HostSignal.windowChanged.rawValue, HostProcess.processID]
    #expect(got.wait(nanoseconds: patience) { $0.isEmpty ? nil : $0 } == expected)
    loop.sync { watch.cancel() }
  }

  @Test func `waiting with a limit gives up and waiting for a change sees it`() throws {
    let value = Guarded(0)
    #expect(value.wait(nanoseconds: 1_000_000) { $0 == 1 ? true : nil } == nil)
    let thread = try Thread(name: "setter") { value.update { $0 = 1 } }
    #expect(value.wait(nanoseconds: .max) { $0 == 1 ? true : nil } == true)
    thread.join()
  }
}
