// SPDX-License-Identifier: Apache-2.0
import HostIO
import Synchronization

/// How a qcow2 image names what it is based on.
public struct BackingReference: Sendable, Equatable {
  public var fileName: BytePath
  /// nil: to be guessed.
  public var format: String?

  public init(fileName: BytePath, format: String?) { (self.fileName, self.format) = (fileName, format) }
}

/// What the user wants of an open qcow2 image.
public struct QCOW2Options: Sendable {
  public var isReadOnly = false
  /// Discarded clusters are given back, to the image and to the host.
  public var unmapsDiscards = false
  /// `cache=unsafe`: nothing waits for stable storage.
  public var isUnsafe = false
  /// Do not open the backing file: unallocated parts read as zeros. For looking at one image alone.
  public var ignoresBacking = false
  /// Open for checking: a dirty or corrupt image is taken as it is.
  public var isCheck = false
  /// Another process has the image; see `BlockNode.inactivate`.
  public var isInactive = false
  /// A machine uses the image: its bitmaps are in memory, see QCOW2Metadata+LiveBitmaps.swift.
  public var keepsBitmaps = false
  /// `lazy-refcounts=`; nil: as the image says.
  public var lazyRefcounts: Bool?

  public init(isReadOnly: Bool = false) { self.isReadOnly = isReadOnly }
}

/// A disk in a qcow2 image, versions 2 and 3.
///
/// Several workers may call at once. Tables are looked at and changed under one lock; data moves outside it. A write that
/// allocates claims its clusters of the disk: others that would change the same entries wait. A cluster of the file
/// that was given up is not used again before everybody who found it in a table is done with it, and before the table
/// without it is on stable storage.
///
/// *Reference:* QEMU's docs/interop/qcow2.
public final class QCOW2Node: BlockNode {
  public let isReadOnly: Bool
  public let driver = "qcow2"
  public let storage: (any BlockNode)?
  /// Where data is: an external data file or the image's own.
  let file: any BlockNode
  let data: any BlockNode
  let options: QCOW2Options
  let state: Guarded<QCOW2Metadata>
  let geometry: QCOW2Geometry
  private let lower: Mutex<(any BlockNode)?>
  private let length: Atomic<Int64>
  private let isClosed = Atomic<Bool>(false)
  private let isInactive: Atomic<Bool>

  init(_ metadata: sending QCOW2Metadata, options: QCOW2Options, backing: (any BlockNode)?) {
    self.options = options
    isReadOnly = options.isReadOnly
    file = metadata.file
    storage = metadata.file
    data = metadata.dataFile ?? metadata.file
    geometry = metadata.geometry
    isInactive = Atomic(options.isInactive)
    length = Atomic(metadata.header.byteCount & -sectorByteCount)
    lower = Mutex(backing)
    state = Guarded(metadata)
  }

  deinit { do throws(Errno) { try finish() } catch {} }

  public var byteCount: Int64 { length.load(ordering: .acquiring) }
  func setByteCount(_ count: Int64) { length.store(count & -sectorByteCount, ordering: .releasing) }
  public var allocatedByteCount: Int64? { file.allocatedByteCount }
  public var header: QCOW2Header { state.withLock { $0.header } }
  public var extensions: QCOW2Extensions { state.withLock { $0.extensions } }
  public var snapshots: [QCOW2Snapshot] { state.withLock { $0.snapshots } }
  public var bitmaps: [QCOW2Bitmap] { state.withLock { $0.bitmaps } }
  /// A file that data lies in, apart from the image.
  public var dataFile: (any BlockNode)? { geometry.isDataExternal ? data : nil }

  public var backing: (any BlockNode)? { lower.withLock { $0 } }
  /// Puts another node below. What the header says is not changed; see `setBackingReference`.
  public func replaceBacking(_ node: (any BlockNode)?) { lower.withLock { $0 = node } }

  public func flush() throws(Errno) {
    guard !isReadOnly, !isClosed.load(ordering: .relaxed), !isInactive.load(ordering: .relaxed) else { return }
    let unlinked = try state.withLock { (metadata) throws(Errno) in
      try metadata.writeBack()
      return metadata.lastUnlinked
    }
    if options.isUnsafe { return }
    if geometry.isDataExternal { try data.flush() }
    try file.flush()
    try state.withLock { (metadata) throws(Errno) in
      metadata.noteDurable(upTo: unlinked)
      try metadata.applyReleases()
    }
  }

  public func close() throws(Errno) {
    let backing = backing
    do throws(Errno) { try finish() } catch {
      closeFiles(backing)
      throw error
    }
    try file.close()
    if geometry.isDataExternal { try data.close() }
    try backing?.close()
  }

  private func closeFiles(_ backing: (any BlockNode)?) {
    do throws(Errno) { try file.close() } catch {}
    do throws(Errno) { if geometry.isDataExternal { try data.close() } } catch {}
    do throws(Errno) { try backing?.close() } catch {}
  }

  /// Writes everything, stores the bitmaps and takes the dirty bit away.
  private func finish() throws(Errno) {
    guard !isClosed.exchange(true, ordering: .acquiringAndReleasing), !isReadOnly, !isInactive.load(ordering: .relaxed)
    else { return }
    try state.withLock { (metadata) throws(Errno) in try Self.settle(metadata) }
  }

  /// As at the end of use, with the image staying open; for handing it to another program.
  public func settle() throws(Errno) {
    guard !isReadOnly, !isInactive.load(ordering: .relaxed) else { return }
    try exclusively { (metadata) throws(Errno) in try Self.settle(metadata) }
  }

  private static func settle(_ metadata: QCOW2Metadata) throws(Errno) {
    guard !metadata.isCorrupt else { return }
    try metadata.writeBack()
    try metadata.storeBitmaps()
    try metadata.writeBackAll()
    if metadata.hasLazyCounts { try metadata.setIncompatible(.dirty, false) }
  }

  public func inactivate() { isInactive.store(true, ordering: .relaxed) }

  public func activate() throws(BlockError) {
    guard isInactive.load(ordering: .relaxed) else { return }
    let geometry = geometry
    let outcome = state.wait { metadata -> Result<Int64, BlockError>? in
      guard metadata.operations.isIdle else { return nil }
      do throws(BlockError) {
        let dataFile = metadata.dataFile
        let fresh = try Self.loadMetadata(over: file, options) { (_) throws(BlockError) in
          guard let dataFile else { throw .invalidImage("The image has another format than before") }
          return dataFile
        }
        guard fresh.geometry == geometry else { throw .invalidImage("The image has another format than before") }
        if fresh.mustBeRepaired(options) { try Self.repair(fresh) }
        metadata = fresh
        return .success(fresh.header.byteCount)
      } catch {
        return .failure(error)
      }
    }
    setByteCount(try outcome.get())
    isInactive.store(false, ordering: .relaxed)
  }

  /// Runs `body` while no data is being read or written.
  func exclusively<Result>(_ body: (QCOW2Metadata) throws(Errno) -> Result) throws(Errno) -> Result {
    let outcome = state.wait { metadata -> Swift.Result<Result, Errno>? in
      guard metadata.operations.isIdle else { return nil }
      do throws(Errno) { return .success(try body(metadata)) } catch { return .failure(error) }
    }
    return try outcome.get()
  }
}
