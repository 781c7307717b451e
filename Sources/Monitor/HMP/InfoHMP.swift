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
