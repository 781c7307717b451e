// SPDX-License-Identifier: Apache-2.0
import QAPI

enum HMPStop: HMPCommand {
  static let names = ["stop", "s"]
  static let help = "hold the guest"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    _ = try perform(Stop(), in: context)
    return .done("")
  }
}

enum HMPContinue: HMPCommand {
  static let names = ["cont", "c"]
  static let help = "let the guest run on"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    _ = try perform(Continue(), in: context)
    return .done("")
  }
}

enum HMPSystemReset: HMPCommand {
  static let names = ["system_reset"]
  static let help = "press the reset button"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    _ = try perform(SystemReset(), in: context)
    return .done("")
  }
}

enum HMPSystemPowerdown: HMPCommand {
  static let names = ["system_powerdown"]
  static let help = "press the ACPI power button"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    _ = try perform(SystemPowerdown(), in: context)
    return .done("")
  }
}

enum HMPQuit: HMPCommand {
  static let names = ["quit", "q"]
  static let help = "end the emulator"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    _ = try perform(Quit(), in: context)
    return .done("")
  }
}

enum HMPNMI: HMPCommand {
  static let names = ["nmi"]
  static let help = "raise a non-maskable interrupt on every CPU"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    _ = try perform(InjectNMI(), in: context)
    return .done("")
  }
}

enum HMPProcessor: HMPCommand {
  static let names = ["cpu"]
  static let parameters = "index"
  static let help = "choose the CPU that other commands mean"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let index = try line.integer()
    try line.end()
    guard let known = context.machine.processors.first(where: { Int64($0.index) == index }) else {
      throw .message("invalid CPU index")
    }
    context.processor.index = known.index
    return .done("")
  }
}

enum HMPHelp: HMPCommand {
  static let names = ["help", "?"]
  static let parameters = "[command]"
  static let help = "show what commands there are"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    guard let name = try line.optionalString() else { return .done(HumanMonitor.helpText(HumanMonitor.commands)) }
    guard let command = HumanMonitor.find(name, in: HumanMonitor.commands) else {
      throw .message("unknown command: '\(name)'")
    }
    guard command == HMPInfo.self else { return .done(command.helpLine) }
    guard let topic = try line.optionalString() else {
      return .done(HumanMonitor.helpText(HumanMonitor.infoCommands, prefix: "info "))
    }
    guard let found = HumanMonitor.find(topic, in: HumanMonitor.infoCommands) else {
      throw .message("unknown command: 'info \(topic)'")
    }
    return .done("info " + found.helpLine)
  }
}

/// Only the name; its topics are commands of their own.
enum HMPInfo: HMPCommand {
  static let names = ["info"]
  static let parameters = "[topic]"
  static let help = "show the state of a part of the machine"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    .done(HumanMonitor.helpText(HumanMonitor.infoCommands, prefix: "info "))
  }
}
