// SPDX-License-Identifier: Apache-2.0
import HostIO

/// Internal snapshots: frozen copies of the L1 table, with counts on everything that is reached from them.
extension QCOW2Node {
  /// What is to be written down with a new snapshot.
  public struct SnapshotDetails: Sendable {
    public var name: String
    /// nil: the lowest free number.
    public var id: String?
    /// When, in nanoseconds since 1970.
    public var realtimeNanoseconds: Int64
    /// How long the guest has run.
    public var guestNanoseconds: UInt64 = 0
    public var instructionCount: UInt64?
    /// Bytes of machine state that were saved behind the disk with `saveVMState`.
    public var stateByteCount: UInt64 = 0

    public init(name: String, realtimeNanoseconds: Int64) {
      (self.name, self.realtimeNanoseconds) = (name, realtimeNanoseconds)
    }
  }

  public func createSnapshot(_ details: SnapshotDetails) throws(Errno) {
    try exclusively { (metadata) throws(Errno) in
      guard !isReadOnly else { throw .readOnlyFileSystem }
      guard !geometry.isDataExternal else { throw .notSupported }
      guard metadata.snapshots.count < 65536 else { throw .fileTooLarge }
      guard details.name.utf8.count <= 65535 else { throw .invalidArgument }
      let id = details.id ?? metadata.freeSnapshotID
      if metadata.snapshots.contains(where: { $0.id == id }) { throw .exists }
      try metadata.prepareChange()
      let nanoseconds = max(0, details.realtimeNanoseconds)
      var snapshot = QCOW2Snapshot(
        id: id, name: details.name, seconds: UInt32(truncatingIfNeeded: nanoseconds / 1_000_000_000),
        nanoseconds: UInt32(nanoseconds % 1_000_000_000), guestNanoseconds: details.guestNanoseconds,
        stateByteCount: details.stateByteCount, byteCount: metadata.header.byteCount,
        instructionCount: details.instructionCount, l1Offset: 0, l1EntryCount: metadata.l1.count)
      try metadata.writeBack()
      let place = try metadata.allocateAndWrite(metadata.l1.bigEndianBytes(0..<metadata.l1.count))
      snapshot.l1Offset = place.lowerBound << Int64(geometry.clusterBits)
      try metadata.changeReferences(of: metadata.l1, by: 1)
      try metadata.updateCopiedFlags()
      try metadata.writeBack()
      try metadata.barrier()
      metadata.snapshots.append(snapshot)
      try metadata.storeSnapshotTable()
      // The machine's state belongs to the snapshot from here on.
      try metadata.dropVMState()
      try metadata.writeBackAll()
    }
  }

  /// By name or, if none has that name, by id.
  public func findSnapshot(_ nameOrID: String) -> QCOW2Snapshot? {
    let all = snapshots
    return all.first { $0.id == nameOrID } ?? all.first { $0.name == nameOrID }
  }

  /// Makes the disk what it was. `.noSuchFile` without such a snapshot.
  public func applySnapshot(id: String) throws(Errno) {
    try exclusively { (metadata) throws(Errno) in
      guard !isReadOnly else { throw .readOnlyFileSystem }
      guard let snapshot = metadata.snapshots.first(where: { $0.id == id }) else { throw .noSuchFile }
      guard !geometry.isDataExternal else { throw .notSupported }
      try metadata.prepareChange()
      metadata.markDirty(0..<max(metadata.header.byteCount, snapshot.byteCount))
      var entries = try metadata.l1Table(of: snapshot)
      let needed = metadata.geometry.l1EntryCount(for: snapshot.byteCount) ?? 0
      let count = max(entries.count, needed, metadata.l1.count)
      entries += [UInt64](repeating: 0, count: count - entries.count)
      let old = metadata.l1
      try metadata.changeReferences(of: entries, by: 1)
      metadata.header.byteCount = snapshot.byteCount
      // Nothing of the snapshot's tables is the active disk's alone.
      try metadata.moveL1(entries.map { $0 & ~L2Entry.copied })
      setByteCount(snapshot.byteCount)
      try metadata.changeReferences(of: old, by: -1)
      try metadata.writeBackAll()
      try metadata.updateCopiedFlags()
      try metadata.writeBackAll()
    }
  }

  public func deleteSnapshot(id: String) throws(Errno) {
    try exclusively { (metadata) throws(Errno) in
      guard !isReadOnly else { throw .readOnlyFileSystem }
      guard let index = metadata.snapshots.firstIndex(where: { $0.id == id }) else { throw .noSuchFile }
      try metadata.prepareChange()
      let snapshot = metadata.snapshots[index]
      let entries = try metadata.l1Table(of: snapshot)
      try metadata.writeBack()
      metadata.snapshots.remove(at: index)
      try metadata.storeSnapshotTable()
      try metadata.changeReferences(of: entries, by: -1)
      let first = snapshot.l1Offset >> Int64(geometry.clusterBits)
      metadata.releaseDurable(first..<first + geometry.clusterCount(Int64(snapshot.l1EntryCount) * 8))
      try metadata.writeBackAll()
      try metadata.updateCopiedFlags()
      try metadata.writeBackAll()
    }
  }

  /// Reads as a snapshot from now on, without changing the image. For nodes opened read-only.
  public func showSnapshot(id: String) throws(Errno) {
    guard isReadOnly else { throw .busy }
    try exclusively { (metadata) throws(Errno) in
      guard let snapshot = metadata.snapshots.first(where: { $0.id == id }) else { throw .noSuchFile }
      metadata.l1 = try metadata.l1Table(of: snapshot)
      setByteCount(snapshot.byteCount)
    }
  }

