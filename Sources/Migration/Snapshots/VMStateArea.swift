// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO

/// The state of a machine behind the end of a qcow2 disk, written and read front to back.
final class VMStateArea: ImageSink, ImageSource {
  private let image: QCOW2Node
  /// Bytes that are there to read.
  private let byteCount: Int64
  private(set) var position: Int64 = 0
  /// Written in pieces, so that clusters are filled at once.
  private var held: [UInt8] = []
  private static let pieceByteCount = 1 << 20

  /// - Parameter byteCount: what the snapshot's entry says, which nobody has checked.
  init(_ image: QCOW2Node, byteCount: UInt64 = 0) {
    self.image = image
    self.byteCount = Int64(clamping: byteCount)
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) {
    held += bytes
    if held.count >= Self.pieceByteCount { try flush() }
  }

  /// Writes what is held back; the state has ended then.
  func flush() throws(Errno) {
    guard !held.isEmpty else { return }
    try held.withBytes { (bytes) throws(Errno) in try image.saveVMState(at: position, from: bytes) }
    position += Int64(held.count)
    held.removeAll(keepingCapacity: true)
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    let count = Int(min(Int64(buffer.count), byteCount - position))
    guard count > 0 else { return 0 }
    try image.loadVMState(at: position, into: UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(count)))
    position += Int64(count)
    return count
  }
}
