// SPDX-License-Identifier: Apache-2.0
import Chardev
import HostIO
import Network
import NetworkDevices
import Platform

extension Machine {
  /// Makes the back ends in the order given, and what records them.
  static func addNetworks(_ configuration: MachineConfiguration, to table: NetworkTable) throws(MachineError)
    -> [String]
  {
    var names: [String] = []
    for request in configuration.networks {
      do throws(NetworkError) {
        let name = request.id ?? table.anonymousName()
        try table.add(NetworkConfiguration(id: name, request.backend))
        names.append(name)
      } catch {
        throw MachineError(request.option.isEmpty ? "\(error)" : "\(request.option): \(error)")
      }
    }
    for dump in configuration.networkDumps {
      do throws(NetworkError) {
        try table.addDump(
          id: dump.id, netdev: dump.netdev, file: dump.file, maximumByteCount: dump.maximumByteCount,
          direction: dump.direction, isOn: dump.isOn)
      } catch { throw MachineError("\(error)") }
    }
    return names
  }
}

extension Machine {
  /// Character devices as ends of the guest's connections (`guestfwd=`). Those of the command line are there; others are made,
  /// and all go with their network, but for those that have an option of their own.
  static func channelMaker(
    _ chardevs: ChardevTable, _ reader: (@Sendable (_ text: String) -> ChardevConfiguration?)?
  ) -> GuestChannel.Maker {
    { rule, canReceive, receive throws(NetworkError) in
      do throws(ChardevError) {
        var chardev = chardevs[rule.label]
        if chardev == nil, case .device(let text) = rule.target, let configuration = reader?(text) {
          chardev = try chardevs.open(id: rule.label, configuration)
        }
        guard let chardev else { throw ChardevError.notFound(rule.label) }
        let port = try chardev.attach(FrontEnd(canReceive: canReceive, receive: receive))
        let isOwn = rule.hasOwnDevice
        return GuestChannel(
          write: { port.write($0) }, acceptInput: { port.acceptInput() },
          close: {
            port.detach()
            if isOwn { try? chardevs.remove(id: chardev.id) }
          })
      } catch .notFound {
        throw rule.failure
      } catch {
        throw NetworkError("\(error)")
      }
    }
  }

  /// Plugs back ends of the older options into their hubs, after the adapters, as with `-net nic -net user`.
  static func plugIntoHubs(_ configuration: MachineConfiguration, _ names: [String], _ table: NetworkTable) {
    for (request, name) in zip(configuration.networks, names) {
      if let hub = request.hub, let port = table.find(name) { NetworkPort.connect(table.addHubPort(hub), port) }
    }
  }
}

extension PC440FX {
  /// Room for the largest option ROM.
  private static let largestROM = 1 << 20

  func makeE1000(
    _ site: PlugSite, _ adapter: MachineConfiguration.NetworkAdapter, _ request: MachineConfiguration.E1000Settings
  ) throws(MachineError) -> PluggedDevice {
    let model = "e1000"
    let wire = try checkWire(adapter.wire, model)
    let rom = try optionROM(site, "efi-e1000.rom", block: "e1000.rom")
    let address = try place(site, model)
    var settings = E1000.Settings(address: try ethernetAddress(adapter))
    settings.negotiates = request.negotiates
    settings.mitigates = request.mitigates
    settings.hasExtraRegisters = request.hasExtraRegisters
    settings.resetsVLANType = request.resetsVLANType
    settings.userID = site.userID ?? ""
    settings.isMultifunction = site.request.isMultifunction
    let port = network.addAdapter(
      model: model, id: adapter.name ?? site.userID, address: settings.address, to: self.port(wire))
    // It puts itself onto the bus.
    let function = clock.grouping(as: address.timerGroup) {
      E1000(
        bus: pci, address: address, memory: memory, clock: clock, port: port, rom: rom, settings: settings)
    }
    var plugged = PluggedDevice(
      model: model, userID: site.userID, path: site.path, address: address, device: function)
    plugged.port = port
    plugged.ethernetAddress = settings.address
    plugged.bootPath = "/pci@i0cf8/ethernet@\(address.firmwarePath)/ethernet-phy@0"
    return plugged
  }

  /// What an adapter is plugged into, once it is known that it can be.
  enum CheckedWire {
    case none
    case hub(Int)
    case port(NetworkPort)
  }

  /// The port at the other end of an adapter's wire, which a hub makes.
  func port(_ wire: CheckedWire) -> NetworkPort? {
    switch wire {
    case .none: nil
    case .hub(let number): network.addHubPort(number)
    case .port(let port): port
    }
  }

