// SPDX-License-Identifier: Apache-2.0
import Platform

/// Message signalled interrupts: what a write to the processors' address range means. SDM vol. 3, 11.11.
extension InterruptMessage {
  /// FEE00000h...FEEFFFFFh.
  public static func isAddress(_ address: PhysicalAddress) -> Bool { address >> 20 == 0xfee }

  /// Nil for a delivery mode that messages do not have. The redirection hint says nothing here: a message in lowest
  /// priority mode goes to one processor with it and without.
  public init?(address: PhysicalAddress, data: UInt32) {
    guard Self.isAddress(address), let mode = InterruptDeliveryMode(rawValue: UInt8(data >> 8 & 7)), mode != .startUp
    else { return nil }
    let isLogical = address & 1 << 2 != 0
    let hasEnd = mode == .fixed || mode == .lowestPriority
    self.init(
      vector: UInt8(truncatingIfNeeded: data), mode: mode, isLogical: isLogical,
      shortDestination: UInt8(truncatingIfNeeded: address >> 12), isLevelTriggered: hasEnd && data & 1 << 15 != 0)
  }
}
