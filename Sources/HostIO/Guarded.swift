// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// A value behind a lock with a condition variable: threads change it, and wait for each other's changes.
/// Where nobody waits, `Synchronization.Mutex` is enough.
public final class Guarded<Value>: @unchecked Sendable {
  // Safe: `value` is only touched with `mutex` held; the mutex and the condition live at fixed addresses until deinit.
  private var value: Value
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  public init(_ value: sending Value) {
    self.value = value
    mutex.initialize(to: pthread_mutex_t())
    condition.initialize(to: pthread_cond_t())
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  /// Runs `body` alone with the value. Waiters are not woken; see `update`.
  public func withLock<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&value)
  }

  /// Runs `body` alone with the value and wakes every waiter to look again.
  public func update<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    pthread_mutex_lock(mutex)
    defer {
      pthread_cond_broadcast(condition)
      pthread_mutex_unlock(mutex)
    }
    return try body(&value)
  }

  /// Waits until `ready` returns something; it runs with the lock held, at once and after each `update`.
  public func wait<Result>(until ready: (inout Value) -> Result?) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      if let result = ready(&value) { return result }
      pthread_cond_wait(condition, mutex)
    }
  }

  /// As above, giving up with nil after `nanoseconds`.
  public func wait<Result>(nanoseconds: UInt64, until ready: (inout Value) -> Result?) -> Result? {
    let deadline = HostClock.monotonicNanoseconds.addingReportingOverflow(nanoseconds)
    // A deadline past the year 2262 overflows time_t's nanoseconds; waiting that long is waiting for ever.
    let end = deadline.overflow ? UInt64(Int64.max) : min(deadline.partialValue, UInt64(Int64.max))
    var limit = timespec(tv_sec: time_t(end / 1_000_000_000), tv_nsec: Int(end % 1_000_000_000))
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      if let result = ready(&value) { return result }
      if pthread_cond_timedwait(condition, mutex, &limit) == ETIMEDOUT { return ready(&value) }
    }
  }
}
