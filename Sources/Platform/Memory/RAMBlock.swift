// SPDX-License-Identifier: Apache-2.0
import HostIO

/// A guest physical address.
public typealias PhysicalAddress = UInt64

/// Page size of the memory map.
public let pageByteCount: UInt64 = 4096

/// A run of host memory that the guest sees as RAM or ROM: main memory, video memory, a firmware image.
///
/// Lazily committed: untouched pages cost nothing.
public final class RAMBlock {
  public let name: String
  /// A multiple of the page size.
  public let byteCount: Int
  /// Host address of the first byte. Only the processor and code in this module use it unchecked.
  public let base: UnsafeMutableRawPointer
  /// Notes which pages were written since they were last collected; nil while nobody asks.
  public private(set) var dirtyLog: DirtyLog?
  /// Called when the log was cleared, before anything else happens: from then on the processor must announce its writes.
  public var dirtyLogWasCleared: (() -> Void)? {
    didSet { dirtyLog?.wasCleared = dirtyLogWasCleared }
  }
  private let mapping: MappedMemory

  /// Allocates zeroed memory, rounded up to whole pages.
  public init(name: String, byteCount: Int) throws(Errno) {
    let pages = (byteCount + Int(pageByteCount) - 1) / Int(pageByteCount)
    self.name = name
    self.byteCount = pages * Int(pageByteCount)
    mapping = try MappedMemory(anonymous: self.byteCount)
    base = mapping.base
    mapping.adviseHugePages(true)
  }

  /// Starts to log writes; all pages count as written at first.
  public func enableDirtyLog() {
    guard dirtyLog == nil else { return }
    let log = DirtyLog(pageCount: byteCount / Int(pageByteCount))
    log.wasCleared = dirtyLogWasCleared
    dirtyLog = log
  }

  /// Notes that bytes were written other than by the processor's own stores.
  public func markDirty(_ bytes: Range<Int>) {
    guard let dirtyLog, !bytes.isEmpty else { return }
    let pageSize = Int(pageByteCount)
    for page in bytes.lowerBound / pageSize...(bytes.upperBound - 1) / pageSize { dirtyLog.mark(page: page) }
  }

  /// Makes every byte zero. For whoever loads a machine: only the log of writes notices.
  public func clear() throws(Errno) {
    try mapping.clear()
    markDirty(0..<byteCount)
  }

  /// Puts whole pages of a file in place of a range, copy-on-write. Only the log of writes notices, as with `clear`.
  public func replace(_ range: Range<Int>, with file: FileDescriptor, at offset: Int64) throws(Errno) {
    try mapping.replace(range, with: file, at: offset)
    markDirty(range)
  }

  /// Whether bytes of the range come from a file.
  public func isFileBacked(_ range: Range<Int>) -> Bool { mapping.isFileBacked(range) }

  /// The block's bytes, for host-side readers such as a display surface. Valid while the block lives.
  public var contents: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: base, count: byteCount)
  }
}

/// One bit per page: written since the last `collect`.
public final class DirtyLog {
  private var bits: [UInt64]
  private let pageCount: Int
  /// No page is dirty unless this is set.
  private var mayBeDirty = true
  /// Called after bits were cleared, so that the processor announces the next write to each page.
  public var wasCleared: (() -> Void)?

  init(pageCount: Int) {
    self.pageCount = pageCount
    bits = [UInt64](repeating: .max, count: (pageCount + 63) / 64)
  }

  public func isDirty(page: Int) -> Bool {
    guard page >= 0, page < pageCount else { return false }
    return bits[page >> 6] >> UInt64(page & 63) & 1 != 0
  }

  public func mark(page: Int) {
    guard page >= 0, page < pageCount else { return }
    bits[page >> 6] |= 1 << UInt64(page & 63)
    mayBeDirty = true
  }

  /// True if any page of the range is dirty; clears the range.
  public func collect(_ pages: Range<Int>) -> Bool {
    let range = pages.clamped(to: 0..<pageCount)
    var isDirty = false
    for page in range where bits[page >> 6] >> UInt64(page & 63) & 1 != 0 {
      isDirty = true
      bits[page >> 6] &= ~(1 << UInt64(page & 63))
    }
    if isDirty { wasCleared?() }
    return isDirty
  }

  /// True if any page is dirty; clears all. Costs nothing when none is.
  public func collect() -> Bool {
    guard mayBeDirty else { return false }
    mayBeDirty = false
    return collect(0..<pageCount)
  }
}
