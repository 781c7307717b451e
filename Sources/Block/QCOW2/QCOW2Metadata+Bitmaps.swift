// SPDX-License-Identifier: Apache-2.0
import HostIO

/// Persistent dirty bitmaps of an open image: marked as in use before the first change, kept in memory, and stored at the
/// end, as QEMU does.
extension QCOW2Metadata {
  /// Reads the directory, if the header says that it can be trusted.
  func loadBitmapDirectory() throws(BlockError) {
    guard let stored = extensions.bitmaps else { return }
    guard header.autoclear.contains(.bitmaps) else { return }
    guard stored.count <= QCOW2Bitmap.maximumCount else {
      throw .invalidImage(
        "bitmaps_ext: image has \(stored.count) bitmaps, exceeding the QEMU supported maximum of 65535")
    }
    guard stored.count > 0 else { throw .invalidImage("found bitmaps extension with zero bitmaps") }
    guard stored.directoryOffset & UInt64(geometry.clusterByteCount - 1) == 0, stored.directoryOffset < 1 << 56
    else { throw .invalidImage("bitmaps_ext: invalid bitmap directory offset") }
    guard stored.directoryByteCount <= QCOW2Bitmap.maximumDirectoryByteCount else {
      throw .invalidImage(
        "bitmaps_ext: bitmap directory size (\(stored.directoryByteCount)) exceeds the maximum supported size (67108864)"
      )
    }
    let bytes: [UInt8]
    do throws(Errno) {
      bytes = try read(Int64(stored.directoryOffset), Int(stored.directoryByteCount))
    } catch {
      throw .failed("Failed to read bitmap directory", error)
    }
    bitmaps = try QCOW2Bitmap.parseDirectory(
      bytes, count: stored.count, clusterByteCount: geometry.clusterByteCount)
  }

