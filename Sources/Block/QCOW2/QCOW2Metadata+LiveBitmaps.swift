// SPDX-License-Identifier: Apache-2.0
import HostIO

/// Persistent bitmaps of an image that a machine has open: they are in memory as long as it is, commands change them there,
/// and they are stored at the end of its use. Before the first change on disk they are marked as in use, so that
/// after a crash nobody takes what is there for the truth.
extension QCOW2Metadata {
  /// Bytes that the bits of one image's bitmaps may take together.
  private static let liveByteLimit: Int64 = 1 << 30

  /// Reads the bits of all bitmaps.
  func loadLiveBitmaps(isReadOnly: Bool) throws(BlockError) {
    var total: Int64 = 0
    for index in bitmaps.indices {
      let bitmap = bitmaps[index]
      let isInconsistent = bitmap.flags.contains(.inUse)
      total += DirtyBits.byteCount(header.byteCount, granularityBits: bitmap.granularityBits)
      guard total <= Self.liveByteLimit else { throw .invalidImage("The bitmaps of the image are too large") }
      var stored: [UInt8] = []
      if !isInconsistent {
        do throws(Errno) { stored = try loadBits(bitmap).bytes } catch {
          throw .failed("Could not read bitmap '\(bitmap.name)'", error)
        }
      }
      bitmaps[index].live = DirtyBitmap(
        name: bitmap.name, granularity: bitmap.granularity, byteCount: isInconsistent ? 0 : header.byteCount,
        isRecording: !isInconsistent && bitmap.flags.contains(.auto), isPersistent: true,
        isInconsistent: isInconsistent, isReadOnly: isReadOnly, stored: stored)
    }
  }

  /// They will be stored, and are not to be trusted on disk until then.
  func markLiveBitmaps() throws(Errno) {
    guard !bitmapState.isMarked else { return }
    try writeFlagsInPlace(addingInUse: true)
    try barrier()
    (bitmapState.isMarked, bitmapState.mustStore, bitmapState.isAtRest) = (true, true, false)
  }
}

extension QCOW2Node {
  /// The persistent bitmaps, if a machine has the image open.
  public var liveBitmaps: [DirtyBitmap] { state.withLock { $0.bitmaps.compactMap(\.live) } }

  /// To be called before a command changes a persistent bitmap. May wait for the disk.
  public func prepareBitmapChange() throws(Errno) {
    guard !isReadOnly else { throw .readOnlyFileSystem }
    try state.withLock { (metadata) throws(Errno) in
      guard !metadata.isCorrupt else { throw .ioError }
      try metadata.markLiveBitmaps()
    }
  }

  /// Stores the bitmaps of an image that will only be read from now on.
  func restBitmaps() throws(Errno) {
    guard !liveBitmaps.isEmpty else { return }
    try settle()
    state.withLock { $0.bitmapState.isAtRest = true }
  }

  var areBitmapsAtRest: Bool { state.withLock { $0.bitmapState.isAtRest } }

  /// Why no such bitmap can be stored; nil if it can.
  func objection(toBitmap name: String) -> String? {
    state.withLock { metadata in
      if metadata.header.version < 3 { return "Cannot store dirty bitmaps in qcow2 v2 files" }
      if name.utf8.count > 1023 { return "Name length exceeds maximum (1023 characters)" }
      if metadata.bitmaps.count >= QCOW2Bitmap.maximumCount {
        return "Maximum number of persistent bitmaps is already reached"
      }
      return nil
    }
  }

  /// Takes a bitmap in, which is stored with the others.
  func add(_ bitmap: DirtyBitmap) {
    state.withLock { metadata in
      metadata.bitmapState.mustStore = true
      if let index = metadata.bitmapState.removed.firstIndex(where: { $0.live === bitmap }) {
        metadata.bitmaps.append(metadata.bitmapState.removed.remove(at: index))
        return
      }
      var added = QCOW2Bitmap(
        name: bitmap.name, granularity: bitmap.granularity, isEnabled: bitmap.isRecording, diskByteCount: 0)
      (added.bits, added.live) = (nil, bitmap)
      metadata.bitmaps.append(added)
    }
  }

  /// Takes a bitmap out, on disk when the others are stored.
  func remove(_ bitmap: DirtyBitmap) {
    state.withLock { metadata in
      guard let index = metadata.bitmaps.firstIndex(where: { $0.live === bitmap }) else { return }
      metadata.bitmapState.removed.append(metadata.bitmaps.remove(at: index))
      metadata.bitmapState.mustStore = true
    }
  }
}
