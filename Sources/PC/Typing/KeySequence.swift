// SPDX-License-Identifier: Apache-2.0
public import InputDevices

/// Text as what a person does at a US keyboard to type it.
public enum KeySequence {
  public enum Notation: String, Sendable, CaseIterable {
    /// Every character stands for itself; a line end is Enter, a tabulator Tab.
    case plain
    /// As Packer's `boot_command`: text with keys between angle brackets, such as `<enter>`, `<leftCtrlOn>`, `<aOff>` and
    /// `<wait1m20s>`. Keys of the next notation may stand there too: `<ctrl-alt-del>`.
    case packer
    /// Keys as openQA's `send_key` takes them, with blanks between them: `ctrl-alt-f2 ret`.
    case openqa
  }

  public enum Step: Sendable, Hashable {
    /// Keys pressed in this order and released in the reverse order.
    case press([KeyCode])
    case hold(KeyCode)
    case release(KeyCode)
    case wait(milliseconds: UInt32)
  }

  /// Steps that type a text. Nothing of it is typed when a part of it has no key.
  public static func parse(_ text: String, _ notation: Notation = .plain) throws(KeyTextError) -> [Step] {
    var parser = Parser(text)
    switch notation {
    case .plain: try parser.characters()
    case .packer: try parser.bootCommand()
    case .openqa: try parser.keys()
    }
    return parser.steps
  }
}

/// Why a text cannot be typed. Positions count characters from 1.
public enum KeyTextError: Error, Hashable, Sendable, CustomStringConvertible {
  case noKey(Unicode.Scalar, position: Int)
  case unknownName(String, position: Int)
  case unknownWait(String, position: Int)
  case waitTooLong(String, position: Int)

  public var description: String {
    switch self {
    case .noKey(let scalar, let position):
      let digits = String(scalar.value, radix: 16, uppercase: true)
      let number = "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
      let shown = scalar.properties.generalCategory == .control ? number : "'\(scalar)' (\(number))"
      return "The US keyboard has no key for \(shown), character \(position) of the text"
    case .unknownName(let name, let position):
      return "There is no key '\(name)', character \(position) of the text"
    case .unknownWait(let name, let position):
      return "'\(name)', character \(position) of the text, is no wait such as <wait5> or <wait1m20s>"
    case .waitTooLong(let name, let position):
      return "'\(name)', character \(position) of the text, is longer than a day"
    }
  }
}

extension KeySequence {
  private struct Parser {
    let text: [Unicode.Scalar]
    var position = 0
    var steps: [Step] = []
    /// Shift keys that are held: a capital then needs no other.
    var heldShifts: Set<KeyCode> = []

    init(_ text: String) { self.text = Array(text.unicodeScalars) }

    private mutating func hold(_ key: KeyCode) {
      if key == .shift || key == .shiftR { heldShifts.insert(key) }
      steps.append(.hold(key))
    }

    private mutating func release(_ key: KeyCode) {
      heldShifts.remove(key)
      steps.append(.release(key))
    }

    // MARK: Plain text

    mutating func characters() throws(KeyTextError) {
      while position < text.count { try character() }
    }

    /// The character at `position` as a key.
    private mutating func character() throws(KeyTextError) {
      let scalar = text[position]
      guard let (key, isShifted) = USLayout.key(scalar) else { throw .noKey(scalar, position: position + 1) }
      position += 1
      // A line end of two characters is one.
      if scalar == "\r", position < text.count, text[position] == "\n" { position += 1 }
      steps.append(.press(isShifted && heldShifts.isEmpty ? [.shift, key] : [key]))
    }

    // MARK: Packer

    mutating func bootCommand() throws(KeyTextError) {
      while position < text.count {
        guard text[position] == "<", let name = bracketedName() else {
          try character()
          continue
        }
        try bracketed(name)
        position += name.unicodeScalars.count + 2
      }
    }

    private static let longestName = 64

    /// What stands between `<` and `>`, if it looks like a name; `<` is a character like others otherwise.
    private func bracketedName() -> String? {
      var name = String.UnicodeScalarView()
      for scalar in text[(position + 1)...].prefix(Self.longestName) {
        if scalar == ">" { return name.isEmpty ? nil : String(name) }
        let isLetter = scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
        guard isLetter || "-_.µ".unicodeScalars.contains(scalar) || isToggled(scalar) else { return nil }
        name.append(scalar)
      }
      return nil
    }

