// SPDX-License-Identifier: Apache-2.0

extension JSON {
  /// The scalars of an object as keys and texts, in order, for readers that also take `key=value` lists: members of inner
  /// objects have their path as key (`addr.host`), elements of arrays repeat it, switches are `on` and `off`.
  public var flattenedMembers: [(key: String, value: String)] {
    var pairs: [(key: String, value: String)] = []
    func walk(_ key: String, _ value: JSON) {
      switch value {
      case .null: break
      case .bool(let isOn): pairs.append((key, isOn ? "on" : "off"))
      case .int(let number): pairs.append((key, String(number)))
      case .uint(let number): pairs.append((key, String(number)))
      case .double(let number): pairs.append((key, String(number)))
      case .string(let text): pairs.append((key, text))
      case .array(let elements): for element in elements { walk(key, element) }
      case .object(let object):
        for name in object.keys { if let member = object[name] { walk(key.isEmpty ? name : "\(key).\(name)", member) } }
      }
    }
    walk("", self)
    return pairs
  }
}
