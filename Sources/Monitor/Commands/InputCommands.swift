// SPDX-License-Identifier: Apache-2.0
import PC
import QAPI

/// Presses keys in the order given and releases them in the reverse order.
struct SendKey: MonitorCommand {
  static let name = "send-key"
  var keys: [KeyValue]
  /// Milliseconds between two steps.
  var holdTime: Int64?

  /// A key by name or by number.
  enum KeyValue: Codable, Sendable, QAPIDescribed {
    case number(Int64)
    case qcode(KeyCode)

    enum Kind: String, QMPEnum { case number, qcode }
    private enum CodingKeys: String, CodingKey { case type, data }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      switch try container.decode(Kind.self, forKey: .type) {
      case .number: self = .number(try container.decode(Int64.self, forKey: .data))
      case .qcode: self = .qcode(try container.decode(KeyCode.self, forKey: .data))
      }
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      switch self {
      case .number(let number):
        try container.encode(Kind.number, forKey: .type)
        try container.encode(number, forKey: .data)
      case .qcode(let key):
        try container.encode(Kind.qcode, forKey: .type)
        try container.encode(key, forKey: .data)
      }
    }

    static var qapiType: QAPIType {
      .tagged(
        "KeyValue", by: Kind.self,
        [("number", "IntWrapper", .integer), ("qcode", "QKeyCodeWrapper", SchemaProbe.describe(KeyCode.self))])
    }

    /// nil for a number no key has.
    var key: KeyCode? {
      switch self {
      case .number(let number): KeyCode(number: number)
      case .qcode(let key): key
      }
    }
  }

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    try SendKey.type(keys.compactMap(\.key), holdTime: holdTime, on: context.machine)
    return Empty()
  }

  /// Without a hold time every step takes this many milliseconds.
  private static let defaultHoldTime: UInt32 = 10

  static func type(_ keys: [KeyCode], holdTime: Int64?, on machine: any MonitoredMachine) throws(QMPError) {
    let asked = UInt32(clamping: holdTime ?? 0)
    let step = InputEvent.delay(milliseconds: asked == 0 ? defaultHoldTime : asked)
    let presses = keys.flatMap { [InputEvent.key($0, isDown: true), step] }
    let releases = keys.reversed().flatMap { [InputEvent.key($0, isDown: false), step] }
    do throws(KeyQueueFull) {
      try machine.queueInput(presses + releases)
    } catch {
      throw QMPError(error.description)
    }
  }
}

extension QAPIType {
  /// An object of a `type` and the `data` that goes with it.
  static func tagged<Kind: QMPEnum>(
    _ name: String, by kind: Kind.Type, _ cases: [(value: String, wrapper: String, data: QAPIType)]
  ) -> QAPIType {
    .object(
      name: name, members: [Member(name: "type", type: SchemaProbe.describe(kind))],
      variants: Variants(
        tag: "type",
        cases: cases.map { entry in
          .init(
            value: entry.value,
            type: .object(name: entry.wrapper, members: [Member(name: "data", type: entry.data)]))
        }))
  }
}
