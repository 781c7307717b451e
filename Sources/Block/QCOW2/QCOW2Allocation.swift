// SPDX-License-Identifier: Apache-2.0
import HostIO

/// Clusters that a write is filling and that the tables do not show yet.
struct QCOW2Allocation {
  /// Clusters of the disk, claimed until the tables show them.
  var clusters: Range<Int64>
  /// Where the first of them is in the data file.
  var hostOffset: Int64
  /// Clusters of the file were taken for it; otherwise it uses those that its entries have.
  var isNew: Bool
  /// Its clusters were never written: they are zeros.
  var isFresh: Bool
  /// Everything around the written part reads as zeros before.
  var startsAsZeros: Bool
  /// The part of the disk that the request brings.
  var written: Range<Int64>
  /// With what must be copied around it.
  var filled: Range<Int64>

  var head: Range<Int64> { filled.lowerBound..<written.lowerBound }
  var tail: Range<Int64> { written.upperBound..<filled.upperBound }
}

extension QCOW2Metadata {
  /// What to do with the first part of a write.
  enum WriteStep {
    case inPlace(hostOffset: Int64, byteCount: Int)
    case allocate(QCOW2Allocation)
  }

  /// `isBackingZero`: whether an unallocated range reads as zeros.
  func planWrite(
    at offset: Int64, upTo end: Int64, isBackingZero: (Range<Int64>) -> Bool
  ) throws(Errno) -> WriteStep {
    let run = try run(at: offset, upTo: end)
    if run.kind == .normal, run.isCopied || geometry.isDataExternal, let host = run.hostOffset {
      if !geometry.isDataExternal {
        // A damaged table must not make a guest write over tables.
        let bits = Int64(geometry.clusterBits)
        try checkFree(host >> bits..<geometry.clusterCount(host + (run.range.upperBound - run.range.lowerBound)))
      }
      return .inPlace(hostOffset: host, byteCount: Int(run.range.upperBound - run.range.lowerBound))
    }
    let bits = Int64(geometry.clusterBits)
    let table = try writableL2Table(Int(offset / geometry.l2Coverage))
    let first = offset >> bits
    let tableEnd = (first / geometry.l2EntryCount + 1) * geometry.l2EntryCount
    let last = min(tableEnd, geometry.clusterCount(end))
    let firstEntry = entry(table, Int(first % geometry.l2EntryCount))
    let reuses = canReuse(firstEntry)
    var isZero = true
    var next = first
    while next < last {
      let entry = entry(table, Int(next % geometry.l2EntryCount))
      guard canReuse(entry) == reuses else { break }
      if reuses {
        // Data in place is another step; subclusters go cluster by cluster.
        if next > first, geometry.hasExtendedL2 || entry.kind(0, geometry) == .normal { break }
        guard entry.hostOffset == firstEntry.hostOffset + (next - first) << bits else { break }
      }
      isZero = isZero && readsAsZeros(entry, next << bits, isBackingZero)
      next += 1
    }
    var host = firstEntry.hostOffset
    var isFresh = false
    if geometry.isDataExternal {
      host = first << bits
    } else if !reuses {
      let taken = try allocate(next - first, atLeast: 1)
      host = taken.lowerBound << bits
      next = first + Int64(taken.count)
      isFresh = host >= untouchedFrom
      untouchedFrom = max(untouchedFrom, taken.upperBound << bits)
    }
    let written = offset..<min(end, next << bits)
    let lastEntry = entry(table, Int((next - 1) % geometry.l2EntryCount))
    var filled = fill(written, firstEntry, lastEntry, isNew: !reuses)
    if geometry.isDataExternal {
      // The data file ends with the disk.
      let diskEnd = (header.byteCount + sectorByteCount - 1) & -sectorByteCount
      filled = filled.lowerBound..<max(written.upperBound, min(filled.upperBound, diskEnd))
    }
    return .allocate(
      QCOW2Allocation(
        clusters: first..<next, hostOffset: host, isNew: !reuses, isFresh: isFresh, startsAsZeros: isZero,
        written: written, filled: filled))
  }