  func checkWire(
    _ wire: MachineConfiguration.NetworkAdapter.Wire, _ model: String
  ) throws(MachineError) -> CheckedWire {
    switch wire {
    case .none: return .none
    case .hub(let number): return .hub(number)
    case .request(let index):
      let port = networkNames.indices.contains(index) ? network.find(networkNames[index]) : nil
      return port.map { .port($0) } ?? .none
    case .netdev(let name):
      guard let port = network.find(name), port.kind != .adapter else {
        throw MachineError("Property '\(model).netdev' can't find value '\(name)'")
      }
      guard port.peer == nil else {
        throw MachineError("Property '\(model).netdev' can't take value '\(name)', it's in use")
      }
      return .port(port)
    }
  }

  /// The address that was asked for, or the first one from 52:54:00:12:34:56 on that no adapter of this machine has.
  func ethernetAddress(_ adapter: MachineConfiguration.NetworkAdapter) throws(MachineError) -> [UInt8] {
    if let address = adapter.address {
      if !takenAddresses.contains(address) { takenAddresses.append(address) }
      return address
    }
    for number in 0..<UInt32(0x00ff_ffff - 0x0012_3456) {
      let tail = 0x0012_3456 + number
      let address: [UInt8] = [0x52, 0x54, 0x00] + [16, 8, 0].map { UInt8(truncatingIfNeeded: tail >> UInt32($0)) }
      guard !takenAddresses.contains(address) else { continue }
      takenAddresses.append(address)
      return address
    }
    throw MachineError("there are no more Ethernet addresses")
  }

  /// Addresses that the command line gives.
  static func givenAddresses(_ configuration: MachineConfiguration) -> [[UInt8]] {
    configuration.pciDevices.compactMap { device in
      switch device.kind {
      case .e1000(let adapter, _): adapter.address
      case .virtioNetwork(let device): device.adapter.address
      case .virtioDisk, .panic: nil
      }
    }
  }

  /// One ROM serves adapters with several ids, of which its header has one: the firmware wants it to be the adapter's. As
  /// QEMU does, byte 6 makes up for the change. PCI Firmware 3.0, 5.1.2.
  private static func setDeviceID(_ id: UInt16, ofROM bytes: inout [UInt8]) {
    guard bytes.count > 0x1a, bytes[0] == 0x55, bytes[1] == 0xaa else { return }
    let place = Int(bytes[0x18]) | Int(bytes[0x19]) << 8
    guard place + 8 <= bytes.count, bytes[place..<place + 4].elementsEqual("PCIR".utf8) else { return }
    for (offset, new) in [(place + 6, UInt8(truncatingIfNeeded: id)), (place + 7, UInt8(truncatingIfNeeded: id >> 8))] {
      bytes[6] = bytes[6] &+ bytes[offset] &- new
      bytes[offset] = new
    }
  }

  /// The option ROM in a block whose size is a power of two, as its base address register needs it. Without the register the
  /// firmware gets it as a file, which is too late while the guest runs.
  func optionROM(
    _ site: PlugSite, _ usual: BytePath, block: String, deviceID: UInt16? = nil
  ) throws(MachineError) -> RAMBlock? {
    let request = site.request.rom
    let name = request.file ?? usual
    guard !name.isEmpty else { return nil }
    if !request.hasBaseAddress, site.isHotplug {
      throw MachineError("Hot-plugged device without ROM bar can't have an option ROM")
    }
    guard var bytes = search.load(name, limit: Self.largestROM) else {
      throw MachineError("failed to find romfile \"\(name)\"")
    }
    guard !bytes.isEmpty else { throw MachineError("romfile \"\(name)\" is empty") }
    if let wanted = request.byteCount, bytes.count > Int(wanted) {
      throw MachineError("romfile \"\(name)\" (\(bytes.count) bytes) is too large for ROM size \(wanted)")
    }
    guard request.hasBaseAddress else {
      let file = name.description.split(separator: "/").last.map(String.init) ?? name.description
      firmwareConfiguration.setFile("genroms/\(file)", bytes)
      return nil
    }
    if let deviceID, request.file == nil { Self.setDeviceID(deviceID, ofROM: &bytes) }
    var size = max(2048, Int(request.byteCount ?? 0))
    while size < bytes.count { size <<= 1 }
    let memory = try Self.allocate(block, UInt64(size))
    memory.contents.copyBytes(from: bytes)
    return memory
  }
}
