// SPDX-License-Identifier: Apache-2.0
import Block
import Chipset
import HostIO
import Platform
import StorageDevices

extension PC440FX {
  /// Opens the images and makes the four IDE drives, nil where there is none.
  static func openDrives(
    _ configuration: MachineConfiguration, _ queue: BlockQueue
  ) throws(MachineError) -> (drives: [PIIX3IDE.Drive?], backends: [BlockBackend]) {
    var drives = [PIIX3IDE.Drive?](repeating: nil, count: 4)
    var backends: [BlockBackend] = []
    for drive in configuration.drives {
      let backend = BlockBackend(
        name: drive.id, queue: queue, medium: try medium(drive), latency: drive.medium == .disk ? .disk : .opticalDisc,
        isRemovable: drive.medium == .cdrom)
      backends.append(backend)
      guard let slot = drive.slot, drives.indices.contains(slot) else { continue }
      let identity = drive.serialNumber.map {
        IDEDriveIdentity(serial: $0, model: drive.medium == .disk ? "QEMU HARDDISK" : "QEMU DVD-ROM")
      }
      drives[slot] = drive.medium == .disk ? .disk(backend, identity) : .opticalDisc(backend, identity)
    }
    return (drives, backends)
  }

  private static func medium(_ drive: MachineConfiguration.Drive) throws(MachineError) -> BlockMedium? {
    guard let file = drive.file else { return nil }
    let medium: BlockMedium
    do throws(BlockError) {
      medium = try BlockMedium.open(file, drive.imageOptions)
    } catch {
      throw MachineError("\(drive.option): \(error)")
    }
    if drive.slot != nil, drive.medium == .disk, medium.node.isReadOnly {
      throw MachineError("Block node is read-only")
    }
    if let warning = medium.warning { HostProcess.printError(warning + "\n") }
    return medium
  }

  /// The floppy controller, which is always there, and its drive A if there is one: without a medium.
  static func makeFloppy(
    _ configuration: MachineConfiguration, _ queue: BlockQueue, _ clock: VirtualClock, irq: IRQLine,
    _ dma: DMAController
  ) -> (controller: FloppyController, backends: [BlockBackend]) {
    let backends =
      configuration.hasFloppyDrive
      ? [BlockBackend(name: "floppy0", queue: queue, latency: .floppy, isRemovable: true)] : []
    let drives: [FloppyDrive?] = backends.map { FloppyDrive(backend: $0) }
    let controller = FloppyController(clock: clock, irq: irq, drives: drives.isEmpty ? [nil, nil] : drives + [nil]) {
      dma.transfer(channel: 2, &$0)
    }
    return (controller, backends)
  }

  /// Geometry of the disk in a slot as CMOS describes it.
  private func cmosDisk(_ slot: Int) -> CMOSLayout.Disk? {
    ide.geometry(ofDrive: slot).map {
      CMOSLayout.Disk(
        cylinders: Int($0.cylinders), heads: Int($0.heads), sectors: Int($0.sectors),
        translation: Int($0.translation.rawValue))
    }
  }

  /// Fills battery-backed RAM; done once, at power-up.
  func layOutCMOS() {
    let (low, high) = Self.split(configuration.memoryByteCount)
    CMOSLayout.apply(
      to: rtc, lowMemory: low, highMemory: high, processorCount: configuration.processorCount,
      bootOrder: configuration.bootOnce ?? configuration.bootOrder, disks: (0..<4).map(cmosDisk),
      floppyTypes: floppy.cmosDriveTypes, floppyEquipment: floppy.cmosEquipment)
  }

  /// Memory that a saved machine carries beside its devices' state.
  public var memoryBlocks: [RAMBlock] { [ram] + (vga.map { [$0.videoMemory] } ?? []) }
}
