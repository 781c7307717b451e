// SPDX-License-Identifier: Apache-2.0
import PC
import VirtioDevices

/// Properties of `-device` that are read the same way for several devices.
extension DeviceRequest {
  mutating func takeSwitch(_ key: String) throws(OptionError) -> Bool? { try list.takeSwitch(key) }

  /// `on`, `off` or `auto`, which is nil.
  mutating func takeAutomatic(_ key: String) throws(OptionError) -> Bool? {
    guard let value = list.take(key) else { return nil }
    switch value {
    case "on": return true
    case "off": return false
    case "auto": return nil
    default: throw OptionError(option, "Parameter '\(key)' does not accept value '\(value)'")
    }
  }

  mutating func takeSize(_ key: String) throws(OptionError) -> UInt32? {
    guard let text = list.take(key) else { return nil }
    let value = try SizeValue.parse(text, key: key, option: option)
    guard let size = UInt32(exactly: value) else {
      throw OptionError(option, "Property '.\(key)' doesn't take value '\(text)', maximum: 4294967295")
    }
    return size
  }

  /// The properties of every virtio device on PCI.
  mutating func takeVirtioTransport() throws(OptionError) -> VirtioOptions {
    var options = VirtioOptions()
    switch driver {
    case _ where driver.hasSuffix("-non-transitional"): options.hasLegacyInterface = false
    case _ where driver.hasSuffix("-transitional"): break
    default:
      options.hasLegacyInterface = !(try takeAutomatic("disable-legacy") ?? false)
      options.hasModernInterface = !(try takeSwitch("disable-modern") ?? false)
    }
    guard options.hasLegacyInterface || options.hasModernInterface else {
      throw OptionError(
        option,
        "device cannot work as neither modern nor legacy mode is enabled\n"
          + "Set either disable-modern or disable-legacy to off")
    }
    options.offersPackedRing = try takeSwitch("packed") ?? false
    options.offersEventIndex = try takeSwitch("event_idx") ?? true
    options.offersIndirectDescriptors = try takeSwitch("indirect_desc") ?? true
    options.offersAnyLayout = try takeSwitch("any_layout") ?? true
    options.offersNotifyOnEmpty = try takeSwitch("notify_on_empty") ?? true
    options.offersRingReset = try takeSwitch("queue_reset") ?? true
    if let count = try takeInteger("vectors"), count != UInt64(UInt32.max) {
      // QEMU warns that it cannot and goes on without MSI-X.
      options.vectorCount = count > 2048 ? 0 : Int(count)
      if count > 2048 { warnings.append(option.prefixing("warning: unable to init msix vectors to \(count)")) }
    }
    options.requiresPlatformAddresses = try takeSwitch("iommu_platform") ?? false
    if options.requiresPlatformAddresses, options.hasLegacyInterface {
      throw OptionError(option, "VIRTIO_F_IOMMU_PLATFORM was supported by neither legacy nor transitional device")
    }
    options.hasPagePerQueue = try takeSwitch("page-per-vq") ?? false
    if try takeSwitch("modern-pio-notify") == true {
      throw OptionError(option, "modern-pio-notify=on is not supported")
    }
    // Of PCI Express, which is not there.
    for key in ["ats", "aer"] { _ = try takeSwitch(key) }
    // How the host does its work, or workarounds for other versions' saved machines: nothing that a guest sees.
    for key in [
      "ioeventfd", "migrate-extra", "use-disabled-flag", "use-started", "virtio-pci-bus-master-bug-migration",
      "x-ignore-backend-features", "x-disable-legacy-check", "x-disable-pcie", "x-ats-page-aligned",
      "x-pcie-deverr-init", "x-pcie-flr-init", "x-pcie-lnkctl-init", "x-pcie-pm-init",
    ] {
      _ = try takeSwitch(key)
    }
    return options
  }
}

