// SPDX-License-Identifier: Apache-2.0
import HostIO

/// QEMU's `key=value,key=value` lists: `,,` is a comma, a first value without a key belongs to an implied one, a key without
/// a value is `on` and with the prefix `no` is `off`. Values are bytes, as file names are.
struct KeyValueList {
  struct Pair {
    var key: String
    var bytes: [UInt8]
    var value: String { String(decoding: bytes, as: UTF8.self) }
  }

  private(set) var pairs: [Pair] = []
  /// Whether `help` or `?` stands in the list by itself.
  private(set) var wantsHelp = false
  let option: GivenOption

  /// Options of which QEMU wants every key with a value refuse a bare one where the others read a switch.
  enum BareKey {
    case isSwitch
    case isRefused
  }

  init(_ option: GivenOption, impliedKey: String? = nil, bareKey: BareKey = .isSwitch) throws(OptionError) {
    self.option = option
    if option.bytes.isEmpty { return }
    for (index, part) in option.bytes.bytes.splitAtSingleCommas().enumerated() {
      if let equals = part.firstIndex(of: UInt8(ascii: "=")) {
        let key = String(decoding: part[..<equals], as: UTF8.self)
        pairs.append(Pair(key: key, bytes: Array(part[(equals + 1)...])))
        continue
      }
      let text = String(decoding: part, as: UTF8.self)
      if index == 0, let impliedKey {
        pairs.append(Pair(key: impliedKey, bytes: part))
      } else if text == "help" || text == "?" {
        wantsHelp = true
      } else if bareKey == .isRefused, !part.isEmpty {
        throw OptionError(option, "Expected '=' after parameter '\(text)'")
      } else if text.hasPrefix("no"), part.count > 2 {
        pairs.append(Pair(key: String(text.dropFirst(2)), bytes: Array("off".utf8)))
      } else if !part.isEmpty {
        pairs.append(Pair(key: text, bytes: Array("on".utf8)))
      }
    }
  }

  /// A list from properties that were given one by one.
  init(_ option: GivenOption, _ properties: [(key: String, value: String)]) {
    self.option = option
    pairs = properties.map { Pair(key: $0.key, bytes: Array($0.value.utf8)) }
  }

  /// Takes the last value of a key out of the list.
  mutating func take(_ key: String) -> String? { takeBytes(key).map { String(decoding: $0, as: UTF8.self) } }

  /// The same for a file name.
  mutating func takePath(_ key: String) -> BytePath? { takeBytes(key).map { BytePath(bytes: $0) } }

  private mutating func takeBytes(_ key: String) -> [UInt8]? {
    guard let bytes = pairs.last(where: { $0.key == key })?.bytes else { return nil }
    pairs.removeAll { $0.key == key }
    return bytes
  }

  /// Takes a name that the user gives to something.
  mutating func takeIdentifier() throws(OptionError) -> String? {
    // Other keys are what was said last; a name is what was said first.
    guard let id = pairs.first(where: { $0.key == "id" })?.value else { return nil }
    drop(["id"])
    let isWellFormed = id.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    guard isWellFormed, let first = id.first, first.isLetter else {
      throw OptionError(
        option,
        "Parameter 'id' expects an identifier\n"
          + "Identifiers consist of letters, digits, '-', '.', '_', starting with a letter.")
    }
    return id
  }

  /// What a switch's text says: `on`, `off` and their older spellings; nil for anything else.
  static func isOn(_ text: String) -> Bool? {
    switch text {
    case "on", "yes", "true", "y": true
    case "off", "no", "false", "n": false
    default: nil
    }
  }

  mutating func takeSwitch(_ key: String) throws(OptionError) -> Bool? {
    guard let value = take(key) else { return nil }
    guard let isOn = Self.isOn(value) else { throw OptionError(option, "Parameter '\(key)' expects 'on' or 'off'") }
    return isOn
  }

  /// Takes a whole number: decimal, octal with 0 in front or hexadecimal with 0x.
  mutating func takeNumber(_ key: String) throws(OptionError) -> UInt64? {
    guard let value = take(key) else { return nil }
    guard let number = Self.number(value) else { throw OptionError(option, "Parameter '\(key)' expects a number") }
    return number
  }

  /// A number in C's notation.
  static func number(_ text: String) -> UInt64? {
    var digits = Substring(text)
    var radix = 10
    if digits.hasPrefix("0x") || digits.hasPrefix("0X") {
      (digits, radix) = (digits.dropFirst(2), 16)
    } else if digits.hasPrefix("0"), digits.utf8.count > 1 {
      (digits, radix) = (digits.dropFirst(), 8)
    }
    return digits.utf8.first.map { $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") } == true
      ? UInt64(digits, radix: radix) : nil
  }

  /// Takes keys out that mean nothing here.
  mutating func drop(_ keys: [String]) { pairs.removeAll { keys.contains($0.key) } }

  /// Refuses whatever has not been taken.
  func finish() throws(OptionError) {
    if let rest = pairs.first { throw OptionError(option, "Invalid parameter '\(rest.key)'") }
  }
}
