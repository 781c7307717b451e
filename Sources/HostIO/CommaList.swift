// SPDX-License-Identifier: Apache-2.0

extension [UInt8] {
  /// The parts of an option's value in QEMU's grammar: single commas separate, double ones stand for one comma.
  public func splitAtSingleCommas() -> [[UInt8]] {
    let comma = UInt8(ascii: ",")
    var parts: [[UInt8]] = [[]]
    var index = 0
    while index < count {
      if self[index] != comma {
        parts[parts.count - 1].append(self[index])
      } else if index + 1 < count, self[index + 1] == comma {
        parts[parts.count - 1].append(comma)
        index += 1
      } else {
        parts.append([])
      }
      index += 1
    }
    return parts
  }
}
