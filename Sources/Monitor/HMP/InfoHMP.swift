// SPDX-License-Identifier: Apache-2.0
import QAPI

enum InfoStatus: HMPCommand {
  static let names = ["status"]
  static let help = "whether the guest runs"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    let state = context.machine.runState
    switch state {
    case .running: return .done("VM status: running\n")
    case .paused: return .done("VM status: paused\n")
    default: return .done("VM status: paused (\(state.rawValue))\n")
    }
  }
}

enum InfoVersion: HMPCommand {
  static let names = ["version"]
  static let help = "the version of the interface and of the program"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    let version = context.hub.version
    return .done("\(version.major).\(version.minor).\(version.micro) (\(version.package))\n")
  }
}

enum InfoName: HMPCommand {
  static let names = ["name"]
  static let help = "the machine's name"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    return .done(context.machine.name.map { $0 + "\n" } ?? "")
  }
}

enum InfoUUID: HMPCommand {
  static let names = ["uuid"]
  static let help = "the machine's UUID"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    return .done(context.machine.uuid + "\n")
  }
}

enum InfoKVM: HMPCommand {
  static let names = ["kvm"]
  static let help = "whether the host's virtualization is used"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    return .done("kvm support: not compiled\n")
  }
}

enum InfoHistory: HMPCommand {
  static let names = ["history"]
  static let help = "the lines typed before"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    return .done(context.history.enumerated().map { "\($0.offset): '\($0.element)'\n" }.joined())
  }
}

enum InfoProcessors: HMPCommand {
  static let names = ["cpus"]
  static let help = "the CPUs and their host threads"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    let lines = context.machine.processors.map { processor in
      let mark = processor.index == context.processor.index ? "*" : " "
      return "\(mark) CPU #\(processor.index): thread_id=\(processor.threadID)\n"
    }
    return .done(lines.joined())
  }
}

enum InfoChardev: HMPCommand {
  static let names = ["chardev"]
  static let help = "the character devices"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    return .done(context.machine.characterDevices.map { "\($0.label): filename=\($0.description)\n" }.joined())
  }
}

enum InfoPCI: HMPCommand {
  static let names = ["pci"]
  static let help = "the PCI functions and what they map"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    return .done(context.machine.pciFunctions.map(describe).joined())
  }

  private static func describe(_ function: PCIFunction) -> String {
    var text = "  Bus \(Hex.pad(String(function.bus), to: 2)), device \(Hex.pad(String(function.slot), to: 3)), "
    text += "function \(function.function):\n"
    let id = "PCI device \(Hex.text(function.vendor, digits: 4)):\(Hex.text(function.device, digits: 4))\n"
    if let name = PCIClass.description(of: function.classCode) {
      text += "    \(name): \(id)"
    } else {
      text += "    Class \(Hex.text(function.classCode, digits: 4)): \(id)"
    }
    if let subsystem = function.subsystem {
      text += "      PCI subsystem \(Hex.text(subsystem.vendor, digits: 4)):\(Hex.text(subsystem.device, digits: 4))\n"
    }
    if function.interruptPin != 0 {
      let letter = Character(Unicode.Scalar(UInt8(truncatingIfNeeded: 64 + (function.interruptPin & 7))))
      text += "      IRQ \(function.interruptLine), pin \(letter)\n"
    }
    for region in function.regions { text += describe(region) }
    return text + "      id \"\(function.id)\"\n"
  }

  private static func describe(_ region: PCIFunction.Region) -> String {
    let address = region.address ?? .max
    let last = address &+ region.byteCount &- 1
    switch region.kind {
    case .io:
      return "      BAR\(region.bar): I/O at 0x\(Hex.text(address, digits: 4)) [0x\(Hex.text(last, digits: 4))].\n"
    case .memory(let isPrefetchable, let is64Bit):
      let kind = "\(is64Bit ? 64 : 32) bit\(isPrefetchable ? " prefetchable" : "")"
      let range = "0x\(Hex.text(address, digits: 8)) [0x\(Hex.text(last, digits: 8))]"
      return "      BAR\(region.bar): \(kind) memory at \(range).\n"
    }
  }
}

enum InfoBlock: HMPCommand {
  static let names = ["block"]
  static let parameters = "[-n] [-v] [device]"
  static let help = "the drives; -v with their images, -n the named nodes"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let flags = try line.flags("nv")
    let wanted = try line.optionalString()
    try line.end()
    // There are no nodes that a drive does not own.
    if flags.contains("n") { return .done("") }
    var text = ""
    for (position, device) in context.machine.blockDevices.enumerated() where wanted == nil || wanted == device.device {
      if position > 0 { text += "\n" }
      text += describe(device, isVerbose: flags.contains("v"))
    }
    return .done(text)
  }

  private static func describe(_ device: BlockDevice, isVerbose: Bool) -> String {
    var text = device.device
    if let inserted = device.inserted {
      text += " (\(inserted.nodeName)): \(inserted.image.fileName) (\(inserted.image.format)"
      text += "\(inserted.isReadOnly ? ", read-only" : ""))\n"
    } else {
      text += ": [not inserted]\n"
    }
    if let user = device.attachedTo { text += "    Attached to:      \(user)\n" }
    if device.isRemovable {
      text += "    Removable device: \(device.isLocked ? "" : "not ")locked, tray "
      text += device.isTrayOpen == true ? "open\n" : "closed\n"
    }
    guard let inserted = device.inserted else { return text }
    text += "    Cache mode:       \(inserted.isWriteback ? "writeback" : "writethrough")"
    text += "\(inserted.isDirect ? ", direct" : "")\(inserted.ignoresFlushes ? ", ignore flushes" : "")\n"
    if let backing = inserted.image.backing.first {
      text += "    Backing file:     \(backing.fileName) (chain depth: \(inserted.image.backing.count))\n"
    }
    if inserted.detectZeroes != "off" { text += "    Detect zeroes:    \(inserted.detectZeroes)\n" }
    guard isVerbose else { return text }
    text += "\nImages:\n"
    for image in [inserted.image] + inserted.image.backing {
      text += "image: \(image.fileName)\nfile format: \(image.format)\n"
      text += "virtual size: \(size(image.virtualByteCount)) (\(image.virtualByteCount) bytes)\n"
      text += "disk size: \(image.actualByteCount.map(size) ?? "unavailable")\n"
    }
    return text
  }

  /// Three significant digits and a binary unit.
  static func size(_ byteCount: Int64) -> String {
    let units = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
    var value = Double(max(0, byteCount))
    var unit = 0
    while value >= 1000, unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    let places = value >= 100 ? 1.0 : value >= 10 ? 10.0 : value >= 1 ? 100.0 : 1000.0
    let rounded = (value * places).rounded(.toNearestOrEven) / places
    return "\(JSON.double(rounded).text) \(units[unit])B"
  }
}
