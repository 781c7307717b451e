// SPDX-License-Identifier: Apache-2.0
import Platform

/// One element of a queue on its way through the device: buffers that the device reads, and such that it writes.
public struct DescriptorChain: Equatable {
  /// A buffer in guest memory, which was RAM when the chain was taken.
  public struct Segment: Equatable {
    public var address: UInt64
    public var byteCount: UInt32
  }

  /// Most buffers that a chain has, as QEMU limits it.
  public static let segmentLimit = 1024

  /// Split ring: the head's index; packed ring: the buffer ID.
  public var id: UInt16
  /// Descriptors that the chain takes up in a packed ring.
  public var slotCount: UInt16 = 1
  public internal(set) var readable: [Segment] = []
  public internal(set) var writable: [Segment] = []
  public private(set) var readableByteCount = 0
  public private(set) var writableByteCount = 0

  init(id: UInt16) { self.id = id }

  mutating func append(_ segment: Segment, isWritable: Bool) throws(RingFault) {
    guard segment.byteCount > 0 else { throw .emptyBuffer }
    guard readable.count + writable.count < Self.segmentLimit else { throw .tooManyBuffers }
    if isWritable {
      writable.append(segment)
      writableByteCount += Int(segment.byteCount)
    } else {
      guard writable.isEmpty else { throw .wrongOrder }
      readable.append(segment)
      readableByteCount += Int(segment.byteCount)
    }
  }

  /// Bytes of what the device reads, from `offset` on; fewer than `count` when the chain ends.
  public func read(_ memory: GuestMemory, at offset: Int, count: Int) -> [UInt8] {
    let available = min(count, readableByteCount - offset)
    guard available > 0 else { return [] }
    return [UInt8](unsafeUninitializedCapacity: available) { buffer, initialized in
      let target = UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: available)
      Self.pieces(of: readable, offset, available) { segment, skipped, done, size in
        let piece = UnsafeMutableRawBufferPointer(rebasing: target[done..<done + size])
        if memory.isMemory(segment.address &+ skipped, byteCount: size) {
          memory.read(segment.address &+ skipped, into: piece)
        } else {
          piece.initializeMemory(as: UInt8.self, repeating: 0xff)  // the map has changed since
        }
      }
      initialized = available
    }
  }

  /// Puts bytes into what the device writes, from `offset` on; what does not fit is dropped.
  public func write(_ memory: GuestMemory, at offset: Int, _ bytes: [UInt8]) {
    let count = min(bytes.count, writableByteCount - offset)
    guard count > 0 else { return }
    bytes.withUnsafeBytes { source in
      Self.pieces(of: writable, offset, count) { segment, skipped, done, size in
        guard memory.isMemory(segment.address &+ skipped, byteCount: size) else { return }
        memory.write(segment.address &+ skipped, from: UnsafeRawBufferPointer(rebasing: source[done..<done + size]))
      }
    }
  }

  /// Cuts `count` bytes from `offset` on at the borders of segments.
  private static func pieces(
    of segments: [Segment], _ offset: Int, _ count: Int,
    _ body: (_ segment: Segment, _ skipped: UInt64, _ done: Int, _ size: Int) -> Void
  ) {
    var skip = offset
    var done = 0
    for segment in segments {
      let length = Int(segment.byteCount)
      if skip >= length {
        skip -= length
        continue
      }
      let size = min(length - skip, count - done)
      body(segment, UInt64(skip), done, size)
      done += size
      skip = 0
      if done == count { return }
    }
  }

  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    try visitor.field("index", &id)
    try visitor.field("ndescs", &slotCount)
    let old = (readable, writable)
    if visitor.isLoading { self = DescriptorChain(id: id, slotCount: slotCount) }
    try Self.visit(&visitor, "out_num", old.0) { (segment) throws(RingFault) in try append(segment, isWritable: false) }
    try Self.visit(&visitor, "in_num", old.1) { (segment) throws(RingFault) in try append(segment, isWritable: true) }
  }

  private init(id: UInt16, slotCount: UInt16) { (self.id, self.slotCount) = (id, slotCount) }

  private static func visit<V: StateVisitor>(
    _ visitor: inout V, _ name: StaticString, _ segments: [Segment], _ append: (Segment) throws(RingFault) -> Void
  ) throws(StateError) {
    var count = UInt16(clamping: segments.count)
    try visitor.field(name, &count)
    guard Int(count) <= segmentLimit else { throw .outOfRange("\(name)") }
    for index in 0..<Int(count) {
      var segment = index < segments.count ? segments[index] : Segment(address: 0, byteCount: 0)
      try visitor.field("addr", &segment.address)
      try visitor.field("len", &segment.byteCount)
      guard visitor.isLoading else { continue }
      do throws(RingFault) { try append(segment) } catch { throw .outOfRange("len") }
    }
  }
}
