// SPDX-License-Identifier: Apache-2.0
import HostIO

/// `-p`: how far a command is, on one line of the terminal.
final class Progress: Sendable {
  private let total: Int64
  private let isShown: Bool
  private let state = Guarded((done: Int64(0), shown: -1.0))

  init(total: Int64, isShown: Bool) {
    (self.total, self.isShown) = (max(1, total), isShown)
    if isShown { show(0) }
  }

  func advance(by byteCount: Int64) {
    guard isShown else { return }
    state.withLock { state in
      state.done += byteCount
      let percent = min(100, Double(state.done) * 100 / Double(total))
      if percent - state.shown >= 1 || percent >= 100 && state.shown < 100 {
        state.shown = percent
        show(percent)
      }
    }
  }

  func finish() {
    guard isShown else { return }
    show(100)
    do throws(Errno) { try HostProcess.printOutput("\n") } catch {}
  }

  /// Ends the line when the work ended early.
  func abandon() {
    if isShown { do throws(Errno) { try HostProcess.printOutput("\n") } catch {} }
  }

  private func show(_ percent: Double) {
    do throws(Errno) { try HostProcess.printOutput("    (\(ToolSize.fixed(percent, 2))/100%)\r") } catch {}
  }
}
