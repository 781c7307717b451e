// SPDX-License-Identifier: Apache-2.0
import Network
import Platform
import VirtioDevices

extension PC440FX {
  /// `virtio-net-pci`.
  func makeVirtioNetwork(
    _ site: PlugSite, _ request: MachineConfiguration.VirtioNetworkAdapter
  ) throws(MachineError) -> PluggedDevice {
    let model = "virtio-net-pci"
    let wire = try checkWire(request.adapter.wire, "virtio-net-device")
    let rom = try optionROM(
      site, "efi-virtio.rom", block: "virtio-net-pci.rom",
      deviceID: request.transport.hasLegacyInterface ? 0x1000 : 0x1041)
    let address = try place(site, model)
    var settings = request.settings
    settings.address = try ethernetAddress(request.adapter)
    let port = network.addAdapter(
      model: model, id: request.adapter.name ?? site.userID, address: settings.address, to: self.port(wire))
    let (userID, path) = (site.userID, site.path)
    port.filterChangeHandler = { [requests] in requests.receiveFilterChanged(userID, path + "/virtio-backend") }
    var transport = request.transport
    transport.isMultifunction = site.request.isMultifunction
    // One for a pair of queues each, the control queue and the configuration, with a control queue or without.
    if transport.vectorCount == nil { transport.vectorCount = 4 }
    let function = VirtioNetwork(
      port: port, settings: settings, options: transport, bus: pci, address: address, memory: memory,
      clock: clock, rom: rom,
      userID: userID ?? "")
    pci.add(function.pci, at: address)
    var plugged = PluggedDevice(model: model, userID: userID, path: path, address: address, device: function)
    plugged.port = port
    plugged.hasBackendObject = true
    plugged.ethernetAddress = settings.address
    plugged.bootPath = "/pci@i0cf8/ethernet@\(address.firmwarePath)/ethernet-phy@0"
    return plugged
  }
}
