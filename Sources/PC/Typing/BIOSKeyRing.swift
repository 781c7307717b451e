// SPDX-License-Identifier: Apache-2.0
import Platform

/// The ring of keys in the BIOS data area: the BIOS's keyboard interrupt handler puts keys in at the tail, programs take them
/// out at the head through interrupt 16h.
///
/// Reference: IBM PS/2 and PC BIOS Interface Technical Reference (1987), "BIOS Data Area", 40:1Ah...3Dh and 40:80h...83h.
struct BIOSKeyRing: Equatable {
  private static let pointers: UInt64 = 0x41a
  private static let bounds: UInt64 = 0x480
  private static let entrySize: UInt16 = 2

  let head: UInt16
  let tail: UInt16
  private let start: UInt16
  private let end: UInt16

  var isEmpty: Bool { head == tail }

  /// nil when what is in memory cannot be such a ring.
  init?(_ memory: GuestMemory) {
    (head, tail) = Self.pair(memory, Self.pointers)
    (start, end) = Self.pair(memory, Self.bounds)
    guard start >= 0x1e, start < end, end <= 0x100 else { return nil }
    for pointer in [head, tail] {
      guard pointer >= start, pointer < end, (pointer - start) % Self.entrySize == 0 else { return nil }
    }
  }

  /// One key has been put in since the tail was at `earlier`.
  func hasGrown(from earlier: UInt16) -> Bool {
    let next = earlier &+ Self.entrySize
    return tail == (next < end ? next : start)
  }

  private static func pair(_ memory: GuestMemory, _ address: UInt64) -> (UInt16, UInt16) {
    var bytes: [UInt8] = [0, 0, 0, 0]
    bytes.withUnsafeMutableBytes { memory.readAsDebugger(address, into: $0) }
    return (UInt16(bytes[0]) | UInt16(bytes[1]) << 8, UInt16(bytes[2]) | UInt16(bytes[3]) << 8)
  }
}
