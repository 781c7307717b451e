// SPDX-License-Identifier: Apache-2.0
import HostIO

/// The tables of an open image. Used with the node's lock held; data travels outside it.
///
/// What is on disk holds together at every instant, in the order that `writeBack` keeps: clusters are counted before a table
/// points at them, data is down before its table, and a cluster is given away only after no table on disk points at it.
/// A crash leaves clusters that are counted and not used, never the reverse. (With the dirty bit set, counts are rebuilt.)
final class QCOW2Metadata {
  let file: any BlockNode
  let dataFile: (any BlockNode)?
  var geometry: QCOW2Geometry
  var header: QCOW2Header
  var extensions: QCOW2Extensions
  /// `cache=unsafe`: nothing waits for stable storage.
  let isUnsafe: Bool

  var l1: [UInt64] = []
  var dirtyL1: Range<Int>?
  var refcountTable: [UInt64] = []
  var dirtyRefcountTable: Range<Int>?
  var l2Tables: TableCache
  var refcountBlocks: TableCache
  /// Places of all L2 tables and refcount blocks, which must never be handed out.
  var tableOffsets: Set<Int64> = []
  /// Clusters that are being taken.
  var reserved: [Range<Int64>] = []
  /// No cluster below this one is free, as far as known.
  var freeHint: Int64 = 0
  /// Nothing at or above this place in the file was ever written.
  var untouchedFrom: Int64
  /// The place behind the last compressed cluster, where the next one may go; 0 if none.
  var compressedEnd: Int64 = 0

  var snapshots: [QCOW2Snapshot] = []
  /// Length of the snapshot table on disk.
  var storedSnapshotByteCount: Int64 = 0
  var bitmaps: [QCOW2Bitmap] = []
  var bitmapState = QCOW2BitmapState()
  /// Clusters of removed bitmaps, free once the directory without them is on disk.
  var removedBitmapPlaces: [Range<Int64>] = []

  /// Clusters that lost a reference, in the order in which that happened.
  var releases: [QCOW2Release] = []
  var operations = QCOW2Operations()
  private var holdsUnwritten: Bool?
  /// Set once the corrupt bit is: all later writes fail.
  var isCorrupt = false
  /// Counts may stay behind while the image is open: `lazy-refcounts=`, or as the header says.
  var usesLazyCounts: Bool
  /// The first change of an image has been prepared: autoclear bits, bitmaps in use, dirty bit.
  var isPrepared = false

  init(
    file: any BlockNode, dataFile: (any BlockNode)?, header: QCOW2Header, extensions: QCOW2Extensions, isUnsafe: Bool
  ) {
    (self.file, self.dataFile, self.isUnsafe) = (file, dataFile, isUnsafe)
    (self.header, self.extensions) = (header, extensions)
    usesLazyCounts = header.hasLazyRefcounts
    geometry = QCOW2Geometry(header)
    l2Tables = TableCache(blockByteCount: geometry.clusterByteCount, byteLimit: 32 << 20, atMost: 4096)
    refcountBlocks = TableCache(blockByteCount: geometry.clusterByteCount, byteLimit: 8 << 20, atMost: 2048)
    untouchedFrom = geometry.roundedUp(file.byteCount)
  }

  /// Reads the tables that are always in memory. Their sizes were checked with the header.
  func loadTables() throws(Errno) {
    let table = try read(header.refcountTableOffset, header.refcountTableClusterCount << geometry.clusterBits)
    refcountTable = [UInt64](bigEndianBytes: table)
    l1 = [UInt64](bigEndianBytes: try read(header.l1Offset, header.l1EntryCount * 8))
    tableOffsets = Set((refcountTable + l1).lazy.map { Int64($0 & QCOW2Geometry.offsetMask) })
    tableOffsets.remove(0)
  }

  func read(_ offset: Int64, _ count: Int) throws(Errno) -> [UInt8] {
    try [UInt8].filled(count) { (buffer) throws(Errno) in try file.read(at: offset, into: buffer) }
  }

  func write(_ bytes: [UInt8], at offset: Int64) throws(Errno) {
    try bytes.withBytes { (buffer) throws(Errno) in try file.write(at: offset, from: buffer) }
  }

  // MARK: Order on disk

