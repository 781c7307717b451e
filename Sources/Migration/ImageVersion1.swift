// SPDX-License-Identifier: Apache-2.0
import CZlib
import Platform

/// Reads images of version 1. Docs/StateFormat.md, "Version 1".
enum Version1 {
  static let number: UInt32 = 1
  /// Limits that keep a hostile file from making us allocate: far above what any machine had.
  private static let sectionLimit = 4096
  private static let tableLimit = 256 << 20

  /// What the header tells, once its checksum is right.
  private struct Header {
    var sectionCount: UInt32
    var blockCount: UInt32
    var tableByteCount: Int
    var tableSum: UInt32

    init(_ bytes: [UInt8]) throws(MigrationError) {
      var reader = ByteReader(bytes)
      _ = try reader.take(12, "the header")
      sectionCount = try reader.integer(UInt32.self, "the header")
      blockCount = try reader.integer(UInt32.self, "the header")
      let stateCount = try reader.integer(UInt64.self, "the header")
      let tableCount = try reader.integer(UInt64.self, "the header")
      tableSum = try reader.integer(UInt32.self, "the header")
      let sum = Version1.checksum(Array(bytes.prefix(reader.position)))
      guard try reader.integer(UInt32.self, "the header") == sum else {
        throw MigrationError("The header of the state file is damaged")
      }
      guard sectionCount <= sectionLimit, stateCount <= tableCount, tableCount <= tableLimit else {
        throw MigrationError("The header of the state file is not that of a machine")
      }
      tableByteCount = Int(tableCount)
    }
  }

  /// Reads and checks everything but the pages. `header` is the file's first page.
  static func tables(
    _ header: [UInt8], from stream: inout ImageStream
  ) throws(MigrationError) -> (sections: [MachineImage.Section], blocks: [ImageShape.Block], pages: Version1Pages) {
    let header = try Header(header)
    let size = Int(pageByteCount)
    let padded = (header.tableByteCount + size - 1) / size * size
    let tables = Array(try stream.bytes(padded, "the tables").prefix(header.tableByteCount))
    guard checksum(tables) == header.tableSum else { throw MigrationError("The tables of the state file are damaged") }
    var reader = ByteReader(tables)
    let sections = try ByteReader.sections(&reader, header.sectionCount)
    var blocks: [ImageShape.Block] = []
    var counts: [(count: Int, sum: UInt32)] = []
    for _ in 0..<header.blockCount {
      let name = try reader.text("a memory block")
      let byteCount = try reader.integer(UInt64.self, "memory '\(name)'")
      let pageCount = try reader.integer(UInt64.self, "memory '\(name)'")
      guard byteCount <= UInt64(Int.max), byteCount % UInt64(size) == 0, pageCount <= byteCount / UInt64(size) else {
        throw MigrationError("Memory '\(name)' has too many pages")
      }
      blocks.append(.init(name: name, byteCount: Int(byteCount)))
      counts.append((Int(pageCount), try reader.integer(UInt32.self, "memory '\(name)'")))
    }
    var lists: [Version1Pages.List] = []
    for (block, (count, sum)) in zip(blocks, counts) {
      var list = Version1Pages.List(name: block.name, runs: [], sum: sum)
      for _ in 0..<count {
        let page = try reader.integer(UInt64.self, "the pages of '\(block.name)'")
        guard page < UInt64(block.byteCount / size), list.runs.last.map({ $0.upperBound <= Int(page) }) ?? true else {
          throw MigrationError("The page list of memory '\(block.name)' is damaged")
        }
        list.append(Int(page))
      }
      lists.append(list)
    }
    guard reader.remaining == 0 else { throw MigrationError("The state file has bytes after its tables") }
    return (sections.map(upgraded), blocks, Version1Pages(lists: lists))
  }

  /// Two sections did not say their versions.
  private static func upgraded(_ section: MachineImage.Section) -> MachineImage.Section {
    guard ["machine", "cpu"].contains(section.name) else { return section }
    var head = ByteWriter()
    head.put(UInt8(section.name.utf8.count))
    head.bytes += section.name.utf8
    head.put(UInt8(4))
    head.put(UInt32(1))
    return .init(name: section.name, bytes: head.bytes + section.bytes)
  }

  static func checksum(_ bytes: UnsafeRawBufferPointer, _ start: UInt = 0) -> UInt {
    var sum = start
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
      sum = crc32(sum, part.bindMemory(to: UInt8.self).baseAddress, UInt32(part.count))
      rest = rest.dropFirst(part.count)
    }
    return sum
  }

  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    UInt32(truncatingIfNeeded: bytes.withUnsafeBytes { checksum($0) })
  }
}

/// The pages of an image of version 1, in the order of its lists.
struct Version1Pages: PageSequence {
  struct List {
    var name: String
    /// Page numbers, ascending.
    var runs: [Range<Int>]
    /// Checksum over all of the block's pages.
    var sum: UInt32

    mutating func append(_ page: Int) {
      if let last = runs.last, last.upperBound == page {
        runs[runs.count - 1] = last.lowerBound..<page + 1
      } else {
        runs.append(page..<page + 1)
      }
    }
  }

  private static let piecePageCount = 256
  private let lists: [List]
  private var block = 0
  private var run = 0
  /// Pages of the run already read.
  private var done = 0
  private var sum: UInt = 0

  init(lists: [List]) { self.lists = lists }

  mutating func next(from stream: inout ImageStream) throws(MigrationError) -> ImagePages? {
    while block < lists.count {
      let list = lists[block]
      guard run < list.runs.count else {
        guard UInt32(truncatingIfNeeded: sum) == list.sum else {
          throw MigrationError("The pages of memory '\(list.name)' are damaged")
        }
        (block, run, sum) = (block + 1, 0, 0)
        continue
      }
      let size = Int(pageByteCount)
      let start = list.runs[run].lowerBound + done
      let count = min(list.runs[run].upperBound - start, Self.piecePageCount)
      let bytes = try stream.bytes(count * size, "memory '\(list.name)'")
      sum = bytes.withUnsafeBytes { Version1.checksum($0, sum) }
      done += count
      if done == list.runs[run].count { (run, done) = (run + 1, 0) }
      return ImagePages(block: block, ranges: [start * size..<(start + count) * size], bytes: bytes)
    }
    return nil
  }
}
