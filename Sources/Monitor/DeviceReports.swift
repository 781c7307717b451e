// SPDX-License-Identifier: Apache-2.0

/// One PCI function as its configuration space stands now; what `query-pci` and `info pci` show.
public struct PCIFunction: Hashable, Sendable {
  public struct Region: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
      case io
      case memory(isPrefetchable: Bool, is64Bit: Bool)
    }

    /// 0 to 5; 6 is the expansion ROM.
    public var bar: Int
    /// nil while the guest has not mapped it (no address, or decoding off).
    public var address: UInt64?
    public var byteCount: UInt64
    public var kind: Kind

    public init(bar: Int, address: UInt64?, byteCount: UInt64, kind: Kind) {
      (self.bar, self.address, self.byteCount, self.kind) = (bar, address, byteCount, kind)
    }
  }

  public var bus: Int
  public var slot: Int
  public var function: Int
  /// Base class in the high byte, subclass in the low one.
  public var classCode: UInt16
  public var vendor: UInt16
  public var device: UInt16
  /// nil when both words are zero or the header type has none.
  public var subsystem: (vendor: UInt16, device: UInt16)? {
    get { subsystemVendor.flatMap { vendor in subsystemDevice.map { (vendor, $0) } } }
    set { (subsystemVendor, subsystemDevice) = (newValue?.vendor, newValue?.device) }
  }
  private var subsystemVendor: UInt16?
  private var subsystemDevice: UInt16?
  /// 0: none, 1 to 4: INTA# to INTD#.
  public var interruptPin: Int
  /// The interrupt line register.
  public var interruptLine: Int
  /// The user's `id=`; empty without one.
  public var id: String
  /// Implemented ones only, in order.
  public var regions: [Region]

  public init(
    bus: Int, slot: Int, function: Int, classCode: UInt16, vendor: UInt16, device: UInt16,
    subsystem: (vendor: UInt16, device: UInt16)? = nil, interruptPin: Int = 0, interruptLine: Int = 0, id: String = "",
    regions: [Region] = []
  ) {
    (self.bus, self.slot, self.function, self.classCode) = (bus, slot, function, classCode)
    (self.vendor, self.device) = (vendor, device)
    (self.interruptPin, self.interruptLine, self.id, self.regions) = (interruptPin, interruptLine, id, regions)
    self.subsystem = subsystem
  }
}

/// One character device as `query-chardev` shows it.
public struct CharacterDevice: Hashable, Sendable {
  public var label: String
  /// What it is connected to: `unix:/tmp/q,server=on`, `file`, `null`, …
  public var description: String
  public var isFrontendOpen: Bool

  public init(label: String, description: String, isFrontendOpen: Bool) {
    (self.label, self.description, self.isFrontendOpen) = (label, description, isFrontendOpen)
  }
}

/// One row of `query-machines`.
public struct MachineType: Hashable, Sendable {
  public var name: String
  public var alias: String?
  public var isDefault: Bool
  public var maximumProcessors: Int
  public var defaultProcessorType: String?
  public var defaultMemoryID: String?
  public var isDeprecated: Bool
  public var supportsNUMAMemory: Bool
  public var hotpluggableProcessors: Bool

  public init(
    name: String, alias: String? = nil, isDefault: Bool = false, maximumProcessors: Int,
    defaultProcessorType: String? = nil, defaultMemoryID: String? = nil, isDeprecated: Bool = false,
    supportsNUMAMemory: Bool = false, hotpluggableProcessors: Bool = false
  ) {
    (self.name, self.alias, self.isDefault, self.maximumProcessors) = (name, alias, isDefault, maximumProcessors)
    (self.defaultProcessorType, self.defaultMemoryID) = (defaultProcessorType, defaultMemoryID)
    (self.isDeprecated, self.supportsNUMAMemory) = (isDeprecated, supportsNUMAMemory)
    self.hotpluggableProcessors = hotpluggableProcessors
  }
}
