// SPDX-License-Identifier: Apache-2.0
import CZlib
import CZstd
import HostIO

/// How compressed clusters are packed: raw deflate with a 4 KiB window, or zstd frames.
public enum QCOW2Compression: UInt8, Sendable, CaseIterable {
  case zlib = 0
  case zstd = 1

  public var name: String { self == .zlib ? "zlib" : "zstd" }

  /// The packed bytes, or nil if they are not fewer.
  func pack(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
    var count: Int?
    let packed = [UInt8](unsafeUninitializedCapacity: bytes.count) { buffer, initialized in
      let target = UnsafeMutableRawBufferPointer(buffer)
      count = self == .zlib ? Self.deflate(bytes, target) : Self.packZstd(bytes, target)
      initialized = count ?? 0
    }
    guard let count, count > 0, count < bytes.count else { return nil }
    return packed
  }

  /// Unpacks exactly a cluster; what follows in `packed` is not looked at. `.ioError` for anything else.
  func unpack(_ packed: [UInt8], into target: UnsafeMutableRawBufferPointer) throws(Errno) {
    let isWhole = packed.withUnsafeBytes { bytes in
      self == .zlib ? Self.inflate(bytes, target) : Self.unpackZstd(bytes, target)
    }
    if !isWhole { throw .ioError }
  }

  private static func deflate(_ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer) -> Int? {
    var stream = z_stream()
    guard zlib_deflate_begin(&stream, Z_DEFAULT_COMPRESSION, -12) == Z_OK else { return nil }
    defer { deflateEnd(&stream) }
    // Safe: zlib only reads from `next_in`.
    stream.next_in = UnsafeMutablePointer(mutating: source.bindMemory(to: UInt8.self).baseAddress)
    stream.avail_in = UInt32(clamping: source.count)
    stream.next_out = target.bindMemory(to: UInt8.self).baseAddress
    stream.avail_out = UInt32(clamping: target.count)
    return CZlib.deflate(&stream, Z_FINISH) == Z_STREAM_END ? target.count - Int(stream.avail_out) : nil
  }

  private static func inflate(_ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer) -> Bool {
    var stream = z_stream()
    // Safe: zlib only reads from `next_in`.
    stream.next_in = UnsafeMutablePointer(mutating: source.bindMemory(to: UInt8.self).baseAddress)
    stream.avail_in = UInt32(clamping: source.count)
    guard zlib_inflate_begin(&stream, -12) == Z_OK else { return false }
    defer { inflateEnd(&stream) }
    stream.next_out = target.bindMemory(to: UInt8.self).baseAddress
    stream.avail_out = UInt32(clamping: target.count)
    let result = CZlib.inflate(&stream, Z_FINISH)
    return (result == Z_STREAM_END || result == Z_BUF_ERROR) && stream.avail_out == 0
  }

  private static func packZstd(_ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer) -> Int? {
    let count = ZSTD_compress(target.baseAddress, target.count, source.baseAddress, source.count, ZSTD_CLEVEL_DEFAULT)
    return ZSTD_isError(count) == 0 ? count : nil
  }

  private static func unpackZstd(_ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer) -> Bool {
    guard let context = ZSTD_createDCtx() else { return false }
    defer { ZSTD_freeDCtx(context) }
    var input = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
    var output = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
    while output.pos < output.size {
      let before = (input.pos, output.pos)
      let result = ZSTD_decompressStream(context, &output, &input)
      if ZSTD_isError(result) != 0 { return false }
      if (input.pos, output.pos) == before { return false }
    }
    return true
  }
}
