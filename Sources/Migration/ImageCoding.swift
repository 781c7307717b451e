// SPDX-License-Identifier: Apache-2.0

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
