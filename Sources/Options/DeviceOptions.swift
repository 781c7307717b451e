// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import PC

/// `-device DRIVER,…`, looked at when all drives and character devices are known.
struct DeviceRequest {
  var driver: String
  var id: String?
  var list: KeyValueList
  /// Its name, or its place among those without one.
  var path = ""
  /// Sentences to show before the start.
  var warnings: [String] = []
  var option: GivenOption { list.option }

  init(driver: String, id: String?, list: KeyValueList) {
    (self.driver, self.id, self.list, path) = (driver, id, list, id ?? "")
  }

  /// The models, each with its bus.
  enum Bus: String {
    case isa = "ISA"
    case ide = "IDE"
    case floppy = "floppy-bus"
    case pci = "PCI"

    /// Buses of the board by name.
    static func named(_ name: String) -> Bus? {
      switch name {
      case "isa.0": .isa
      case "ide.0", "ide.1": .ide
      case "floppy-bus.0": .floppy
      case "pci.0": .pci
      default: nil
      }
    }
  }

  static let buses: [String: Bus] = [
    "pvpanic": .isa, "pvpanic-pci": .pci, "isa-debug-exit": .isa, "isa-debugcon": .isa, "isa-serial": .isa,
    "ide-hd": .ide, "ide-cd": .ide,
    "floppy": .floppy, "VGA": .pci,
    "virtio-blk-pci": .pci, "virtio-blk": .pci, "virtio-blk-pci-transitional": .pci,
    "virtio-blk-pci-non-transitional": .pci,
    "e1000": .pci, "e1000-82540em": .pci,
    "virtio-net-pci": .pci, "virtio-net": .pci, "virtio-net-pci-transitional": .pci,
    "virtio-net-pci-non-transitional": .pci,
  ]

  /// Takes the bus and checks that the device fits.
  mutating func takeBus() throws(OptionError) -> String? {
    guard let name = list.take("bus") else { return nil }
    guard let bus = Bus.named(name) else { throw OptionError(option, "Bus '\(name)' not found") }
    guard bus == Self.buses[driver] else {
      throw OptionError(option, "Device '\(driver)' can't go on \(bus.rawValue) bus")
    }
    return name
  }

  /// The name of the bus that it cannot leave; nil for one that is soldered to its bus.
  func fixedBus(_ given: String?) -> String? {
    switch Self.buses[driver] {
    case .isa: "isa.0"
    case .floppy: "floppy-bus.0"
    case .ide: given ?? "ide.1"
    case .pci, nil: nil
    }
  }

  /// A property of 32 bits without sign.
  mutating func takeInteger(_ key: String, limit: UInt64 = UInt64(UInt32.max)) throws(OptionError) -> UInt64? {
    guard let text = list.take(key) else { return nil }
    let digits = text.hasPrefix("-") ? String(text.dropFirst()) : text
    guard let magnitude = KeyValueList.number(digits) else {
      throw OptionError(option, "Parameter '\(key)' expects integer")
    }
    guard digits == text, magnitude <= UInt64(UInt32.max) else {
      throw OptionError(option, "Parameter '\(key)' expects uint32_t")
    }
    guard magnitude <= limit else {
      throw OptionError(option, "Property '\(driver).\(key)' doesn't take value '\(text)'")
    }
    return magnitude
  }

  /// Takes a property that may only have the value it has.
  mutating func takeFixed(_ key: String, _ allowed: [String]) throws(OptionError) {
    guard let value = list.take(key), !allowed.contains(value) else { return }
    throw OptionError(option, "Property '\(driver).\(key)' doesn't take value '\(value)'")
  }

  func finish() throws(OptionError) {
    if let rest = list.pairs.first { throw OptionError(option, "Property '\(driver).\(rest.key)' not found") }
  }
}

extension OptionParser {
  mutating func device(_ option: GivenOption) throws(OptionError) {
    try device(KeyValueList(option, impliedKey: "driver"))
  }

  mutating func device(_ given: KeyValueList) throws(OptionError) {
    var list = given
    let option = list.option
    guard let driver = list.take("driver") else { throw OptionError(option, "Parameter 'driver' is missing") }
    if driver == "help" || driver == "?" {
      helpText = HelpText.devices
      return
    }
    guard DeviceRequest.buses[driver] != nil else {
      throw OptionError(option, "'\(driver)' is not a valid device model name")
    }
    if list.wantsHelp || list.take("help") != nil {
      helpText = HelpText.properties(of: driver)
      return
    }
    let id = try list.takeIdentifier()
    if let id, devices.contains(where: { $0.id == id }) {
      throw OptionError(option, "Duplicate ID '\(id)' for device")
    }
    devices.append(DeviceRequest(driver: driver == "e1000-82540em" ? "e1000" : driver, id: id, list: list))
  }

  /// Where QOM has a device without a name.
  mutating func nextAnonymousPath() -> String {
    defer { launch.machine.anonymousDeviceCount += 1 }
    return "/machine/peripheral-anon/device[\(launch.machine.anonymousDeviceCount)]"
  }

