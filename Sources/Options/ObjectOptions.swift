// SPDX-License-Identifier: Apache-2.0
import Network
import PC

/// `-object`: `filter-dump`, the record of a back end's frames.
extension OptionParser {
  mutating func object(_ option: GivenOption) throws(OptionError) {
    var list = try KeyValueList(option, impliedKey: "qom-type", bareKey: .isRefused)
    guard let type = list.take("qom-type") else { throw OptionError(option, "Parameter 'qom-type' is missing") }
    if type == "help" || type == "?" {
      helpText = HelpText.list("List of user creatable objects:", ["filter-dump"])
      return
    }
    guard type == "filter-dump" else {
      throw OptionError(option, "Parameter 'qom-type' does not accept value '\(type)'")
    }
    if list.wantsHelp {
      helpText = HelpText.list(
        "filter-dump options:",
        [
          "file=<string>", "insert=<string>", "maxlen=<uint32>", "netdev=<string>", "position=<string>",
          "queue=<NetFilterDirection>", "status=<string>",
        ])
      return
    }
    try addDump(&list, option)
  }

  private mutating func addDump(_ list: inout KeyValueList, _ option: GivenOption) throws(OptionError) {
    guard let id = try list.takeIdentifier() else { throw OptionError(option, "Parameter 'id' is missing") }
    guard let netdev = list.take("netdev") else { throw OptionError(option, "Parameter 'netdev' is missing") }
    guard let file = list.takePath("file") else { throw OptionError(option, "Parameter 'file' is missing") }
    var dump = MachineConfiguration.NetworkDump(id: id, netdev: netdev, file: file)
    if let text = list.take("queue") {
      guard let direction = DumpDirection(rawValue: text) else {
        throw OptionError(option, "Parameter 'queue' does not accept value '\(text)'")
      }
      dump.direction = direction
    }
    if let text = list.take("maxlen") {
      guard let number = KeyValueList.number(text) else {
        throw OptionError(option, "Parameter 'maxlen' expects a uint64 value")
      }
      guard (1...UInt64(UInt32.max)).contains(number) else {
        throw OptionError("Property 'filter-dump.maxlen' doesn't take value '\(number)'")
      }
      dump.maximumByteCount = Int(number)
    }
    if let status = list.take("status") {
      guard status == "on" || status == "off" else {
        throw OptionError("Invalid value for netfilter status, should be 'on' or 'off'")
      }
      dump.isOn = status == "on"
    }
    try takePosition(&list, option)
    if let rest = list.pairs.first { throw OptionError(option, "Invalid parameter '\(rest.key)'") }
    if networkRequests.dumps.contains(where: { $0.id == id }) {
      throw OptionError(option, "Duplicate ID '\(id)' for object")
    }
    networkRequests.dumps.append(dump)
  }

  /// Where a record stands among the others of its back end changes nothing of what any of them sees.
  private func takePosition(_ list: inout KeyValueList, _ option: GivenOption) throws(OptionError) {
    if let text = list.take("insert"), text != "before", text != "behind" {
      throw OptionError("Invalid value for netfilter insert, should be 'before' or 'behind'")
    }
    guard let position = list.take("position"), position != "head", position != "tail" else { return }
    guard position.hasPrefix("id=") else {
      throw OptionError("Invalid value for netfilter position, should be 'head', 'tail' or 'id=<id>'")
    }
    let other = String(position.dropFirst(3))
    guard networkRequests.dumps.contains(where: { $0.id == other }) else {
      throw OptionError("filter '\(other)' not found")
    }
  }
}
