// SPDX-License-Identifier: Apache-2.0
import Platform
import Screen

/// The screen as the waits of one machine see it: read again only when it may have changed.
struct ScreenView {
  private struct Seen<Value> {
    var version: UInt64
    var value: Value
  }

  private var text: Seen<Content?>?
  private var pictures: [Bool: Seen<Surface?>] = [:]
  /// The picture without its cursor, and since when it has been the same.
  private var stillness: (picture: Surface?, since: Nanoseconds)?

  /// The text of a screen, also in one piece.
  struct Content {
    var text: ScreenText
    var rows: [String]
    /// The rows with a line feed between them.
    var bytes: [UInt8]

    init(_ text: ScreenText) {
      self.text = text
      rows = text.rows
      bytes = Array(rows.joined(separator: "\n").utf8)
    }

    /// Row and column of a byte of `bytes`.
    func place(of offset: Int) -> ScreenText.Cursor {
      let before = bytes[..<min(offset, bytes.count)]
      let row = before.count { $0 == UInt8(ascii: "\n") }
      let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
      return .init(
        row: row, column: String(decoding: bytes[start..<before.endIndex], as: UTF8.self).unicodeScalars.count)
    }
  }

  mutating func content(of machine: any WatchedMachine) -> Content? {
    let version = machine.textVersion
    if let text, text.version == version { return text.value }
    let value = machine.screenText(for: .waits).map(Content.init)
    text = Seen(version: version, value: value)
    return value
  }

  mutating func picture(of machine: any WatchedMachine, showsCursor: Bool) -> Surface? {
    let version = machine.screenVersion
    if let seen = pictures[showsCursor], seen.version == version { return seen.value }
    let value = machine.screenPicture(showsCursor: showsCursor)
    pictures[showsCursor] = Seen(version: version, value: value)
    return value
  }

  /// Since when the picture has been the same, as far as it was looked at.
  mutating func stillSince(_ machine: any WatchedMachine) -> Nanoseconds {
    let picture = picture(of: machine, showsCursor: false)
    if let stillness, stillness.picture == picture { return stillness.since }
    stillness = (picture, machine.virtualTime)
    return machine.virtualTime
  }

  /// Nobody waits for a still picture any more.
  mutating func forgetStillness() { stillness = nil }
}
