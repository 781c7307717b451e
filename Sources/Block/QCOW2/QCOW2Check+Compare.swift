// SPDX-License-Identifier: Apache-2.0
import HostIO

extension QCOW2Check {
  /// Every cluster that is counted or referred to, in order.
  mutating func compare() throws(Errno) {
    let perBlock = geometry.refcountBlockEntryCount
    var ranges = counts.usedPages
    let fileEnd = geometry.clusterCount(metadata.file.byteCount)
    for (index, entry) in metadata.refcountTable.enumerated() where entry != 0 {
      let offset = Int64(truncatingIfNeeded: entry & ~511)
      guard offset > 0, geometry.isAligned(offset), offset < metadata.file.byteCount else { continue }
      // What is counted behind the file's end is no leak: nothing is stored there.
      let range = (Int64(index) * perBlock..<Int64(index + 1) * perBlock).clamped(to: 0..<fileEnd)
      if !range.isEmpty { ranges.append(range) }
    }
    ranges.sort { $0.lowerBound < $1.lowerBound }
    var next: Int64 = 0
    for range in ranges where range.upperBound > next {
      for cluster in max(next, range.lowerBound)..<range.upperBound { try compare(cluster) }
      next = range.upperBound
    }
  }

  private mutating func compare(_ cluster: Int64) throws(Errno) {
    let referred = counts[cluster]
    let index = cluster / geometry.refcountBlockEntryCount
    let entry = index < Int64(metadata.refcountTable.count) ? metadata.refcountTable[Int(index)] : 0
    let offset = Int64(truncatingIfNeeded: entry & ~511)
    let isReadable = offset > 0 && geometry.isAligned(offset) && offset < metadata.file.byteCount
    let counted = isReadable ? try metadata.refcount(of: cluster) : 0
    if counted != 0 || referred != 0 {
      imageEndOffset = max(imageEndOffset, (cluster + 1) << Int64(geometry.clusterBits))
    }
    guard counted != referred else { return }
    if counted == 0 { mustRebuild = true }
    let isLeak = counted > referred
    // A rebuilt structure has the right counts anyway.
    let fixes = counted != 0 && repairing.contains(isLeak ? .leaks : .errors)
    let rebuilds = counted == 0 && repairing.contains(.errors)
    let what = fixes || rebuilds ? "Repairing" : isLeak ? "Leaked" : "ERROR"
    tell("\(what) cluster \(cluster) refcount=\(counted) reference=\(referred)")
    if fixes {
      let delta = Int64(clamping: referred) - Int64(clamping: counted)
      do throws(Errno) {
        try metadata.changeRefcounts(cluster..<cluster + 1, by: delta)
        if isLeak { fixedLeakCount += 1 } else { fixedCorruptionCount += 1 }
        return
      } catch .outOfRange {}
    }
    if rebuilds { return }
    if isLeak { leakCount += 1 } else { corruptionCount += 1 }
  }

  /// Entries say that a cluster is their own exactly if it is counted once.
  mutating func checkCopiedFlags() throws(Errno) {
    guard !geometry.isDataExternal else { return }
    let bits = Int64(geometry.clusterBits)
    let isRepairing = repairing.contains(.errors)
    for l1Index in metadata.l1.indices {
      let l1Entry = metadata.l1[l1Index]
      let offset = Int64(l1Entry & QCOW2Geometry.offsetMask)
      guard offset != 0, geometry.isAligned(offset), offset < metadata.file.byteCount else { continue }
      let tableCount = try refcount(offset >> bits)
      if (tableCount == 1) != (l1Entry & L2Entry.copied != 0) {
        tell(
          "\(isRepairing ? "Repairing" : "ERROR") OFLAG_COPIED L2 cluster: l1_index=\(l1Index) l1_entry="
            + String(l1Entry, radix: 16) + " refcount=\(tableCount)")
        note(isFixed: isRepairing)
        if isRepairing { metadata.setL1(l1Index, UInt64(offset) | (tableCount == 1 ? L2Entry.copied : 0)) }
      }
      guard let table = try metadata.l2Table(l1Index) else { continue }
      for index in 0..<Int(geometry.l2EntryCount) {
        var entry = metadata.entry(table, index)
        guard !entry.isCompressed, let clusters = metadata.references(entry) else { continue }
        let count = try refcount(clusters.lowerBound)
        guard (count == 1) != entry.isCopied else { continue }
        tell(
          "\(isRepairing ? "Repairing" : "ERROR") OFLAG_COPIED data cluster: l2_entry="
            + String(entry.descriptor, radix: 16) + " refcount=\(count)")
        note(isFixed: isRepairing)
        guard isRepairing else { continue }
        entry.descriptor ^= L2Entry.copied
        metadata.setEntry(table, index, entry)
      }
    }
  }

