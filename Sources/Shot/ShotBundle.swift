// SPDX-License-Identifier: Apache-2.0
import HostIO
import Monitor
import PC
import Screen

/// A folder with all that tells how a run failed.
///
///     report.json       as --report
///     01.png, 01.txt    the last screens that differ, and their text
///     expected.png, actual.png, difference.png    after a mismatch
///     serial0.txt       what the serial port has sent, its last megabyte
///     registers.txt     as `info registers`
///     machine/          a saved machine, for --from
struct ShotBundle {
  static let markName: BytePath = "report.json"
  var folder: BytePath
  var options: [BytePath]

  /// A sentence about what went wrong; nil when all is there.
  func write(_ machine: Machine, _ record: ShotRecord, _ report: [UInt8], _ gallery: ScreenGallery) -> String? {
    do throws(ShotMistake) {
      let whole = try WholeFolder(folder, replacesThoseWith: Self.markName)
      do throws(ShotMistake) {
        try fill(whole.place, machine, report, gallery)
        try whole.commit()
      } catch {
        whole.abandon()
        throw error
      }
      return nil
    } catch {
      return "cannot write the bundle: \(error)"
    }
  }

  private func fill(
    _ place: BytePath, _ machine: Machine, _ report: [UInt8], _ gallery: ScreenGallery
  ) throws(ShotMistake) {
    try put(report, place, "report.json")
    for (number, screen) in gallery.screens.enumerated() {
      let name = (number < 9 ? "0" : "") + String(number + 1)
      try put(screen.picture, place, name + ".png")
      var text = "at \(ShotConsole.time(screen.instant))\n"
      for row in screen.text?.rows ?? [] { text += row + "\n" }
      try put(Array(text.utf8), place, name + ".txt")
    }
    if let (expected, actual, comparison) = gallery.mismatch {
      try put(expected.picture, place, "expected.png")
      try put(actual, place, "actual.png")
      if comparison.isSameSize {
        let picture = comparison.picture(
          expected: expected.picture, actual: actual, mask: expected.mask, tolerance: expected.tolerance)
        try put(picture, place, "difference.png")
      }
    }
    for (port, log) in (machine.board?.serialLogs ?? [:]).sorted(by: { $0.key < $1.key }) where log.end > 0 {
      try put(Array(log[from: log.start]), place, "serial\(port).txt")
    }
    try put(Array(machine.registers(ofProcessor: 0).dump.utf8), place, "registers.txt")
    try SavedMachine.write(machine, options: options, to: place.appending("machine"))
  }

  private func put(_ picture: Surface, _ place: BytePath, _ name: String) throws(ShotMistake) {
    let bytes: [UInt8]
    do throws(ImageError) { bytes = try picture.png() } catch { throw ShotMistake("\(name): \(error)") }
    try put(bytes, place, name)
  }

  private func put(_ bytes: [UInt8], _ place: BytePath, _ name: String) throws(ShotMistake) {
    do throws(Errno) { try AtomicFile.write(bytes, to: place.appending(BytePath(name))) } catch {
      throw ShotMistake("\(folder)/\(name): \(error)")
    }
  }
}
