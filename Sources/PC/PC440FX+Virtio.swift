// SPDX-License-Identifier: Apache-2.0
import Block
import Platform
import StorageDevices
import VirtioDevices

extension PC440FX {
  /// `virtio-blk-pci`. - Parameter number: its place among the devices that the user asked for.
  func addVirtioDisk(
    _ device: MachineConfiguration.PCIDevice, _ disk: MachineConfiguration.VirtioDisk, number: Int
  ) throws(MachineError) {
    // A drive by its name, or the one that was made for a node.
    let named = blockGraph.backend(named: disk.drive)
    let found = named ?? blockGraph.backends.first { $0.name.isEmpty && $0.medium?.root.name == disk.drive }
    guard let backend = found else {
      throw MachineError("Property 'virtio-blk-device.drive' can't find value '\(disk.drive)'")
    }
    var settings = disk.settings
    let geometry = ATAGeometry(
      sectorCount: backend.sectorCount, firstSector: backend.peek(at: 0, byteCount: 512))
    if settings.geometry == .init() {
      settings.geometry = .init(
        cylinders: geometry.cylinders, heads: geometry.heads, sectors: geometry.sectors)
    }
    let address = try pci.place(
      "virtio-blk-pci", at: device.place, isMultifunction: disk.transport.isMultifunction)
    let function = VirtioBlock(
      backend: backend, settings: settings, options: disk.transport, bus: pci, address: address, memory: memory,
      userID: device.userID ?? "")
    pci.add(function.pci, at: address)
    add(function)
    let parent = device.userID.map { "/machine/peripheral/\($0)" } ?? "/machine/peripheral-anon/device[\(number)]"
    do throws(BlockError) {
      try blockGraph.attach(
        backend, to: parent + "/virtio-backend",
        use: .device(
          isReadOnly: backend.isReadOnly, isResizable: true, sharesWrites: disk.sharesWrites))
    } catch {
      throw MachineError("\(error)")
    }
    backend.errorPolicy = disk.errorPolicy
    if let index = device.bootIndex {
      try bootOrder.add("/pci@i0cf8/scsi@\(address.firmwarePath)/disk@0,0", index: index)
    }
  }
}
