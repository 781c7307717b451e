// SPDX-License-Identifier: Apache-2.0
import Network
import QAPI

enum InfoNetwork: HMPCommand {
  static let names = ["network"]
  static let help = "network adapters, their back ends and hubs"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    return .done(context.machine.network?.report ?? "")
  }
}

enum InfoUserNetwork: HMPCommand {
  static let names = ["usernet"]
  static let help = "connections and forwarding rules of user networking"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    try line.end()
    return .done(context.machine.network?.userReport ?? "")
  }
}

enum HMPNetdevAdd: HMPCommand {
  static let names = ["netdev_add"]
  static let parameters = "TYPE,id=ID[,KEY=VALUE]..."
  static let help = "add a network back end"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let text = try line.optionalString() ?? ""
    try line.end()
    if text == "help" || text == "?" {
      return .done("Available netdev backend types:\n" + NetworkConfiguration.types.map { $0 + "\n" }.joined())
    }
    do throws(QMPError) { try context.addNetdev(NetworkFields(parsing: text)) } catch { throw .failed(error) }
    return .done("")
  }
}

enum HMPNetdevDelete: HMPCommand {
  static let names = ["netdev_del"]
  static let parameters = "ID"
  static let help = "remove a network back end"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let id = try line.string()
    try line.end()
    _ = try perform(NetdevDelete(id: id), in: context)
    return .done("")
  }
}

enum HMPSetLink: HMPCommand {
  static let names = ["set_link"]
  static let parameters = "NAME on|off"
  static let help = "put a network cable in or pull it"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let name = try line.string()
    let state = try line.optionalString()
    guard let state, ["on", "off"].contains(state) else { throw .usage("Expected 'on' or 'off'") }
    try line.end()
    _ = try perform(SetLink(name: name, up: state == "on"), in: context)
    return .done("")
  }
}

enum HMPHostForwardAdd: HMPCommand {
  static let names = ["hostfwd_add"]
  static let parameters = "[NETDEV] [tcp|udp]:[HOSTADDR]:HOSTPORT-[GUESTADDR]:GUESTPORT"
  static let help = "forward a port of the host to the guest"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let first = try line.string()
    let second = try line.optionalString()
    try line.end()
    do throws(NetworkError) {
      guard let table = context.machine.network else { throw NetworkError("user mode network stack not in use") }
      try table.addForward(second ?? first, to: second == nil ? nil : first)
    } catch { throw .message("\(error)") }
    return .done("")
  }
}

enum HMPHostForwardRemove: HMPCommand {
  static let names = ["hostfwd_remove"]
  static let parameters = "[NETDEV] [tcp|udp]:[HOSTADDR]:HOSTPORT"
  static let help = "end the forwarding of a port"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let first = try line.string()
    let second = try line.optionalString()
    try line.end()
    do throws(NetworkError) {
      guard let table = context.machine.network else { throw NetworkError("user mode network stack not in use") }
      return .done(try table.removeForward(second ?? first, from: second == nil ? nil : first) + "\n")
    } catch { throw .message("\(error)") }
  }
}
