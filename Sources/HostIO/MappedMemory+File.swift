// SPDX-License-Identifier: Apache-2.0
import Glibc

extension MappedMemory {
  /// Replaces whole pages of an anonymous mapping by those of a file, copy-on-write: stores stay in this process.
  ///
  /// Touching what the file loses later raises SIGBUS; see `LostPages`. On the thread that owns the bytes, before another
  /// uses them. `.invalidArgument` when anything is no multiple of the page size, lies outside or past the file's end.
  public func replace(_ range: Range<Int>, with file: FileDescriptor, at offset: Int64) throws(Errno) {
    let page = Self.pageByteCount
    let (end, overflow) = offset.addingReportingOverflow(Int64(range.count))
    guard range.lowerBound >= 0, range.upperBound <= byteCount, !range.isEmpty, offset >= 0, !overflow,
      range.lowerBound % page == 0, range.count % page == 0, offset % Int64(page) == 0, try file.length() >= end
    else { throw .invalidArgument }
    let flags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE
    let address = mmap(
      base + range.lowerBound, range.count, PROT_READ | PROT_WRITE, flags, file.rawValue, off_t(offset))
    guard address != MAP_FAILED else { throw .last }
    fileRanges.append(range)
  }

  /// Makes all of an anonymous mapping read as zeros again, parts that were replaced by a file's pages too.
  public func clear() throws(Errno) {
    let flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE
    for range in fileRanges {
      guard mmap(base + range.lowerBound, range.count, PROT_READ | PROT_WRITE, flags, -1, 0) != MAP_FAILED else {
        throw .last
      }
    }
    fileRanges = []
    discard(0..<byteCount)
  }

  /// Whether bytes of the range come from a file.
  public func isFileBacked(_ range: Range<Int>) -> Bool { fileRanges.contains { $0.overlaps(range) } }
}

/// What the kernel tells about this process's pages, from `/proc/self/pagemap`: which of them exist at all.
public struct PageMap {
  private let file: FileDescriptor

  /// Nil where the kernel does not tell.
  public init?() {
    guard let file = try? FileDescriptor.open("/proc/self/pagemap", .readOnly) else { return nil }
    self.file = file
  }

  public func close() { file.closeIgnoringErrors() }

  /// Calls `body` with the index of each page from `address` on, a multiple of the page size, that is in memory or
  /// swapped out. Every other page of an anonymous mapping was never written and holds zeros. False when the kernel gave
  /// no answer; nothing was called then.
  public func forEachPresent(from address: UnsafeRawPointer, pageCount: Int, _ body: (Int) -> Void) -> Bool {
    withUnsafeTemporaryAllocation(of: UInt64.self, capacity: pageCount) { entries in
      let offset = Int64(UInt(bitPattern: address) / UInt(MappedMemory.pageByteCount)) &* 8
      guard let count = try? file.readFully(into: UnsafeMutableRawBufferPointer(entries), at: offset),
        count == pageCount * 8
      else { return false }
      // Bit 63: in memory. Bit 62: swapped out or on its way. Documentation/admin-guide/mm/pagemap.rst of Linux.
      for (page, entry) in entries.enumerated() where entry >> 62 != 0 { body(page) }
      return true
    }
  }
}
