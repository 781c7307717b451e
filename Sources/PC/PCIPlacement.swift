// SPDX-License-Identifier: Apache-2.0
import Platform

extension PCIBus {
  /// Where a new function goes: the address that the user gave, or the lowest slot without a function 0.
  ///
  /// - Parameter isHotplug: the guest runs. It is told of a slot, and finds the slot's other functions when function 0 comes.
  /// - Throws: QEMU's sentences about what is in the way.
  func place(
    _ name: String, at wanted: MachineConfiguration.PCIPlace?, isMultifunction: Bool,
    isHotplug: Bool = false
  ) throws(MachineError) -> PCIAddress {
    let free = (UInt8(0)..<32).map { PCIAddress(slot: $0) }.first { functions[$0] == nil }
    guard let address = wanted.map({ PCIAddress(slot: $0.slot, function: $0.function) }) ?? free else {
      throw MachineError("PCI: no slot/function available for \(name), all in use or reserved")
    }
    if let other = functions[address] {
      let id = other.userID.isEmpty ? "(null)" : other.userID
      throw MachineError(
        "PCI: slot \(address.slot) function \(address.function) not available for \(name), "
          + "in use by \(other.pciName),id=\(id)")
    }
    let slot = String(address.slot, radix: 16)
    if address.function != 0 {
      let first = functions[PCIAddress(slot: address.slot)]
      if isHotplug, let first {
        throw MachineError(
          "PCI: slot \(address.slot) function 0 already occupied by \(first.pciName), new func \(name) cannot be exposed "
            + "to guest.")
      }
      if let first, first.configuration.load8(0x0e) & 0x80 == 0 {
        throw MachineError(
          "PCI: single function device can't be populated in function \(slot).\(address.function)")
      }
    } else if !isMultifunction, let other = functions.keys.sorted().first(where: { $0.slot == address.slot }) {
      throw MachineError(
        "PCI: \(slot).0 indicates single function, but \(slot).\(other.function) is already populated.")
    }
    return address
  }
}
