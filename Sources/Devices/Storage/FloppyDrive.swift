// SPDX-License-Identifier: Apache-2.0
import Block
import Platform

/// A floppy drive: a type that firmware reads from CMOS, and the slot that holds a medium or none.
///
/// A medium is put in, or taken out with nil, by `BlockBackend.changeMedium`; the drive tells its controller. There is no
/// tray and no lock: the user presses the button and the disk is out.
public final class FloppyDrive: DriveDevice {
  public let backend: BlockBackend
  public let type: FloppyDriveType
  /// How the medium that is in is divided.
  private(set) var geometry: FloppyGeometry
  /// Told when the medium was changed; set by the controller.
  var changed: (() -> Void)?

  /// - Parameter type: nil takes the type that suits the medium, or 2.88 MB without one, as QEMU's `drive-type=auto`.
  public init(backend: BlockBackend, type: FloppyDriveType? = nil) {
    self.backend = backend
    self.type =
      type ?? (backend.isInserted ? FloppyGeometry.driveType(sectorCount: backend.sectorCount) : .mb2_88)
    geometry = .noMedium
    revalidate()
    backend.device = self
  }

  private func revalidate() {
    geometry =
      backend.isInserted ? FloppyGeometry.medium(sectorCount: backend.sectorCount, in: type) : FloppyGeometry.noMedium
  }

  public var isTrayOpen: Bool? { nil }
  public var isMediumLocked: Bool { false }
  public func openTray(force: Bool) -> Bool { true }
  public func closeTray() {}

  public func mediumDidChange() {
    revalidate()
    changed?()
  }
}

extension BlockLatency {
  /// A floppy drive on a virtual machine's scale: 50 µs and 10 MB/s, which is 100 µs a sector.
  public static let floppy = BlockLatency(
    fixed: 50 * .microsecond, perBytePicoseconds: 100_000, flush: 100 * .microsecond)
}
