// SPDX-License-Identifier: Apache-2.0
import Platform

/// Which of the 256 pages of a chunk are stored.
struct PageSet: Equatable {
  static let count = 256
  var words = SIMD4<UInt64>(repeating: 0)

  var isEmpty: Bool { words == .zero }
  var count: Int { (0..<4).reduce(0) { $0 + words[$1].nonzeroBitCount } }

  mutating func insert(_ page: Int) { words[page >> 6 & 3] |= 1 << UInt64(page & 63) }

  func contains(_ page: Int) -> Bool { words[page >> 6 & 3] >> UInt64(page & 63) & 1 != 0 }

  /// Consecutive pages, ascending.
  var runs: [Range<Int>] {
    if words == SIMD4(repeating: .max) { return [0..<Self.count] }
    var runs: [Range<Int>] = []
    for page in 0..<Self.count where contains(page) {
      if let last = runs.last, last.upperBound == page {
        runs[runs.count - 1] = last.lowerBound..<page + 1
      } else {
        runs.append(page..<page + 1)
      }
    }
    return runs
  }
}

/// The record of 1 MiB of a memory block: which of its pages are stored, and their checksum.
struct ImageChunk: Equatable {
  static let byteCount = PageSet.count * Int(pageByteCount)

  /// Index of the block.
  var block: UInt32
  /// Index of the chunk in its block.
  var index: UInt32
  var pages = PageSet()
  /// Of the stored pages in order; the record's other members are its seed.
  var sum: UInt64 = 0

  /// Where it begins in its block.
  var offset: Int { Int(index) * Self.byteCount }

  /// Stored bytes as ranges of the block.
  var ranges: [Range<Int>] {
    let size = Int(pageByteCount)
    return pages.runs.map { offset + $0.lowerBound * size..<offset + $0.upperBound * size }
  }

  /// The checksum that belongs to bytes which `range` gives for each of `ranges`.
  func checksum(_ bytes: (Range<Int>) -> UnsafeRawBufferPointer) -> UInt64 {
    var head = ByteWriter()
    head.put(block)
    head.put(index)
    for word in 0..<4 { head.put(pages.words[word]) }
    var sum = ImageChecksum.of(head.bytes)
    for range in ranges { sum = ImageChecksum.of(bytes(range), seed: sum) }
    return sum
  }

  /// The checksum of the stored bytes one after the other.
  func checksum(ofPacked bytes: UnsafeRawBufferPointer) -> UInt64 {
    var position = 0
    return checksum { range in
      let end = min(bytes.count, position + range.count)
      defer { position = end }
      return UnsafeRawBufferPointer(rebasing: bytes[position..<end])
    }
  }

  /// A page of the chunk that is not stored but holds something in a copy of the whole chunk; nil when there is none.
  func strayPage(in bytes: UnsafeRawBufferPointer) -> Int? {
    (0..<bytes.count / Int(pageByteCount)).first {
      !pages.contains($0) && !ZeroPage.isZero(bytes, page: $0)
    }
  }

  // MARK: Coding

  /// Marks the end of a packed image; its `index` is the number of chunks.
  static let end: UInt32 = .max
  /// Of a record in a packed image.
  static let headByteCount = 48

  func encode(to writer: inout ByteWriter) {
    writer.put(index)
    for word in 0..<4 { writer.put(pages.words[word]) }
    writer.put(sum)
  }

  /// The record without the number of its block.
  init(block: UInt32, from reader: inout ByteReader, _ what: String) throws(MigrationError) {
    self.block = block
    index = try reader.integer(UInt32.self, what)
    for word in 0..<4 { pages.words[word] = try reader.integer(UInt64.self, what) }
    sum = try reader.integer(UInt64.self, what)
  }

  init(block: Int, index: Int) {
    self.block = UInt32(truncatingIfNeeded: block)
    self.index = UInt32(truncatingIfNeeded: index)
  }

  /// Refuses a record that no chunk of the block after `last` can have.
  func check(in block: ImageShape.Block, after last: Int) throws(MigrationError) {
    let pageCount = block.byteCount / Int(pageByteCount)
    let here = min(PageSet.count, pageCount - min(pageCount, Int(index) * PageSet.count))
    guard Int(index) > last, here > 0, !pages.isEmpty, !(here..<PageSet.count).contains(where: pages.contains) else {
      throw MigrationError("A page list of memory '\(block.name)' is damaged")
    }
  }
}

/// Tells pages of zeros from others, as fast as memory can be read.
enum ZeroPage {
  static func isZero(_ bytes: UnsafeRawBufferPointer, page: Int) -> Bool {
    guard let base = bytes.baseAddress else { return true }
    return isZero(base + page * Int(pageByteCount))
  }

  /// `page` is aligned to 8 bytes.
  static func isZero(_ page: UnsafeRawPointer) -> Bool {
    let lines = page.assumingMemoryBound(to: SIMD8<UInt64>.self)
    // Most pages that hold something begin with it.
    for group in stride(from: 0, to: 64, by: 4) {
      let all = lines[group] | lines[group + 1] | lines[group + 2] | lines[group + 3]
      if all != .zero { return false }
    }
    return true
  }
}
