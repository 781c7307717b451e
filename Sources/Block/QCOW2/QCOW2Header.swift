// SPDX-License-Identifier: Apache-2.0

/// The header of a qcow2 image, versions 2 and 3.
///
/// *Reference:* QEMU's docs/interop/qcow2, "Header". Sizes are limited as QEMU limits them.
public struct QCOW2Header: Sendable, Equatable {
  static let magic: UInt32 = 0x5146_49fb
  static let legacyByteCount = 72
  static let minimumByteCount = 104
  /// With the compression type and its padding.
  static let currentByteCount = 112

  public struct IncompatibleFeatures: OptionSet, Sendable, Hashable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// Refcounts may be wrong.
    public static let dirty = IncompatibleFeatures(rawValue: 1 << 0)
    /// Nothing may be right.
    public static let corrupt = IncompatibleFeatures(rawValue: 1 << 1)
    public static let externalData = IncompatibleFeatures(rawValue: 1 << 2)
    public static let compressionType = IncompatibleFeatures(rawValue: 1 << 3)
    public static let extendedL2 = IncompatibleFeatures(rawValue: 1 << 4)
    static let known: IncompatibleFeatures = [.dirty, .corrupt, .externalData, .compressionType, .extendedL2]
  }

  public struct AutoclearFeatures: OptionSet, Sendable, Hashable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static let bitmaps = AutoclearFeatures(rawValue: 1 << 0)
    public static let rawExternalData = AutoclearFeatures(rawValue: 1 << 1)
    static let known: AutoclearFeatures = [.bitmaps, .rawExternalData]
  }

  static let lazyRefcounts: UInt64 = 1

  public enum Encryption: UInt32, Sendable { case none, aes, luks }

  public var version: UInt32 = 3
  public var clusterBits: Int = 16
  /// Length of the virtual disk in bytes.
  public var byteCount: Int64 = 0
  public var encryption = Encryption.none
  var l1EntryCount: Int = 0
  var l1Offset: Int64 = 0
  var refcountTableOffset: Int64 = 0
  var refcountTableClusterCount: Int = 0
  var snapshotCount: Int = 0
  var snapshotsOffset: Int64 = 0
  public var incompatible: IncompatibleFeatures = []
  public var compatible: UInt64 = 0
  public var autoclear: AutoclearFeatures = []
  var refcountOrder: Int = 4
  public var compression = QCOW2Compression.zlib
  /// Fields after those known here, kept as they are.
  var unknownFields: [UInt8] = []
  /// Where the backing file's name is, while parsing; nil without one.
  var backingName: (offset: UInt64, byteCount: UInt32)?
  var storedByteCount = QCOW2Header.currentByteCount

  public var clusterByteCount: Int64 { 1 << Int64(clusterBits) }
  public var hasLazyRefcounts: Bool { version >= 3 && compatible & Self.lazyRefcounts != 0 }
  public var refcountBits: Int { 1 << refcountOrder }
  var hasExtendedL2: Bool { incompatible.contains(.extendedL2) }
  var isDataExternal: Bool { incompatible.contains(.externalData) }
  /// The data file alone is a raw image of the disk.
  public var isDataRaw: Bool { isDataExternal && autoclear.contains(.rawExternalData) }

  public static func == (left: QCOW2Header, right: QCOW2Header) -> Bool { left.encoded() == right.encoded() }

  init() {}

  /// Parses the fields and checks each alone. `bytes`: the start of the image, at least the header.
  public init(parsing bytes: [UInt8]) throws(BlockError) {
    guard bytes.count >= Self.legacyByteCount, bytes.bigEndian32(at: 0) == Self.magic else {
      throw .invalidImage("Image is not in qcow2 format")
    }
    version = bytes.bigEndian32(at: 4)
    guard version == 2 || version == 3 else { throw .invalidImage("Unsupported qcow2 version \(version)") }
    let bits = bytes.bigEndian32(at: 20)
    guard (9...21).contains(bits) else { throw .invalidImage("Unsupported cluster size: 2^\(bits)") }
    clusterBits = Int(bits)
    if version == 2 {
      storedByteCount = Self.legacyByteCount
    } else {
      try parseVersion3(bytes)
    }
    guard storedByteCount <= clusterByteCount else {
      throw .invalidImage("qcow2 header exceeds cluster size")
    }
    let nameOffset = bytes.bigEndian64(at: 8)
    if nameOffset > UInt64(clusterByteCount) { throw .invalidImage("Invalid backing file offset") }
    if nameOffset != 0 { backingName = (nameOffset, bytes.bigEndian32(at: 16)) }
    guard let method = Encryption(rawValue: bytes.bigEndian32(at: 32)) else {
      throw .invalidImage("Unsupported encryption method \(bytes.bigEndian32(at: 32))")
    }
    encryption = method
    guard let length = Int64(exactly: bytes.bigEndian64(at: 24)) else { throw .invalidImage("Image is too big") }
    byteCount = length
    try parseTables(bytes)
  }

  private mutating func parseVersion3(_ bytes: [UInt8]) throws(BlockError) {
    guard bytes.count >= Self.minimumByteCount, bytes.bigEndian32(at: 100) >= 104 else {
      throw .invalidImage("qcow2 header too short")
    }
    storedByteCount = Int(bytes.bigEndian32(at: 100))
    incompatible = IncompatibleFeatures(rawValue: bytes.bigEndian64(at: 72))
    compatible = bytes.bigEndian64(at: 80)
    autoclear = AutoclearFeatures(rawValue: bytes.bigEndian64(at: 88))
    let order = bytes.bigEndian32(at: 96)
    guard order <= 6 else {
      throw .invalidImage("Reference count entry width too large; may not exceed 64 bits")
    }
    refcountOrder = Int(order)
    let isTyped = storedByteCount > 104 && bytes.count > 104
    let type = isTyped ? bytes[104] : 0
    guard incompatible.contains(.compressionType) == (type != 0) else {
      throw .invalidImage(
        type == 0
          ? "qcow2: Compression type incompatible feature bit must not be set"
          : "qcow2: Compression type incompatible feature bit must be set")
    }
    guard let method = QCOW2Compression(rawValue: type) else {
      throw .invalidImage("qcow2: unknown compression type: \(type)")
    }
    compression = method
    if storedByteCount > Self.currentByteCount, bytes.count >= storedByteCount, storedByteCount <= clusterByteCount {
      unknownFields = Array(bytes[Self.currentByteCount..<storedByteCount])
    }
  }

  private mutating func parseTables(_ bytes: [UInt8]) throws(BlockError) {
    func offset(at place: Int, _ entryCount: UInt64, _ entryByteCount: UInt64, _ what: String) throws(BlockError)
      -> Int64
    {
      let value = bytes.bigEndian64(at: place)
      let end = value.addingReportingOverflow(entryCount &* entryByteCount)
      guard !end.overflow, end.partialValue <= UInt64(Int64.max), value & UInt64(clusterByteCount - 1) == 0 else {
        throw .invalidImage("\(what) offset invalid")
      }
      return Int64(value)
    }
    let tableClusters = UInt64(bytes.bigEndian32(at: 56))
    guard tableClusters != 0 else { throw .invalidImage("Image does not contain a reference count table") }
    guard tableClusters * UInt64(clusterByteCount) <= UInt64(max(8 << 20, clusterByteCount)) else {
      throw .invalidImage("Reference count table too large")
    }
    refcountTableClusterCount = Int(tableClusters)
    refcountTableOffset = try offset(at: 48, tableClusters, UInt64(clusterByteCount), "Reference count table")
    let snapshots = UInt64(bytes.bigEndian32(at: 60))
    guard snapshots <= 65536 else { throw .invalidImage("Snapshot table too large") }
    snapshotCount = Int(snapshots)
    snapshotsOffset = try offset(at: 64, snapshots, 40, "Snapshot table")
    let l1Entries = UInt64(bytes.bigEndian32(at: 36))
    guard l1Entries <= 4 << 20 else { throw .invalidImage("Active L1 table too large") }
    l1EntryCount = Int(l1Entries)
    guard let needed = QCOW2Geometry(self).l1EntryCount(for: byteCount) else { throw .invalidImage("Image is too big") }
    guard l1EntryCount >= needed else { throw .invalidImage("L1 table is too small") }
    l1Offset = try offset(at: 40, l1Entries, 8, "Active L1 table")
  }

  /// The header's bytes, without a backing file name's place.
  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendBigEndian(Self.magic)
    bytes.appendBigEndian(version)
    bytes.appendBigEndian(UInt64(0))
    bytes.appendBigEndian(UInt32(0))
    bytes.appendBigEndian(UInt32(clusterBits))
    bytes.appendBigEndian(UInt64(bitPattern: byteCount))
    bytes.appendBigEndian(encryption.rawValue)
    bytes.appendBigEndian(UInt32(l1EntryCount))
    bytes.appendBigEndian(UInt64(bitPattern: l1Offset))
    bytes.appendBigEndian(UInt64(bitPattern: refcountTableOffset))
    bytes.appendBigEndian(UInt32(refcountTableClusterCount))
    bytes.appendBigEndian(UInt32(snapshotCount))
    bytes.appendBigEndian(UInt64(bitPattern: snapshotsOffset))
    if version == 2 { return bytes }
    bytes.appendBigEndian(incompatible.rawValue)
    bytes.appendBigEndian(compatible)
    bytes.appendBigEndian(autoclear.rawValue)
    bytes.appendBigEndian(UInt32(refcountOrder))
    bytes.appendBigEndian(UInt32(Self.currentByteCount + unknownFields.count))
    bytes.append(compression.rawValue)
    bytes.append(contentsOf: repeatElement(0, count: 7))
    return bytes + unknownFields
  }
}
