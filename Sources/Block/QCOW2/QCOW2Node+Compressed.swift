// SPDX-License-Identifier: Apache-2.0
import HostIO

extension QCOW2Node {
  var compression: QCOW2Compression { state.withLock { $0.header.compression } }

  /// Packs on the calling thread; several may work at once.
  public func writeCompressed(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno) {
    guard !isReadOnly else { throw .notPermitted }
    guard contains(offset, buffer.count) else { throw .ioError }
    guard !geometry.isDataExternal else { throw .notSupported }
    let size = Int(geometry.clusterByteCount)
    guard geometry.isAligned(offset),
      buffer.count % size == 0 || offset + Int64(buffer.count) == byteCount
    else { throw .invalidArgument }
    let method = compression
    var done = 0
    while done < buffer.count {
      let part = UnsafeRawBufferPointer(rebasing: buffer[done..<min(buffer.count, done + size)])
      var whole: [UInt8] = []
      if part.count < size { whole = Array(part) + [UInt8](repeating: 0, count: size - part.count) }
      let packed = whole.isEmpty ? method.pack(part) : whole.withUnsafeBytes { method.pack($0) }
      if let packed {
        try store(packed, cluster: (offset + Int64(done)) >> Int64(geometry.clusterBits))
      } else {
        try writeMapped(at: offset + Int64(done), from: part)
      }
      done += part.count
    }
  }

  private func store(_ packed: [UInt8], cluster: Int64) throws(Errno) {
    let claim = cluster..<cluster + 1
    let outcome = state.wait { metadata -> Result<(UInt64, QCOW2Operations.Token), Errno>? in
      if metadata.operations.isClaimed(claim) { return nil }
      do throws(Errno) {
        try metadata.prepareChange()
        metadata.markDirty(
          cluster << Int64(self.geometry.clusterBits)..<(cluster + 1) << Int64(self.geometry.clusterBits))
        let descriptor = try metadata.placeCompressed(cluster, byteCount: packed.count)
        metadata.operations.claim(claim)
        return .success((descriptor, metadata.operations.begin()))
      } catch {
        return .failure(error)
      }
    }
    let (descriptor, token) = try outcome.get()
    var failure: Errno?
    do throws(Errno) {
      let place = geometry.compressedPlace(descriptor)
      try packed.withBytes { (bytes) throws(Errno) in try file.write(at: place.offset, from: bytes) }
    } catch {
      failure = error
    }
    let error = failure
    try state.update { (metadata) throws(Errno) in
      defer {
        metadata.operations.release(claim)
        metadata.operations.end(token)
      }
      let entry = L2Entry(descriptor: descriptor)
      do throws(Errno) {
        if let error { throw error }
        let table = try metadata.writableL2Table(Int(cluster / metadata.geometry.l2EntryCount))
        let index = Int(cluster % metadata.geometry.l2EntryCount)
        let old = metadata.entry(table, index)
        metadata.setEntry(table, index, entry)
        metadata.release(old)
      } catch {
        metadata.compressedEnd = 0
        if let clusters = metadata.references(entry) {
          do throws(Errno) { try metadata.changeRefcounts(clusters, by: -1) } catch {}
        }
        throw error
      }
    }
  }
}

extension QCOW2Metadata {
  /// Takes room for a packed cluster, right behind the last one where that is possible. Several share a cluster of the
  /// file, which counts them.
  func placeCompressed(_ cluster: Int64, byteCount: Int) throws(Errno) -> UInt64 {
    let bits = Int64(geometry.clusterBits)
    let table = try writableL2Table(Int(cluster / geometry.l2EntryCount))
    // Compressed data does not replace data of the image's own.
    let old = entry(table, Int(cluster % geometry.l2EntryCount))
    if old.isCopied, !old.isCompressed { throw .ioError }
    try prepareCounts()
    var offset = compressedEnd
    let room = offset == 0 ? 0 : geometry.roundedUp(offset) - offset
    let sharedCluster = offset >> bits
    var isShared = room > 0
    if isShared { isShared = try refcount(of: sharedCluster) < geometry.maximumRefcount }
    let isEnough = isShared && Int64(byteCount) <= room
    if !isEnough {
      let fresh = try allocate(1, atLeast: 1).lowerBound
      untouchedFrom = max(untouchedFrom, (fresh + 1) << bits)
      if !(isShared && fresh == sharedCluster + 1) {
        offset = fresh << bits
        isShared = false
      }
    }
    guard let descriptor = geometry.compressedDescriptor(offset: offset, byteCount: byteCount) else {
      throw .fileTooLarge
    }
    if isShared { try changeRefcounts(sharedCluster..<sharedCluster + 1, by: 1) }
    compressedEnd = offset + Int64(byteCount)
    return descriptor
  }
}
