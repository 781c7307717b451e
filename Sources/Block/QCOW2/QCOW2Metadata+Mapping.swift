// SPDX-License-Identifier: Apache-2.0
import HostIO

/// A run of the disk whose subclusters are stored in one way.
struct QCOW2Run {
  var kind: L2Entry.Kind
  var range: Range<Int64>
  /// Where the run starts in the data file, for data and for storage that is set aside.
  var hostOffset: Int64?
  /// May be written where it is.
  var isCopied = false
  /// Of a compressed cluster.
  var descriptor: UInt64 = 0
}

/// From places of the disk to places in the file.
extension QCOW2Metadata {
  /// The table of L1 entry `index`; nil without one.
  func l2Table(_ index: Int) throws(Errno) -> MetadataBlock? {
    guard index < l1.count else { return nil }
    return try l2Table(pointedAt: l1[index])
  }

  func l2Table(pointedAt entry: UInt64) throws(Errno) -> MetadataBlock? {
    let offset = Int64(entry & QCOW2Geometry.offsetMask)
    guard offset != 0 else { return nil }
    guard geometry.isAligned(offset) else {
      markCorrupt()
      throw .ioError
    }
    if l2Tables.cached(offset) == nil, l2Tables.isFullOfChanges { try writeBack() }
    return try l2Tables.load(offset, from: file)
  }

  func entry(_ table: MetadataBlock, _ index: Int) -> L2Entry {
    geometry.hasExtendedL2
      ? L2Entry(descriptor: table.word(at: index * 2), bitmap: table.word(at: index * 2 + 1))
      : L2Entry(descriptor: table.word(at: index))
  }

  func setEntry(_ table: MetadataBlock, _ index: Int, _ entry: L2Entry) {
    if geometry.hasExtendedL2 {
      table.setWord(entry.descriptor, at: index * 2)
      table.setWord(entry.bitmap, at: index * 2 + 1)
    } else {
      table.setWord(entry.descriptor, at: index)
    }
    l2Tables.noteChange(of: table)
  }

  /// The longest run at `offset`, within one L2 table and not beyond `end`.
  func run(at offset: Int64, upTo end: Int64) throws(Errno) -> QCOW2Run {
    let coverage = geometry.l2Coverage
    var index = Int(offset / coverage)
    guard let table = try l2Table(index) else {
      index += 1
      while index < l1.count, l1[index] & QCOW2Geometry.offsetMask == 0, Int64(index) * coverage < end { index += 1 }
      let limit = index < l1.count ? min(end, Int64(index) * coverage) : end
      return QCOW2Run(kind: .unallocated, range: offset..<limit)
    }
    let limit = min(end, (offset / coverage + 1) * coverage)
    var run = try self.run(in: table, at: offset)
    while run.range.upperBound < limit {
      if run.kind == .compressed { break }
      let next = try self.run(in: table, at: run.range.upperBound)
      guard next.kind == run.kind, next.isCopied == run.isCopied else { break }
      let continues =
        next.hostOffset == run.hostOffset.map { $0 + (run.range.upperBound - run.range.lowerBound) }
      guard continues || run.kind != .normal && next.hostOffset == nil && run.hostOffset == nil else { break }
      run.range = run.range.lowerBound..<next.range.upperBound
    }
    run.range = run.range.lowerBound..<min(run.range.upperBound, limit)
    return run
  }

  /// As `run`, if the table that tells is in memory.
  func cachedRun(at offset: Int64, upTo end: Int64) -> QCOW2Run? {
    let index = Int(offset / geometry.l2Coverage)
    guard index < l1.count else { return nil }
    let place = Int64(l1[index] & QCOW2Geometry.offsetMask)
    guard place == 0 || l2Tables.cached(place) != nil else { return nil }
    do throws(Errno) { return try run(at: offset, upTo: end) } catch { return nil }
  }

  /// The run within the cluster that holds `offset`.
  private func run(in table: MetadataBlock, at offset: Int64) throws(Errno) -> QCOW2Run {
    let cluster = geometry.clusterStart(offset)
    let entry = entry(table, Int(cluster >> Int64(geometry.clusterBits) % geometry.l2EntryCount))
    let clusterEnd = cluster + geometry.clusterByteCount
    let first = Int((offset - cluster) / geometry.subclusterByteCount)
    let kind = entry.kind(first, geometry)
    var end = clusterEnd
    if geometry.hasExtendedL2, kind != .compressed {
      var next = first + 1
      while next < 32, entry.kind(next, geometry) == kind { next += 1 }
      end = cluster + Int64(next) * geometry.subclusterByteCount
    }
    if kind == .invalid || entry.hasCluster(geometry) && !geometry.isAligned(entry.hostOffset) {
      markCorrupt()
      throw .ioError
    }
    return QCOW2Run(
      kind: kind, range: offset..<end,
      hostOffset: entry.hasCluster(geometry) ? entry.hostOffset + (offset - cluster) : nil,
      isCopied: entry.isCopied, descriptor: entry.descriptor)
  }

