// SPDX-License-Identifier: Apache-2.0
import Block
import Chipset
import Network
import Platform

/// Why a device cannot be taken out.
public enum UnplugRefusal: Error, Equatable, CustomStringConvertible {
  /// There is no such device.
  case notFound(String)
  case refused(String)

  public var description: String {
    switch self {
    case .notFound(let name): "Device '\(name)' not found"
    case .refused(let sentence): sentence
    }
  }
}

/// PCI devices that come and go while the machine runs.
extension PC440FX {
  /// Connects the hotplug registers with the bus.
  func connectHotplug() {
    hotplug.slots = .init(
      eject: { [unowned self] slot in ejectSlot(slot) }, removable: { [unowned self] in removableSlots },
      index: { [unowned self] slot in plugged.first { $0.slot == slot && $0.index != 0 }?.index ?? 0 })
  }

  /// Slots that are empty, or hold devices of the user's only.
  var removableSlots: UInt32 {
    let own = Set(plugged.map(\.address))
    return pci.functions.keys.reduce(UInt32.max) { own.contains($1) ? $0 : $0 & ~(1 << UInt32($1.slot)) }
  }

  /// Keeps devices of the user's together, before those that were added last, so that a machine that is built with them is
  /// saved alike.
  func insert(_ device: PluggedDevice) {
    devices.insert(device.device, at: firstPluggedIndex + plugged.count)
    plugged.append(device)
  }

  /// `device_add`: the guest is told and looks for itself.
  func hotplug(_ request: MachineConfiguration.PCIDevice) throws(MachineError) {
    let path = request.path ?? nextAnonymousPath()
    try plug(request, path: path, isHotplug: true)
    bootOrderHasChanged = true
    if let slot = plugged.last?.slot { hotplug.deviceArrived(slot) }
    commitMap()
  }

  /// A name in QOM for a device without one; those of the start are numbered first.
  private func nextAnonymousPath() -> String {
    defer { anonymousDeviceCount += 1 }
    return "/machine/peripheral-anon/device[\(anonymousDeviceCount)]"
  }

  /// `device_del`: the guest is asked to let go of the device; it is ejected later, or at the next reset.
  func requestUnplug(_ name: String, at now: Nanoseconds, isMigrating: Bool) throws(UnplugRefusal) {
    guard let index = plugged.firstIndex(where: { $0.userID == name || $0.path == name }) else {
      throw refusal(ofUnplugging: name)
    }
    // As in QEMU a request may be repeated, since an operating system that was not there yet has missed it, unless it was
    // made before the machine's first millisecond.
    let milliseconds = now / .millisecond
    if plugged[index].wasAskedToLeaveAt == 0 {
      throw .refused("Device \(name) is already in the process of unplug")
    }
    if isMigrating { throw .refused("device_del not allowed while migrating") }
    plugged[index].wasAskedToLeaveAt = milliseconds
    hotplug.requestEjection(plugged[index].slot)
  }

  /// Why there is no taking out what has this name; nil for what can be.
  func objection(toUnplugging name: String) -> UnplugRefusal? {
    plugged.contains { $0.userID == name || $0.path == name } ? nil : refusal(ofUnplugging: name)
  }

  private func refusal(ofUnplugging name: String) -> UnplugRefusal {
    if let slash = name.lastIndex(of: "/") {
      let (owner, part) = (String(name[..<slash]), name[slash...])
      let isVirtio = plugged.contains { $0.hasBackendObject && ($0.userID == owner || $0.path == owner) }
      if isVirtio, part == "/virtio-backend" { return .refused("Bus 'virtio-bus' does not support hotplugging") }
      if isVirtio, part == "/virtio-bus" { return .refused("\(name) is not a hotpluggable device") }
      if part == "/serial",
        configuration.fixedDevices.contains(where: { $0.model == "isa-serial" && $0.matches(owner) })
      {
        return .refused("Device 'serial' does not support hotplugging")
      }
    }
    if let device = configuration.fixedDevices.first(where: { $0.matches(name) }) { return device.refusal }
    if let refusal = DeviceNumbering(configuration, configuration.allDrives).refusal(ofUnplugging: name) {
      return refusal
    }
    return DeviceNumbering.containers.contains(name)
      ? .refused("\(name) is not a hotpluggable device") : .notFound(name)
  }

  /// Everything in a slot goes: the guest has ejected it.
  private func ejectSlot(_ slot: UInt8) {
    guard removableSlots >> UInt32(slot & 31) & 1 != 0 else { return }
    for device in plugged where device.slot == slot { unplug(device) }
  }

  private func unplug(_ gone: PluggedDevice) {
    pci.remove(at: gone.address)
    devices.removeAll { $0 === gone.device }
    plugged.removeAll { $0.address == gone.address }
    if let path = gone.bootPath { bootOrder.remove(path) }
    bootOrderHasChanged = true
    if let address = gone.ethernetAddress { takenAddresses.removeAll { $0 == address } }
    if let port = gone.port { network.removeAdapter(port) }
    let tell = { [requests] in
      if gone.hasBackendObject { requests.deviceDeleted(nil, gone.path + "/virtio-backend") }
      requests.deviceDeleted(gone.userID, gone.path)
    }
    if let drive = gone.drive { blockGraph.retire(drive, completion: tell) } else { tell() }
  }

  // MARK: Saved machines

  /// Slot and function of each of the user's devices, in the order of the board's devices.
  var pluggedNumbers: [UInt8] { plugged.map(\.address.number) }

  /// Puts the user's devices into the order in which a saved machine has them.
  func arrange(asIn numbers: [UInt8]) {
    guard Set(numbers) == Set(pluggedNumbers), numbers.count == plugged.count else { return }
    let sorted = numbers.compactMap { number in plugged.first { $0.address.number == number } }
    let range = firstPluggedIndex..<firstPluggedIndex + plugged.count
    plugged = sorted
    devices.replaceSubrange(range, with: sorted.map(\.device))
  }
}

extension MachineConfiguration.FixedDevice {
  func matches(_ name: String) -> Bool { name == path || "/machine/peripheral/\(path)" == name }

  var refusal: UnplugRefusal {
    .refused(bus.map { "Bus '\($0)' does not support hotplugging" } ?? "Device '\(model)' does not support hotplugging")
  }
}
