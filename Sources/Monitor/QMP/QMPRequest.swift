// SPDX-License-Identifier: Apache-2.0
import QAPI

/// One message of a client, taken apart. The sentences are QEMU's.
struct QMPRequest {
  var command: String
  var isOutOfBand: Bool
  var arguments: JSONObject

  /// `oobEnabled`: the client negotiated out-of-band execution.
  init(_ message: JSON, oobEnabled: Bool) throws(QMPError) {
    guard let object = message.object else { throw QMPError("QMP input must be a JSON object") }
    var commandKey: String?
    var command = ""
    var arguments = JSONObject()
    for position in object.writingOrder {
      let (key, value) = (object.keys[position], object.values[position])
      switch key {
      case _ where key == "execute" || (key == "exec-oob" && oobEnabled):
        guard let name = value.string else { throw QMPError("QMP input member '\(key)' must be a string") }
        if let other = commandKey { throw QMPError("QMP input member '\(key)' clashes with '\(other)'") }
        (commandKey, command) = (key, name)
      case "arguments":
        guard let members = value.object else { throw QMPError("QMP input member 'arguments' must be an object") }
        arguments = members
      case "id": break
      default: throw QMPError("QMP input member '\(key)' is unexpected")
      }
    }
    guard let commandKey else { throw QMPError("QMP input lacks member 'execute'") }
    (self.command, isOutOfBand, self.arguments) = (command, commandKey == "exec-oob", arguments)
  }

  /// Whether a message asks to overtake the others. Decided before it is checked, as QEMU does.
  static func isOutOfBand(_ message: JSON) -> Bool { message["exec-oob"] != nil && message["execute"] == nil }

  /// Whether a message asks for the descriptor that came along.
  static func takesDescriptor(_ message: JSON) -> Bool { message["execute"] == .string(GetDescriptor.name) }
}
