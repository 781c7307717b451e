// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Which parts of a node were written since it was made or cleared: one bit for each `granularity` bytes.
///
/// Marked by worker threads, read and cleared by the machine thread. One that is persistent lies in its qcow2 image as well,
/// which marks it and stores it at the end of its use (QCOW2Metadata+Bitmaps.swift).
public final class DirtyBitmap: Sendable, Equatable {
  public static let granularities: ClosedRange<Int64> = 512...(1 << 31)
  public let name: String
  /// Bytes per bit, a power of two.
  public let granularity: Int64
  public let isPersistent: Bool
  /// Its image was not closed: its bits may be wrong, and it can only be removed.
  public let isInconsistent: Bool
  /// The image that it lies in is only read.
  public let isReadOnly: Bool
  /// Grows from bitmap to bitmap.
  let serial: Int
  private static let nextSerial = Atomic<Int>(0)
  private let records: Atomic<Bool>

  private struct Bits {
    var words: [UInt64]
    var count = 0
  }
  private let bits: Mutex<Bits>

  /// `stored`: bits of a persistent bitmap, the least significant one of a byte first.
  public init(
    name: String, granularity: Int64, byteCount: Int64, isRecording: Bool, isPersistent: Bool = false,
    isInconsistent: Bool = false, isReadOnly: Bool = false, stored: [UInt8] = []
  ) {
    (self.name, self.granularity) = (name, granularity)
    (self.isPersistent, self.isInconsistent, self.isReadOnly) = (isPersistent, isInconsistent, isReadOnly)
    serial = Self.nextSerial.add(1, ordering: .relaxed).oldValue
    records = Atomic(isRecording)
    var words = Self.empty(byteCount, granularity)
    for (index, byte) in stored.prefix(words.count * 8).enumerated() {
      words[index / 8] |= UInt64(byte) << UInt64(index % 8 * 8)
    }
    bits = Mutex(Bits(words: words, count: Self.count(words)))
  }

  public static func == (a: DirtyBitmap, b: DirtyBitmap) -> Bool { a === b }

  private static func count(_ words: [UInt64]) -> Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

  /// Writes to the node are noted.
  public var isRecording: Bool {
    get { records.load(ordering: .relaxed) }
    set { records.store(newValue, ordering: .relaxed) }
  }

  /// As it is stored.
  var bytes: [UInt8] {
    bits.withLock { bits in bits.words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } } }
  }

  /// Gives its words, of which there is one at least, as they are in memory.
  public func withBits<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    let words = bits.withLock { $0.words }
    return (words.isEmpty ? [0] : words).map(\.littleEndian).withUnsafeBytes(body)
  }

  private static func empty(_ byteCount: Int64, _ granularity: Int64) -> [UInt64] {
    let bitCount = byteCount <= 0 ? 0 : (byteCount - 1) / granularity + 1
    return [UInt64](repeating: 0, count: Int(clamping: (bitCount + 63) / 64))
  }

  /// Dirty bytes, in whole granules.
  public var dirtyByteCount: Int64 { Int64(bits.withLock { $0.count }) &* granularity }

  public func isDirty(at offset: Int64) -> Bool {
    guard offset >= 0 else { return false }
    let bit = Int(offset / granularity)
    return bits.withLock { $0.words.indices.contains(bit / 64) && $0.words[bit / 64] >> UInt64(bit % 64) & 1 != 0 }
  }

  func mark(_ range: Range<Int64>) {
    if isRecording { set(range) }
  }

  private func set(_ range: Range<Int64>) {
    guard !range.isEmpty, range.lowerBound >= 0 else { return }
    bits.withLock { bits in
      let last = min(Int((range.upperBound - 1) / granularity), bits.words.count * 64 - 1)
      var bit = Int(range.lowerBound / granularity)
      while bit <= last {
        let mask = UInt64(1) << UInt64(bit % 64)
        if bits.words[bit / 64] & mask == 0 {
          bits.words[bit / 64] |= mask
          bits.count += 1
        }
        bit += 1
      }
    }
  }

  public func clear() { _ = take() }

  /// What a bitmap held, to be put back when the clearing is undone.
  public struct Content: Sendable {
    fileprivate let words: [UInt64]
  }

  /// Clears it.
  public func take() -> Content {
    bits.withLock { bits in
      defer { bits = Bits(words: [UInt64](repeating: 0, count: bits.words.count)) }
      return Content(words: bits.words)
    }
  }

  /// Adds what it held before; what was marked meanwhile stays.
  public func restore(_ content: Content) {
    bits.withLock { bits in
      for (index, word) in content.words.enumerated() where bits.words.indices.contains(index) {
        bits.words[index] |= word
      }
      bits.count = Self.count(bits.words)
    }
  }

  /// What it holds, to be put back with `put`.
  public var content: Content { bits.withLock { Content(words: $0.words) } }

  /// Makes it hold what it held before, and nothing else.
  public func put(_ content: Content) {
    bits.withLock { bits in
      let words = Array(content.words.prefix(bits.words.count))
      bits = Bits(
        words: words + [UInt64](repeating: 0, count: bits.words.count - words.count), count: Self.count(words))
    }
  }

  /// Adds all that another one has, whatever its granularity.
  public func merge(_ other: DirtyBitmap) {
    let words = other.bits.withLock { $0.words }
    if other.granularity == granularity { return restore(Content(words: words)) }
    for (index, word) in words.enumerated() where word != 0 {
      for bit in 0..<64 where word >> UInt64(bit) & 1 != 0 {
        let start = (Int64(index) * 64 + Int64(bit)) &* other.granularity
        // The last one may reach beyond what a length can be.
        let (end, overflows) = start.addingReportingOverflow(other.granularity)
        if start >= 0 { set(start..<(overflows ? .max : end)) }
      }
    }
  }

  /// After a change of the node's length.
  func resize(to byteCount: Int64) {
    let fresh = Self.empty(byteCount, granularity)
    bits.withLock { bits in
      var words = Array(bits.words.prefix(fresh.count))
      words += [UInt64](repeating: 0, count: fresh.count - words.count)
      // A shorter disk ends inside a word.
      let bitCount = byteCount <= 0 ? 0 : (byteCount - 1) / granularity + 1
      if bitCount % 64 != 0, let last = words.indices.last { words[last] &= (1 << UInt64(bitCount % 64)) - 1 }
      bits = Bits(words: words, count: Self.count(words))
    }
  }
}
