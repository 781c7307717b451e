// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO

/// An image with everything below it, opened by file names.
struct ImageChain: Sendable {
  /// One image of the chain, the active one first.
  struct Link: Sendable {
    /// The format's node.
    var node: any BlockNode
    /// As it was opened.
    var fileName: BytePath
    var format: ImageFormat
    var dataFileName: BytePath?
  }

  struct Options: Sendable {
    var isReadOnly = true
    /// Images below are opened for writing too.
    var writesBacking = false
    /// `-U`: others may write meanwhile.
    var sharesWrite = false
    var unmapsDiscards = false
    var isUnsafe = false
    /// A dirty or corrupt image is taken as it is.
    var isCheck = false
    var ignoresBacking = false

    init(isReadOnly: Bool = true) { self.isReadOnly = isReadOnly }
  }

  let links: [Link]
  /// What QEMU prints about a guessed format that can be written; nil when there is nothing to say.
  let warning: String?
  private let root: GraphNode

  var top: any BlockNode { links[0].node }

  /// - Parameter format: nil to guess; the formats below come from the images.
  static func open(_ path: BytePath, format: String?, _ options: Options) throws(BlockError) -> ImageChain {
    let driver = try format.map { (name) throws(BlockError) in try ImageOptions.driver(name) }
    var node = try NodeOptions(fileName: path, format: driver, defaults: general(options))
    if options.ignoresBacking { node.backing = NodeOptions.Reference.none }
    (node.isForCheck, node.writesBacking) = (options.isCheck, options.writesBacking)
    let tree = try ImageOpener().open(node)
    try tree.lock(
      for: BlockUse(needed: options.isReadOnly ? .consistentRead : [.consistentRead, .write], shared: .all))
    return ImageChain(tree.root, path)
  }

  private static func general(_ options: Options) -> NodeOptions {
    var general = NodeOptions()
    (general.isReadOnly, general.forcesSharing) = (options.isReadOnly, options.sharesWrite)
    (general.unmapsDiscards, general.ignoresFlushes) = (options.unmapsDiscards, options.isUnsafe)
    return general
  }

  private init(_ root: GraphNode, _ path: BytePath) {
    self.root = root
    warning = root.guessWarning
    links = ([root] + root.chain).enumerated().map { index, node in
      Link(
        node: node.content, fileName: index == 0 ? path : BytePath(node.fileName),
        format: ImageFormat(rawValue: node.driver) ?? .raw,
        dataFileName: node.children.first { $0.name == "data-file" }.map { BytePath($0.node.fileName) })
    }
  }

  /// Names in an image are relative to its folder.
  static func resolve(_ name: BytePath, beside image: BytePath) -> BytePath {
    let prefix = Array("file:".utf8)
    let plain = name.bytes.starts(with: prefix) ? BytePath(bytes: name.bytes.dropFirst(prefix.count)) : name
    guard !plain.isAbsolute, image.bytes.contains(UInt8(ascii: "/")) else { return plain }
    return image.directory.appending(plain)
  }

  func close() throws(Errno) { try top.close() }
}
