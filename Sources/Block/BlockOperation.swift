// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

/// One thing to do with a medium. Data travels in private arrays, never in guest memory.
public enum BlockOperation: Sendable, Equatable {
  case read(offset: Int64, byteCount: Int)
  case write(offset: Int64, [UInt8])
  /// Everything that was submitted before reaches stable storage.
  case flush
  /// The content of these ranges is no longer needed.
  case discard([Range<Int64>])
  case writeZeroes(Range<Int64>)

  /// Bytes moved between guest and medium.
  public var byteCount: Int {
    switch self {
    case .read(_, let count): count
    case .write(_, let bytes): bytes.count
    case .flush, .discard, .writeZeroes: 0
    }
  }

  /// Whether it counts as a write for limits and error policies.
  var isWrite: Bool {
    switch self {
    case .read: false
    case .write, .writeZeroes, .flush, .discard: true
    }
  }

  /// Does it, on the calling thread. The result is what was read, or empty.
  func perform(on node: any BlockNode) throws(Errno) -> [UInt8] {
    switch self {
    case .read(let offset, let count):
      return try [UInt8].filled(max(0, count)) { (buffer) throws(Errno) in try node.read(at: offset, into: buffer) }
    case .write(let offset, let bytes):
      try bytes.withBytes { (buffer) throws(Errno) in try node.write(at: offset, from: buffer) }
    case .flush: try node.flush()
    case .discard(let ranges): for range in ranges { try node.discard(range) }
    case .writeZeroes(let range): try node.writeZeroes(range)
    }
    return []
  }
}

extension BlockOperation {
  /// The longest request, in bytes, that the machine thread does itself: it has the guest wait for about 20 µs.
  static let atOnceLimit = 128 << 10

  /// A short write that is likely to have nothing to wait for.
  func isDoneSoon(on node: any BlockNode) -> Bool {
    guard case .write(let offset, let bytes) = self, bytes.count <= Self.atOnceLimit, offset >= 0,
      offset <= Int64.max - Int64(Self.atOnceLimit)
    else { return false }
    return node.writesToMemory(offset..<offset + Int64(bytes.count))
  }

  /// The bytes of a short read, if there is nothing to wait for.
  func performAtOnce(on node: any BlockNode) -> [UInt8]? {
    guard case .read(let offset, let count) = self, count > 0, count <= Self.atOnceLimit else { return nil }
    var isDone = false
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      isDone = node.readAtOnce(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
      filled = isDone ? count : 0
    }
    return isDone ? bytes : nil
  }
}

/// What became of an operation: the bytes read (none for other operations), or the host's error.
public typealias BlockResult = Result<[UInt8], Errno>

/// How long operations of a device take in virtual time: a fixed part and a part per byte.
///
/// This is the latency model of an instruction-counted run: a request submitted at `t` completes at exactly
/// `t + fixed + perByte × bytes`, a flush at `t + flush`, whatever the host did. In realtime runs it says nothing.
public struct BlockLatency: Sendable, Hashable {
  public var fixed: Nanoseconds
  /// In picoseconds, so that fast media can be told apart.
  public var perBytePicoseconds: Int64
  public var flush: Nanoseconds

  public init(fixed: Nanoseconds, perBytePicoseconds: Int64, flush: Nanoseconds) {
    (self.fixed, self.perBytePicoseconds, self.flush) = (fixed, perBytePicoseconds, flush)
  }

  /// A solid-state disk: 40 µs and 500 MB/s.
  public static let disk = BlockLatency(
    fixed: 40 * .microsecond, perBytePicoseconds: 2000, flush: 200 * .microsecond)
  /// A CD-ROM drive on a virtual machine's scale: 80 µs and 125 MB/s.
  public static let opticalDisc = BlockLatency(
    fixed: 80 * .microsecond, perBytePicoseconds: 8000, flush: 80 * .microsecond)

  public func duration(of operation: BlockOperation) -> Nanoseconds {
    if case .flush = operation { return flush }
    return fixed + Int64(operation.byteCount) &* perBytePicoseconds / 1000
  }
}
