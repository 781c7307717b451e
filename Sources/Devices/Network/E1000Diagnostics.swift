// SPDX-License-Identifier: Apache-2.0
import Platform

/// Memories of the controller that software reaches and that do nothing here: the flexible filters of wake-up, and the packet
/// buffer behind its diagnostic window. Frames do not pass through the buffer.
///
/// Reference: the manual's sections 13.6.9 to 13.6.11 and 13.8.11.
struct E1000Diagnostics: Equatable {
  static let filterMasks: Range<UInt32> = 0x9000..<0x9400
  static let filterValues: Range<UInt32> = 0x9800..<0x9c00
  static let packetBuffer: Range<UInt32> = 0x10000..<0x20000
  /// A register in every eight bytes.
  private static let filterStride: UInt32 = 8
  private static let filterCount = 128
  private static let bufferByteCount = 0x10000

  /// Four bits each.
  private var masks = [UInt8](repeating: 0, count: filterCount)
  /// Four bytes each.
  private var values = [UInt8](repeating: 0, count: 4 * filterCount)
  /// Empty until something is written.
  private var buffer: [UInt8] = []

  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    let fresh = E1000Diagnostics()
    try visitor.bytes("ffmt", &masks, since: 2, before: fresh.masks)
    try visitor.bytes("ffvt", &values, since: 2, before: fresh.values)
    try visitor.buffer("pbm", &buffer, limit: Self.bufferByteCount, since: 2, before: [])
    guard masks.allSatisfy({ $0 <= 0xf }), buffer.isEmpty || buffer.count == Self.bufferByteCount else {
      throw .outOfRange("pbm")
    }
  }

  private static func index(_ offset: UInt32, in range: Range<UInt32>) -> Int? {
    let place = offset - range.lowerBound
    return place % filterStride == 0 ? Int(place / filterStride) : nil
  }

  func read(_ offset: UInt32) -> UInt32 {
    switch offset {
    case Self.filterMasks: Self.index(offset, in: Self.filterMasks).map { UInt32(masks[$0]) } ?? 0
    case Self.filterValues: Self.index(offset, in: Self.filterValues).map { Self.word(values, 4 * $0) } ?? 0
    case Self.packetBuffer:
      buffer.isEmpty ? 0 : Self.word(buffer, Int(offset - Self.packetBuffer.lowerBound))
    default: 0
    }
  }

  mutating func write(_ offset: UInt32, _ value: UInt32) {
    switch offset {
    case Self.filterMasks:
      if let index = Self.index(offset, in: Self.filterMasks) { masks[index] = UInt8(value & 0xf) }
    case Self.filterValues:
      if let index = Self.index(offset, in: Self.filterValues) { Self.store(value, in: &values, 4 * index) }
    case Self.packetBuffer:
      if buffer.isEmpty {
        guard value != 0 else { return }
        buffer = [UInt8](repeating: 0, count: Self.bufferByteCount)
      }
      Self.store(value, in: &buffer, Int(offset - Self.packetBuffer.lowerBound))
    default: break
    }
  }

  private static func word(_ bytes: [UInt8], _ place: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) << UInt32(8 * $1) }
  }

  private static func store(_ value: UInt32, in bytes: inout [UInt8], _ place: Int) {
    for index in 0..<4 { bytes[place + index] = UInt8(truncatingIfNeeded: value >> UInt32(8 * index)) }
  }
}
