// SPDX-License-Identifier: Apache-2.0
import HostIO

/// Opens nodes: the one way from options to an open image, for the command line, `blockdev-add`, media and snapshots.
///
/// It may wait for the disk, so the monitor has it run on a worker; nodes that exist already are given to it. What it
/// opens is in nobody's hands until `BlockGraph` takes it over, and closed when it is let go.
public struct ImageOpener: Sendable {
  private let names: NodeNames
  private let existing: [String: GraphNode]
  /// Names that new nodes may not have.
  private let takenNames: Set<String>
  /// Another process still has the images; see `BlockNode.inactivate`.
  let isInactive: Bool
  /// Persistent bitmaps are kept in memory, for a machine.
  let keepsBitmaps: Bool
  /// Length of the longest chain of backing nodes.
  private static let longestChain = 200
  private static let longestName = 31

  init(
    names: NodeNames, existing: [String: GraphNode], takenNames: Set<String>, isInactive: Bool = false,
    keepsBitmaps: Bool = false
  ) {
    (self.names, self.existing, self.takenNames) = (names, existing, takenNames)
    (self.isInactive, self.keepsBitmaps) = (isInactive, keepsBitmaps)
  }

  /// For images that no graph will hold.
  package init() { self.init(names: NodeNames(), existing: [:], takenNames: []) }

  public func open(_ options: NodeOptions) throws(BlockError) -> OpenedTree {
    var work = Work(opener: self)
    let root = try work.open(options, depth: 0)
    if !isInactive { try OpenedTree.lock(root) }
    return OpenedTree(root: root, nodes: work.nodes.compactMap { $0 })
  }

  /// An empty file of that name for a new image; what was there before is gone.
  package static func createFile(_ name: BytePath) throws(BlockError) -> GraphNode {
    var storage = NodeOptions(driver: .file)
    try storage.setFileName(name)
    guard storage.driver?.isNull != true, let path = storage.fileName else {
      throw .refused("Protocol driver '\(storage.driver?.rawValue ?? "")' does not support image creation")
    }
    storage.driver = .file
    do throws(Errno) {
      // What is there may be used by somebody: it is made empty only under its locks.
      try FileDescriptor.open(path, .readWrite, [.create, .noControllingTerminal, .nonBlocking]).close()
    } catch {
      throw .failed("Could not create '\(name)'", error)
    }
    let file = try ImageOpener().open(storage).root
    try file.locks?.apply(
      BlockUse(needed: [.consistentRead, .write, .resize], shared: [.consistentRead, .writeUnchanged]))
    try file.resize(to: 0, preallocation: .off)
    return file
  }

  /// The same, with further nodes that are there already.
  func knowing(_ nodes: [GraphNode]) -> ImageOpener {
    let known = existing.merging(nodes.map { ($0.name, $0) }) { _, new in new }
    return ImageOpener(
      names: names, existing: known, takenNames: takenNames, isInactive: isInactive, keepsBitmaps: keepsBitmaps)
  }

  func node(named name: String) throws(BlockError) -> GraphNode {
    guard let node = existing[name] else { throw .refused("Cannot find device='\(name)' nor node-name='\(name)'") }
    return node
  }

  static func isWellFormed(_ name: String) -> Bool {
    guard let first = name.utf8.first else { return false }
    let isLetter = (first | 0x20) >= UInt8(ascii: "a") && (first | 0x20) <= UInt8(ascii: "z")
    return isLetter
      && name.utf8.allSatisfy { byte in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
          || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
      }
  }

  /// One opening: the nodes made so far, in the order in which QEMU names them.
  struct Work {
    let opener: ImageOpener
    var nodes: [GraphNode?] = []
    var names: Set<String> = []

    private func check(_ given: String?) throws(BlockError) {
      guard let given else { return }
      guard ImageOpener.isWellFormed(given) else { throw .refused("Invalid node-name: '\(given)'") }
      guard given.utf8.count <= ImageOpener.longestName else { throw .refused("Node name too long") }
      guard opener.existing[given] == nil, !names.contains(given) else {
        throw .refused("Duplicate nodes with node-name='\(given)'")
      }
      guard !opener.takenNames.contains(given) else {
        throw .refused("node-name=\(given) is conflicting with a device id")
      }
    }

    mutating func name(_ given: String?) throws(BlockError) -> String {
      try check(given)
      guard let given else { return opener.names.next() }
      names.insert(given)
      return given
    }

