// SPDX-License-Identifier: Apache-2.0
import HostIO
import Options

/// Options that a saved machine may bring along. A folder from elsewhere must not run programs, open ports or write files of
/// whoever starts from it; such options count only when they are given by hand.
enum TrustedOptions {
  private static let harmless: Set<String> = [
    "display", "nographic", "icount", "rtc", "seed", "snapshot", "m", "cpu", "smp", "machine", "accel", "name", "uuid",
    "boot", "hda", "hdb", "hdc", "hdd", "cdrom", "fda", "fdb", "drive", "kernel", "initrd", "append", "vga", "device",
    "nodefaults", "no-reboot", "no-shutdown", "action", "watchdog-action", "fail-on", "no-hpet",
  ]

  /// The first option that is none of these; nil when all are.
  static func objection(to options: [BytePath]) -> String? {
    let scan = OptionScan(options)
    // Without it writes would reach the images.
    guard scan.names.contains("snapshot") else { return "no -snapshot" }
    return scan.options.first { name, argument in
      switch name {
      case "nic", "net": argument != "none"
      case "drive": argument.contains("snapshot=")
      default: !harmless.contains(name)
      }
    }.map { "-\($0.name) \($0.argument)" }
  }
}
