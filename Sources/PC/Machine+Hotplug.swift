// SPDX-License-Identifier: Apache-2.0
import Block
import Platform

extension Machine {
  /// Puts a PCI device into the machine as it is.
  public func plug(_ device: MachineConfiguration.PCIDevice) throws(MachineError) {
    guard let board else { throw MachineError("No 'PCI' bus found for device") }
    try board.hotplug(device)
  }

  /// Asks the guest to let go of a device, by its name or QOM path. While the machine is on its way to another process
  /// nothing may be taken out.
  public func requestUnplug(_ name: String, isMigrating: Bool) throws(UnplugRefusal) {
    guard let board else { throw .notFound(name) }
    try board.requestUnplug(name, at: clock.now, isMigrating: isMigrating)
  }

  /// Why a device of that name or QOM path cannot be taken out; nil for one that can.
  public func objection(toUnplugging name: String) -> UnplugRefusal? {
    guard let board else { return .notFound(name) }
    return board.objection(toUnplugging: name)
  }

  /// Where QOM has the real-time clock.
  public var clockPath: String {
    DeviceNumbering(configuration, configuration.allDrives).path(ofChip: "mc146818rtc")
  }

  /// Names that devices have.
  public var deviceNames: Set<String> {
    var names = Set(configuration.fixedDevices.map(\.path).filter { !$0.hasPrefix("/") })
    if let board { names.formUnion(board.plugged.compactMap(\.userID)) }
    return names
  }

  /// Places in the boot order that are taken.
  public var bootIndexes: Set<Int> { board.map { Set($0.bootOrder.indexes) } ?? [] }

  /// The drives as a command line would have them now, which devices to come may use.
  public var drives: [MachineConfiguration.Drive] {
    blockGraph.backends.filter { !$0.name.isEmpty }.map { backend in
      let given = configuration.drives.first { $0.id == backend.name }
      var drive = given ?? .init(id: backend.name, medium: .disk, image: nil, slot: nil)
      // The command line does not name the drives that the board makes by itself.
      if given == nil { drive.isAutomatic = true }
      drive.image = backend.medium.map { .node($0.root.name) }
      drive.errorPolicy = backend.errorPolicy ?? drive.errorPolicy
      if backend.attachedTo != nil, drive.slot == nil { drive.isVirtio = true }
      return drive
    }
  }
}
