// SPDX-License-Identifier: Apache-2.0

/// The numbers that say where in the tables of an image something is.
struct QCOW2Geometry: Sendable, Hashable {
  let clusterBits: Int
  let clusterByteCount: Int64
  let hasExtendedL2: Bool
  let isDataExternal: Bool
  let refcountOrder: Int
  /// Bytes of an L2 entry, 8 or 16.
  let l2EntryByteCount: Int
  /// Entries of one L2 table.
  let l2EntryCount: Int64
  /// Clusters that one refcount block counts.
  let refcountBlockEntryCount: Int64
  /// The part of a cluster that is allocated or not by itself: the cluster, or 1/32 of it.
  let subclusterByteCount: Int64
  let canZero: Bool

  /// Limits that keep damaged images from asking for much memory; QEMU's.
  static let maximumL1ByteCount: Int64 = 32 << 20
  static let maximumRefcountTableByteCount: Int64 = 8 << 20
  static let offsetMask: UInt64 = 0x00ff_ffff_ffff_fe00

  init(_ header: QCOW2Header) {
    clusterBits = header.clusterBits
    clusterByteCount = header.clusterByteCount
    hasExtendedL2 = header.hasExtendedL2
    isDataExternal = header.isDataExternal
    refcountOrder = header.refcountOrder
    l2EntryByteCount = hasExtendedL2 ? 16 : 8
    l2EntryCount = clusterByteCount / Int64(l2EntryByteCount)
    refcountBlockEntryCount = (clusterByteCount * 8) >> Int64(refcountOrder)
    subclusterByteCount = hasExtendedL2 ? clusterByteCount / 32 : clusterByteCount
    canZero = header.version >= 3
  }

  /// Bytes of the virtual disk that one L2 table maps.
  var l2Coverage: Int64 { clusterByteCount * l2EntryCount }
  var maximumRefcount: UInt64 { refcountOrder == 6 ? .max : (1 << (1 << UInt64(refcountOrder))) - 1 }
  /// Ends of what L2 entries can point at.
  var maximumOffset: Int64 { 1 << 56 }

  /// L1 entries for a disk; nil if the table would be too long.
  func l1EntryCount(for byteCount: Int64) -> Int? {
    let count = byteCount / l2Coverage + (byteCount % l2Coverage == 0 ? 0 : 1)
    return count * 8 <= Self.maximumL1ByteCount ? Int(count) : nil
  }

  func clusterStart(_ offset: Int64) -> Int64 { offset & ~(clusterByteCount - 1) }
  /// Clusters that hold `byteCount` bytes.
  func clusterCount(_ byteCount: Int64) -> Int64 { (byteCount + clusterByteCount - 1) >> Int64(clusterBits) }
  func roundedUp(_ offset: Int64) -> Int64 { clusterCount(offset) << Int64(clusterBits) }
  func isAligned(_ offset: Int64) -> Bool { offset & (clusterByteCount - 1) == 0 }

  /// A compressed cluster's place: byte offset and the most bytes it may take.
  func compressedPlace(_ descriptor: UInt64) -> (offset: Int64, byteCount: Int) {
    let shift = UInt64(62 - (clusterBits - 8))
    let offset = descriptor & ((1 << shift) - 1) & ((1 << 56) - 1)
    let sectors = (descriptor >> shift) & ((1 << UInt64(clusterBits - 8)) - 1) + 1
    return (Int64(offset), Int(sectors) * 512 - Int(offset & 511))
  }

  /// The descriptor of a compressed cluster; nil when its place cannot be written down.
  func compressedDescriptor(offset: Int64, byteCount: Int) -> UInt64? {
    let shift = UInt64(62 - (clusterBits - 8))
    guard offset < Int64(1) << Int64(min(shift, 56)) else { return nil }
    let sectors = UInt64((offset + Int64(byteCount) - 1) / 512 - offset / 512)
    return L2Entry.compressed | sectors << shift | UInt64(offset)
  }
}

/// An entry of an L2 table: how one cluster of the disk is stored.
struct L2Entry: Equatable {
  static let copied: UInt64 = 1 << 63
  static let compressed: UInt64 = 1 << 62
  static let zero: UInt64 = 1

  var descriptor: UInt64
  /// Subclusters, with extended entries: allocated in the low half, zero in the high.
  var bitmap: UInt64 = 0

  static let unallocated = L2Entry(descriptor: 0)

  var isCompressed: Bool { descriptor & Self.compressed != 0 }
  var isCopied: Bool { descriptor & Self.copied != 0 }
  var hostOffset: Int64 { Int64(descriptor & QCOW2Geometry.offsetMask) }

  enum Kind: Equatable {
    case unallocated
    case zero
    case normal
    case compressed
    case invalid
  }

  /// Whether a host cluster belongs to the entry, whatever is in it.
  func hasCluster(_ geometry: QCOW2Geometry) -> Bool {
    !isCompressed && (hostOffset != 0 || geometry.isDataExternal && isCopied)
  }

  /// How subcluster `index` reads.
  func kind(_ index: Int, _ geometry: QCOW2Geometry) -> Kind {
    if isCompressed { return .compressed }
    if geometry.hasExtendedL2 {
      let isAllocated = bitmap >> UInt64(index) & 1 != 0
      let isZero = bitmap >> UInt64(index + 32) & 1 != 0
      if isAllocated { return isZero || !hasCluster(geometry) ? .invalid : .normal }
      return isZero ? .zero : .unallocated
    }
    if descriptor & Self.zero != 0 { return .zero }
    return hasCluster(geometry) ? .normal : .unallocated
  }
}
