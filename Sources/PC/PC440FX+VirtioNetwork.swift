// SPDX-License-Identifier: Apache-2.0
import Network
import Platform
import VirtioDevices

extension PC440FX {
  /// `virtio-net-pci`. - Parameter number: its place among the devices that the user asked for.
  func addVirtioNetwork(
    _ device: MachineConfiguration.PCIDevice, _ request: MachineConfiguration.VirtioNetworkAdapter,
    _ search: FirmwareSearch, _ requests: BoardRequests, number: Int
  ) throws(MachineError) {
    let model = "virtio-net-pci"
    let address = try pci.place(model, at: device.place, isMultifunction: request.transport.isMultifunction)
    var settings = request.settings
    settings.address = try ethernetAddress(request.adapter)
    let port = network.addAdapter(
      model: model, id: request.adapter.name ?? device.userID, address: settings.address,
      to: try wire(request.adapter.wire, "virtio-net-device"))
    let parent = device.userID.map { "/machine/peripheral/\($0)" } ?? "/machine/peripheral-anon/device[\(number)]"
    let userID = device.userID
    port.filterChangeHandler = { requests.receiveFilterChanged(userID, parent + "/virtio-backend") }
    let rom = try optionROM(
      request.adapter, "efi-virtio.rom", block: "virtio-net-pci.rom", search,
      deviceID: request.transport.hasLegacyInterface ? 0x1000 : 0x1041)
    var transport = request.transport
    // One for a pair of queues each, the control queue and the configuration, with a control queue or without.
    if transport.vectorCount == nil { transport.vectorCount = 4 }
    let function = VirtioNetwork(
      port: port, settings: settings, options: transport, bus: pci, address: address, memory: memory, rom: rom,
      userID: userID ?? "")
    pci.add(function.pci, at: address)
    add(function)
    if let index = device.bootIndex {
      try bootOrder.add("/pci@i0cf8/ethernet@\(address.firmwarePath)/ethernet-phy@0", index: index)
    }
  }
}
