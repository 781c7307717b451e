// SPDX-License-Identifier: Apache-2.0
import HostIO
import Synchronization

/// How an image is to be opened when no graph is wanted.
public struct ImageOptions: Sendable, Hashable {
  /// `format=`; nil lets the format be guessed.
  public var format: String?
  public var isReadOnly: Bool
  /// `snapshot=on` or `-snapshot`: writes go to a temporary overlay.
  public var isSnapshot: Bool
  /// `discard=unmap`: storage of discarded ranges is given back.
  public var unmapsDiscards: Bool

  public init(
    format: String? = nil, isReadOnly: Bool = false, isSnapshot: Bool = false, unmapsDiscards: Bool = false
  ) {
    (self.format, self.isReadOnly, self.isSnapshot) = (format, isReadOnly, isSnapshot)
    self.unmapsDiscards = unmapsDiscards
  }

  /// The node that these ask for.
  public func nodeOptions(file: BytePath) throws(BlockError) -> NodeOptions {
    var options = NodeOptions(file: file, format: try format.map(Self.driver), isReadOnly: isReadOnly || isSnapshot)
    options.unmapsDiscards = unmapsDiscards
    options.isAutoReadOnly = true
    if case .options(var storage) = options.file {
      storage.isAutoReadOnly = true
      options.file = .options(storage)
    }
    return options
  }

  /// A format by QEMU's name.
  public static func driver(_ name: String) throws(BlockError) -> NodeOptions.Driver {
    if let driver = NodeOptions.Driver(rawValue: name) { return driver }
    if ImageFormat(rawValue: name) != nil { throw .refused("Block driver '\(name)' is not supported") }
    throw .unknownFormat(name)
  }
}

/// What can be put into a drive: the top of a chain of nodes.
public final class BlockMedium: Sendable {
  private let top: Mutex<GraphNode>

  public init(root: GraphNode) { top = Mutex(root) }

  /// A medium that a program makes up.
  public convenience init(node: any BlockNode, fileName: String) {
    self.init(root: GraphNode(name: "#block000", content: node, fileName: fileName))
  }

  /// The node that requests go to. A snapshot puts another one in its place, between two requests.
  public var root: GraphNode { top.withLock { $0 } }
  public var node: any BlockNode { root }
  public var fileName: String { root.fileName }

  func replaceRoot(_ root: GraphNode) { top.withLock { $0 = root } }

  /// Opens an image file for itself, with the locks of a disk that a guest uses.
  ///
  /// An image in a format that cannot be read is refused by name; it is never shown to the guest as raw bytes unless the
  /// user asked for `format=raw`.
  public static func open(_ path: BytePath, _ options: ImageOptions = ImageOptions()) throws(BlockError) -> BlockMedium
  {
    let graph = BlockGraph()
    let root = try graph.open(try options.nodeOptions(file: path), isSnapshot: options.isSnapshot)
    let medium = BlockMedium(root: root)
    try graph.check(root, use: .device(isReadOnly: root.isReadOnly, isResizable: true))
    return medium
  }
}
