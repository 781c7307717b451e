// SPDX-License-Identifier: Apache-2.0
import InputDevices
import Platform

/// Keys that commands send, on their way to the keyboard.
///
/// Keys of `send-key` come with waits, which pass on the virtual clock before what follows them. Typed text
/// (`KeyQueue+Typing.swift`) is paced by the guest: the next key goes in when the guest has taken the last one. A key for
/// which the keyboard has no room, or that comes while the guest has switched the keyboard off, waits.
///
/// What waits in the queue is the guest's future, so it is saved with the machine; a reset leaves `send-key`'s keys alone, as
/// the fingers of a user do not care.
public final class KeyQueue: Device {
  public enum Event: Sendable, Equatable {
    case key(KeyCode, isDown: Bool)
    case delay(milliseconds: UInt32)
    /// What follows, up to `typed`, is paced by the guest, which may stand still for so long.
    case typing(patience: UInt32)
    /// A step of the text has been done.
    case stroke
    case typed
  }

  /// Why the first event does not go out now.
  enum Wait: UInt8 {
    case none
    /// A `delay` before it has not passed.
    case delay
    /// The keyboard has no room, or the guest has switched it off.
    case keyboard
    /// The guest has not read the last key.
    case reading
    /// The guest has read it a moment ago.
    case settling
    /// The BIOS keeps the last key for a program that has not taken it.
    case program
  }

  public struct State: DeviceState {
    public static let name: StaticString = "keyqueue"
    public static let version = 2
    var events: [Event] = []
    /// When the wait ends, or when to look whether it has ended.
    var deadline: Nanoseconds?
    var wait = Wait.none
    /// Milliseconds for which the guest may stand still before typing is given up; nil when the next key is not typed text.
    var patience: UInt32?
    /// When it is given up.
    var limit: Nanoseconds = 0
    /// Where the BIOS's ring ended before the last typed key was sent.
    var ringTail: UInt16?

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      var text = KeyQueue.text(events)
      try visitor.buffer("events", &text, limit: KeyQueue.textLimit)
      try visitor.field("deadline", optional: &deadline)
      // Version 1 knew no wait but a delay.
      guard visitor.version >= 2 else {
        self = State(events: events, deadline: deadline, wait: deadline == nil ? .none : .delay)
        return try finish(text, visitor)
      }
      try visitor.field("wait", choice: &wait)
      try visitor.field("patience", optional: &patience)
      try visitor.field("limit", &limit)
      try visitor.field("ring_tail", optional: &ringTail)
      try finish(text, visitor)
    }

    private mutating func finish<V: StateVisitor>(_ text: [UInt8], _ visitor: V) throws(StateError) {
      guard visitor.isLoading else { return }
      guard let loaded = KeyQueue.events(text) else { throw .outOfRange("events") }
      guard (deadline != nil) || loaded.isEmpty, deadline ?? 0 >= 0 else { throw .outOfRange("deadline") }
      guard (wait == .none) == (deadline == nil) else { throw .outOfRange("wait") }
      guard limit >= 0 else { throw .outOfRange("limit") }
      events = loaded
    }
  }

  /// Events that may wait: some ten thousand keys.
  static let limit = 65536
  private static let textLimit = limit * 24
  /// How often the queue looks whether the guest has got on.
  static let interval: Nanoseconds = .millisecond
  /// The same for a key that waits for an idle guest to make room.
  private static let slowInterval: Nanoseconds = 10 * .millisecond

  public var state = State()
  let keyboard: PS2Keyboard
  let clock: VirtualClock
  /// Whether the guest has read what the keyboard has sent.
  let isRead: () -> Bool
  let memory: GuestMemory?
  /// Who waits for the texts in the queue, in their order.
  var typists: [Typist?] = []
  private lazy var timer = clock.timer { [unowned self] _ in lookAgain() }

  /// - Parameters:
  ///   - isRead: whether the guest has read all that the keyboard has sent; nil: when the keyboard has nothing left.
  ///   - memory: where a BIOS keeps keys.
  package init(
    clock: VirtualClock, keyboard: PS2Keyboard, memory: GuestMemory? = nil, isRead: (() -> Bool)? = nil
  ) {
    self.clock = clock
    self.keyboard = keyboard
    self.memory = memory
    self.isRead = isRead ?? { keyboard.unreadByteCount == 0 }
    _ = timer
  }

  public func reset(_ kind: ResetKind) {
    machineWasReset()
    timer.arm(at: state.deadline)
  }

  public func stateDidLoad() {
    abandon(.replaced)
    typists = state.events.filter { $0 == .typed }.map { _ in nil }
    timer.arm(at: state.deadline)
  }

  /// Events to go out after those that wait.
  package func append(_ new: [Event]) throws(KeyQueueFull) {
    guard state.events.count + new.count <= Self.limit else { throw KeyQueueFull() }
    state.events += new
    goOn()
  }

  package func clear() {
    abandon(.replaced)
    state = State()
    timer.cancel()
  }

  /// Sends what can go out now.
  func goOn() {
    if state.wait == .none { send() }
    timer.arm(at: state.deadline)
  }

  // MARK: Waiting

  func wait(_ wait: Wait, for duration: Nanoseconds) {
    state.wait = wait
    state.deadline = clock.now &+ duration
  }

  private func lookAgain() {
    state.deadline = nil
    if hasWaited() {
      state.wait = .none
      send()
    }
    timer.arm(at: state.deadline)
  }

  /// At the deadline: whether the wait is over. If not, another follows.
  private func hasWaited() -> Bool {
    switch state.wait {
    case .none, .delay: return true
    case .keyboard:
      if case .key(let code, let isDown) = state.events.first, keyboard.accepts(code, isDown: isDown) { return true }
      if isTooLong(.notRead) { return true }
      wait(.keyboard, for: state.patience == nil ? Self.slowInterval : Self.interval)
      return false
    case .reading, .settling, .program: return hasTakenKey()
    }
  }

  private func send() {
    var sent = 0
    // What is put into the queue from here on comes after what is in it.
    loop: for event in state.events {
      switch event {
      case .key(let code, let isDown):
        guard keyboard.accepts(code, isDown: isDown) else {
          if let patience = state.patience { state.limit = clock.now &+ Int64(patience) * .millisecond }
          wait(.keyboard, for: Self.interval)
          break loop
        }
        sent += 1
        if state.patience != nil { noteRing() }
        keyboard.key(code, isDown: isDown)
        if let patience = state.patience {
          state.limit = clock.now &+ Int64(patience) * .millisecond
          wait(.reading, for: Self.interval)
          break loop
        }
      case .delay(let milliseconds):
        sent += 1
        wait(.delay, for: Int64(milliseconds) * .millisecond)
        break loop
      case .typing(let patience):
        sent += 1
        state.patience = patience
      case .stroke:
        sent += 1
        noteStroke()
      case .typed:
        sent += 1
        state.patience = nil
        finishTyping(.done)
      }
    }
    state.events.removeFirst(sent)
  }
}

/// The queue has no room for what a command wants to send.
public struct KeyQueueFull: Error, Hashable, Sendable, CustomStringConvertible {
  public init() {}
  public var description: String { "Too many keys wait for the guest to read its keyboard" }
}
