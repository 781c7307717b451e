// SPDX-License-Identifier: Apache-2.0
import QAPI

/// How the human monitor reads and shows one migration parameter.
struct MigrationParameterText {
  enum Kind {
    case number
    /// A number of bytes with a suffix; without one it counts units of `unit` bytes.
    case size(unit: UInt64)
    case toggle
    case word
    /// A name, shown in quotes.
    case name
  }

  var name: String
  var kind = Kind.number
  /// Shown behind the value.
  var unit = ""

  /// In the order in which QEMU 7.2 lists them.
  static let all: [MigrationParameterText] = [
    .init(name: "announce-initial", kind: .size(unit: 1), unit: " ms"),
    .init(name: "announce-max", kind: .size(unit: 1), unit: " ms"),
    .init(name: "announce-rounds", kind: .size(unit: 1)),
    .init(name: "announce-step", kind: .size(unit: 1), unit: " ms"),
    .init(name: "compress-level"),
    .init(name: "compress-threads"),
    .init(name: "compress-wait-thread", kind: .toggle),
    .init(name: "decompress-threads"),
    .init(name: "throttle-trigger-threshold"),
    .init(name: "cpu-throttle-initial"),
    .init(name: "cpu-throttle-increment"),
    .init(name: "cpu-throttle-tailslow", kind: .toggle),
    .init(name: "max-cpu-throttle"),
    .init(name: "tls-creds", kind: .name),
    .init(name: "tls-hostname", kind: .name),
    .init(name: "max-bandwidth", kind: .size(unit: 1 << 20), unit: " bytes/second"),
    .init(name: "downtime-limit", kind: .size(unit: 1), unit: " ms"),
    .init(name: "x-checkpoint-delay", unit: " ms"),
    .init(name: "block-incremental", kind: .toggle),
    .init(name: "multifd-channels"),
    .init(name: "multifd-compression", kind: .word),
    .init(name: "multifd-zlib-level"),
    .init(name: "multifd-zstd-level"),
    .init(name: "xbzrle-cache-size", kind: .size(unit: 1), unit: " bytes"),
    .init(name: "max-postcopy-bandwidth", kind: .size(unit: 1 << 20)),
    .init(name: "tls-authz", kind: .name),
  ]

  /// Can be set and is not listed.
  var isUnlisted: Bool { name == "multifd-zlib-level" || name == "multifd-zstd-level" }

  func value(of text: String) throws(QMPError) -> JSON {
    switch kind {
    case .number:
      guard let number = Int64(text) else { throw .invalidParameter(name, expected: "uint64") }
      return .int(number)
    case .size(let unit):
      guard let bytes = Self.size(text, unit: unit) else { throw QMPError("Invalid size \(text)") }
      return bytes <= UInt64(Int64.max) ? .int(Int64(bytes)) : .uint(bytes)
    case .toggle:
      guard text == "on" || text == "off" else { throw .invalidParameter(name, expected: "'on' or 'off'") }
      return .bool(text == "on")
    case .word, .name: return .string(text)
    }
  }

  func line(_ value: JSON) -> String {
    switch (kind, value) {
    case (.toggle, .bool(let isOn)): "\(name): \(isOn ? "on" : "off")\n"
    case (.name, .string(let text)): "\(name): '\(text)'\n"
    case (_, .string(let text)): "\(name): \(text)\n"
    default: "\(name): \(value.text)\(unit)\n"
    }
  }

  /// Digits, a fraction and a suffix from k to E; nil for what is none or is 2^63 bytes and more.
  static func size(_ text: String, unit: UInt64) -> UInt64? {
    let suffixes: [Character: Double] = ["b": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50, "e": 60]
    var digits = text[...]
    var factor = Double(unit)
    if let last = text.last, let power = suffixes[Character(last.lowercased())] {
      digits = text.dropLast()
      factor = Double(UInt64(1) << UInt64(power))
    }
    guard let first = digits.first, first.isASCII, first.isNumber,
      digits.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") })
    else { return nil }
    // Whole numbers are exact.
    if let whole = UInt64(digits) {
      let (bytes, overflow) = whole.multipliedReportingOverflow(by: UInt64(factor))
      return overflow || bytes > UInt64(Int64.max) ? nil : bytes
    }
    guard let number = Double(digits), number * factor < 0x1p63 else { return nil }
    return UInt64(number * factor)
  }
}
