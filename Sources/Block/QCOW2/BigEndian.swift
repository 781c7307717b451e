// SPDX-License-Identifier: Apache-2.0

/// Big-endian numbers in bytes of an image. Reading past the end gives 0: parsers check lengths where it matters.
extension Array where Element == UInt8 {
  func bigEndian16(at offset: Int) -> UInt16 { UInt16(truncatingIfNeeded: bigEndian(at: offset, count: 2)) }
  func bigEndian32(at offset: Int) -> UInt32 { UInt32(truncatingIfNeeded: bigEndian(at: offset, count: 4)) }
  func bigEndian64(at offset: Int) -> UInt64 {
    guard offset >= 0, offset <= count - 8 else { return 0 }
    return withUnsafeBytes { UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
  }

  private func bigEndian(at offset: Int, count size: Int) -> UInt64 {
    guard offset >= 0, offset <= count - size else { return 0 }
    return self[offset..<offset + size].reduce(0) { $0 &<< 8 | UInt64($1) }
  }

  /// Replaces the eight bytes at `offset`, which must be there.
  mutating func setBigEndian64(_ value: UInt64, at offset: Int) {
    precondition(offset >= 0 && offset <= count - 8, "a word lies inside its block")
    withUnsafeMutableBytes { $0.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt64.self) }
  }

  mutating func appendBigEndian<Value: FixedWidthInteger>(_ value: Value) {
    Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
  }

  mutating func pad(to multiple: Int) {
    let rest = count % multiple
    if rest != 0 { append(contentsOf: repeatElement(0, count: multiple - rest)) }
  }
}

extension Array where Element == UInt64 {
  /// The table as it is stored.
  func bigEndianBytes(_ range: Range<Int>) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(range.count * 8)
    for entry in self[range] { bytes.appendBigEndian(entry) }
    return bytes
  }

  /// From stored bytes; a rest of fewer than eight is left out.
  init(bigEndianBytes bytes: [UInt8]) {
    self = (0..<bytes.count / 8).map { bytes.bigEndian64(at: $0 * 8) }
  }
}
