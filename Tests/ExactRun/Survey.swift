// SPDX-License-Identifier: Apache-2.0
import HostIO
import InputDevices
import PC
import X86

/// Writes what a guest is about at regular counts and right after each timer, so that a test can choose instants of every
/// kind.
///
/// A line is the count, virtual nanoseconds, the count at which the next timer is due (`-` for none), and words: the
/// processor's mode, and what of `user`, `halted`, `disk` (a request is with a worker), `key` (a scan code waits for the
/// guest), `graphics` holds, and `boot1` before the first reset, `boot2` before the second.
final class Survey {
  private let step: UInt64
  private let file: FileDescriptor
  private var lines = ""
  /// When the next look is due.
  private(set) var next: UInt64

  init(step: UInt64, file path: BytePath, from count: UInt64) throws {
    self.step = step
    file = try FileDescriptor.open(path, .writeOnly, [.create, .truncate])
    next = (count / step + 1) * step
  }

  func look(at machine: Machine, resets: Int) throws {
    guard let board = machine.board else { return }
    let processor = board.processor
    let count = processor.instructionCount
    next = (count / step + 1) * step
    let now = machine.clock.now
    var due = "-"
    if let deadline = machine.clock.nextDeadline, let shift = machine.configuration.instructionCounting?.shift {
      let left = UInt64(max(0, deadline - now)) + (1 << UInt64(shift)) - 1
      let instant = count + left >> UInt64(shift)
      due = String(instant)
      if instant >= count { next = min(next, instant + 1) }
    }
    var words = [mode(processor)]
    if processor.privilegeLevel == 3 { words.append("user") }
    if processor.isHalted { words.append("halted") }
    if machine.blockGraph.backends.contains(where: { $0.requestsInFlight > 0 }) { words.append("disk") }
    if board.devices.contains(where: { ($0 as? KeyboardController)?.hasUnreadByte == true }) { words.append("key") }
    if board.vga?.showsGraphics == true { words.append("graphics") }
    words.append("boot\(resets + 1)")
    lines += "\(count) \(now) \(due) \(words.joined(separator: " "))\n"
    if lines.utf8.count > 1 << 16 { try flush() }
  }

  private func mode(_ processor: Processor) -> String {
    if processor.efer & 1 << 10 != 0 { return "long" }
    return processor.cr0 & 1 != 0 ? "protected" : "real"
  }

  func flush() throws {
    try file.writeAll(lines)
    lines = ""
  }
}
