// SPDX-License-Identifier: Apache-2.0

/// The file `etc/acpi/tables` as it grows table by table, and the script that loads it.
///
/// Reference: ACPI 6.5, section 5.2.6, "System Description Table Header".
package struct TableArea: Sendable {
  package static let fileName = "etc/acpi/tables"
  package static let headerByteCount = 36
  /// The area is as large as QEMU's, so that guests find the same memory map. More tables make it grow in such steps.
  private static let granularity = 0x20000
  private static let checksumOffset = 9

  /// A table's place in the file.
  package struct Location: Equatable, Sendable {
    package let offset: Int
  }

  /// A field, by its offset in the table including the header, that is to hold another table's address.
  struct Pointer {
    var offset: Int
    var target: Location
  }

  private var bytes: [UInt8] = []
  var script = LoaderScript()
  /// Tables that the root table lists.
  private var listed: [Location] = []

  init() {
    // A FACS must be aligned to 64 bytes, everything else to less.
    script.allocate(Self.fileName, alignment: 64, .high)
  }

  var contents: [UInt8] {
    let padding = (Self.granularity - bytes.count % Self.granularity) % Self.granularity
    return bytes + [UInt8](repeating: 0, count: padding)
  }

  /// Adds a structure without the common header, which only the FACS is.
  mutating func add(structure: [UInt8], alignment: Int) -> Location {
    bytes += [UInt8](repeating: 0, count: (alignment - bytes.count % alignment) % alignment)
    let location = Location(offset: bytes.count)
    bytes += structure
    return location
  }

  /// Adds a table that others point to.
  mutating func add(
    _ signature: String, revision: UInt8, body: [UInt8], pointers: [Pointer] = []
  ) -> Location {
    let byteCount = Self.headerByteCount + body.count
    var table = Array(signature.utf8) + littleEndian(UInt32(truncatingIfNeeded: byteCount)) + [revision, 0]
    table += Array("APUS  APUSPC  ".utf8) + littleEndian(UInt32(1))
    table += Array("APUS".utf8) + littleEndian(UInt32(1))
    table += body
    let location = add(structure: table, alignment: 16)
    for pointer in pointers {
      let field = location.offset + pointer.offset
      bytes.replaceSubrange(field..<field + 4, with: littleEndian(UInt32(truncatingIfNeeded: pointer.target.offset)))
      script.addPointer(in: Self.fileName, at: field, byteCount: 4, to: Self.fileName)
    }
    script.addChecksum(
      in: Self.fileName, at: location.offset + Self.checksumOffset,
      of: location.offset..<location.offset + byteCount)
    return location
  }

  /// Adds a table that the root table lists.
  mutating func list(_ signature: String, revision: UInt8, body: [UInt8], pointers: [Pointer] = []) {
    listed.append(add(signature, revision: revision, body: body, pointers: pointers))
  }

  /// Adds the root table. Call last.
  mutating func addRoot() -> Location {
    let pointers = listed.enumerated().map { Pointer(offset: Self.headerByteCount + 4 * $0.offset, target: $0.element) }
    return add("RSDT", revision: 1, body: [UInt8](repeating: 0, count: 4 * listed.count), pointers: pointers)
  }
}
