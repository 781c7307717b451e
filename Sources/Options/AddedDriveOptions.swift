// SPDX-License-Identifier: Apache-2.0
public import PC

/// `drive_add`: the grammar of `-drive`, read while the machine runs.
extension AddedDrive {
  /// QEMU's numbers of `if=`.
  private static let interfaces = ["none", "ide", "scsi", "floppy", "pflash", "mtd", "sd", "virtio", "xen"]

  /// - Throws: QEMU's sentence, with no option in front.
  public init(parsing text: String) throws(OptionError) {
    guard let definition = OptionDefinition.find("drive") else { throw OptionError("There is no option -drive") }
    var option = GivenOption(definition: definition, name: "")
    option.bytes = .init(text)
    var list = try KeyValueList(option)
    let interface = Self.interfaces.firstIndex(of: list.take("if") ?? "ide") ?? 0
    if interface > 0, ![1, 3, 7].contains(interface) {
      self.init(nil, hasName: false, interface: interface)
      return
    }
    let request = try DriveRequest(parsing: option)
    var drive = MachineConfiguration.Drive(
      id: request.id ?? "", medium: request.medium, image: request.image.map { .open($0) }, slot: nil)
    drive.isSnapshot = request.isSnapshot && request.medium != .cdrom
    if drive.isSnapshot, case .open(let options) = drive.image { drive.image = .open(options.belowOverlay) }
    (drive.isWriteback, drive.errorPolicy, drive.accounting) = (
      request.isWriteback, request.errorPolicy, request.accounting
    )
    drive.throttle = request.throttle.map { .init(group: $0.group ?? drive.id, limits: $0.limits) }
    self.init(drive, hasName: request.id != nil, interface: interface, warnings: request.warnings)
  }
}
