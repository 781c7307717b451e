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
    guard let address = mmap(nil, byteCount, protection, MAP_SHARED, file.rawValue, 0), address != MAP_FAILED else {
      throw .last
    }
    return address
  }
}
