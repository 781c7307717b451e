// SPDX-License-Identifier: Apache-2.0
public import Platform

/// Lengths of time as people write them: `1.5s`, `200ms`, `2m`, `1h`; a bare number is seconds.
public enum DurationText {
  private static let units: [(name: String, value: Double)] = [
    ("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
  ]
  /// A hundred years.
  private static let longest = 3.2e18

  /// nil for what is none, and for more than a hundred years.
  public static func parse(_ text: String) -> Nanoseconds? {
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let unit = text.dropFirst(digits.count)
    guard digits.contains(where: \.isNumber), let number = Double(digits),
      let factor = unit.isEmpty ? 1e9 : units.first(where: { $0.name == unit })?.value
    else { return nil }
    let value = (number * factor).rounded()
    return value <= longest ? Nanoseconds(value) : nil
  }
}
