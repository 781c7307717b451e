// SPDX-License-Identifier: Apache-2.0
import Chardev
import HostIO
import Network
import PC

/// A monitor that an option asks for.
struct MonitorOption {
  var option: GivenOption
  /// The label of its character device.
  var chardev: String
  /// `-mon id=`, or the label of the character device made for it.
  var id: String?
  var isControl: Bool
  var isPretty: Bool
}

/// `-chardev`, `-serial`, `-parallel`, `-monitor`, `-qmp`, `-mon`, `-debugcon`, and what is connected without being asked for.
extension OptionParser {
  mutating func characterDevice(_ option: GivenOption) throws(OptionError) {
    if option.asksForHelp {
      helpText = HelpText.list("Available chardev backend types: ", ChardevOptions.kinds)
      return
    }
    let (id, configuration) = try ChardevOptions.parse(option)
    try addChardev(id, configuration, option)
  }

  private mutating func addChardev(
    _ id: String, _ configuration: ChardevConfiguration, _ option: GivenOption, consequence: String? = nil
  ) throws(OptionError) {
    let request = Launch.ChardevRequest(
      id: id, configuration: configuration, option: option.name.isEmpty ? "" : option.text, consequence: consequence)
    if launch.chardevs.contains(where: { $0.id == id }) {
      let sentence = option.prefixing("Duplicate ID '\(id)' for chardev")
      guard let consequence else { throw OptionError(sentence) }
      throw OptionError(sentence, option.prefixing(consequence))
    }
    launch.chardevs.append(request)
  }

  /// Reads the short form of an option's argument.
  private func short(
    _ option: GivenOption, takesNone: Bool, takesMonitor: Bool = true, consequence: String
  ) throws(OptionError) -> ChardevOptions.Short {
    if takesNone, option.value == "none" { return .none }
    if option.value.hasPrefix("chardev:") { return .existing(String(option.value.dropFirst(8))) }
    let result: Result<(ChardevConfiguration, hasMonitor: Bool), ChardevOptions.Refusal>
    do throws(OptionError) {
      result = try ChardevOptions.parseShort(option, takesMonitor: takesMonitor)
    } catch {
      throw OptionError(error.messages + [option.prefixing(consequence)])
    }
    switch result {
    case .success(let (configuration, hasMonitor)): return .new(configuration, hasMonitor: hasMonitor)
    case .failure(let refusal):
      throw OptionError((refusal.sentence.map { [option.prefixing($0)] } ?? []) + [option.prefixing(consequence)])
    }
  }

  /// Connects a front end; a device that is not multiplexed has room for one.
  private mutating func claim(_ id: String, otherwise error: (String) -> OptionError) throws(OptionError) {
    guard let request = launch.chardevs.first(where: { $0.id == id }) else { return }
    let isShared = if case .mux = request.configuration.kind { true } else { request.configuration.isMultiplexed }
    frontEndCounts[id, default: 0] += 1
    if frontEndCounts[id, default: 0] > (isShared ? 4 : 1) { throw error("Device '\(id)' is in use") }
  }

  // MARK: Monitors

  /// `-monitor`, `-qmp` and `-qmp-pretty`: a monitor with a back end of its own.
  mutating func monitorOnBackend(_ option: GivenOption) throws(OptionError) {
    let name = option.definition.names[0]
    let isControl = name != "monitor"
    let isPretty = name == "qmp-pretty"
    let request = try short(
      option, takesNone: !isControl, takesMonitor: !isControl, consequence: "parse error: \(option.value)")
    switch request {
    case .none: monitorsGiven = true
    case .existing(let id):
      monitors.append(.init(option: option, chardev: id, isControl: isControl, isPretty: isPretty))
    case .new(let configuration, _):
      try addMonitor(configuration, option, isControl: isControl, isPretty: isPretty)
    }
  }

  private mutating func addMonitor(
    _ configuration: ChardevConfiguration, _ option: GivenOption, isControl: Bool, isPretty: Bool
  ) throws(OptionError) {
    let id = "compat_monitor\(compatibleMonitors)"
    compatibleMonitors += 1
    if launch.chardevs.contains(where: { $0.id == id }) {
      throw OptionError(option, "Duplicate ID '\(id)' for chardev", "parse error: \(option.value)")
    }
    try addChardev(id, configuration, option)
    monitors.append(.init(option: option, chardev: id, id: id, isControl: isControl, isPretty: isPretty))
  }

  /// `-mon [chardev=]ID,…`.
  mutating func monitor(_ option: GivenOption) throws(OptionError) {
    var list = try KeyValueList(option, impliedKey: "chardev")
    let id = try list.takeIdentifier()
    guard let chardev = list.take("chardev") else { throw OptionError(option, "Parameter 'chardev' is missing") }
    let mode = list.take("mode") ?? "readline"
    guard ["readline", "control"].contains(mode) else {
      throw OptionError(option, "Parameter 'mode' does not accept value '\(mode)'")
    }
    let isPretty = try list.takeSwitch("pretty") ?? false
    try list.finish()
    if isPretty, mode == "readline" { throw OptionError(option, "'pretty' is not compatible with HMP monitors") }
    if let id, monitors.contains(where: { $0.id == id }) { throw OptionError(option, "Duplicate ID '\(id)' for mon") }
    monitors.append(
      .init(option: option, chardev: chardev, id: id, isControl: mode == "control", isPretty: isPretty))
  }

