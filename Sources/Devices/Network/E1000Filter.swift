// SPDX-License-Identifier: Apache-2.0
import Platform

/// Which frames are for this station: 16 exact addresses, a hash table for multicast, a bit for each VLAN.
///
/// Reference: the manual's sections 3.2.1, 13.5.1 to 13.5.4.
struct E1000Filter: Equatable {
  enum Mode {
    static let unicastPromiscuous: UInt32 = 1 << 3
    static let multicastPromiscuous: UInt32 = 1 << 4
    static let broadcast: UInt32 = 1 << 15
    static let vlanFilter: UInt32 = 1 << 18
    static let formatBitChecked: UInt32 = 1 << 19
    static let formatBit: UInt32 = 1 << 20
    static let passControlFrames: UInt32 = 1 << 23
  }

  private static let isValid: UInt32 = 1 << 31

  private var addresses = [UInt32](repeating: 0, count: 32)
  private var multicast = [UInt32](repeating: 0, count: 128)
  private var vlans = [UInt32](repeating: 0, count: 128)

  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    try visitor.array("ra", &addresses)
    try visitor.array("mta", &multicast)
    try visitor.array("vfta", &vlans)
  }

  func read(_ offset: UInt32) -> UInt32 {
    switch offset {
    case E1000Register.multicastTable: multicast[Int(offset - E1000Register.multicastTable.lowerBound) / 4]
    case E1000Register.receiveAddresses: addresses[Int(offset - E1000Register.receiveAddresses.lowerBound) / 4]
    case E1000Register.vlanTable: vlans[Int(offset - E1000Register.vlanTable.lowerBound) / 4]
    default: 0
    }
  }

  mutating func write(_ offset: UInt32, _ value: UInt32) {
    switch offset {
    case E1000Register.multicastTable: multicast[Int(offset - E1000Register.multicastTable.lowerBound) / 4] = value
    case E1000Register.receiveAddresses:
      let index = Int(offset - E1000Register.receiveAddresses.lowerBound) / 4
      // High halves have 16 bits of address, two that select, and one that makes the entry valid.
      addresses[index] = index % 2 == 0 ? value : value & 0x8003_ffff
    case E1000Register.vlanTable: vlans[Int(offset - E1000Register.vlanTable.lowerBound) / 4] = value
    default: break
    }
  }

  mutating func setFirstAddress(_ bytes: [UInt8]) {
    addresses[0] = bytes.prefix(4).enumerated().reduce(0) { $0 | UInt32($1.element) << UInt32(8 * $1.offset) }
    addresses[1] = UInt32(bytes[4]) | UInt32(bytes[5]) << 8 | Self.isValid
  }

  /// Six bytes.
  var firstAddress: [UInt8] {
    (0..<6).map { UInt8(truncatingIfNeeded: addresses[$0 / 4] >> UInt32(8 * ($0 % 4))) }
  }

  enum Verdict {
    case refused
    case accepted
    /// By the hash table or a promiscuous mode: software has to look again (PIF).
    case inexact
  }

  /// - Parameter tag: the VLAN tag control information, of a frame that has one.
  func judge(_ frame: [UInt8], tag: UInt16?, mode: UInt32) -> Verdict {
    guard frame.count >= 14 else { return .refused }
    if mode & Mode.vlanFilter != 0, let tag {
      let identifier = Int(tag & 0xfff)
      guard vlans[identifier / 32] >> UInt32(identifier % 32) & 1 != 0 else { return .refused }
      if mode & Mode.formatBitChecked != 0, (tag >> 12 & 1 != 0) != (mode & Mode.formatBit != 0) { return .refused }
    }
    let low = (0..<4).reduce(UInt32(0)) { $0 | UInt32(frame[$1]) << UInt32(8 * $1) }
    let high = UInt32(frame[4]) | UInt32(frame[5]) << 8
    if low == .max, high == 0xffff { return mode & Mode.broadcast != 0 ? .accepted : promiscuous(frame, mode) }
    for index in stride(from: 0, to: 32, by: 2)
    where addresses[index] == low && addresses[index + 1] & 0xffff == high {
      // Address select 0 compares the destination.
      if addresses[index + 1] & Self.isValid != 0, addresses[index + 1] >> 16 & 3 == 0 { return .accepted }
    }
    if frame[0] & 1 != 0 {
      // Flow control frames stop here unless they are wanted.
      let isPause = frame[12] == 0x88 && frame[13] == 0x08
      if isPause, mode & Mode.passControlFrames == 0 { return .refused }
      let shift = [4, 3, 2, 0][Int(mode >> 12 & 3)]
      let hash = Int((UInt32(frame[5]) << 8 | UInt32(frame[4])) >> UInt32(shift) & 0xfff)
      if multicast[hash / 32] >> UInt32(hash % 32) & 1 != 0 { return .inexact }
    }
    return promiscuous(frame, mode)
  }

  private func promiscuous(_ frame: [UInt8], _ mode: UInt32) -> Verdict {
    mode & (frame[0] & 1 != 0 ? Mode.multicastPromiscuous : Mode.unicastPromiscuous) != 0 ? .inexact : .refused
  }
}