  /// The entry has a cluster of its own that a write can go to.
  private func canReuse(_ entry: L2Entry) -> Bool {
    entry.hasCluster(geometry) && (entry.isCopied || geometry.isDataExternal)
  }

  private func readsAsZeros(_ entry: L2Entry, _ start: Int64, _ isBackingZero: (Range<Int64>) -> Bool) -> Bool {
    for index in 0..<(geometry.hasExtendedL2 ? 32 : 1) {
      switch entry.kind(index, geometry) {
      case .zero: continue
      case .unallocated:
        let subcluster = start + Int64(index) * geometry.subclusterByteCount
        if !isBackingZero(subcluster..<subcluster + geometry.subclusterByteCount) { return false }
      case .normal, .compressed, .invalid: return false
      }
    }
    return true
  }

  /// Grows a written range to what must be filled so that its entries can show it.
  private func fill(_ written: Range<Int64>, _ first: L2Entry, _ last: L2Entry, isNew: Bool) -> Range<Int64> {
    let start = geometry.clusterStart(written.lowerBound)
    let lastStart = geometry.clusterStart(written.upperBound - 1)
    guard geometry.hasExtendedL2 else { return start..<lastStart + geometry.clusterByteCount }
    let unit = geometry.subclusterByteCount
    let firstIndex = Int((written.lowerBound - start) / unit)
    let lastIndex = Int((written.upperBound - 1 - lastStart) / unit)
    if !isNew {
      let lower = first.kind(firstIndex, geometry) == .normal ? written.lowerBound : start + Int64(firstIndex) * unit
      let upper =
        last.kind(lastIndex, geometry) == .normal ? written.upperBound : lastStart + Int64(lastIndex + 1) * unit
      return lower..<upper
    }
    let lowest = first.isCompressed ? 0 : min(firstIndex, UInt32(truncatingIfNeeded: first.bitmap).trailingZeroBitCount)
    let highest =
      last.isCompressed ? 31 : max(lastIndex, 31 - UInt32(truncatingIfNeeded: last.bitmap).leadingZeroBitCount)
    return start + Int64(lowest) * unit..<lastStart + Int64(highest + 1) * unit
  }

  /// The data is in the file: the tables show it from now on.
  func link(_ allocation: QCOW2Allocation) throws(Errno) {
    let bits = Int64(geometry.clusterBits)
    let table = try writableL2Table(Int(allocation.clusters.lowerBound / geometry.l2EntryCount))
    for cluster in allocation.clusters {
      let index = Int(cluster % geometry.l2EntryCount)
      let old = entry(table, index)
      let host = allocation.hostOffset + (cluster - allocation.clusters.lowerBound) << bits
      var new = L2Entry(descriptor: UInt64(host) | L2Entry.copied, bitmap: old.isCompressed ? 0 : old.bitmap)
      if geometry.hasExtendedL2 {
        let unit = geometry.subclusterByteCount
        let start = cluster << bits
        let lower = max(0, (allocation.filled.lowerBound - start) / unit)
        let upper = min(32, (allocation.filled.upperBound - start + unit - 1) / unit)
        let mask = (UInt64(1) << UInt64(upper)) - (UInt64(1) << UInt64(lower))
        new.bitmap = (new.bitmap | mask) & ~(mask << 32)
      } else {
        new.bitmap = 0
      }
      setEntry(table, index, new)
      if allocation.isNew { release(old) }
    }
  }

  /// The data did not make it into the file: clusters that were taken are free again.
  func abandon(_ allocation: QCOW2Allocation) {
    guard allocation.isNew, !geometry.isDataExternal else { return }
    let first = allocation.hostOffset >> Int64(geometry.clusterBits)
    do throws(Errno) { try changeRefcounts(first..<first + Int64(allocation.clusters.count), by: -1) } catch {}
  }
}
