// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

extension MachineImage {
  /// Numbers of the pages of a block that hold anything but zeros.
  private static func pages(of block: RAMBlock) -> [UInt64] {
    let size = Int(pageByteCount)
    return (0..<block.byteCount / size).compactMap { page in
      let words = UnsafeRawBufferPointer(start: block.base + page * size, count: size).assumingMemoryBound(
        to: UInt64.self)
      return words.contains { $0 != 0 } ? UInt64(page) : nil
    }
  }

  /// Writes the image; the guest must stand still meanwhile. Works on files, pipes and sockets.
  public func write(to file: FileDescriptor, blocks: [RAMBlock]) throws(MigrationError) {
    var state = ByteWriter()
    for section in sections {
      state.put(section.name)
      state.put(UInt64(section.bytes.count))
      state.bytes += section.bytes
    }
    let size = Int(pageByteCount)
    let lists = blocks.map(Self.pages)
    var directory = ByteWriter()
    var indexes = ByteWriter()
    for (block, pages) in zip(blocks, lists) {
      var sum: UInt = 0
      for page in pages {
        sum = Self.checksum(UnsafeRawBufferPointer(start: block.base + Int(page) * size, count: size), sum)
      }
      directory.put(block.name)
      directory.put(UInt64(block.byteCount))
      directory.put(UInt64(pages.count))
      directory.put(UInt32(truncatingIfNeeded: sum))
      for page in pages { indexes.put(page) }
    }
    let tables = state.bytes + directory.bytes + indexes.bytes
    var header = ByteWriter()
    header.bytes = Self.magic
    header.put(Self.version)
    header.put(UInt32(sections.count))
    header.put(UInt32(blocks.count))
    header.put(UInt64(state.bytes.count))
    header.put(UInt64(tables.count))
    header.put(Self.checksum(tables))
    header.put(Self.checksum(header.bytes))
    header.pad(to: size)
    var body = ByteWriter()
    body.bytes = tables
    body.pad(to: (tables.count + size - 1) / size * size)
    do throws(Errno) {
      try file.writeAll(header.bytes)
      try file.writeAll(body.bytes)
      for (block, pages) in zip(blocks, lists) {
        for run in Self.runs(pages) {
          try file.writeAll(
            UnsafeRawBufferPointer(start: block.base + Int(run.lowerBound) * size, count: run.count * size))
        }
      }
    } catch {
      throw MigrationError("Cannot write the state of the machine: \(error)")
    }
  }

  /// Consecutive page numbers as ranges.
  static func runs(_ pages: [UInt64]) -> [Range<UInt64>] {
    var runs: [Range<UInt64>] = []
    for page in pages {
      if let last = runs.last, last.upperBound == page {
        runs[runs.count - 1] = last.lowerBound..<page + 1
      } else {
        runs.append(page..<page + 1)
      }
    }
    return runs
  }
}
