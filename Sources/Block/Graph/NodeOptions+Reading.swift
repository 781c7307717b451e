// SPDX-License-Identifier: Apache-2.0
import HostIO
import QAPI

extension NodeOptions {
  /// Drivers that QEMU has and this program lacks, refused by name.
  private static let missingDrivers: Set<String> = [
    "blkdebug", "blklogwrites", "blkreplay", "blkverify", "bochs", "cloop", "compress", "copy-before-write",
    "copy-on-read", "dmg", "ftp", "ftps", "gluster", "host_cdrom", "http", "https", "iscsi", "luks", "nbd", "nfs",
    "nvme", "parallels", "preallocate", "qcow", "qed", "quorum", "rbd", "replication",
    "snapshot-access", "ssh", "throttle", "vdi", "vhdx", "vmdk", "vpc", "vvfat",
  ]

  private enum Discard: String { case ignore, off, unmap, on }
  private enum AsynchronousIO: String {
    case threads, native
    case ring = "io_uring"
  }

  private static let qcow2Hints = [
    "lazy-refcounts", "pass-discard-request", "pass-discard-snapshot", "pass-discard-other", "cache-size",
    "l2-cache-size", "l2-cache-entry-size", "refcount-cache-size", "cache-clean-interval",
  ]

  /// Reads a BlockdevOptions value, whose every member must be known (`-blockdev`, `blockdev-add`).
  public init(strict tree: OptionTree) throws(BlockError) {
    var reader = OptionReader(tree, style: .strict)
    try self.init(&reader, defaults: NodeOptions())
    guard nodeName != nil else { throw .refused("'node-name' must be specified for the root node") }
  }

  /// Reads what `-drive` has for the node, or a `json:` name, on top of `defaults`. Without a driver the format is guessed.
  public init(legacy tree: OptionTree, defaults: NodeOptions = NodeOptions()) throws(BlockError) {
    var reader = OptionReader(tree, style: .legacy)
    try self.init(&reader, defaults: defaults)
  }

  /// A file name as users give it: a plain one, `file:NAME`, or `json:` with options.
  ///
  /// `isOfDrive`: what `-drive` says of caches and writing, and be it by default, goes before what the name says.
  public init(
    fileName name: BytePath, format: Driver?, defaults: NodeOptions = NodeOptions(), isOfDrive: Bool = false
  ) throws(BlockError) {
    self = defaults
    let text = name.description
    guard text.hasPrefix("json:") else {
      driver = format
      var storage = Self.storageDefaults(defaults)
      try storage.setFileName(name)
      file = .options(storage)
      return
    }
    let value: JSON
    do throws(JSONError) { value = try JSON(parsing: text.utf8.dropFirst(5)) } catch {
      throw .refused("Could not parse the JSON options: \(error)")
    }
    guard let object = value.object else { throw .refused("Invalid JSON object given") }
    var tree = try OptionTree(dotted: object)
    var given = defaults
    if isOfDrive {
      tree.drop(["read-only", "auto-read-only", "cache.direct", "cache.no-flush"])
    }
    if let format {
      tree.drop(["driver"])
      given.nameDriver(format)
    }
    var reader = OptionReader(tree, style: .legacy)
    try self.init(&reader, defaults: given)
    if isOfDrive { detectZeroes = defaults.detectZeroes }
  }

