// SPDX-License-Identifier: Apache-2.0
import HostIO

/// The `raw` format: the bytes of the node below, all of them or a window (`offset=`, `size=`).
///
/// When the format was only guessed, writes to sector 0 that would make the next guess another one are refused.
/// Otherwise a guest could write a qcow2 header that names any file of the host as its backing file.
public final class RawNode: BlockNode {
  public let driver = "raw"
  private let lower: any BlockNode
  private let offset: Int64
  /// Nil: up to the end of what is below.
  private let size: Int64?
  /// Not nil: the format was guessed from the start of a file of this name.
  private let guessedFrom: BytePath?

  /// - Throws: QEMU's sentence for a window that does not fit.
  public init(
    over lower: any BlockNode, offset: Int64 = 0, size: Int64? = nil, guessedFrom: BytePath? = nil
  ) throws(BlockError) {
    (self.lower, self.offset, self.size, self.guessedFrom) = (lower, offset, size, guessedFrom)
    let whole = lower.byteCount
    if offset > whole {
      throw .invalidImage("Offset (\(offset)) cannot be greater than size of the containing file (\(whole))")
    }
    if let size, size > whole - offset {
      throw .invalidImage(
        "The sum of offset (\(offset)) and size (\(size)) has to be smaller or equal to the  actual size of the "
          + "containing file (\(whole))")
    }
    if let size, size % sectorByteCount != 0 { throw .invalidImage("Specified size is not multiple of 512") }
  }

  public var byteCount: Int64 { size ?? (max(0, lower.byteCount - offset) + 511) & -sectorByteCount }
  public var isReadOnly: Bool { lower.isReadOnly }
  public var allocatedByteCount: Int64? { lower.allocatedByteCount }
  public var storage: (any BlockNode)? { lower }
  private var isWindow: Bool { offset != 0 || size != nil }

  private func placed(_ range: Range<Int64>) -> Range<Int64> { range.lowerBound + offset..<range.upperBound + offset }

  public func read(at position: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
    guard position >= 0 else { throw .invalidArgument }
    let count = size == nil ? buffer.count : Int(min(Int64(buffer.count), max(0, byteCount - position)))
    UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).initializeMemory(as: UInt8.self, repeating: 0)
    guard count > 0, position <= Int64.max - offset - Int64(count) else { return }
    try lower.read(at: position + offset, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
  }

  public func readAtOnce(at position: Int64, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    contains(position, buffer.count) && lower.readAtOnce(at: position + offset, into: buffer)
  }

  public func writesToMemory(_ range: Range<Int64>) -> Bool {
    contains(range) && lower.writesToMemory(placed(range))
  }

  public func write(at position: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno) {
    try check(position, buffer)
    try lower.write(at: position + offset, from: buffer)
  }

  public func writeThrough(at position: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno) {
    try check(position, buffer)
    try lower.writeThrough(at: position + offset, from: buffer)
  }

  private func check(_ position: Int64, _ buffer: UnsafeRawBufferPointer) throws(Errno) {
    guard contains(position, buffer.count) else { throw .ioError }
    guard let guessedFrom, position < sectorByteCount, !buffer.isEmpty else { return }
    var sector = try [UInt8].filled(Int(sectorByteCount)) { (target) throws(Errno) in
      try lower.read(at: offset, into: target)
    }
    for (index, byte) in buffer.prefix(Int(sectorByteCount - position)).enumerated() {
      sector[Int(position) + index] = byte
    }
    guard ImageFormat.guess(sector, fileName: guessedFrom) == .raw else { throw .notPermitted }
  }

  public func flush() throws(Errno) { try lower.flush() }

  public func discard(_ range: Range<Int64>) throws(Errno) {
    if contains(range) { try lower.discard(placed(range)) }
  }

  public func writeZeroes(_ range: Range<Int64>, mayUnmap: Bool) throws(Errno) {
    guard contains(range) else { throw .ioError }
    try lower.writeZeroes(placed(range), mayUnmap: mayUnmap)
  }

  public func extent(in range: Range<Int64>) throws(Errno) -> BlockExtent {
    guard range.lowerBound >= 0, range.upperBound <= Int64.max - offset else { throw .invalidArgument }
    var extent = try lower.extent(in: placed(range))
    extent.hostOffset = extent.range.lowerBound
    extent.range = extent.range.lowerBound - offset..<extent.range.upperBound - offset
    return extent
  }

  public func resize(to byteCount: Int64, preallocation: Preallocation) throws(BlockError) {
    if isWindow { throw .cannotResize("Cannot resize fixed-size raw disks") }
    try lower.resize(to: byteCount, preallocation: preallocation)
  }

  public func close() throws(Errno) {}
}
