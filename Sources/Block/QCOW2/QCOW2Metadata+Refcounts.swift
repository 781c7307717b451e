// SPDX-License-Identifier: Apache-2.0
import HostIO

/// Counting and allocating clusters of the file.
extension QCOW2Metadata {
  /// The count of entry `index` of a refcount block's bytes.
  static func count(_ bytes: [UInt8], _ index: Int, order: Int) -> UInt64 {
    switch order {
    case 0...2:
      let bits = 1 << order
      let byte = bytes[index * bits / 8]
      return UInt64(byte >> UInt8(index * bits % 8)) & ((1 << UInt64(bits)) - 1)
    case 3: return UInt64(bytes[index])
    case 4: return UInt64(bytes.bigEndian16(at: index * 2))
    case 5: return UInt64(bytes.bigEndian32(at: index * 4))
    default: return bytes.bigEndian64(at: index * 8)
    }
  }

  static func setCount(_ value: UInt64, _ bytes: inout [UInt8], _ index: Int, order: Int) {
    if order < 3 {
      let bits = 1 << order
      let place = index * bits / 8
      let shift = UInt8(index * bits % 8)
      let mask = UInt8((1 << bits) - 1) << shift
      bytes[place] = bytes[place] & ~mask | UInt8(truncatingIfNeeded: value) << shift & mask
      return
    }
    let size = 1 << (order - 3)
    for byte in 0..<size {
      bytes[index * size + byte] = UInt8(truncatingIfNeeded: value >> UInt64((size - 1 - byte) * 8))
    }
  }

  /// The block that counts `cluster`; nil where nothing is counted yet.
  private func block(counting cluster: Int64) throws(Errno) -> MetadataBlock? {
    let index = cluster / geometry.refcountBlockEntryCount
    guard index < Int64(refcountTable.count) else { return nil }
    let offset = Int64(truncatingIfNeeded: refcountTable[Int(index)] & ~511)
    guard offset != 0 else { return nil }
    guard offset > 0, geometry.isAligned(offset) else {
      markCorrupt()
      throw .ioError
    }
    if refcountBlocks.cached(offset) == nil, refcountBlocks.isFullOfChanges { try writeCounts() }
    return try refcountBlocks.load(offset, from: file)
  }

  func refcount(of cluster: Int64) throws(Errno) -> UInt64 {
    guard let block = try block(counting: cluster) else { return 0 }
    return Self.count(block.bytes, Int(cluster % geometry.refcountBlockEntryCount), order: geometry.refcountOrder)
  }

  /// Adds to the counts of clusters. `.outOfRange` if a count would not fit, or fall below 0; then nothing is changed.
  func changeRefcounts(_ clusters: Range<Int64>, by delta: Int64) throws(Errno) {
    var done = clusters.lowerBound
    do throws(Errno) {
      while done < clusters.upperBound {
        try changeRefcount(done, by: delta)
        done += 1
      }
    } catch {
      for cluster in clusters.lowerBound..<done {
        do throws(Errno) { try changeRefcount(cluster, by: -delta) } catch {}
      }
      throw error
    }
  }

  private func changeRefcount(_ cluster: Int64, by delta: Int64) throws(Errno) {
    let block: MetadataBlock
    if let present = try self.block(counting: cluster) {
      block = present
    } else {
      guard delta > 0 else { throw .outOfRange }
      block = try makeBlock(counting: cluster)
    }
    let order = geometry.refcountOrder
    let index = Int(cluster % geometry.refcountBlockEntryCount)
    let old = Self.count(block.bytes, index, order: order)
    let new =
      delta < 0 ? old.subtractingReportingOverflow(delta.magnitude) : old.addingReportingOverflow(delta.magnitude)
    guard !new.overflow, new.partialValue <= geometry.maximumRefcount else { throw .outOfRange }
    let place = (index << order) / 8
    block.change(place..<place + max(1, (1 << order) / 8)) { Self.setCount(new.partialValue, &$0, index, order: order) }
    refcountBlocks.noteChange(of: block)
    if new.partialValue == 0 {
      freeHint = min(freeHint, cluster)
      let offset = cluster << Int64(geometry.clusterBits)
      l2Tables.drop(offset)
      tableOffsets.remove(offset)
      if compressedEnd > offset, compressedEnd <= offset + geometry.clusterByteCount { compressedEnd = 0 }
    }
  }

