// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Synchronization

/// One thread that waits for descriptors, timers and posted work, and runs their callbacks one at a time.
///
/// Every character back end and monitor connection lives here. Callbacks must not block: whatever may stall goes to a
/// worker. Every method may be called from any thread. Descriptors that epoll(7) refuses, such as regular files and
/// `/dev/null`, count as always ready, which is what read(2) and write(2) on them do.
public final class EventLoop: Sendable {
  public typealias Readiness = FileDescriptor.Readiness
  public typealias Handler = @Sendable (Readiness) -> Void

  /// A descriptor under watch. Dropping it does not cancel; `cancel()` does. Cancel before closing the descriptor.
  public final class Watch: Sendable {
    fileprivate let token: UInt64
    fileprivate let loop: EventLoop
    fileprivate init(token: UInt64, loop: EventLoop) { (self.token, self.loop) = (token, loop) }

    /// Changes what is waited for; with an empty set nothing is reported, not even a hang-up.
    public func setInterest(_ interest: Readiness) { loop.setInterest(token, interest) }
    /// No callback starts after this returns if called on the loop's thread; from another thread one may still be running.
    public func cancel() { loop.cancelWatch(token) }
  }

  /// A pending one-shot timer.
  public struct Timer: Sendable {
    fileprivate let token: UInt64
    fileprivate let loop: EventLoop
    /// Harmless when it has fired.
    public func cancel() { loop.state.withLock { state in state.timers.removeAll { $0.token == token } } }
  }

  private struct Watched {
    let descriptor: FileDescriptor
    var interest: Readiness
    /// epoll refused the descriptor: it is always ready.
    var isAlwaysReady = false
    var isRegistered = false
    let handler: Handler
  }

  private struct PendingTimer {
    let token: UInt64
    let deadline: UInt64
    let body: @Sendable () -> Void
  }

  private struct State {
    var nextToken: UInt64 = 1
    var watches: [UInt64: Watched] = [:]
    var posted: [@Sendable () -> Void] = []
    /// Latest deadline first; equal deadlines keep their order of arrival.
    var timers: [PendingTimer] = []
    var isStopping = false
    var wakeIsPending = false
    var thread: Thread?
  }

  private let state = Mutex(State())
  private let poller: FileDescriptor
  private let waker: FileDescriptor
  private let currentThreadID = Atomic<Int>(0)

  /// Makes the loop without a thread, so that a process may still fork. `start()` runs it.
  public init() throws(Errno) {
    poller = FileDescriptor(rawValue: try call { epoll_create1(O_CLOEXEC) })
    do throws(Errno) {
      waker = FileDescriptor(rawValue: try call { eventfd(0, O_CLOEXEC | O_NONBLOCK) })
    } catch {
      poller.closeIgnoringErrors()
      throw error
    }
    _ = try call { linux_epoll_control(poller.rawValue, 1, waker.rawValue, 1, 0) }
  }

  deinit {
    waker.closeIgnoringErrors()
    poller.closeIgnoringErrors()
  }

  /// Starts the loop's thread. Once only.
  public func start(name: String = "io") throws(Errno) {
    let result = state.withLock { state -> Result<Void, Errno> in
      do throws(Errno) {
        state.thread = try Thread(name: name) { [self] in run() }
        return .success(())
      } catch { return .failure(error) }
    }
    try result.get()
  }

  /// Ends the loop after the work already posted; waits for its thread unless called on it. Watches are forgotten.
  public func stop() {
    let thread = state.withLock { state in
      state.isStopping = true
      defer { state.thread = nil }
      return state.thread
    }
    wake()
    if !isCurrent { thread?.join() }
  }

  /// Whether the loop has a thread that will run what is posted.
  public var isRunning: Bool { state.withLock { $0.thread != nil && !$0.isStopping } }

  /// Whether the caller runs on the loop's thread.
  public var isCurrent: Bool { currentThreadID.load(ordering: .relaxed) == Thread.currentID }

  /// Calls `handler` on the loop whenever the descriptor is ready. One watch per descriptor (`.exists`).
  public func watch(
    _ descriptor: FileDescriptor, _ interest: Readiness, _ handler: @escaping Handler
  ) throws(Errno) -> Watch {
    let result = state.withLock { state -> Result<UInt64, Errno> in
      var watched = Watched(descriptor: descriptor, interest: interest, handler: handler)
      let token = state.nextToken
      state.nextToken &+= 1
      do throws(Errno) { try register(&watched, token) } catch { return .failure(error) }
      state.watches[token] = watched
      return .success(token)
    }
    wake()
    return Watch(token: try result.get(), loop: self)
  }

  /// Runs `work` on the loop's thread, in the order posted.
  public func post(_ work: @escaping @Sendable () -> Void) {
    state.withLock { $0.posted.append(work) }
    wake()
  }

  /// Runs `body` on the loop's thread and waits for it; at once when already there. Must not be called with a lock held
  /// that the loop's callbacks take, nor before `start()`.
  public func sync<Value: Sendable>(_ body: @escaping @Sendable () -> Value) -> Value {
    if isCurrent { return body() }
    let result = Guarded<Value?>(nil)
    post {
      let value = body()
      result.update { $0 = value }
    }
    return result.wait { $0 }
  }

