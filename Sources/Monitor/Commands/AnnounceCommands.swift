// SPDX-License-Identifier: Apache-2.0
import Migration
import Network
import QAPI

/// Has network adapters tell the network where they are.
struct AnnounceSelf: MonitorCommand {
  static let name = "announce-self"

  /// Milliseconds, but for `rounds`.
  var initial: Int64
  var max: Int64
  var rounds: Int64
  var step: Int64
  /// Names of adapters; without it all.
  var interfaces: [String]?
  /// Announcements of one name replace each other.
  var id: String?

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    let parameters = AnnouncementParameters(
      initial: initial, longest: max, rounds: rounds, step: step, interfaces: interfaces.map { Set($0) })
    try context.network().announce(parameters, name: id ?? "")
    return Empty()
  }
}

/// The same with the parameters that migrations have.
enum HMPAnnounceSelf: HMPCommand {
  static let names = ["announce_self"]
  static let parameters = "[INTERFACE,... [ID]]"
  static let help = "have network adapters tell the network where they are"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let interfaces = try line.optionalString()
    let id = try line.optionalString()
    try line.end()
    let wanted = context.hub.migration.parameters
    let command = AnnounceSelf(
      initial: Int64(wanted.announceInitial), max: Int64(wanted.announceMax), rounds: Int64(wanted.announceRounds),
      step: Int64(wanted.announceStep), interfaces: interfaces.map { $0.split(separator: ",").map(String.init) }, id: id
    )
    _ = try perform(command, in: context)
    return .done("")
  }
}
