// SPDX-License-Identifier: Apache-2.0
import InputDevices
import PC

/// Text as keys of a US keyboard.
enum Typing {
  /// Milliseconds for which a key is down, and then up.
  private static let step: UInt32 = 20

  /// Events that type the texts, each not before its instant, when they are queued at virtual time 0.
  static func events(_ texts: [(milliseconds: UInt32, text: String)]) throws -> [KeyQueue.Event] {
    var events: [KeyQueue.Event] = []
    var now: UInt32 = 0
    for (instant, text) in texts {
      if instant > now {
        events.append(.delay(milliseconds: instant - now))
        now = instant
      }
      let unescaped = text.replacing("\\n", with: "\n").replacing("\\t", with: "\t")
      for character in unescaped {
        let (key, isShifted) = try key(for: character)
        if isShifted { events.append(.key(.shift, isDown: true)) }
        events += [.key(key, isDown: true), .delay(milliseconds: step), .key(key, isDown: false)]
        if isShifted { events.append(.key(.shift, isDown: false)) }
        events.append(.delay(milliseconds: step))
        now += 2 * step
      }
    }
    return events
  }

  private static let names: [Character: String] = [
    "\n": "ret", "\t": "tab", " ": "spc", "-": "minus", "=": "equal", "[": "bracket_left", "]": "bracket_right",
    ";": "semicolon", "'": "apostrophe", "`": "grave_accent", "\\": "backslash", ",": "comma", ".": "dot",
    "/": "slash",
  ]
  private static let shifted: [Character: Character] = [
    "!": "1", "@": "2", "#": "3", "$": "4", "%": "5", "^": "6", "&": "7", "*": "8", "(": "9", ")": "0", "_": "-",
    "+": "=", "{": "[", "}": "]", ":": ";", "\"": "'", "~": "`", "|": "\\", "<": ",", ">": ".", "?": "/",
  ]

  private static func key(for character: Character) throws -> (KeyCode, isShifted: Bool) {
    let lower = shifted[character] ?? Character(character.lowercased())
    guard let key = KeyCode(rawValue: names[lower] ?? String(lower)) else {
      throw MachineError("There is no key for '\(character)'")
    }
    return (key, lower != character)
  }
}
