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
    var opening = ImageChain.Options(isReadOnly: options.isReadOnly || options.isSnapshot)
    (opening.unmapsDiscards, opening.isUnsafe) = (options.unmapsDiscards, options.ignoresFlushes)
    let chain = try ImageChain.open(path, format: options.format, opening)
    var top = chain.top
    if options.isSnapshot {
      do throws(Errno) { top = try OverlayNode(over: top) } catch { throw .noTemporaryFile(error) }
    }
    return BlockMedium(
      node: top, fileName: path.description, options: options, isFormatGuessed: options.format == nil)
  }

  /// What QEMU prints when it opens this image for a guest that can write to it; nil when there is nothing to say.
  public var warning: String? {
    guard isFormatGuessed, node.driver == "raw", !node.isReadOnly, !options.isSnapshot else { return nil }
    return """
      WARNING: Image format was not specified for '\(fileName)' and probing guessed raw.
               Automatically detecting the format is dangerous for raw images, write operations on block 0 will be restricted.
               Specify the 'raw' format explicitly to remove the restrictions.
      """
  }
}
