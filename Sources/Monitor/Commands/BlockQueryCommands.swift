// SPDX-License-Identifier: Apache-2.0
import Block
import QAPI

/// The drives.
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
    var inserted: BlockDeviceInfo?
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

    init(_ backend: BlockBackend) {
      (device, qdev, type, removable) = (backend.name, backend.attachedTo, "unknown", backend.isRemovable)
      locked = backend.device?.isMediumLocked ?? false
      inserted = backend.medium.map { BlockDeviceInfo($0.root, of: backend) }
      trayOpen = backend.device?.isTrayOpen
      let keepsStatus = backend.errorPolicy?.canStop ?? false
      ioStatus = keepsStatus ? IOStatus(rawValue: backend.ioStatus.rawValue) : nil
    }
  }

  func run(in context: MonitorContext) -> [BlockInfo] { context.machine.blockGraph.backends.map(BlockInfo.init) }
}

/// Every node, those below others included, the newest first.
struct QueryNamedBlockNodes: MonitorCommand {
  static let name = "query-named-block-nodes"
  typealias Returns = [BlockDeviceInfo]
  var flat: Bool?

  func run(in context: MonitorContext) -> [BlockDeviceInfo] {
    context.machine.blockGraph.nodes.reversed().map { BlockDeviceInfo($0, isFlat: flat ?? false) }
  }
}

/// What was moved.
struct QueryBlockStats: MonitorCommand {
  static let name = "query-blockstats"
  typealias Returns = [BlockStats]
  var queryNodes: Bool?

  func run(in context: MonitorContext) -> [BlockStats] {
    let graph = context.machine.blockGraph
    if queryNodes == true { return graph.nodes.map { BlockStats($0, followsBacking: false) } }
    return graph.backends.map { BlockStats($0, now: context.machine.virtualTime) }
  }
}

/// Counters of a drive or node, with those of the nodes below.
struct BlockStats: Codable, Sendable, QAPIDescribed {
  private var json: JSON

  init(_ node: GraphNode, followsBacking: Bool = true) {
    var members = JSONObject()
    members["node-name"] = .string(node.name)
    var statistics = BlockStatistics()
    statistics.highestWrittenOffset = node.highestWrittenOffset
    members["stats"] = Self.counters(statistics, now: nil)
    if node.isFile {
      members["driver-specific"] = [
        "driver": .string(node.driver), "discard-nb-ok": 0, "discard-nb-failed": 0, "discard-bytes-ok": 0,
      ]
    }
    if let file = node.file { members["parent"] = BlockStats(file).json }
    if followsBacking, let backing = node.backingNode { members["backing"] = BlockStats(backing).json }
    json = .object(members)
  }

  init(_ backend: BlockBackend, now: Int64) {
    var members = JSONObject()
    if let root = backend.medium?.root, let below = BlockStats(root).json.object {
      for (key, value) in zip(below.keys, below.values) { members[key] = value }
    }
    members["device"] = .string(backend.name)
    if let path = backend.attachedTo { members["qdev"] = .string(path) }
    var statistics = backend.statistics
    statistics.highestWrittenOffset = backend.medium?.root.highestWrittenOffset ?? 0
    members["stats"] = Self.counters(statistics, now: now)
    json = .object(members)
  }

  /// `now`: of a drive; nodes have no accounts of their own.
  private static func counters(_ statistics: BlockStatistics, now: Int64?) -> JSON {
    var stats = JSONObject()
    let kinds = [
      ("rd", statistics.reads), ("wr", statistics.writes), ("flush", statistics.flushes), ("unmap", statistics.unmaps),
    ]
    for (name, counter) in kinds {
      if name != "flush" {
        stats["\(name)_bytes"] = JSON(counter.bytes)
        stats["\(name)_merged"] = 0
      }
      stats["\(name)_operations"] = JSON(counter.operations)
      stats["\(name)_total_time_ns"] = JSON(counter.totalNanoseconds)
      stats["failed_\(name)_operations"] = JSON(counter.failedOperations)
      stats["invalid_\(name)_operations"] = JSON(counter.invalidOperations)
    }
    stats["wr_highest_offset"] = JSON(statistics.highestWrittenOffset)
    stats["account_invalid"] = .bool(now != nil && statistics.accounting.countsInvalid)
    stats["account_failed"] = .bool(now != nil && statistics.accounting.countsFailed)
    stats["timed_stats"] = .array(now.map { now in statistics.intervals.map { timed($0, now) } } ?? [])
    if let now, let last = statistics.lastCompletion { stats["idle_time_ns"] = .int(max(0, now &- last)) }
    return .object(stats)
  }

  private static func timed(_ interval: IntervalStatistics, _ now: Int64) -> JSON {
    var stats = JSONObject()
    stats["interval_length"] = .int(Int64(interval.length))
    let report = interval.report(at: now)
    for (name, value) in report.latencies { stats[name] = JSON(value) }
    for (name, value) in report.depths { stats[name] = .double(value) }
    return .object(stats)
  }

  init(from decoder: any Decoder) throws { json = try JSON(from: decoder) }
  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(json)
  }

  static let qapiType = QAPIType.object(
    name: "BlockStats",
    members: [
      .init(name: "device", type: .string, isOptional: true), .init(name: "qdev", type: .string, isOptional: true),
      .init(name: "node-name", type: .string, isOptional: true), .init(name: "stats", type: .any),
      .init(name: "driver-specific", type: .any, isOptional: true), .init(name: "parent", type: .any, isOptional: true),
      .init(name: "backing", type: .any, isOptional: true),
    ])
}
