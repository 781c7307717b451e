// SPDX-License-Identifier: Apache-2.0

/// Cylinders, heads and sectors of a disk, and how its BIOS is to translate them.
///
/// A disk without a partition table gets 16 heads and 63 sectors; a partition table made under another geometry of at
/// most 16 heads is believed, so that old systems keep finding their sectors. The rules are QEMU's.
public struct ATAGeometry: Equatable, Sendable {
  /// The BIOS translation method in the coding of CMOS register 39h.
  public enum Translation: UInt8, Sendable { case none = 0, lba, large, revised }

  public var cylinders: UInt16
  public var heads: UInt8
  public var sectors: UInt8
  public var translation: Translation

  public init(cylinders: UInt16, heads: UInt8, sectors: UInt8, translation: Translation) {
    (self.cylinders, self.heads, self.sectors) = (cylinders, heads, sectors)
    self.translation = translation
  }

  /// `firstSector` is the 512-byte master boot record, if it could be read.
  public init(sectorCount: Int64, firstSector: [UInt8]?) {
    let cylinders = UInt16(clamping: min(max(sectorCount / (16 * 63), 2), 16383))
    self.init(cylinders: cylinders, heads: 16, sectors: 63, translation: cylinders <= 1024 ? .none : .lba)
    guard let logical = firstSector.flatMap({ Self.partitionGeometry($0, sectorCount) }) else { return }
    if logical.heads > 16 {
      translation = Int(cylinders) * 16 <= 131_072 ? .large : .lba
    } else {
      self.cylinders = UInt16(clamping: logical.cylinders)
      heads = UInt8(logical.heads)
      sectors = UInt8(logical.sectors)
      translation = .none
    }
  }

  /// The end of the first partition that says where it ends: its head and sector numbers are the largest there are.
  private static func partitionGeometry(
    _ record: [UInt8], _ sectorCount: Int64
  ) -> (cylinders: Int, heads: Int, sectors: Int)? {
    guard record.count >= 512, record[510] == 0x55, record[511] == 0xaa else { return nil }
    for entry in stride(from: 446, to: 510, by: 16) {
      let isUsed = record[entry + 12..<entry + 16].contains { $0 != 0 }
      let heads = Int(record[entry + 5]) + 1
      let sectors = Int(record[entry + 6] & 63)
      guard isUsed, heads > 1, sectors > 0 else { continue }
      let cylinders = Int(clamping: sectorCount / Int64(heads * sectors))
      if (1...16383).contains(cylinders) { return (cylinders, heads, sectors) }
    }
    return nil
  }
}
