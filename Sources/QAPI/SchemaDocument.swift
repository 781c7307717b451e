// SPDX-License-Identifier: Apache-2.0

/// Builds the answer of `query-qmp-schema` (qapi/introspect.json): a flat list of entities that refer to each other by
/// name. Names of types carry no meaning there, so they are numbers; equal types share one entity.
public struct SchemaDocument {
  public private(set) var entities: [JSON] = []
  private var names: [QAPIType: String] = [:]

  public init() {}

  public mutating func add(_ command: CommandSchema) {
    var entity: [(String, JSON)] = [("name", .string(command.name)), ("meta-type", "command")]
    entity.append(("arg-type", .string(name(of: command.arguments))))
    entity.append(("ret-type", .string(name(of: command.returns))))
    if command.allowsOOB { entity.append(("allow-oob", true)) }
    add(entity)
  }

  public mutating func add(event: any QMPEvent.Type) {
    add([
      ("name", .string(event.name)), ("meta-type", "event"),
      ("arg-type", .string(name(of: SchemaProbe.describe(event)))),
    ])
  }

  private mutating func add(_ members: [(String, JSON)]) {
    var object = JSONObject()
    for (key, value) in members { object[key] = value }
    entities.append(.object(object))
  }

  private mutating func name(of type: QAPIType) -> String {
    if let name = names[type] { return name }
    switch type {
    case .string: return builtin(type, "str", "string")
    case .integer: return builtin(type, "int", "int")
    case .number: return builtin(type, "number", "number")
    case .boolean: return builtin(type, "bool", "boolean")
    case .null: return builtin(type, "null", "null")
    case .any: return builtin(type, "any", "value")
    case .array(let element):
      let elementName = name(of: element)
      names[type] = "[\(elementName)]"
      add([("name", .string("[\(elementName)]")), ("meta-type", "array"), ("element-type", .string(elementName))])
      return "[\(elementName)]"
    case .enumeration(_, let values):
      let fresh = freshName(type)
      let members = values.map { JSON.object(JSONObject([("name", .string($0))])) }
      add([
        ("name", .string(fresh)), ("meta-type", "enum"), ("members", .array(members)),
        ("values", .array(values.map(JSON.string))),
      ])
      return fresh
    case .object(_, let members, let variants):
      let fresh = freshName(type)
      var entity: [(String, JSON)] = [("name", .string(fresh)), ("meta-type", "object")]
      entity.append(("members", .array(members.map { describe($0) })))
      if let variants {
        entity.append(("tag", .string(variants.tag)))
        let cases = variants.cases.map { one in
          JSON.object(JSONObject([("case", .string(one.value)), ("type", .string(name(of: one.type)))]))
        }
        entity.append(("variants", .array(cases)))
      }
      add(entity)
      return fresh
    }
  }

  private mutating func describe(_ member: QAPIType.Member) -> JSON {
    var object = JSONObject([("name", .string(member.name)), ("type", .string(name(of: member.type)))])
    if member.isOptional { object["default"] = .null }
    return .object(object)
  }

  private mutating func freshName(_ type: QAPIType) -> String {
    let name = String(names.count)
    names[type] = name
    return name
  }

  private mutating func builtin(_ type: QAPIType, _ name: String, _ jsonType: String) -> String {
    names[type] = name
    add([("name", .string(name)), ("meta-type", "builtin"), ("json-type", .string(jsonType))])
    return name
  }
}

extension JSONObject {
  init(_ members: [(String, JSON)]) {
    self.init()
    for (key, value) in members { self[key] = value }
  }
}
