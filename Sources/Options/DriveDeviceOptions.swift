// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import PC

extension OptionParser {
  /// `-device ide-hd|ide-cd|floppy`: plugs a drive given with `if=none`, a node of the block graph, or nothing into a slot.
  mutating func addDrive(
    _ device: inout DeviceRequest, _ medium: MachineConfiguration.Drive.Medium, on bus: String?
  ) throws(OptionError) {
    let name = device.list.take("drive").flatMap { $0.isEmpty ? nil : $0 }
    let unit = try device.takeInteger("unit")
    var settings = try device.takeDriveSettings(medium)
    settings.option = device.option.text
    settings.path = device.path
    let policy = try takeErrorPolicy(&device)
    let isWriteback = try device.takeOnOffAuto("write-cache")
    try device.finish()
    if let unit, unit > 1 {
      let kind = medium == .floppy ? "floppy" : "IDE"
      throw OptionError(device.option, "Can't create \(kind) unit \(unit), bus supports only 2 units")
    }
    try claimBootIndex(settings, device.option)
    let place = try findDrive(name, device)
    if medium == .disk {
      guard let place else { throw OptionError(device.option, "No drive specified") }
      if launch.machine.drives[place].image == nil {
        throw OptionError(device.option, "Device needs media, but drive is empty")
      }
    }
    let slot =
      medium == .floppy
      ? try freeFloppyUnit(unit.map { Int($0) }, device.option)
      : try freeSlot(on: bus, unit.map { Int($0) }, device.option)
    let position: Int
    if let place {
      position = place
      launch.machine.drives[place].medium = medium
      launch.machine.drives[place].slot = slot
    } else {
      position = launch.machine.drives.count
      launch.machine.drives.append(.init(id: "", medium: medium, image: nil, slot: slot))
    }
    launch.machine.drives[position].device = settings
    if let write = policy.write { launch.machine.drives[position].errorPolicy.write = write }
    if let read = policy.read { launch.machine.drives[position].errorPolicy.read = read }
    if let isWriteback { launch.machine.drives[position].isWriteback = isWriteback }
  }

  func takeErrorPolicy(
    _ device: inout DeviceRequest
  ) throws(OptionError) -> (read: ErrorPolicy.Action?, write: ErrorPolicy.Action?) {
    func action(_ key: String) throws(OptionError) -> ErrorPolicy.Action? {
      guard let value = device.list.take(key), value != "auto" else { return nil }
      guard let action = ErrorPolicy.Action(rawValue: value) else {
        throw OptionError(device.option, "Parameter '\(key)' does not accept value '\(value)'")
      }
      return action
    }
    return (try action("rerror"), try action("werror"))
  }

  private mutating func claimBootIndex(
    _ settings: MachineConfiguration.DeviceSettings, _ option: GivenOption
  ) throws(OptionError) {
    guard let index = settings.bootIndex else { return }
    guard bootIndexes.insert(index).inserted else {
      throw OptionError(option, "The bootindex \(index) has already been used")
    }
  }

  /// The drive that a name means, which is made for the name of a node; nil without a name.
  mutating func findDrive(
    _ name: String?, _ device: DeviceRequest, property: String? = nil
  ) throws(OptionError) -> Int? {
    guard let name else { return nil }
    if let found = launch.machine.drives.firstIndex(where: { $0.id == name }) {
      let drive = launch.machine.drives[found]
      if drive.slot != nil || drive.isVirtio { throw OptionError(device.option, inUse(name)) }
      return found
    }
    guard hasNode(name) else {
      throw OptionError(device.option, "Property '\(property ?? device.driver).drive' can't find value '\(name)'")
    }
    // The board makes the drive of a node for a machine that runs.
    var drive = MachineConfiguration.Drive(id: "", medium: .disk, image: .node(name), slot: nil)
    drive.option = device.option.text
    launch.machine.drives.append(drive)
    return launch.machine.drives.count - 1
  }

  private func hasNode(_ name: String) -> Bool {
    surroundings?.nodeNames.contains(name) ?? launch.machine.blockNodes.contains { $0.options.names.contains(name) }
  }

  func inUse(_ name: String) -> String {
    drives.contains { $0.bus != .none && $0.id == name }
      || launch.machine.drives.contains { $0.id == name && $0.isAutomatic }
      || launch.machine.drives.contains { $0.id == name && $0.device.path == nil && !$0.isVirtio }
      ? "Drive '\(name)' is already in use because it has been automatically connected to another device (did you need "
        + "'if=none' in the drive options?)" : "Drive '\(name)' is already in use by another device"
  }

  private func freeSlot(on bus: String?, _ unit: Int?, _ option: GivenOption) throws(OptionError) -> Int {
    let taken = launch.machine.drives.filter { $0.medium != .floppy }.compactMap(\.slot)
    let slots =
      bus == "ide.0" ? [0, 1] : bus == "ide.1" ? [2, 3] : taken.contains(0) && taken.contains(1) ? [2, 3] : [0, 1]
    if let unit {
      if taken.contains(slots[unit]) { throw OptionError(option, "IDE unit \(unit) is in use") }
      return slots[unit]
    }
    guard let slot = slots.first(where: { !taken.contains($0) }) else {
      throw OptionError(option, "IDE unit 1 is in use")
    }
    return slot
  }