  private mutating func note(isFixed: Bool) {
    if isFixed { fixedCorruptionCount += 1 } else { corruptionCount += 1 }
  }

  private func refcount(_ cluster: Int64) throws(Errno) -> UInt64 {
    do throws(Errno) { return try metadata.refcount(of: cluster) } catch .ioError { return 0 }
  }

  /// Makes a new table and new blocks behind everything, with the counts that were found, and switches to them.
  mutating func rebuild() throws(Errno) {
    let bits = Int64(geometry.clusterBits)
    let perBlock = geometry.refcountBlockEntryCount
    let header = metadata.header
    // The old structure is not referred to any more.
    for entry in metadata.refcountTable {
      let offset = Int64(truncatingIfNeeded: entry & ~511)
      if offset > 0, geometry.isAligned(offset), offset < metadata.file.byteCount { counts.remove(offset >> bits) }
    }
    for cluster in 0..<Int64(header.refcountTableClusterCount) {
      counts.remove(header.refcountTableOffset >> bits + cluster)
    }
    let used = counts.usedPages.flatMap { page in page.filter { counts[$0] != 0 } }
    var blocks = Set(used.map { $0 / perBlock })
    let base = max((used.last ?? 0) + 1, geometry.clusterCount(metadata.file.byteCount))
    var tableClusters: Int64 = 1
    while true {
      let total = base + Int64(blocks.count) + tableClusters
      var wanted = blocks
      for index in base / perBlock...(total - 1) / perBlock { wanted.insert(index) }
      let entries = (wanted.max() ?? 0) + 1
      let clusters = (entries * 8 + geometry.clusterByteCount - 1) >> bits
      if wanted == blocks, clusters == tableClusters { break }
      (blocks, tableClusters) = (wanted, clusters)
      guard blocks.count < 1 << 24 else { throw .fileTooLarge }
    }
    let total = base + Int64(blocks.count) + tableClusters
    for cluster in base..<total { counts.add(cluster) }
    var table = [UInt64](repeating: 0, count: Int(tableClusters << bits) / 8)
    for (number, index) in blocks.sorted().enumerated() {
      var bytes = [UInt8](repeating: 0, count: Int(geometry.clusterByteCount))
      for entry in 0..<perBlock {
        let count = counts[index * perBlock + entry]
        guard count <= geometry.maximumRefcount else { throw .outOfRange }
        if count != 0 { QCOW2Metadata.setCount(count, &bytes, Int(entry), order: geometry.refcountOrder) }
      }
      let place = (base + Int64(number)) << bits
      try metadata.write(bytes, at: place)
      table[Int(index)] = UInt64(place)
    }
    let tablePlace = (base + Int64(blocks.count)) << bits
    try metadata.write(table.bigEndianBytes(0..<table.count), at: tablePlace)
    try metadata.barrier()
    metadata.header.refcountTableOffset = tablePlace
    metadata.header.refcountTableClusterCount = Int(tableClusters)
    try metadata.writeHeader()
    try metadata.barrier()
    metadata.refcountBlocks.dropAll()
    metadata.dirtyRefcountTable = nil
    metadata.refcountTable = table
    metadata.tableOffsets = Set((table + metadata.l1).lazy.map { Int64($0 & QCOW2Geometry.offsetMask) })
    metadata.tableOffsets.remove(0)
    metadata.freeHint = 0
    metadata.untouchedFrom = max(metadata.untouchedFrom, total << bits)
    imageEndOffset = total << bits
  }
}

extension QCOW2Node {
  /// Checks the image, and repairs what it is told to.
  public func check(_ repairing: QCOW2Check.Repair = []) throws(Errno) -> QCOW2Check {
    try exclusively { (metadata) throws(Errno) in
      if !isReadOnly { try metadata.writeBackAll() }
      var check = QCOW2Check(metadata, repairing: isReadOnly ? [] : repairing)
      try check.run()
      if !repairing.isEmpty, !isReadOnly {
        try metadata.writeBackAll()
        if check.corruptionCount == 0, check.checkErrorCount == 0 {
          if repairing.contains(.errors) {
            try metadata.setIncompatible([.dirty, .corrupt], false)
            metadata.isCorrupt = false
          } else if check.leakCount == 0 {
            try metadata.setIncompatible(.dirty, false)
          }
        }
      }
      return check
    }
  }
}
