// SPDX-License-Identifier: Apache-2.0

/// QOM paths of the devices that the board makes by itself. QEMU numbers what has no name in the order of making, so that
/// optional chips, ports and drives move those after them.
struct DeviceNumbering {
  /// A chip, and the bus that it cannot leave; nil for one that is soldered to the PCI bus.
  private struct Chip {
    var model: String
    var bus: String?
  }

  private enum Entry {
    case processor
    case chip(Chip)
    case floppy(slot: Int)
    case drive(slot: Int)
    case adapter
  }

  private static let system = "main-system-bus"
  /// Devices with names of their own, and chips within chips.
  private static let named = [
    "/machine/fw_cfg", "/machine/i440fx", "/machine/i440fx/ioapic",
  ]
  private static let prefix = "/machine/unattached/device"

  private let entries: [Entry]

  init(_ configuration: MachineConfiguration, _ drives: [MachineConfiguration.Drive]) {
    let own = drives.filter { $0.device.path == nil }
    func slots(_ isWanted: (MachineConfiguration.Drive) -> Bool) -> [Int] {
      own.filter(isWanted).compactMap(\.slot).sorted()
    }
    func isa(_ names: String...) -> [Entry] { names.map { .chip(Chip(model: $0, bus: "isa.0")) } }
    func soldered(_ names: String...) -> [Entry] { names.map { .chip(Chip(model: $0)) } }
    func system(_ name: String) -> [Entry] { [.chip(Chip(model: name, bus: Self.system))] }
    let given = configuration.fixedDevices.map(\.model)
    var entries: [Entry] = [.processor] + system("kvmvapic") + soldered("i440FX", "PIIX3")
    entries += isa("i8257", "i8257", "isa-i8259", "isa-i8259")
    if configuration.graphics == .standard, !given.contains("VGA") { entries += soldered("VGA") }
    if configuration.hasEventTimer { entries += system("hpet") }
    entries += isa("mc146818rtc", "isa-pit", "isa-pcspk")
    for _ in 0..<max(0, configuration.serialPorts.count - given.count { $0 == "isa-serial" }) {
      entries += isa("isa-serial")
    }
    if configuration.countsParallelPort { entries += isa("isa-parallel") }
    entries += isa("isa-fdc") + slots { $0.medium == .floppy }.map { .floppy(slot: $0) }
    entries += isa("i8042", "vmport", "vmmouse", "port92")
    entries += configuration.pciDevices.filter { $0.path == nil }.map { _ in .adapter }
    entries += soldered("piix3-ide") + slots { $0.medium != .floppy }.map { .drive(slot: $0) } + soldered("PIIX4_PM")
    for _ in 0..<8 { entries.append(.chip(Chip(model: "smbus-eeprom", bus: "i2c"))) }
    self.entries = entries
  }

  private func path(_ isWanted: (Entry) -> Bool) -> String {
    "\(Self.prefix)[\(entries.firstIndex(where: isWanted) ?? entries.count)]"
  }

  func path(of drive: MachineConfiguration.Drive) -> String {
    let slot = drive.slot ?? 0
    return path {
      switch $0 {
      case .floppy(slot): drive.medium == .floppy
      case .drive(slot): drive.medium != .floppy
      default: false
      }
    }
  }

  /// Of a chip of which there is one.
  func path(ofChip model: String) -> String {
    path { if case .chip(let chip) = $0 { chip.model == model } else { false } }
  }

  /// Adapters that are not the user's own.
  func path(ofAdapter number: Int) -> String {
    let first = entries.firstIndex { if case .adapter = $0 { true } else { false } } ?? entries.count
    return "\(Self.prefix)[\(first + number)]"
  }

  /// Why a device of the board's stays; nil if there is none of that path.
  func refusal(ofUnplugging path: String) -> UnplugRefusal? {
    func stays(on bus: String) -> UnplugRefusal { .refused("Bus '\(bus)' does not support hotplugging") }
    if Self.named.contains(path) { return stays(on: Self.system) }
    let keyboard = self.path(ofChip: "i8042")
    if path == keyboard + "/ps2kbd" || path == keyboard + "/ps2mouse" { return stays(on: Self.system) }
    guard path.hasPrefix(Self.prefix + "["), let end = path.firstIndex(of: "]") else { return nil }
    let digits = path[..<end].dropFirst(Self.prefix.count + 1)
    guard let number = Int(digits), entries.indices.contains(number), String(number) == digits else { return nil }
    let rest = path[path.index(after: end)...]
    if !rest.isEmpty { return Self.refusal(ofPart: rest, of: entries[number], path) }
    switch entries[number] {
    case .processor: return .refused("Boot CPU is unpluggable")
    case .chip(let chip):
      return chip.bus.map(stays) ?? .refused("Device '\(chip.model)' does not support hotplugging")
    case .floppy: return stays(on: "floppy-bus.0")
    case .drive(let slot): return stays(on: "ide.\(slot / 2)")
    case .adapter: return nil
    }
  }

  /// Devices and buses within a chip.
  private static func refusal(ofPart part: Substring, of entry: Entry, _ path: String) -> UnplugRefusal? {
    var model = "", isProcessor = false
    switch entry {
    case .processor: isProcessor = true
    case .chip(let chip): model = chip.model
    case .floppy, .drive, .adapter: return nil
    }
    switch (part, model) {
    // QEMU ends with a failed assertion when it is asked for one of these two.
    case ("/lapic", _) where isProcessor: return .refused("Device 'apic' does not support hotplugging")
    case ("/serial", "isa-serial"): return .refused("Device 'serial' does not support hotplugging")
    case ("/isa.0", "PIIX3"), ("/ide.0", "piix3-ide"), ("/ide.1", "piix3-ide"), ("/i2c", "PIIX4_PM"),
      ("/floppy-bus.0", "isa-fdc"):
      return .refused("\(path) is not a hotpluggable device")
    default: return nil
    }
  }

  /// What is in the tree of objects and is no device.
  static let containers: Set<String> = [
    "", "/", "/backend", "/chardevs", "/machine", "/machine/peripheral", "/machine/peripheral-anon",
    "/machine/unattached", "/machine/unattached/sysbus", "/machine/i440fx/pci.0",
    "/objects", "/objects/pc.ram",
  ]
}

extension MachineConfiguration {
  /// The drives, and drive A where nothing was put into it.
  var allDrives: [Drive] {
    guard hasFloppyDrive, !drives.contains(where: { $0.medium == .floppy && $0.slot == 0 }) else { return drives }
    return drives + [.init(id: "floppy0", medium: .floppy, image: nil, slot: 0)]
  }
}
