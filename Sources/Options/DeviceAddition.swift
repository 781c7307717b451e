// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import Network
import PC

/// What a new device of a machine that runs can be plugged into.
struct DeviceSurroundings {
  var nodeNames: Set<String>
  var hasNetdev: (String) -> Bool
}

/// `device_add`: `-device` for a machine that runs.
public enum DeviceAddition {
  /// Properties and their values, as text.
  public typealias Properties = [(key: String, value: String)]

  /// Adds a device from the human monitor's `DRIVER,PROPERTY=VALUE,…`.
  ///
  /// - Parameter isMigrating: the machine is on its way to another process, and stays as it is.
  /// - Returns: what to show instead, if help was asked for.
  public static func add(
    _ text: String, to machine: Machine, isMigrating: Bool = false
  ) throws(OptionError) -> String? {
    let list = try KeyValueList(option(text), impliedKey: "driver")
    var parser = OptionParser()
    try parser.device(list)
    if let help = parser.helpText { return help }
    try add(list, to: machine, isMigrating)
    return nil
  }

  public static func add(
    _ properties: Properties, to machine: Machine, isMigrating: Bool = false
  ) throws(OptionError) {
    try add(KeyValueList(option(""), properties), to: machine, isMigrating)
  }

  /// Nameless, so that error texts do not begin with it.
  private static func option(_ text: String) throws(OptionError) -> GivenOption {
    guard let definition = OptionDefinition.find("device") else { throw OptionError("there are no devices") }
    return GivenOption(definition: definition, name: "", bytes: BytePath(text))
  }

  private static func add(_ list: KeyValueList, to machine: Machine, _ isMigrating: Bool) throws(OptionError) {
    var parser = OptionParser()
    try parser.device(list)
    // A list of properties asks for no help: the word is a driver or a property like any other.
    if parser.helpText != nil {
      let driver = list.pairs.last { $0.key == "driver" }?.value ?? ""
      throw OptionError(
        DeviceRequest.buses[driver] == nil
          ? "'\(driver)' is not a valid device model name" : "Property '\(driver).help' not found")
    }
    guard var device = parser.devices.first else { throw OptionError("Parameter 'driver' is missing") }
    if device.driver == "VGA" { throw OptionError("Parameter 'driver' expects a pluggable device type") }
    let bus = try device.takeBus()
    guard machine.board != nil else {
      let name = DeviceRequest.buses[device.driver]?.rawValue ?? ""
      throw OptionError("No '\(name)' bus found for device '\(device.driver)'")
    }
    if let fixed = device.fixedBus(bus) { throw OptionError("Bus '\(fixed)' does not support hotplugging") }
    if isMigrating { throw OptionError("device_add not allowed while migrating") }
    if let id = device.id, machine.deviceNames.contains(id) { throw OptionError("Duplicate device ID '\(id)'") }
    try plug(&device, parser, into: machine)
  }

  private static func plug(
    _ device: inout DeviceRequest, _ parser: OptionParser, into machine: Machine
  ) throws(OptionError) {
    var parser = parser
    parser.launch.machine.drives = machine.drives
    parser.bootIndexes = machine.bootIndexes
    parser.surroundings = DeviceSurroundings(
      nodeNames: Set(machine.blockGraph.nodes.map(\.name)),
      hasNetdev: { machine.networks.find($0).map { $0.kind != .adapter } ?? false })
    switch device.driver {
    case _ where OptionParser.virtioDisks.contains(device.driver): try parser.addVirtioDisk(&device)
    case _ where OptionParser.virtioAdapters.contains(device.driver): try parser.addVirtioAdapter(&device)
    case "pvpanic-pci": try parser.addPanicFunction(&device)
    default: try parser.addE1000(&device)
    }
    for warning in parser.launch.warnings { HostProcess.report(warning) }
    guard let request = parser.launch.machine.pciDevices.last else { return }
    do throws(MachineError) { try machine.plug(request) } catch { throw OptionError("\(error)") }
  }
}
