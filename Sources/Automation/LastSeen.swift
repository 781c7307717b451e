// SPDX-License-Identifier: Apache-2.0
import Platform
import Screen

/// Sentences about what was there instead of what was waited for.
enum LastSeen {
  private static let rowLimit = 4
  private static let lineLimit = 160

  static func screen(_ rows: [String], _ pattern: TextPattern) -> String {
    let shown = rows.filter { !$0.isEmpty }
    if shown.isEmpty { return "the screen shows no text" }
    return "the screen ends with \(quoted(shown.suffix(rowLimit)))" + nearest(pattern, rows, "row")
  }

  static func serial(_ bytes: ArraySlice<UInt8>, _ port: Int, _ pattern: TextPattern) -> String {
    // Of a long log the end is enough to be looked through.
    let text = String(decoding: bytes.suffix(65536), as: UTF8.self)
    let lines = text.split(whereSeparator: \.isNewline).map(String.init)
    if lines.isEmpty { return "serial port \(port) has sent nothing more" }
    return "serial port \(port) ends with \(quoted(lines.suffix(rowLimit)))" + nearest(pattern, lines, nil)
  }

  static func picture(_ nearest: (comparison: MaskedComparison, instant: Nanoseconds)?, _ name: String) -> String {
    guard let nearest else { return "there is no screen to compare with '\(name)'" }
    guard nearest.comparison.isSameSize else { return "no screen was as large as '\(name)'" }
    return "nearest to '\(name)' was the screen at \(time(nearest.instant)): \(nearest.comparison.differingCount) of "
      + "\(nearest.comparison.comparedCount) pixels differ"
  }

  private static func nearest(_ pattern: TextPattern, _ lines: [String], _ unit: String?) -> String {
    guard let miss = NearestMiss(to: pattern, in: lines) else { return "" }
    return "; nearest is \(unit.map { "\($0) \(miss.line): " } ?? "")\(quoted([miss.text]))"
  }

  private static func quoted(_ lines: some Sequence<String>) -> String {
    lines.map { line in
      let plain = line.map { $0.isASCII && ($0.asciiValue ?? 0) < 32 ? " " : String($0) }.joined()
      return "\"\(plain.prefix(lineLimit))\(plain.count > lineLimit ? "…" : "")\""
    }.joined(separator: ", ")
  }

  /// Seconds with milliseconds.
  static func time(_ duration: Nanoseconds) -> String {
    let milliseconds = duration / .millisecond
    let fraction = String(1000 + abs(milliseconds) % 1000).dropFirst()
    return "\(milliseconds < 0 ? "-" : "")\(abs(milliseconds) / 1000).\(fraction) s"
  }
}
