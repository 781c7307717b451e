// SPDX-License-Identifier: Apache-2.0
import InputDevices
public import Platform

/// How the typing of a text ended.
public struct TypingResult: Sendable, Hashable {
  public enum End: Sendable, Hashable {
    case done
    /// The guest did not read its keyboard for that many milliseconds.
    case notRead(milliseconds: UInt32)
    /// The BIOS has the last key, and no program took it for that many milliseconds.
    case notTaken(milliseconds: UInt32)
    case reset
    case stopped
    /// Another machine was loaded.
    case replaced
  }
  public var end: End
  /// Keys that the guest has taken, of `total`. A combination counts once.
  public var taken: Int
  public var total: Int
  /// Virtual time.
  public var instant: Nanoseconds

  public init(_ end: End, taken: Int, total: Int, at instant: Nanoseconds) {
    (self.end, self.taken, self.total, self.instant) = (end, taken, total, instant)
  }
}

/// Text that is typed as fast as the guest takes it.
///
/// The next key goes in when the guest has read all bytes of the last one from the keyboard controller, and `pause` later, so
/// that whoever has read it can put it where it belongs. A BIOS puts it into a ring of 15 keys, in its interrupt handler,
/// long before a program asks for it, and drops what finds the ring full. So the queue looks at the ring before a key
/// is sent and when it has been read: a tail that has moved on by one entry tells that a BIOS has put the key there, and then
/// the next key also waits until the ring is empty. The memory of other systems does not move like that, so they are
/// never waited for in vain.
extension KeyQueue {
  /// Who waits for a text to be typed.
  struct Typist {
    var taken = 0
    let total: Int
    let report: @Sendable (TypingResult) -> Void
  }

  /// Virtual time between the reading of a key and the next key.
  static let pause: Nanoseconds = 2 * .millisecond

  /// Texts that may wait; somebody waits for each.
  private static let typistLimit = 64

  /// Types after what waits already. `report` hears of the end; without it nobody is waiting.
  package func type(
    _ steps: [KeySequence.Step], patience: UInt32, report: (@Sendable (TypingResult) -> Void)?
  ) throws(KeyQueueFull) {
    var events = [Event.typing(patience: patience)]
    for step in steps {
      switch step {
      case .press(let keys):
        events += keys.map { .key($0, isDown: true) } + keys.reversed().map { .key($0, isDown: false) } + [.stroke]
      case .hold(let key): events += [.key(key, isDown: true), .stroke]
      case .release(let key): events += [.key(key, isDown: false), .stroke]
      case .wait(let milliseconds): events.append(.delay(milliseconds: milliseconds))
      }
    }
    events.append(.typed)
    guard state.events.count + events.count <= Self.limit, typists.count < Self.typistLimit else {
      throw KeyQueueFull()
    }
    let total = events.count { $0 == .stroke }
    typists.append(report.map { Typist(total: total, report: $0) })
    state.events += events
    goOn()
  }

  // MARK: Pace

  func noteRing() { state.ringTail = memory.flatMap(BIOSKeyRing.init)?.tail }

  func noteStroke() {
    if !typists.isEmpty { typists[0]?.taken += 1 }
  }

  /// Whether the guest has taken the last key, or never will.
  func hasTakenKey() -> Bool {
    switch state.wait {
    case .reading:
      if isRead() {
        wait(.settling, for: Self.pause)
      } else if !isTooLong(.notRead) {
        wait(.reading, for: Self.interval)
      }
      return state.wait == .none
    case .settling:
      guard let tail = state.ringTail, let ring = memory.flatMap(BIOSKeyRing.init), ring.hasGrown(from: tail) else {
        return true
      }
      return isTaken(ring)
    default:
      guard let ring = memory.flatMap(BIOSKeyRing.init) else { return true }
      return isTaken(ring)
    }
  }

  private func isTaken(_ ring: BIOSKeyRing) -> Bool {
    if ring.isEmpty { return true }
    if state.wait != .program { state.limit = clock.now &+ Int64(state.patience ?? 0) * .millisecond }
    if isTooLong(.notTaken) { return true }
    wait(.program, for: Self.interval)
    return false
  }

  enum Complaint { case notRead, notTaken }

  /// Gives up the text that is being typed when the guest has stood still for too long.
  func isTooLong(_ complaint: Complaint) -> Bool {
    guard let patience = state.patience, clock.now >= state.limit else { return false }
    state.wait = .none
    release(in: dropText())
    finishTyping(complaint == .notRead ? .notRead(milliseconds: patience) : .notTaken(milliseconds: patience))
    return true
  }

  // MARK: The end

  func finishTyping(_ end: TypingResult.End) {
    guard !typists.isEmpty, let typist = typists.removeFirst() else { return }
    typist.report(TypingResult(end, taken: typist.taken, total: typist.total, at: clock.now))
  }

  /// Ends all texts that somebody waits for.
  func abandon(_ end: TypingResult.End) {
    for case let typist? in typists {
      typist.report(TypingResult(end, taken: typist.taken, total: typist.total, at: clock.now))
    }
    typists = []
  }

  /// The guest was reset. A text whose last key did it is complete, one that was in the middle is given up; a wait in a text
  /// may be there because of the reset, so the text goes on after it.
  func machineWasReset() {
    guard state.patience != nil, state.wait != .delay, state.wait != .none else { return }
    let rest = dropText()
    let isComplete = !rest.contains { if case .key(_, true) = $0 { true } else { false } }
    if isComplete {
      for event in rest where event == .stroke { noteStroke() }
    }
    finishTyping(isComplete ? .done : .reset)
    // The keyboard is about to forget all that it has.
    wait(.delay, for: Self.interval)
  }

  /// The guest stands still, and not for a moment: those who wait are told, and what is left of their texts is dropped.
  func machineWasStopped() {
    guard typists.contains(where: { $0 != nil }) else { return }
    if state.patience != nil, let typist = typists.first, typist != nil {
      release(in: dropText())
      finishTyping(.stopped)
      state.wait = .none
      state.deadline = nil
    }
    // Texts that have not begun.
    var index = state.patience == nil ? -1 : 0
    var isDropping = false
    state.events.removeAll { event in
      if case .typing = event {
        index += 1
        isDropping = typists.indices.contains(index) && typists[index] != nil
      }
      defer { if event == .typed { isDropping = false } }
      return isDropping
    }
    let waiting = typists
    typists = waiting.filter { $0 == nil }
    for case let typist? in waiting {
      typist.report(TypingResult(.stopped, taken: typist.taken, total: typist.total, at: clock.now))
    }
    goOn()
  }

  /// Takes what is left of the text that is being typed out of the queue.
  private func dropText() -> [Event] {
    let end = state.events.firstIndex(of: .typed).map { $0 + 1 } ?? state.events.count
    let rest = Array(state.events[..<end])
    state.events.removeFirst(end)
    state.patience = nil
    return rest
  }

  /// Releases the keys that are down, since what would have done it is not typed any more.
  private func release(in rest: [Event]) {
    var pressed: Set<KeyCode> = []
    var releases: [Event] = []
    for case .key(let code, let isDown) in rest {
      if isDown {
        pressed.insert(code)
      } else if pressed.remove(code) == nil {
        releases.append(.key(code, isDown: false))
      }
    }
    state.events.insert(contentsOf: releases, at: 0)
  }
}
