// SPDX-License-Identifier: Apache-2.0
import Chipset
import Platform

extension PC440FX {
  /// Adds the PCI devices that the user asked for, in the order in which they were given.
  func addPCIDevices(_ search: FirmwareSearch, _ clock: VirtualClock, _ requests: BoardRequests) throws(MachineError) {
    for (index, device) in configuration.pciDevices.enumerated() {
      do throws(MachineError) {
        switch device.kind {
        case .virtioDisk(let disk): try addVirtioDisk(device, disk, number: index)
        case .virtioNetwork(let adapter): try addVirtioNetwork(device, adapter, search, requests, number: index)
        case .e1000(let adapter): try addE1000(device, adapter, search, clock)
        case .panic(let offered):
          let address = try pci.place("pvpanic-pci", at: device.place, isMultifunction: false)
          add(
            PVPanicFunction(
              bus: pci, address: address, userID: device.userID ?? "", offered: PanicEvents(rawValue: offered),
              report: { requests.panic($0) }))
        }
      } catch {
        throw MachineError(device.option.isEmpty ? "\(error)" : "\(device.option): \(error)")
      }
    }
  }
}

extension PCIAddress {
  /// Slot and function as SeaBIOS writes them in the paths of `bootorder`.
  var firmwarePath: String { String(slot, radix: 16) + (function == 0 ? "" : ",\(function)") }
}
