// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

/// Writes an image of version 2: placed where the sink is a file of its own, packed where it is a stream.
struct ImageWriter {
  let sections: [MachineImage.Section]
  let blocks: [RAMBlock]

  /// Large pages of the host can back memory that is mapped from such offsets.
  private static let blockAlignment: Int64 = 2 << 20

  func write(
    to sink: any ImageSink, beforeEnd: () throws(MigrationError) -> Void,
    progress report: (ImageProgress) throws(MigrationError) -> Void
  ) throws(MigrationError) {
    var output = Output(sink: sink)
    output.progress.totalByteCount = blocks.reduce(0) { $0 + $1.byteCount }
    output.progress.remainingByteCount = output.progress.totalByteCount
    try report(output.progress)
    if sink.isSeekable, !blocks.isEmpty {
      try writePlaced(to: &output, beforeEnd, report)
    } else {
      try writePacked(to: &output, beforeEnd, report)
    }
  }

  private var shapes: [ImageShape.Block] { blocks.map { .init(name: $0.name, byteCount: $0.byteCount) } }

  private func writePacked(
    to output: inout Output, _ beforeEnd: () throws(MigrationError) -> Void,
    _ report: (ImageProgress) throws(MigrationError) -> Void
  ) throws(MigrationError) {
    let tables = ImageTables(sections: sections, blocks: shapes.map { .init(shape: $0) })
    let (header, padded) = pages(of: tables, .packed, byteCount: 0)
    try output.append(header.bytes + padded)
    var count = 0
    try forEachChunk(of: &output, report) { (chunk, block, output) throws(MigrationError) in
      count += 1
      var head = ByteWriter()
      head.put(chunk.block)
      chunk.encode(to: &head)
      try output.append(head.bytes)
      for range in chunk.ranges { try output.append(UnsafeRawBufferPointer(rebasing: block.contents[range])) }
    }
    try beforeEnd()
    var end = ImageChunk(block: Int(ImageChunk.end), index: count)
    end.sum = end.checksum { _ in UnsafeRawBufferPointer(start: nil, count: 0) }
    var head = ByteWriter()
    head.put(end.block)
    end.encode(to: &head)
    try output.append(head.bytes)
    try report(output.progress)
  }

  /// The header comes last: what a failure leaves behind is no image.
  private func writePlaced(
    to output: inout Output, _ beforeEnd: () throws(MigrationError) -> Void,
    _ report: (ImageProgress) throws(MigrationError) -> Void
  ) throws(MigrationError) {
    var placed: [ImageTables.Block] = []
    var end = Int64(pageByteCount) + Int64(ImageTables.largestByteCount(sections, shapes))
    for shape in shapes {
      let offset = (end + Self.blockAlignment - 1) / Self.blockAlignment * Self.blockAlignment
      placed.append(.init(shape: shape, offset: offset))
      end = offset + Int64(shape.byteCount)
    }
    try forEachChunk(of: &output, report) { (chunk, block, output) throws(MigrationError) in
      let index = Int(chunk.block)
      placed[index].chunks.append(chunk)
      for range in chunk.ranges {
        try output.write(
          UnsafeRawBufferPointer(rebasing: block.contents[range]), at: placed[index].offset + Int64(range.lowerBound))
      }
    }
    try beforeEnd()
    let tables = ImageTables(sections: sections, blocks: placed)
    let (header, padded) = pages(of: tables, .placed, byteCount: end)
    try output.finish(header: header.bytes, tables: padded, byteCount: end)
    try report(output.progress)
  }

  /// The header and the tables, filled up to whole pages.
  private func pages(
    of tables: ImageTables, _ layout: ImageHeader.Layout, byteCount: Int64
  ) -> (header: ImageHeader, tables: [UInt8]) {
    var padded = ByteWriter()
    padded.bytes = tables.bytes
    let count = padded.bytes.count
    let size = Int(pageByteCount)
    padded.pad(to: (count + size - 1) / size * size)
    let header = ImageHeader(
      layout: layout, sectionCount: sections.count, blockCount: blocks.count, tableByteCount: count,
      tableSum: ImageChecksum.of(padded.bytes), byteCount: byteCount)
    return (header, padded.bytes)
  }

  /// Calls `body` with every chunk that holds anything, and `report` after each chunk.
  private func forEachChunk(
    of output: inout Output, _ report: (ImageProgress) throws(MigrationError) -> Void,
    _ body: (ImageChunk, RAMBlock, inout Output) throws(MigrationError) -> Void
  ) throws(MigrationError) {
    let scan = ChunkScan(blocks)
    defer { scan.end() }
    while let chunk = scan.next() {
      let block = blocks[Int(chunk.block)]
      let byteCount = min(ImageChunk.byteCount, block.byteCount - chunk.offset)
      if !chunk.pages.isEmpty { try body(chunk, block, &output) }
      output.progress.normalPageCount += chunk.pages.count
      output.progress.zeroPageCount += byteCount / Int(pageByteCount) - chunk.pages.count
      output.progress.remainingByteCount -= byteCount
      try report(output.progress)
    }
  }

  /// The sink, with what was written so far.
  private struct Output {
    let sink: any ImageSink
    var progress = ImageProgress()
    /// Where the furthest piece that was placed ends.
    private var writtenEnd: Int64 = 0

    init(sink: any ImageSink) { self.sink = sink }

    private static func failed(_ error: Errno) -> MigrationError {
      MigrationError("Cannot write the state of the machine: \(error)")
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) throws(MigrationError) {
      do throws(Errno) { try sink.write(bytes) } catch { throw Self.failed(error) }
      progress.transferredByteCount += bytes.count
    }

    mutating func append(_ bytes: [UInt8]) throws(MigrationError) {
      do throws(Errno) { try bytes.withBytes { (bytes) throws(Errno) in try sink.write(bytes) } } catch {
        throw Self.failed(error)
      }
      progress.transferredByteCount += bytes.count
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(MigrationError) {
      do throws(Errno) { try sink.write(bytes, at: offset) } catch { throw Self.failed(error) }
      writtenEnd = max(writtenEnd, offset + Int64(bytes.count))
      progress.transferredByteCount += bytes.count
    }

    mutating func finish(header: [UInt8], tables: [UInt8], byteCount: Int64) throws(MigrationError) {
      do throws(Errno) {
        try tables.withBytes { (bytes) throws(Errno) in try sink.write(bytes, at: Int64(header.count)) }
        if writtenEnd < byteCount { try sink.setLength(byteCount) }
        try header.withBytes { (bytes) throws(Errno) in try sink.write(bytes, at: 0) }
      } catch {
        throw Self.failed(error)
      }
      progress.transferredByteCount += header.count + tables.count
    }
  }
}

extension [UInt8] {
  /// `withUnsafeBytes` with the typed error kept.
  func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let outcome = withUnsafeBytes { bytes -> Swift.Result<Result, Failure> in
      do throws(Failure) { return .success(try body(bytes)) } catch { return .failure(error) }
    }
    return try outcome.get()
  }
}
