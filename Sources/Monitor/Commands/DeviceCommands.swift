// SPDX-License-Identifier: Apache-2.0
import PC
public import QAPI

/// What `device_add` asks for, in the form in which it was given.
public enum DeviceArguments: Sendable {
  /// `DRIVER,PROPERTY=VALUE,…`, which may ask for help instead.
  case text(String)
  /// Properties and their values as text.
  case properties([(key: String, value: String)])
}

/// Adds a device to the machine; the grammar of `-device` belongs to a higher floor. `isMigrating`: nothing may be added.
///
/// Returns what to show, if help was asked for.
public typealias DeviceAdder =
  @Sendable (_ arguments: DeviceArguments, _ machine: any MonitoredMachine, _ isMigrating: Bool) throws(QMPError)
  -> String?

extension MonitorContext {
  func addDevice(_ arguments: DeviceArguments) throws(QMPError) -> String? {
    guard let add = hub.deviceAdder else { throw QMPError("this machine takes no further devices") }
    return try add(arguments, machine, !hub.migration.isIdle)
  }
}

/// Puts a device into the machine while it runs. Its arguments are those of `-device`.
struct DeviceAdd: MonitorCommand, QAPIDescribed {
  static let name = "device_add"
  private var properties: JSONObject

  init(from decoder: any Decoder) throws { properties = try FreeArguments(from: decoder).object }
  func encode(to encoder: any Encoder) throws { try FreeArguments(properties).encode(to: encoder) }

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    // Arrays, objects and null say nothing, as in QEMU.
    let scalars = zip(properties.keys, properties.values).flatMap { key, value -> [(key: String, value: String)] in
      switch value {
      case .array, .object, .null: []
      // A name is a string; anything else is none.
      case _ where key == "id" && value.string == nil: []
      default: value.flattenedMembers.map { (key, $0.value) }
      }
    }
    _ = try context.addDevice(.properties(scalars))
    return Empty()
  }

  /// Each driver has further properties.
  static let qapiType = QAPIType.object(
    name: "DeviceAdd",
    members: [
      .init(name: "driver", type: .string), .init(name: "bus", type: .string, isOptional: true),
      .init(name: "id", type: .string, isOptional: true),
    ])
}

/// Asks the guest to let go of a device; DEVICE_DELETED tells that it has.
struct DeviceDelete: MonitorCommand {
  static let name = "device_del"
  /// Its name or QOM path.
  var id: String

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    do throws(UnplugRefusal) {
      try context.machine.requestUnplug(id, isMigrating: !context.hub.migration.isIdle)
    } catch {
      throw QMPError(error.description, class: error == .notFound(id) ? .deviceNotFound : .generic)
    }
    return Empty()
  }
}

/// A device is gone. `device`: its name, if it has one.
public struct DeviceDeletedEvent: QMPEvent {
  public static let name = "DEVICE_DELETED"
  public var device: String?
  public var path: String
  public init(device: String?, path: String) { (self.device, self.path) = (device, path) }
}
