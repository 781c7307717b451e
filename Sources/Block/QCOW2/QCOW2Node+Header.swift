// SPDX-License-Identifier: Apache-2.0
import HostIO

/// Changes of what the header says: backing file, features, bitmaps.
extension QCOW2Node {
  /// Writes another backing file down; nil for none. The nodes are not changed. `.noSpace` when it does not fit.
  public func setBackingReference(_ reference: BackingReference?) throws(Errno) {
    try exclusively { (metadata) throws(Errno) in
      guard !isReadOnly else { throw .readOnlyFileSystem }
      if let reference, reference.fileName.bytes.count > 1023 { throw .invalidArgument }
      if metadata.header.isDataRaw, reference != nil { throw .invalidArgument }
      let old = metadata.extensions
      metadata.extensions.backingFile = reference?.fileName
      metadata.extensions.backingFormat = reference?.format
      do throws(Errno) {
        guard metadata.extensions.encoded(with: metadata.header) != nil else { throw .noSpace }
        try metadata.prepareChange()
        try metadata.writeBack()
        try metadata.writeHeader()
        try metadata.barrier()
      } catch {
        metadata.extensions = old
        throw error
      }
    }
  }

  public func setLazyRefcounts(_ isOn: Bool) throws(Errno) {
    try exclusively { (metadata) throws(Errno) in
      guard metadata.header.version >= 3 else { throw .notSupported }
      try metadata.prepareChange()
      try metadata.writeBackAll()
      if !isOn { try metadata.setIncompatible(.dirty, false) }
      metadata.header.compatible =
        isOn
        ? metadata.header.compatible | QCOW2Header.lazyRefcounts
        : metadata.header.compatible & ~QCOW2Header.lazyRefcounts
      metadata.usesLazyCounts = isOn
      try metadata.writeHeader()
      try metadata.barrier()
    }
  }

  /// Version 2 to 3. `.notSupported` for anything else.
  public func upgrade() throws(Errno) {
    try exclusively { (metadata) throws(Errno) in
      guard metadata.header.version == 2 else { return }
      try metadata.prepareChange()
      try metadata.writeBackAll()
      metadata.header.version = 3
      // Version 3 wants the disk's size with each snapshot; what is written now has it.
      if !metadata.snapshots.isEmpty { try metadata.storeSnapshotTable() }
      try metadata.writeHeader()
      try metadata.barrier()
    }
  }

  /// Changes the set of persistent bitmaps, with the bits of those named in `loading` in memory. Stored at the next
  /// `settle` or `close`.
  public func changeBitmaps<Result>(
    _ body: (inout [QCOW2Bitmap], _ byteCount: Int64) throws(BlockError) -> Result
  ) throws(BlockError) -> Result {
    var failure: BlockError?
    var result: Result?
    do throws(Errno) {
      try exclusively { (metadata) throws(Errno) in
        guard !isReadOnly else { throw .readOnlyFileSystem }
        try metadata.prepareChange()
        for index in metadata.bitmaps.indices where !metadata.bitmaps[index].flags.contains(.inUse) {
          metadata.bitmaps[index].bits = try metadata.loadBits(metadata.bitmaps[index])
        }
        var changed = metadata.bitmaps
        do throws(BlockError) { result = try body(&changed, metadata.header.byteCount) } catch {
          failure = error
          return
        }
        for old in metadata.bitmaps where !changed.contains(where: { $0.name == old.name }) && old.tableOffset != 0 {
          metadata.removedBitmapPlaces += try metadata.places(of: old)
        }
        metadata.bitmaps = changed
        metadata.bitmapState.mustStore = true
      }
    } catch {
      throw .failed("Could not change bitmaps", error)
    }
    if let failure { throw failure }
    guard let result else { throw .failed("Could not change bitmaps", .ioError) }
    return result
  }
}

extension QCOW2Node {
  /// All bitmaps that can be used, with their bits.
  public func loadedBitmaps() throws(BlockError) -> [QCOW2Bitmap] {
    do throws(Errno) {
      return try state.withLock { (metadata) throws(Errno) in
        var loaded: [QCOW2Bitmap] = []
        for var bitmap in metadata.bitmaps where !bitmap.flags.contains(.inUse) {
          bitmap.bits = try metadata.loadBits(bitmap)
          loaded.append(bitmap)
        }
        return loaded
      }
    } catch {
      throw .failed("Could not read bitmaps", error)
    }
  }
}

extension QCOW2Bitmap {
  /// A new, empty bitmap.
  public init(name: String, granularity: Int64, isEnabled: Bool, diskByteCount: Int64) {
    self.name = name
    flags = isEnabled ? .auto : []
    granularityBits = granularity.trailingZeroBitCount
    bits = DirtyBits(byteCount: diskByteCount, granularityBits: granularityBits)
  }

  public mutating func clear() { bits?.clear() }
  public mutating func merge(_ other: QCOW2Bitmap) { if let theirs = other.bits { bits?.merge(theirs) } }
}

extension QCOW2Node {
  /// Gives up everything that the disk has of its own: it reads as its backing node from then on.
  public func makeEmpty() throws(Errno) {
    guard !isReadOnly else { throw .notPermitted }
    try changeEntries(0..<geometry.roundedUp(byteCount), unmaps: true) { _, _, _, _ in .unallocated }
    try exclusively { (metadata) throws(Errno) in
      try metadata.writeBackAll()
      try metadata.dropL2Tables(from: 0)
      try metadata.writeBackAll()
      try metadata.cutFile()
    }
  }
}
