// SPDX-License-Identifier: Apache-2.0
import HostIO

/// Image formats by QEMU's names.
public enum ImageFormat: String, Sendable, CaseIterable {
  case raw, qcow, qcow2, qed, vdi, vhdx, vmdk, vpc, parallels, bochs, cloop, dmg, luks

  /// How many bytes from the start of an image the guess looks at.
  static let probeByteCount = 2048

  /// The format whose magic the first bytes of an image carry; `raw` when there is none.
  ///
  /// A `dmg` image has its magic at the end, so it goes by the file's name, as in QEMU.
  public static func guess(_ start: [UInt8], fileName: BytePath) -> ImageFormat {
    func has(_ magic: [UInt8], at offset: Int = 0) -> Bool {
      start.count >= offset + magic.count && start[offset..<offset + magic.count].elementsEqual(magic)
    }
    func has(text: StaticString, at offset: Int = 0) -> Bool {
      has(text.withUTF8Buffer { Array($0) }, at: offset)
    }
    if has([0x51, 0x46, 0x49, 0xfb]), start.count >= 8 {
      switch start.bigEndian32(at: 4) {
      case 0: break  // never was a version
      case 1: return .qcow
      default: return .qcow2
      }
    }
    if has([0x51, 0x45, 0x44, 0]) { return .qed }
    if has([0x7f, 0x10, 0xda, 0xbe], at: 0x40) { return .vdi }
    if has(text: "vhdxfile") { return .vhdx }
    if has(text: "KDMV") || has(text: "COWD") || isDescriptor(start) { return .vmdk }
    if has(text: "conectix") { return .vpc }
    if has(text: "WithoutFreeSpace") || has(text: "WithouFreSpacExt") { return .parallels }
    if has(text: "Bochs Virtual HD Image") { return .bochs }
    if has(text: "#!/bin/sh\n#V2.0 Format\nmodprobe cloop") { return .cloop }
    if has([0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe]) { return .luks }
    if fileName.bytes.suffix(4).elementsEqual(Array(".dmg".utf8)) { return .dmg }
    return .raw
  }

  /// A VMDK descriptor: comment and blank lines, then a `version=` line (VMware's "Virtual Disk Format 1.1").
  private static func isDescriptor(_ start: [UInt8]) -> Bool {
    guard start.first == UInt8(ascii: "#") else { return false }
    for line in start.split(separator: UInt8(ascii: "\n")) {
      let text = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
      if text.isEmpty || text.first == UInt8(ascii: "#") || text.allSatisfy({ $0 == UInt8(ascii: " ") }) { continue }
      return ["version=1", "version=2", "version=3"].contains { text.elementsEqual($0.utf8) }
    }
    return false
  }
}
