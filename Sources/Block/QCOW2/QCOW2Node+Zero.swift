// SPDX-License-Identifier: Apache-2.0
import HostIO

/// Zeros and discards: changes of entries that move no data.
extension QCOW2Node {
  public func writeZeroes(_ range: Range<Int64>, mayUnmap: Bool) throws(Errno) {
    guard !isReadOnly else { throw .notPermitted }
    guard contains(range) else { throw .ioError }
    guard !range.isEmpty else { return }
    let unit = geometry.subclusterByteCount
    // The last cluster of the disk is whole where the disk ends.
    let end =
      range.upperBound == byteCount ? (range.upperBound + unit - 1) / unit * unit : range.upperBound / unit * unit
    let start = (range.lowerBound + unit - 1) / unit * unit
    guard start < end else {
      try zeroBytes(range)
      return
    }
    if range.lowerBound < start { try zeroBytes(range.lowerBound..<start) }
    try zeroClusters(start..<end, mayUnmap: mayUnmap)
    if end < range.upperBound { try zeroBytes(end..<range.upperBound) }
  }

  private func zeroBytes(_ range: Range<Int64>) throws(Errno) {
    var offset = range.lowerBound
    let zeros = [UInt8](repeating: 0, count: 65536)
    while offset < range.upperBound {
      let run = try state.withLock { (metadata) throws(Errno) in try metadata.run(at: offset, upTo: range.upperBound) }
      let isZero = run.kind == .zero || run.kind == .unallocated && isBackingZero(run.range)
      var place = run.range.lowerBound
      while place < run.range.upperBound, !isZero {
        let count = Int(min(Int64(zeros.count), run.range.upperBound - place))
        try zeros.withBytes { (bytes) throws(Errno) in
          try writeMapped(at: place, from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        }
        place += Int64(count)
      }
      offset = run.range.upperBound
    }
  }

  /// Whole subclusters.
  private func zeroClusters(_ range: Range<Int64>, mayUnmap: Bool) throws(Errno) {
    let geometry = geometry
    guard geometry.canZero else {
      if backing == nil {
        try changeEntries(range) { _, _, _, _ in .unallocated }
      } else {
        try zeroBytes(range.lowerBound..<min(range.upperBound, byteCount))
      }
      return
    }
    let mayUnmap = mayUnmap && options.unmapsDiscards
    let isRaw = state.withLock { $0.header.isDataRaw }
    if isRaw { try data.writeZeroes(range.lowerBound..<min(range.upperBound, byteCount), mayUnmap: mayUnmap) }
    try changeEntries(range, unmaps: mayUnmap) { old, mask, isWhole, _ in
      if geometry.hasExtendedL2 {
        var new = old.isCompressed ? L2Entry.unallocated : old
        if old.isCompressed, !isWhole { return nil }
        new.bitmap = (new.bitmap | mask << 32) & ~mask
        // Nothing of the cluster is used any more.
        if mayUnmap, !geometry.isDataExternal, UInt32(truncatingIfNeeded: new.bitmap) == 0, isWhole {
          new.descriptor = 0
        }
        return new
      }
      let keeps = geometry.isDataExternal || !mayUnmap
      let place = keeps && old.hasCluster(geometry) ? old.descriptor : 0
      return L2Entry(descriptor: place | L2Entry.zero)
    } otherwise: { (part) throws(Errno) in
      try self.zeroBytes(part)
    }
  }

  public func discard(_ range: Range<Int64>) throws(Errno) {
    guard options.unmapsDiscards, !isReadOnly, contains(range) else { return }
    let geometry = geometry
    let start = geometry.roundedUp(range.lowerBound)
    let end =
      range.upperBound == byteCount ? geometry.roundedUp(range.upperBound) : geometry.clusterStart(range.upperBound)
    guard start < end else { return }
    let hasBacking = backing != nil
    if !geometry.canZero, hasBacking { return }
    let isRaw = state.withLock { $0.header.isDataRaw }
    if isRaw { return try writeZeroes(start..<min(end, byteCount), mayUnmap: true) }
    try changeEntries(start..<end, unmaps: true) { old, _, _, _ in
      let isAllocated = old.isCompressed || old.hasCluster(geometry)
      guard hasBacking || isAllocated else { return nil }
      if geometry.hasExtendedL2 { return L2Entry(descriptor: 0, bitmap: 0xffff_ffff << 32) }
      return L2Entry(descriptor: geometry.canZero ? L2Entry.zero : 0)
    }
  }

  /// Changes the entries of whole subclusters of a range, table by table. `change` gets the entry, a bit for each
  /// subcluster that is meant, whether that is all of them, and the cluster; nil leaves the entry. What an entry
  /// pointed at and no longer does is released. A compressed cluster that is meant in part goes to `otherwise`.
  func changeEntries(
    _ range: Range<Int64>, unmaps: Bool = false,
    _ change: (_ old: L2Entry, _ mask: UInt64, _ isWhole: Bool, _ cluster: Int64) -> L2Entry?,
    otherwise: (Range<Int64>) throws(Errno) -> Void = { (_) throws(Errno) in }
  ) throws(Errno) {
    let geometry = geometry
    var start = range.lowerBound
    while start < range.upperBound {
      let end = min(range.upperBound, (start / geometry.l2Coverage + 1) * geometry.l2Coverage)
      let part = start..<end
      let clusters = start >> Int64(geometry.clusterBits)..<geometry.clusterCount(end)
      let outcome = state.wait { metadata -> Result<[Range<Int64>], Errno>? in
        if metadata.operations.isClaimed(clusters) { return nil }
        do throws(Errno) {
          try metadata.prepareChange()
          metadata.markDirty(part)
          return .success(try metadata.changeEntries(part, unmaps: unmaps, change))
        } catch {
          return .failure(error)
        }
      }
      for rest in try outcome.get() { try otherwise(rest) }
      start = end
    }
  }
}

extension QCOW2Metadata {
  /// As the node's, within one table. Returns what is compressed and meant in part.
  func changeEntries(
    _ range: Range<Int64>, unmaps: Bool, _ change: (L2Entry, UInt64, Bool, Int64) -> L2Entry?
  ) throws(Errno) -> [Range<Int64>] {
    let bits = Int64(geometry.clusterBits)
    var table: MetadataBlock?
    var rest: [Range<Int64>] = []
    let readable = try l2Table(Int(range.lowerBound / geometry.l2Coverage))
    for cluster in range.lowerBound >> bits..<geometry.clusterCount(range.upperBound) {
      let start = cluster << bits
      let part = range.clamped(to: start..<start + geometry.clusterByteCount)
      let lower = (part.lowerBound - start) / geometry.subclusterByteCount
      let upper = (part.upperBound - start) / geometry.subclusterByteCount
      let mask = (UInt64(1) << UInt64(upper)) - (UInt64(1) << UInt64(lower))
      let index = Int(cluster % geometry.l2EntryCount)
      var old = L2Entry.unallocated
      if let current = table ?? readable { old = entry(current, index) }
      let isWhole = upper - lower == (geometry.hasExtendedL2 ? 32 : 1)
      if old.isCompressed, !isWhole { rest.append(part) }
      guard let new = change(old, mask, isWhole, cluster), new != old else { continue }
      let writable: MetadataBlock
      if let table {
        writable = table
      } else {
        writable = try writableL2Table(Int(range.lowerBound / geometry.l2Coverage))
      }
      table = writable
      setEntry(writable, index, new)
      if new.isCompressed || new.hostOffset != old.hostOffset || old.isCompressed { release(old, unmaps: unmaps) }
    }
    return rest
  }
}
