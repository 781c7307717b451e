// SPDX-License-Identifier: Apache-2.0

/// Lengths for people, as QEMU prints them.
public enum HumanSize {
  /// Three significant digits and a binary unit: `64 MiB`, `1.5 KiB`, `0 B`.
  public static func text(_ byteCount: UInt64) -> String {
    let units = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
    var value = Double(byteCount)
    var unit = 0
    while value >= 1000, unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    let places: Int64 = value >= 100 ? 1 : value >= 10 ? 10 : value >= 1 ? 100 : 1000
    let scaled = Int64((value * Double(places)).rounded(.toNearestOrEven))
    var text = String(scaled / places)
    var fraction = String(scaled % places + places).dropFirst()
    while fraction.last == "0" { fraction.removeLast() }
    if !fraction.isEmpty { text += "." + fraction }
    return "\(text) \(units[unit])B"
  }
}
