// SPDX-License-Identifier: Apache-2.0
import CXXHash
import Platform

/// The first page of an image of version 2.
struct ImageHeader: Equatable {
  static let version: UInt32 = 2

  /// How memory is stored.
  enum Layout: UInt32 {
    /// Chunk after chunk, each with its record before it: what a pipe or a socket takes.
    case packed = 0
    /// Every page at its block's offset plus its own address, records in the tables: what can be mapped.
    case placed = 1
  }

  /// Where the checksum of the rest of the page is.
  private static let sumOffset = Int(pageByteCount) - 8

  var layout: Layout
  var sectionCount: UInt32
  var blockCount: UInt32
  /// Without the zeros that fill the last page.
  var tableByteCount: UInt64
  /// Of the tables and the zeros after them.
  var tableSum: UInt64
  /// Length of a placed image; 0 for a packed one.
  var byteCount: UInt64

  init(
    layout: Layout, sectionCount: Int, blockCount: Int, tableByteCount: Int, tableSum: UInt64, byteCount: Int64
  ) {
    self.layout = layout
    self.sectionCount = UInt32(truncatingIfNeeded: sectionCount)
    self.blockCount = UInt32(truncatingIfNeeded: blockCount)
    self.tableByteCount = UInt64(tableByteCount)
    self.tableSum = tableSum
    self.byteCount = UInt64(truncatingIfNeeded: byteCount)
  }

  /// Checks everything that can be checked without the tables. `bytes` is the whole page.
  init(_ bytes: [UInt8]) throws(MigrationError) {
    let sum = ImageChecksum.of(Array(bytes.prefix(Self.sumOffset)))
    var reader = ByteReader(bytes)
    _ = try reader.take(12, "the header")
    let layout = try reader.integer(UInt32.self, "the header")
    sectionCount = try reader.integer(UInt32.self, "the header")
    blockCount = try reader.integer(UInt32.self, "the header")
    let chunkByteCount = try reader.integer(UInt32.self, "the header")
    let pageSize = try reader.integer(UInt32.self, "the header")
    tableByteCount = try reader.integer(UInt64.self, "the header")
    tableSum = try reader.integer(UInt64.self, "the header")
    byteCount = try reader.integer(UInt64.self, "the header")
    _ = try reader.take(Self.sumOffset - reader.position, "the header")
    guard try reader.integer(UInt64.self, "the header") == sum else {
      throw MigrationError("The header of the state file is damaged")
    }
    guard let known = Layout(rawValue: layout), Int(chunkByteCount) == ImageChunk.byteCount,
      UInt64(pageSize) == pageByteCount
    else { throw MigrationError("The header of the state file names a layout that is not known") }
    self.layout = known
    guard sectionCount <= ImageTables.sectionLimit, blockCount <= ImageTables.blockLimit,
      tableByteCount <= ImageTables.byteLimit, byteCount <= UInt64(Int64.max) / 2
    else { throw MigrationError("The header of the state file is not that of a machine") }
  }

  /// The whole page.
  var bytes: [UInt8] {
    var writer = ByteWriter()
    writer.bytes = MachineImage.magic
    writer.put(Self.version)
    writer.put(layout.rawValue)
    writer.put(sectionCount)
    writer.put(blockCount)
    writer.put(UInt32(ImageChunk.byteCount))
    writer.put(UInt32(pageByteCount))
    writer.put(tableByteCount)
    writer.put(tableSum)
    writer.put(byteCount)
    writer.pad(to: Self.sumOffset)
    writer.put(ImageChecksum.of(writer.bytes))
    return writer.bytes
  }
}

/// XXH3 with 64 bits (https://xxhash.com), which is as fast as memory.
enum ImageChecksum {
  static func of(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
    xxh3(bytes.baseAddress, bytes.count, seed)
  }

  static func of(_ bytes: [UInt8]) -> UInt64 { bytes.withUnsafeBytes { of($0) } }
}
