// SPDX-License-Identifier: Apache-2.0
import HostIO
import Synchronization

/// A raw image in a file or on a block device, or the file that another format is stored in.
///
/// A length that is not a multiple of 512 is padded with zeros that become real when the guest writes the last sector,
/// as in QEMU.
public final class FileNode: BlockNode {
  /// A format node above writes past the end to make the file longer; a raw image has the length it has.
  public let isGrowable: Bool
  public let isReadOnly: Bool
  public let driver = "raw"
  private let file: FileDescriptor
  /// Not nil: past the host's page cache.
  private let direct: DirectTransfer?
  private let unmapsDiscards: Bool
  /// Not a file: it has the length it has.
  let isDevice: Bool
  private let length: Atomic<Int64>
  private let isClosed = Atomic<Bool>(false)
  /// Looking for holes moves the descriptor's position.
  private let seeking = Mutex(())

  /// Takes over `file`, which it closes at the end of its life. `unmapsDiscards`: discarded ranges give their storage back.
  /// `alignment`: of a file that was opened to bypass the page cache.
  public init(
    _ file: FileDescriptor, isReadOnly: Bool, unmapsDiscards: Bool = false, isGrowable: Bool = false,
    alignment: DirectAlignment? = nil
  ) throws(Errno) {
    self.file = file
    direct = alignment.map { DirectTransfer(file, $0) }
    self.isReadOnly = isReadOnly
    self.unmapsDiscards = unmapsDiscards
    self.isGrowable = isGrowable
    isDevice = try file.status().kind != .regular
    isCached = alignment == nil && !isDevice && file.isOnLocalFileSystem
    length = Atomic(Self.padded(try file.length()))
  }

  deinit { if !isClosed.load(ordering: .relaxed) { file.closeIgnoringErrors() } }

  private static func padded(_ length: Int64) -> Int64 {
    length > Int64.max - sectorByteCount ? length & -sectorByteCount : (length + 511) & -sectorByteCount
  }

  public var byteCount: Int64 { length.load(ordering: .acquiring) }

  public var allocatedByteCount: Int64? {
    do throws(Errno) { return try file.status().allocatedByteCount } catch { return nil }
  }

  /// Requests are made of units of this size, in which the last one of the file may become whole; 1 with the page cache.
  public var requestAlignment: Int { direct?.alignment.request ?? 1 }

  private func readBytes(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    if let direct { return try direct.read(at: offset, into: buffer) }
    return try file.readFully(into: buffer, at: offset)
  }

  private func writeBytes(_ buffer: UnsafeRawBufferPointer, at offset: Int64) throws(Errno) {
    if let direct { return try direct.write(at: offset, from: buffer) }
    try file.writeAll(buffer, at: offset)
  }

  /// Changes a range by other means than writing bytes.
  private func changing(_ range: Range<Int64>, _ body: () throws(Errno) -> Void) throws(Errno) {
    if let direct { return try direct.changing(range, body) }
    try body()
  }

  /// Makes sure that a change of a range may happen, and remembers where the file ends after it.
  private func prepareChange(_ offset: Int64, _ count: Int64) throws(Errno) {
    guard !isReadOnly else { throw .notPermitted }
    guard offset >= 0, count >= 0, offset <= Int64.max - sectorByteCount - count else { throw .ioError }
    let end = offset + count
    if end > byteCount {
      guard isGrowable else { throw .ioError }
      length.max(Self.padded(end), ordering: .acquiringAndReleasing)
    }
  }

