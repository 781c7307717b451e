// SPDX-License-Identifier: Apache-2.0
import CXXHash
import HostIO
import Migration
import Platform

/// A sink that is no file: what it gets is a packed image.
final class StreamSink: ImageSink {
  private(set) var bytes: [UInt8] = []
  func write(_ part: UnsafeRawBufferPointer) throws(Errno) { bytes += part }
}

/// A sink that is written anywhere, and can nothing else.
final class BlockSink: ImageSink {
  private(set) var bytes: [UInt8] = []
  let isSeekable = true
  func write(_ part: UnsafeRawBufferPointer) throws(Errno) { throw .illegalSeek }
  func write(_ part: UnsafeRawBufferPointer, at offset: Int64) throws(Errno) {
    let end = Int(offset) + part.count
    if bytes.count < end { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
    bytes.replaceSubrange(Int(offset)..<end, with: part)
  }
}

/// A source that gives a few bytes at a time, as a socket may.
final class StreamSource: ImageSource {
  private let bytes: [UInt8]
  private var position = 0
  private let largestPart: Int

  init(_ bytes: [UInt8], largestPart: Int = .max) { (self.bytes, self.largestPart) = (bytes, largestPart) }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    let count = min(buffer.count, bytes.count - position, largestPart)
    buffer.copyBytes(from: bytes[position..<position + count])
    position += count
    return count
  }
}

enum Layout: CaseIterable { case packed, placed }

/// Images as bytes, as tests make and break them.
enum ImageBytes {
  static let page = 4096

  static func write(_ machine: CapturedMachine, _ layout: Layout) throws -> [UInt8] {
    switch layout {
    case .packed:
      let sink = StreamSink()
      try machine.write(to: sink)
      return sink.bytes
    case .placed:
      let file = try FileDescriptor.memoryFile(named: "state")
      defer { file.closeIgnoringErrors() }
      try machine.write(to: file)
      return try file.read(upTo: Int(try file.length()), at: 0)
    }
  }

  static func integer(_ bytes: [UInt8], at offset: Int, byteCount: Int) -> Int {
    (0..<byteCount).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
  }

  static func store(_ value: UInt64, at offset: Int, in bytes: inout [UInt8]) {
    for index in 0..<8 { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
  }

  /// Bytes of the tables, without the zeros after them, as far as there are so many.
  static func tables(_ bytes: [UInt8]) -> Range<Int> {
    page..<page + min(max(0, integer(bytes, at: 32, byteCount: 7)), bytes.count - page)
  }

  /// Makes the checksums of header and tables right again, so that what lies behind them is reached.
  static func sealed(_ bytes: [UInt8]) -> [UInt8] {
    var result = bytes
    guard result.count >= 2 * page else { return result }
    let end = min(result.count, (tables(result).upperBound + page - 1) / page * page)
    store(sum(result[page..<end]), at: 40, in: &result)
    store(sum(result[..<(page - 8)]), at: page - 8, in: &result)
    return result
  }

  private static func sum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.withUnsafeBytes { xxh3($0.baseAddress, $0.count, 0) }
  }
}
