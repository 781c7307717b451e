// SPDX-License-Identifier: Apache-2.0
import HostIO

/// Switches without a value (`readonly`, `nowait`), which QEMU takes and warns of.
enum ShortForms {
  /// Options whose lists QEMU reads the old way, and whether the first word has a key that is not written.
  private static let options: [String: Bool] = [
    "netdev": true, "nic": true, "net": true, "chardev": true, "device": true, "drive": false, "m": true, "rtc": false,
    "icount": true, "name": true, "accel": true, "mon": true,
  ]

  /// What is said of an option's argument.
  static func warnings(of option: GivenOption) -> [String] {
    guard let impliesFirst = options[option.definition.names[0]], option.bytes.bytes.first != UInt8(ascii: "{") else {
      return []
    }
    let parts = option.bytes.bytes.splitAtSingleCommas()
    // These two are read the new way.
    if option.definition.names[0] == "netdev", let first = parts.first,
      ["stream", "dgram", "type=stream", "type=dgram"].contains(String(decoding: first, as: UTF8.self))
    {
      return []
    }
    return parts.enumerated().compactMap { index, part in
      let word = String(decoding: part, as: UTF8.self)
      if part.isEmpty || part.contains(UInt8(ascii: "=")) || index == 0 && impliesFirst { return nil }
      if word == "help" || word == "?" { return nil }
      let isOff = word.hasPrefix("no") && word.utf8.count > 2
      let key = isOff ? String(word.dropFirst(2)) : word
      return option.prefixing("warning: short-form boolean option '\(word)' deprecated")
        + "\nPlease use \(key)=\(isOff ? "off" : "on") instead"
    }
  }
}