  /// What was written before is on stable storage before what is written next.
  func barrier() throws(Errno) {
    let written = lastUnlinked
    if !isUnsafe {
      try dataFile?.flush()
      try file.flush()
    }
    noteDurable(upTo: written)
  }

  /// Whether refcounts may be behind the tables on disk.
  var hasLazyCounts: Bool { header.incompatible.contains(.dirty) }

  /// Writes everything that is held back, each kind after what it depends on. Afterwards a barrier makes it durable.
  func writeBack() throws(Errno) {
    if !hasLazyCounts { try writeCounts() }
    if l2Tables.hasChanges {
      try barrier()
      try l2Tables.writeChanges(to: file)
    }
    if let range = dirtyL1 {
      try barrier()
      try writeL1(range)
    }
    for index in releases.indices where releases[index].stage == .linked { releases[index].stage = .unlinked }
  }

  private func writeL1(_ range: Range<Int>) throws(Errno) {
    let whole = range.lowerBound & ~63..<min(l1.count, (range.upperBound + 63) & ~63)
    try write(l1.bigEndianBytes(whole), at: header.l1Offset + Int64(whole.lowerBound) * 8)
    dirtyL1 = nil
  }

  /// Refcount blocks first, then the table that points at them.
  func writeCounts() throws(Errno) {
    try refcountBlocks.writeChanges(to: file)
    guard let range = dirtyRefcountTable else { return }
    try barrier()
    let whole = range.lowerBound & ~63..<min(refcountTable.count, (range.upperBound + 63) & ~63)
    try write(refcountTable.bigEndianBytes(whole), at: header.refcountTableOffset + Int64(whole.lowerBound) * 8)
    dirtyRefcountTable = nil
  }

  /// Writes all, and then the counts of what was given away by that. For the ends of things.
  func writeBackAll() throws(Errno) {
    try writeBack()
    try barrier()
    try applyReleases()
    try writeCounts()
  }

  /// Whether clusters may have been set aside without being written: the file takes less room than it is long. As QEMU,
  /// decided once.
  func isPreallocated() -> Bool {
    if let holdsUnwritten { return holdsUnwritten }
    let node = dataFile ?? file
    let answer = (node.allocatedByteCount ?? .max) < node.byteCount - geometry.clusterByteCount
    holdsUnwritten = answer
    return answer
  }

  // MARK: Header

  func writeHeader() throws(Errno) {
    guard var bytes = extensions.encoded(with: header) else { throw .noSpace }
    bytes.pad(to: 512)
    let room = Int(geometry.clusterByteCount)
    let old = try read(0, room)
    // What is behind belongs to nobody; it goes with the old names.
    let used = old.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
    if bytes.count < used { bytes += [UInt8](repeating: 0, count: min(room, (used + 511) & ~511) - bytes.count) }
    try write(Array(bytes.prefix(room)), at: 0)
  }

  /// Sets or clears a feature bit on disk at once, with a barrier before and after.
  func setIncompatible(_ features: QCOW2Header.IncompatibleFeatures, _ isSet: Bool) throws(Errno) {
    guard header.version >= 3 else { return }
    var changed = header.incompatible
    if isSet { changed.formUnion(features) } else { changed.subtract(features) }
    guard changed != header.incompatible else { return }
    try barrier()
    var bytes: [UInt8] = []
    bytes.appendBigEndian(changed.rawValue)
    try write(bytes, at: 72)
    try barrier()
    header.incompatible = changed
  }

  /// The image contradicts itself in a way that makes writing dangerous: marks it for all programs.
  func markCorrupt() {
    isCorrupt = true
    do throws(Errno) { try setIncompatible(.corrupt, true) } catch {}
  }

  /// Before the first change since the image was opened.
  func prepareChange() throws(Errno) {
    guard !isCorrupt else { throw .ioError }
    guard !isPrepared else { return }
    if header.version >= 3 {
      let known = header.autoclear.intersection(.known)
      if known != header.autoclear {
        var bytes: [UInt8] = []
        bytes.appendBigEndian(known.rawValue)
        try write(bytes, at: 88)
        header.autoclear = known
        try barrier()
      }
      try markBitmapsInUse()
    }
    isPrepared = true
  }

  /// Before counts change: with lazy refcounts, the dirty bit says that they may be behind.
  func prepareCounts() throws(Errno) {
    if usesLazyCounts, !hasLazyCounts { try setIncompatible(.dirty, true) }
  }
}
