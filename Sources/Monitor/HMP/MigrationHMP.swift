// SPDX-License-Identifier: Apache-2.0
import Migration
import QAPI

enum HMPMigrate: HMPCommand {
  static let names = ["migrate"]
  static let parameters = "[-d] [-b] [-i] [-r] uri"
  static let help = "send the machine to a URI; -d does not wait until it is there"

  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let flags = try line.flags("dbir")
    let uri = try line.string()
    try line.end()
    let command = Migrate(
      uri: uri, blk: flags.contains("b"), inc: flags.contains("i"), resume: flags.contains("r"))
    _ = try perform(command, in: context)
    if flags.contains("d") { return .done("") }
    // A client that sent the line through QMP has other commands to send.
    if context.session != nil {
      return .done("terminal does not allow synchronous migration, continuing detached\n")
    }
    let migration = context.hub.migration
    return .finishing { progress in
      let error = migration.waitUntilDone(progress)?.error
      return error.map { .failure(QMPError($0)) } ?? .success("")
    }
  }
}

enum HMPMigrateCancel: HMPCommand {
  static let names = ["migrate_cancel"]
  static let help = "give the migration up; the guest goes on here"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    _ = try perform(MigrateCancel(), in: context)
    return .done("")
  }
}

enum HMPMigrateContinue: HMPCommand {
  static let names = ["migrate_continue"]
  static let parameters = "state"
  static let help = "end the pause before the switchover"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let state = try line.string()
    try line.end()
    guard let status = MigrationStatus(rawValue: state) else {
      throw .failed(QMPError("invalid parameter value: \(state)"))
    }
    _ = try perform(MigrateContinue(state: status), in: context)
    return .done("")
  }
}

enum HMPMigrateIncoming: HMPCommand {
  static let names = ["migrate_incoming"]
  static let parameters = "uri"
  static let help = "take in the machine that -incoming defer waits for"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let uri = try line.string()
    try line.end()
    _ = try perform(MigrateIncoming(uri: uri), in: context)
    return .done("")
  }
}

// Of the ways of migrating that there are not.

enum HMPMigrateStartPostcopy: HMPCommand {
  static let names = ["migrate_start_postcopy"]
  static let help = "refused: a machine is sent whole before it runs elsewhere"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    _ = try perform(MigrateStartPostcopy(), in: context)
    return .done("")
  }
}

enum HMPMigratePause: HMPCommand {
  static let names = ["migrate_pause"]
  static let help = "refused, as migrate_start_postcopy"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    _ = try perform(MigratePause(), in: context)
    return .done("")
  }
}

enum HMPMigrateRecover: HMPCommand {
  static let names = ["migrate_recover"]
  static let parameters = "uri"
  static let help = "refused, as migrate_start_postcopy"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let uri = try line.string()
    try line.end()
    _ = try perform(MigrateRecover(uri: uri), in: context)
    return .done("")
  }
}

enum HMPMigrateSetCapability: HMPCommand {
  static let names = ["migrate_set_capability"]
  static let parameters = "capability state"
  static let help = "turn a capability of migration on or off"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let name = try line.string()
    let isOn = try onOrOff(&line)
    try line.end()
    guard let capability = MigrationCapability(rawValue: name) else {
      throw .failed(QMPError("invalid parameter value: \(name)"))
    }
    _ = try perform(
      MigrateSetCapabilities(capabilities: [.init(capability: capability, state: isOn)]), in: context)
    return .done("")
  }

  private static func onOrOff(_ line: inout HMPLine) throws(HMPError) -> Bool {
    let word = try line.optionalString() ?? ""
    guard word == "on" || word == "off" else { throw .usage("Expected 'on' or 'off'") }
    return word == "on"
  }
}

enum HMPMigrateSetParameter: HMPCommand {
  static let names = ["migrate_set_parameter"]
  static let parameters = "parameter value"
  static let help = "change a parameter of migration"

  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let name = try line.string()
    let text = try line.string()
    try line.end()
    do throws(QMPError) {
      guard let parameter = MigrationParameterText.all.first(where: { $0.name == name }) else {
        throw QMPError(
          name == "block-bitmap-mapping"
            ? "The block-bitmap-mapping parameter can only be set through QMP" : "invalid parameter value: \(name)")
      }
      var arguments = JSONObject()
      arguments[name] = try parameter.value(of: text)
      _ = try QAPIDecoder.decode(MigrateSetParameters.self, from: .object(arguments)).run(in: context)
    } catch {
      throw .failed(error)
    }
    return .done("")
  }
}

enum HMPGetDescriptor: HMPCommand {
  static let names = ["getfd"]
  static let parameters = "name"
  static let help = "name the file descriptor that came over the monitor's socket"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let name = try line.string()
    try line.end()
    _ = try perform(GetDescriptor(fdname: name), in: context)
    return .done("")
  }
}

enum HMPCloseDescriptor: HMPCommand {
  static let names = ["closefd"]
  static let parameters = "name"
  static let help = "close a file descriptor that has a name"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let name = try line.string()
    try line.end()
    _ = try perform(CloseDescriptor(fdname: name), in: context)
    return .done("")
  }
}

// What there was before `migrate_set_parameter`; removed from QEMU in 6.0.

enum HMPMigrateSetSpeed: HMPCommand {
  static let names = ["migrate_set_speed"]
  static let parameters = "value"
  static let help = "speed of migration in bytes per second, in megabytes without a suffix"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let text = try line.string()
    try line.end()
    guard let value = MigrationParameterText.size(text, unit: 1 << 20) else {
      throw .failed(QMPError("Invalid size \(text)"))
    }
    _ = try perform(MigrateSetParameters(maxBandwidth: value), in: context)
    return .done("")
  }
}

enum HMPMigrateSetDowntime: HMPCommand {
  static let names = ["migrate_set_downtime"]
  static let parameters = "value"
  static let help = "how long the guest may stand still, in seconds"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let text = try line.string()
    try line.end()
    guard let value = Double(text) else { throw .usage("migrate_set_downtime: invalid number '\(text)'") }
    _ = try perform(MigrateSetDowntime(value: value), in: context)
    return .done("")
  }
}

enum HMPMigrateSetCacheSize: HMPCommand {
  static let names = ["migrate_set_cache_size"]
  static let parameters = "value"
  static let help = "size of the cache for pages sent again, in megabytes without a suffix"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let text = try line.string()
    try line.end()
    guard let value = MigrationParameterText.size(text, unit: 1 << 20) else {
      throw .failed(QMPError("Invalid size \(text)"))
    }
    _ = try perform(MigrateSetCacheSize(value: Int64(clamping: value)), in: context)
    return .done("")
  }
}
