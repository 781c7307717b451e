// SPDX-License-Identifier: Apache-2.0
import HostIO

/// A raw image: a regular file or a host block device, byte for byte.
///
/// A length that is not a multiple of 512 is padded with zeros that become real when the guest writes the last sector,
/// as in QEMU.
public final class FileNode: BlockNode {
  public let byteCount: Int64
  public let isReadOnly: Bool
  public let driver = "raw"
  private let file: FileDescriptor
  private let unmapsDiscards: Bool
  private let isBlockDevice: Bool

  /// Takes over `file`, which it closes at the end of its life. `unmapsDiscards`: discarded ranges give their storage back.
  public init(_ file: FileDescriptor, isReadOnly: Bool, unmapsDiscards: Bool = false) throws(Errno) {
    self.file = file
    self.isReadOnly = isReadOnly
    self.unmapsDiscards = unmapsDiscards
    isBlockDevice = try file.status().kind == .blockDevice
    let length = try file.length()
    byteCount = length > Int64.max - sectorByteCount ? length & -sectorByteCount : (length + 511) & -sectorByteCount
  }

  deinit { file.closeIgnoringErrors() }

  public var allocatedByteCount: Int64? {
    do throws(Errno) { return try file.status().allocatedByteCount } catch { return nil }
  }

  public func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
    guard offset >= 0 else { throw .invalidArgument }
    let got = try file.readFully(into: buffer, at: offset)
    if got < buffer.count {
      UnsafeMutableRawBufferPointer(rebasing: buffer[got...]).initializeMemory(as: UInt8.self, repeating: 0)
    }
  }

  public func write(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno) {
    guard !isReadOnly else { throw .notPermitted }
    guard contains(offset, buffer.count) else { throw .ioError }
    try file.writeAll(buffer, at: offset)
  }

  public func flush() throws(Errno) {
    if !isReadOnly { try file.synchronizeData() }
  }

  public func discard(_ range: Range<Int64>) throws(Errno) {
    guard unmapsDiscards, !isReadOnly, !isBlockDevice, contains(range.lowerBound, range.count) else { return }
    do throws(Errno) {
      try file.punchHole(at: range.lowerBound, byteCount: range.upperBound - range.lowerBound)
    } catch .notSupported {}
  }

  public func writeZeroes(_ range: Range<Int64>) throws(Errno) {
    guard !isReadOnly else { throw .notPermitted }
    guard contains(range.lowerBound, range.count) else { throw .ioError }
    if unmapsDiscards, !isBlockDevice {
      do throws(Errno) {
        try file.punchHole(at: range.lowerBound, byteCount: range.upperBound - range.lowerBound)
        return
      } catch .notSupported {}
    }
    let zeros = [UInt8](repeating: 0, count: 65536)
    var offset = range.lowerBound
    while offset < range.upperBound {
      let count = Int(min(Int64(zeros.count), range.upperBound - offset))
      try file.writeAll(Array(zeros.prefix(count)), at: offset)
      offset += Int64(count)
    }
  }
}
