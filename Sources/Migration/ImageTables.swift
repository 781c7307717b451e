// SPDX-License-Identifier: Apache-2.0
import Platform

/// The tables of an image of version 2: state sections, the directory of memory blocks, and records of placed chunks.
struct ImageTables {
  /// Limits that keep a hostile file from making us allocate: far above what any machine has.
  static let sectionLimit: UInt32 = 4096
  static let blockLimit: UInt32 = 64
  static let byteLimit: UInt64 = 256 << 20
  private static let recordByteCount = 44

  /// A memory block in the image.
  struct Block {
    var shape: ImageShape.Block
    /// Where its first byte is in a placed image.
    var offset: Int64 = 0
    var chunks: [ImageChunk] = []
    /// Where it ends in a placed image.
    var end: Int64 { offset + Int64(shape.byteCount) }
  }

  var sections: [MachineImage.Section]
  var blocks: [Block]

  /// The most they can take, once every chunk is stored.
  static func largestByteCount(_ sections: [MachineImage.Section], _ blocks: [ImageShape.Block]) -> Int {
    let named = sections.reduce(0) { $0 + 2 + $1.name.utf8.count + 8 + $1.bytes.count }
    return blocks.reduce(named) { $0 + 2 + $1.name.utf8.count + 20 + $1.chunkCount * recordByteCount }
  }

  var bytes: [UInt8] {
    var writer = ByteWriter()
    for section in sections {
      writer.put(section.name)
      writer.put(UInt64(section.bytes.count))
      writer.bytes += section.bytes
    }
    for block in blocks {
      writer.put(block.shape.name)
      writer.put(UInt64(block.shape.byteCount))
      writer.put(block.offset)
      writer.put(UInt32(truncatingIfNeeded: block.chunks.count))
    }
    for chunk in blocks.lazy.flatMap(\.chunks) { chunk.encode(to: &writer) }
    return writer.bytes
  }

  init(sections: [MachineImage.Section], blocks: [Block]) {
    self.sections = sections
    self.blocks = blocks
  }

  /// Decodes and checks tables whose checksum is right.
  init(_ bytes: [UInt8], _ header: ImageHeader) throws(MigrationError) {
    var reader = ByteReader(bytes)
    sections = try ByteReader.sections(&reader, header.sectionCount)
    blocks = []
    var counts: [UInt32] = []
    for _ in 0..<header.blockCount {
      let (block, count) = try Self.block(&reader, header, after: blocks.last)
      blocks.append(block)
      counts.append(count)
    }
    guard header.layout == .packed || (blocks.last?.end ?? 0) == Int64(header.byteCount) else {
      throw MigrationError("The length in the header of the state file is damaged")
    }
    for index in blocks.indices {
      let shape = blocks[index].shape
      var last = -1
      for _ in 0..<counts[index] {
        let chunk = try ImageChunk(
          block: UInt32(truncatingIfNeeded: index), from: &reader, "the page lists of memory '\(shape.name)'")
        try chunk.check(in: shape, after: last)
        last = Int(chunk.index)
        blocks[index].chunks.append(chunk)
      }
    }
    guard reader.remaining == 0 else { throw MigrationError("The state file has bytes after its tables") }
  }

  private static func block(
    _ reader: inout ByteReader, _ header: ImageHeader, after previous: Block?
  ) throws(MigrationError) -> (Block, UInt32) {
    let name = try reader.text("a memory block")
    let byteCount = try reader.integer(UInt64.self, "memory '\(name)'")
    let offset = try reader.integer(Int64.self, "memory '\(name)'")
    let count = try reader.integer(UInt32.self, "memory '\(name)'")
    guard byteCount > 0, byteCount <= UInt64(Int64.max) / 4, byteCount % pageByteCount == 0 else {
      throw MigrationError("The size of memory '\(name)' in the state file is damaged")
    }
    let block = Block(shape: .init(name: name, byteCount: Int(byteCount)), offset: offset)
    switch header.layout {
    case .packed:
      guard offset == 0, count == 0 else { throw MigrationError("The place of memory '\(name)' is damaged") }
    case .placed:
      let first = previous?.end ?? Int64(header.paddedTableEnd)
      guard offset >= first, offset % Int64(pageByteCount) == 0, offset <= Int64(header.byteCount),
        Int64(byteCount) <= Int64(header.byteCount) - offset, count <= block.shape.chunkCount
      else { throw MigrationError("The place of memory '\(name)' in the state file is damaged") }
    }
    return (block, count)
  }
}

extension ImageHeader {
  /// Where the tables and the zeros after them end, in bytes.
  var paddedTableEnd: Int {
    let size = Int(pageByteCount)
    return size + (Int(tableByteCount) + size - 1) / size * size
  }
}

extension ImageShape.Block {
  var chunkCount: Int { (byteCount + ImageChunk.byteCount - 1) / ImageChunk.byteCount }
}

extension ByteReader {
  /// State sections, as both versions have them.
  static func sections(_ reader: inout ByteReader, _ count: UInt32) throws(MigrationError) -> [MachineImage.Section] {
    var sections: [MachineImage.Section] = []
    for _ in 0..<count {
      let name = try reader.text("a section")
      let count = try reader.integer(UInt64.self, "section '\(name)'")
      guard count <= UInt64(reader.remaining) else {
        throw MigrationError("The state file ends inside section '\(name)'")
      }
      sections.append(.init(name: name, bytes: Array(try reader.take(Int(count), "section '\(name)'"))))
    }
    return sections
  }
}
