// SPDX-License-Identifier: Apache-2.0
import QAPI

/// Arguments of a command whose members are not known beforehand.
struct FreeArguments: Codable {
  let object: JSONObject

  private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  init(_ object: JSONObject) { self.object = object }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: AnyKey.self)
    var object = JSONObject()
    for key in container.allKeys { object[key.stringValue] = try container.decode(JSON.self, forKey: key) }
    self.object = object
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(JSON.object(object))
  }
}
