// SPDX-License-Identifier: Apache-2.0

extension JSON {
  /// The value as ASCII text without a line end, spaced `{"a": 1, "b": [2, 3]}`.
  public var text: String { String(decoding: utf8(isPretty: false), as: UTF8.self) }

  /// The same as bytes.
  ///
  /// - Parameters:
  ///   - isPretty: spreads objects and arrays over lines indented by four spaces.
  ///   - keepsOrder: members come as they were put in, not in QEMU's order.
  public func utf8(isPretty: Bool = false, keepsOrder: Bool = false) -> [UInt8] {
    var writer = JSONWriter(isPretty: isPretty, keepsOrder: keepsOrder)
    writer.write(self)
    return writer.bytes
  }
}

/// Turns values into text. Only ASCII leaves it: everything else is escaped, so a reader's encoding never matters.
struct JSONWriter {
  private(set) var bytes: [UInt8] = []
  private let isPretty: Bool
  private let keepsOrder: Bool
  private var depth = 0
  /// The members of the object written last, and their order: many objects of a list have the same.
  private var last: (keys: [String], order: [Int]) = ([], [])

  init(isPretty: Bool, keepsOrder: Bool = false) { (self.isPretty, self.keepsOrder) = (isPretty, keepsOrder) }

  mutating func write(_ value: JSON) {
    switch value {
    case .null: write("null")
    case .bool(let value): write(value ? "true" : "false")
    case .int(let value):
      if value < 0 { bytes.append(UInt8(ascii: "-")) }
      write(value.magnitude)
    case .uint(let value): write(value)
    case .double(let value): write(value)
    case .string(let value): writeQuoted(value)
    case .array(let elements):
      writeList("[", "]", elements.indices) { writer, index in writer.write(elements[index]) }
    case .object(let object):
      writeList("{", "}", order(of: object)) { writer, index in
        writer.writeQuoted(object.keys[index])
        writer.write(": ")
        writer.write(object.values[index])
      }
    }
  }

  private mutating func order(of object: JSONObject) -> [Int] {
    if keepsOrder { return Array(object.keys.indices) }
    if object.keys != last.keys { last = (object.keys, object.writingOrder) }
    return last.order
  }

  private mutating func writeList(
    _ opening: StaticString, _ closing: StaticString, _ positions: some Collection<Int>,
    _ writeElement: (inout JSONWriter, Int) -> Void
  ) {
    write(opening)
    depth += 1
    for (count, position) in positions.enumerated() {
      if count > 0 { write(isPretty ? "," : ", ") }
      if isPretty { writeLineStart() }
      writeElement(&self, position)
    }
    depth -= 1
    if isPretty { writeLineStart() }
    write(closing)
  }

  private mutating func writeLineStart() {
    bytes.append(UInt8(ascii: "\n"))
    bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 4 * depth))
  }

  /// The shortest text that reads back as the same number; whole numbers without a fraction, as `%g` prints them.
  private mutating func write(_ value: Double) {
    if value.isNaN {
      write("null")
    } else if value.isInfinite {
      write(value < 0 ? "-1e999" : "1e999")
    } else if value == value.rounded(), abs(value) < 1e17 {
      if value == 0, value.sign == .minus { write("-") }
      write(String(Int64(value)))
    } else {
      write(value.description)
    }
  }

  private mutating func write(_ value: UInt64) {
    var rest = value, count = 0
    var digits: InlineArray<20, UInt8> = .init(repeating: 0)
    repeat {
      digits[count] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
      count += 1
    } while rest > 0
    for index in (0..<count).reversed() { bytes.append(digits[index]) }
  }

  /// Text of which no character is escaped; false if there is one.
  private mutating func writePlain(_ text: String) -> Bool {
    text.utf8.withContiguousStorageIfAvailable { characters in
      for byte in characters
      where byte < 0x20 || byte > 0x7e || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return false }
      bytes.append(contentsOf: characters)
      return true
    } ?? false
  }

  private mutating func writeQuoted(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    if writePlain(text) {
      bytes.append(UInt8(ascii: "\""))
      return
    }
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": write("\\\"")
      case "\\": write("\\\\")
      case "\u{8}": write("\\b")
      case "\u{C}": write("\\f")
      case "\n": write("\\n")
      case "\r": write("\\r")
      case "\t": write("\\t")
      case " "..."~": bytes.append(UInt8(truncatingIfNeeded: scalar.value))
      // Noncharacters (Unicode 15, section 23.7) cannot be read back; QEMU replaces them too.
      case _ where scalar.value & 0xfffe == 0xfffe || (0xfdd0...0xfdef).contains(scalar.value): write("\\uFFFD")
      default:
        for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter { writeEscape(unit) }
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private mutating func writeEscape(_ unit: UInt16) {
    write("\\u")
    for shift in [12, 8, 4, 0] as [UInt16] {
      let digit = UInt8(truncatingIfNeeded: (unit >> shift) & 15)
      bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10)
    }
  }

  private mutating func write(_ text: StaticString) {
    text.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }
  private mutating func write(_ text: String) { bytes.append(contentsOf: text.utf8) }
}