  // MARK: Changing tables

  private func noteL1Change(_ index: Int) {
    let changed = dirtyL1 ?? index..<index + 1
    dirtyL1 = min(changed.lowerBound, index)..<max(changed.upperBound, index + 1)
  }

  func setL1(_ index: Int, _ value: UInt64) {
    l1[index] = value
    noteL1Change(index)
  }

  /// The table of L1 entry `index`, made or copied first if it is not there or shared.
  func writableL2Table(_ index: Int) throws(Errno) -> MetadataBlock {
    if index >= l1.count { try growL1(to: index + 1) }
    let old = l1[index]
    if old & L2Entry.copied != 0, let table = try l2Table(index) { return table }
    let bytes = try l2Table(index)?.bytes ?? [UInt8](repeating: 0, count: Int(geometry.clusterByteCount))
    let cluster = try allocate(1, atLeast: 1).lowerBound
    let offset = cluster << Int64(geometry.clusterBits)
    if l2Tables.isFullOfChanges { try writeBack() }
    let table = MetadataBlock(offset: offset, bytes)
    table.markAllDirty()
    l2Tables.insert(table)
    l2Tables.noteChange(of: table)
    tableOffsets.insert(offset)
    untouchedFrom = max(untouchedFrom, offset + geometry.clusterByteCount)
    setL1(index, UInt64(offset) | L2Entry.copied)
    let oldOffset = Int64(old & QCOW2Geometry.offsetMask)
    if oldOffset != 0 {
      let oldCluster = oldOffset >> Int64(geometry.clusterBits)
      release(oldCluster..<oldCluster + 1)
    }
    return table
  }

  /// Moves the L1 table to a larger place. Done on disk when this returns.
  func growL1(to count: Int) throws(Errno) {
    guard count > l1.count else { return }
    guard Int64(count) * 8 <= QCOW2Geometry.maximumL1ByteCount else { throw .fileTooLarge }
    // As in QEMU's images, with some room to grow.
    var entries = l1
    entries += [UInt64](repeating: 0, count: count - entries.count)
    try moveL1(entries)
  }

  /// Puts another L1 table into the place of the active one.
  func moveL1(_ entries: [UInt64]) throws(Errno) {
    try writeBack()
    let bits = Int64(geometry.clusterBits)
    let clusterCount = max(1, geometry.clusterCount(Int64(entries.count) * 8))
    let place = try allocate(clusterCount, atLeast: clusterCount)
    var bytes = entries.bigEndianBytes(0..<entries.count)
    bytes.pad(to: 512)
    if bytes.isEmpty { bytes = [UInt8](repeating: 0, count: 512) }
    try write(bytes, at: place.lowerBound << bits)
    untouchedFrom = max(untouchedFrom, place.upperBound << bits)
    try writeCounts()
    try barrier()
    let old = header.l1Offset >> bits
    let oldCount = geometry.clusterCount(Int64(header.l1EntryCount) * 8)
    header.l1Offset = place.lowerBound << bits
    header.l1EntryCount = entries.count
    l1 = entries
    try writeHeader()
    try barrier()
    releaseDurable(old..<old + oldCount)
  }

  /// What an entry that is given up pointed at loses that reference.
  func release(_ entry: L2Entry, unmaps: Bool = false) {
    guard let clusters = references(entry) else { return }
    release(clusters, unmaps: unmaps)
  }

  /// Clusters of the file that an L2 entry refers to; nil if none are counted for it.
  func references(_ entry: L2Entry) -> Range<Int64>? {
    let bits = Int64(geometry.clusterBits)
    if entry.isCompressed {
      let place = geometry.compressedPlace(entry.descriptor)
      return place.offset >> bits..<(place.offset + Int64(place.byteCount) - 1) >> bits + 1
    }
    guard !geometry.isDataExternal, entry.hasCluster(geometry) else { return nil }
    return entry.hostOffset >> bits..<entry.hostOffset >> bits + 1
  }
}
