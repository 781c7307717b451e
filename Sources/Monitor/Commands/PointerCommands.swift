// SPDX-License-Identifier: Apache-2.0
import QAPI

struct QueryMice: MonitorCommand {
  static let name = "query-mice"
  struct MouseInfo: Codable, Sendable {
    var name: String
    var index: Int
    var current: Bool
    var absolute: Bool
  }
  typealias Returns = [MouseInfo]

  func run(in context: MonitorContext) -> [MouseInfo] {
    context.machine.pointers.map {
      MouseInfo(name: $0.name, index: $0.index, current: $0.isCurrent, absolute: $0.isAbsolute)
    }
  }
}

/// Keys, buttons and motion at once, as a person makes them.
struct InputSendEvent: MonitorCommand {
  static let name = "input-send-event"
  /// The display that the input comes through; it must exist, and every device hears of input through any.
  var device: String?
  var head: Int64?
  var events: [Event]

  /// Input with its kind in `type`.
  struct Event: Codable, Sendable, QAPIDescribed {
    var input: GuestInput

    struct Key: Codable, Sendable {
      var key: SendKey.KeyValue
      var down: Bool
    }
    struct Button: Codable, Sendable {
      var button: GuestInput.Button
      var down: Bool
    }
    struct Move: Codable, Sendable {
      var axis: GuestInput.Axis
      var value: Int64
    }
    private enum CodingKeys: String, CodingKey { case type, data }

    /// A key number that no key has stands for the key without a place.
    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      switch try container.decode(GuestInput.Kind.self, forKey: .type) {
      case .key:
        let data = try container.decode(Key.self, forKey: .data)
        input = .key(data.key.key ?? .unmapped, isDown: data.down)
      case .button:
        let data = try container.decode(Button.self, forKey: .data)
        input = .button(data.button, isDown: data.down)
      case .motion:
        let data = try container.decode(Move.self, forKey: .data)
        input = .motion(data.axis, data.value)
      case .position:
        let data = try container.decode(Move.self, forKey: .data)
        input = .position(data.axis, data.value)
      }
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(input.kind, forKey: .type)
      switch input {
      case .key(let key, let isDown): try container.encode(Key(key: .qcode(key), down: isDown), forKey: .data)
      case .button(let button, let isDown): try container.encode(Button(button: button, down: isDown), forKey: .data)
      case .motion(let axis, let value), .position(let axis, let value):
        try container.encode(Move(axis: axis, value: value), forKey: .data)
      }
    }

    static var qapiType: QAPIType {
      let move = SchemaProbe.describe(Move.self)
      return .tagged(
        "InputEvent", by: GuestInput.Kind.self,
        [
          ("key", "InputKeyEventWrapper", SchemaProbe.describe(Key.self)),
          ("btn", "InputBtnEventWrapper", SchemaProbe.describe(Button.self)),
          ("rel", "InputMoveEventWrapper", move), ("abs", "InputMoveEventWrapper", move),
        ])
    }
  }

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    if let device {
      do throws(ScreenCaptureError) {
        try context.machine.findConsole(device: device, head: head ?? 0)
      } catch {
        throw QMPError(error)
      }
    }
    guard context.machine.runState == .running else { throw QMPError("VM not running") }
    for event in events where !context.machine.accepts(event.input.kind) {
      throw QMPError("Input handler not found for event type \(event.input.kind.rawValue)")
    }
    context.machine.handle(events.map(\.input))
    return Empty()
  }
}
