// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

/// Writes an image of version 1.
struct ImageWriter {
  let sections: [MachineImage.Section]
  let blocks: [RAMBlock]

  /// Numbers of the pages of a block that hold anything but zeros, as runs.
  private static func runs(of block: RAMBlock) -> [Range<Int>] {
    let size = Int(pageByteCount)
    var list = Version1Pages.List(name: block.name, runs: [], sum: 0)
    for page in 0..<block.byteCount / size {
      let words = UnsafeRawBufferPointer(start: block.base + page * size, count: size).assumingMemoryBound(
        to: UInt64.self)
      if words.contains(where: { $0 != 0 }) { list.append(page) }
    }
    return list.runs
  }

  func write(
    to sink: any ImageSink, progress report: (ImageProgress) throws(MigrationError) -> Void
  ) throws(MigrationError) {
    var state = ByteWriter()
    for section in sections {
      state.put(section.name)
      state.put(UInt64(section.bytes.count))
      state.bytes += section.bytes
    }
    let size = Int(pageByteCount)
    let lists = blocks.map(Self.runs)
    var directory = ByteWriter()
    var indexes = ByteWriter()
    for (block, runs) in zip(blocks, lists) {
      var sum: UInt = 0
      for run in runs { sum = Version1.checksum(Self.bytes(block, run), sum) }
      directory.put(block.name)
      directory.put(UInt64(block.byteCount))
      directory.put(UInt64(runs.reduce(0) { $0 + $1.count }))
      directory.put(UInt32(truncatingIfNeeded: sum))
      for page in runs.joined() { indexes.put(UInt64(page)) }
    }
    let tables = state.bytes + directory.bytes + indexes.bytes
    var header = ByteWriter()
    header.bytes = MachineImage.magic
    header.put(Version1.number)
    header.put(UInt32(sections.count))
    header.put(UInt32(blocks.count))
    header.put(UInt64(state.bytes.count))
    header.put(UInt64(tables.count))
    header.put(Version1.checksum(tables))
    header.put(Version1.checksum(header.bytes))
    header.pad(to: size)
    header.bytes += tables
    header.pad(to: size + (tables.count + size - 1) / size * size)
    var progress = ImageProgress()
    progress.totalByteCount = blocks.reduce(0) { $0 + $1.byteCount }
    progress.remainingByteCount = progress.totalByteCount
    let outcome = header.bytes.withUnsafeBytes { bytes -> Result<Void, MigrationError> in
      do throws(MigrationError) { return .success(try Self.put(bytes, to: sink, &progress)) } catch {
        return .failure(error)
      }
    }
    try outcome.get()
    try report(progress)
    for (block, runs) in zip(blocks, lists) {
      var page = 0
      for run in runs {
        progress.zeroPageCount += run.lowerBound - page
        progress.remainingByteCount -= (run.lowerBound - page) * size
        page = run.lowerBound
        while page < run.upperBound {
          let end = min(run.upperBound, page + 256)
          try Self.put(Self.bytes(block, page..<end), to: sink, &progress)
          progress.normalPageCount += end - page
          progress.remainingByteCount -= (end - page) * size
          page = end
          try report(progress)
        }
      }
      progress.zeroPageCount += block.byteCount / size - page
      progress.remainingByteCount -= block.byteCount - page * size
    }
    try report(progress)
  }

  private static func bytes(_ block: RAMBlock, _ pages: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(
      start: block.base + pages.lowerBound * Int(pageByteCount), count: pages.count * Int(pageByteCount))
  }

  private static func put(
    _ bytes: UnsafeRawBufferPointer, to sink: any ImageSink, _ progress: inout ImageProgress
  ) throws(MigrationError) {
    do throws(Errno) { try sink.write(bytes) } catch {
      throw MigrationError("Cannot write the state of the machine: \(error)")
    }
    progress.transferredByteCount += bytes.count
  }
}
