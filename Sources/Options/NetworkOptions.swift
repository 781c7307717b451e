// SPDX-License-Identifier: Apache-2.0
import HostIO
import Network
import PC
import QAPI
import VirtioDevices

/// What network options have asked for so far; looked at when all options are known.
struct NetworkRequests {
  /// `-netdev`, with the name that each has.
  var netdevs: [(id: String, option: GivenOption, fields: NetworkFields, type: String)] = []
  /// `-nic` and `-net`, each in the order given.
  var nics: [(option: GivenOption, list: KeyValueList)] = []
  var legacy: [(option: GivenOption, list: KeyValueList)] = []
  /// Any of them was given, so that there is no adapter by default.
  var isGiven = false
  var dumps: [MachineConfiguration.NetworkDump] = []
}

/// `-netdev`, `-nic`, `-net`, `-object filter-dump`.
extension OptionParser {
  /// Models that `-nic` and `-net nic` make.
  private static let models = [
    "e1000", "virtio-net-pci", "virtio-net-pci-non-transitional", "virtio-net-pci-transitional",
  ]

  mutating func network(_ option: GivenOption) throws(OptionError) {
    networkRequests.isGiven = true
    switch option.definition.names[0] {
    case "netdev": try netdev(option)
    case "nic": try shortNetwork(option, \.nics)
    default: try shortNetwork(option, \.legacy)
    }
  }

  private mutating func netdev(_ option: GivenOption) throws(OptionError) {
    if option.asksForHelp {
      helpText = HelpText.list("Available netdev backend types:", NetworkConfiguration.types, indent: "")
      return
    }
    var fields: NetworkFields
    var id: String?
    if option.bytes.bytes.first == UInt8(ascii: "{") {
      let value: JSON
      do throws(JSONError) { value = try JSON(parsing: option.bytes.bytes) } catch {
        throw OptionError(option, error.description)
      }
      fields = NetworkFields(value.flattenedMembers, style: .json)
      id = fields.take("id")
    } else {
      var list = try KeyValueList(option, impliedKey: "type")
      id = try list.takeIdentifier()
      let isModern = ["stream", "dgram"].contains(list.pairs.last { $0.key == "type" }?.value ?? "")
      if isModern { list = try KeyValueList(option, impliedKey: "type", bareKey: .isRefused) }
      list.drop(["id"])
      fields = NetworkFields(list.pairs.map { ($0.key, $0.value) }, style: isModern ? .json : .list)
    }
    guard let type = fields.take("type") else { throw OptionError(option, "Parameter 'type' is missing") }
    guard let id else { throw OptionError(option, "Parameter 'id' is missing") }
    if networkRequests.netdevs.contains(where: { $0.id == id }) {
      throw OptionError(option, "Duplicate ID '\(id)' for netdev")
    }
    networkRequests.netdevs.append((id, option, fields, type))
  }

  private mutating func shortNetwork(
    _ option: GivenOption, _ place: WritableKeyPath<NetworkRequests, [(option: GivenOption, list: KeyValueList)]>
  ) throws(OptionError) {
    var list = try KeyValueList(option, impliedKey: "type")
    let type = list.pairs.last { $0.key == "type" }?.value
    if ["help", "?"].contains(list.pairs.last { $0.key == "model" }?.value) {
      helpText = HelpText.list("Supported NIC models:", Self.models, indent: "")
      return
    }
    if type == "none" { return }
    let kind = option.definition.names[0]
    if let id = try list.takeIdentifier() {
      if networkRequests[keyPath: place].contains(where: {
        $0.list.pairs.contains { $0.key == "id" && $0.value == id }
      }) {
        throw OptionError(option, "Duplicate ID '\(id)' for \(kind)")
      }
      list = try KeyValueList(option, impliedKey: "type")
    }
    networkRequests[keyPath: place].append((option, list))
  }

  // MARK: When all options are known