    mutating func open(_ options: NodeOptions, depth: Int) throws(BlockError) -> GraphNode {
      guard depth < ImageOpener.longestChain else { throw .refused("The backing chain is too long") }
      switch options.driver {
      case .file, .hostDevice: return try openProtocol(options)
      case .nullAIO, .nullCO: return try openNull(options)
      case .raw: return try openRaw(options, over: try storage(options), isGuessed: false)
      case .qcow2: return try openQCOW2(options, over: try storage(options), depth: depth)
      case nil:
        let file = try storage(options)
        let format = try guess(file)
        guard format == .raw || format == .qcow2 else { throw .unsupportedFormat(file.fileName, format) }
        if format == .raw, !options.isReadOnly {
          try check(options.nodeName)
          // Told even if the image cannot be opened then.
          HostProcess.printError(GraphNode.guessWarning(file.fileName) + "\n")
        }
        let found = try options.guessed(as: format == .raw ? .raw : .qcow2)
        if format == .qcow2 { return try openQCOW2(found, over: file, depth: depth) }
        switch options.backing {
        case nil, .some(.none): break
        case .options?, .named?: throw .refused("Driver doesn't support backing files")
        }
        return try openRaw(found, over: file, isGuessed: !options.isReadOnly)
      }
    }

    private func guess(_ file: GraphNode) throws(BlockError) -> ImageFormat {
      let count = Int(min(file.byteCount, Int64(ImageFormat.probeByteCount)))
      let start: [UInt8]
      do throws(Errno) {
        start = try [UInt8].filled(count) { (target) throws(Errno) in try file.read(at: 0, into: target) }
      } catch {
        throw .cannotOpen(file.fileName, error)
      }
      return ImageFormat.guess(start, fileName: BytePath(file.fileName))
    }

    private mutating func storage(_ options: NodeOptions) throws(BlockError) -> GraphNode {
      switch options.file {
      case .named(let name): return try opener.node(named: name)
      case .options(let below): return try open(below, depth: 0)
      case .none?, nil: throw .refused("A block device must be specified for \"file\"")
      }
    }

    private mutating func openRaw(
      _ options: NodeOptions, over file: GraphNode, isGuessed: Bool
    ) throws(BlockError) -> GraphNode {
      let name = try name(options.nodeName)
      let content = try RawNode(
        over: file, offset: options.offset ?? 0, size: options.size,
        guessedFrom: isGuessed ? BytePath(file.fileName) : nil)
      let isWindow = options.offset != nil || options.size != nil
      let node = GraphNode(
        name: name, driver: "raw", content: content, options: options,
        children: [.init(role: isWindow ? .data : .filtered, node: file, name: "file")])
      nodes.append(node)
      return node
    }

    private mutating func openNull(_ options: NodeOptions) throws(BlockError) -> GraphNode {
      let driver = options.driver?.rawValue ?? ""
      let content = NullNode(
        driver: driver, byteCount: options.size ?? NullNode.defaultByteCount, latency: options.latency,
        readsZeroes: options.readsZeroes, isReadOnly: options.isReadOnly)
      let node = GraphNode(name: try name(options.nodeName), driver: driver, content: content, options: options)
      nodes.append(node)
      return node
    }

    // MARK: Files

    private mutating func openProtocol(_ options: NodeOptions) throws(BlockError) -> GraphNode {
      guard let path = options.fileName else { throw .refused("The 'file' block driver requires a file name") }
      var options = options
      let file = try openFile(path, &options)
      do throws(BlockError) {
        let name = try name(options.nodeName)
        let (content, locks) = try makeFileNode(file, path, &options)
        let node = GraphNode(
          name: name, driver: options.driver?.rawValue ?? "file", content: content, options: options, children: [],
          locks: locks)
        nodes.append(node)
        return node
      } catch {
        file.closeIgnoringErrors()
        throw error
      }
    }

    private func openFile(_ path: BytePath, _ options: inout NodeOptions) throws(BlockError) -> FileDescriptor {
      // Non-blocking, so that a FIFO in the image's place is refused and not waited for.
      var flags: FileDescriptor.OpenOptions = [.noControllingTerminal, .nonBlocking]
      if options.isDirect { flags.insert(.direct) }
      do throws(Errno) {
        do throws(Errno) {
          return try FileDescriptor.open(path, options.isReadOnly ? .readOnly : .readWrite, flags)
        } catch {
          let isForbidden = error == .accessDenied || error == .readOnlyFileSystem || error == .notPermitted
          guard isForbidden, options.isAutoReadOnly, !options.isReadOnly else { throw error }
          options.isReadOnly = true
          return try FileDescriptor.open(path, .readOnly, flags)
        }
      } catch .isADirectory {
        if options.isAutoReadOnly || options.isReadOnly { throw .notAFile(path.description) }
        throw .cannotOpen(path.description, Errno.isADirectory)
      } catch .invalidArgument where options.isDirect {
        let withCache = flags.subtracting(.direct)
        guard let file = try? FileDescriptor.open(path, options.isReadOnly ? .readOnly : .readWrite, withCache) else {
          throw .cannotOpen(path.description, .invalidArgument)
        }
        file.closeIgnoringErrors()
        throw .refused("Could not open '\(path)': filesystem does not support O_DIRECT")
      } catch {
        throw .cannotOpen(path.description, error)
      }
    }

