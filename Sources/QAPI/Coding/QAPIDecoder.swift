// SPDX-License-Identifier: Apache-2.0

/// Fills a `Decodable` type from JSON as QAPI does: strictly. A member that the type did not ask for is an error, and
/// every error is a `QMPError` that names the member by its path (`keys[0].data`).
public struct QAPIDecoder: Decoder {
  /// Notes which members were asked for.
  final class Members {
    let object: JSONObject
    var visited: Set<String> = []
    init(_ object: JSONObject) { self.object = object }
  }

  let value: JSON
  /// `keys[0].data`; empty at the root.
  let path: String
  private let members: Members?

  public var codingPath: [any CodingKey] { [] }
  public var userInfo: [CodingUserInfoKey: Any] { [:] }

  private init(_ value: JSON, path: String) {
    (self.value, self.path) = (value, path)
    members = value.object.map(Members.init)
  }

  /// Decodes a whole value.
  public static func decode<T: Decodable>(_ type: T.Type, from value: JSON) throws(QMPError) -> T {
    do {
      return try decode(type, value, name: "null", path: "")
    } catch let error as QMPError {
      throw error
    } catch {
      // Only a hand-written `init(from:)` can throw anything else.
      throw QMPError("Invalid parameters: \(error)")
    }
  }

  /// `name` is the member's own name, `path` the way to it.
  static func decode<T: Decodable>(_ type: T.Type, _ value: JSON, name: String, path: String) throws -> T {
    if type == JSON.self, let value = value as? T { return value }
    if let words = type as? any QMPEnum.Type {
      guard let word = value.string else { throw QMPError.invalidParameterType(path, expected: "string") }
      guard let result = words.init(rawValue: word) as? T else { throw QMPError.unknownValue(name, word) }
      return result
    }
    if let scalar = try scalar(type, value, path: path) { return scalar }
    let decoder = QAPIDecoder(value, path: path)
    let result = try T(from: decoder)
    try decoder.rejectRest()
    return result
  }

  private func rejectRest() throws(QMPError) {
    guard let members, members.visited.count < members.object.count else { return }
    if let first = members.object.keys.first(where: { !members.visited.contains($0) }) {
      throw .unexpectedParameter(join(first))
    }
  }

  func join(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

  /// The types that are not made of others; nil for those that are.
  private static func scalar<T>(_ type: T.Type, _ value: JSON, path: String) throws(QMPError) -> T? {
    func need<V>(_ value: V?, _ expected: String) throws(QMPError) -> T? {
      guard let value = value as? T else { throw .invalidParameterType(path, expected: expected) }
      return value
    }
    switch type {
    case is String.Type: return try need(value.string, "string")
    case is Bool.Type: return try need(value.bool, "boolean")
    case is Int.Type: return try need(value.int.map(Int.init), "integer")
    case is Int64.Type: return try need(value.int, "integer")
    case is UInt64.Type: return try need(unsigned(value), "integer")
    case is UInt.Type: return try need(unsigned(value).map(UInt.init), "integer")
    case is Double.Type: return try need(number(value), "number")
    case let type as any FixedWidthInteger.Type:
      guard let integer = value.int else { throw .invalidParameterType(path, expected: "integer") }
      guard let result = narrow(integer, type) as? T else {
        let prefix = type.isSigned ? "int" : "uint"
        throw .invalidParameter(path, expected: "\(prefix)\(type.bitWidth)_t")
      }
      return result
    default: return nil
    }
  }

  private static func narrow<I: FixedWidthInteger>(_ value: Int64, _ type: I.Type) -> I? { I(exactly: value) }

  /// A negative number means its two's complement, as it always has.
  private static func unsigned(_ value: JSON) -> UInt64? {
    switch value {
    case .int(let value): UInt64(bitPattern: value)
    case .uint(let value): value
    default: nil
    }
  }

  private static func number(_ value: JSON) -> Double? {
    switch value {
    case .int(let value): Double(value)
    case .uint(let value): Double(value)
    case .double(let value): value
    default: nil
    }
  }

  public func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard let members else { throw QMPError.invalidParameterType(path, expected: "object") }
    return KeyedDecodingContainer(Keyed<Key>(decoder: self, members: members))
  }
  public func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    guard let array = value.array else { throw QMPError.invalidParameterType(path, expected: "array") }
    return Unkeyed(decoder: self, elements: array)
  }
  public func singleValueContainer() throws -> any SingleValueDecodingContainer { Single(decoder: self) }

  private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: QAPIDecoder
    let members: Members

    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { members.object.keys.compactMap(Key.init(stringValue:)) }
    func contains(_ key: Key) -> Bool { members.object[wireName(key)] != nil }

    private func member(_ key: Key) throws(QMPError) -> (JSON, String) {
      let name = wireName(key)
      guard let value = members.object[name] else { throw .missingParameter(decoder.join(name)) }
      members.visited.insert(name)
      return (value, name)
    }

    /// QAPI has no "absent or null": a null that is there must fit the type.
    func decodeNil(forKey key: Key) throws -> Bool { !contains(key) }
    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
      let (value, name) = try member(key)
      return try QAPIDecoder.decode(type, value, name: name, path: decoder.join(name))
    }
    func nestedContainer<Nested: CodingKey>(
      keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
      let (value, name) = try member(key)
      return try QAPIDecoder(value, path: decoder.join(name)).container(keyedBy: type)
    }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
      let (value, name) = try member(key)
      return try QAPIDecoder(value, path: decoder.join(name)).unkeyedContainer()
    }
    func superDecoder() throws -> any Decoder { decoder }
    func superDecoder(forKey key: Key) throws -> any Decoder {
      let (value, name) = try member(key)
      return QAPIDecoder(value, path: decoder.join(name))
    }
  }

  private struct Unkeyed: UnkeyedDecodingContainer {
    let decoder: QAPIDecoder
    let elements: [JSON]
    var currentIndex = 0

    var codingPath: [any CodingKey] { [] }
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }

    private mutating func element() throws(QMPError) -> (JSON, String) {
      guard !isAtEnd else { throw .missingParameter("\(decoder.path)[\(currentIndex)]") }
      defer { currentIndex += 1 }
      return (elements[currentIndex], "\(decoder.path)[\(currentIndex)]")
    }

    mutating func decodeNil() throws -> Bool { false }
    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
      let (value, path) = try element()
      return try QAPIDecoder.decode(type, value, name: "null", path: path)
    }
    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws -> KeyedDecodingContainer<Nested>
    {
      let (value, path) = try element()
      return try QAPIDecoder(value, path: path).container(keyedBy: type)
    }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
      let (value, path) = try element()
      return try QAPIDecoder(value, path: path).unkeyedContainer()
    }
    mutating func superDecoder() throws -> any Decoder {
      let (value, path) = try element()
      return QAPIDecoder(value, path: path)
    }
  }

  private struct Single: SingleValueDecodingContainer {
    let decoder: QAPIDecoder
    var codingPath: [any CodingKey] { [] }
    func decodeNil() -> Bool { decoder.value == .null }
    func decode<T: Decodable>(_ type: T.Type) throws -> T {
      try QAPIDecoder.decode(type, decoder.value, name: "null", path: decoder.path)
    }
  }
}

extension JSON: Decodable {
  /// Any value; only our own decoder can do this.
  public init(from decoder: any Decoder) throws {
    guard let decoder = decoder as? QAPIDecoder else {
      throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "not a QAPI decoder"))
    }
    self = decoder.value
  }
}
