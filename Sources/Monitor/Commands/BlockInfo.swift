// SPDX-License-Identifier: Apache-2.0
import Block
import QAPI

/// A node as `query-block` and `query-named-block-nodes` show it.
struct BlockDeviceInfo: Codable, Sendable {
  struct Cache: Codable, Sendable {
    var writeback: Bool
    var direct: Bool
    var noFlush: Bool
  }

  struct Bitmap: Codable, Sendable {
    var name: String
    var count: Int64
    var granularity: Int64
    var recording: Bool
    var busy: Bool
    var persistent: Bool
    var inconsistent: Bool?
  }

  var file: String
  var nodeName: String
  var ro: Bool
  var drv: String
  var backingFile: String?
  var backingFileDepth: Int
  var encrypted: Bool
  var detectZeroes: String
  var bps: Int64
  var bpsRead: Int64
  var bpsWrite: Int64
  var iops: Int64
  var iopsRead: Int64
  var iopsWrite: Int64
  var image: ImageInfo
  var bpsMax: Int64?
  var bpsReadMax: Int64?
  var bpsWriteMax: Int64?
  var iopsMax: Int64?
  var iopsReadMax: Int64?
  var iopsWriteMax: Int64?
  var bpsMaxLength: Int64?
  var bpsReadMaxLength: Int64?
  var bpsWriteMaxLength: Int64?
  var iopsMaxLength: Int64?
  var iopsReadMaxLength: Int64?
  var iopsWriteMaxLength: Int64?
  var iopsSize: Int64?
  var group: String?
  var cache: Cache
  var writeThreshold: Int64
  var dirtyBitmaps: [Bitmap]?

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
    case bpsMax = "bps_max"
    case bpsReadMax = "bps_rd_max"
    case bpsWriteMax = "bps_wr_max"
    case iopsMax = "iops_max"
    case iopsReadMax = "iops_rd_max"
    case iopsWriteMax = "iops_wr_max"
    case bpsMaxLength = "bps_max_length"
    case bpsReadMaxLength = "bps_rd_max_length"
    case bpsWriteMaxLength = "bps_wr_max_length"
    case iopsMaxLength = "iops_max_length"
    case iopsReadMaxLength = "iops_rd_max_length"
    case iopsWriteMaxLength = "iops_wr_max_length"
    case iopsSize = "iops_size"
    case group
    case cache
    case writeThreshold = "write_threshold"
    case dirtyBitmaps
  }

  /// `backend`: the drive whose limits and cache mode are shown. `isFlat`: without what lies below.
  init(_ node: GraphNode, of backend: BlockBackend? = nil, isFlat: Bool = false) {
    (file, nodeName, ro, drv) = (node.fileName, node.name, node.isReadOnly, node.driver)
    backingFile = node.backingNode?.fileName
    backingFileDepth = isFlat ? 0 : node.chain.count
    encrypted = false
    detectZeroes = node.options.detectZeroes.rawValue
    image = ImageInfo(node, isFlat: isFlat)
    cache = Cache(
      writeback: backend.map { $0.isCachingWrites ?? $0.isWriteback } ?? true, direct: node.options.isDirect,
      noFlush: node.options.ignoresFlushes)
    writeThreshold = Int64(bitPattern: node.writeThreshold)
    let limits = backend?.throttle?.limits ?? ThrottleLimits()
    (bps, bpsRead, bpsWrite) = (limits.bytes.average, limits.bytesRead.average, limits.bytesWritten.average)
    iops = limits.operations.average
    (iopsRead, iopsWrite) = (limits.operationsRead.average, limits.operationsWritten.average)
    func burst(_ limit: ThrottleLimits.Limit) -> Int64? { limit.burst == 0 ? nil : limit.burst }
    func length(_ limit: ThrottleLimits.Limit) -> Int64? { limit.burst == 0 ? nil : limit.burstLength }
    (bpsMax, bpsMaxLength) = (burst(limits.bytes), length(limits.bytes))
    (bpsReadMax, bpsReadMaxLength) = (burst(limits.bytesRead), length(limits.bytesRead))
    (bpsWriteMax, bpsWriteMaxLength) = (burst(limits.bytesWritten), length(limits.bytesWritten))
    (iopsMax, iopsMaxLength) = (burst(limits.operations), length(limits.operations))
    (iopsReadMax, iopsReadMaxLength) = (burst(limits.operationsRead), length(limits.operationsRead))
    (iopsWriteMax, iopsWriteMaxLength) = (burst(limits.operationsWritten), length(limits.operationsWritten))
    iopsSize = limits.operationByteCount == 0 ? nil : limits.operationByteCount
    group = limits.isEnabled ? backend?.throttle?.name : nil
    let bitmaps = node.bitmaps
    dirtyBitmaps =
      bitmaps.isEmpty
      ? nil
      : bitmaps.map {
        Bitmap(
          name: $0.name, count: $0.dirtyByteCount, granularity: $0.granularity, recording: $0.isRecording, busy: false,
          persistent: $0.isPersistent, inconsistent: $0.isInconsistent ? true : nil)
      }
  }
}

