// SPDX-License-Identifier: Apache-2.0
import HostIO
import Options
import PC
import Testing

/// What a command line comes to, for tests. Words are separated by single spaces; `''` is an empty one.
enum Line {
  static func words(_ text: String) -> [BytePath] {
    text.split(separator: " ").map { $0 == "''" ? BytePath("") : BytePath(String($0)) }
  }

  /// What it starts.
  static func launch(_ text: String) throws -> Launch {
    switch try OptionParser.parse(words(text)) {
    case .run(let launch): return launch
    case .print: throw OptionError("'\(text)' prints a text")
    }
  }

  static func machine(_ text: String) throws -> MachineConfiguration { try launch(text).machine }

  /// The messages with which it is refused, a line each.
  static func refusal(_ text: String) -> [String] { refusal(words(text)) }

  static func refusal(_ arguments: [BytePath]) -> [String] {
    do throws(OptionError) {
      _ = try OptionParser.parse(arguments)
      return []
    } catch {
      return error.messages
    }
  }

  /// The text it prints instead of running.
  static func help(_ text: String) throws -> String {
    guard case .print(let text) = try OptionParser.parse(words(text)) else { return "" }
    return text
  }
}
