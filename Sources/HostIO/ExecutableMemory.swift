// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Memory for code that this process makes: written at one address and executed at another, so that no page is ever both
/// writable and executable. Nothing is committed before it is written.
public final class ExecutableMemory: @unchecked Sendable {
  // Safe: neither address nor length changes after `init`; who writes the bytes when is the owner's rule.
  public let writable: UnsafeMutableRawPointer
  public let executable: UnsafeRawPointer
  /// Bytes, a multiple of the page size.
  public let byteCount: Int
  private let code: UnsafeMutableRawPointer
  /// What `useLargePages` has done.
  private var largePageCount = 0

  /// `byteCount` bytes, rounded up to whole pages. Throws what memfd_create(2), ftruncate(2) and mmap(2) do; a host may refuse
  /// executable memory altogether.
  public init(_ byteCount: Int) throws(Errno) {
    let page = MappedMemory.pageByteCount
    guard byteCount > 0, byteCount <= 1 << 40 else { throw .invalidArgument }
    let rounded = (byteCount + page - 1) / page * page
    let file = try FileDescriptor.memoryFile(named: "apus-code")
    try file.truncate(to: Int64(rounded))
    let data = try Self.map(rounded, PROT_READ | PROT_WRITE, file)
    do {
      code = try Self.map(rounded, PROT_READ | PROT_EXEC, file)
    } catch {
      munmap(data, rounded)
      throw error
    }
    writable = data
    executable = UnsafeRawPointer(code)
    self.byteCount = rounded
  }

  deinit {
    munmap(writable, byteCount)
    munmap(code, byteCount)
  }

  private static func map(
    _ byteCount: Int, _ protection: Int32, _ file: FileDescriptor
  ) throws(Errno) -> UnsafeMutableRawPointer {
    let place = try LargePage.reserve(byteCount)
    guard mmap(place, byteCount, protection, MAP_SHARED | MAP_FIXED, file.rawValue, 0) != MAP_FAILED else {
      let error = Errno.last
      munmap(place, byteCount)
      throw error
    }
    return place
  }

  /// Has the host keep the first bytes in large pages, those that they are not full of as well. Quick when nothing is to be
  /// done; for the owner alone.
  public func useLargePages(upTo count: Int) {
    let needed = min(min(count, byteCount) / LargePage.byteCount + 1, byteCount / LargePage.byteCount)
    while largePageCount < needed {
      LargePage.collapse(at: code + largePageCount * LargePage.byteCount)
      largePageCount += 1
    }
  }
}
