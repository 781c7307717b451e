// SPDX-License-Identifier: Apache-2.0
import InputDevices

/// The queue in a saved machine: events as words. `+NAME` and `-NAME` are keys, a number is a wait in milliseconds,
/// `TNUMBER` begins typed text, `.` ends a step of it, and `E` ends it.
extension KeyQueue {
  static func text(_ events: [Event]) -> [UInt8] {
    var text: [UInt8] = []
    for event in events {
      if !text.isEmpty { text.append(UInt8(ascii: " ")) }
      switch event {
      case .key(let code, let isDown):
        text.append(UInt8(ascii: isDown ? "+" : "-"))
        text += code.rawValue.utf8
      case .delay(let milliseconds): text += String(milliseconds).utf8
      case .typing(let patience): text += "T\(patience)".utf8
      case .stroke: text.append(UInt8(ascii: "."))
      case .typed: text.append(UInt8(ascii: "E"))
      }
    }
    return text
  }

  static func events(_ text: [UInt8]) -> [Event]? {
    var events: [Event] = []
    for word in text.split(separator: UInt8(ascii: " ")) {
      guard events.count < limit, let event = event(String(decoding: word, as: UTF8.self)) else { return nil }
      events.append(event)
    }
    return events
  }

  private static func event(_ word: String) -> Event? {
    switch word.first {
    case "+", "-": KeyCode(rawValue: String(word.dropFirst())).map { .key($0, isDown: word.first == "+") }
    case "T": UInt32(word.dropFirst()).map { .typing(patience: $0) }
    default:
      switch word {
      case ".": .stroke
      case "E": .typed
      default: UInt32(word).map { .delay(milliseconds: $0) }
      }
    }
  }
}