/// An image and what lies below it. A type cannot hold itself, so the nesting is made when it is encoded.
struct ImageInfo: Codable, Sendable, QAPIDescribed {
  var json: JSON

  init(_ node: GraphNode, isFlat: Bool = false) {
    let details = node.details
    var info = JSONObject()
    info["filename"] = .string(node.fileName)
    info["format"] = .string(node.driver)
    if node.hasDetails { info["dirty-flag"] = .bool(details.isDirty) }
    if let count = node.allocatedByteCount { info["actual-size"] = .int(count) }
    info["virtual-size"] = .int(node.byteCount)
    if let count = details.clusterByteCount { info["cluster-size"] = .int(count) }
    if let name = details.backingFileName {
      info["backing-filename"] = .string(name)
      info["full-backing-filename"] = .string(node.fullBackingFileName ?? name)
      if let format = details.backingFormat { info["backing-filename-format"] = .string(format) }
    }
    if !details.snapshots.isEmpty { info["snapshots"] = .array(details.snapshots.map { SnapshotInfo($0).json }) }
    if let specific = details.specific { info["format-specific"] = ["type": .string(node.driver), "data": specific] }
    if !isFlat, let backing = node.backingNode { info["backing-image"] = ImageInfo(backing).json }
    json = .object(info)
  }

  init(from decoder: any Decoder) throws { json = try JSON(from: decoder) }
  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(json)
  }

  static let qapiType = QAPIType.object(
    name: "ImageInfo",
    members: [
      .init(name: "filename", type: .string), .init(name: "format", type: .string),
      .init(name: "dirty-flag", type: .boolean, isOptional: true),
      .init(name: "actual-size", type: .integer, isOptional: true), .init(name: "virtual-size", type: .integer),
      .init(name: "cluster-size", type: .integer, isOptional: true),
      .init(name: "backing-filename", type: .string, isOptional: true),
      .init(name: "full-backing-filename", type: .string, isOptional: true),
      .init(name: "backing-filename-format", type: .string, isOptional: true),
      .init(name: "snapshots", type: .array(SchemaProbe.describe(SnapshotInfo.self)), isOptional: true),
      .init(name: "backing-image", type: .any, isOptional: true),
      .init(name: "format-specific", type: .any, isOptional: true),
    ])
}

/// An internal snapshot.
struct SnapshotInfo: Codable, Sendable {
  var id: String
  var name: String
  var vmStateSize: Int64
  var dateSec: Int64
  var dateNsec: Int64
  var vmClockSec: Int64
  var vmClockNsec: Int64

  init(_ snapshot: ImageDetails.Snapshot) {
    (id, name, vmStateSize) = (snapshot.id, snapshot.name, snapshot.stateByteCount)
    (dateSec, dateNsec) = (snapshot.seconds, snapshot.nanoseconds)
    (vmClockSec, vmClockNsec) = (snapshot.clock / 1_000_000_000, snapshot.clock % 1_000_000_000)
  }

  var json: JSON {
    [
      "id": .string(id), "name": .string(name), "vm-state-size": .int(vmStateSize), "date-sec": .int(dateSec),
      "date-nsec": .int(dateNsec), "vm-clock-sec": .int(vmClockSec), "vm-clock-nsec": .int(vmClockNsec),
    ]
  }
}
