// SPDX-License-Identifier: Apache-2.0

/// A persistent dirty bitmap: an entry of the bitmap directory, and its bits once they are needed.
///
/// *Reference:* QEMU's docs/interop/qcow2, "Bitmaps".
public struct QCOW2Bitmap: Sendable, Equatable {
  static let headByteCount = 24
  static let maximumCount: UInt32 = 65535
  static let maximumDirectoryByteCount: UInt64 = 64 << 20
  static let maximumTableEntryCount: UInt32 = 0x800_0000

  public struct Flags: OptionSet, Sendable, Hashable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// Not saved after changes: its bits may be wrong.
    public static let inUse = Flags(rawValue: 1)
    /// Enabled: all writes to the disk are to be reflected.
    public static let auto = Flags(rawValue: 2)
    public static let extraCompatible = Flags(rawValue: 4)
  }

  public var name: String
  public var flags: Flags
  public var granularityBits: Int
  var extra: [UInt8] = []
  var tableOffset: Int64 = 0
  var tableEntryCount: Int = 0
  /// Loaded or new; nil while only on disk.
  var bits: DirtyBits?
  /// While a machine has the image open: what commands see and writes mark, in place of `bits`.
  var live: DirtyBitmap?

  public var isEnabled: Bool { live?.isRecording ?? flags.contains(.auto) }
  public var granularity: Int64 { 1 << Int64(granularityBits) }

  static func parseDirectory(
    _ bytes: [UInt8], count: UInt32, clusterByteCount: Int64
  ) throws(BlockError) -> [QCOW2Bitmap] {
    let broken = BlockError.invalidImage("Broken bitmap directory")
    var bitmaps: [QCOW2Bitmap] = []
    var place = 0
    while place < bytes.count {
      guard place <= bytes.count - headByteCount, bitmaps.count < Int(count) else { throw broken }
      let nameCount = Int(bytes.bigEndian16(at: place + 18))
      let extraCount = Int(bytes.bigEndian32(at: place + 20))
      let end = (place + headByteCount + nameCount + extraCount + 7) & ~7
      let offset = bytes.bigEndian64(at: place)
      let entries = bytes.bigEndian32(at: place + 8)
      let flags = bytes.bigEndian32(at: place + 12)
      guard end <= bytes.count, nameCount > 0, nameCount <= 1023, bytes[place + 16] == 1, flags & ~7 == 0,
        (9...31).contains(bytes[place + 17]), entries > 0, entries <= maximumTableEntryCount, offset != 0,
        offset & UInt64(clusterByteCount - 1) == 0, offset < 1 << 56
      else { throw broken }
      let text = place + headByteCount + extraCount
      let name = String(decoding: bytes[text..<text + nameCount], as: UTF8.self)
      guard !bitmaps.contains(where: { $0.name == name }) else { throw broken }
      bitmaps.append(
        QCOW2Bitmap(
          name: name, flags: Flags(rawValue: flags), granularityBits: Int(bytes[place + 17]),
          extra: Array(bytes[place + headByteCount..<text]), tableOffset: Int64(offset), tableEntryCount: Int(entries)))
      place = end
    }
    guard bitmaps.count == Int(count) else { throw broken }
    return bitmaps
  }

  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    let nameBytes = Array(name.utf8)
    bytes.appendBigEndian(UInt64(bitPattern: tableOffset))
    bytes.appendBigEndian(UInt32(tableEntryCount))
    bytes.appendBigEndian(flags.rawValue)
    bytes.append(1)
    bytes.append(UInt8(granularityBits))
    bytes.appendBigEndian(UInt16(nameBytes.count))
    bytes.appendBigEndian(UInt32(extra.count))
    bytes += extra + nameBytes
    bytes.pad(to: 8)
    return bytes
  }
}

/// Which pieces of a disk were written.
struct DirtyBits: Sendable, Equatable {
  /// Least significant bit first, as stored.
  private(set) var bytes: [UInt8]
  let granularityBits: Int
  let bitCount: Int64

  init(byteCount: Int64, granularityBits: Int, bytes stored: [UInt8] = []) {
    self.granularityBits = granularityBits
    bitCount = (byteCount + (1 << Int64(granularityBits)) - 1) >> Int64(granularityBits)
    let size = Int((bitCount + 7) / 8)
    bytes = Array(stored.prefix(size))
    bytes += [UInt8](repeating: 0, count: size - bytes.count)
    if bitCount % 8 != 0, size > 0 { bytes[size - 1] &= UInt8(1 << (bitCount % 8)) - 1 }
  }

  static func byteCount(_ diskByteCount: Int64, granularityBits: Int) -> Int64 {
    ((diskByteCount + (1 << Int64(granularityBits)) - 1) >> Int64(granularityBits) + 7) / 8
  }

  mutating func mark(_ range: Range<Int64>) {
    guard !range.isEmpty else { return }
    let first = range.lowerBound >> Int64(granularityBits)
    let last = min(bitCount - 1, (range.upperBound - 1) >> Int64(granularityBits))
    guard first <= last else { return }
    for bit in first...last { bytes[Int(bit >> 3)] |= 1 << UInt8(bit & 7) }
  }

  mutating func clear() { bytes = [UInt8](repeating: 0, count: bytes.count) }

  func isMarked(_ offset: Int64) -> Bool {
    let bit = offset >> Int64(granularityBits)
    return bit >= 0 && bit < bitCount && bytes[Int(bit >> 3)] >> UInt8(bit & 7) & 1 != 0
  }

  /// Adds all that `other` has, whatever its granularity.
  mutating func merge(_ other: DirtyBits) {
    for bit in 0..<other.bitCount where other.bytes[Int(bit >> 3)] >> UInt8(bit & 7) & 1 != 0 {
      mark(bit << Int64(other.granularityBits)..<(bit + 1) << Int64(other.granularityBits))
    }
  }

  var markedCount: Int64 { bytes.reduce(0) { $0 + Int64($1.nonzeroBitCount) } }
}

/// What an open image does about its bitmaps.
struct QCOW2BitmapState {
  /// Bits in memory differ from the file, or the directory does.
  var mustStore = false
  /// All that are in memory are marked as in use on disk.
  var isMarked = false
  /// They were stored, and nothing was changed since.
  var isAtRest = false
  /// Taken out by commands and still on disk.
  var removed: [QCOW2Bitmap] = []
}
