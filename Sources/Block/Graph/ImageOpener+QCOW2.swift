// SPDX-License-Identifier: Apache-2.0
import HostIO
import QAPI

/// Opening qcow2 images with everything below them.
extension ImageOpener.Work {
  mutating func openQCOW2(
    _ options: NodeOptions, over file: GraphNode, depth: Int
  ) throws(BlockError) -> GraphNode {
    let name = try name(options.nodeName)
    // The node has its place before those below it.
    let place = nodes.count
    nodes.append(nil)
    var children = [GraphNode.Child(role: .metadata, node: file, name: "file")]
    var settings = QCOW2Options(isReadOnly: options.isReadOnly || file.isReadOnly)
    settings.unmapsDiscards = options.unmapsDiscards
    settings.isUnsafe = options.ignoresFlushes
    settings.isInactive = opener.isInactive
    settings.isCheck = options.isForCheck
    settings.keepsBitmaps = opener.keepsBitmaps && !options.isForCheck
    settings.lazyRefcounts = options.formatOptions["lazy-refcounts"].map { $0 == "on" }
    if let given = options.backing {
      settings.ignoresBacking = true
      if let node = try openBacking(given, depth: depth) {
        children.append(.init(role: .backing, node: node, name: "backing"))
      }
    }
    var data: GraphNode?
    var backing: GraphNode?
    // The closures may not keep `self`; what they open is kept here.
    var work = self
    let content = try QCOW2Node.open(
      over: file, settings,
      openBacking: { (reference) throws(BlockError) in
        backing = try work.openNamedBacking(reference, of: options, over: file, depth: depth)
        return backing
      },
      openDataFile: { (name) throws(BlockError) in
        let node = try work.openDataFile(name, options, over: file, depth: depth)
        data = node
        return node
      })
    self = work
    if content.extensions.backingFile == nil, !options.backingOptions.isEmpty {
      throw .refused(
        "Could not open backing file: "
          + (options.backingOptions["driver"] == nil
            ? "Must specify either driver or file" : "A block device must be specified for \"file\""))
    }
    try check(options, content)
    if let data { children.append(.init(role: .data, node: data, name: "data-file")) }
    if let backing { children.append(.init(role: .backing, node: backing, name: "backing")) }
    if settings.ignoresBacking { content.replaceBacking(children.first { $0.role == .backing }?.node) }
    let node = GraphNode(name: name, driver: "qcow2", content: content, options: options, children: children)
    nodes[place] = node
    return node
  }

  /// What only the image decides about the options.
  private func check(_ options: NodeOptions, _ image: QCOW2Node) throws(BlockError) {
    if options.dataFile != nil, image.dataFile == nil {
      if case .named(let name)? = options.dataFile { _ = try opener.node(named: name) }
      throw .refused("'data-file' can only be set for images with an external data file")
    }
    let cluster = image.header.clusterByteCount
    if let text = options.formatOptions["l2-cache-entry-size"], let size = Int64(text),
      size < 512 || size > cluster || size & (size - 1) != 0
    {
      throw .refused(
        "L2 cache entry size must be a power of two between 512 and the cluster size (\(cluster))")
    }
    func size(_ key: String) -> Int64? { options.formatOptions[key].flatMap { Int64($0) } }
    let (whole, tables, counts) = (size("cache-size"), size("l2-cache-size"), size("refcount-cache-size"))
    guard let whole else { return }
    if tables != nil, counts != nil {
      throw .refused("cache-size, l2-cache-size and refcount-cache-size may not be set at the same time")
    }
    for (name, part) in [("l2-cache-size", tables), ("refcount-cache-size", counts)] {
      if let part, part > whole { throw .refused("\(name) may not exceed cache-size") }
    }
  }

  private mutating func openBacking(
    _ reference: NodeOptions.Reference, depth: Int
  ) throws(BlockError) -> GraphNode? {
    do throws(BlockError) {
      switch reference {
      case .none: return nil
      case .named(let name): return try opener.node(named: name)
      case .options(let options): return try open(options, depth: depth + 1)
      }
    } catch {
      throw .refused("Could not open backing file: \(error)")
    }
  }

