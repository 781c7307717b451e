// SPDX-License-Identifier: Apache-2.0
import HostIO
import Synchronization

/// Events that other threads post for the machine thread, which takes them between instructions, in order.
public final class Mailbox: Sendable {
  private let events = Guarded<[@Sendable () -> Void]>([])
  private let pending = Atomic<Bool>(false)
  private let looking = Atomic<Int64>(0)
  /// The longest time, in nanoseconds, for which `wait` looks before it sleeps.
  private static let longestLook: Int64 = HostProcess.processorCount > 1 ? 80_000 : 0

  public init() {}

  /// True when an event waits; cheap enough to poll.
  public var hasEvents: Bool { pending.load(ordering: .acquiring) }

  /// Posts from any thread; wakes a machine thread that waits in `wait`.
  public func post(_ event: @escaping @Sendable () -> Void) {
    events.update { queue in
      queue.append(event)
      pending.store(true, ordering: .releasing)
    }
  }

  /// Runs what has been posted, on the machine thread. Events posted meanwhile wait for the next call.
  public func drain() {
    let batch = events.withLock { queue in
      defer { queue = [] }
      pending.store(false, ordering: .releasing)
      return queue
    }
    for event in batch { event() }
  }

  /// Waits until there is an event or the duration in nanoseconds has passed (nil: without limit). Machine thread only.
  ///
  /// To wake a thread takes the host longer than many a request of a disk. So this looks for events for a while before it
  /// sleeps, if the sleeps before were that short, and no longer once one was long: an idle machine sleeps at once.
  public func wait(atMost duration: Int64?) {
    let limit = min(looking.load(ordering: .relaxed), duration ?? .max)
    let start = HostClock.monotonicNanoseconds
    if limit > 0 {
      var rounds = 0
      while !hasEvents {
        HostClock.pause()
        rounds &+= 1
        if rounds & 15 == 0, HostClock.monotonicNanoseconds &- start >= UInt64(limit) { break }
      }
      if hasEvents { return }
    }
    sleep(atMost: duration.map { $0 - limit })
    let isShort = HostClock.monotonicNanoseconds &- start < UInt64(2 * Self.longestLook)
    looking.store(isShort ? Self.longestLook : 0, ordering: .relaxed)
  }

  private func sleep(atMost duration: Int64?) {
    if let duration {
      _ = events.wait(nanoseconds: UInt64(max(0, duration))) { $0.isEmpty ? nil : true }
    } else {
      _ = events.wait { $0.isEmpty ? nil : true }
    }
  }
}

/// A value of the machine thread that travels through other threads inside a posted event.
///
/// Safe: `value` is touched only by code that runs on the machine thread.
public struct MachineBound<Value>: @unchecked Sendable {
  public let value: Value
  public init(_ value: Value) { self.value = value }
}
