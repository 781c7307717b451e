// SPDX-License-Identifier: Apache-2.0

/// The line editor of the human monitor: every byte of input becomes terminal output that redraws the line, so that
/// programs which read the monitor see the same echo as on QEMU.
///
/// Keys: arrows, Home, End, Delete, Ctrl-A B D E F H K L N P U W, Tab completes, up and down walk through the history.
struct Readline {
  /// What a byte led to, besides output.
  enum Outcome: Equatable {
    case nothing
    /// A line was ended; it is in the history already.
    case line(String)
  }

  private enum Escape {
    case none, escape, bracket(Int), singleShift
  }

  private(set) var history: [String] = []
  private var historyPosition = 0
  private var buffer: [UInt8] = []
  private var cursor = 0
  /// What the terminal shows.
  private var shown: [UInt8] = []
  private var shownCursor = 0
  private var escape = Escape.none
  private let prompt: String
  /// Words that may stand where the text before the cursor is; the last one is completed.
  private let complete: @Sendable (String) -> [String]

  static let longestLine = 4095
  static let longestHistory = 64

  init(prompt: String, complete: @escaping @Sendable (String) -> [String]) {
    (self.prompt, self.complete) = (prompt, complete)
  }

  /// Starts a fresh line.
  mutating func showPrompt(_ output: inout [UInt8]) {
    output += Array(prompt.utf8)
    (buffer, cursor, shown, shownCursor, escape) = ([], 0, [], 0, .none)
    historyPosition = history.count
  }

  mutating func take(_ byte: UInt8, _ output: inout [UInt8]) -> Outcome {
    switch escape {
    case .none:
      if let line = plain(byte, &output) { return .line(line) }
    case .escape:
      escape =
        byte == UInt8(ascii: "[") ? .bracket(0) : byte == UInt8(ascii: "O") ? .singleShift : .none
    case .bracket(let parameter):
      if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
        escape = .bracket(min(parameter * 10 + Int(byte - UInt8(ascii: "0")), 999))
        return .nothing
      }
      escape = .none
      sequence(byte, parameter)
    case .singleShift:
      escape = .none
      sequence(byte, 0)
    }
    redraw(&output)
    return .nothing
  }

  private mutating func plain(_ byte: UInt8, _ output: inout [UInt8]) -> String? {
    switch byte {
    case 0x01: cursor = 0
    case 0x02: cursor = max(0, cursor - 1)
    case 0x04: delete()
    case 0x05: cursor = buffer.count
    case 0x06: cursor = min(buffer.count, cursor + 1)
    case 0x08, 0x7F:
      if cursor > 0 {
        cursor -= 1
        delete()
      }
    case 0x09: tab(&output)
    case 0x0A, 0x0D: return endLine(&output)
    case 0x0B: buffer.removeSubrange(cursor...)
    case 0x0C: clearScreen(&output)
    case 0x0E: moveInHistory(1)
    case 0x10: moveInHistory(-1)
    case 0x15:
      buffer.removeSubrange(..<cursor)
      cursor = 0
    case 0x17: deleteWord()
    case 0x1B: escape = .escape
    case 0x20...: insert([byte])
    default: break
    }
    return nil
  }

  private mutating func sequence(_ final: UInt8, _ parameter: Int) {
    switch (final, parameter) {
    case (UInt8(ascii: "A"), _): moveInHistory(-1)
    case (UInt8(ascii: "B"), _): moveInHistory(1)
    case (UInt8(ascii: "C"), _): cursor = min(buffer.count, cursor + 1)
    case (UInt8(ascii: "D"), _): cursor = max(0, cursor - 1)
    case (UInt8(ascii: "H"), _), (UInt8(ascii: "~"), 1): cursor = 0
    case (UInt8(ascii: "F"), _), (UInt8(ascii: "~"), 4): cursor = buffer.count
    case (UInt8(ascii: "~"), 3): delete()
    default: break
    }
  }

  private mutating func insert(_ bytes: [UInt8]) {
    let room = Self.longestLine - buffer.count
    buffer.insert(contentsOf: bytes.prefix(room), at: cursor)
    cursor += min(bytes.count, room)
  }

  private mutating func delete() {
    if cursor < buffer.count { buffer.remove(at: cursor) }
  }

  private mutating func deleteWord() {
    var start = cursor
    while start > 0, buffer[start - 1] == UInt8(ascii: " ") { start -= 1 }
    while start > 0, buffer[start - 1] != UInt8(ascii: " ") { start -= 1 }
    buffer.removeSubrange(start..<cursor)
    cursor = start
  }

  private mutating func endLine(_ output: inout [UInt8]) -> String {
    let line = String(decoding: buffer, as: UTF8.self)
    if !buffer.isEmpty {
      // A repeated line moves to the end.
      history.removeAll { $0 == line }
      history.append(line)
      if history.count > Self.longestHistory { history.removeFirst() }
    }
    output += [0x0D, 0x0A]
    (buffer, cursor, shown, shownCursor) = ([], 0, [], 0)
    return line
  }

  private mutating func moveInHistory(_ step: Int) {
    let position = historyPosition + step
    guard (0...history.count).contains(position), position != historyPosition else { return }
    historyPosition = position
    buffer = position < history.count ? Array(history[position].utf8) : []
    cursor = buffer.count
  }

  private mutating func clearScreen(_ output: inout [UInt8]) {
    output += Array("\u{1B}[2J\u{1B}[1;1H\(prompt)".utf8)
    (shown, shownCursor) = ([], 0)
  }

  private mutating func tab(_ output: inout [UInt8]) {
    let before = String(decoding: buffer[..<cursor], as: UTF8.self)
    let typed = before.split(separator: " ", omittingEmptySubsequences: false).last.map(String.init) ?? ""
    let words = complete(before).filter { $0.hasPrefix(typed) }.sorted()
    guard let first = words.first, let last = words.last else { return }
    if words.count == 1 { return insert(Array(first.dropFirst(typed.count).utf8) + [UInt8(ascii: " ")]) }
    let common = String(zip(first, last).prefix { $0.0 == $0.1 }.map(\.0))
    if common.count > typed.count { return insert(Array(common.dropFirst(typed.count).utf8)) }
    redraw(&output)
    output += Array(Self.columns(words).utf8)
    output += Array(prompt.utf8)
    (shown, shownCursor) = ([], 0)
  }

  /// The candidates in columns of a screen 80 wide.
  static func columns(_ words: [String]) -> String {
    let width = min(80, (words.map(\.utf8.count).max() ?? 0) + 2)
    let perLine = max(1, 80 / max(1, width))
    var text = "\r\n"
    for (position, word) in words.enumerated() {
      text += Hex.padRight(word, to: width)
      if position % perLine == perLine - 1 || position == words.count - 1 { text += "\r\n" }
    }
    return text
  }

  /// Brings the terminal up to date: back to the line's start, the new text, erase to the end of the line, then the
  /// cursor.
  private mutating func redraw(_ output: inout [UInt8]) {
    if buffer != shown {
      output += Self.repeated("\u{1B}[D", shownCursor) + buffer + Array("\u{1B}[K".utf8)
      (shown, shownCursor) = (buffer, buffer.count)
    }
    if cursor > shownCursor { output += Self.repeated("\u{1B}[C", cursor - shownCursor) }
    if cursor < shownCursor { output += Self.repeated("\u{1B}[D", shownCursor - cursor) }
    shownCursor = cursor
  }

  private static func repeated(_ text: String, _ count: Int) -> [UInt8] {
    Array(repeatElement(Array(text.utf8), count: count).joined())
  }
}
