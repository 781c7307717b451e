// SPDX-License-Identifier: Apache-2.0
import InputDevices
import Platform

/// Keys that a command sends: a queue in which waits pass on the virtual clock before what follows them.
///
/// What waits in it is the guest's future, so it is saved with the machine; a reset leaves it alone, as the fingers of a
/// user do not care.
public final class KeyQueue: Device {
  public enum Event: Sendable, Equatable {
    case key(KeyCode, isDown: Bool)
    case delay(milliseconds: UInt32)
  }

  public struct State: DeviceState {
    public static let name: StaticString = "keyqueue"
    public static let version = 1
    var events: [Event] = []
    /// When the wait before the first event ends.
    var deadline: Nanoseconds?

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      var text = KeyQueue.text(events)
      try visitor.buffer("events", &text, limit: KeyQueue.textLimit)
      try visitor.field("deadline", optional: &deadline)
      guard visitor.isLoading else { return }
      guard let loaded = KeyQueue.events(text) else { throw .outOfRange("events") }
      guard (deadline != nil) || loaded.isEmpty, deadline ?? 0 >= 0 else { throw .outOfRange("deadline") }
      events = loaded
    }
  }

  /// Further events are dropped: some ten thousand keys.
  static let limit = 65536
  private static let textLimit = limit * 24

  public var state = State()
  private let keyboard: PS2Keyboard
  private let clock: VirtualClock
  private lazy var timer = clock.timer { [unowned self] _ in
    state.deadline = nil
    send()
  }

  package init(clock: VirtualClock, keyboard: PS2Keyboard) {
    self.clock = clock
    self.keyboard = keyboard
    _ = timer
  }

  public func reset(_ kind: ResetKind) {}

  public func stateDidLoad() { timer.arm(at: state.deadline) }

  package func append(_ new: [Event]) {
    state.events += new.prefix(max(0, Self.limit - state.events.count))
    if state.deadline == nil { send() }
  }

  package func clear() {
    state = State()
    timer.cancel()
  }

  private func send() {
    var sent = 0
    loop: for event in state.events {
      sent += 1
      switch event {
      case .key(let code, let isDown): keyboard.key(code, isDown: isDown)
      case .delay(let milliseconds):
        state.deadline = clock.now &+ Int64(milliseconds) * .millisecond
        break loop
      }
    }
    state.events.removeFirst(sent)
    timer.arm(at: state.deadline)
  }

  // MARK: As text

  /// Events as words: `+NAME` and `-NAME` for keys, milliseconds for waits.
  private static func text(_ events: [Event]) -> [UInt8] {
    var text: [UInt8] = []
    for event in events {
      if !text.isEmpty { text.append(UInt8(ascii: " ")) }
      switch event {
      case .key(let code, let isDown):
        text.append(UInt8(ascii: isDown ? "+" : "-"))
        text += code.rawValue.utf8
      case .delay(let milliseconds): text += String(milliseconds).utf8
      }
    }
    return text
  }

  private static func events(_ text: [UInt8]) -> [Event]? {
    var events: [Event] = []
    for word in text.split(separator: UInt8(ascii: " ")) {
      guard let first = word.first, events.count < limit else { return nil }
      if first == UInt8(ascii: "+") || first == UInt8(ascii: "-") {
        guard let code = KeyCode(rawValue: String(decoding: word.dropFirst(), as: UTF8.self)) else { return nil }
        events.append(.key(code, isDown: first == UInt8(ascii: "+")))
      } else {
        guard let milliseconds = UInt32(String(decoding: word, as: UTF8.self)) else { return nil }
        events.append(.delay(milliseconds: milliseconds))
      }
    }
    return events
  }
}
