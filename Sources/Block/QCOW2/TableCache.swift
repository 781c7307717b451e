// SPDX-License-Identifier: Apache-2.0
import HostIO

/// One cluster of metadata in memory: an L2 table or a refcount block.
final class MetadataBlock {
  let offset: Int64
  private(set) var bytes: [UInt8]
  /// The part that differs from the file.
  private(set) var dirty: Range<Int>?
  fileprivate var lastUse: UInt64 = 0

  init(offset: Int64, _ bytes: [UInt8]) { (self.offset, self.bytes) = (offset, bytes) }

  func word(at index: Int) -> UInt64 { bytes.bigEndian64(at: index * 8) }

  func setWord(_ value: UInt64, at index: Int) {
    bytes.setBigEndian64(value, at: index * 8)
    markDirty(index * 8..<index * 8 + 8)
  }

  /// Changes bytes of a range that the caller names.
  func change(_ range: Range<Int>, _ body: (inout [UInt8]) -> Void) {
    body(&bytes)
    markDirty(range)
  }

  func markAllDirty() { dirty = 0..<bytes.count }

  private func markDirty(_ range: Range<Int>) {
    dirty = dirty.map { min($0.lowerBound, range.lowerBound)..<max($0.upperBound, range.upperBound) } ?? range
  }

  /// Writes what changed, in whole units of 512 bytes.
  fileprivate func write(to node: any BlockNode) throws(Errno) {
    guard let dirty else { return }
    let range = dirty.lowerBound & ~511..<min(bytes.count, (dirty.upperBound + 511) & ~511)
    try bytes.withBytes { (all) throws(Errno) in
      try node.write(at: offset + Int64(range.lowerBound), from: UnsafeRawBufferPointer(rebasing: all[range]))
    }
    self.dirty = nil
  }
}

/// Metadata blocks of one kind by their place in the file. Changed blocks stay until they are written; the order between
/// kinds is the owner's business.
struct TableCache {
  private var blocks: [Int64: MetadataBlock] = [:]
  private var clock: UInt64 = 0
  private var dirtyOffsets: Set<Int64> = []
  let blockByteCount: Int
  let capacity: Int

  init(blockByteCount: Int64, byteLimit: Int64, atMost: Int) {
    self.blockByteCount = Int(blockByteCount)
    capacity = Int(max(16, min(Int64(atMost), byteLimit / blockByteCount)))
  }

  var hasChanges: Bool { !dirtyOffsets.isEmpty }
  /// No room for another block unless changed ones are written first.
  var isFullOfChanges: Bool { dirtyOffsets.count >= capacity }

  mutating func cached(_ offset: Int64) -> MetadataBlock? {
    guard let block = blocks[offset] else { return nil }
    clock += 1
    block.lastUse = clock
    return block
  }

  mutating func load(_ offset: Int64, from node: any BlockNode) throws(Errno) -> MetadataBlock {
    if let block = cached(offset) { return block }
    let bytes = try [UInt8].filled(blockByteCount) { (buffer) throws(Errno) in try node.read(at: offset, into: buffer) }
    return insert(MetadataBlock(offset: offset, bytes))
  }

  @discardableResult
  mutating func insert(_ block: MetadataBlock) -> MetadataBlock {
    if blocks.count >= capacity { evict() }
    clock += 1
    block.lastUse = clock
    blocks[block.offset] = block
    return block
  }

  /// To be called for each block that was changed.
  mutating func noteChange(of block: MetadataBlock) { dirtyOffsets.insert(block.offset) }

  /// Drops the quarter of unchanged blocks that was not used for longest.
  private mutating func evict() {
    let clean = blocks.values.filter { $0.dirty == nil }.sorted { $0.lastUse < $1.lastUse }
    for block in clean.prefix(max(1, capacity / 4)) { blocks[block.offset] = nil }
  }

  /// Writes all changed blocks, lowest first.
  mutating func writeChanges(to node: any BlockNode) throws(Errno) {
    for offset in dirtyOffsets.sorted() {
      try blocks[offset]?.write(to: node)
      dirtyOffsets.remove(offset)
    }
  }

  /// Forgets a block, with its changes: its cluster is something else now.
  mutating func drop(_ offset: Int64) {
    blocks[offset] = nil
    dirtyOffsets.remove(offset)
  }

  mutating func dropAll() {
    blocks = [:]
    dirtyOffsets = []
  }
}