  /// Takes a name with perhaps a protocol in front, which is a driver. A colon behind a slash belongs to the name.
  public mutating func setFileName(_ name: BytePath) throws(BlockError) {
    let stop = name.bytes.firstIndex { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "/") }
    guard let stop, name.bytes[stop] == UInt8(ascii: ":") else {
      (driver, fileName) = (driver ?? .file, name)
      return
    }
    let scheme = String(decoding: name.bytes[..<stop], as: UTF8.self)
    switch scheme {
    case "file", "host_device":
      (driver, fileName) = (driver ?? .file, BytePath(bytes: name.bytes[(stop + 1)...]))
      if scheme != "file" { (driver, namesDriver) = (.hostDevice, true) }
    case Driver.nullCO.rawValue, Driver.nullAIO.rawValue:
      (driver, fileName) = (Driver(rawValue: scheme), name)
      try checkNullName()
    default: throw .refused("Unknown protocol '\(scheme)'")
    }
  }

  private func checkNullName() throws(BlockError) {
    let only = "\(driver?.rawValue ?? "")://"
    guard fileName == nil || fileName == BytePath(only) else {
      throw .refused("The only allowed filename for this driver is '\(only)'")
    }
  }

  /// What a file takes over from the format above it.
  private static func storageDefaults(_ parent: NodeOptions) -> NodeOptions {
    var options = NodeOptions()
    options.takeOver(from: parent)
    return options
  }

  /// What was said of the file itself stays.
  private mutating func takeOver(from parent: NodeOptions) {
    if !given.contains(.readOnly) { isReadOnly = parent.isReadOnly }
    if !given.contains(.autoReadOnly) { isAutoReadOnly = parent.isAutoReadOnly }
    if !given.contains(.forceShare) { forcesSharing = parent.forcesSharing }
    if !given.contains(.direct) { isDirect = parent.isDirect }
    if !given.contains(.noFlush) { ignoresFlushes = parent.ignoresFlushes }
    unmapsDiscards = true  // the format decides
  }

  /// What a backing node takes over from its overlay.
  static func backingDefaults(_ parent: NodeOptions) -> NodeOptions {
    var options = NodeOptions()
    (options.isReadOnly, options.forcesSharing) = (parent.isReadOnly || !parent.writesBacking, parent.forcesSharing)
    (options.isDirect, options.ignoresFlushes) = (parent.isDirect, parent.ignoresFlushes)
    options.writesBacking = parent.writesBacking
    if parent.writesBacking { options.unmapsDiscards = parent.unmapsDiscards }
    return options
  }

  private init(_ reader: inout OptionReader, defaults: NodeOptions, isStorage: Bool = false) throws(BlockError) {
    self = defaults
    let named = try Self.driver(&reader)
    let known = named ?? defaults.driver ?? (isStorage && reader.style == .legacy ? .file : nil)
    if known == nil, reader.style == .strict { throw .refused("Parameter '\(reader.path)driver' is missing") }
    if let named { namesDriver = named.isProtocol }
    driver = known
    try readGeneral(&reader)
    switch known {
    case .file, .hostDevice: try readProtocol(&reader)
    case .nullAIO, .nullCO: try readNull(&reader)
    case .raw, .qcow2:
      try readStorage(&reader)
      try readFormat(&reader)
    case nil:
      // Whichever format it turns out to be: see `guessed(as:)`.
      try readStorage(&reader)
      if reader.saysEmptyBacking { warnAboutEmptyBacking() }
      unread = reader.remaining.added(to: defaults.unread)
      return
    }
    try reader.finish(known ?? .raw)
  }

  private mutating func readFormat(_ reader: inout OptionReader) throws(BlockError) {
    if driver == .qcow2 { return try readQCOW2(&reader) }
    offset = try reader.size("offset") ?? offset
    size = try reader.size("size") ?? size
    guard reader.style == .legacy else { return }
    switch try reader.child("backing", mayBeNull: true) {
    case nil, .null?: break
    case .name("")?: warnAboutEmptyBacking()
    case .name?, .options?: throw .refused("Driver doesn't support backing files")
    }
  }

  /// The options with a format that was guessed.
  func guessed(as format: Driver) throws(BlockError) -> NodeOptions {
    var options = self
    options.driver = format
    options.unread = OptionTree()
    var reader = OptionReader(unread, style: .legacy)
    try options.readFormat(&reader)
    try reader.finish(format)
    return options
  }

  private static func driver(_ reader: inout OptionReader) throws(BlockError) -> Driver? {
    guard let name = try reader.text("driver") else { return nil }
    if let driver = Driver(rawValue: name) { return driver }
    if missingDrivers.contains(name) { throw .refused("Block driver '\(name)' is not supported") }
    throw .refused(
      reader.style == .strict ? "Parameter 'driver' does not accept value '\(name)'" : "Unknown driver '\(name)'")
  }

  private mutating func readGeneral(_ reader: inout OptionReader) throws(BlockError) {
    nodeName = try reader.text("node-name") ?? nodeName
    try read("read-only", &reader, .readOnly, \.isReadOnly)
    try read("auto-read-only", &reader, .autoReadOnly, \.isAutoReadOnly)
    try read("force-share", &reader, .forceShare, \.forcesSharing)
    if forcesSharing, !isReadOnly { throw .refused("force-share=on can only be used with read-only images") }
    let discard = try reader.word("discard", Discard.self) { _ in "Invalid discard option" }
    if reader.style == .strict, discard == .on || discard == .off {
      throw .refused("Parameter 'discard' does not accept value '\(discard?.rawValue ?? "")'")
    }
    if let discard { unmapsDiscards = discard == .unmap || discard == .on }
    if var cache = try reader.tree("cache") {
      try read("direct", &cache, .direct, \.isDirect)
      try read("no-flush", &cache, .noFlush, \.ignoresFlushes)
      if reader.style == .legacy, let rest = cache.rest.first {
        throw .refused(
          "Block format '\(driver?.rawValue ?? "raw")' does not support the option 'cache.\(rest.key)'")
      }
      try cache.finish(driver ?? .raw)
    }
    detectZeroes =
      try reader.word("detect-zeroes", DetectZeroes.self) { "invalid parameter value: \($0)" } ?? detectZeroes
    if detectZeroes == .unmap, !unmapsDiscards, reader.style == .strict {
      throw .refused("setting detect-zeroes to unmap is not allowed without setting discard operation to unmap")
    }
  }

  private mutating func read(
    _ key: String, _ reader: inout OptionReader, _ kind: General, _ path: WritableKeyPath<NodeOptions, Bool>
  ) throws(BlockError) {
    guard let value = try reader.flag(key) else { return }
    self[keyPath: path] = value
    given.insert(kind)
  }

  private mutating func readProtocol(_ reader: inout OptionReader) throws(BlockError) {
    if let name = try reader.bytes("filename") {
      if fileName != nil { throw .refused("Can't specify 'file' and 'filename' options at the same time") }
      fileName = BytePath(bytes: name)
    }
    locking = try reader.word("locking", Locking.self) { "invalid parameter value: \($0)" } ?? locking
    let aio = try reader.word("aio", AsynchronousIO.self) { _ in "invalid aio option" }
    if aio == .native, !isDirect {
      throw .refused("aio=native was specified, but it requires cache.direct=on, which was not specified.")
    }
    _ = try reader.size("aio-max-batch")
    _ = try reader.flag("drop-cache")
    _ = try reader.flag("x-check-cache-dropped")
    if let manager = try reader.text("pr-manager") {
      throw .refused("No persistent reservation manager with id '\(manager)'")
    }
    guard fileName?.isEmpty == false else {
      throw .refused(
        reader.style == .strict && fileName == nil
          ? "Parameter '\(reader.path)filename' is missing" : "The 'file' block driver requires a file name")
    }
  }

  private mutating func readNull(_ reader: inout OptionReader) throws(BlockError) {
    if let name = try reader.bytes("filename") { fileName = BytePath(bytes: name) }
    try checkNullName()
    size = try reader.size("size") ?? size
    readsZeroes = try reader.flag("read-zeroes") ?? readsZeroes
    if let value = try reader.number("latency-ns") {
      guard value >= 0 else { throw .refused("latency-ns is invalid") }
      latency = value
    }
  }

  private mutating func readStorage(_ reader: inout OptionReader) throws(BlockError) {
    var inherited = Self.storageDefaults(self)
    if case .options(var given) = file {
      given.takeOver(from: self)
      inherited = given
    }
    switch try reader.child("file") {
    case .name(let name): file = .named(name)
    case .options(var below):
      if below.has("filename"), inherited.fileName != nil {
        throw .refused("Can't specify 'file' and 'filename' options at the same time")
      }
      file = .options(try NodeOptions(&below, defaults: inherited, isStorage: true))
    case .null, nil:
      if case .options = file { file = .options(inherited) }
      if file == nil {
        throw .refused(
          reader.style == .strict
            ? "Parameter '\(reader.path)file' is missing"
            : driver == nil ? "Must specify either driver or file" : "A block device must be specified for \"file\"")
      }
    }
  }

  private mutating func readBacking(_ reader: inout OptionReader) throws(BlockError) {
    do throws(BlockError) {
      switch try reader.child("backing", mayBeNull: true) {
      case .null: backing = Reference.none
      case .name(""):
        backing = Reference.none
        warnAboutEmptyBacking()
      case .name(let name): backing = .named(name)
      case .options(let below) where below.style == .legacy && !below.has("file") && !below.has("filename"):
        backingOptions = below.remaining
      case .options(var below): backing = .options(try NodeOptions(&below, defaults: Self.backingDefaults(self)))
      case nil: break
      }
    } catch {
      throw reader.style == .strict ? error : .refused("Could not open backing file: \(error)")
    }
  }

  private mutating func warnAboutEmptyBacking() {
    warnings.append(#"Use of "backing": "" is deprecated; use "backing": null instead"#)
  }

  private mutating func readQCOW2(_ reader: inout OptionReader) throws(BlockError) {
    try readBacking(&reader)
    var inherited = Self.storageDefaults(self)
    inherited.nodeName = nil
    switch try reader.child("data-file") {
    case .name(let name): dataFile = .named(name)
    case .options(var below): dataFile = .options(try NodeOptions(&below, defaults: inherited, isStorage: true))
    case .null, nil: break
    }
    for key in Self.qcow2Hints where reader.has(key) {
      if key == "lazy-refcounts" || key.hasPrefix("pass-discard") {
        formatOptions[key] = try reader.flag(key) == true ? "on" : "off"
      } else {
        formatOptions[key] = try reader.size(key).map { String($0) }
      }
    }
    if reader.has("overlap-check") { try readOverlapCheck(&reader) }
    if reader.has("encrypt") { throw .refused("Encryption of qcow2 images is not supported") }
  }

  /// Which structures are protected against being overwritten: all of them always are.
  private mutating func readOverlapCheck(_ reader: inout OptionReader) throws(BlockError) {
    let modes = ["none", "constant", "cached", "all"]
    let name = try reader.child("overlap-check")
    guard case .name(let mode) = name else { return }
    guard modes.contains(mode) else {
      throw .refused(
        reader.style == .strict
          ? "Parameter 'overlap-check' does not accept value '\(mode)'"
          : "Unsupported value '\(mode)' for qcow2 option 'overlap-check'. Allowed are any of the following: "
            + modes.joined(separator: ", "))
    }
  }
}
