// SPDX-License-Identifier: Apache-2.0
import Platform

/// The memory of an image of version 2, as it comes from a stream.
struct Version2Pages: PageSequence {
  private let layout: ImageHeader.Layout
  private let blocks: [ImageTables.Block]
  /// Length of a placed image.
  private let byteCount: Int64
  private var block = 0
  /// Placed: the next record of the block. Packed: the last chunk's index.
  private var chunk: Int
  private var chunkCount = 0
  private var isDone = false

  /// Reads and checks everything but the pages. `header` is the first page.
  static func tables(
    _ header: [UInt8], from stream: inout ImageStream
  ) throws(MigrationError) -> (header: ImageHeader, tables: ImageTables) {
    let header = try ImageHeader(header)
    let padded = try stream.bytes(header.paddedTableEnd - Int(pageByteCount), "the tables")
    guard ImageChecksum.of(padded) == header.tableSum else {
      throw MigrationError("The tables of the state file are damaged")
    }
    return (header, try ImageTables(Array(padded.prefix(Int(header.tableByteCount))), header))
  }

  init(_ header: ImageHeader, _ tables: ImageTables) {
    layout = header.layout
    blocks = tables.blocks
    byteCount = Int64(header.byteCount)
    chunk = layout == .placed ? 0 : -1
  }

  mutating func next(from stream: inout ImageStream) throws(MigrationError) -> ImagePages? {
    if isDone { return nil }
    switch layout {
    case .placed: return try nextPlaced(&stream)
    case .packed: return try nextPacked(&stream)
    }
  }

  private mutating func nextPlaced(_ stream: inout ImageStream) throws(MigrationError) -> ImagePages? {
    while block < blocks.count {
      guard chunk < blocks[block].chunks.count else {
        (block, chunk) = (block + 1, 0)
        continue
      }
      let record = blocks[block].chunks[chunk]
      let what = "memory '\(blocks[block].shape.name)'"
      chunk += 1
      var pages = ImagePages(block: block, ranges: record.ranges, bytes: [])
      for range in pages.ranges {
        try stream.skip(to: blocks[block].offset + Int64(range.lowerBound), what)
        pages.bytes += try stream.bytes(range.count, what)
      }
      try check(record, pages)
      return pages
    }
    if let last = blocks.last { try stream.skip(to: byteCount, "memory '\(last.shape.name)'") }
    isDone = true
    return nil
  }

  private mutating func nextPacked(_ stream: inout ImageStream) throws(MigrationError) -> ImagePages? {
    let name = blocks.dropFirst(block).first?.shape.name
    let what = name.map { "memory '\($0)'" } ?? "its end"
    var head = ByteReader(try stream.bytes(ImageChunk.headByteCount, what))
    let number = try head.integer(UInt32.self, what)
    let record = try ImageChunk(block: number, from: &head, what)
    if number == ImageChunk.end {
      guard record.pages.isEmpty, Int(record.index) == chunkCount,
        record.sum == record.checksum({ _ in UnsafeRawBufferPointer(start: nil, count: 0) })
      else { throw MigrationError("The end of the state file is damaged") }
      isDone = true
      return nil
    }
    guard number < blocks.count, number >= block else {
      throw MigrationError("The state file has a part of a memory block that it does not name")
    }
    if number > block { (block, chunk) = (Int(number), -1) }
    try record.check(in: blocks[block].shape, after: chunk)
    chunk = Int(record.index)
    chunkCount += 1
    let byteCount = record.pages.count * Int(pageByteCount)
    let pages = ImagePages(
      block: block, ranges: record.ranges,
      bytes: try stream.bytes(byteCount, "memory '\(blocks[block].shape.name)'"))
    try check(record, pages)
    return pages
  }

  private func check(_ record: ImageChunk, _ pages: ImagePages) throws(MigrationError) {
    guard pages.bytes.withUnsafeBytes({ record.checksum(ofPacked: $0) }) == record.sum else {
      throw Self.damage(blocks[block].shape.name, record)
    }
  }

  static func damage(_ name: String, _ record: ImageChunk) -> MigrationError {
    MigrationError(
      "The pages of memory '\(name)' from 0x\(String(record.offset, radix: 16)) on in the state file are damaged")
  }
}
