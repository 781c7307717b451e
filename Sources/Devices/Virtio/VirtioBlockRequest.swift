// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import Platform

/// Status byte at the end of a request. Virtio 1.2, 5.2.6.
enum VirtioBlockStatus: UInt8 {
  case ok = 0
  case ioError = 1
  case unsupported = 2
}

/// A request of the guest that takes time, with all that is needed to ask the back end again.
struct VirtioBlockRequest: Equatable {
  enum Kind: UInt8 {
    case read = 0, write, flush, discard, writeZeroes
  }

  enum Stage: UInt8 {
    /// Taken from its queue; too much is under way to begin with it.
    case waiting = 0
    /// A piece of it is with the back end.
    case working
    /// Written; the back end flushes, because there is no write cache.
    case flushing
  }

  /// Most bytes with the back end for one request; longer ones go in pieces.
  static let pieceLimit: Int64 = 2 << 20

  var queue: UInt16
  var chain: DescriptorChain
  var kind: Kind
  /// First byte on the medium, and how many.
  var offset: Int64 = 0
  var byteCount: Int64 = 0
  var stage = Stage.waiting
  /// Bytes that are done.
  var done: Int64 = 0
  /// Of a write, the piece that is with the back end.
  var piece: [UInt8] = []
  /// When the back end completes what it has.
  var deadline: Nanoseconds = 0

  /// Bytes that the next piece moves.
  var pieceByteCount: Int64 { kind == .read || kind == .write ? min(byteCount - done, Self.pieceLimit) : 0 }

  /// What the back end is to do now.
  var operation: BlockOperation {
    guard stage != .flushing else { return .flush }
    switch kind {
    case .read: return .read(offset: offset + done, byteCount: Int(pieceByteCount))
    case .write: return .write(offset: offset + done, piece)
    case .flush: return .flush
    case .discard: return .discard([offset..<offset + byteCount])
    case .writeZeroes: return .writeZeroes(offset..<offset + byteCount)
    }
  }

  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    try visitor.field("queue", &queue)
    try chain.visit(&visitor)
    try visitor.field("kind", choice: &kind)
    try visitor.field("offset", &offset)
    try visitor.field("bytes", &byteCount)
    try visitor.field("stage", choice: &stage)
    try visitor.field("done", &done)
    try visitor.buffer("piece", &piece, limit: Int(Self.pieceLimit))
    try visitor.field("deadline", &deadline)
    guard visitor.isLoading else { return }
    guard offset >= 0, byteCount >= 0, byteCount <= Int64.max - offset else { throw .outOfRange("bytes") }
    guard done >= 0, done <= byteCount, deadline >= 0 else { throw .outOfRange("done") }
    let isWriting = kind == .write && stage == .working
    guard Int64(piece.count) == (isWriting ? pieceByteCount : 0) else { throw .outOfRange("piece") }
    let room = kind == .read ? chain.writableByteCount - 1 : kind == .write ? chain.readableByteCount - 16 : 0
    guard kind != .read && kind != .write || byteCount <= Int64(room) else { throw .outOfRange("bytes") }
  }
}

/// The 16 bytes in front of a request, and how the rest is understood. Virtio 1.2, 5.2.6.
struct VirtioBlockHeader {
  static let byteCount = 16

  private enum RequestType {
    /// Bit 0: data goes to the device. Legacy drivers set bit 31 as a barrier.
    static let out: UInt32 = 1
    static let barrier: UInt32 = 1 << 31
    static let transfer: UInt32 = 0
    static let flush: UInt32 = 4
    static let identify: UInt32 = 8
    static let discard: UInt32 = 10
    static let writeZeroes: UInt32 = 12
  }

  /// What is to be done with a request.
  enum Meaning {
    case request(VirtioBlockRequest)
    case identify
    case answer(VirtioBlockStatus)
    case fault(RingFault)
  }

  let type: UInt32
  let sector: UInt64

  init(_ bytes: [UInt8]) {
    type = Self.integer(bytes, 0, 4, as: UInt32.self)
    sector = Self.integer(bytes, 8, 8, as: UInt64.self)
  }

  private static func integer<T: FixedWidthInteger>(_ bytes: [UInt8], _ offset: Int, _ count: Int, as: T.Type) -> T {
    (0..<count).reduce(0) { $0 | T(bytes[offset + $1]) << T(8 * $1) }
  }

  func meaning(of chain: DescriptorChain, in queue: Int, of device: VirtioBlock) -> Meaning {
    var request = VirtioBlockRequest(queue: UInt16(truncatingIfNeeded: queue), chain: chain, kind: .flush)
    switch type & ~(RequestType.out | RequestType.barrier) {
    case RequestType.transfer:
      let isWrite = type & RequestType.out != 0
      request.kind = isWrite ? .write : .read
      let byteCount = isWrite ? chain.readableByteCount - Self.byteCount : chain.writableByteCount - 1
      guard let offset = device.offset(ofSector: sector, byteCount: UInt64(byteCount)) else {
        device.backend.countInvalid(isWrite ? .write : .read)
        return .answer(.ioError)
      }
      if isWrite, device.isReadOnly { return .answer(.ioError) }
      (request.offset, request.byteCount) = (offset, Int64(byteCount))
      return byteCount == 0 ? .answer(.ok) : .request(request)
    case RequestType.flush: return .request(request)
    case RequestType.identify: return .identify
    case RequestType.discard: return range(&request, chain, device, .discard)
    case RequestType.writeZeroes: return range(&request, chain, device, .writeZeroes)
    default: return .answer(.unsupported)
    }
  }

  /// DISCARD and WRITE ZEROES carry one range: sector, count, flags. Virtio 1.2, 5.2.6.
  private func range(
    _ request: inout VirtioBlockRequest, _ chain: DescriptorChain, _ device: VirtioBlock,
    _ kind: VirtioBlockRequest.Kind
  ) -> Meaning {
    let rangeByteCount = 16
    let unmap: UInt32 = 1
    guard type & RequestType.out != 0, chain.readableByteCount - Self.byteCount <= rangeByteCount else {
      return .answer(.unsupported)
    }
    let bytes = chain.read(device.pci.memory, at: Self.byteCount, count: rangeByteCount)
    guard bytes.count == rangeByteCount else { return .fault(.missingHeader) }
    let first = Self.integer(bytes, 0, 8, as: UInt64.self)
    let count = Self.integer(bytes, 8, 4, as: UInt32.self)
    let flags = Self.integer(bytes, 12, 4, as: UInt32.self)
    let settings = device.settings
    let limit = kind == .discard ? settings.maximumDiscardSectors : settings.maximumWriteZeroesSectors
    guard count <= limit, let offset = device.offset(ofSector: first, byteCount: UInt64(count) * 512),
      !device.isReadOnly
    else {
      if kind == .writeZeroes { device.backend.countInvalid(.write) }
      return .answer(.ioError)
    }
    guard flags & ~unmap == 0, kind == .writeZeroes || flags & unmap == 0 else { return .answer(.unsupported) }
    request.kind = kind
    (request.offset, request.byteCount) = (offset, Int64(count) * 512)
    return .request(request)
  }
}
