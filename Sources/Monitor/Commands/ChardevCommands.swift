// SPDX-License-Identifier: Apache-2.0
import QAPI

struct QueryChardev: MonitorCommand {
  static let name = "query-chardev"
  typealias Returns = [ChardevInfo]
  struct ChardevInfo: Codable, Sendable {
    var label: String
    var filename: String
    var frontendOpen: Bool
  }
  func run(in context: MonitorContext) -> [ChardevInfo] {
    context.machine.characterDevices.map { device in
      ChardevInfo(label: device.label, filename: device.description, frontendOpen: device.isFrontendOpen)
    }
  }
}
