// SPDX-License-Identifier: Apache-2.0
import Migration
import QAPI

extension MigrationCapability: QMPEnum {}
extension MigrationParameters.Compression: QMPEnum {}

struct MigrateSetCapabilities: MonitorCommand {
  static let name = "migrate-set-capabilities"
  var capabilities: [CapabilityStatus]

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    try migrating { () throws(MigrationError) in
      try context.hub.migration.setCapabilities(capabilities.map { ($0.capability, $0.state) })
    }
    return Empty()
  }
}

struct CapabilityStatus: Codable, Sendable {
  var capability: MigrationCapability
  var state: Bool
}

struct QueryMigrateCapabilities: MonitorCommand {
  static let name = "query-migrate-capabilities"
  typealias Returns = [CapabilityStatus]

  func run(in context: MonitorContext) -> [CapabilityStatus] {
    let isOn = context.hub.migration.capabilities
    return MigrationCapability.allCases.map { CapabilityStatus(capability: $0, state: isOn.contains($0)) }
  }
}

struct QueryMigrateParameters: MonitorCommand {
  static let name = "query-migrate-parameters"
  typealias Returns = MigrationParameters
  func run(in context: MonitorContext) -> MigrationParameters { context.hub.migration.parameters }
}

/// A string, or null for the empty one.
struct StringOrNull: Codable, Sendable, QAPIDescribed {
  static let qapiType = QAPIType.any
  var text: String

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    text = container.decodeNil() ? "" : try container.decode(String.self)
  }
  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

/// Changes what is given of `MigrationParameters`.
struct MigrateSetParameters: MonitorCommand {
  static let name = "migrate-set-parameters"
  var announceInitial: UInt64?
  var announceMax: UInt64?
  var announceRounds: UInt64?
  var announceStep: UInt64?
  var compressLevel: UInt8?
  var compressThreads: UInt8?
  var compressWaitThread: Bool?
  var decompressThreads: UInt8?
  var throttleTriggerThreshold: UInt8?
  var cpuThrottleInitial: UInt8?
  var cpuThrottleIncrement: UInt8?
  var cpuThrottleTailslow: Bool?
  var maxCpuThrottle: UInt8?
  var tlsCreds: StringOrNull?
  var tlsHostname: StringOrNull?
  var tlsAuthz: StringOrNull?
  var maxBandwidth: UInt64?
  var downtimeLimit: UInt64?
  var xCheckpointDelay: UInt32?
  var blockIncremental: Bool?
  var multifdChannels: UInt8?
  var multifdCompression: MigrationParameters.Compression?
  var multifdZlibLevel: UInt8?
  var multifdZstdLevel: UInt8?
  var xbzrleCacheSize: UInt64?
  var maxPostcopyBandwidth: UInt64?

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    try migrating { () throws(MigrationError) in
      try context.hub.migration.setParameters(limitingBandwidth: maxBandwidth != nil, apply)
    }
    return Empty()
  }

  private func apply(_ parameters: inout MigrationParameters) {
    func set<Value>(_ value: Value?, _ path: WritableKeyPath<MigrationParameters, Value>) {
      if let value { parameters[keyPath: path] = value }
    }
    set(announceInitial, \.announceInitial)
    set(announceMax, \.announceMax)
    set(announceRounds, \.announceRounds)
    set(announceStep, \.announceStep)
    set(compressLevel, \.compressLevel)
    set(compressThreads, \.compressThreads)
    set(compressWaitThread, \.compressWaitThread)
    set(decompressThreads, \.decompressThreads)
    set(throttleTriggerThreshold, \.throttleTriggerThreshold)
    set(cpuThrottleInitial, \.cpuThrottleInitial)
    set(cpuThrottleIncrement, \.cpuThrottleIncrement)
    set(cpuThrottleTailslow, \.cpuThrottleTailslow)
    set(maxCpuThrottle, \.maxCpuThrottle)
    set(tlsCreds?.text, \.tlsCreds)
    set(tlsHostname?.text, \.tlsHostname)
    set(tlsAuthz?.text, \.tlsAuthz)
    set(maxBandwidth, \.maxBandwidth)
    set(downtimeLimit, \.downtimeLimit)
    set(xCheckpointDelay, \.xCheckpointDelay)
    set(blockIncremental, \.blockIncremental)
    set(multifdChannels, \.multifdChannels)
    set(multifdCompression, \.multifdCompression)
    set(multifdZlibLevel, \.multifdZlibLevel)
    set(multifdZstdLevel, \.multifdZstdLevel)
    set(xbzrleCacheSize, \.xbzrleCacheSize)
    set(maxPostcopyBandwidth, \.maxPostcopyBandwidth)
  }
}

// What there was before `migrate-set-parameters`; removed from QEMU in 6.0, described in its 2.8 documents.

/// Bytes per second.
struct MigrateSetSpeed: MonitorCommand {
  static let name = "migrate_set_speed"
  var value: Int64

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    guard value >= 0 else { throw .invalidParameter("value", expected: "a speed that is not negative") }
    return try MigrateSetParameters(maxBandwidth: UInt64(value)).run(in: context)
  }
}

/// Seconds.
struct MigrateSetDowntime: MonitorCommand {
  static let name = "migrate_set_downtime"
  var value: Double

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    guard value >= 0, value <= Double(MigrationParameters.downtimeMaximum) / 1000 else {
      throw QMPError("Parameter 'downtime_limit' expects an integer in the range of 0 to 2000 seconds")
    }
    return try MigrateSetParameters(downtimeLimit: UInt64(value * 1000)).run(in: context)
  }
}

/// Bytes, made a power of two.
struct MigrateSetCacheSize: MonitorCommand {
  static let name = "migrate-set-cache-size"
  var value: Int64

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    guard value >= 4096 else {
      throw .invalidParameter("cache size", expected: "a value that is not smaller than the target page size")
    }
    return try MigrateSetParameters(xbzrleCacheSize: 1 << (63 - value.leadingZeroBitCount)).run(in: context)
  }
}

struct QueryMigrateCacheSize: MonitorCommand {
  static let name = "query-migrate-cache-size"
  typealias Returns = UInt64
  func run(in context: MonitorContext) -> UInt64 { context.hub.migration.parameters.xbzrleCacheSize }
}
