// SPDX-License-Identifier: Apache-2.0
import HostIO
import Synchronization

/// A disk held in memory, for media that a program makes up and for tests.
public final class MemoryNode: BlockNode {
  public let byteCount: Int64
  public let isReadOnly: Bool
  public let driver = "raw"
  private let content: Mutex<[UInt8]>

  /// `bytes` are padded with zeros to whole sectors.
  public init(_ bytes: [UInt8], isReadOnly: Bool = false) {
    let padded = bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
    byteCount = Int64(padded.count)
    self.isReadOnly = isReadOnly
    content = Mutex(padded)
  }

  /// A copy of what it holds now.
  public var bytes: [UInt8] { content.withLock { $0 } }
  public var allocatedByteCount: Int64? { byteCount }

  public func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
    guard offset >= 0 else { throw .invalidArgument }
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
    let count = Int(min(Int64(buffer.count), max(0, byteCount - offset)))
    content.withLock { bytes in
      bytes.withUnsafeBytes { source in
        if count > 0 {
          buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[Int(offset)..<Int(offset) + count]))
        }
      }
    }
  }

  public func write(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno) {
    guard !isReadOnly else { throw .notPermitted }
    guard contains(offset, buffer.count) else { throw .ioError }
    // The source is only read, while the lock is held.
    nonisolated(unsafe) let source = buffer
    content.withLock { bytes in
      bytes.withUnsafeMutableBytes { target in
        UnsafeMutableRawBufferPointer(rebasing: target[Int(offset)..<Int(offset) + source.count])
          .copyMemory(from: source)
      }
    }
  }

  public func flush() throws(Errno) {}
}
