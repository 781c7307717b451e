// SPDX-License-Identifier: Apache-2.0
import HostIO
import Synchronization

/// Events that other threads post for the machine thread, which takes them between instructions, in order.
public final class Mailbox: Sendable {
  private let events = Guarded<[@Sendable () -> Void]>([])
  private let pending = Atomic<Bool>(false)

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

  /// Sleeps until an event waits or the duration in nanoseconds has passed (nil: without limit).
  public func wait(atMost duration: Int64?) {
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
