// SPDX-License-Identifier: Apache-2.0
import QAPI

struct QueryBlock: MonitorCommand {
  static let name = "query-block"
  typealias Returns = [BlockInfo]

  struct BlockInfo: Codable, Sendable {
    enum IOStatus: String, QMPEnum {
      case ok
      case failed
      case noSpace = "nospace"
    }
    var device: String
    var qdev: String?
    /// Always "unknown": what it once said has long been meaningless.
    var type: String
    var removable: Bool
    var locked: Bool
    var inserted: Inserted?
    var trayOpen: Bool?
    var ioStatus: IOStatus?
    enum CodingKeys: String, CodingKey {
      case device
      case qdev
      case type
      case removable
      case locked
      case inserted
      case trayOpen = "tray_open"
      case ioStatus
    }
  }

  struct Inserted: Codable, Sendable {
    struct Cache: Codable, Sendable {
      var writeback: Bool
      var direct: Bool
      var noFlush: Bool
    }
    var file: String
    var nodeName: String
    var ro: Bool
    var drv: String
    var backingFile: String?
    var backingFileDepth: Int
    var encrypted: Bool
    var detectZeroes: String
    // Limits of a throttle; there is none.
    var bps = 0
    var bpsRead = 0
    var bpsWrite = 0
    var iops = 0
    var iopsRead = 0
    var iopsWrite = 0
    var image: Image
    var cache: Cache
    var writeThreshold: Int
    enum CodingKeys: String, CodingKey {
      case file
      case nodeName
      case ro
      case drv
      case backingFile = "backing_file"
      case backingFileDepth = "backing_file_depth"
      case encrypted
      case detectZeroes = "detect_zeroes"
      case bps
      case bpsRead = "bps_rd"
      case bpsWrite = "bps_wr"
      case iops
      case iopsRead = "iops_rd"
      case iopsWrite = "iops_wr"
      case image
      case cache
      case writeThreshold = "write_threshold"
    }
  }

  /// An image and what lies below it. A class would be needed for a stored property of its own type; an array of the
  /// chain is turned into nesting when it is encoded.
  struct Image: Codable, Sendable, QAPIDescribed {
    var chain: [BlockDevice.Image]

    private enum CodingKeys: String, CodingKey {
      case filename
      case format
      case dirtyFlag
      case actualSize
      case virtualSize
      case backingImage
    }

    init(_ image: BlockDevice.Image) { chain = [image] + image.backing }

    init(from decoder: any Decoder) throws { throw QMPError("ImageInfo is only ever sent") }

    func encode(to encoder: any Encoder) throws {
      guard let top = chain.first else { return }
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(top.fileName, forKey: .filename)
      try container.encode(top.format, forKey: .format)
      try container.encode(false, forKey: .dirtyFlag)
      try container.encodeIfPresent(top.actualByteCount, forKey: .actualSize)
      try container.encode(top.virtualByteCount, forKey: .virtualSize)
      if chain.count > 1 {
        var rest = self
        rest.chain.removeFirst()
        try container.encode(rest, forKey: .backingImage)
      }
    }

    static let qapiType = QAPIType.object(
      name: "ImageInfo",
      members: [
        .init(name: "filename", type: .string), .init(name: "format", type: .string),
        .init(name: "dirty-flag", type: .boolean, isOptional: true),
        .init(name: "actual-size", type: .integer, isOptional: true), .init(name: "virtual-size", type: .integer),
        .init(name: "backing-image", type: .any, isOptional: true),
      ])
  }

  func run(in context: MonitorContext) -> [BlockInfo] {
    context.machine.blockDevices.map { device in
      BlockInfo(
        device: device.device, qdev: device.attachedTo, type: "unknown", removable: device.isRemovable,
        locked: device.isLocked, inserted: device.inserted.map(Self.describe), trayOpen: device.isTrayOpen,
        ioStatus: device.reportsIOStatus ? .ok : nil)
    }
  }

  private static func describe(_ inserted: BlockDevice.Inserted) -> Inserted {
    Inserted(
      file: inserted.image.fileName, nodeName: inserted.nodeName, ro: inserted.isReadOnly, drv: inserted.image.format,
      backingFile: inserted.image.backing.first?.fileName, backingFileDepth: inserted.image.backing.count,
      encrypted: false, detectZeroes: inserted.detectZeroes, image: Image(inserted.image),
      cache: .init(writeback: inserted.isWriteback, direct: inserted.isDirect, noFlush: inserted.ignoresFlushes),
      writeThreshold: 0)
  }
}
