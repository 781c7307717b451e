// SPDX-License-Identifier: Apache-2.0
import PC

/// `-action` and what goes with it: when the guest ends its run, and how it can tell.
extension OptionParser {
  mutating func actions(_ option: GivenOption) throws(OptionError) {
    if option.asksForHelp {
      helpText = HelpText.list("action options:", ["panic", "reboot", "shutdown", "watchdog"].map { "\($0)=<str>" })
      return
    }
    var list = try KeyValueList(option)
    let unknown = list.pairs.first { !["panic", "reboot", "shutdown", "watchdog"].contains($0.key) }
    if let unknown { throw OptionError(option, "Invalid parameter '\(unknown.key)'") }
    if let text = list.take("reboot") { launch.machine.actions.reboot = try action(text, of: "reboot", option) }
    if let text = list.take("shutdown") { launch.machine.actions.shutdown = try action(text, of: "shutdown", option) }
    if let text = list.take("panic") { launch.machine.actions.panic = try action(text, of: "panic", option) }
    if let text = list.take("watchdog") { launch.machine.actions.watchdog = try action(text, of: "watchdog", option) }
  }

  func action<Action: RawRepresentable<String>>(
    _ text: String, of key: String, _ option: GivenOption
  ) throws(OptionError) -> Action {
    guard let action = Action(rawValue: text) else {
      throw OptionError(option, "Parameter '\(key)' does not accept value '\(text)'")
    }
    return action
  }

  mutating func addPanicPort(_ device: inout DeviceRequest) throws(OptionError) {
    var port: UInt16 = 0x505
    if let text = device.list.take("ioport") { port = try device.integer(text, of: "ioport", as: UInt16.self) }
    let offered = try panicEvents(&device)
    for case .panic in launch.machine.isaDevices {
      throw OptionError(device.option, "duplicate fw_cfg file name: etc/pvpanic-port")
    }
    launch.machine.isaDevices.append(.panic(port: port, offered: offered))
  }

  mutating func addPanicFunction(_ device: inout DeviceRequest) throws(OptionError) {
    let function = try device.takeFunction(&bootIndexes, hasBootIndex: false)
    try device.refuseROM(function)
    add(.panic(offered: try panicEvents(&device)), device, function)
  }

  private func panicEvents(_ device: inout DeviceRequest) throws(OptionError) -> UInt8 {
    guard let text = device.list.take("events") else { return 3 }
    return try device.integer(text, of: "events", as: UInt8.self)
  }
}

extension DeviceRequest {
  /// A property of so many bits without sign.
  fileprivate func integer<Value: FixedWidthInteger>(
    _ text: String, of key: String, as type: Value.Type
  ) throws(OptionError) -> Value {
    let digits = text.hasPrefix("-") ? String(text.dropFirst()) : text
    guard let magnitude = KeyValueList.number(digits) else {
      throw OptionError(option, "Parameter '\(key)' expects integer")
    }
    guard digits == text, let value = Value(exactly: magnitude) else {
      throw OptionError(option, "Parameter '\(key)' expects uint\(Value.bitWidth)_t")
    }
    return value
  }
}
