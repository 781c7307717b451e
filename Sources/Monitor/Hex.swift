// SPDX-License-Identifier: Apache-2.0

/// Numbers as text of a fixed width, as C's `%0*x` and `%*d` print them.
enum Hex {
  static func text(_ value: some FixedWidthInteger & UnsignedInteger, digits: Int) -> String {
    pad(String(value, radix: 16), to: digits, with: "0")
  }

  /// Fills up on the left.
  static func pad(_ text: String, to width: Int, with filler: Character = " ") -> String {
    String(repeating: filler, count: max(0, width - text.utf8.count)) + text
  }

  /// Fills up with spaces on the right.
  static func padRight(_ text: String, to width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.utf8.count))
  }
}
