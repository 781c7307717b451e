// SPDX-License-Identifier: Apache-2.0
import HostIO

/// Bytes that a guest sees as a disk, or a layer of them. Called from worker threads, possibly several at once.
///
/// Calls wait until they are done. A range beyond the end reads as zeros and refuses writes with `.ioError`; a protocol
/// node that was opened growable grows instead.
public protocol BlockNode: AnyObject, Sendable {
  /// Length in bytes, a multiple of 512: what the guest sees.
  var byteCount: Int64 { get }
  var isReadOnly: Bool { get }
  /// QEMU's name of the driver: `raw`, `qcow2`.
  var driver: String { get }
  /// Bytes of host storage in use, nil when the host cannot tell.
  var allocatedByteCount: Int64? { get }
  /// What unallocated ranges are read from.
  var backing: (any BlockNode)? { get }
  /// The node that holds this one's bytes, for a format over a protocol.
  var storage: (any BlockNode)? { get }

  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno)
  /// `read` if that needs no waiting; false, with the buffer in any state, where it would or might.
  func readAtOnce(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) -> Bool
  func write(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno)
  /// Whether `write` to a range only fills memory of the host as a rule, and so takes no longer than copying does.
  func writesToMemory(_ range: Range<Int64>) -> Bool
  /// `write` whose bytes are on stable storage when it returns (forced unit access).
  func writeThrough(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno)
  /// Stores a piece compressed: whole clusters that were not allocated before, the last one may end with the image.
  /// `.notSupported` by formats without compression.
  func writeCompressed(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno)
  /// Everything that was written before reaches stable storage.
  func flush() throws(Errno)
  /// The content is no longer needed; what it reads as afterwards is undefined. A hint: it may do nothing.
  func discard(_ range: Range<Int64>) throws(Errno)
  /// Makes a range read as zeros. `mayUnmap`: its storage may be given back.
  func writeZeroes(_ range: Range<Int64>, mayUnmap: Bool) throws(Errno)

  /// How the start of a range that is not empty is stored: the longest run of one kind that begins there, within the
  /// range. It may be shorter where looking on would cost too much.
  func extent(in range: Range<Int64>) throws(Errno) -> BlockExtent
  /// Changes the length. New space reads as zeros.
  func resize(to byteCount: Int64, preallocation: Preallocation) throws(BlockError)
  /// Ends the use of the node: what it holds back is written, and marks of an open image are taken away. Later calls fail
  /// or do nothing. A node that is only let go does the same without telling errors.
  func close() throws(Errno)

  /// Another process has the image from now on: nothing is written until `activate`.
  func inactivate()
  /// The image is this process's again, or for the first time: what is known of it is read anew.
  func activate() throws(BlockError)
}

/// A run of bytes of a node that are stored in one way.
public struct BlockExtent: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    case data
    /// Known to read as zeros.
    case zero
    /// Read from the backing node, or as zeros if there is none.
    case unallocated
  }

  public var range: Range<Int64>
  public var kind: Kind
  /// Where the run starts in the storage node, if it is there as it reads.
  public var hostOffset: Int64?
  public var isCompressed: Bool
  /// Storage has been set aside for a run of data, but the host holds zeros there.
  public var isHole: Bool

  public init(
    _ range: Range<Int64>, _ kind: Kind, hostOffset: Int64? = nil, isCompressed: Bool = false, isHole: Bool = false
  ) {
    (self.range, self.kind, self.hostOffset) = (range, kind, hostOffset)
    (self.isCompressed, self.isHole) = (isCompressed, isHole)
  }

  /// Whether `next` continues this run.
  func isFollowed(by next: BlockExtent) -> Bool {
    guard next.range.lowerBound == range.upperBound, next.kind == kind, next.isCompressed == isCompressed,
      next.isHole == isHole
    else { return false }
    guard let hostOffset, let nextOffset = next.hostOffset else { return hostOffset == next.hostOffset }
    return hostOffset + (range.upperBound - range.lowerBound) == nextOffset
  }
}

/// How much of an image's storage is reserved when it is made or grows.
public enum Preallocation: String, Sendable, CaseIterable {
  case off, metadata, falloc, full
}

extension BlockNode {
  public var backing: (any BlockNode)? { nil }
  public var storage: (any BlockNode)? { nil }

  public func readAtOnce(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) -> Bool { false }
  public func writesToMemory(_ range: Range<Int64>) -> Bool { false }

  public func writeThrough(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno) {
    try write(at: offset, from: buffer)
    try flush()
  }

  public func writeCompressed(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno) {
    throw .notSupported
  }

  public func discard(_ range: Range<Int64>) throws(Errno) {}

  /// Makes a range read as zeros, without storage where the host can.
  public func writeZeroes(_ range: Range<Int64>) throws(Errno) { try writeZeroes(range, mayUnmap: true) }

  /// Writes zeros as data, in pieces.
  public func writeZeroes(_ range: Range<Int64>, mayUnmap: Bool) throws(Errno) {
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

  /// Everything is data.
  public func extent(in range: Range<Int64>) throws(Errno) -> BlockExtent { BlockExtent(range, .data) }

  /// The runs that make up a range, each as long as possible. Their number is bounded only by the range's length.
  public func extents(in range: Range<Int64>) throws(Errno) -> [BlockExtent] {
    var runs: [BlockExtent] = []
    var start = range.lowerBound
    while start < range.upperBound {
      let run = try extent(in: start..<range.upperBound)
      guard run.range.lowerBound == start, !run.range.isEmpty else { throw .ioError }
      start = run.range.upperBound
      if let last = runs.last, last.isFollowed(by: run) {
        runs[runs.count - 1].range = last.range.lowerBound..<start
      } else {
        runs.append(run)
      }
    }
    return runs
  }

  public func resize(to byteCount: Int64, preallocation: Preallocation) throws(BlockError) {
    throw .cannotResize("Image format driver does not support resize")
  }

  public func close() throws(Errno) {}
  public func inactivate() {}
  public func activate() throws(BlockError) {}

  /// True if `count` bytes at `offset` lie inside the node.
  func contains(_ offset: Int64, _ count: Int) -> Bool {
    offset >= 0 && count >= 0 && offset <= byteCount && Int64(count) <= byteCount - offset
  }

  func contains(_ range: Range<Int64>) -> Bool { range.lowerBound >= 0 && range.upperBound <= byteCount }
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
