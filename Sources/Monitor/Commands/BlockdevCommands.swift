// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import QAPI

/// Adds a node to the block graph. Its arguments are BlockdevOptions.
struct BlockdevAdd: MonitorTwoPhaseCommand, QAPIDescribed {
  static let name = "blockdev-add"
  private var arguments: JSONObject

  init(from decoder: any Decoder) throws { arguments = try FreeArguments(from: decoder).object }
  func encode(to encoder: any Encoder) throws { try FreeArguments(arguments).encode(to: encoder) }

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Empty> {
    let tree = OptionTree(arguments)
    let options = try blockWork { () throws(BlockError) in try NodeOptions(strict: tree) }
    for warning in options.warnings { HostProcess.report("warning: \(warning)") }
    let opener = context.blockGraph.opener()
    let hub = context.hub
    return .finishing { progress in
      Result(block: { () throws(QMPError) in
        let opened = try blockWork { () throws(BlockError) in try opener.open(options) }
        progress()
        return try onMachine(hub) { machine in
          Result(block: { () throws(QMPError) in
            try blockWork { () throws(BlockError) in try machine.blockGraph.insert(opened, isOwned: true) }
            return Empty()
          })
        }
      })
    }
  }

  private static let general: [QAPIType.Member] = [
    .init(
      name: "driver",
      type: .enumeration(name: "BlockdevDriver", values: NodeOptions.Driver.allCases.map(\.rawValue))),
    .init(name: "node-name", type: .string, isOptional: true),
    .init(
      name: "discard", type: .enumeration(name: "BlockdevDiscardOptions", values: ["ignore", "unmap"]),
      isOptional: true),
    .init(
      name: "cache",
      type: .object(
        name: "BlockdevCacheOptions",
        members: [
          .init(name: "direct", type: .boolean, isOptional: true),
          .init(name: "no-flush", type: .boolean, isOptional: true),
        ]), isOptional: true),
    .init(name: "read-only", type: .boolean, isOptional: true),
    .init(name: "auto-read-only", type: .boolean, isOptional: true),
    .init(name: "force-share", type: .boolean, isOptional: true),
    .init(
      name: "detect-zeroes",
      type: .enumeration(
        name: "BlockdevDetectZeroesOptions", values: NodeOptions.DetectZeroes.allCases.map(\.rawValue)),
      isOptional: true),
  ]

  static let qapiType: QAPIType = {
    let file = QAPIType.object(
      name: "BlockdevOptionsFile",
      members: [
        .init(name: "filename", type: .string),
        .init(
          name: "locking", type: .enumeration(name: "OnOffAuto", values: ["auto", "on", "off"]), isOptional: true),
        .init(
          name: "aio", type: .enumeration(name: "BlockdevAioOptions", values: ["threads", "native", "io_uring"]),
          isOptional: true),
      ])
    let null = QAPIType.object(
      name: "BlockdevOptionsNull",
      members: [
        .init(name: "size", type: .integer, isOptional: true),
        .init(name: "latency-ns", type: .integer, isOptional: true),
        .init(name: "read-zeroes", type: .boolean, isOptional: true),
      ])
    let raw = QAPIType.object(
      name: "BlockdevOptionsRaw",
      members: [
        .init(name: "file", type: .any), .init(name: "offset", type: .integer, isOptional: true),
        .init(name: "size", type: .integer, isOptional: true),
      ])
    let qcow2 = QAPIType.object(
      name: "BlockdevOptionsQcow2",
      members: [
        .init(name: "file", type: .any), .init(name: "backing", type: .any, isOptional: true),
        .init(name: "data-file", type: .any, isOptional: true),
        .init(name: "lazy-refcounts", type: .boolean, isOptional: true),
        .init(name: "cache-size", type: .integer, isOptional: true),
        .init(name: "l2-cache-size", type: .integer, isOptional: true),
        .init(name: "refcount-cache-size", type: .integer, isOptional: true),
      ])
    return .object(
      name: "BlockdevOptions", members: general,
      variants: .init(
        tag: "driver",
        cases: [
          .init(value: "file", type: file), .init(value: "host_device", type: file),
          .init(value: "null-aio", type: null),
          .init(value: "null-co", type: null), .init(value: "raw", type: raw), .init(value: "qcow2", type: qcow2),
        ]))
  }()
}

