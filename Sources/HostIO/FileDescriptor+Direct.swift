// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// In which units the host moves bytes past its page cache; powers of two.
public struct DirectAlignment: Sendable, Hashable {
  /// Of places in the file, and of lengths.
  public let request: Int
  /// Of places in memory.
  public let memory: Int

  public init(request: Int, memory: Int) { (self.request, self.memory) = (request, memory) }
}

extension FileDescriptor {
  /// Whether the open file bypasses the page cache (`O_DIRECT`).
  public var isDirect: Bool { fcntl(rawValue, F_GETFL) & LINUX_O_DIRECT.integer != 0 }

  /// The smallest units that work for a file that was opened with `.direct`; nil if none of those in use does.
  ///
  /// A device says what its sectors are. A file system is asked by reading: it refuses what is too small, but one that
  /// refuses nothing, or an empty file, teaches nothing, so that the largest unit is taken there. These are QEMU's rules,
  /// and the request alignment shows in what may be done with an image.
  public func directAlignment() -> DirectAlignment? {
    let largest = max(4096, MappedMemory.pageByteCount)
    let candidates = [1, 512, 1024, 2048, 4096]
    let buffer = AlignedBuffer(byteCount: 2 * largest, alignment: largest)
    func isTaken(_ memory: Int, _ count: Int) -> Bool {
      do throws(Errno) {
        return try buffer.withBytes { (bytes) throws(Errno) in
          _ = try read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[memory..<memory + count]), at: 0)
          return true
        }
      } catch {
        return error != .invalidArgument
      }
    }
    var request = 0
    let sector = Int(linux_logical_block_size(rawValue))
    if sector > 0, sector & (sector - 1) == 0 {
      request = sector
    } else if let found = candidates.first(where: { isTaken(0, $0) }) {
      request = found == 1 ? largest : found
    }
    guard let found = candidates.first(where: { isTaken($0, largest) }), request > 0 else { return nil }
    return DirectAlignment(request: request, memory: found == 1 ? request : found)
  }
}

/// Memory at a multiple of some power of two. It may be used by one thread after another.
public final class AlignedBuffer: @unchecked Sendable {
  // Safe: the pointer never changes, is freed once, and leaves this object only for the time of a call; who uses the bytes
  // sees to it that nobody else does.
  private let bytes: UnsafeMutableRawBufferPointer

  /// Filled with zeros.
  public init(byteCount: Int, alignment: Int) {
    bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: alignment)
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit { bytes.deallocate() }

  public func withBytes<Result, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(self) {} }
    return try body(bytes)
  }
}
