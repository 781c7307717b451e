// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform
import Screen

/// What a person sees of a run, on standard error: a line that lives, on a terminal, and the screen's text as it changes if
/// that is asked for.
final class ShotConsole {
  private let isLive: Bool
  private let showsText: Bool
  private let isQuiet: Bool
  private var lastUpdate: UInt64 = 0
  private var lastInstructions: UInt64 = 0
  private var rows: [String] = []
  private var hasLine = false

  /// Nanoseconds of the host between two pictures of the line.
  private static let interval: UInt64 = 100_000_000
  private static let width = 100

  init(isQuiet: Bool, showsText: Bool) {
    self.isQuiet = isQuiet
    self.showsText = showsText
    isLive = !isQuiet && !showsText && Terminal.isTerminal(.standardError)
  }

  /// Whether anything comes of telling it how the run gets on.
  var isIdle: Bool { !isLive && !showsText }

  /// - Parameter awaited: the step that goes on.
  func update(_ instant: Nanoseconds, instructions: UInt64, awaited: String, text: () -> ScreenText?) {
    if showsText, let text = text() { show(text.rows) }
    guard isLive else { return }
    let now = HostClock.monotonicNanoseconds
    guard now &- lastUpdate >= Self.interval else { return }
    let speed = (instructions &- lastInstructions) / max(1, (now &- lastUpdate) / 1000)
    let line = "\(Self.time(instant))  \(lastUpdate == 0 ? 0 : speed) MIPS  \(awaited)"
    (lastUpdate, lastInstructions) = (now, instructions)
    hasLine = true
    HostProcess.printError("\r\(line.prefix(Self.width))\u{1b}[K")
  }

  /// A line that stays.
  func say(_ line: String) {
    guard !isQuiet else { return }
    clear()
    HostProcess.printError(line + "\n")
  }

  func clear() {
    if hasLine { HostProcess.printError("\r\u{1b}[K") }
    hasLine = false
  }

  /// Prints the rows that changed.
  private func show(_ new: [String]) {
    for (number, row) in new.enumerated() where number >= rows.count || rows[number] != row {
      if row.isEmpty { continue }
      HostProcess.printError("| \(Self.plain(row))\n")
    }
    rows = new
  }

  /// A guest must not reach the terminal with control characters.
  static func plain(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      result.append(scalar.value < 32 || (127..<160).contains(scalar.value) ? "\u{fffd}" : scalar)
    }
    return String(result)
  }

  static func time(_ instant: Nanoseconds) -> String {
    let milliseconds = instant / .millisecond
    return "\(milliseconds / 1000).\(String(1000 + milliseconds % 1000).dropFirst()) s"
  }
}
