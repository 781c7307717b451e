// SPDX-License-Identifier: Apache-2.0
import HostIO

/// The list of internal snapshots for people, as QEMU's monitor and qemu-img print it.
public enum SnapshotTable {
  /// The head and a line for each. `hidesIDs`: a snapshot of several disks has no number of its own.
  public static func lines(_ snapshots: [QCOW2Snapshot], hidesIDs: Bool = false) -> [String] {
    [row("ID", "TAG", "VM SIZE", "DATE", "VM CLOCK", "ICOUNT")]
      + snapshots.map { snapshot in
        row(
          hidesIDs ? "--" : snapshot.id, snapshot.name, HumanSize.text(snapshot.stateByteCount),
          date(Int64(snapshot.seconds)), clock(snapshot.guestNanoseconds),
          snapshot.instructionCount.map(String.init) ?? "")
      }
  }

  private static func row(
    _ id: String, _ tag: String, _ size: String, _ date: String, _ clock: String, _ icount: String
  ) -> String {
    "\(left(id, 9)) \(left(tag, 16)) \(right(size, 8))\(right(date, 20))\(right(clock, 13))\(right(icount, 11))"
  }

  private static func left(_ text: String, _ width: Int) -> String { text + spaces(width, text) }
  private static func right(_ text: String, _ width: Int) -> String { spaces(width, text) + text }
  private static func spaces(_ width: Int, _ text: String) -> String {
    String(repeating: " ", count: max(0, width - text.unicodeScalars.count))
  }

  private static func two(_ value: Int) -> String { value < 10 ? "0\(value)" : String(value) }

  private static func date(_ seconds: Int64) -> String {
    let time = HostClock.local(at: seconds)
    return "\(time.year)-\(two(time.month))-\(two(time.day)) \(two(time.hour)):\(two(time.minute)):\(two(time.second))"
  }

  private static func clock(_ nanoseconds: UInt64) -> String {
    let seconds = Int(nanoseconds / 1_000_000_000)
    let milliseconds = String(nanoseconds / 1_000_000 % 1000 + 1000).dropFirst()
    return "\(two(seconds / 3600)):\(two(seconds / 60 % 60)):\(two(seconds % 60)).\(milliseconds)"
  }

  /// The name of a snapshot that was given none: `vm-20261127214154`, local time.
  public static func defaultName(at seconds: Int64) -> String {
    let time = HostClock.local(at: seconds)
    return "vm-\(time.year)" + [time.month, time.day, time.hour, time.minute, time.second].map(two).joined()
  }
}
