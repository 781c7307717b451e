// SPDX-License-Identifier: Apache-2.0
import HostIO

extension QCOW2Node {
  public func resize(to newByteCount: Int64, preallocation: Preallocation) throws(BlockError) {
    guard !isReadOnly else { throw .cannotResize("Image is read-only") }
    guard newByteCount >= 0, newByteCount % sectorByteCount == 0 else {
      throw .cannotResize("The new size must be a multiple of 512")
    }
    let header = header
    let old = header.byteCount
    if header.version < 3, !snapshots.isEmpty { throw .cannotResize("Can't resize a v2 image which has snapshots") }
    if let bitmap = bitmaps.first(where: { $0.flags.contains(.inUse) }) {
      throw .cannotResize("Bitmap '\(bitmap.name)' is inconsistent and cannot be used")
    }
    if preallocation != .off, newByteCount < old {
      throw .cannotResize("Preallocation can't be used for shrinking files")
    }
    guard let entryCount = geometry.l1EntryCount(for: newByteCount) else {
      throw .cannotResize("The image size is too large for file format 'qcow2' (try using a larger cluster size)")
    }
    do throws(Errno) {
      if newByteCount < old { try shrink(from: old, to: newByteCount) } else { try grow(to: newByteCount, entryCount) }
    } catch {
      throw .failed(newByteCount < old ? "Failed to shrink the image" : "Failed to grow the image", error)
    }
    if geometry.isDataExternal, header.isDataRaw || newByteCount > data.byteCount {
      try data.resize(to: newByteCount, preallocation: preallocation == .metadata ? .off : preallocation)
    }
    guard newByteCount > old else { return }
    // A longer backing file must not show where the disk ended before.
    if let backing, backing.byteCount > old {
      do throws(Errno) {
        try writeZeroes(old..<min(newByteCount, (backing.byteCount + 511) & -512), mayUnmap: false)
      } catch {
        throw .failed("Failed to zero out the new area", error)
      }
    }
    if preallocation != .off { try preallocate(old..<newByteCount, preallocation) }
  }

  private func grow(to newByteCount: Int64, _ entryCount: Int) throws(Errno) {
    try exclusively { (metadata) throws(Errno) in
      try metadata.prepareChange()
      try metadata.growL1(to: entryCount)
      try metadata.setLength(newByteCount)
    }
    setByteCount(newByteCount)
  }

  private func shrink(from old: Int64, to newByteCount: Int64) throws(Errno) {
    let start = geometry.roundedUp(newByteCount)
    if start < geometry.roundedUp(old) {
      try changeEntries(start..<geometry.roundedUp(old), unmaps: true) { _, _, _, _ in .unallocated }
    }
    try exclusively { (metadata) throws(Errno) in
      try metadata.writeBackAll()
      try metadata.dropL2Tables(from: newByteCount)
      try metadata.setLength(newByteCount)
      setByteCount(newByteCount)
      try metadata.writeBackAll()
      try metadata.cutFile()
    }
  }

  /// Sets storage aside for a range of the disk: entries always, and the host's blocks as the mode says.
  public func preallocate(_ range: Range<Int64>, _ mode: Preallocation) throws(BlockError) {
    guard mode != .off, !range.isEmpty else { return }
    do throws(Errno) {
      var start = geometry.clusterStart(range.lowerBound)
      while start < range.upperBound {
        let end = min(range.upperBound, (start / geometry.l2Coverage + 1) * geometry.l2Coverage)
        start = try exclusively { (metadata) throws(Errno) in
          try metadata.prepareChange()
          return try metadata.preallocate(from: start, upTo: end)
        }
      }
      try flush()
      try exclusively { (metadata) throws(Errno) in try metadata.writeBackAll() }
    } catch {
      throw .failed("Could not preallocate metadata", error)
    }
    guard !geometry.isDataExternal else { return }
    let end = state.withLock { max($0.untouchedFrom, file.byteCount) }
    try file.resize(to: end, preallocation: mode == .metadata ? .off : mode)
  }
}

extension QCOW2Metadata {
  /// The length in the header, on disk when this returns.
  func setLength(_ byteCount: Int64) throws(Errno) {
    if !bitmaps.isEmpty {
      try markBitmapsInUse()
      for index in bitmaps.indices where bitmaps[index].live == nil {
        let bits = try loadBits(bitmaps[index])
        bitmaps[index].bits = DirtyBits(
          byteCount: byteCount, granularityBits: bitmaps[index].granularityBits, bytes: bits.bytes)
      }
      bitmapState.mustStore = true
    }
    header.byteCount = byteCount
    try writeBack()
    try barrier()
    try writeHeader()
    try barrier()
  }

  /// Maps clusters that are not mapped yet to new ones, without data. Returns where it stopped.
  func preallocate(from start: Int64, upTo end: Int64) throws(Errno) -> Int64 {
    let bits = Int64(geometry.clusterBits)
    let table = try writableL2Table(Int(start / geometry.l2Coverage))
    var cluster = start >> bits
    let last = geometry.clusterCount(end)
    func isMapped(_ cluster: Int64) -> Bool {
      entry(table, Int(cluster % geometry.l2EntryCount)) != .unallocated
    }
    while cluster < last, isMapped(cluster) { cluster += 1 }
    guard cluster < last else { return end }
    var count: Int64 = 1
    while cluster + count < last, !isMapped(cluster + count) { count += 1 }
    var host = cluster
    if !geometry.isDataExternal {
      let taken = try allocate(count, atLeast: 1)
      count = Int64(taken.count)
      host = taken.lowerBound
      if taken.lowerBound << bits < untouchedFrom {
        // Clusters that were used before hold old data.
        try file.writeZeroes(taken.lowerBound << bits..<min(taken.upperBound << bits, untouchedFrom), mayUnmap: true)
      }
      untouchedFrom = max(untouchedFrom, taken.upperBound << bits)
    }
    for index in 0..<count {
      let bitmap: UInt64 = geometry.hasExtendedL2 ? 0xffff_ffff : 0
      setEntry(
        table, Int((cluster + index) % geometry.l2EntryCount),
        L2Entry(descriptor: UInt64((host + index) << bits) | L2Entry.copied, bitmap: bitmap))
    }
    return min(end, (cluster + count) << bits)
  }

  /// Gives up the tables that map nothing of a disk of this length.
  func dropL2Tables(from byteCount: Int64) throws(Errno) {
    let bits = Int64(geometry.clusterBits)
    let first = geometry.l1EntryCount(for: byteCount) ?? l1.count
    for index in first..<max(first, l1.count) {
      let offset = Int64(l1[index] & QCOW2Geometry.offsetMask)
      guard offset != 0 else { continue }
      setL1(index, 0)
      release(offset >> bits..<offset >> bits + 1)
    }
    try writeBackAll()
  }

  /// Cuts off the file behind the last cluster in use.
  func cutFile() throws(Errno) {
    var last = geometry.clusterCount(file.byteCount) - 1
    while last > 0, try refcount(of: last) == 0 { last -= 1 }
    let end = (last + 1) << Int64(geometry.clusterBits)
    guard end < file.byteCount else { return }
    do throws(BlockError) { try file.resize(to: end, preallocation: .off) } catch {}
    untouchedFrom = end
  }
}