  /// Back ends in QEMU's order, and adapters of `-nic` and `-net`, which come before those of `-device`.
  mutating func addNetworks() throws(OptionError) {
    if !networkRequests.isGiven, !hasNoDefaults, launch.machine.board == .pc {
      launch.machine.pciDevices.append(.init(.e1000(.init(.hub(0)))))
      var fields = NetworkFields([], style: .list)
      do throws(NetworkError) {
        let user = try NetworkConfiguration.backend(type: "user", &fields)
        launch.machine.networks.append(.init(id: nil, user, hub: 0, option: ""))
      } catch { throw OptionError("\(error)") }
    }
    // As in QEMU those whose options are read as JSON is come first.
    let netdevs = networkRequests.netdevs
    for (id, option, fields, type) in netdevs.filter({ $0.fields.style == .json })
      + netdevs.filter({ $0.fields.style != .json })
    {
      var fields = fields
      let backend = try backend(type, &fields, option)
      launch.machine.networks.append(.init(id: id, backend, option: option.text))
    }
    for (option, list) in networkRequests.nics { try addShortNetwork(option, list, hub: nil) }
    for (option, list) in networkRequests.legacy { try addShortNetwork(option, list, hub: 0) }
    launch.machine.networkDumps = networkRequests.dumps
  }

  private mutating func backend(
    _ type: String, _ fields: inout NetworkFields, _ option: GivenOption
  ) throws(OptionError) -> NetworkConfiguration.Backend {
    let backend: NetworkConfiguration.Backend
    do throws(NetworkError) {
      backend = try NetworkConfiguration.backend(type: type, &fields)
      try fields.finish()
    } catch { throw OptionError(option, "\(error)") }
    guard case .user(var user) = backend else { return backend }
    for index in user.guestForwards.indices { try openDevice(of: &user.guestForwards[index], option) }
    return .user(user)
  }

  /// `-nic TYPE,model=,mac=,…` makes both ends of a wire; `-net nic` and `-net TYPE` plug one thing each into hub 0.
  private mutating func addShortNetwork(
    _ option: GivenOption, _ given: KeyValueList, hub: Int?
  ) throws(OptionError) {
    var list = given
    guard let type = list.take("type") else { throw OptionError(option, "Parameter 'type' is missing") }
    let id = try list.takeIdentifier()
    if hub != nil, type == "hubport" {
      throw OptionError(option, "network backend 'hubport' is only supported with -netdev/-nic")
    }
    if hub != nil, type == "nic" {
      try addLegacyAdapter(option, &list, name: id)
      return
    }
    var model: String?
    var address: [UInt8]?
    if hub == nil {
      model = list.take("model")
      if let text = list.take("mac") { address = try Self.address(text, option) }
    }
    var fields = NetworkFields(list.pairs.map { ($0.key, $0.value) }, style: .list)
    let backend = try backend(type, &fields, option)
    launch.machine.networks.append(.init(id: id, backend, hub: hub, option: option.text))
    guard hub == nil else { return }
    var device = MachineConfiguration.NetworkAdapter(.request(launch.machine.networks.count - 1))
    device.address = address
    try addAdapter(device, model: model, place: nil, option)
  }

  private mutating func addLegacyAdapter(
    _ option: GivenOption, _ list: inout KeyValueList, name: String?
  ) throws(OptionError) {
    let netdev = list.take("netdev")
    var device = MachineConfiguration.NetworkAdapter(netdev.map { .netdev($0) } ?? .hub(0))
    device.name = name
    if let text = list.take("macaddr") { device.address = try Self.address(text, option) }
    let model = list.take("model")
    _ = list.take("vectors")
    // QEMU's `pc` takes the address of `-net nic` and gives it to no device.
    _ = list.take("addr")
    try list.finish()
    if let netdev, !networkRequests.netdevs.contains(where: { $0.id == netdev }) {
      throw OptionError(option, "netdev '\(netdev)' not found")
    }
    try addAdapter(device, model: model, place: nil, option)
  }