  /// A new refcount block lies at the start of what it counts: all of that is free as long as nothing counts it. Where
  /// that place is about to be taken, it lies behind what is being taken.
  private func makeBlock(counting cluster: Int64) throws(Errno) -> MetadataBlock {
    let index = cluster / geometry.refcountBlockEntryCount
    if index >= Int64(refcountTable.count) { try growRefcountTable(toHold: index) }
    // Growing may have made this block too.
    if let present = try block(counting: cluster) { return present }
    var place = index * geometry.refcountBlockEntryCount
    if reserved.contains(where: { $0.contains(place) }) {
      place = reserved.reduce(place) { max($0, $1.upperBound) }
      while place / geometry.refcountBlockEntryCount != index {
        if try block(counting: place) == nil { _ = try makeBlock(counting: place) }
        // Making that block may have made this one as well, or taken the place.
        if let present = try block(counting: cluster) { return present }
        if try refcount(of: place) == 0 { break }
        place += 1
      }
    }
    return try makeBlock(index, at: place)
  }

  private func makeBlock(_ index: Int64, at place: Int64) throws(Errno) -> MetadataBlock {
    let offset = place << Int64(geometry.clusterBits)
    guard offset < geometry.maximumOffset else { throw .fileTooLarge }
    try checkFree(place..<place + 1)
    let countsItself = place / geometry.refcountBlockEntryCount == index
    if !countsItself { try changeRefcount(place, by: 1) }
    if refcountBlocks.isFullOfChanges { try writeCounts() }
    let block = MetadataBlock(offset: offset, [UInt8](repeating: 0, count: Int(geometry.clusterByteCount)))
    if countsItself {
      let within = Int(place % geometry.refcountBlockEntryCount)
      block.change(0..<1) { Self.setCount(1, &$0, within, order: geometry.refcountOrder) }
    }
    block.markAllDirty()
    refcountBlocks.insert(block)
    refcountBlocks.noteChange(of: block)
    refcountTable[Int(index)] = UInt64(offset)
    let changed = dirtyRefcountTable ?? Int(index)..<Int(index) + 1
    dirtyRefcountTable = min(changed.lowerBound, Int(index))..<max(changed.upperBound, Int(index) + 1)
    tableOffsets.insert(offset)
    untouchedFrom = max(untouchedFrom, offset + geometry.clusterByteCount)
    return block
  }

  /// Moves the refcount table to a larger place behind everything. Done on disk when this returns.
  private func growRefcountTable(toHold index: Int64) throws(Errno) {
    let clusterBits = Int64(geometry.clusterBits)
    let entriesPerCluster = geometry.clusterByteCount / 8
    let wanted = max(index + 1, Int64(refcountTable.count) * 3 / 2) + 16
    let clusterCount = (wanted + entriesPerCluster - 1) / entriesPerCluster
    guard clusterCount << clusterBits <= max(QCOW2Geometry.maximumRefcountTableByteCount, geometry.clusterByteCount)
    else {
      throw .fileTooLarge
    }
    let old = header.refcountTableOffset >> clusterBits
    let oldCount = Int64(header.refcountTableClusterCount)
    refcountTable += [UInt64](repeating: 0, count: Int(clusterCount * entriesPerCluster) - refcountTable.count)
    // Behind what is about to be taken, so that nothing in use is in the way.
    let from = reserved.reduce(index * geometry.refcountBlockEntryCount) { max($0, $1.upperBound) }
    let start = try findFree(from: from, count: clusterCount)
    try take(start..<start + clusterCount)
    try refcountBlocks.writeChanges(to: file)
    try write(refcountTable.bigEndianBytes(0..<refcountTable.count), at: start << clusterBits)
    untouchedFrom = max(untouchedFrom, (start + clusterCount) << clusterBits)
    dirtyRefcountTable = nil
    try barrier()
    header.refcountTableOffset = start << clusterBits
    header.refcountTableClusterCount = Int(clusterCount)
    try writeHeader()
    try barrier()
    releaseDurable(old..<old + oldCount)
  }

  /// The first of `count` free clusters in a row, at or after `from`.
  private func findFree(from: Int64, count: Int64) throws(Errno) -> Int64 {
    // Counts far behind the file's end are an error that must not keep us searching.
    let limit = min(
      geometry.maximumOffset >> Int64(geometry.clusterBits),
      max(from, geometry.clusterCount(untouchedFrom)) + count + (1 << 24))
    var start = from
    var next = from
    while next - start < count {
      guard next < limit else { throw .fileTooLarge }
      if try block(counting: next) == nil {
        next = min(start + count, (next / geometry.refcountBlockEntryCount + 1) * geometry.refcountBlockEntryCount)
        continue
      }
      if try refcount(of: next) != 0 { start = next + 1 }
      next += 1
    }
    return start
  }