  /// Calls `body` once on the loop, `nanoseconds` from now or a little later.
  @discardableResult
  public func after(nanoseconds: UInt64, _ body: @escaping @Sendable () -> Void) -> Timer {
    let (sum, overflow) = HostClock.monotonicNanoseconds.addingReportingOverflow(nanoseconds)
    let deadline = overflow ? UInt64.max : sum
    let token = state.withLock { state in
      let token = state.nextToken
      state.nextToken &+= 1
      let place = state.timers.firstIndex { $0.deadline <= deadline } ?? state.timers.endIndex
      state.timers.insert(PendingTimer(token: token, deadline: deadline, body: body), at: place)
      return token
    }
    wake()
    return Timer(token: token, loop: self)
  }

  // MARK: The loop

  private func run() {
    currentThreadID.store(Thread.currentID, ordering: .relaxed)
    defer { currentThreadID.store(0, ordering: .relaxed) }
    var events = [epoll_event](repeating: epoll_event(), count: 64)
    while true {
      let (timeout, isStopping) = nextTimeout()
      let count = epoll_wait(poller.rawValue, &events, Int32(events.count), timeout)
      for index in 0..<max(0, Int(count)) {
        let token = events[index].data.u64
        if token == 0 { drainWaker() } else { deliver(events[index].events, to: token) }
      }
      deliverAlwaysReady()
      runTimers()
      let work = state.withLock { state in
        defer { state.posted.removeAll() }
        return state.posted
      }
      for item in work { item() }
      if isStopping && work.isEmpty { break }
    }
    state.withLock { state in
      state.watches.removeAll()
      state.timers.removeAll()
    }
  }

  private func nextTimeout() -> (milliseconds: Int32, isStopping: Bool) {
    state.withLock { state in
      let isBusy =
        state.isStopping || !state.posted.isEmpty
        || state.watches.values.contains { $0.isAlwaysReady && !$0.interest.isEmpty }
      if isBusy { return (0, state.isStopping) }
      guard let next = state.timers.last else { return (-1, false) }
      let now = HostClock.monotonicNanoseconds
      if next.deadline <= now { return (0, false) }
      let milliseconds = (next.deadline - now) / 1_000_000 + 1
      return (Int32(min(milliseconds, 60_000)), false)
    }
  }

  private func deliver(_ events: UInt32, to token: UInt64) {
    let found = state.withLock { $0.watches[token] }
    guard let found else { return }
    var ready: Readiness = []
    if events & 0x1 != 0 { ready.insert(.readable) }  // EPOLLIN
    if events & 0x4 != 0 { ready.insert(.writable) }  // EPOLLOUT
    if events & 0x18 != 0 { ready.insert(.hungUp) }  // EPOLLERR, EPOLLHUP
    ready.formIntersection(found.interest.union(.hungUp))
    if !ready.isEmpty { found.handler(ready) }
  }

  private func deliverAlwaysReady() {
    let ready = state.withLock { state in state.watches.filter { $0.value.isAlwaysReady && !$0.value.interest.isEmpty }
    }
    for (token, _) in ready {
      // A handler before this one may have cancelled it or changed its mind.
      guard let now = state.withLock({ $0.watches[token] }), !now.interest.isEmpty else { continue }
      now.handler(now.interest.intersection([.readable, .writable]))
    }
  }

  private func runTimers() {
    let limit = HostClock.monotonicNanoseconds
    while true {
      let due = state.withLock { state -> PendingTimer? in
        guard let next = state.timers.last, next.deadline <= limit else { return nil }
        return state.timers.removeLast()
      }
      guard let due else { return }
      due.body()
    }
  }

  private func wake() {
    let isNeeded = state.withLock { state in
      defer { state.wakeIsPending = true }
      return !state.wakeIsPending
    }
    if isNeeded { _ = eventfd_write(waker.rawValue, 1) }
  }

  private func drainWaker() {
    state.withLock { state in
      state.wakeIsPending = false
      var count: eventfd_t = 0
      _ = eventfd_read(waker.rawValue, &count)
    }
  }

  // MARK: Registration, with the lock held

  private func register(_ watched: inout Watched, _ token: UInt64) throws(Errno) {
    if watched.isAlwaysReady || watched.interest.isEmpty { return }
    var events: UInt32 = 0
    if watched.interest.contains(.readable) { events |= 0x1 }
    if watched.interest.contains(.writable) { events |= 0x4 }
    let operation: Int32 = watched.isRegistered ? 3 : 1  // EPOLL_CTL_MOD, EPOLL_CTL_ADD
    do throws(Errno) {
      _ = try call { linux_epoll_control(poller.rawValue, operation, watched.descriptor.rawValue, events, token) }
      watched.isRegistered = true
    } catch .notPermitted {
      watched.isAlwaysReady = true
    }
  }

  private func setInterest(_ token: UInt64, _ interest: Readiness) {
    state.withLock { state in
      guard var watched = state.watches[token], watched.interest != interest else { return }
      watched.interest = interest
      if interest.isEmpty { unregister(&watched) } else { try? register(&watched, token) }
      state.watches[token] = watched
    }
    wake()
  }

  private func cancelWatch(_ token: UInt64) {
    // The handler may own the last reference to objects that take locks of their own, so it is let go outside this one.
    let removed = state.withLock { state in
      var removed = state.watches.removeValue(forKey: token)
      if removed != nil { unregister(&removed!) }
      return removed
    }
    withExtendedLifetime(removed) {}
  }

  private func unregister(_ watched: inout Watched) {
    // EPOLL_CTL_DEL. epoll reports EPOLLHUP even with no events asked for, so an idle watch must leave the set.
    if watched.isRegistered { _ = linux_epoll_control(poller.rawValue, 2, watched.descriptor.rawValue, 0, 0) }
    watched.isRegistered = false
  }
}
