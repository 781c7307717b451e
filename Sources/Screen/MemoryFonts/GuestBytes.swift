// SPDX-License-Identifier: Apache-2.0
import HostIO

/// A guest's memory, which holds whatever the guest likes: every read is checked.
public struct GuestBytes {
  private let bytes: UnsafeRawBufferPointer
  /// Pages that the host has never touched hold zeros; false where they may come from a file.
  private let isSparse: Bool

  public static var none: GuestBytes { GuestBytes(UnsafeRawBufferPointer(start: nil, count: 0), isSparse: false) }

  /// - Parameter bytes: from physical address 0; valid while this is used.
  public init(_ bytes: UnsafeRawBufferPointer, isSparse: Bool) { (self.bytes, self.isSparse) = (bytes, isSparse) }

  var count: Int { bytes.count }

  func contains(_ offset: Int, _ byteCount: Int) -> Bool {
    offset >= 0 && byteCount >= 0 && byteCount <= bytes.count && offset <= bytes.count - byteCount
  }

  /// A little-endian integer; 0 outside.
  func load<T: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, as _: T.Type) -> T {
    guard contains(offset, MemoryLayout<T>.size) else { return 0 }
    return T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
  }

  /// Bytes, which are none when the range is not all inside.
  func slice(_ offset: Int, _ byteCount: Int) -> UnsafeRawBufferPointer {
    guard contains(offset, byteCount) else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + byteCount])
  }

  private static let groupPageCount = 256
  private static let pageByteCount = 4096

  /// What a search looks for.
  struct Wanted {
    /// Words with one of these values.
    var values: SIMD4<UInt32>
    /// The bits that count in these.
    var mask: UInt32 = .max
    /// And those that are not 0 but have none of these bits, if any.
    var otherBits: UInt32 = .max
    /// And the first word of a page if it is this, unless it is 0.
    var pageStart: UInt32 = 0
  }

  /// Calls `body` with the offset and value of each aligned word that is wanted. Pages that the guest has never touched are not even
  /// looked at, where the kernel tells which they are.
  func scan(_ wanted: Wanted, _ body: (_ offset: Int, _ word: UInt32) -> Void) {
    let map = isSparse ? PageMap() : nil
    defer { map?.close() }
    let pageCount = bytes.count / Self.pageByteCount
    for first in stride(from: 0, to: pageCount, by: Self.groupPageCount) {
      let count = min(Self.groupPageCount, pageCount - first)
      if let map, let base = bytes.baseAddress {
        let start = base + first * Self.pageByteCount
        if map.forEachPresent(from: start, pageCount: count, { scan(page: first + $0, wanted, body) }) { continue }
      }
      for page in first..<first + count { scan(page: page, wanted, body) }
    }
  }

  private typealias Words = SIMD16<UInt32>

  private func scan(page: Int, _ wanted: Wanted, _ body: (_ offset: Int, _ word: UInt32) -> Void) {
    let start = page * Self.pageByteCount
    guard let base = bytes.baseAddress, contains(start, Self.pageByteCount) else { return }
    let zero = Words()
    let a = Words(repeating: wanted.values[0]), b = Words(repeating: wanted.values[1])
    let c = Words(repeating: wanted.values[2]), d = Words(repeating: wanted.values[3])
    let bits = Words(repeating: wanted.otherBits), mask = Words(repeating: wanted.mask)
    if wanted.pageStart != 0, load(start, as: UInt32.self) == wanted.pageStart { body(start, wanted.pageStart) }
    for offset in stride(from: start, to: start + Self.pageByteCount, by: 64) {
      // Safe: the page was found to lie inside.
      let words = (base + offset).loadUnaligned(as: Words.self)
      if Self.isZero(words) { continue }
      // Masks are all ones or zeros in each word; as integers they are added up without a branch.
      let masked = words & mask
      let values =
        Self.lanes(masked .== a) | Self.lanes(masked .== b) | Self.lanes(masked .== c) | Self.lanes(masked .== d)
      let others = Self.lanes((words & bits) .== zero) & ~Self.lanes(words .== zero)
      let found = values | others
      if Self.isZero(unsafeBitCast(found, to: Words.self)) { continue }
      for index in 0..<16 where unsafeBitCast(found, to: Words.self)[index] != 0 {
        body(offset + 4 * index, UInt32(littleEndian: words[index]))
      }
    }
  }

  // Safe: a mask of sixteen words has the same 64 bytes as eight double words.
  @inline(__always)
  private static func lanes(_ mask: SIMDMask<SIMD16<Int32>>) -> SIMD8<UInt64> {
    unsafeBitCast(mask, to: SIMD8<UInt64>.self)
  }

  @inline(__always)
  private static func isZero(_ words: Words) -> Bool {
    let eight = unsafeBitCast(words, to: SIMD8<UInt64>.self)
    let four = eight.lowHalf | eight.highHalf
    let two = four.lowHalf | four.highHalf
    return two[0] | two[1] == 0
  }
}