  /// Connects the monitors, and one to the terminal when `-nographic` leaves it to nobody else.
  mutating func attachMonitors() throws(OptionError) {
    if wantsDefaultMonitor, isNoGraphic, !sharesTerminal {
      let option = GivenOption(definition: Self.defaultDefinition, name: "")
      try addMonitor(ChardevConfiguration(.stdio(signals: true)), option, isControl: false, isPretty: false)
    }
    for monitor in monitors {
      guard launch.chardevs.contains(where: { $0.id == monitor.chardev }) else {
        throw OptionError(monitor.option, "chardev \"\(monitor.chardev)\" not found")
      }
      try claim(monitor.chardev) { OptionError(monitor.option, $0) }
      launch.monitors.append(
        .init(chardev: monitor.chardev, isControl: monitor.isControl, isPretty: monitor.isPretty))
    }
  }

  private var wantsDefaultMonitor: Bool { !hasNoDefaults && monitors.isEmpty && !monitorsGiven }
  private var wantsDefaultSerial: Bool {
    !hasNoDefaults && serials.isEmpty && launch.machine.board == .pc && !hasDevice("isa-serial")
  }
  /// `-nographic` with neither routed elsewhere: both share the terminal.
  private var sharesTerminal: Bool { isNoGraphic && wantsDefaultSerial && wantsDefaultMonitor }

  private static let defaultDefinition = OptionDefinition("", argument: "", in: .character, "")

  // MARK: Ports

  mutating func attachSerialPorts() throws(OptionError) {
    if wantsDefaultSerial {
      // Without a window the text console that QEMU would show is nowhere to be seen.
      let argument: BytePath = sharesTerminal ? "mon:stdio" : isNoGraphic ? "stdio" : "vc"
      serials.append(GivenOption(definition: Self.defaultDefinition, name: "", bytes: argument))
    }
    for (number, option) in serials.enumerated() {
      let consequence = "could not connect serial device to character backend '\(option.value)'"
      let request = try short(option, takesNone: true, consequence: consequence)
      guard let id = try connect(request, option, as: "serial\(number)", consequence: consequence) else { continue }
      guard number < 4 else { throw OptionError(option, "too many serial ports: this machine has 4") }
      launch.machine.serialPorts.append(.init(chardev: id, number: number))
    }
  }

  mutating func parallel(_ option: GivenOption) throws(OptionError) {
    parallelGiven = true
    let consequence = "could not connect parallel device to character backend '\(option.value)'"
    let request = try short(option, takesNone: true, takesMonitor: false, consequence: consequence)
    guard case .none = request else {
      throw OptionError(option, "this machine has no parallel port: only 'none' is supported")
    }
  }

  mutating func attachDebugConsoles() throws(OptionError) {
    for option in debugConsoles {
      let consequence = "invalid character backend '\(option.value)'"
      let request = try short(option, takesNone: false, consequence: consequence)
      guard let id = try connect(request, option, as: "debugcon", consequence: consequence) else { continue }
      launch.machine.isaDevices.append(.debugConsole(chardev: id, port: 0xe9, readback: 0xe9))
    }
  }

  /// Gives the request's character device a label and connects a front end, with `mon:` a monitor too; nil for `none`.
  private mutating func connect(
    _ request: ChardevOptions.Short, _ option: GivenOption, as label: String, consequence: String
  ) throws(OptionError) -> String? {
    switch request {
    case .none: return nil
    case .existing(let id):
      guard launch.chardevs.contains(where: { $0.id == id }) else { throw OptionError(option, consequence) }
      try claim(id) { OptionError(option, $0, consequence) }
      return id
    case .new(let configuration, let hasMonitor):
      try addChardev(label, configuration, option, consequence: consequence)
      try claim(label) { OptionError(option, $0, consequence) }
      if hasMonitor {
        try claim(label) { OptionError(option, $0, consequence) }
        launch.monitors.append(.init(chardev: label, isControl: false, isPretty: false))
      }
      return label
    }
  }

  /// Makes the character device that `guestfwd=` describes, unless it names one that there is.
  mutating func openDevice(of forward: inout GuestForward, _ option: GivenOption) throws(OptionError) {
    guard case .device(let text) = forward.target else { return }
    let consequence = forward.failure.description
    let label = forward.label
    if launch.chardevs.contains(where: { $0.id == label }) {
      throw OptionError(
        option, "attempt to add duplicate property '\(label)' to object (type 'container')", consequence)
    }
    let request = try short(option.with(Array(text.utf8)), takesNone: false, consequence: consequence)
    forward.label = try connect(request, option, as: label, consequence: consequence) ?? label
  }

  /// Connects a device of `-device` to the character device it names.
  mutating func claim(_ id: String, for property: String, _ option: GivenOption) throws(OptionError) {
    guard launch.chardevs.contains(where: { $0.id == id }) else {
      throw OptionError(option, "Property '\(property)' can't find value '\(id)'")
    }
    try claim(id) { OptionError(option, "Property '\(property)' can't take value '\(id)': \($0)") }
  }
}
