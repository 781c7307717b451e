// SPDX-License-Identifier: Apache-2.0
public import HostIO

/// How a node is to be opened: BlockdevOptions of qapi/block-core.json, as far as the drivers here have it.
///
/// `-blockdev`, `blockdev-add`, `-drive`, `json:` file names, media and snapshots all come down to this value, and
/// `ImageOpener` opens it.
public struct NodeOptions: Sendable, Equatable {
  public enum Driver: String, Sendable, CaseIterable {
    case file
    case hostDevice = "host_device"
    case nullAIO = "null-aio"
    case nullCO = "null-co"
    case raw
    case qcow2

    var isNull: Bool { self == .nullAIO || self == .nullCO }
    public var isProtocol: Bool { self == .file || self == .hostDevice || isNull }
  }

  public enum DetectZeroes: String, Sendable, CaseIterable { case off, on, unmap }
  public enum Locking: String, Sendable { case auto, on, off }

  /// A node below: one that there is, or one to be opened.
  public indirect enum Reference: Sendable, Equatable {
    case none
    case named(String)
    case options(NodeOptions)
  }

  /// Nil: the format is guessed from the content.
  public var driver: Driver?
  /// The user named the driver: `file` is a regular file then, and otherwise whatever has the file's name.
  var namesDriver = false
  /// Nil: a name is made up.
  public var nodeName: String?
  public var isReadOnly = false
  /// General options that were said of this node and do not come from the one above.
  struct General: OptionSet, Sendable {
    let rawValue: UInt8
    static let readOnly = General(rawValue: 1)
    static let autoReadOnly = General(rawValue: 2)
    static let forceShare = General(rawValue: 4)
    static let direct = General(rawValue: 8)
    static let noFlush = General(rawValue: 16)
  }
  var given: General = []
  /// A file that cannot be opened for writing is opened for reading.
  public var isAutoReadOnly = false
  /// Takes no locks against others and minds none.
  public var forcesSharing = false
  /// `cache.direct`: the host's page cache is bypassed.
  public var isDirect = false
  /// `cache.no-flush`
  public var ignoresFlushes = false
  /// `discard=unmap`: discards reach this node.
  public var unmapsDiscards = false
  public var detectZeroes = DetectZeroes.off
  /// The temporary overlay of this node is only read, too.
  var isReadOnlyAbove = false
  public var copiesOnRead = false

  // Protocols
  public var fileName: BytePath?
  public var locking = Locking.auto

  // null-co, null-aio
  /// `latency-ns`
  var latency: Int64 = 0
  var readsZeroes = false

  // raw, and `size` of null-co, null-aio
  public var offset: Int64?
  public var size: Int64?

  // Formats
  public var file: Reference?
  /// Nil: what the image says.
  public var backing: Reference?
  /// `data-file`
  public var dataFile: Reference?
  /// Opened to be checked: a dirty or corrupt image is taken as it is.
  package var isForCheck = false
  /// Images below are written to, too.
  package var writesBacking = false
  /// qcow2's own options by whole key.
  public var formatOptions: [String: String] = [:]
  /// Options of a format that is not known yet.
  var unread = OptionTree()
  /// Options of the backing node that the image names.
  var backingOptions = OptionTree()

  /// Sentences for the user about how it was said; they hold nothing up.
  public internal(set) var warnings: [String] = []

  public init(driver: Driver? = nil) { self.driver = driver }

  /// The user says which driver it is.
  public mutating func nameDriver(_ driver: Driver) { (self.driver, namesDriver) = (driver, driver.isProtocol) }

  /// An image file whose format is named or guessed.
  public init(file: BytePath, format: Driver? = nil, isReadOnly: Bool = false) {
    self.init(driver: format)
    self.isReadOnly = isReadOnly
    var storage = NodeOptions(driver: .file)
    storage.fileName = file
    storage.isReadOnly = isReadOnly
    storage.unmapsDiscards = true  // the format decides
    self.file = .options(storage)
  }

  /// The same, and only read.
  public var readOnly: NodeOptions {
    var options = self
    options.isReadOnly = true
    if case .options(let storage) = file { options.file = .options(storage.readOnly) }
    return options
  }

  /// The backing node is another than the image names.
  var overridesBacking: Bool { backing != nil }

  /// What lies below a temporary overlay is only read.
  public var belowOverlay: NodeOptions {
    var options = readOnly
    options.isReadOnlyAbove = isReadOnly
    return options
  }

  /// What holds for any medium of the same drive.
  public var generalPart: NodeOptions {
    var part = NodeOptions()
    (part.isDirect, part.ignoresFlushes) = (isDirect, ignoresFlushes)
    (part.unmapsDiscards, part.detectZeroes) = (unmapsDiscards, detectZeroes)
    (part.isReadOnly, part.isAutoReadOnly) = (isReadOnly, isAutoReadOnly)
    return part
  }

  /// Every name that is given to a node of this tree.
  public var names: [String] {
    [nodeName].compactMap { $0 }
      + [file, backing, dataFile].flatMap { reference -> [String] in
        if case .options(let options) = reference { options.names } else { [] }
      }
  }

  /// Every name that a node of another tree is referred to by.
  public var referredNames: [String] {
    [file, backing, dataFile].flatMap { reference -> [String] in
      switch reference {
      case .named(let name): [name]
      case .options(let options): options.referredNames
      case .none?, nil: []
      }
    }
  }
}
