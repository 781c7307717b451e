// SPDX-License-Identifier: Apache-2.0
import HostIO

/// A mistake on the command line, as QEMU words it, without the program's name.
public struct OptionError: Error, CustomStringConvertible {
  /// What to print, each with the program's name in front; a message may have lines that explain its first.
  public let messages: [String]
  public var description: String { messages.joined(separator: "\n") }

  public init(_ messages: String...) { self.messages = messages }
  init(_ messages: [String]) { self.messages = messages }

  /// Sentences with the option they belong to in front: `-m foo: Parameter 'size' expects …`.
  init(_ option: GivenOption, _ sentences: String...) { messages = sentences.map { option.prefixing($0) } }
}

/// An option as the user gave it.
struct GivenOption {
  var definition: OptionDefinition
  /// As typed, one dash or two; empty for what is there by default.
  var name: String
  /// The argument, which need not be UTF-8.
  var bytes: BytePath = ""
  /// What error texts show instead, when only a part of the argument is read.
  var shownValue: String?

  var value: String { bytes.description }
  var asksForHelp: Bool { value == "help" || value == "?" }

  /// `-m foo`, for error texts.
  var text: String { definition.argument == nil || name.isEmpty ? name : "\(name) \(shownValue ?? value)" }

  /// A sentence with the option in front, if somebody gave it.
  func prefixing(_ sentence: String) -> String { name.isEmpty ? sentence : "\(text): \(sentence)" }
}