/// Disks on virtio.
extension OptionParser {
  /// Models that are virtio disks, aliases among them.
  static let virtioDisks = [
    "virtio-blk-pci", "virtio-blk", "virtio-blk-pci-transitional", "virtio-blk-pci-non-transitional",
  ]

  mutating func addVirtioDisk(_ device: inout DeviceRequest) throws(OptionError) {
    if device.driver == "virtio-blk" { device.driver = "virtio-blk-pci" }
    let name = device.list.take("drive").flatMap { $0.isEmpty ? nil : $0 }
    let function = try device.takeFunction(&bootIndexes)
    try device.refuseROM(function)
    let transport = try device.takeVirtioTransport()
    let policy = try takeErrorPolicy(&device)
    let sharesWrites = try device.takeSwitch("share-rw") ?? false
    let settings = try device.takeVirtioDiskSettings()
    try device.finish()
    launch.warnings += device.warnings
    guard let name else { throw OptionError(device.option, "drive property not set") }
    guard let found = try findDrive(name, device, property: "virtio-blk-device") else {
      throw OptionError(device.option, "drive property not set")
    }
    if launch.machine.drives[found].image == nil {
      throw OptionError(device.option, "Device needs media, but drive is empty")
    }
    launch.machine.drives[found].isVirtio = true
    launch.machine.drives[found].medium = .disk
    var disk = MachineConfiguration.VirtioDisk(drive: name, settings: settings, transport: transport)
    disk.errorPolicy = launch.machine.drives[found].errorPolicy
    if let write = policy.write { disk.errorPolicy.write = write }
    if let read = policy.read { disk.errorPolicy.read = read }
    disk.sharesWrites = sharesWrites
    add(.virtioDisk(disk), device, function)
  }

  /// Drives with `if=virtio` come after the devices that were given with `-device`.
  mutating func attachVirtioDrives() throws(OptionError) {
    for (place, option) in virtioDrives {
      let drive = launch.machine.drives[place]
      if drive.slot != nil || drive.isVirtio { throw OptionError(option, inUse(drive.id)) }
      launch.machine.drives[place].isVirtio = true
      launch.machine.drives[place].isAutomatic = true
      launch.machine.drives[place].medium = .disk
      var disk = MachineConfiguration.VirtioDisk(drive: drive.id)
      disk.errorPolicy = drive.errorPolicy
      var device = MachineConfiguration.PCIDevice(.virtioDisk(disk), option: option.text)
      device.path = nextAnonymousPath()
      launch.machine.pciDevices.append(device)
    }
  }
}

extension DeviceRequest {
  fileprivate mutating func takeVirtioDiskSettings() throws(OptionError) -> VirtioBlockSettings {
    var settings = VirtioBlockSettings()
    settings.serial = list.take("serial") ?? ""
    try takeBlockSizes(&settings)
    settings.offersDiscard = try takeSwitch("discard") ?? true
    settings.offersWriteZeroes = try takeSwitch("write-zeroes") ?? true
    settings.offersCacheControl = try takeSwitch("config-wce") ?? true
    settings.isWriteback = try takeAutomatic("write-cache")
    settings.segmentsFollowQueueSize = try takeSwitch("seg-max-adjust") ?? true
    settings.maximumDiscardSectors = try takeSectors("max-discard-sectors") ?? settings.maximumDiscardSectors
    settings.maximumWriteZeroesSectors =
      try takeSectors("max-write-zeroes-sectors") ?? settings.maximumWriteZeroesSectors
    try takeQueues(&settings)
    try takeGeometry(&settings)
    for key in ["request-merging", "report-discard-granularity", "x-enable-wce-if-config-wce"] {
      _ = try takeSwitch(key)
    }
    for key in ["account-failed", "account-invalid", "backend_defaults"] { _ = try takeAutomatic(key) }
    if try takeSwitch("scsi") == true {
      throw OptionError(option, "Please set scsi=off for virtio-blk devices in order to use virtio 1.0")
    }
    if let name = list.take("iothread") { throw OptionError(option, "Device '\(name)' not found") }
    return settings
  }

