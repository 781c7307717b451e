// SPDX-License-Identifier: Apache-2.0
import HostIO
import Synchronization

/// A temporary layer over a read-only image: what the guest writes goes to a nameless file and is gone with it.
///
/// Storage is taken in clusters of 64 KiB when they are first written; the rest is read from below. Serves
/// `snapshot=on` and `-snapshot`. Flushing does nothing: nothing here is meant to survive.
public final class OverlayNode: BlockNode {
  public static let clusterByteCount: Int64 = 65536
  private let lower: any BlockNode
  public var backing: (any BlockNode)? { lower }
  public let isReadOnly = false
  /// QEMU's overlays are qcow2 files, and its monitor says so.
  public let driver = "qcow2"
  public var byteCount: Int64 { lower.byteCount }
  private let file: FileDescriptor
  private let clusters = Mutex(Clusters())
  /// Held by the one that gives a cluster its place: a drive's threads may write to parts of one cluster side by side.
  private let placing = Mutex(())

  private struct Clusters {
    /// Position in the file, in clusters, by position in the image.
    var places: [Int64: Int64] = [:]
  }

  /// Creates the nameless file in the first of `folders` that takes one, or in memory if none does.
  public init(over backing: any BlockNode, folders: [BytePath] = ["/var/tmp", "/tmp"]) throws(Errno) {
    lower = backing
    file = try Self.namelessFile(in: folders)
  }

  deinit { file.closeIgnoringErrors() }

  private static func namelessFile(in folders: [BytePath]) throws(Errno) -> FileDescriptor {
    for folder in folders {
      do throws(Errno) {
        let unique = try folder.appending("apus").makeUniqueDirectory()
        defer { removeQuietly(unique) }
        let name = unique.appending("overlay")
        let file = try FileDescriptor.open(name, .readWrite, .exclusiveCreate, permissions: 0o600)
        try name.unlink()
        return file
      } catch {}
    }
    return try FileDescriptor.memoryFile(named: "apus-overlay")
  }

  private static func removeQuietly(_ folder: BytePath) {
    do throws(Errno) { try folder.removeDirectory() } catch {}
  }

  public var allocatedByteCount: Int64? {
    do throws(Errno) { return try file.status().allocatedByteCount } catch { return nil }
  }

  /// Cuts a range at cluster borders.
  private func forEachPiece(
    _ offset: Int64, _ count: Int, _ body: (_ cluster: Int64, _ within: Int64, Range<Int>) throws(Errno) -> Void
  ) throws(Errno) {
    var done = 0
    while done < count {
      let position = offset + Int64(done)
      let within = position % Self.clusterByteCount
      let size = min(count - done, Int(Self.clusterByteCount - within))
      try body(position / Self.clusterByteCount, within, done..<done + size)
      done += size
    }
  }

  public func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
    guard offset >= 0, offset <= Int64.max - Int64(buffer.count) else { throw .invalidArgument }
    try forEachPiece(offset, buffer.count) { (cluster, within, range) throws(Errno) in
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[range])
      if let place = clusters.withLock({ $0.places[cluster] }) {
        let got = try file.readFully(into: part, at: place * Self.clusterByteCount + within)
        UnsafeMutableRawBufferPointer(rebasing: part[got...]).initializeMemory(as: UInt8.self, repeating: 0)
      } else {
        try lower.read(at: cluster * Self.clusterByteCount + within, into: part)
      }
    }
  }

  public func write(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno) {
    guard contains(offset, buffer.count) else { throw .ioError }
    try forEachPiece(offset, buffer.count) { (cluster, within, range) throws(Errno) in
      let part = UnsafeRawBufferPointer(rebasing: buffer[range])
      if try overwrite(cluster, within, part) { return }
      try placing.withLock { (_) throws(Errno) in
        if try !overwrite(cluster, within, part) { try place(cluster, within, part) }
      }
    }
  }

  /// Writes into a cluster that has a place; false: it has none.
  private func overwrite(_ cluster: Int64, _ within: Int64, _ part: UnsafeRawBufferPointer) throws(Errno) -> Bool {
    guard let place = clusters.withLock({ $0.places[cluster] }) else { return false }
    try file.writeAll(part, at: place * Self.clusterByteCount + within)
    return true
  }

  /// Writes a whole cluster to the next free place, which others see when it is filled.
  private func place(_ cluster: Int64, _ within: Int64, _ part: UnsafeRawBufferPointer) throws(Errno) {
    var whole = try [UInt8].filled(Int(Self.clusterByteCount)) { (target) throws(Errno) in
      if part.count < target.count { try lower.read(at: cluster * Self.clusterByteCount, into: target) }
    }
    whole.replaceSubrange(Int(within)..<Int(within) + part.count, with: part)
    let place = Int64(clusters.withLock { $0.places.count })
    try file.writeAll(whole, at: place * Self.clusterByteCount)
    clusters.withLock { $0.places[cluster] = place }
  }

  public func flush() throws(Errno) {}

  public func extent(in range: Range<Int64>) throws(Errno) -> BlockExtent {
    clusters.withLock { clusters in
      var end = range.lowerBound
      let isPlaced = clusters.places[end / Self.clusterByteCount] != nil
      while end < range.upperBound, (clusters.places[end / Self.clusterByteCount] != nil) == isPlaced {
        end = min(range.upperBound, (end / Self.clusterByteCount + 1) * Self.clusterByteCount)
      }
      return BlockExtent(range.lowerBound..<end, isPlaced ? .data : .unallocated)
    }
  }
}
