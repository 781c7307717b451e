// SPDX-License-Identifier: Apache-2.0
import Block
import Chipset
import HostIO
import Platform
import StorageDevices

/// What is plugged into the board's drive controllers.
struct PluggedDrives {
  /// Nil where there is none.
  var ide = [PIIX3IDE.Drive?](repeating: nil, count: 4)
  var floppies: [FloppyDrive?] = [nil, nil]
}

extension PC440FX {
  /// Opens the images and makes the drives.
  static func openDrives(
    _ configuration: MachineConfiguration, _ queue: BlockQueue, _ graph: BlockGraph
  ) throws(MachineError) -> PluggedDrives {
    graph.queue = queue
    for request in configuration.blockNodes {
      do throws(BlockError) {
        _ = try graph.open(request.options, isOwned: true)
      } catch {
        throw MachineError("\(request.option): \(error)")
      }
    }
    var plugged = PluggedDrives()
    let drives = configuration.allDrives
    let backends = try drives.map { (drive) throws(MachineError) in try makeBackend(drive, queue, graph) }
    let numbering = DeviceNumbering(configuration, drives)
    for (drive, backend) in zip(drives, backends) {
      guard let slot = drive.slot else { continue }
      try attach(backend, drive, to: drive.device.path ?? numbering.path(of: drive), graph)
      switch drive.medium {
      case .disk where plugged.ide.indices.contains(slot): plugged.ide[slot] = .disk(backend, identity(drive, slot))
      case .cdrom where plugged.ide.indices.contains(slot):
        plugged.ide[slot] = .opticalDisc(backend, identity(drive, slot))
      case .floppy where plugged.floppies.indices.contains(slot): plugged.floppies[slot] = FloppyDrive(backend: backend)
      default: break
      }
    }
    return plugged
  }

  /// The slot of a drive with its medium.
  private static func makeBackend(
    _ drive: MachineConfiguration.Drive, _ queue: BlockQueue, _ graph: BlockGraph
  ) throws(MachineError) -> BlockBackend {
    do throws(BlockError) {
      var root: GraphNode?
      switch drive.image {
      case .open(let options):
        root = try graph.open(options, isSnapshot: drive.isSnapshot)
      case .node(let name): root = try graph.node(node: name)
      case nil: break
      }
      return try graph.add(drive, root, queue)
    } catch {
      throw MachineError(drive.option.isEmpty ? "\(error)" : "\(drive.option): \(error)")
    }
  }

  /// Plugs a device into a drive.
  private static func attach(
    _ backend: BlockBackend, _ drive: MachineConfiguration.Drive, to path: String, _ graph: BlockGraph
  ) throws(MachineError) {
    do throws(BlockError) {
      if drive.medium == .disk, backend.isReadOnly { throw .refused("Block node is read-only") }
      // A floppy drive shows a write-protected disk as it is.
      let isReadOnly = drive.medium == .cdrom || drive.medium == .floppy && backend.isReadOnly
      try graph.attach(
        backend, to: path,
        use: .device(
          isReadOnly: isReadOnly, isResizable: drive.medium == .disk, sharesWrites: drive.device.sharesWrites))
    } catch {
      throw MachineError(drive.device.option.isEmpty ? "\(error)" : "\(drive.device.option): \(error)")
    }
    if drive.medium != .floppy { backend.errorPolicy = drive.errorPolicy }
  }

  private static func identity(_ drive: MachineConfiguration.Drive, _ slot: Int) -> IDEDriveIdentity {
    let device = drive.device
    var identity = IDEDriveIdentity(
      serial: device.serialNumber ?? "QM0000\(slot + 1)",
      model: device.model ?? (drive.medium == .disk ? "QEMU HARDDISK" : "QEMU DVD-ROM"),
      firmware: device.firmwareVersion ?? "2.5+", worldWideName: device.worldWideName)
    if let geometry = device.geometry {
      identity.geometry = ATAGeometry(
        cylinders: UInt16(clamping: geometry.cylinders), heads: UInt8(clamping: geometry.heads),
        sectors: UInt8(clamping: geometry.sectors), translation: geometry.cylinders <= 1024 ? .none : .lba)
    }
    identity.physicalBlockByteCount = device.physicalBlockByteCount
    identity.rotationRate = device.rotationRate
    return identity
  }

  /// Names that the firmware knows the drives with a boot index by.
  static func bootDrives(_ configuration: MachineConfiguration) -> [(path: String, index: Int)] {
    configuration.drives.compactMap { drive in
      guard let slot = drive.slot, let index = drive.device.bootIndex else { return nil }
      let path =
        drive.medium == .floppy
        ? "/pci@i0cf8/isa@1/fdc@03f0/floppy@\(slot)" : "/pci@i0cf8/ide@1,1/drive@\(slot / 2)/disk@\(slot % 2)"
      return (path, index)
    }
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
