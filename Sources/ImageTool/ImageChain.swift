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
    /// Of the format's node, by QEMU's name.
    var driver: String
    /// Its format tells more than its length.
    var hasDetails: Bool
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
    /// Past the host's page cache.
    var isDirect = false
    /// The last unit of a file that is written past the page cache may become whole.
    var mayGrow = false
    /// A dirty or corrupt image is taken as it is.
    var isCheck = false
    var ignoresBacking = false
    /// `--image-opts`: what names the image is a list of its node's options.
    var isOptionList = false

    init(isReadOnly: Bool = true) { self.isReadOnly = isReadOnly }
  }

  let links: [Link]
  private let root: GraphNode

  var top: any BlockNode { links[0].node }

  /// - Parameter format: nil to guess; the formats below come from the images.
  static func open(_ path: BytePath, format: String?, _ options: Options) throws(BlockError) -> ImageChain {
    var node: NodeOptions
    if options.isOptionList {
      node = try self.options(path, options)
    } else {
      let driver = try format.map { (name) throws(BlockError) in try ImageOptions.driver(name) }
      node = try NodeOptions(fileName: path, format: driver, defaults: general(options))
    }
    if options.ignoresBacking { node.backing = NodeOptions.Reference.none }
    (node.isForCheck, node.writesBacking) = (options.isCheck, options.writesBacking)
    let tree = try ImageOpener().open(node)
    var needed: BlockPermissions = options.isReadOnly ? .consistentRead : [.consistentRead, .write]
    if options.mayGrow { needed.insert(.resize) }
    try tree.lock(for: BlockUse(needed: needed, shared: .all))
    return ImageChain(tree.root, options.isOptionList ? shownName(tree.root, options) : path)
  }

  /// That images below were left out is not said.
  private static func shownName(_ root: GraphNode, _ options: Options) -> BytePath {
    guard options.ignoresBacking, root.options.offset == nil, root.options.size == nil, let file = root.file,
      file.isProtocol
    else { return BytePath(root.fileName) }
    return BytePath(file.fileName)
  }

  /// What a list of options says of a node. The first one is the node's file if it has no key.
  private static func options(_ list: BytePath, _ options: Options) throws(BlockError) -> NodeOptions {
    var tree = OptionTree()
    for (index, part) in list.bytes.splitAtSingleCommas().enumerated() {
      let words = part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      if words.count == 2 {
        try tree.set(String(decoding: words[0], as: UTF8.self), Array(words[1]))
      } else if index == 0 {
        try tree.set("file", part)
      } else {
        try tree.set(String(decoding: part, as: UTF8.self), Array("on".utf8))
      }
    }
    if options.ignoresBacking, case .tree(let below)? = tree["backing"], let first = below.members.first {
      let format = try NodeOptions(legacy: tree, defaults: general(options)).driver?.rawValue ?? "raw"
      throw .refused("Block format '\(format)' does not support the option 'backing.\(first.key)'")
    }
    return try NodeOptions(legacy: tree, defaults: general(options))
  }

  /// `-U` and a list that says otherwise.
  static func contradictsSharing(_ list: BytePath) -> Bool {
    list.bytes.splitAtSingleCommas().contains { part in
      let text = String(decoding: part, as: UTF8.self)
      return text.hasPrefix("force-share=") && text != "force-share=on"
    }
  }

  private static func general(_ options: Options) -> NodeOptions {
    var general = NodeOptions()
    (general.isReadOnly, general.forcesSharing) = (options.isReadOnly, options.sharesWrite)
    (general.unmapsDiscards, general.ignoresFlushes) = (options.unmapsDiscards, options.isUnsafe)
    general.isDirect = options.isDirect
    return general
  }

  private init(_ root: GraphNode, _ path: BytePath) {
    self.root = root
    links = ([root] + root.chain).enumerated().map { index, node in
      Link(
        node: node.content, fileName: index == 0 ? path : BytePath(node.fileName),
        format: ImageFormat(rawValue: node.driver) ?? .raw, driver: node.driver, hasDetails: node.hasDetails,
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

  /// For a user who asks for a length, and not only for enough room.
  func checkResize(to byteCount: Int64) throws(BlockError) { try root.checkResize(to: byteCount) }

  func close() throws(Errno) { try top.close() }
}
