// SPDX-License-Identifier: Apache-2.0
import Chipset
import HostIO

/// Hands a kernel to the firmware: its parts as fw_cfg items, the option ROM that starts it, and its place before all drives.
///
/// SeaBIOS runs the files under `genroms/` as option ROMs; `bootorder` names the one whose boot entry goes first.
enum BootROM {
  private static let largestROM = 0x10000

  /// - Returns: the firmware's name of the boot entry.
  static func add(
    _ request: KernelRequest, to device: FirmwareConfiguration, _ bootOrder: inout BootOrder, lowMemory: UInt64,
    _ search: FirmwareSearch
  ) throws(MachineError) {
    typealias Key = FirmwareConfiguration.Key
    let image = try KernelImage(request, lowMemory: lowMemory)
    let name = image.loader.rawValue
    guard let rom = search.load(BytePath(name), limit: largestROM) else {
      throw MachineError("failed to find romfile \"\(name)\"")
    }
    func set(_ part: KernelImage.Part?, _ address: UInt16, _ size: UInt16, _ data: UInt16) {
      guard let part else { return }
      device.set(address, integer: part.address)
      device.set(size, integer: UInt32(truncatingIfNeeded: part.bytes.count))
      device.set(data, part.bytes)
    }
    set(image.kernel, Key.kernelAddress, Key.kernelSize, Key.kernelData)
    set(image.initrd, Key.initrdAddress, Key.initrdSize, Key.initrdData)
    set(image.commandLine, Key.commandLineAddress, Key.commandLineSize, Key.commandLineData)
    set(image.setup, Key.setupAddress, Key.setupSize, Key.setupData)
    if let entry = image.entry { device.set(Key.kernelEntry, integer: entry) }
    device.setFile("genroms/\(name)", rom)
    try bootOrder.add("/rom@genroms/\(name)", index: 0)
  }
}