  private mutating func takeQueues(_ settings: inout VirtioBlockSettings) throws(OptionError) {
    let automatic: UInt64 = 0xffff
    if let count = try takeInteger("num-queues", limit: automatic), count != automatic {
      guard count > 0 else { throw OptionError(option, "num-queues property must be larger than 0") }
      guard count <= 1024 else { throw OptionError(option, "num-queues property must be at most 1024") }
      settings.queueCount = UInt16(count)
    }
    guard let size = try takeInteger("queue-size", limit: 0xffff) else { return }
    guard size > 0, size & (size - 1) == 0, size <= 1024 else {
      throw OptionError(option, "invalid queue-size property (\(size)), must be a power of 2 (max 1024)")
    }
    guard size > 2 else { throw OptionError(option, "invalid queue-size property (\(size)), must be > 2") }
    settings.queueSize = UInt16(size)
  }

  private mutating func takeSectors(_ key: String) throws(OptionError) -> UInt32? {
    guard let count = try takeInteger(key) else { return nil }
    guard (1...4_194_303).contains(count) else {
      throw OptionError(option, "invalid \(key) property (\(count)), must be between 1 and 4194303")
    }
    return UInt32(count)
  }

  private mutating func takeBlockSize(_ key: String) throws(OptionError) -> UInt32? {
    guard let text = list.take(key) else { return nil }
    let value = try SizeValue.parse(text, key: key, option: option)
    guard value != 0 else { return nil }
    guard (512...2_097_152).contains(value) else {
      throw OptionError(
        option, "Property .\(key) doesn't take value \(value) (minimum: 512, maximum: 2097152)")
    }
    guard value & (value - 1) == 0 else {
      throw OptionError(option, "Property .\(key) doesn't take value '\(value)', it's not a power of 2")
    }
    return UInt32(value)
  }

  private mutating func takeBlockSizes(_ settings: inout VirtioBlockSettings) throws(OptionError) {
    settings.logicalBlockByteCount = try takeBlockSize("logical_block_size") ?? 512
    settings.physicalBlockByteCount = try takeBlockSize("physical_block_size") ?? 512
    let block = settings.logicalBlockByteCount
    guard block <= settings.physicalBlockByteCount else {
      throw OptionError(option, "logical_block_size > physical_block_size not supported")
    }
    settings.minimumIOByteCount = try takeSize("min_io_size") ?? 0
    settings.optimalIOByteCount = try takeSize("opt_io_size") ?? 0
    let automatic = UInt32.max
    if let granularity = try takeSize("discard_granularity"), granularity != automatic {
      settings.discardGranularity = granularity
    }
    for (key, value) in [
      ("min_io_size", settings.minimumIOByteCount), ("opt_io_size", settings.optimalIOByteCount),
      ("discard_granularity", settings.discardGranularity ?? 0),
    ] where value % block != 0 {
      throw OptionError(option, "\(key) must be a multiple of logical_block_size")
    }
  }

  /// Cylinders, heads and sectors are given together or not at all.
  private mutating func takeGeometry(_ settings: inout VirtioBlockSettings) throws(OptionError) {
    let cylinders = try takeInteger("cyls") ?? 0
    let heads = try takeInteger("heads") ?? 0
    let sectors = try takeInteger("secs") ?? 0
    guard cylinders > 0 || heads > 0 || sectors > 0 else { return }
    for (name, value, limit) in [("cyls", cylinders, 65535), ("heads", heads, 255), ("secs", sectors, 255)]
    where !(1...UInt64(limit)).contains(value) {
      throw OptionError(option, "\(name) must be between 1 and \(limit)")
    }
    settings.geometry = .init(
      cylinders: UInt16(clamping: cylinders), heads: UInt8(clamping: heads), sectors: UInt8(clamping: sectors))
  }
}