/// Deletes a node that `blockdev-add` or `-blockdev` made and nothing uses.
struct BlockdevDelete: MonitorTwoPhaseCommand {
  static let name = "blockdev-del"
  var nodeName: String

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Empty> {
    context.closing(try blockWork { () throws(BlockError) in try context.blockGraph.remove(nodeName) })
  }
}

/// The name of 2.5 to 2.8.
struct ExperimentalBlockdevDelete: MonitorTwoPhaseCommand {
  static let name = "x-blockdev-del"
  var nodeName: String

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Empty> {
    try BlockdevDelete(nodeName: nodeName).capture(in: context)
  }
}

/// Makes an image longer or shorter while a guest may use it.
struct BlockResize: MonitorTwoPhaseCommand {
  static let name = "block_resize"
  var device: String?
  var nodeName: String?
  var size: Int64

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Empty> {
    let node = try blockWork { () throws(BlockError) in
      try context.blockGraph.node(device: device, node: nodeName)
    }
    guard size >= 0 else { throw .invalidParameter("size", expected: "a >0 size") }
    let rounded = (size > Int64.max - 511 ? size : size + 511) & -512
    let hub = context.hub
    return .finishing { _ in
      Result(block: { () throws(QMPError) in
        try blockWork { () throws(BlockError) in
          try node.checkResize(to: rounded)
          try node.resize(to: rounded, preallocation: .off)
        }
        return try onMachine(hub) { machine in
          machine.blockGraph.didResize(node)
          return .success(Empty())
        }
      })
    }
  }
}

/// BLOCK_WRITE_THRESHOLD comes when a write ends beyond the threshold; once, until it is set again.
struct SetWriteThreshold: MonitorCommand {
  static let name = "block-set-write-threshold"
  var nodeName: String
  var writeThreshold: UInt64

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    guard let node = context.blockGraph.node(named: nodeName) else {
      throw QMPError("Device '\(nodeName)' not found")
    }
    context.blockGraph.setWriteThreshold(writeThreshold, of: node)
    return Empty()
  }
}

/// Limits what a drive moves. Everything not given is without limit.
struct SetIOThrottle: MonitorCommand {
  static let name = "block_set_io_throttle"
  var device: String?
  var id: String?
  var bps: Int64
  var bpsRead: Int64
  var bpsWrite: Int64
  var iops: Int64
  var iopsRead: Int64
  var iopsWrite: Int64
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

  enum CodingKeys: String, CodingKey {
    case device
    case id
    case bps
    case bpsRead = "bps_rd"
    case bpsWrite = "bps_wr"
    case iops
    case iopsRead = "iops_rd"
    case iopsWrite = "iops_wr"
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
  }

  private var limits: ThrottleLimits {
    func limit(_ average: Int64, _ burst: Int64?, _ length: Int64?) -> ThrottleLimits.Limit {
      .init(average: average, burst: burst ?? 0, burstLength: length ?? 1)
    }
    var limits = ThrottleLimits()
    limits.bytes = limit(bps, bpsMax, bpsMaxLength)
    limits.bytesRead = limit(bpsRead, bpsReadMax, bpsReadMaxLength)
    limits.bytesWritten = limit(bpsWrite, bpsWriteMax, bpsWriteMaxLength)
    limits.operations = limit(iops, iopsMax, iopsMaxLength)
    limits.operationsRead = limit(iopsRead, iopsReadMax, iopsReadMaxLength)
    limits.operationsWritten = limit(iopsWrite, iopsWriteMax, iopsWriteMaxLength)
    limits.operationByteCount = iopsSize ?? 0
    return limits
  }

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    let drive = try context.drive(device: device, id: id)
    guard drive.isInserted else { throw QMPError("Device has no medium") }
    let limits = limits
    try blockWork { () throws(BlockError) in try limits.check() }
    guard limits.isEnabled else {
      context.blockGraph.setThrottle(nil, of: drive)
      return Empty()
    }
    context.blockGraph.setThrottle(group ?? drive.throttle?.name ?? device ?? id, of: drive)
    drive.throttle?.limits = limits
    return Empty()
  }
}
