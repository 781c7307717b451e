// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

/// Where an image is written to: a file, a pipe, a socket.
public protocol ImageSink {
  /// Writes every byte after those written before; waits as long as it takes.
  func write(_ bytes: UnsafeRawBufferPointer) throws(Errno)
  /// True when `write(_:at:)` works and nothing but this image is or will be in the file.
  var isSeekable: Bool { get }
  /// Writes every byte at an offset from the start of the image. What is never written reads as zeros.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(Errno)
  /// Makes the file longer, up to an offset.
  func setLength(_ byteCount: Int64) throws(Errno)
}

extension ImageSink {
  public var isSeekable: Bool { false }
  public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(Errno) { throw .illegalSeek }
  public func setLength(_ byteCount: Int64) throws(Errno) {
    try [UInt8(0)].withBytes { (zero) throws(Errno) in try write(zero, at: byteCount - 1) }
  }
}

/// Where an image is read from.
public protocol ImageSource {
  /// Reads at most as many bytes as fit; 0 at the end. Waits for the first.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int
  /// Passes over bytes without reading them, where the source can and has so many; false when nothing was done.
  func skip(_ byteCount: Int64) throws(Errno) -> Bool
}

extension ImageSource {
  public func skip(_ byteCount: Int64) throws(Errno) -> Bool { false }
}

extension FileDescriptor: ImageSink, ImageSource {
  public func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) { try writeAll(bytes) }

  public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(Errno) { try writeAll(bytes, at: offset) }

  public func setLength(_ byteCount: Int64) throws(Errno) { try truncate(to: byteCount) }

  public func skip(_ byteCount: Int64) throws(Errno) -> Bool {
    let status = try status()
    guard status.kind == .regular else { return false }
    let (end, overflow) = try seek(to: 0, from: .current).addingReportingOverflow(byteCount)
    guard !overflow, end <= status.byteCount else { return false }
    try seek(to: end, from: .start)
    return true
  }

  /// An empty regular file: what others wrote before must stay, and where it ends is for them to say.
  public var isSeekable: Bool {
    do throws(Errno) {
      let status = try status()
      guard status.kind == .regular, status.byteCount == 0, !isAppending else { return false }
      return try seek(to: 0, from: .current) == 0
    } catch {
      return false
    }
  }
}

/// How far writing is, in the terms of `query-migrate`.
public struct ImageProgress: Sendable, Equatable {
  /// All memory of the machine, in bytes.
  public var totalByteCount = 0
  /// Memory not yet looked at, in bytes.
  public var remainingByteCount = 0
  /// What was written so far, state and tables included, in bytes.
  public var transferredByteCount = 0
  /// Pages written, of `pageByteCount` bytes each.
  public var normalPageCount = 0
  /// Pages left out since they hold only zeros.
  public var zeroPageCount = 0

  public init() {}
}