  private func freeFloppyUnit(_ unit: Int?, _ option: GivenOption) throws(OptionError) -> Int {
    let taken = launch.machine.drives.filter { $0.medium == .floppy }.compactMap(\.slot)
    if let unit {
      if taken.contains(unit) { throw OptionError(option, "Floppy unit \(unit) is in use") }
      return unit
    }
    guard let free = (0..<2).first(where: { !taken.contains($0) }) else {
      throw OptionError(option, "Can't create floppy unit 2, bus supports only 2 units")
    }
    return free
  }
}

extension DeviceRequest {
  /// What a drive says about itself.
  mutating func takeDriveSettings(
    _ medium: MachineConfiguration.Drive.Medium
  ) throws(OptionError) -> MachineConfiguration.DeviceSettings {
    var settings = MachineConfiguration.DeviceSettings()
    settings.bootIndex = try takeBootIndex()
    settings.sharesWrites = try list.takeSwitch("share-rw") ?? false
    settings.physicalBlockByteCount = try takeBlockSizes()
    if let type = list.take("drive-type"), medium == .floppy, !["auto", "144", "288", "120", "none"].contains(type) {
      throw OptionError(option, "Parameter 'drive-type' does not accept value '\(type)'")
    }
    guard medium != .floppy else { return settings }
    settings.serialNumber = list.take("serial").map { Self.printable($0, 20) }
    settings.model = list.take("model").map { Self.printable($0, 40) }
    settings.firmwareVersion = list.take("ver").map { Self.printable($0, 8) }
    if let text = list.take("wwn") {
      guard let number = KeyValueList.number(text) else { throw OptionError(option, "Parameter 'wwn' expects integer") }
      settings.worldWideName = number
    }
    guard medium == .disk else { return settings }
    settings.rotationRate = UInt16(truncatingIfNeeded: try takeInteger("rotation_rate", limit: 0xffff) ?? 0)
    settings.geometry = try takeGeometry()
    return settings
  }

  /// As much of a text as its words in IDENTIFY DEVICE hold.
  private static func printable(_ text: String, _ count: Int) -> String {
    String(decoding: text.utf8.prefix(count).map { (0x20..<0x7f).contains($0) ? $0 : 0x20 }, as: UTF8.self)
  }

  private mutating func takeBootIndex() throws(OptionError) -> Int? {
    guard let text = list.take("bootindex") else { return nil }
    let isNegative = text.hasPrefix("-")
    guard let magnitude = KeyValueList.number(isNegative ? String(text.dropFirst()) : text),
      magnitude <= UInt64(Int32.max)
    else { throw OptionError(option, "Parameter 'bootindex' expects integer") }
    return isNegative ? nil : Int(magnitude)
  }

  /// Only sectors of 512 bytes exist on an IDE disk; larger physical blocks are told to the guest.
  private mutating func takeBlockSizes() throws(OptionError) -> Int {
    func size(_ key: String) throws(OptionError) -> UInt64 {
      guard let value = try takeInteger(key), value != 0 else { return 512 }
      guard value & (value - 1) == 0 else {
        throw OptionError(option, "Property .\(key) doesn't take value '\(value)', it's not a power of 2")
      }
      guard (512...(2 << 20)).contains(value) else {
        throw OptionError(
          option, "Property .\(key) doesn't take value \(value) (minimum: 512, maximum: 2 MiB)")
      }
      return value
    }
    let (logical, physical) = (try size("logical_block_size"), try size("physical_block_size"))
    for key in ["min_io_size", "opt_io_size", "discard_granularity"] { _ = try takeInteger(key) }
    if logical > physical { throw OptionError(option, "logical_block_size > physical_block_size not supported") }
    if logical != 512 { throw OptionError(option, "logical_block_size must be 512 for IDE") }
    return Int(physical)
  }

  private mutating func takeGeometry() throws(OptionError) -> MachineConfiguration.DeviceSettings.Geometry? {
    let (cylinders, heads, sectors) = (try takeInteger("cyls"), try takeInteger("heads"), try takeInteger("secs"))
    if let translation = list.take("bios-chs-trans"),
      !["auto", "none", "lba", "large", "rechs"].contains(translation)
    {
      throw OptionError(option, "Parameter 'bios-chs-trans' does not accept value '\(translation)'")
    }
    guard (cylinders ?? 0) != 0 || (heads ?? 0) != 0 || (sectors ?? 0) != 0 else { return nil }
    guard let cylinders, (1...65535).contains(cylinders) else {
      throw OptionError(option, "cyls must be between 1 and 65535")
    }
    guard let heads, (1...16).contains(heads) else { throw OptionError(option, "heads must be between 1 and 16") }
    guard let sectors, (1...255).contains(sectors) else { throw OptionError(option, "secs must be between 1 and 255") }
    return .init(cylinders: Int(cylinders), heads: Int(heads), sectors: Int(sectors))
  }

  mutating func takeOnOffAuto(_ key: String) throws(OptionError) -> Bool? {
    guard let value = list.take(key), value != "auto" else { return nil }
    guard let isOn = KeyValueList.isOn(value) else {
      throw OptionError(option, "Parameter '\(key)' does not accept value '\(value)'")
    }
    return isOn
  }
}
