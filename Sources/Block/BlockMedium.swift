// SPDX-License-Identifier: Apache-2.0
import HostIO
import Synchronization

/// How an image is to be opened: the properties of `-drive` that concern the image and not the device.
public struct ImageOptions: Sendable, Hashable {
  /// `format=`; nil lets the format be guessed.
  public var format: String?
  public var isReadOnly: Bool
  /// `snapshot=on` or `-snapshot`: writes go to a temporary overlay.
  public var isSnapshot: Bool
  /// `discard=unmap`: storage of discarded ranges is given back.
  public var unmapsDiscards: Bool
  /// `cache=none` or `directsync`: reported only; the page cache is not bypassed.
  public var isDirect: Bool
  /// `cache=unsafe`: flushes are not passed on.
  public var ignoresFlushes: Bool
  /// `cache=writethrough` or `directsync`: the guest sees no volatile write cache.
  public var isWriteback: Bool

  public init(
    format: String? = nil, isReadOnly: Bool = false, isSnapshot: Bool = false, unmapsDiscards: Bool = false,
    isDirect: Bool = false, ignoresFlushes: Bool = false, isWriteback: Bool = true
  ) {
    (self.format, self.isReadOnly, self.isSnapshot) = (format, isReadOnly, isSnapshot)
    (self.unmapsDiscards, self.isDirect) = (unmapsDiscards, isDirect)
    (self.ignoresFlushes, self.isWriteback) = (ignoresFlushes, isWriteback)
  }
}

/// What can be put into a drive: an open image with the facts the monitor shows.
public final class BlockMedium: Sendable {
  public let node: any BlockNode
  /// The name as the user gave it.
  public let fileName: String
  public let options: ImageOptions
  /// For example `#block123`.
  public let nodeName: String
  /// True when `format=` was not given.
  public let isFormatGuessed: Bool
  private static let counter = Atomic<Int>(100)

  public init(
    node: any BlockNode, fileName: String, options: ImageOptions = ImageOptions(), isFormatGuessed: Bool = false
  ) {
    self.node = node
    self.fileName = fileName
    self.options = options
    self.isFormatGuessed = isFormatGuessed
    nodeName = "#block\(Self.counter.add(1, ordering: .relaxed).newValue)"
  }

  /// Opens an image file.
  ///
  /// An image in a format that cannot be read is refused by name; it is never shown to the guest as raw bytes unless the
  /// user asked for `format=raw`.
  public static func open(_ path: BytePath, _ options: ImageOptions = ImageOptions()) throws(BlockError) -> BlockMedium
  {
    if let format = options.format, ImageFormat(rawValue: format) == nil { throw .unknownFormat(format) }
    let writes = !options.isReadOnly && !options.isSnapshot
    let file = try openFile(path, writes: writes)
    let node: FileNode
    do throws(BlockError) {
      try checkFormat(file, path, options)
      try ImageRights.take(
        writes ? [.consistentRead, .write] : .consistentRead, denied: .write, on: file, name: path.description)
      node = try makeNode(file, path, isReadOnly: !writes, options)
    } catch {
      file.closeIgnoringErrors()
      throw error
    }
    var top: any BlockNode = node  // which closes the file from here on
    if options.isSnapshot {
      do throws(Errno) { top = try OverlayNode(over: node) } catch { throw .noTemporaryFile(error) }
    } else if options.format == nil, !options.isReadOnly {
      top = GuardedNode(node, fileName: path)
    }
    return BlockMedium(
      node: top, fileName: path.description, options: options, isFormatGuessed: options.format == nil)
  }

  private static func openFile(_ path: BytePath, writes: Bool) throws(BlockError) -> FileDescriptor {
    do throws(Errno) {
      // Non-blocking, so that a FIFO in the image's place is refused and not waited for.
      return try FileDescriptor.open(path, writes ? .readWrite : .readOnly, [.noControllingTerminal, .nonBlocking])
    } catch .isADirectory {
      throw .notAFile(path.description)
    } catch {
      throw .cannotOpen(path.description, error)
    }
  }

  private static func makeNode(
    _ file: FileDescriptor, _ path: BytePath, isReadOnly: Bool, _ options: ImageOptions
  ) throws(BlockError) -> FileNode {
    do throws(Errno) {
      return try FileNode(file, isReadOnly: isReadOnly, unmapsDiscards: options.unmapsDiscards)
    } catch {
      throw .cannotOpen(path.description, error)
    }
  }

  private static func checkFormat(
    _ file: FileDescriptor, _ path: BytePath, _ options: ImageOptions
  ) throws(BlockError) {
    let kind: FileStatus.Kind
    let start: [UInt8]
    do throws(Errno) {
      kind = try file.status().kind
      start = kind == .regular || kind == .blockDevice ? try file.read(upTo: ImageFormat.probeByteCount, at: 0) : []
    } catch {
      throw .cannotOpen(path.description, error)
    }
    guard kind == .regular || kind == .blockDevice else { throw .notAFile(path.description) }
    if options.format == ImageFormat.raw.rawValue { return }
    let found = ImageFormat.guess(start, fileName: path)
    if let wanted = options.format.flatMap(ImageFormat.init(rawValue:)), wanted != found { throw .wrongFormat(wanted) }
    if found != .raw { throw .unsupportedFormat(path.description, found) }
  }

  /// What QEMU prints when it opens this image for a guest that can write to it; nil when there is nothing to say.
  public var warning: String? {
    guard isFormatGuessed, !node.isReadOnly, !options.isSnapshot else { return nil }
    return """
      WARNING: Image format was not specified for '\(fileName)' and probing guessed raw.
               Automatically detecting the format is dangerous for raw images, write operations on block 0 will be restricted.
               Specify the 'raw' format explicitly to remove the restrictions.
      """
  }
}
