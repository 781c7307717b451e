// SPDX-License-Identifier: Apache-2.0
import HostIO

/// Opening an image, with QEMU's sentences about what is wrong with it.
extension QCOW2Node {
  /// Opens the image in `file`, a growable node if it is to be written.
  ///
  /// - Parameters:
  ///   - openBacking: opens what the header names; relative names are relative to the image's folder. May return nil to
  ///     go without.
  ///   - openDataFile: opens an external data file, growable; its name is nil if the header does not have it.
  public static func open(
    over file: any BlockNode, _ options: QCOW2Options = QCOW2Options(),
    openBacking: (BackingReference) throws(BlockError) -> (any BlockNode)?,
    openDataFile: (BytePath?) throws(BlockError) -> any BlockNode = { (_) throws(BlockError) in
      throw .invalidImage("'data-file' is required for this image")
    }
  ) throws(BlockError) -> QCOW2Node {
    let metadata = try loadMetadata(over: file, options, isOpening: true, openDataFile: openDataFile)
    if metadata.mustBeRepaired(options), !options.isInactive { try repair(metadata) }
    var backing: (any BlockNode)?
    if let name = metadata.extensions.backingFile, !name.isEmpty, !options.ignoresBacking {
      backing = try openBacking(BackingReference(fileName: name, format: metadata.extensions.backingFormat))
    }
    return QCOW2Node(metadata, options: options, backing: backing)
  }

  /// Reads what is always in memory, and checks it.
  static func loadMetadata(
    over file: any BlockNode, _ options: QCOW2Options, isOpening: Bool = false,
    openDataFile: (BytePath?) throws(BlockError) -> any BlockNode
  ) throws(BlockError) -> sending QCOW2Metadata {
    let (header, extensions) = try readHeader(file)
    if let sentence = extensions.unsupportedFeatures(header) { throw .invalidImage(sentence) }
    if header.hasExtendedL2, header.clusterBits < 14 {
      throw .invalidImage("Unsupported subcluster size: \(header.clusterByteCount / 32)")
    }
    switch header.encryption {
    case .none: break
    case .aes: throw .invalidImage("Images encrypted with AES are not supported yet")
    case .luks: throw .invalidImage("Images encrypted with LUKS are not supported yet")
    }
    if header.incompatible.contains(.corrupt), !options.isReadOnly, !options.isCheck {
      throw .invalidImage("qcow2: Image is corrupt; cannot be opened read/write")
    }
    let dataFile = header.isDataExternal ? try openDataFile(extensions.dataFile) : nil
    let metadata = QCOW2Metadata(
      file: file, dataFile: dataFile, header: header, extensions: extensions, isUnsafe: options.isUnsafe)
    do throws(Errno) { try metadata.loadTables() } catch { throw .failed("Could not read L1 table", error) }
    metadata.snapshots = try QCOW2Snapshot.parseTable(header) { (offset, count) throws(BlockError) in
      guard offset < file.byteCount else { return [] }
      do throws(Errno) {
        return try metadata.read(offset, Int(min(Int64(count), file.byteCount - offset)))
      } catch {
        throw .failed("Failed to read snapshot table", error)
      }
    }
    metadata.storedSnapshotByteCount = metadata.snapshotTableByteCount
    if !options.isCheck { try metadata.loadBitmapDirectory() }
    if options.keepsBitmaps, !options.isInactive || !isOpening {
      try metadata.loadLiveBitmaps(isReadOnly: options.isReadOnly)
    }
    if let lazy = options.lazyRefcounts {
      if lazy, header.version < 3 {
        throw .invalidImage("Lazy refcounts require a qcow2 image with at least qemu 1.1 compatibility level")
      }
      metadata.usesLazyCounts = lazy
    }
    return metadata
  }

  /// The header and extensions of an image, checked each alone.
  public static func readHeader(_ file: any BlockNode) throws(BlockError) -> (QCOW2Header, QCOW2Extensions) {
    func read(_ count: Int) throws(BlockError) -> [UInt8] {
      let size = Int(min(Int64(count), file.byteCount))
      do throws(Errno) {
        return try [UInt8].filled(size) { (buffer) throws(Errno) in try file.read(at: 0, into: buffer) }
      } catch {
        throw .failed("Could not read qcow2 header", error)
      }
    }
    let header = try QCOW2Header(parsing: try read(4096))
    return (header, try QCOW2Extensions(parsing: try read(Int(header.clusterByteCount)), after: header))
  }

  /// The image was not closed: its counts are made anew from its tables.
  static func repair(_ metadata: QCOW2Metadata) throws(BlockError) {
    var result: QCOW2Check
    do throws(Errno) {
      result = QCOW2Check(metadata, repairing: [.leaks, .errors])
      try result.run()
    } catch {
      throw .failed("Could not repair dirty image", error)
    }
    guard result.corruptionCount == 0, result.checkErrorCount == 0 else {
      throw .invalidImage("Could not repair dirty image: Input/output error")
    }
    do throws(Errno) {
      try metadata.writeBackAll()
      try metadata.setIncompatible(.dirty, false)
    } catch {
      throw .failed("Could not repair dirty image", error)
    }
  }
}

extension QCOW2Metadata {
  /// The image was not closed by who wrote to it last.
  func mustBeRepaired(_ options: QCOW2Options) -> Bool {
    header.incompatible.contains(.dirty) && !options.isReadOnly && !options.isCheck
  }
}
