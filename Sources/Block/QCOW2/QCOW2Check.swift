// SPDX-License-Identifier: Apache-2.0
import HostIO

/// Compares the counts of an image with what its tables refer to, and can put them right.
///
/// The findings read as QEMU's do.
public struct QCOW2Check {
  public struct Repair: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    public static let leaks = Repair(rawValue: 1)
    public static let errors = Repair(rawValue: 2)
  }

  public internal(set) var corruptionCount = 0
  public internal(set) var leakCount = 0
  public internal(set) var checkErrorCount = 0
  public internal(set) var fixedCorruptionCount = 0
  public internal(set) var fixedLeakCount = 0
  public internal(set) var allocatedClusterCount: Int64 = 0
  public internal(set) var fragmentedClusterCount: Int64 = 0
  public internal(set) var compressedClusterCount: Int64 = 0
  public internal(set) var totalClusterCount: Int64 = 0
  public internal(set) var imageEndOffset: Int64 = 0
  /// What was found, one line each.
  public internal(set) var messages: [String] = []

  let metadata: QCOW2Metadata
  let repairing: Repair
  var counts = ClusterCounts()
  var mustRebuild = false
  private var nextContiguous: Int64 = 0

  init(_ metadata: QCOW2Metadata, repairing: Repair = []) { (self.metadata, self.repairing) = (metadata, repairing) }

  var geometry: QCOW2Geometry { metadata.geometry }
  private static let messageLimit = 10_000

  mutating func tell(_ message: String) { if messages.count < Self.messageLimit { messages.append(message) } }

  mutating func run() throws(Errno) {
    totalClusterCount = geometry.clusterCount(metadata.header.byteCount)
    try count()
    try compare()
    if mustRebuild, repairing.contains(.errors) {
      tell("Rebuilding refcount structure")
      try rebuild()
    }
    try checkCopiedFlags()
  }

  // MARK: Counting references

  private mutating func count() throws(Errno) {
    let header = metadata.header
    reference(0, geometry.clusterByteCount)
    try countTable(metadata.l1, at: header.l1Offset, isActive: true)
    for snapshot in metadata.snapshots {
      try countTable(try metadata.l1Table(of: snapshot), at: snapshot.l1Offset, isActive: false)
    }
    reference(header.snapshotsOffset, metadata.snapshotTableByteCount)
    try countBitmaps()
    reference(header.refcountTableOffset, Int64(header.refcountTableClusterCount) << Int64(geometry.clusterBits))
    countRefcountBlocks()
  }

  /// Counts a range of the file, unless it lies where the file does not reach.
  mutating func reference(_ offset: Int64, _ byteCount: Int64) {
    guard byteCount > 0 else { return }
    let end = offset.addingReportingOverflow(byteCount)
    let fileEnd = geometry.roundedUp(metadata.file.byteCount)
    guard offset >= 0, !end.overflow, end.partialValue <= fileEnd + geometry.clusterByteCount else {
      tell(
        "ERROR: counting reference for region exceeding the end of the file by one cluster or more: offset 0x"
          + String(UInt64(bitPattern: offset), radix: 16) + " size 0x" + String(byteCount, radix: 16))
      corruptionCount += 1
      return
    }
    let bits = Int64(geometry.clusterBits)
    for cluster in offset >> bits...(end.partialValue - 1) >> bits { counts.add(cluster) }
  }

  private mutating func countTable(_ entries: [UInt64], at offset: Int64, isActive: Bool) throws(Errno) {
    reference(offset, Int64(entries.count) * 8)
    for entry in entries {
      let place = Int64(entry & QCOW2Geometry.offsetMask)
      guard place != 0 else { continue }
      reference(place, geometry.clusterByteCount)
      guard geometry.isAligned(place) else {
        tell("ERROR l2_offset=\(hex(place)): Table is not cluster aligned; L1 entry corrupted")
        corruptionCount += 1
        continue
      }
      guard place < metadata.file.byteCount else { continue }
      let table = try metadata.l2Table(pointedAt: entry)
      for index in 0..<Int(geometry.l2EntryCount) {
        if let table { countEntry(metadata.entry(table, index), isActive: isActive) }
      }
    }
  }

  private mutating func countEntry(_ entry: L2Entry, isActive: Bool) {
    if entry.isCompressed {
      if entry.isCopied {
        tell(
          "ERROR: coffset=0x\(String(entry.descriptor & ~511, radix: 16)): copied flag must never be set for compressed clusters"
        )
        corruptionCount += 1
      }
      guard !geometry.isDataExternal else {
        tell("ERROR compressed cluster in an image with an external data file")
        corruptionCount += 1
        return
      }
      let place = geometry.compressedPlace(entry.descriptor)
      reference(place.offset, Int64(place.byteCount))
      guard isActive else { return }
      allocatedClusterCount += 1
      compressedClusterCount += 1
      // Their places are in no order by their nature.
      fragmentedClusterCount += 1
      return
    }
    guard entry.hasCluster(geometry) else { return }
    if !geometry.isAligned(entry.hostOffset) {
      tell("ERROR offset=\(hex(entry.hostOffset)): Cluster is not properly aligned; L2 entry corrupted.")
      corruptionCount += 1
    }
    if geometry.hasExtendedL2, entry.bitmap & (entry.bitmap >> 32) & 0xffff_ffff != 0 {
      tell("ERROR offset=\(hex(entry.hostOffset)): Allocated cluster and zero bits are both set")
      corruptionCount += 1
    }
    if isActive {
      allocatedClusterCount += 1
      if nextContiguous != 0, entry.hostOffset != nextContiguous { fragmentedClusterCount += 1 }
      nextContiguous = entry.hostOffset + geometry.clusterByteCount
    }
    if !geometry.isDataExternal { reference(entry.hostOffset, geometry.clusterByteCount) }
  }

  private func hex(_ value: Int64) -> String { String(UInt64(bitPattern: value), radix: 16) }

  private mutating func countBitmaps() throws(Errno) {
    guard let directory = metadata.extensions.bitmaps, metadata.header.autoclear.contains(.bitmaps) else { return }
    if metadata.bitmaps.isEmpty {
      do throws(BlockError) { try metadata.loadBitmapDirectory() } catch {
        tell("ERROR: \(error)")
        corruptionCount += 1
        return
      }
    }
    reference(Int64(bitPattern: directory.directoryOffset), Int64(bitPattern: directory.directoryByteCount))
    for bitmap in metadata.bitmaps {
      let tableByteCount = Int64(bitmap.tableEntryCount) * 8
      reference(bitmap.tableOffset, tableByteCount)
      guard bitmap.tableOffset + tableByteCount <= geometry.roundedUp(metadata.file.byteCount) else { continue }
      for entry in [UInt64](bigEndianBytes: try metadata.read(bitmap.tableOffset, Int(tableByteCount)))
      where entry & QCOW2Geometry.offsetMask != 0 {
        reference(Int64(entry & QCOW2Geometry.offsetMask), geometry.clusterByteCount)
      }
    }
  }

  private mutating func countRefcountBlocks() {
    for (index, entry) in metadata.refcountTable.enumerated() where entry != 0 {
      let offset = Int64(truncatingIfNeeded: entry & ~511)
      if entry & 511 != 0 {
        tell("ERROR refcount table entry \(index) has reserved bits set")
        corruptionCount += 1
      }
      guard offset > 0, geometry.isAligned(offset) else {
        tell("ERROR refcount block \(index) is not cluster aligned; refcount table entry corrupted")
        corruptionCount += 1
        mustRebuild = true
        continue
      }
      guard offset < metadata.file.byteCount else {
        tell("ERROR refcount block \(index) is outside image")
        corruptionCount += 1
        mustRebuild = true
        continue
      }
      counts.add(offset >> Int64(geometry.clusterBits))
      if counts[offset >> Int64(geometry.clusterBits)] != 1 {
        tell("ERROR refcount block \(index) refcount=\(counts[offset >> Int64(geometry.clusterBits)])")
        corruptionCount += 1
        mustRebuild = true
      }
    }
  }
}

/// How often clusters of a file are referred to. Takes memory by the references, not by the file's length.
struct ClusterCounts {
  private static let pageBits: Int64 = 12
  private var pages: [Int64: [UInt32]] = [:]

  subscript(cluster: Int64) -> UInt64 {
    UInt64(pages[cluster >> Self.pageBits]?[Int(cluster & 4095)] ?? 0)
  }

  mutating func add(_ cluster: Int64) {
    pages[cluster >> Self.pageBits, default: [UInt32](repeating: 0, count: 4096)][Int(cluster & 4095)] &+= 1
  }

  mutating func remove(_ cluster: Int64) {
    guard self[cluster] > 0 else { return }
    pages[cluster >> Self.pageBits]?[Int(cluster & 4095)] -= 1
  }

  /// The clusters around those that have references, in pages.
  var usedPages: [Range<Int64>] {
    pages.keys.sorted().map { $0 << Self.pageBits..<($0 + 1) << Self.pageBits }
  }
}
