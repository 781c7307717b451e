// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Which parts of a node were written since it was made or cleared: one bit for each `granularity` bytes.
///
/// Marked by worker threads, read and cleared by the machine thread.
public final class DirtyBitmap: Sendable {
  public static let granularities: ClosedRange<Int64> = 512...(1 << 31)
  public let name: String
  /// Bytes per bit, a power of two.
  public let granularity: Int64
  public let isRecording: Bool

  private struct Bits {
    var words: [UInt64]
    var count = 0
  }
  private let bits: Mutex<Bits>

  public init(name: String, granularity: Int64, byteCount: Int64, isRecording: Bool) {
    (self.name, self.granularity, self.isRecording) = (name, granularity, isRecording)
    bits = Mutex(Bits(words: Self.empty(byteCount, granularity)))
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
    guard isRecording, !range.isEmpty, range.lowerBound >= 0 else { return }
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
      bits.count = bits.words.reduce(0) { $0 + $1.nonzeroBitCount }
    }
  }

  /// After a change of the node's length.
  func resize(to byteCount: Int64) {
    let fresh = Self.empty(byteCount, granularity)
    bits.withLock { bits in
      var words = Array(bits.words.prefix(fresh.count))
      words += [UInt64](repeating: 0, count: fresh.count - words.count)
      bits = Bits(words: words, count: words.reduce(0) { $0 + $1.nonzeroBitCount })
    }
  }
}
