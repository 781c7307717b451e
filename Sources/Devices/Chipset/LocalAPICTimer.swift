// SPDX-License-Identifier: Apache-2.0
import Platform

/// The timer: counts down from the initial count, once or again and again, on a bus clock of 1 GHz as QEMU's.
///
/// Nothing counts: the current count follows from the virtual clock. A deadline is armed only while an expiry can change
/// something, which it does not while the last one's request is still pending; a guest that lets the shortest period run
/// with interrupts off therefore costs nothing.
///
/// The host's clock goes on between two looks at it. Whether an armed deadline has come and whether the count is over
/// must be one question, asked of one instant, or an expiry in between would end the count without its interrupt.
/// Reference: Intel SDM volume 3, section 10.5.4.
extension LocalAPIC {
  private static let timerEntry = LocalAPICRegister.LocalVector.timer.rawValue

  private var isPeriodic: Bool { state.localVectors[Self.timerEntry] & LocalAPICRegister.periodic != 0 }

  /// Nanoseconds a count.
  private var divisor: Int64 {
    let code = state.divide & 3 | (state.divide & 8) >> 1
    return 1 << Int64((code &+ 1) & 7)
  }

  /// Counts since the timer was started.
  private func elapsed(_ now: Nanoseconds) -> Int64 { max(0, now &- state.countStart) / divisor }

  /// Brings the count up to date: reports an expiry whose time has come before anything changes what it would do.
  /// Returns the instant for which that holds.
  @discardableResult
  func settleTimer() -> Nanoseconds {
    let now = clock.now
    if let deadline = timer.deadline, deadline <= now {
      timer.cancel()
      expire(now)
    } else {
      settleCount(now)
    }
    return now
  }

  /// Brings `countStart` to the period that runs at `now`, or stops a count that is over.
  private func settleCount(_ now: Nanoseconds) {
    guard state.isCounting else { return }
    let (count, elapsed) = (Int64(state.initialCount), elapsed(now))
    guard elapsed >= count else { return }
    if isPeriodic {
      state.countStart &+= elapsed / count * count * divisor
    } else {
      state.isCounting = false
    }
  }

  var currentCount: UInt32 {
    let now = settleTimer()
    guard state.isCounting else { return 0 }
    return UInt32(truncatingIfNeeded: Int64(state.initialCount) - elapsed(now))
  }

  /// Writing the initial count starts the timer; zero stops it.
  func startCount(_ value: UInt32) {
    let now = settleTimer()
    state.initialCount = value
    state.countStart = now
    state.isCounting = value != 0
    armTimer()
  }

  /// The count goes on from where it is at another rate.
  func setDivide(_ value: UInt8) {
    let now = settleTimer()
    let done = elapsed(now)
    state.divide = value
    if state.isCounting { state.countStart = now &- done * divisor }
    armTimer()
  }

  /// Something has changed on which the deadline depends.
  func updateTimer() {
    settleTimer()
    armTimer()
  }

  /// Arms the deadline of the period that runs, if its end changes something. An armed deadline follows from the state.
  func armTimer() {
    let entry = state.localVectors[Self.timerEntry]
    let vector = UInt8(truncatingIfNeeded: entry)
    let isNews =
      vector >= 16
      ? !state.requests.contains(vector)
      : state.pendingErrors & LocalAPICRegister.Errors.receivedIllegalVector.rawValue == 0
    guard state.isCounting, state.isEnabled, entry & LocalAPICRegister.masked == 0, isNews else {
      timer.cancel()
      return
    }
    timer.arm(at: state.countStart &+ Int64(state.initialCount) * divisor)
  }

  func timerDidExpire() {
    expire(clock.now)
    armTimer()
  }

  private func expire(_ now: Nanoseconds) {
    settleCount(now)
    request(UInt8(truncatingIfNeeded: state.localVectors[Self.timerEntry]), isLevelTriggered: false)
  }
}