  private mutating func addAdapter(
    _ adapter: MachineConfiguration.NetworkAdapter, model: String?, place: MachineConfiguration.PCIPlace?,
    _ option: GivenOption
  ) throws(OptionError) {
    var model = model ?? Self.models[0]
    if model == "virtio" { model = "virtio-net-pci" }
    guard Self.models.contains(model) || launch.machine.board != .pc else {
      throw OptionError("Unsupported NIC model: \(model)")
    }
    var kind = MachineConfiguration.PCIDevice.Kind.e1000(adapter)
    if model.hasPrefix("virtio") {
      var transport = VirtioOptions()
      transport.hasLegacyInterface = !model.hasSuffix("-non-transitional")
      kind = .virtioNetwork(.init(adapter, transport: transport))
    }
    launch.machine.pciDevices.append(.init(kind, place: place, option: option.text))
  }

  /// What every adapter has: its wire, its address and its ROM. - Parameter part: what error texts call it.
  mutating func takeAdapter(
    _ device: inout DeviceRequest, part: String
  ) throws(OptionError) -> MachineConfiguration.NetworkAdapter {
    let netdev = device.list.take("netdev")
    var adapter = MachineConfiguration.NetworkAdapter(netdev.map { .netdev($0) } ?? .none)
    if let text = device.list.take("mac") {
      guard let address = Self.parseAddress(text) else {
        throw OptionError(device.option, "Property '\(part).mac' doesn't take value '\(text)'")
      }
      adapter.address = address
    }
    if let netdev, !hasNetdev(netdev) {
      throw OptionError(device.option, "Property '\(part).netdev' can't find value '\(netdev)'")
    }
    return adapter
  }

  private func hasNetdev(_ name: String) -> Bool {
    surroundings?.hasNetdev(name) ?? launch.machine.networks.contains { $0.id == name }
  }

  /// `-device e1000`.
  mutating func addE1000(_ device: inout DeviceRequest) throws(OptionError) {
    let adapter = try takeAdapter(&device, part: "e1000")
    let function = try device.takeFunction(&bootIndexes)
    var settings = MachineConfiguration.E1000Settings()
    settings.negotiates = try device.list.takeSwitch("autonegotiation") ?? true
    settings.mitigates = try device.list.takeSwitch("mitigation") ?? true
    settings.hasExtraRegisters = try device.list.takeSwitch("extra_mac_registers") ?? true
    settings.resetsVLANType = try device.list.takeSwitch("init-vet") ?? true
    // Of QEMU's saved machines, which are not ours.
    _ = try device.list.takeSwitch("migrate_tso_props")
    try device.finish()
    add(.e1000(adapter, settings), device, function)
  }

  // MARK: Ethernet addresses

  private static func address(_ text: String, _ option: GivenOption) throws(OptionError) -> [UInt8] {
    guard let address = looseAddress(text) else { throw OptionError(option, "invalid syntax for ethernet address") }
    guard address[0] & 1 == 0 else { throw OptionError(option, "NIC cannot have multicast MAC address") }
    return address
  }

  /// Six numbers of one or two hexadecimal digits, or the last three bytes as one number.
  private static func looseAddress(_ text: String) -> [UInt8]? {
    if let number = KeyValueList.number(text), number <= 0xff_ffff {
      return [0x52, 0x54, 0x00] + [16, 8, 0].map { UInt8(truncatingIfNeeded: number >> UInt64($0)) }
    }
    let parts = text.split(omittingEmptySubsequences: false) { $0 == ":" || $0 == "-" }
    let bytes = parts.compactMap { $0.allSatisfy(\.isHexDigit) ? UInt8($0, radix: 16) : nil }
    return parts.count == 6 && bytes.count == 6 ? bytes : nil
  }

  /// Six pairs of hexadecimal digits with `:` or `-` between them.
  static func parseAddress(_ text: String) -> [UInt8]? {
    let parts = text.split(omittingEmptySubsequences: false) { $0 == ":" || $0 == "-" }
    guard parts.count == 6, parts.allSatisfy({ $0.count == 2 && $0.allSatisfy(\.isHexDigit) }) else { return nil }
    let bytes = parts.compactMap { UInt8($0, radix: 16) }
    return bytes.count == 6 ? bytes : nil
  }
}
