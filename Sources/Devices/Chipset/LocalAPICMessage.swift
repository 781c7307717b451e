// SPDX-License-Identifier: Apache-2.0

/// How a local APIC treats a message. SDM vol. 3, 10.6.1.
public enum InterruptDeliveryMode: UInt8, Sendable {
  case fixed = 0
  case lowestPriority = 1
  case smi = 2
  case nmi = 4
  case initialize = 5
  case startUp = 6
  /// The vector comes from the 8259A.
  case external = 7
}

/// An interrupt on its way to local APICs: from another one's ICR, from an I/O APIC, or a device's MSI.
public struct InterruptMessage: Equatable, Sendable {
  /// The physical destination of everybody.
  public static let everybody: UInt32 = .max

  public var vector: UInt8
  public var mode: InterruptDeliveryMode
  public var isLogical: Bool
  /// An APIC's ID or a logical destination, by `isLogical`.
  public var destination: UInt32
  /// Its end is told to the I/O APICs.
  public var isLevelTriggered: Bool

  public init(
    vector: UInt8, mode: InterruptDeliveryMode, isLogical: Bool, destination: UInt32, isLevelTriggered: Bool
  ) {
    (self.vector, self.mode, self.isLogical) = (vector, mode, isLogical)
    (self.destination, self.isLevelTriggered) = (destination, isLevelTriggered)
  }

  /// A message with the 8-bit destination of the xAPIC and the I/O APIC, of which FFh is everybody.
  public init(
    vector: UInt8, mode: InterruptDeliveryMode, isLogical: Bool, shortDestination: UInt8, isLevelTriggered: Bool
  ) {
    self.init(
      vector: vector, mode: mode, isLogical: isLogical,
      destination: shortDestination == 0xff && !isLogical ? Self.everybody : UInt32(shortDestination),
      isLevelTriggered: isLevelTriggered)
  }
}