  /// What the image itself names, relative to its own folder.
  private mutating func openNamedBacking(
    _ reference: BackingReference, of options: NodeOptions, over file: GraphNode, depth: Int
  ) throws(BlockError) -> GraphNode {
    do throws(BlockError) {
      let format = try reference.format.map { (name) throws(BlockError) in try ImageOptions.driver(name) }
      let name = Self.resolved(reference.fileName, over: file)
      var below = try NodeOptions(fileName: name, format: format, defaults: NodeOptions.backingDefaults(options))
      if !options.backingOptions.isEmpty {
        below = try NodeOptions(legacy: options.backingOptions, defaults: below)
      }
      return try open(below, depth: depth + 1)
    } catch {
      throw .refused("Could not open backing file: \(error)")
    }
  }

  private mutating func openDataFile(
    _ name: BytePath?, _ options: NodeOptions, over file: GraphNode, depth: Int
  ) throws(BlockError) -> GraphNode {
    switch options.dataFile {
    case .named(let name): return try opener.node(named: name)
    case .options(let below): return try open(below, depth: depth + 1)
    case .none?, nil:
      guard let name else { throw .refused("'data-file' is required for this image") }
      var below = options.generalPart
      below.driver = .file
      below.unmapsDiscards = true
      below.detectZeroes = .off
      below.fileName = Self.resolved(name, over: file)
      return try open(below, depth: depth + 1)
    }
  }

  /// A name in an image, as seen from this process.
  static func resolved(_ name: BytePath, over file: GraphNode) -> BytePath {
    guard let own = file.options.fileName, !name.isAbsolute, !name.description.contains(":") else { return name }
    let folder = own.directory
    return folder == "." && !own.bytes.starts(with: [UInt8(ascii: "."), UInt8(ascii: "/")])
      ? name : folder.appending(name)
  }
}

extension GraphNode {
  /// The backing file that the image names, as seen from this process, whichever is open below.
  public var fullBackingFileName: String? {
    guard let name = (content as? QCOW2Node)?.extensions.backingFile, let file else { return nil }
    return ImageOpener.Work.resolved(name, over: file).description
  }
}

extension QCOW2Node: DetailedFormat {
  /// Writes another name of the backing file down, or takes it out with an empty one.
  ///
  /// The format that is written is the image's own, as QEMU does it.
  public func renameBacking(_ name: BytePath) throws(Errno) {
    let format = driver
    try setBackingReference(name.isEmpty ? nil : BackingReference(fileName: name, format: format))
  }

  public var details: ImageDetails {
    let (header, extensions) = (header, extensions)
    var details = ImageDetails()
    details.clusterByteCount = header.clusterByteCount
    details.isDirty = header.incompatible.contains(.dirty)
    if let name = extensions.backingFile, !name.isEmpty {
      details.backingFileName = name.description
      details.backingFormat = extensions.backingFormat
    }
    details.snapshots = snapshots.map { snapshot in
      var shown = ImageDetails.Snapshot(id: snapshot.id, name: snapshot.name)
      shown.stateByteCount = Int64(clamping: snapshot.stateByteCount)
      (shown.seconds, shown.nanoseconds) = (Int64(snapshot.seconds), Int64(snapshot.nanoseconds))
      shown.clock = Int64(clamping: snapshot.guestNanoseconds)
      return shown
    }
    var specific = JSONObject()
    specific["compat"] = .string(header.version >= 3 ? "1.1" : "0.10")
    specific["compression-type"] = .string(header.compression.name)
    if header.version >= 3 {
      specific["lazy-refcounts"] = .bool(header.hasLazyRefcounts)
      // As they are on disk; those that a machine may change are in use there, or will be with the first change.
      let stored = bitmaps.filter { $0.tableOffset != 0 }
      if !stored.isEmpty {
        specific["bitmaps"] = .array(
          stored.map { bitmap in
            let isInUse = bitmap.flags.contains(.inUse) || bitmap.live != nil && !isReadOnly && !areBitmapsAtRest
            let flags = (isInUse ? ["in-use"] : []) + (bitmap.flags.contains(.auto) ? ["auto"] : [])
            return [
              "flags": .array(flags.map { .string($0) }), "name": .string(bitmap.name),
              "granularity": .int(bitmap.granularity),
            ]
          })
      }
      specific["refcount-bits"] = .int(Int64(header.refcountBits))
      specific["corrupt"] = .bool(header.incompatible.contains(.corrupt))
      specific["extended-l2"] = .bool(header.hasExtendedL2)
    }
    details.specific = .object(specific)
    return details
  }
}
