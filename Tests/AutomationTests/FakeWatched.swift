// SPDX-License-Identifier: Apache-2.0
import Automation
import PC
import Platform
import Screen

/// A machine whose time and screen a test sets.
final class FakeWatched: WatchedMachine {
  var virtualTime: Nanoseconds = 0
  var isRunning = true
  var screenVersion: UInt64 = 1
  var rows: [String] = [] { didSet { screenVersion += 1 } }
  var picture = Surface(width: 8, height: 8) { didSet { screenVersion += 1 } }
  var hasScreen = true
  let log = SerialLog()
  private(set) var reads = 0
  private(set) var nextLook: Nanoseconds?
  private(set) var wantsLookSoon = false
  lazy var watcher = Watcher(self)

  /// How often more may be read of the same picture.
  var rereadings: UInt64 = 0
  var textVersion: UInt64 { screenVersion &+ rereadings }

  func screenText(for audience: TextAudience) -> ScreenText? {
    reads += 1
    guard hasScreen else { return nil }
    var text = ScreenText(.text)
    text.columns = 40
    text.cells = rows.flatMap { row in
      row.padded(to: 40).unicodeScalars.map { ScreenText.Cell($0, foreground: 0, background: 0) }
    }
    return text
  }

  func screenPicture(showsCursor: Bool) -> Surface? { hasScreen ? picture : nil }
  func serialLog(_ port: Int) -> SerialLog? { port == 0 ? log : nil }
  func look(at instant: Nanoseconds?) { nextLook = instant }
  func lookSoon() { wantsLookSoon = true }

  func send(_ text: String) { for byte in text.utf8 { log.append(byte) } }

  /// Runs to an instant, looking wherever a look was asked for; `change` is what the guest does before each.
  func run(to end: Nanoseconds, _ change: (Nanoseconds) -> Void = { _ in }) {
    watcher.isExact = true
    while let look = nextLook, look <= end {
      nextLook = nil
      virtualTime = max(virtualTime, look)
      change(virtualTime)
      watcher.look()
    }
    virtualTime = end
  }
}

extension String {
  fileprivate func padded(to count: Int) -> String { self + String(repeating: " ", count: max(0, count - self.count)) }
}
