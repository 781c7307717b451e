// SPDX-License-Identifier: Apache-2.0
import Chipset
import Platform

extension PC440FX {
  /// Adds the PCI devices that the user asked for, in the order in which they were given.
  func addPCIDevices() throws(MachineError) {
    firstPluggedIndex = devices.count
    for (index, device) in configuration.pciDevices.enumerated() {
      do throws(MachineError) { try plug(device, path: path(ofDevice: index), isHotplug: false) } catch {
        throw MachineError(device.option.isEmpty ? "\(error)" : "\(device.option): \(error)")
      }
    }
  }

  /// Makes a device and puts it onto the bus. Nothing has changed if that fails.
  func plug(
    _ request: MachineConfiguration.PCIDevice, path: String, isHotplug: Bool
  ) throws(MachineError) {
    if let index = request.bootIndex, bootOrder.contains(index) {
      throw MachineError("Two devices with same boot index \(index)")
    }
    try checkIndex(request.index)
    let site = PlugSite(request: request, path: path, isHotplug: isHotplug)
    var plugged =
      switch request.kind {
      case .virtioDisk(let disk): try makeVirtioDisk(site, disk)
      case .virtioNetwork(let adapter): try makeVirtioNetwork(site, adapter)
      case .e1000(let adapter, let settings): try makeE1000(site, adapter, settings)
      case .panic(let offered): try makePanicFunction(site, PanicEvents(rawValue: offered))
      }
    plugged.index = request.index
    if let index = request.bootIndex, let path = plugged.bootPath {
      try bootOrder.add(path, index: index)
    } else {
      plugged.bootPath = nil
    }
    insert(plugged)
  }

  /// `acpi-index=` is a number that no other device has.
  private func checkIndex(_ index: UInt32) throws(MachineError) {
    // 14 bits: what systemd makes names of.
    let largest: UInt32 = 16383
    guard index <= largest else { throw MachineError("acpi-index should be less or equal to \(largest)") }
    guard index == 0 || !plugged.contains(where: { $0.index == index }) else {
      throw MachineError("a PCI device with acpi-index = \(index) already exist")
    }
  }

  /// QOM path of a device of the configuration. Those that are not the user's own come after the chips of the board.
  private func path(ofDevice index: Int) -> String {
    if let path = configuration.pciDevices[index].path { return path }
    let number = configuration.pciDevices[..<index].count { $0.path == nil }
    return DeviceNumbering(configuration, configuration.allDrives).path(ofAdapter: number)
  }

  private func makePanicFunction(_ site: PlugSite, _ offered: PanicEvents) throws(MachineError) -> PluggedDevice {
    let model = "pvpanic-pci"
    let address = try place(site, model)
    let function = PVPanicFunction(
      bus: pci, address: address, userID: site.userID ?? "", offered: offered,
      isMultifunction: site.request.isMultifunction,
      report: { [requests] in requests.panic($0) })
    return PluggedDevice(model: model, userID: site.userID, path: site.path, address: address, device: function)
  }

  /// Where a new device goes.
  struct PlugSite {
    let request: MachineConfiguration.PCIDevice
    let path: String
    let isHotplug: Bool
    var userID: String? { request.userID }
  }

  func place(_ site: PlugSite, _ model: String) throws(MachineError) -> PCIAddress {
    try pci.place(
      model, at: site.request.place, isMultifunction: site.request.isMultifunction, isHotplug: site.isHotplug)
  }
}

extension PCIAddress {
  /// Of the timers of the device there, which may have come at any time.
  var timerGroup: Int { 1 + Int(number) }
  /// Slot and function as SeaBIOS writes them in the paths of `bootorder`.
  var firmwarePath: String { String(slot, radix: 16) + (function == 0 ? "" : ",\(function)") }
}