  // MARK: State of the machine

  /// Machine state is stored as if the disk went on behind its end.
  private var stateOffset: Int64 {
    let count = geometry.l1EntryCount(for: byteCount) ?? 0
    return Int64(count) * geometry.l2Coverage
  }

  /// Stores a piece of machine state, before `createSnapshot` takes it over.
  public func saveVMState(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno) {
    guard !isReadOnly else { throw .notPermitted }
    guard offset >= 0, offset < 1 << 50 else { throw .fileTooLarge }
    try writeMapped(at: stateOffset + offset, from: buffer)
  }

  /// Gives up machine state that no snapshot took over.
  public func discardVMState() throws(Errno) {
    guard !isReadOnly else { return }
    try exclusively { (metadata) throws(Errno) in
      try metadata.dropVMState()
      try metadata.writeBackAll()
    }
  }

  /// Reads machine state, after `applySnapshot`. What was not saved reads as zeros.
  public func loadVMState(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
    guard offset >= 0, offset < 1 << 50 else { throw .fileTooLarge }
    try readMapped(at: stateOffset + offset, into: buffer)
  }
}

extension QCOW2Metadata {
  var freeSnapshotID: String {
    let highest = snapshots.compactMap { UInt64($0.id) }.max() ?? 0
    return String(highest &+ 1)
  }

  var snapshotTableByteCount: Int64 { snapshots.reduce(0) { $0 + Int64($1.encoded().count) } }

  func l1Table(of snapshot: QCOW2Snapshot) throws(Errno) -> [UInt64] {
    [UInt64](bigEndianBytes: try read(snapshot.l1Offset, snapshot.l1EntryCount * 8))
  }

  /// Writes the table of snapshots to a new place and switches the header to it, on disk when this returns.
  func storeSnapshotTable() throws(Errno) {
    let bits = Int64(geometry.clusterBits)
    let old =
      header.snapshotsOffset >> bits..<header.snapshotsOffset >> bits + geometry.clusterCount(storedSnapshotByteCount)
    let bytes = snapshots.flatMap { $0.encoded() }
    var offset: Int64 = 0
    if !bytes.isEmpty { offset = try allocateAndWrite(bytes).lowerBound << bits }
    try writeCounts()
    try barrier()
    header.snapshotCount = snapshots.count
    header.snapshotsOffset = offset
    try writeHeader()
    try barrier()
    storedSnapshotByteCount = Int64(bytes.count)
    if old.lowerBound != 0 { releaseDurable(old) }
  }

  /// Adds to the counts of everything that an L1 table reaches; takes away through releases.
  func changeReferences(of entries: [UInt64], by delta: Int64) throws(Errno) {
    let bits = Int64(geometry.clusterBits)
    for l1Entry in entries {
      guard let table = try l2Table(pointedAt: l1Entry) else { continue }
      let tableCluster = table.offset >> bits
      var run: Range<Int64>?
      for index in 0..<Int(geometry.l2EntryCount) {
        guard let clusters = references(entry(table, index)) else { continue }
        if let old = run {
          if old.upperBound == clusters.lowerBound {
            run = old.lowerBound..<clusters.upperBound
            continue
          }
          try changeReference(old, by: delta)
        }
        run = clusters
      }
      if let run { try changeReference(run, by: delta) }
      try changeReference(tableCluster..<tableCluster + 1, by: delta)
    }
  }

  private func changeReference(_ clusters: Range<Int64>, by delta: Int64) throws(Errno) {
    if delta > 0 {
      guard clusters.upperBound <= geometry.clusterCount(max(file.byteCount, untouchedFrom)) else {
        markCorrupt()
        throw .ioError
      }
      try prepareCounts()
      try changeRefcounts(clusters, by: delta)
    } else {
      releaseDurable(clusters)
    }
  }

  /// Says again which clusters of the active disk are its own alone.
  func updateCopiedFlags() throws(Errno) {
    let bits = Int64(geometry.clusterBits)
    for l1Index in l1.indices {
      let offset = Int64(l1[l1Index] & QCOW2Geometry.offsetMask)
      guard offset != 0, let table = try l2Table(l1Index) else { continue }
      for index in 0..<Int(geometry.l2EntryCount) {
        var entry = entry(table, index)
        guard !entry.isCompressed, let clusters = references(entry) else { continue }
        let isOwn = try refcount(of: clusters.lowerBound) == 1
        if isOwn != entry.isCopied {
          entry.descriptor ^= L2Entry.copied
          setEntry(table, index, entry)
        }
      }
      let isOwn = try refcount(of: offset >> bits) == 1
      let new = UInt64(offset) | (isOwn ? L2Entry.copied : 0)
      if new != l1[l1Index] { setL1(l1Index, new) }
    }
  }

  /// Gives up what lies behind the disk's end.
  func dropVMState() throws(Errno) {
    let first = geometry.l1EntryCount(for: header.byteCount) ?? 0
    for index in first..<max(first, l1.count) where l1[index] & QCOW2Geometry.offsetMask != 0 {
      let start = Int64(index) * geometry.l2Coverage
      _ = try changeEntries(start..<start + geometry.l2Coverage, unmaps: false) { _, _, _, _ in .unallocated }
    }
  }
}
