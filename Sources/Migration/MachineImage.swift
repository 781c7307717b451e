// SPDX-License-Identifier: Apache-2.0
import CZlib
import HostIO
import Platform

/// A whole machine as a file: named state sections and the pages of its RAM blocks that are not all zero.
///
/// Layout (Docs/StateFormat.md), all integers little-endian: a 4096-byte header with magic, version, sizes and checksums;
/// the state area; the page lists; the pages, each at a multiple of 4096. Checksums are CRC-32.
public struct MachineImage {
  /// A named part of the machine's state.
  public struct Section: Equatable {
    public var name: String
    public var bytes: [UInt8]
    public init(name: String, bytes: [UInt8]) { (self.name, self.bytes) = (name, bytes) }
  }

  static let magic = Array("APUS-VM\n".utf8)
  static let version: UInt32 = 1
  /// Limits that keep a hostile file from making us allocate: far above what any machine has.
  static let sectionLimit = 4096
  static let stateLimit = 256 << 20

  public var sections: [Section] = []

  public init(sections: [Section] = []) { self.sections = sections }

  static func checksum(_ bytes: UnsafeRawBufferPointer, _ start: UInt = 0) -> UInt {
    var sum = start
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
      sum = crc32(sum, part.bindMemory(to: UInt8.self).baseAddress, UInt32(part.count))
      rest = rest.dropFirst(part.count)
    }
    return sum
  }

  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    UInt32(truncatingIfNeeded: bytes.withUnsafeBytes { checksum($0) })
  }
}

/// Why a machine could not be saved or loaded: one sentence that names the part.
public struct MigrationError: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// Little-endian integers in byte arrays.
struct ByteWriter {
  var bytes: [UInt8] = []

  mutating func put<T: FixedWidthInteger>(_ value: T) {
    for index in 0..<(T.bitWidth / 8) { bytes.append(UInt8(truncatingIfNeeded: value >> T(8 * index))) }
  }

  mutating func put(_ text: String) {
    put(UInt16(truncatingIfNeeded: text.utf8.count))
    bytes += text.utf8
  }

  mutating func pad(to count: Int) {
    if bytes.count < count { bytes += [UInt8](repeating: 0, count: count - bytes.count) }
  }
}

struct ByteReader {
  private static let longestName = 255
  private let bytes: [UInt8]
  private(set) var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var remaining: Int { bytes.count - position }

  mutating func take(_ count: Int, _ what: String) throws(MigrationError) -> ArraySlice<UInt8> {
    guard count >= 0, count <= remaining else { throw MigrationError("The state file ends inside \(what)") }
    defer { position += count }
    return bytes[position..<position + count]
  }

  mutating func integer<T: FixedWidthInteger>(_: T.Type, _ what: String) throws(MigrationError) -> T {
    var value: T = 0
    for (index, byte) in try take(T.bitWidth / 8, what).enumerated() {
      value |= T(truncatingIfNeeded: byte) << T(8 * index)
    }
    return value
  }

  mutating func text(_ what: String) throws(MigrationError) -> String {
    let count = try integer(UInt16.self, what)
    let bytes = try take(Int(count), what)
    // Names are shown in sentences.
    guard count <= Self.longestName, bytes.allSatisfy({ (0x20..<0x7f).contains($0) }) else {
      throw MigrationError("The state file has \(what) with a damaged name")
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
