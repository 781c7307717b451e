// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

/// Makes the records of all chunks in order: finds pages that hold anything and computes checksums, on a thread of its own a
/// little ahead of whoever writes them, since both take about as long.
final class ChunkScan: @unchecked Sendable {
  // Safe: the blocks' owner keeps their bytes still from `init` to `end`, and both threads only read them.
  private let blocks: [RAMBlock]
  private let queue = Guarded(Queue())
  private var thread: Thread?
  /// Where the caller goes on by itself when there is no thread to be had.
  private var place = (block: 0, index: 0)
  private let scanner = PageScanner()

  private struct Queue {
    var chunks: [ImageChunk] = []
    var isDone = false
    var isEnded = false
  }

  /// Records are handed over in groups of this many, so that the threads seldom wait for each other.
  private static let groupCount = 8
  private static let largestQueueCount = 64

  private var group: ArraySlice<ImageChunk> = []

  init(_ blocks: [RAMBlock]) {
    self.blocks = blocks
    thread = try? Thread(name: "scan") { [unowned self] in run() }
  }

  /// The next chunk, one without pages too; nil after the last.
  func next() -> ImageChunk? {
    if thread == nil { return scanned() }
    if group.isEmpty {
      group = queue.wait { queue -> ArraySlice<ImageChunk>? in
        guard !queue.chunks.isEmpty || queue.isDone else { return nil }
        defer { queue.chunks = [] }
        return queue.chunks[...]
      }
      queue.update { _ in }
    }
    return group.popFirst()
  }

  /// Must be called, and no byte is read afterwards.
  func end() {
    queue.update { $0.isEnded = true }
    thread?.join()
    scanner.close()
  }

  private func run() {
    while true {
      var group: [ImageChunk] = []
      while group.count < Self.groupCount, let chunk = scanned() { group.append(chunk) }
      let isLast = group.count < Self.groupCount
      let goesOn = queue.wait { queue -> Bool? in
        if queue.isEnded { return false }
        return queue.chunks.count < Self.largestQueueCount ? true : nil
      }
      guard goesOn else { return }
      queue.update { queue in
        queue.chunks += group
        queue.isDone = isLast
      }
      if isLast { return }
    }
  }

  private func scanned() -> ImageChunk? {
    while place.block < blocks.count {
      let block = blocks[place.block]
      var chunk = ImageChunk(block: place.block, index: place.index)
      guard chunk.offset < block.byteCount else {
        place = (place.block + 1, 0)
        continue
      }
      place.index += 1
      let end = min(block.byteCount, chunk.offset + ImageChunk.byteCount)
      chunk.pages = scanner.pages(of: block, chunk.offset..<end)
      if !chunk.pages.isEmpty {
        chunk.sum = chunk.checksum { UnsafeRawBufferPointer(rebasing: block.contents[$0]) }
      }
      return chunk
    }
    return nil
  }
}

/// Finds the pages of a block that hold anything but zeros. Those the guest never touched are not even looked at, where the
/// kernel tells which they are.
struct PageScanner {
  private let map = PageMap()

  func close() { map?.close() }

  /// `range` is at most a chunk of whole pages.
  func pages(of block: RAMBlock, _ range: Range<Int>) -> PageSet {
    var pages = PageSet()
    let base = UnsafeRawPointer(block.base + range.lowerBound)
    let size = Int(pageByteCount)
    let look = { (page: Int) in if !ZeroPage.isZero(base + page * size) { pages.insert(page) } }
    if !block.isFileBacked(range), let map, map.forEachPresent(from: base, pageCount: range.count / size, look) {
      return pages
    }
    for page in 0..<range.count / size { look(page) }
    return pages
  }
}
