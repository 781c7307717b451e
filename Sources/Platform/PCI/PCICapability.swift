// SPDX-License-Identifier: Apache-2.0

/// Capability IDs. PCI Local Bus Specification 3.0, appendix H.
public enum PCICapability {
  public static let messageInterrupts: UInt8 = 0x05
  public static let vendorSpecific: UInt8 = 0x09
  public static let extendedMessageInterrupts: UInt8 = 0x11
}

extension PCIConfiguration {
  /// Puts a capability in front of the list. For use before `freezeResetValues`.
  ///
  /// - Parameters:
  ///   - offset: of its ID, a multiple of 4 beyond the header.
  ///   - body: what follows the ID and the link.
  public mutating func addCapability(_ id: UInt8, at offset: Int, _ body: [UInt8]) {
    store8(offset, id)
    store8(offset + 1, load8(Register.capabilities))
    for (index, byte) in body.enumerated() { store8(offset + 2 + index, byte) }
    store8(Register.capabilities, UInt8(truncatingIfNeeded: offset))
    store16(Register.status, load16(Register.status) | Status.hasCapabilities)
  }

  /// Bits of the status register.
  public enum Status {
    public static let interrupt: UInt16 = 1 << 3
    public static let hasCapabilities: UInt16 = 1 << 4
  }
}
