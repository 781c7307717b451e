// SPDX-License-Identifier: Apache-2.0
import HostIO

/// Bytes that a guest sees as a disk, or a layer of them. Called from worker threads, possibly several at once.
///
/// Calls wait until they are done. A range beyond the end reads as zeros and refuses writes with `.ioError`.
public protocol BlockNode: AnyObject, Sendable {
  /// Length in bytes, a multiple of 512: what the guest sees.
  var byteCount: Int64 { get }
  var isReadOnly: Bool { get }
  /// QEMU's name of the driver: `raw`, `qcow2`.
  var driver: String { get }
  /// Bytes of host storage in use, nil when the host cannot tell.
  var allocatedByteCount: Int64? { get }

  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno)
  func write(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno)
  /// Everything that was written before reaches stable storage.
  func flush() throws(Errno)
  /// The content is no longer needed; what it reads as afterwards is undefined. A hint: it may do nothing.
  func discard(_ range: Range<Int64>) throws(Errno)
  /// Makes a range read as zeros, without storage where the host can.
  func writeZeroes(_ range: Range<Int64>) throws(Errno)
}

extension BlockNode {
  public func discard(_ range: Range<Int64>) throws(Errno) {}

  /// Writes zeros as data, in pieces.
  public func writeZeroes(_ range: Range<Int64>) throws(Errno) {
    let zeros = [UInt8](repeating: 0, count: 65536)
    var offset = range.lowerBound
    while offset < range.upperBound {
      let count = Int(min(Int64(zeros.count), range.upperBound - offset))
      try zeros.withBytes { (bytes) throws(Errno) in
        try write(at: offset, from: UnsafeRawBufferPointer(rebasing: bytes.prefix(count)))
      }
      offset += Int64(count)
    }
  }

  /// True if `count` bytes at `offset` lie inside the node.
  func contains(_ offset: Int64, _ count: Int) -> Bool {
    offset >= 0 && count >= 0 && offset <= byteCount && Int64(count) <= byteCount - offset
  }
}

extension Array where Element == UInt8 {
  /// `withUnsafeBytes` with the typed error kept.
  func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let outcome = withUnsafeBytes { buffer -> Swift.Result<Result, Failure> in
      do throws(Failure) { return .success(try body(buffer)) } catch { return .failure(error) }
    }
    return try outcome.get()
  }

  /// A fresh array that `body` fills.
  static func filled<Failure: Error>(
    _ count: Int, _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
  ) throws(Failure) -> [UInt8] {
    var failure: Failure?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      let raw = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer).prefix(count))
      do throws(Failure) {
        try body(raw)
      } catch {
        failure = error
        raw.initializeMemory(as: UInt8.self, repeating: 0)
      }
      initialized = count
    }
    if let failure { throw failure }
    return bytes
  }
}

let sectorByteCount: Int64 = 512
