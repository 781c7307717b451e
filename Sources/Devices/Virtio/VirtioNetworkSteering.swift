// SPDX-License-Identifier: Apache-2.0

/// What drivers ask of pairs of queues. There is one pair, so that a wish that is in order changes nothing.
///
/// Reference: Virtio 1.2, 5.1.6.5.5 to 5.1.6.5.7; limits and the order of the checks as QEMU's.
enum VirtioNetworkSteering {
  static let keyLimit: UInt8 = 40
  static let tableLimit: UInt16 = 128
  /// IPv4, IPv6, TCP, UDP and IPv6 with extension headers.
  static let knownHashes: UInt32 = 0x1ff

  private enum Command {
    static let setPairs: UInt8 = 0
    static let steer: UInt8 = 1
  }

  /// Whether a command is in order. Hashes that are reported are never negotiated.
  static func accepts(_ command: UInt8, _ data: ArraySlice<UInt8>, features: UInt64) -> Bool {
    switch command {
    case Command.setPairs:
      return features & VirtioNetworkFeature.queuePairs != 0 && word(data, at: 0) == 1
    case Command.steer:
      return features & VirtioNetworkFeature.steering != 0 && isSteering(data)
    default: return false
    }
  }

  private static func word(_ data: ArraySlice<UInt8>, at offset: Int) -> Int? {
    guard data.count >= offset + 2 else { return nil }
    let first = data.startIndex + offset
    return Int(data[first]) | Int(data[first + 1]) << 8
  }

  /// Hash types, mask of the table, queue of what has no hash, the table, number of pairs, the key.
  private static func isSteering(_ data: ArraySlice<UInt8>) -> Bool {
    guard let low = word(data, at: 0), let high = word(data, at: 2), let mask = word(data, at: 4),
      let unclassified = word(data, at: 6)
    else { return false }
    let count = mask + 1
    guard count.nonzeroBitCount == 1, count <= Int(tableLimit), unclassified == 0 else { return false }
    let rest = 8 + 2 * count
    guard word(data, at: rest) == 1, data.count > rest + 2 else { return false }
    let keyByteCount = Int(data[data.startIndex + rest + 2])
    guard keyByteCount <= Int(keyLimit), keyByteCount > 0 || low | high == 0 else { return false }
    return data.count >= rest + 3 + keyByteCount
  }
}