  /// The bits of a bitmap on disk; marked all over where it is damaged.
  func loadBits(_ bitmap: QCOW2Bitmap) throws(Errno) -> DirtyBits {
    if let live = bitmap.live, !live.isInconsistent {
      return DirtyBits(
        byteCount: header.byteCount, granularityBits: bitmap.granularityBits, bytes: live.bytes)
    }
    if let bits = bitmap.bits { return bits }
    let byteCount = DirtyBits.byteCount(header.byteCount, granularityBits: bitmap.granularityBits)
    guard byteCount <= 512 << 20, Int64(bitmap.tableEntryCount) >= geometry.clusterCount(byteCount) else {
      throw .invalidArgument
    }
    let table = [UInt64](bigEndianBytes: try read(bitmap.tableOffset, Int(geometry.clusterCount(byteCount)) * 8))
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(byteCount))
    for entry in table {
      let count = Int(min(geometry.clusterByteCount, byteCount - Int64(bytes.count)))
      let offset = Int64(entry & QCOW2Geometry.offsetMask)
      if offset != 0 {
        bytes += try read(offset, count)
      } else {
        bytes += [UInt8](repeating: entry & 1 != 0 ? 0xff : 0, count: count)
      }
    }
    return DirtyBits(byteCount: header.byteCount, granularityBits: bitmap.granularityBits, bytes: bytes)
  }

  /// Before the first change: enabled bitmaps come into memory and are marked in use on disk, so that a crash is noticed.
  func markBitmapsInUse() throws(Errno) {
    if bitmaps.contains(where: { $0.live != nil }) { return try markLiveBitmaps() }
    guard bitmaps.contains(where: { $0.isEnabled && !$0.flags.contains(.inUse) }) else { return }
    for index in bitmaps.indices where bitmaps[index].isEnabled && !bitmaps[index].flags.contains(.inUse) {
      bitmaps[index].bits = try loadBits(bitmaps[index])
    }
    try writeFlagsInPlace(addingInUse: true)
    bitmapState.mustStore = true
    try barrier()
  }

  func writeFlagsInPlace(addingInUse: Bool) throws(Errno) {
    guard let place = extensions.bitmaps, header.autoclear.contains(.bitmaps) else { return }
    let old = try read(Int64(place.directoryOffset), Int(place.directoryByteCount))
    var bytes: [UInt8] = []
    let directory = try? QCOW2Bitmap.parseDirectory(
      old, count: place.count, clusterByteCount: geometry.clusterByteCount)
    for var stored in directory ?? [] {
      // What was taken out meanwhile is not to be trusted either.
      let known = bitmaps.first { $0.name == stored.name }
      if addingInUse, known == nil || known?.bits != nil || known?.live != nil { stored.flags.insert(.inUse) }
      bytes += stored.encoded()
    }
    guard bytes.count == Int(place.directoryByteCount) else { throw .ioError }
    try write(bytes, at: Int64(place.directoryOffset))
  }

  /// A part of the disk is about to change.
  func markDirty(_ range: Range<Int64>) {
    for index in bitmaps.indices {
      if let live = bitmaps[index].live {
        live.mark(range)
      } else if bitmaps[index].isEnabled {
        bitmaps[index].bits?.mark(range)
      }
    }
  }

  /// Writes bitmaps that are in memory to new places, then the directory, then the header; the old places are free after.
  func storeBitmaps() throws(Errno) {
    guard bitmapState.mustStore else { return }
    let bits = Int64(geometry.clusterBits)
    var old: [Range<Int64>] = removedBitmapPlaces
    for bitmap in bitmapState.removed where bitmap.tableOffset != 0 { old += try places(of: bitmap) }
    for index in bitmaps.indices {
      if let live = bitmaps[index].live, !live.isInconsistent {
        bitmaps[index].bits = try loadBits(bitmaps[index])
        if live.isRecording { bitmaps[index].flags.insert(.auto) } else { bitmaps[index].flags.remove(.auto) }
      }
      guard let content = bitmaps[index].bits else { continue }
      if bitmaps[index].tableOffset != 0 { old += try places(of: bitmaps[index]) }
      bitmaps[index].flags.remove(.inUse)
      let table = try storeBits(content)
      let place = try allocateAndWrite(table.bigEndianBytes(0..<table.count))
      bitmaps[index].tableOffset = place.lowerBound << bits
      bitmaps[index].tableEntryCount = table.count
    }
    if let directory = extensions.bitmaps {
      let first = Int64(directory.directoryOffset) >> bits
      old.append(first..<first + geometry.clusterCount(Int64(directory.directoryByteCount)))
    }
    if bitmaps.isEmpty {
      extensions.bitmaps = nil
      header.autoclear.remove(.bitmaps)
    } else {
      let bytes = bitmaps.flatMap { $0.encoded() }
      let place = try allocateAndWrite(bytes)
      extensions.bitmaps = QCOW2Extensions.Bitmaps(
        count: UInt32(bitmaps.count), directoryByteCount: UInt64(bytes.count),
        directoryOffset: UInt64(place.lowerBound << bits))
      header.autoclear.insert(.bitmaps)
    }
    try writeCounts()
    try barrier()
    try writeHeader()
    try barrier()
    for place in old { releaseDurable(place) }
    removedBitmapPlaces = []
    for index in bitmaps.indices { bitmaps[index].bits = nil }
    bitmapState = QCOW2BitmapState()
    isPrepared = false
  }

  private func storeBits(_ content: DirtyBits) throws(Errno) -> [UInt64] {
    let size = Int(geometry.clusterByteCount)
    var table: [UInt64] = []
    for start in stride(from: 0, to: max(1, content.bytes.count), by: size) {
      var piece = Array(content.bytes[min(start, content.bytes.count)..<min(content.bytes.count, start + size)])
      if piece.allSatisfy({ $0 == 0 }) {
        table.append(0)
      } else if piece.count == size, piece.allSatisfy({ $0 == 0xff }) {
        table.append(1)
      } else {
        piece.pad(to: size)
        table.append(UInt64(try allocateAndWrite(piece).lowerBound << Int64(geometry.clusterBits)))
      }
    }
    return table
  }

  /// Bytes in clusters of their own, padded with zeros.
  func allocateAndWrite(_ bytes: [UInt8]) throws(Errno) -> Range<Int64> {
    let bits = Int64(geometry.clusterBits)
    let count = max(1, geometry.clusterCount(Int64(bytes.count)))
    let place = try allocate(count, atLeast: count)
    var padded = bytes
    padded.pad(to: Int(geometry.clusterByteCount))
    try write(padded, at: place.lowerBound << bits)
    untouchedFrom = max(untouchedFrom, place.upperBound << bits)
    return place
  }

  /// All clusters that a stored bitmap takes.
  func places(of bitmap: QCOW2Bitmap) throws(Errno) -> [Range<Int64>] {
    let bits = Int64(geometry.clusterBits)
    let first = bitmap.tableOffset >> bits
    guard bitmap.tableOffset + Int64(bitmap.tableEntryCount) * 8 <= geometry.roundedUp(file.byteCount) else {
      throw .ioError
    }
    var places = [first..<first + geometry.clusterCount(Int64(bitmap.tableEntryCount) * 8)]
    let table = [UInt64](bigEndianBytes: try read(bitmap.tableOffset, bitmap.tableEntryCount * 8))
    for entry in table where entry & QCOW2Geometry.offsetMask != 0 {
      let cluster = Int64(entry & QCOW2Geometry.offsetMask) >> bits
      places.append(cluster..<cluster + 1)
    }
    return places
  }
}
