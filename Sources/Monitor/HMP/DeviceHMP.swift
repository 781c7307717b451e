// SPDX-License-Identifier: Apache-2.0
import QAPI

enum HMPDeviceAdd: HMPCommand {
  static let names = ["device_add"]
  static let parameters = "DRIVER[,PROPERTY=VALUE]..."
  static let help = "add a device, like -device on the command line"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let text = try line.optionalString() ?? ""
    try line.end()
    do throws(QMPError) { return .done(try context.addDevice(.text(text)) ?? "") } catch { throw .failed(error) }
  }
}

enum HMPDeviceDelete: HMPCommand {
  static let names = ["device_del"]
  static let parameters = "DEVICE"
  static let help = "take a device out, as soon as the guest lets go of it"
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String> {
    let id = try line.string()
    try line.end()
    _ = try perform(DeviceDelete(id: id), in: context)
    return .done("")
  }
}
