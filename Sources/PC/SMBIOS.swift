// SPDX-License-Identifier: Apache-2.0

/// The SMBIOS tables of a board, as files that firmware loads through fw_cfg; they equal those of QEMU 7.2's `pc`.
///
/// SeaBIOS adds a type 0 structure about itself, places the tables and fills in the anchor's address and checksums.
/// Reference: DMTF DSP0134, System Management BIOS Reference Specification 2.8.
package struct SMBIOS {
  package static let anchorFileName = "etc/smbios/smbios-anchor"
  package static let tableFileName = "etc/smbios/smbios-tables"
  /// Memory is described as modules of at most 16 GiB.
  private static let moduleByteCount: UInt64 = 16 << 30
  private static let manufacturer = "QEMU"
  private static let product = "Standard PC (i440FX + PIIX, 1996)"
  private static let version = "pc-i440fx-7.2"

  /// Names and contents of the fw_cfg files.
  package var files: [(name: String, contents: [UInt8])] {
    [(Self.anchorFileName, anchor), (Self.tableFileName, table)]
  }

  private var table: [UInt8] = []
  private var structureCount = 0
  private var longestStructure = 0

  /// - Parameters:
  ///   - uuid: 16 bytes in RFC 4122 order.
  ///   - processorID: CPUID.1 EAX, and EDX above it.
  package init(uuid: [UInt8], processorCount: Int, processorID: UInt64, lowMemory: UInt64, highMemory: UInt64) {
    addSystem(uuid)
    addEnclosure()
    for number in 0..<processorCount { addProcessor(number, processorID) }
    addMemory(lowMemory &+ highMemory)
    addMemoryRange(0, at: 0, byteCount: lowMemory)
    if highMemory > 0 { addMemoryRange(1, at: 1 << 32, byteCount: highMemory) }
    // System boot information: no errors.
    add(32, handle: 0x2000, [UInt8](repeating: 0, count: 7))
    add(127, handle: 0x7f00, [])
  }

  /// A structure, its strings and the end of the strings. 6.1.2 and 6.1.3.
  private mutating func add(_ type: UInt8, handle: UInt16, _ content: [UInt8], strings: [String] = []) {
    var structure = [type, UInt8(truncatingIfNeeded: content.count + 4)] + littleEndian(handle) + content
    for string in strings { structure += string.utf8 + [0] }
    structure += strings.isEmpty ? [0, 0] : [0]
    table += structure
    structureCount += 1
    longestStructure = max(longestStructure, structure.count)
  }

  /// Type 1. The first three fields of a UUID are little-endian: 7.2.1.
  private mutating func addSystem(_ uuid: [UInt8]) {
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]
    let bytes = uuid.count == 16 ? order.map { uuid[$0] } : [UInt8](repeating: 0, count: 16)
    // Woken up by the power switch; no serial number, no SKU, no family.
    add(1, handle: 0x100, [1, 2, 3, 0] + bytes + [6, 0, 0], strings: [Self.manufacturer, Self.product, Self.version])
  }

  /// Type 3: an enclosure of type "other", all states safe, no security status.
  private mutating func addEnclosure() {
    let content: [UInt8] = [1, 1, 2, 0, 0, 3, 3, 3, 2] + [UInt8](repeating: 0, count: 9)
    add(3, handle: 0x300, content, strings: [Self.manufacturer, Self.version])
  }

  /// Type 4: one core with one thread, enabled, at 2 GHz.
  private mutating func addProcessor(_ number: Int, _ identity: UInt64) {
    var content: [UInt8] = [1, 3, 1, 2] + littleEndian(identity)
    content += [3, 0, 0, 0] + littleEndian(UInt16(2000)) + littleEndian(UInt16(2000))
    content += [0x41, 1] + [UInt8](repeating: 0xff, count: 6)  // enabled, upgrade "other", no cache structures
    content += [0, 0, 0, 1, 1, 1] + littleEndian(UInt16(2)) + littleEndian(UInt16(1))
    add(
      4, handle: 0x400 &+ UInt16(truncatingIfNeeded: number), content,
      strings: ["CPU \(number)", Self.manufacturer, Self.version])
  }

  /// Types 16 and 17: system memory with multi-bit error correction, and its modules.
  private mutating func addMemory(_ byteCount: UInt64) {
    let moduleCount = max(1, (byteCount &+ Self.moduleByteCount - 1) / Self.moduleByteCount)
    let kilobytes = byteCount >> 10
    let isLarge = kilobytes >= 0x8000_0000
    var content: [UInt8] = [1, 3, 6] + littleEndian(isLarge ? 0x8000_0000 : UInt32(truncatingIfNeeded: kilobytes))
    content += littleEndian(UInt16(0xfffe)) + littleEndian(UInt16(truncatingIfNeeded: moduleCount))
    content += littleEndian(isLarge ? byteCount : 0)
    add(16, handle: 0x1000, content)
    for number in 0..<moduleCount {
      addModule(Int(number), min(Self.moduleByteCount, byteCount - number * Self.moduleByteCount))
    }
  }

  private mutating func addModule(_ number: Int, _ byteCount: UInt64) {
    let megabytes = UInt16(truncatingIfNeeded: byteCount >> 20)  // at most 16 GiB
    var content = littleEndian(UInt16(0x1000)) + [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff] + littleEndian(megabytes)
    content += [9, 0, 1, 0, 7] + littleEndian(UInt16(2))  // a DIMM of RAM, of another kind
    content += [0, 0, 2] + [UInt8](repeating: 0, count: 16)
    add(
      17, handle: 0x1100 &+ UInt16(truncatingIfNeeded: number), content,
      strings: ["DIMM \(number)", Self.manufacturer])
  }

  /// Type 19: where the modules are.
  private mutating func addMemoryRange(_ number: UInt16, at start: UInt64, byteCount: UInt64) {
    let first = start >> 10, last = (start &+ byteCount - 1) >> 10
    let isLarge = last >= 0xffff_ffff
    var content: [UInt8] = []
    for value in [first, last] { content += littleEndian(isLarge ? .max : UInt32(truncatingIfNeeded: value)) }
    content += littleEndian(UInt16(0x1000)) + [1]
    for value in [start, start &+ byteCount - 1] { content += littleEndian(isLarge ? value : 0) }
    add(19, handle: 0x1300 &+ number, content)
  }

  /// The entry point: 5.2.1, version 2.8.
  private var anchor: [UInt8] {
    var bytes = Array("_SM_".utf8) + [0, 31, 2, 8]
    bytes += littleEndian(UInt16(truncatingIfNeeded: longestStructure)) + [UInt8](repeating: 0, count: 6)
    bytes += Array("_DMI_".utf8) + [0] + littleEndian(UInt16(truncatingIfNeeded: table.count))
    return bytes + littleEndian(UInt32(0)) + littleEndian(UInt16(truncatingIfNeeded: structureCount)) + [0x28]
  }
}