  private func take(_ clusters: Range<Int64>) throws(Errno) {
    try checkFree(clusters)
    reserved.append(clusters)
    defer { reserved.removeLast() }
    try changeRefcounts(clusters, by: 1)
  }

  /// Takes up to `count` free clusters in a row, at least `atLeast`; their counts are 1 when this returns.
  func allocate(_ count: Int64, atLeast: Int64) throws(Errno) -> Range<Int64> {
    try prepareCounts()
    try applyReleases()
    freeHint = try findFree(from: freeHint, count: 1)
    let start = try findFree(from: freeHint, count: atLeast)
    var end = start + atLeast
    while end - start < count, try refcount(of: end) == 0 { end += 1 }
    guard end << Int64(geometry.clusterBits) < geometry.maximumOffset else { throw .fileTooLarge }
    try take(start..<end)
    if start == freeHint { freeHint = end }
    return start..<end
  }

  /// A cluster that counts as free and holds a table means that counts are wrong: nothing may be written any more.
  func checkFree(_ clusters: Range<Int64>) throws(Errno) {
    let bits = Int64(geometry.clusterBits)
    let fixed = [
      0..<1, place(header.l1Offset, Int64(header.l1EntryCount) * 8),
      place(header.refcountTableOffset, Int64(header.refcountTableClusterCount) << bits),
      place(header.snapshotsOffset, storedSnapshotByteCount),
    ]
    var isUsed = fixed.contains { $0.overlaps(clusters) }
    if !isUsed { isUsed = clusters.contains { tableOffsets.contains($0 << bits) } }
    if isUsed {
      markCorrupt()
      throw .ioError
    }
  }

  private func place(_ offset: Int64, _ byteCount: Int64) -> Range<Int64> {
    let first = offset >> Int64(geometry.clusterBits)
    return first..<first + geometry.clusterCount(max(0, byteCount))
  }

  // MARK: Giving clusters back

  /// A table entry no longer points at these; the counts follow once that is on disk and nobody uses the data.
  func release(_ clusters: Range<Int64>, unmaps: Bool = false) {
    let sequence = operations.nextSequence()
    if let last = releases.last, last.stage == .linked, last.clusters.upperBound == clusters.lowerBound,
      last.unmaps == unmaps
    {
      releases[releases.count - 1] = QCOW2Release(
        clusters: last.clusters.lowerBound..<clusters.upperBound, sequence: sequence, unmaps: unmaps)
    } else {
      releases.append(QCOW2Release(clusters: clusters, sequence: sequence, unmaps: unmaps))
    }
  }

  /// As above for what the header or a table pointed at that has been replaced on stable storage already.
  func releaseDurable(_ clusters: Range<Int64>) {
    guard !clusters.isEmpty else { return }
    releases.append(
      QCOW2Release(clusters: clusters, sequence: operations.nextSequence(), stage: .durable, unmaps: false))
  }

  /// The last release whose table entry is written.
  var lastUnlinked: UInt64 { releases.last { $0.stage == .unlinked }?.sequence ?? 0 }

  /// A barrier has passed that was behind the unlinked releases up to this one.
  func noteDurable(upTo sequence: UInt64) {
    for index in releases.indices where releases[index].stage == .unlinked && releases[index].sequence <= sequence {
      releases[index].stage = .durable
    }
  }

  func applyReleases() throws(Errno) {
    guard releases.contains(where: { $0.stage == .durable }) else { return }
    let settled = operations.settledSequence
    var kept: [QCOW2Release] = []
    var ready: [QCOW2Release] = []
    for release in releases {
      if release.stage == .durable && release.sequence <= settled {
        ready.append(release)
      } else {
        kept.append(release)
      }
    }
    releases = kept
    for release in ready {
      do throws(Errno) { try changeRefcounts(release.clusters, by: -1) } catch .outOfRange {
        markCorrupt()
        throw .ioError
      }
      guard release.unmaps else { continue }
      for cluster in release.clusters where try refcount(of: cluster) == 0 {
        let start = cluster << Int64(geometry.clusterBits)
        try file.discard(start..<start + geometry.clusterByteCount)
      }
    }
  }
}
