// SPDX-License-Identifier: Apache-2.0
import Migration
import QAPI

enum InfoMigrate: HMPCommand {
  static let names = ["migrate"]
  static let help = "how far a migration is, or what the last one came to"

  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    let report = QueryMigrate.report(context.hub.migration)
    // What of QEMU's globals is so here: the state of a stopped machine goes with it, and every machine can be sent.
    var text = "globals:\nstore-global-state: on\nonly-migratable: \(context.hub.migration.isStrict ? "on" : "off")\n"
    if let status = report.status {
      text += "Migration status: \(status.rawValue)"
      if status == .failed, let error = report.errorDesc { text += " (\(error))" }
      text += "\ntotal time: \(report.totalTime ?? 0) ms\n"
    }
    if let time = report.expectedDowntime { text += "expected downtime: \(time) ms\n" }
    if let time = report.downtime { text += "downtime: \(time) ms\n" }
    if let time = report.setupTime { text += "setup: \(time) ms\n" }
    if let memory = report.ram { text += describe(memory) }
    if let cache = report.xbzrleCache { text += describe(cache) }
    if let listeners = report.socketAddress {
      text += "socket address: [\n" + listeners.map { "\t\(address($0))\n" }.joined() + "]\n"
    }
    return .done(text)
  }

  private static func describe(_ memory: QueryMigrate.Memory) -> String {
    let speed = JSON.double((memory.mbps * 100).rounded() / 100)
    var text = """
      transferred ram: \(memory.transferred >> 10) kbytes
      throughput: \(speed.text) mbps
      remaining ram: \(memory.remaining >> 10) kbytes
      total ram: \(memory.total >> 10) kbytes
      duplicate: \(memory.duplicate) pages
      skipped: \(memory.skipped) pages
      normal: \(memory.normal) pages
      normal bytes: \(memory.normalBytes >> 10) kbytes
      dirty sync count: \(memory.dirtySyncCount)
      page size: \(memory.pageSize >> 10) kbytes
      multifd bytes: \(memory.multifdBytes >> 10) kbytes
      pages-per-second: \(memory.pagesPerSecond)

      """
    if memory.downtimeBytes > 0 { text += "downtime ram: \(memory.downtimeBytes >> 10) kbytes\n" }
    return text
  }

  private static func describe(_ cache: QueryMigrate.DeltaCache) -> String {
    """
    cache size: \(cache.cacheSize) bytes
    xbzrle transferred: \(cache.bytes >> 10) kbytes
    xbzrle pages: \(cache.pages) pages
    xbzrle cache miss: \(cache.cacheMiss) pages
    xbzrle cache miss rate: 0.00
    xbzrle encoding rate: 0.00
    xbzrle overflow: \(cache.overflow)

    """
  }

  private static func address(_ listener: QueryMigrate.Listener) -> String {
    if let path = listener.path { return "unix:\(path)" }
    let host = listener.host ?? ""
    return "tcp:\(listener.ipv6 == true ? "[\(host)]" : host):\(listener.port ?? "")"
  }
}

enum InfoMigrateCapabilities: HMPCommand {
  static let names = ["migrate_capabilities"]
  static let help = "what migration is told to do"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    let statuses = QueryMigrateCapabilities().run(in: context)
    return .done(statuses.map { "\($0.capability.rawValue): \($0.state ? "on" : "off")\n" }.joined())
  }
}

enum InfoMigrateParameters: HMPCommand {
  static let names = ["migrate_parameters"]
  static let help = "the parameters of migration"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    let values: JSON
    do throws(QMPError) { values = try QAPIEncoder.encode(context.hub.migration.parameters) } catch {
      throw .failed(error)
    }
    return .done(
      MigrationParameterText.all.filter { !$0.isUnlisted }
        .map { parameter in values[parameter.name].map(parameter.line) ?? "" }.joined())
  }
}

enum InfoMigrateCacheSize: HMPCommand {
  static let names = ["migrate_cache_size"]
  static let help = "size of the cache for pages sent again"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    return .done("xbzrle cache size: \(context.hub.migration.parameters.xbzrleCacheSize >> 10) kbytes\n")
  }
}
