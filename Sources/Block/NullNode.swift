// SPDX-License-Identifier: Apache-2.0
import HostIO
import Synchronization

/// A disk without storage (`null-co`, `null-aio`): writes are gone, reads give zeros. For measuring everything above it.
///
/// QEMU leaves the buffer of a read as it was unless `read-zeroes=on`; what was in the host's memory is nothing that a
/// guest should see, and no two runs would be equal, so zeros are read in any case.
package final class NullNode: BlockNode {
  package let driver: String
  package let isReadOnly: Bool
  package let allocatedByteCount: Int64? = 0
  private let length: Atomic<Int64>
  /// `latency-ns`: how long each request takes on the host.
  private let latency: UInt64
  /// The content is known to be zeros.
  private let readsZeroes: Bool

  static let defaultByteCount: Int64 = 1 << 30

  package init(driver: String, byteCount: Int64, latency: Int64, readsZeroes: Bool, isReadOnly: Bool) {
    (self.driver, self.readsZeroes, self.isReadOnly) = (driver, readsZeroes, isReadOnly)
    self.latency = UInt64(clamping: latency)
    length = Atomic(byteCount > Int64.max - 511 ? byteCount & -sectorByteCount : (byteCount + 511) & -sectorByteCount)
  }

  package var byteCount: Int64 { length.load(ordering: .acquiring) }

  private func pause() {
    if latency > 0 { HostClock.sleep(nanoseconds: latency) }
  }

  package func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
    guard offset >= 0 else { throw .invalidArgument }
    pause()
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
  }

  package func readAtOnce(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    guard latency == 0, contains(offset, buffer.count) else { return false }
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
    return true
  }

  package func write(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno) {
    guard !isReadOnly else { throw .notPermitted }
    guard contains(offset, buffer.count) else { throw .ioError }
    pause()
  }

  package func writeZeroes(_ range: Range<Int64>, mayUnmap: Bool) throws(Errno) {
    guard !isReadOnly else { throw .notPermitted }
    guard contains(range) else { throw .ioError }
    pause()
  }

  package func flush() throws(Errno) { pause() }

  package func extent(in range: Range<Int64>) throws(Errno) -> BlockExtent {
    guard range.lowerBound >= 0 else { throw .invalidArgument }
    return BlockExtent(range, readsZeroes ? .zero : .unallocated, hostOffset: range.lowerBound)
  }

  package func resize(to byteCount: Int64, preallocation: Preallocation) throws(BlockError) {
    throw .cannotResize("Image format driver does not support resize")
  }

  package func close() throws(Errno) {}
}
