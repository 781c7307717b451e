// SPDX-License-Identifier: Apache-2.0

/// The file `etc/table-loader`: commands by which firmware brings tables from fw_cfg into memory and links them.
///
/// SeaBIOS and OVMF carry them out in order. The addresses are the firmware's choice, so a table holds offsets into the
/// files of their targets, to which the firmware adds the addresses; checksums follow.
/// Reference: QEMU's linker/loader interface, `include/hw/acpi/bios-linker-loader.h`.
package struct LoaderScript: Sendable {
  package static let fileName = "etc/table-loader"

  /// Where the firmware puts a file.
  package enum Zone: UInt8, Sendable {
    /// Any memory below 4 GiB.
    case high = 1
    /// F0000h...FFFFFh, where operating systems look for anchors.
    case fSegment = 2
  }

  private static let entryByteCount = 128
  private static let fileNameByteCount = 56

  /// Every file must be in memory before the first pointer to it.
  private var allocations: [UInt8] = []
  private var patches: [UInt8] = []

  package init() {}

  package var contents: [UInt8] { allocations + patches }

  /// - Parameter alignment: a power of two.
  package mutating func allocate(_ file: String, alignment: UInt32, _ zone: Zone) {
    allocations += entry(1, name(file) + littleEndian(alignment) + [zone.rawValue])
  }

  /// Adds the address of `target` to the integer of `byteCount` bytes at `offset` of `file`.
  package mutating func addPointer(in file: String, at offset: Int, byteCount: UInt8, to target: String) {
    patches += entry(2, name(file) + name(target) + littleEndian(UInt32(truncatingIfNeeded: offset)) + [byteCount])
  }

  /// Makes the bytes of `range` in `file` add up to zero through the one at `offset`, which is zero until then.
  package mutating func addChecksum(in file: String, at offset: Int, of range: Range<Int>) {
    let numbers = [offset, range.lowerBound, range.count].flatMap { littleEndian(UInt32(truncatingIfNeeded: $0)) }
    patches += entry(3, name(file) + numbers)
  }

  private func name(_ file: String) -> [UInt8] {
    precondition(file.utf8.count < Self.fileNameByteCount, "fw_cfg file names are short")
    return file.utf8 + [UInt8](repeating: 0, count: Self.fileNameByteCount - file.utf8.count)
  }

  private func entry(_ command: UInt32, _ arguments: [UInt8]) -> [UInt8] {
    let content = littleEndian(command) + arguments
    return content + [UInt8](repeating: 0, count: Self.entryByteCount - content.count)
  }
}
