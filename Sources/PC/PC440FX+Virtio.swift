// SPDX-License-Identifier: Apache-2.0
import Block
import Platform
import StorageDevices
import VirtioDevices

extension PC440FX {
  /// `virtio-blk-pci`.
  func makeVirtioDisk(
    _ site: PlugSite, _ disk: MachineConfiguration.VirtioDisk
  ) throws(MachineError) -> PluggedDevice {
    let model = "virtio-blk-pci"
    let backend = try driveBackend(disk.drive)
    do throws(MachineError) {
      var settings = disk.settings
      if settings.geometry == .init() {
        let geometry = ATAGeometry(
          sectorCount: backend.sectorCount, firstSector: backend.peek(at: 0, byteCount: 512))
        settings.geometry = .init(
          cylinders: geometry.cylinders, heads: geometry.heads, sectors: geometry.sectors)
      }
      let address = try place(site, model)
      do throws(BlockError) {
        try blockGraph.attach(
          backend, to: site.path + "/virtio-backend",
          use: .device(
            isReadOnly: backend.isReadOnly, isResizable: true, sharesWrites: disk.sharesWrites))
      } catch {
        throw MachineError("\(error)")
      }
      backend.isRemovable = false
      backend.errorPolicy = disk.errorPolicy
      backend.joinTimers(ofGroup: address.timerGroup)
      var transport = disk.transport
      transport.isMultifunction = site.request.isMultifunction
      let function = VirtioBlock(
        backend: backend, settings: settings, options: transport, bus: pci, address: address, memory: memory,
        userID: site.userID ?? "")
      pci.add(function.pci, at: address)
      var plugged = PluggedDevice(
        model: model, userID: site.userID, path: site.path, address: address, device: function)
      plugged.drive = backend
      plugged.hasBackendObject = true
      plugged.bootPath = "/pci@i0cf8/scsi@\(address.firmwarePath)/disk@0,0"
      return plugged
    } catch {
      if site.isHotplug, backend.name.isEmpty { blockGraph.remove(backend) }
      throw error
    }
  }

  /// A drive by its name, the one that was made for a node, or a new one for a node.
  private func driveBackend(_ name: String) throws(MachineError) -> BlockBackend {
    let free = blockGraph.backends.first {
      $0.name.isEmpty && $0.attachedTo == nil && $0.medium?.root.name == name
    }
    if let found = blockGraph.backend(named: name) ?? free { return found }
    guard let root = blockGraph.node(named: name) else {
      throw MachineError("Property 'virtio-blk-device.drive' can't find value '\(name)'")
    }
    let backend = BlockBackend(name: "", queue: blockQueue, latency: .disk)
    do throws(BlockError) {
      try blockGraph.add(backend)
      try blockGraph.setMedium(root, of: backend)
    } catch {
      blockGraph.remove(backend)
      throw MachineError("\(error)")
    }
    return backend
  }
}
