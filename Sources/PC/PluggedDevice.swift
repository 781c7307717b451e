// SPDX-License-Identifier: Apache-2.0
import Block
import Network
import Platform

/// A device that the user put onto the PCI bus, at the start or later.
struct PluggedDevice {
  let model: String
  /// `id=`; nil without one.
  let userID: String?
  /// Where QOM has it.
  let path: String
  let address: PCIAddress
  let device: any Device
  /// Plugged into the host, if it is a network adapter or a disk.
  var port: NetworkPort?
  var drive: BlockBackend?
  /// A virtio device is two for QOM: what it is, and the way to it.
  var hasBackendObject = false
  /// `acpi-index=`; 0 for none.
  var index: UInt32 = 0
  /// Its line in the firmware's boot order.
  var bootPath: String?
  /// Ethernet address that nobody else gets as long as it is here.
  var ethernetAddress: [UInt8]?
  /// Milliseconds of virtual time when the user last wanted it out; nil: never.
  var wasAskedToLeaveAt: Int64?

  var slot: UInt8 { address.slot }
}

/// Where the user's PCI devices are, in the order of the other parts of a saved machine, so that a machine whose devices
/// came in another order takes each part for the device that it belongs to.
final class PluggedDeviceList: Device {
  struct State: DeviceState {
    static let name: StaticString = "pci_devices"
    static let version = 1
    /// Slot and function of each.
    var numbers: [UInt8] = []

    mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try visitor.buffer("devfn", &numbers, limit: 256)
      guard Set(numbers).count == numbers.count else { throw .outOfRange("devfn") }
    }
  }

  private let numbers: () -> [UInt8]

  init(_ numbers: @escaping () -> [UInt8]) { self.numbers = numbers }

  /// The board has been arranged before it is loaded.
  var state: State {
    get { State(numbers: numbers()) }
    set {}
  }

  func reset(_ kind: ResetKind) {}
  func stateDidLoad() {}
}
