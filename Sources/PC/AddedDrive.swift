// SPDX-License-Identifier: Apache-2.0
public import Block

/// A drive that a monitor adds while the machine runs (`drive_add`), as its text was read.
public struct AddedDrive: Sendable {
  /// Nil: its text only names a bus that takes no drive.
  public var drive: MachineConfiguration.Drive?
  /// The user gave it a name.
  public var hasName: Bool
  /// QEMU's number of `if=`; 0 is none.
  public var interface: Int
  public var warnings: [String]

  public init(_ drive: MachineConfiguration.Drive?, hasName: Bool, interface: Int, warnings: [String] = []) {
    (self.drive, self.hasName, self.interface, self.warnings) = (drive, hasName, interface, warnings)
  }
}

extension BlockGraph {
  /// The lowest number that no drive without a bus has; its name has it if the user gives none.
  public var freeDriveNumber: Int {
    let taken = Set(backends.compactMap(\.number))
    return (0...taken.count).first { !taken.contains($0) } ?? taken.count
  }

  /// Takes a drive in that no device uses, with the medium that was opened for it.
  public func addUnattached(_ drive: MachineConfiguration.Drive, _ tree: OpenedTree?) throws(BlockError) {
    guard let queue else { throw .refused("This machine has no drives") }
    if let tree { try insert(tree) }
    do throws(BlockError) { _ = try add(drive, tree?.root, queue) } catch {
      _ = dropUnused()
      throw error
    }
  }

  /// Takes a drive in, with its medium.
  func add(
    _ drive: MachineConfiguration.Drive, _ root: GraphNode?, _ queue: BlockQueue
  ) throws(BlockError) -> BlockBackend {
    let latency: BlockLatency =
      switch drive.medium {
      case .disk: .disk
      case .cdrom: .opticalDisc
      case .floppy: .floppy
      }
    // A drive that no device uses can have its medium taken out.
    let backend = BlockBackend(
      name: drive.id, queue: queue, latency: latency,
      isRemovable: drive.medium != .disk || drive.slot == nil && !drive.isVirtio)
    (backend.isWriteback, backend.number) = (drive.isWriteback, drive.number)
    backend.setAccounting(drive.accounting)
    switch drive.image {
    case .open(let options): backend.opensReadOnly = options.isReadOnly
    case .node: break
    case nil: backend.opensReadOnly = drive.medium == .cdrom
    }
    try add(backend)
    if let throttle = drive.throttle {
      setThrottle(throttle.group, of: backend)
      backend.throttle?.limits = throttle.limits
    }
    do throws(BlockError) { try setMedium(root, of: backend) } catch {
      remove(backend)
      throw error
    }
    return backend
  }
}