  mutating func addDevices() throws(OptionError) {
    var hasVGA = false
    for device in devices {
      var device = device
      if device.id == nil { device.path = nextAnonymousPath() }
      let bus = try device.takeBus()
      guard launch.machine.board == .pc else {
        let name = DeviceRequest.buses[device.driver]?.rawValue ?? ""
        throw OptionError(device.option, "No '\(name)' bus found for device '\(device.driver)'")
      }
      if DeviceRequest.buses[device.driver] != .pci || device.driver == "VGA" {
        launch.machine.fixedDevices.append(
          .init(model: device.driver, path: device.path, bus: device.fixedBus(bus)))
      }
      switch device.driver {
      case "isa-debug-exit": try addDebugExit(&device)
      case "isa-debugcon": try addDebugConsole(&device)
      case "pvpanic": try addPanicPort(&device)
      case "pvpanic-pci": try addPanicFunction(&device)
      case "isa-serial": try addSerialPort(&device)
      case "ide-hd": try addDrive(&device, .disk, on: bus)
      case "ide-cd": try addDrive(&device, .cdrom, on: bus)
      case "floppy": try addDrive(&device, .floppy, on: bus)
      case _ where Self.virtioDisks.contains(device.driver): try addVirtioDisk(&device)
      case _ where Self.virtioAdapters.contains(device.driver): try addVirtioAdapter(&device)
      case "e1000", "e1000-82540em": try addE1000(&device)
      default:
        if hasVGA || (graphicsGiven && launch.machine.graphics == .standard) {
          throw OptionError(device.option, "this machine has room for one VGA adapter only")
        }
        hasVGA = true
        try addVGA(&device)
      }
      try device.finish()
    }
    if hasVGA {
      launch.machine.graphics = .standard
    } else if hasNoDefaults, !graphicsGiven {
      launch.machine.graphics = .none
    }
  }

  private mutating func addDebugExit(_ device: inout DeviceRequest) throws(OptionError) {
    let port = try device.takeInteger("iobase", limit: 0xffff) ?? 0x501
    let count = try device.takeInteger("iosize") ?? 2
    guard count > 0 else { throw OptionError(device.option, "Property 'isa-debug-exit.iosize' doesn't take value '0'") }
    let last = min(port + count - 1, 0xffff)
    launch.machine.isaDevices.append(
      .debugExit(port: UInt16(port), portCount: UInt16(clamping: last - port + 1)))
  }

  private mutating func addDebugConsole(_ device: inout DeviceRequest) throws(OptionError) {
    let port = try device.takeInteger("iobase", limit: 0xffff) ?? 0xe9
    let readback = try device.takeInteger("readback") ?? 0xe9
    let chardev = device.list.take("chardev")
    try device.finish()
    guard let chardev else {
      throw OptionError(device.option, "Can't create debugcon device, empty char device")
    }
    try claim(chardev, for: "isa-debugcon.chardev", device.option)
    launch.machine.isaDevices.append(
      .debugConsole(chardev: chardev, port: UInt16(port), readback: UInt8(truncatingIfNeeded: readback)))
  }

  private mutating func addSerialPort(_ device: inout DeviceRequest) throws(OptionError) {
    let count = launch.machine.serialPorts.count
    let automatic = UInt64(UInt32.max)
    var number = try device.takeInteger("index") ?? automatic
    if number == automatic { number = UInt64(count) }
    guard number < 4 else {
      throw OptionError(device.option, "Max. supported number of ISA serial ports is 4.")
    }
    var port = MachineConfiguration.SerialPort(chardev: nil, number: Int(number))
    if let base = try device.takeInteger("iobase"), base != automatic {
      guard base <= 0xfff8 else {
        throw OptionError(device.option, "Property 'isa-serial.iobase' doesn't take value '\(base)'")
      }
      port.port = UInt16(base)
    }
    if let interrupt = try device.takeInteger("irq"), interrupt != automatic {
      guard interrupt <= 15 else {
        throw OptionError(device.option, "Property 'isa-serial.irq' doesn't take value '\(interrupt)'")
      }
      port.interrupt = Int(interrupt)
    }
    try device.takeFixed("baudbase", ["115200"])
    try device.takeFixed("wakeup", ["off", "no", "false"])
    let chardev = device.list.take("chardev")
    try device.finish()
    if launch.machine.serialPorts.contains(where: { $0.port == port.port }) {
      throw OptionError(device.option, "there is a serial port at 0x\(String(port.port, radix: 16)) already")
    }
    if let chardev { try claim(chardev, for: "serial.chardev", device.option) }
    port.chardev = chardev
    launch.machine.serialPorts.append(port)
  }

  private mutating func addVGA(_ device: inout DeviceRequest) throws(OptionError) {
    // The adapter sits in slot 2 and describes one monitor, of 1280x800.
    try device.takeFixed("addr", ["2", "0x2", "02", "02.0", "2.0", "0x2.0x0", "-1"])
    launch.machine.graphicsID = device.id
    launch.machine.graphicsIsMultifunction = try device.takeSwitch("multifunction") ?? false
    try device.takeFixed("edid", ["on", "yes", "true", "y"])
    try device.takeFixed("xres", ["1280"])
    try device.takeFixed("yres", ["800"])
    if let megabytes = try device.takeInteger("vgamem_mb", limit: 256) {
      launch.machine.videoMemoryByteCount = max(1, Int(megabytes)) << 20
    }
  }
}
