// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A page-aligned memory mapping, unmapped when the last owner lets go.
///
/// Not synchronised: the mapping itself never moves, but who may touch which bytes when is the owner's rule.
public final class MappedMemory: @unchecked Sendable {
  // Safe: the pointer and the length never change after `init`; the bytes behind them, and where they come from, are
  // guarded by the owner's protocol.
  public let base: UnsafeMutableRawPointer
  /// Usable length in bytes, a multiple of the page size for anonymous mappings.
  public let byteCount: Int
  public let isWritable: Bool
  private let mappedByteCount: Int
  /// Parts that `replace` took from files. Changed by the owner alone, before others use the bytes.
  var fileRanges: [Range<Int>] = []

  public static let pageByteCount = Int(sysconf(Int32(_SC_PAGESIZE)))

  /// `byteCount` zero bytes, rounded up to whole pages. Nothing is committed before it is touched (MAP_NORESERVE), so a
  /// machine may have more memory than the host, as long as it does not use it. `.invalidArgument` for 0 or less.
  public init(anonymous byteCount: Int) throws(Errno) {
    let rounded = try Self.roundedUp(byteCount)
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    if rounded < LargePage.byteCount {
      base = try Self.map(rounded, PROT_READ | PROT_WRITE, flags, -1, 0)
    } else {
      base = try LargePage.reserve(rounded)
      guard mprotect(base, rounded, PROT_READ | PROT_WRITE) == 0 else {
        let error = Errno.last
        munmap(base, rounded)
        throw error
      }
    }
    self.byteCount = rounded
    mappedByteCount = rounded
    isWritable = true
  }

  public enum FileSharing: Sendable {
    /// Stores fault.
    case readOnly
    /// Stores stay in this process.
    case copyOnWrite
    /// Stores reach the file.
    case shared
  }

  /// Maps `byteCount` bytes of a file from `offset`, a multiple of the page size.
  /// Touching bytes past the file's end kills the process, so the length is checked against the file first.
  public init(file: FileDescriptor, offset: Int64 = 0, byteCount: Int, sharing: FileSharing = .readOnly) throws(Errno) {
    let rounded = try Self.roundedUp(byteCount)
    let (end, overflow) = offset.addingReportingOverflow(Int64(byteCount))
    if overflow || offset < 0 { throw .overflow }
    if try file.length() < end { throw .invalidArgument }
    let protection = sharing == .readOnly ? PROT_READ : PROT_READ | PROT_WRITE
    base = try Self.map(rounded, protection, sharing == .copyOnWrite ? MAP_PRIVATE : MAP_SHARED, file.rawValue, offset)
    self.byteCount = byteCount
    mappedByteCount = rounded
    isWritable = sharing != .readOnly
  }

  deinit { munmap(base, mappedByteCount) }

  public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: byteCount) }

  /// Gives whole pages inside `range` back to the host; an anonymous mapping then reads as zeros there.
  /// Bytes of partly covered pages are left alone. Out-of-range parts are ignored.
  public func discard(_ range: Range<Int>) {
    let page = Self.pageByteCount
    let clamped = range.clamped(to: 0..<mappedByteCount)
    let start = (clamped.lowerBound + page - 1) / page * page
    let end = clamped.upperBound / page * page
    if start < end { madvise(base + start, end - start, MADV_DONTNEED) }
  }

  /// Asks for transparent huge pages (or refuses them); a hint.
  public func adviseHugePages(_ wanted: Bool) {
    let hugePage: Int32 = 14  // MADV_HUGEPAGE, <linux/mman.h>
    madvise(base, mappedByteCount, wanted ? hugePage : hugePage + 1)
  }

  /// Leaves the mapping out of core dumps; a hint.
  public func excludeFromCoreDumps() {
    madvise(base, mappedByteCount, 16)  // MADV_DONTDUMP, <linux/mman.h>
  }

  private static func roundedUp(_ byteCount: Int) throws(Errno) -> Int {
    if byteCount <= 0 { throw .invalidArgument }
    let (padded, overflow) = byteCount.addingReportingOverflow(pageByteCount - 1)
    if overflow { throw .outOfMemory }
    return padded / pageByteCount * pageByteCount
  }

  private static func map(
    _ byteCount: Int, _ protection: Int32, _ flags: Int32, _ file: Int32, _ offset: Int64
  ) throws(Errno) -> UnsafeMutableRawPointer {
    guard let address = mmap(nil, byteCount, protection, flags, file, off_t(offset)), address != MAP_FAILED else {
      throw .last
    }
    return address
  }
}