    /// `<;On>` holds the key of any character.
    private func isToggled(_ scalar: Unicode.Scalar) -> Bool {
      guard text[position + 1] == scalar, scalar.isASCII else { return false }
      let rest = String(String.UnicodeScalarView(text[(position + 2)...].prefix(4))).lowercased()
      return rest.hasPrefix("on>") || rest.hasPrefix("off>")
    }

    private mutating func bracketed(_ name: String) throws(KeyTextError) {
      let lower = name.lowercased()
      if lower.hasPrefix("wait") { return steps.append(.wait(milliseconds: try wait(lower))) }
      if lower == "lt" { return steps.append(.press(heldShifts.isEmpty ? [.shift, .comma] : [.comma])) }
      if let key = KeyNames.packer[lower] { return steps.append(.press([key])) }
      if lower.hasSuffix("on"), let keys = toggled(name.dropLast(2)) {
        for key in keys { hold(key) }
        return
      }
      if lower.hasSuffix("off"), let keys = toggled(name.dropLast(3)) {
        for key in keys.reversed() { release(key) }
        return
      }
      // One letter in brackets is more likely a tag than a key.
      guard name.unicodeScalars.count > 1, let keys = combination(name, also: KeyNames.packer) else {
        throw .unknownName("<\(name)>", position: position + 1)
      }
      steps.append(.press(keys))
    }

    /// The keys that `<leftCtrlOn>` or `<AOn>` hold.
    private func toggled(_ name: Substring) -> [KeyCode]? {
      if let key = KeyNames.packer[name.lowercased()] { return [key] }
      guard name.unicodeScalars.count == 1, let scalar = name.unicodeScalars.first,
        let (key, isShifted) = USLayout.key(scalar)
      else { return nil }
      return isShifted ? [.shift, key] : [key]
    }

    private static let longestWait: UInt64 = 86_400_000_000_000
    private static let units: [(name: String, nanoseconds: UInt64)] = [
      ("ns", 1), ("us", 1000), ("µs", 1000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000),
      ("h", 3_600_000_000_000),
    ]

    /// `wait`, `wait5` in seconds, and Go's durations: `wait1m20.5s`.
    private func wait(_ name: String) throws(KeyTextError) -> UInt32 {
      let unknown = KeyTextError.unknownWait("<\(name)>", position: position + 1)
      let long = KeyTextError.waitTooLong("<\(name)>", position: position + 1)
      var rest = name.dropFirst(4)
      if rest.isEmpty { return 1000 }
      if rest.utf8.allSatisfy({ (0x30...0x39).contains($0) }) { rest += "s" }
      var total: UInt64 = 0
      while !rest.isEmpty {
        let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        rest = rest.dropFirst(number.count)
        let unitName = rest.prefix { $0.isLetter }
        rest = rest.dropFirst(unitName.count)
        guard let unit = Self.units.first(where: { $0.name == unitName }), let value = Double(number) else {
          throw unknown
        }
        let nanoseconds = value * Double(unit.nanoseconds)
        guard nanoseconds <= Double(Self.longestWait) else { throw long }
        total += UInt64(nanoseconds)
        guard total <= Self.longestWait else { throw long }
      }
      return UInt32((total + 999_999) / 1_000_000)
    }

    // MARK: openQA

    mutating func keys() throws(KeyTextError) {
      while position < text.count {
        guard !text[position].properties.isWhitespace else {
          position += 1
          continue
        }
        let word = text[position...].prefix { !$0.properties.isWhitespace }
        let name = String(String.UnicodeScalarView(word))
        guard let keys = combination(name, also: [:]) else { throw .unknownName(name, position: position + 1) }
        steps.append(.press(keys))
        position += word.count
      }
    }

    /// Keys joined by hyphens; a key that needs Shift brings it along.
    private func combination(_ name: String, also others: [String: KeyCode]) -> [KeyCode]? {
      var keys: [KeyCode] = []
      for part in name.split(separator: "-", omittingEmptySubsequences: false) {
        if part.unicodeScalars.count > 1 {
          guard let key = others[part.lowercased()] ?? KeyNames.openqa[part.lowercased()] else { return nil }
          keys.append(key)
        } else {
          // Letters have their case here.
          guard let scalar = part.unicodeScalars.first, let (key, isShifted) = USLayout.key(scalar) else { return nil }
          if isShifted, !keys.contains(.shift), heldShifts.isEmpty { keys.append(.shift) }
          keys.append(key)
        }
      }
      return keys
    }
  }
}
