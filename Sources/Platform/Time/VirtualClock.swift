// SPDX-License-Identifier: Apache-2.0

/// Nanoseconds of virtual time.
public typealias Nanoseconds = Int64

extension Nanoseconds {
  public static let second: Nanoseconds = 1_000_000_000
  public static let millisecond: Nanoseconds = 1_000_000
  public static let microsecond: Nanoseconds = 1_000
}

/// The time that devices see, and the timers they arm on it.
///
/// Where the time comes from is the machine's affair: instruction counts, the host's clock, or a test that calls
/// `advance`. Timers that fall due at the same instant fire in the order of their groups, and in a group in the order in
/// which they were created, so that a machine that was saved and loaded fires them in the same order. Devices that may come
/// while the machine runs have groups that follow from where they are.
public final class VirtualClock {
  /// The present instant in nanoseconds; never goes backwards.
  public var now: Nanoseconds { source?() ?? manualNow }

  /// Called when a timer was armed earlier than all others, so that a running machine can shorten its run.
  public var deadlineDidShorten: (() -> Void)?

  private var source: (() -> Nanoseconds)?
  private var manualNow: Nanoseconds = 0
  private var nextIdentity = 0
  private var group = 0
  private var armed: [Timer] = []  // sorted by (deadline, group, identity), soonest last

  /// A clock that stands still until `advance`.
  public init() {}

  /// A clock that follows `source`.
  public init(source: @escaping () -> Nanoseconds) { self.source = source }

  /// A timer that calls `action` with its deadline when it falls due. Unarmed at first.
  public func timer(_ action: @escaping (Nanoseconds) -> Void) -> Timer {
    defer { nextIdentity += 1 }
    return Timer(clock: self, group: group, identity: nextIdentity, action: action)
  }

  /// Timers that `body` makes are of this group; others are of group 0.
  public func grouping<Value>(as group: Int, _ body: () -> Value) -> Value {
    let outer = self.group
    self.group = group
    defer { self.group = outer }
    return body()
  }

  /// The soonest deadline, or nil when no timer is armed.
  public var nextDeadline: Nanoseconds? { armed.last?.deadline }

  /// Fires every timer that is due, soonest first, including those that become due meanwhile.
  public func fireDueTimers() {
    while let timer = armed.last, let deadline = timer.deadline, deadline <= now {
      armed.removeLast()
      timer.deadline = nil
      timer.action(deadline)
    }
  }

  /// Moves a clock without a source, firing timers at their exact deadlines on the way.
  public func advance(by duration: Nanoseconds) {
    let target = manualNow &+ duration
    while let deadline = nextDeadline, deadline <= target {
      manualNow = max(manualNow, deadline)
      fireDueTimers()
    }
    manualNow = target
  }

  fileprivate func insert(_ timer: Timer) {
    guard let deadline = timer.deadline else { return }
    var low = 0
    var high = armed.count
    while low < high {  // first index whose timer is not later than `timer`
      let middle = (low + high) / 2
      let other = armed[middle]
      let isLater =
        (other.deadline ?? .max, other.group, other.identity) > (deadline, timer.group, timer.identity)
      if isLater { low = middle + 1 } else { high = middle }
    }
    armed.insert(timer, at: low)
    if low == armed.count - 1 { deadlineDidShorten?() }
  }

  fileprivate func remove(_ timer: Timer) {
    if let index = armed.firstIndex(where: { $0 === timer }) { armed.remove(at: index) }
  }
}

/// One deadline on a `VirtualClock`; made by `VirtualClock.timer`.
public final class Timer {
  /// When it falls due, or nil while it is not armed.
  public fileprivate(set) var deadline: Nanoseconds?
  /// Changed only while the timer is not armed.
  public var group: Int {
    willSet { precondition(deadline == nil, "an armed timer has its place") }
  }
  fileprivate let identity: Int
  fileprivate let action: (Nanoseconds) -> Void
  private unowned let clock: VirtualClock

  fileprivate init(clock: VirtualClock, group: Int, identity: Int, action: @escaping (Nanoseconds) -> Void) {
    self.clock = clock
    self.group = group
    self.identity = identity
    self.action = action
  }

  /// Arms the timer for an instant, or disarms it with nil. An instant in the past fires at once when timers next run.
  public func arm(at instant: Nanoseconds?) {
    if deadline == instant { return }
    if deadline != nil { clock.remove(self) }
    deadline = instant
    if instant != nil { clock.insert(self) }
  }

  public func cancel() { arm(at: nil) }
}
