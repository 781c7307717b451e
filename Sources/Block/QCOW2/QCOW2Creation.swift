// SPDX-License-Identifier: Apache-2.0
import HostIO

/// What a new qcow2 image is to be like.
public struct QCOW2Creation: Sendable {
  public var byteCount: Int64
  public var version: UInt32 = 3
  public var clusterByteCount: Int64 = 65536
  public var refcountBits = 16
  public var hasLazyRefcounts = false
  public var hasExtendedL2 = false
  public var compression = QCOW2Compression.zlib
  public var backingFile: BytePath?
  public var backingFormat: String?
  public var dataFile: BytePath?
  public var isDataRaw = false
  public var preallocation = Preallocation.off

  public init(byteCount: Int64) { self.byteCount = byteCount }

  /// QEMU's sentence about options that do not go together; nil when they do.
  public var objection: String? {
    guard (512...2 << 20).contains(clusterByteCount), clusterByteCount.nonzeroBitCount == 1 else {
      return "Cluster size must be a power of two between 512 and 2048k"
    }
    if hasExtendedL2, version < 3 {
      return "Extended L2 entries are only supported with compatibility level 1.1 and above (use version=v3 or greater)"
    }
    if hasExtendedL2, clusterByteCount < 16384 {
      return "Extended L2 entries are only supported with cluster sizes of at least 16384 bytes"
    }
    if preallocation != .off, backingFile != nil, !hasExtendedL2 {
      return "Backing file and preallocation can only be used at the same time if extended_l2 is enabled"
    }
    if hasLazyRefcounts, version < 3 {
      return "Lazy refcounts only supported with compatibility level 1.1 and above (use version=v3 or greater)"
    }
    guard (1...64).contains(refcountBits), refcountBits.nonzeroBitCount == 1 else {
      return "Refcount width must be a power of two and may not exceed 64 bits"
    }
    if version < 3, refcountBits != 16 {
      return
        "Different refcount widths than 16 bits require compatibility level 1.1 or above (use version=v3 or greater)"
    }
    if isDataRaw, dataFile == nil { return "data-file-raw requires data-file" }
    if isDataRaw, backingFile != nil { return "Backing file and data-file-raw cannot be used at the same time" }
    if dataFile != nil, version < 3 {
      return "External data files are only supported with compatibility level 1.1 and above (use version=v3 or greater)"
    }
    if compression != .zlib, version < 3 {
      return
        "Non-zlib compression type is only supported with compatibility level 1.1 and above (use version=v3 or greater)"
    }
    if let backingFile, backingFile.bytes.count > 1023 { return "Backing file name too long" }
    return nil
  }

  /// Fills `file`, growable and empty, with a new image. `dataFile`: the external data file, empty and growable.
  public func create(in file: any BlockNode, dataFile dataNode: (any BlockNode)? = nil) throws(BlockError) {
    if let objection { throw .invalidImage(objection) }
    guard byteCount >= 0 else { throw .invalidImage("Image size must be positive") }
    var header = QCOW2Header()
    header.version = version
    header.clusterBits = clusterByteCount.trailingZeroBitCount
    header.byteCount = (byteCount + 511) & -512
    header.refcountOrder = refcountBits.trailingZeroBitCount
    header.compression = compression
    if compression != .zlib { header.incompatible.insert(.compressionType) }
    if hasExtendedL2 { header.incompatible.insert(.extendedL2) }
    if dataFile != nil { header.incompatible.insert(.externalData) }
    if isDataRaw { header.autoclear.insert(.rawExternalData) }
    if hasLazyRefcounts { header.compatible |= QCOW2Header.lazyRefcounts }
    let geometry = QCOW2Geometry(header)
    guard let l1EntryCount = geometry.l1EntryCount(for: header.byteCount) else {
      throw .cannotResize("The image size is too large for file format 'qcow2' (try using a larger cluster size)")
    }
    var extensions = QCOW2Extensions()
    (extensions.backingFile, extensions.backingFormat, extensions.dataFile) = (backingFile, backingFormat, dataFile)
    // The header, the refcount table and its first block, which counts these three clusters and the L1 table.
    let cluster = clusterByteCount
    header.refcountTableOffset = cluster
    header.refcountTableClusterCount = 1
    header.l1Offset = 3 * cluster
    do throws(Errno) {
      let metadata = QCOW2Metadata(
        file: file, dataFile: dataNode, header: header, extensions: extensions, isUnsafe: true)
      metadata.refcountTable = [UInt64](repeating: 0, count: Int(cluster / 8))
      metadata.refcountTable[0] = UInt64(2 * cluster)
      metadata.dirtyRefcountTable = 0..<1
      try metadata.write([UInt8](repeating: 0, count: Int(cluster)), at: cluster)
      try metadata.write([UInt8](repeating: 0, count: Int(cluster)), at: 2 * cluster)
      try metadata.changeRefcounts(0..<3, by: 1)
      metadata.tableOffsets = [2 * cluster]
      metadata.untouchedFrom = 3 * cluster
      metadata.usesLazyCounts = false
      try metadata.moveL1([UInt64](repeating: 0, count: l1EntryCount))
      try metadata.writeBackAll()
    } catch .noSpace where extensions.encoded(with: header) == nil {
      throw .invalidImage("Could not write qcow2 header: No space left on device")
    } catch {
      throw .failed("Could not write qcow2 header", error)
    }
    if isDataRaw { try dataNode?.resize(to: header.byteCount, preallocation: .off) }
    let mode = isDataRaw && preallocation == .off ? .metadata : preallocation
    guard mode != .off else {
      if let dataNode, !isDataRaw { try dataNode.resize(to: header.byteCount, preallocation: .off) }
      return
    }
    var options = QCOW2Options()
    options.isUnsafe = true
    options.ignoresBacking = true
    let node = try QCOW2Node.open(over: Borrowed(file), options) { (_) throws(BlockError) in
      nil
    } openDataFile: { (_) throws(BlockError) in
      guard let dataNode else { throw .invalidImage("'data-file' is required for this image") }
      return Borrowed(dataNode)
    }
    try node.preallocate(0..<header.byteCount, mode)
    if let dataNode {
      try dataNode.resize(to: header.byteCount, preallocation: mode == .metadata ? .off : mode)
    }
    do throws(Errno) { try node.close() } catch { throw .failed("Could not preallocate metadata", error) }
  }
}

/// A node that is used for a while and not closed.
final class Borrowed: BlockNode {
  private let node: any BlockNode
  init(_ node: any BlockNode) { self.node = node }
  var byteCount: Int64 { node.byteCount }
  var isReadOnly: Bool { node.isReadOnly }
  var driver: String { node.driver }
  var allocatedByteCount: Int64? { node.allocatedByteCount }
  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
    try node.read(at: offset, into: buffer)
  }
  func write(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno) {
    try node.write(at: offset, from: buffer)
  }
  func flush() throws(Errno) { try node.flush() }
  func discard(_ range: Range<Int64>) throws(Errno) { try node.discard(range) }
  func writeZeroes(_ range: Range<Int64>, mayUnmap: Bool) throws(Errno) {
    try node.writeZeroes(range, mayUnmap: mayUnmap)
  }
  func extent(in range: Range<Int64>) throws(Errno) -> BlockExtent { try node.extent(in: range) }
  func resize(to byteCount: Int64, preallocation: Preallocation) throws(BlockError) {
    try node.resize(to: byteCount, preallocation: preallocation)
  }
}
