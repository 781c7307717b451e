// SPDX-License-Identifier: Apache-2.0

/// A value that makes its own JSON, for those of which a reply has hundreds. It must be what its `encode(to:)` would give.
public protocol DirectlyEncoded: Encodable {
  var json: JSON { get }
}

/// Turns an `Encodable` value into JSON, members in declaration order, absent optionals left out.
public struct QAPIEncoder: Encoder {
  /// A place in the tree under construction.
  final class Node {
    enum Content {
      case value(JSON)
      case object([(name: String, node: Node)])
      case array([Node])
    }
    var content = Content.object([])

    var json: JSON {
      switch content {
      case .value(let value): return value
      case .array(let elements): return .array(elements.map(\.json))
      case .object(let members):
        var object = JSONObject()
        for (name, node) in members { object[name] = node.json }
        return .object(object)
      }
    }

    func member(_ name: String) -> Node {
      let node = Node()
      if case .object(var members) = content {
        content = .value(.null)  // keeps the array uniquely referenced while it grows
        members.append((name, node))
        content = .object(members)
      } else {
        content = .object([(name, node)])
      }
      return node
    }

    func element() -> Node {
      let node = Node()
      if case .array(var elements) = content {
        content = .value(.null)
        elements.append(node)
        content = .array(elements)
      } else {
        content = .array([node])
      }
      return node
    }
  }

  private let node: Node

  public var codingPath: [any CodingKey] { [] }
  public var userInfo: [CodingUserInfoKey: Any] { [:] }

  private init(_ node: Node) { self.node = node }

  /// Encodes a whole value. Fails only when a hand-written `encode(to:)` throws.
  public static func encode(_ value: some Encodable) throws(QMPError) -> JSON {
    let root = Node()
    do { try encode(value, into: root) } catch { throw QMPError("Cannot encode the reply: \(error)") }
    return root.json
  }

  private static func encode(_ value: some Encodable, into node: Node) throws {
    switch value {
    // The common types first: to find that a type does not conform to a protocol takes long.
    case let value as String: node.content = .value(.string(value))
    case let value as Int: node.content = .value(.int(Int64(value)))
    case let value as Int64: node.content = .value(.int(value))
    case let value as Bool: node.content = .value(.bool(value))
    case let value as JSON: node.content = .value(value)
    case let value as Double: node.content = .value(.double(value))
    case let value as any DirectlyEncoded: node.content = .value(value.json)
    case let value as any QMPEnum: node.content = .value(.string(value.rawValue))
    case let value as any (BinaryInteger & Encodable): node.content = .value(JSON(value))
    default: try value.encode(to: QAPIEncoder(node))
    }
  }

  public func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    if case .object = node.content {} else { node.content = .object([]) }
    return KeyedEncodingContainer(Keyed<Key>(node: node))
  }
  public func unkeyedContainer() -> any UnkeyedEncodingContainer {
    node.content = .array([])
    return Unkeyed(node: node)
  }
  public func singleValueContainer() -> any SingleValueEncodingContainer { Single(node: node) }

  private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let node: Node
    var codingPath: [any CodingKey] { [] }
    mutating func encodeNil(forKey key: Key) throws { node.member(wireName(key)).content = .value(.null) }
    mutating func encode(_ value: some Encodable, forKey key: Key) throws {
      try QAPIEncoder.encode(value, into: node.member(wireName(key)))
    }
    mutating func nestedContainer<Nested: CodingKey>(
      keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
      QAPIEncoder(node.member(wireName(key))).container(keyedBy: type)
    }
    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
      QAPIEncoder(node.member(wireName(key))).unkeyedContainer()
    }
    mutating func superEncoder() -> any Encoder { QAPIEncoder(node) }
    mutating func superEncoder(forKey key: Key) -> any Encoder { QAPIEncoder(node.member(wireName(key))) }
  }

  private struct Unkeyed: UnkeyedEncodingContainer {
    let node: Node
    var count = 0
    var codingPath: [any CodingKey] { [] }
    private mutating func next() -> Node {
      count += 1
      return node.element()
    }
    mutating func encodeNil() throws { next().content = .value(.null) }
    mutating func encode(_ value: some Encodable) throws { try QAPIEncoder.encode(value, into: next()) }
    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
      QAPIEncoder(next()).container(keyedBy: type)
    }
    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { QAPIEncoder(next()).unkeyedContainer() }
    mutating func superEncoder() -> any Encoder { QAPIEncoder(next()) }
  }

  private struct Single: SingleValueEncodingContainer {
    let node: Node
    var codingPath: [any CodingKey] { [] }
    mutating func encodeNil() throws { node.content = .value(.null) }
    mutating func encode(_ value: some Encodable) throws { try QAPIEncoder.encode(value, into: node) }
  }
}

extension JSON: Encodable {
  /// Only our own encoder keeps any JSON value; it never comes here.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .int(let value): try container.encode(value)
    case .uint(let value): try container.encode(value)
    case .double(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value): try container.encode(Dictionary(uniqueKeysWithValues: zip(value.keys, value.values)))
    }
  }
}