  public func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
    guard offset >= 0 else { throw .invalidArgument }
    let got = try readBytes(at: offset, into: buffer)
    if got < buffer.count {
      UnsafeMutableRawBufferPointer(rebasing: buffer[got...]).initializeMemory(as: UInt8.self, repeating: 0)
    }
  }

  /// What the page cache holds.
  public func readAtOnce(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    direct == nil && contains(offset, buffer.count) && file.readIfCached(into: buffer, at: offset)
  }

  /// A local file and its page cache.
  private let isCached: Bool

  /// True unless the host has more in its page cache than it can write back.
  public func writesToMemory(_ range: Range<Int64>) -> Bool { isCached && contains(range) }

  public func write(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno) {
    try prepareChange(offset, Int64(buffer.count))
    try writeBytes(buffer, at: offset)
  }

  public func flush() throws(Errno) {
    if !isReadOnly { try file.synchronizeData() }
  }

  public func discard(_ range: Range<Int64>) throws(Errno) {
    guard unmapsDiscards, !isReadOnly, !isDevice, contains(range) else { return }
    do throws(Errno) {
      try changing(range) { () throws(Errno) in
        try file.punchHole(at: range.lowerBound, byteCount: range.upperBound - range.lowerBound)
      }
    } catch .notSupported {}
  }

  public func writeZeroes(_ range: Range<Int64>, mayUnmap: Bool) throws(Errno) {
    guard !range.isEmpty else { return }
    let count = range.upperBound - range.lowerBound
    let oldEnd = byteCount
    try prepareChange(range.lowerBound, count)
    if !isDevice {
      do throws(Errno) {
        try changing(range) { () throws(Errno) in
          if mayUnmap, unmapsDiscards {
            try file.punchHole(at: range.lowerBound, byteCount: count)
            if range.upperBound > oldEnd, try file.length() < range.upperBound {
              try file.truncate(to: range.upperBound)
            }
          } else {
            try file.zeroRange(at: range.lowerBound, byteCount: count)
          }
        }
        return
      } catch .notSupported {}
    }
    try writeZeroBytes(range)
  }

  private func writeZeroBytes(_ range: Range<Int64>) throws(Errno) {
    let zeros = [UInt8](repeating: 0, count: 65536)
    var offset = range.lowerBound
    while offset < range.upperBound {
      let count = Int(min(Int64(zeros.count), range.upperBound - offset))
      try zeros.withBytes { (bytes) throws(Errno) in
        try writeBytes(UnsafeRawBufferPointer(rebasing: bytes.prefix(count)), at: offset)
      }
      offset += Int64(count)
    }
  }

  /// Holes are found where the file system tells them (SEEK_HOLE).
  public func extent(in range: Range<Int64>) throws(Errno) -> BlockExtent {
    let start = range.lowerBound
    guard start >= 0 else { throw .invalidArgument }
    let run: (end: Int64?, isHole: Bool) = try seeking.withLock { (_) throws(Errno) in
      do throws(Errno) {
        guard let data = try file.nextData(from: start) else { return (nil, true) }
        return data > start ? (data, true) : (try file.nextHole(from: start), false)
      } catch .invalidArgument {
        return (nil, false)
      }
    }
    var end = min(range.upperBound, run.end ?? range.upperBound)
    // The padding of the last sector belongs to what is before it.
    if !run.isHole, end < range.upperBound, try end == file.length() { end = min(Self.padded(end), range.upperBound) }
    return BlockExtent(start..<max(end, start + 1), run.isHole ? .zero : .data, hostOffset: start)
  }

  public func resize(to byteCount: Int64, preallocation: Preallocation) throws(BlockError) {
    guard byteCount >= 0 else { throw .cannotResize("Image size must be positive") }
    guard !isReadOnly else { throw .failed("Failed to resize underlying file", .notPermitted) }
    guard !isDevice else {
      guard byteCount <= self.byteCount else { throw .cannotResize("Cannot grow device files") }
      return
    }
    let old: Int64
    do throws(Errno) { old = try file.length() } catch { throw .failed("Failed to resize the file", error) }
    if preallocation != .off, byteCount < old {
      throw .cannotResize("Preallocation can't be used for shrinking files")
    }
    do throws(BlockError) {
      switch preallocation {
      case .metadata: throw .cannotResize("Unsupported preallocation mode 'metadata'")
      case .falloc: if byteCount > old { try reserve(old..<byteCount) }
      case .full: try fill(old..<byteCount)
      case .off: break
      }
      do throws(Errno) {
        try changing(0..<Int64.max) { () throws(Errno) in
          try file.truncate(to: byteCount)
          if old == 0, preallocation == .off { writeFirstBlock(of: byteCount) }
        }
      } catch {
        throw .failed("Could not resize file", error)
      }
    } catch {
      if preallocation != .off { do throws(Errno) { try file.truncate(to: old) } catch {} }
      throw error
    }
    length.store(Self.padded(byteCount), ordering: .releasing)
  }

  /// A file that begins with a hole does not tell what alignment its file system wants (`directAlignment`); QEMU writes
  /// a block there too. The new length holds without it.
  private func writeFirstBlock(of byteCount: Int64) {
    let block = AlignedBuffer(byteCount: Int(min(byteCount, 4096)), alignment: 4096)
    do throws(Errno) {
      try block.withBytes { (bytes) throws(Errno) in try file.writeAll(UnsafeRawBufferPointer(bytes), at: 0) }
    } catch {}
  }

  private func reserve(_ range: Range<Int64>) throws(BlockError) {
    do throws(Errno) {
      try file.allocate(at: range.lowerBound, byteCount: range.upperBound - range.lowerBound)
    } catch {
      throw .failed("Could not preallocate data for the new file", error)
    }
  }

  private func fill(_ range: Range<Int64>) throws(BlockError) {
    do throws(Errno) {
      try writeZeroBytes(range)
      try file.synchronize()
    } catch {
      throw .failed("Could not write zeros for preallocation", error)
    }
  }

  public func activate() throws(BlockError) {
    do throws(Errno) { length.store(Self.padded(try file.length()), ordering: .releasing) } catch {
      throw .failed("Could not get image size", error)
    }
  }

  /// Closes the file, and tells what the host found when it did.
  public func close() throws(Errno) {
    guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
    try file.close()
  }
}