    private func makeFileNode(
      _ file: FileDescriptor, _ path: BytePath, _ options: inout NodeOptions
    ) throws(BlockError) -> (FileNode, ImageLocks) {
      let kind: FileStatus.Kind
      do throws(Errno) { kind = try file.status().kind } catch { throw .cannotOpen(path.description, error) }
      let isDevice = kind == .blockDevice || kind == .characterDevice
      if isDevice, !options.namesDriver { options.driver = .hostDevice }
      guard kind == .regular || options.driver == .hostDevice else { throw .notAFile(path.description) }
      if options.driver == .hostDevice, !isDevice {
        throw .refused("'host_device' driver requires '\(path)' to be either a character or block device")
      }
      let alignment = options.isDirect ? file.directAlignment() : nil
      if options.isDirect, alignment == nil {
        throw .refused("Could not find working O_DIRECT alignment\nTry cache.direct=off")
      }
      do throws(Errno) {
        let locks = ImageLocks(try file.duplicate(), fileName: path.description)
        let node = try FileNode(
          file, isReadOnly: options.isReadOnly, unmapsDiscards: true, isGrowable: true, alignment: alignment)
        return (node, locks)
      } catch {
        throw .cannotOpen(path.description, error)
      }
    }
  }
}

/// Nodes that were opened and that no graph holds yet.
public struct OpenedTree: Sendable {
  public let root: GraphNode
  /// The new ones, in the order in which they were made.
  let nodes: [GraphNode]

  init(root: GraphNode, nodes: [GraphNode]) { (self.root, self.nodes) = (root, nodes) }

  /// Takes the locks that the new nodes need while nobody uses them.
  fileprivate static func lock(_ root: GraphNode) throws(BlockError) {
    var uses: [ObjectIdentifier: BlockUse] = [:]
    try descend(root, .none, &uses)
  }

  /// Takes the locks for a use of an image that no graph will hold.
  package func lock(for use: BlockUse) throws(BlockError) {
    var uses: [ObjectIdentifier: BlockUse] = [:]
    try Self.descend(root, use, &uses)
  }

  private static func descend(
    _ node: GraphNode, _ use: BlockUse, _ uses: inout [ObjectIdentifier: BlockUse]
  ) throws(BlockError) {
    let all = uses[ObjectIdentifier(node)].map { $0.joined(with: use) } ?? use
    uses[ObjectIdentifier(node)] = all
    try node.checkAlignment(all)
    // A node that was there before keeps the locks that its users need.
    if node.options.locking != .off, let locks = node.locks { try locks.applyMore(all) }
    for child in node.children { try descend(child.node, node.use(of: child, by: all), &uses) }
  }
}

extension GraphNode {
  /// What this node needs of a child when its own users need `use` of it.
  ///
  /// QEMU's rules (bdrv_default_perms): formats keep their metadata to themselves, parts that pass bytes through pass the
  /// needs too, and a backing node is only read.
  package func use(of child: Child, by use: BlockUse) -> BlockUse {
    var result = use
    switch child.role {
    case .filtered: break
    case .metadata, .data:
      if child.role == .metadata {
        result.needed.insert(.consistentRead)
        if !isReadOnly { result.needed.formUnion([.write, .resize]) }
        result.shared.subtract([.write, .resize])
      }
      result.shared.remove(.resize)
      if result.needed.contains(.writeUnchanged) { result.needed.insert(.write) }
      if result.needed.contains(.write) { result.needed.insert(.resize) }
    case .backing:
      result.needed.formIntersection(options.writesBacking ? [.consistentRead, .write] : .consistentRead)
      let others: BlockPermissions = use.shared.contains(.write) ? [.write, .resize] : []
      result.shared = others.union([.consistentRead, .writeUnchanged])
    }
    if child.node.options.forcesSharing { result.shared = .all }
    return result
  }

  /// What QEMU prints about a raw image whose format was guessed and that can be written.
  package static func guessWarning(_ fileName: String) -> String {
    """
    WARNING: Image format was not specified for '\(fileName)' and probing guessed raw.
             Automatically detecting the format is dangerous for raw images, write operations on block 0 will be restricted.
             Specify the 'raw' format explicitly to remove the restrictions.
    """
  }
}
