// SPDX-License-Identifier: Apache-2.0

/// Feature bits of every device, as masks. Virtio 1.2, chapter 6; legacy ones 2.2.3 and 4.1.3.1.
public enum VirtioFeature {
  /// Legacy: a used buffer is announced, suppressed or not, when the driver has left no other one.
  public static let notifyOnEmpty: UInt64 = 1 << 24
  public static let anyLayout: UInt64 = 1 << 27
  public static let indirectDescriptors: UInt64 = 1 << 28
  public static let eventIndex: UInt64 = 1 << 29
  /// Legacy: a driver that accepts this bit accepts whatever it sees. QEMU offers it to find such drivers.
  public static let badFeature: UInt64 = 1 << 30
  public static let version1: UInt64 = 1 << 32
  public static let platformAddresses: UInt64 = 1 << 33
  public static let packedRing: UInt64 = 1 << 34
  public static let ringReset: UInt64 = 1 << 40

  /// What a modern driver is not shown.
  static let legacyOnly: UInt64 = notifyOnEmpty | anyLayout | badFeature
}

/// Bits of the device status. Virtio 1.2, 2.1.
enum VirtioStatus {
  static let acknowledge: UInt8 = 1
  static let driver: UInt8 = 2
  static let driverOK: UInt8 = 4
  static let featuresOK: UInt8 = 8
  static let needsReset: UInt8 = 64
}

/// What a driver did to a queue that leaves the device no way to go on. The device is broken until it is reset.
public enum RingFault: Error, Equatable, CustomStringConvertible {
  /// Rings, indirect tables or buffers that are not in RAM.
  case notInMemory(address: UInt64)
  /// More buffers became available than the queue has entries.
  case indexJumped
  /// More chains are with the device than the queue has entries.
  case sizeExceeded
  case headOutOfRange(UInt32)
  case nextOutOfRange(UInt32)
  case badIndirectTable
  case loop
  case tooManyBuffers
  case emptyBuffer
  case wrongOrder
  case missingHeader
  case badRegister

  public var description: String {
    switch self {
    case .notInMemory(let address): "The address 0x\(String(address, radix: 16)) is not in memory"
    case .indexJumped: "The index of available buffers jumped"
    case .sizeExceeded: "More buffers are in use than the queue has"
    case .headOutOfRange(let index): "Descriptor \(index) is available and does not exist"
    case .nextOutOfRange(let index): "Descriptor \(index) is next and does not exist"
    case .badIndirectTable: "The size of an indirect table is invalid"
    case .loop: "The descriptors of a chain form a loop"
    case .tooManyBuffers: "A chain has too many buffers"
    case .emptyBuffer: "A buffer of no bytes"
    case .wrongOrder: "A buffer to read follows one to write"
    case .missingHeader: "A request is too short"
    case .badRegister: "A register has an invalid value"
    }
  }
}
