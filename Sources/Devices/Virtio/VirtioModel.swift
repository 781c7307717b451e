// SPDX-License-Identifier: Apache-2.0

/// What one kind of virtio device adds to the transport: its features, its configuration space, and what it does with
/// queues.
public protocol VirtioModel: AnyObject {
  /// Feature bits of the kind of device; with a driver that may use either interface, `isLegacy` tells which one asks.
  func features(isLegacy: Bool) -> UInt64
  /// The device-specific configuration as it stands. Its length never changes.
  var configurationSpace: [UInt8] { get }
  /// The driver wrote one byte of it.
  func writeConfigurationSpace(_ offset: Int, _ value: UInt8)
  /// The driver made buffers available.
  func queueWasNotified(_ index: Int)
  /// The driver reset one queue: what the device holds of it is forgotten.
  func queueWasReset(_ index: Int)
  /// The device is reset, by the driver or with the machine: nothing stays in flight.
  func resetModel()
  /// DRIVER_OK was set: negotiation is over.
  func driverIsReady()
  /// As `PCIFunction` has it, for a device whose driver is ready.
  var mayWriteMemory: Bool { get }
}

extension VirtioModel {
  public var mayWriteMemory: Bool { false }
}

/// What a kind of device is to the transport.
public struct VirtioIdentity: Sendable {
  /// Virtio 1.2, chapter 5.
  public var deviceID: UInt16
  /// Of a legacy or transitional device; virtio 1.2, 4.1.2.1.
  public var transitionalID: UInt16
  /// As in `PCIIdentity`.
  public var classCode: UInt32
  /// QEMU's name of the model.
  public var pciName: String
  /// Entries of each queue.
  public var queueSizes: [UInt16]
  public var configurationByteCount: Int

  public init(
    deviceID: UInt16, transitionalID: UInt16, classCode: UInt32, pciName: String, queueSizes: [UInt16],
    configurationByteCount: Int
  ) {
    (self.deviceID, self.transitionalID, self.classCode) = (deviceID, transitionalID, classCode)
    (self.pciName, self.queueSizes) = (pciName, queueSizes)
    self.configurationByteCount = configurationByteCount
  }
}

/// Properties that every virtio device on PCI has, named as QEMU names them.
public struct VirtioOptions: Sendable, Equatable {
  /// `disable-legacy=off`: there is an I/O region for drivers of before virtio 1.0.
  public var hasLegacyInterface = true
  /// `disable-modern=off`.
  public var hasModernInterface = true
  /// `vectors=`: of MSI-X; 0 for none, nil for one a queue and one for configuration changes.
  public var vectorCount: Int?
  public var offersIndirectDescriptors = true
  public var offersEventIndex = true
  public var offersPackedRing = false
  public var offersAnyLayout = true
  public var offersNotifyOnEmpty = true
  public var offersRingReset = true
  /// `page-per-vq=on`: each queue's notification register is in a page of its own.
  public var hasPagePerQueue = false
  /// `iommu_platform=on`: the driver must use the addresses of the platform, which are those of memory.
  public var requiresPlatformAddresses = false
  /// `multifunction=on`.
  public var isMultifunction = false

  public init() {}

  var features: UInt64 {
    var features = VirtioFeature.badFeature
    if hasModernInterface {
      features |= VirtioFeature.version1
      if requiresPlatformAddresses { features |= VirtioFeature.platformAddresses }
      if offersRingReset { features |= VirtioFeature.ringReset }
      if offersPackedRing { features |= VirtioFeature.packedRing }
      if offersAnyLayout { features |= VirtioFeature.anyLayout }
    }
    if offersNotifyOnEmpty { features |= VirtioFeature.notifyOnEmpty }
    if offersIndirectDescriptors { features |= VirtioFeature.indirectDescriptors }
    if offersEventIndex { features |= VirtioFeature.eventIndex }
    return features
  }
}
