// SPDX-License-Identifier: Apache-2.0

/// The shape of a value on the wire.
public indirect enum QAPIType: Hashable, Sendable {
  case string, integer, number, boolean, null, any
  case enumeration(name: String, values: [String])
  case array(QAPIType)
  case object(name: String, members: [Member], variants: Variants? = nil)

  public struct Member: Hashable, Sendable {
    public var name: String
    public var type: QAPIType
    public var isOptional: Bool
    public init(name: String, type: QAPIType, isOptional: Bool = false) {
      (self.name, self.type, self.isOptional) = (name, type, isOptional)
    }
  }

  /// The members that depend on the value of one enumeration member.
  public struct Variants: Hashable, Sendable {
    public var tag: String
    public var cases: [Case]
    public struct Case: Hashable, Sendable {
      public var value: String
      public var type: QAPIType
      public init(value: String, type: QAPIType) { (self.value, self.type) = (value, type) }
    }
    public init(tag: String, cases: [Case]) { (self.tag, self.cases) = (tag, cases) }
  }
}

/// A type that says its shape itself, because `Decodable` cannot show it: unions.
public protocol QAPIDescribed {
  static var qapiType: QAPIType { get }
}

/// A command's shape, for introspection.
public struct CommandSchema: Hashable, Sendable {
  public var name: String
  public var allowsOOB: Bool
  public var arguments: QAPIType
  public var returns: QAPIType

  public init(name: String, allowsOOB: Bool, arguments: QAPIType, returns: QAPIType) {
    (self.name, self.allowsOOB) = (name, allowsOOB)
    (self.arguments, self.returns) = (arguments, returns)
  }
}

/// A decoder that has no data. It answers every question with a placeholder and writes down what was asked, which shows
/// the names, types and optionality of a type's members without a second description of them.
public enum SchemaProbe {
  public static func describe<T: Decodable>(_ type: T.Type) -> QAPIType { probe(type).type }

  fileprivate static func probe<T: Decodable>(_ type: T.Type) -> (type: QAPIType, placeholder: T?) {
    if let described = type as? any QAPIDescribed.Type { return (described.qapiType, nil) }
    if let words = type as? any QMPEnum.Type { return enumeration(words) }
    switch type {
    case is String.Type: return (.string, "" as? T)
    case is Bool.Type: return (.boolean, false as? T)
    case is Double.Type: return (.number, 0.0 as? T)
    case is JSON.Type: return (.any, JSON.null as? T)
    case let type as any FixedWidthInteger.Type: return (.integer, zero(type) as? T)
    case let type as any ProbedArray.Type: return (.array(type.elementType), type.empty as? T)
    default: break
    }
    let notes = Notes()
    let placeholder = try? T(from: Probe(notes: notes))
    return (.object(name: String(describing: type), members: notes.members), placeholder)
  }

  private static func zero<I: FixedWidthInteger>(_ type: I.Type) -> I { 0 }

  private static func enumeration<E: QMPEnum, T>(_ words: E.Type) -> (QAPIType, T?) {
    let values = words.allCases.map(\.rawValue)
    return (.enumeration(name: String(describing: words), values: values), words.allCases.first as? T)
  }

  fileprivate final class Notes {
    var members: [QAPIType.Member] = []
  }

  /// Thrown where no placeholder can be made; what was noted before it stays.
  private struct Unanswerable: Error {}

  private struct Probe: Decoder {
    let notes: Notes
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }
    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
      KeyedDecodingContainer(Keyed<Key>(notes: notes))
    }
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw Unanswerable() }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw Unanswerable() }
  }

  private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let notes: Notes
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { [] }
    func contains(_ key: Key) -> Bool { true }
    func decodeNil(forKey key: Key) throws -> Bool { false }

    private func note<T: Decodable>(_ type: T.Type, _ key: Key, isOptional: Bool) -> T? {
      let (shape, placeholder) = SchemaProbe.probe(type)
      notes.members.append(QAPIType.Member(name: wireName(key), type: shape, isOptional: isOptional))
      return placeholder
    }
    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
      guard let placeholder = note(type, key, isOptional: false) else { throw Unanswerable() }
      return placeholder
    }
    func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
      _ = note(type, key, isOptional: true)
      return nil
    }
    // `Optional` properties of the standard types come through these; each has a default that skips
    // `decodeIfPresent<T>`.
    func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? { optional(type, key) }
    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? { optional(type, key) }
    func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? { optional(type, key) }
    func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? { optional(type, key) }
    func decodeIfPresent(_ type: Int8.Type, forKey key: Key) throws -> Int8? { optional(type, key) }
    func decodeIfPresent(_ type: Int16.Type, forKey key: Key) throws -> Int16? { optional(type, key) }
    func decodeIfPresent(_ type: Int32.Type, forKey key: Key) throws -> Int32? { optional(type, key) }
    func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? { optional(type, key) }
    func decodeIfPresent(_ type: UInt.Type, forKey key: Key) throws -> UInt? { optional(type, key) }
    func decodeIfPresent(_ type: UInt8.Type, forKey key: Key) throws -> UInt8? { optional(type, key) }
    func decodeIfPresent(_ type: UInt16.Type, forKey key: Key) throws -> UInt16? { optional(type, key) }
    func decodeIfPresent(_ type: UInt32.Type, forKey key: Key) throws -> UInt32? { optional(type, key) }
    func decodeIfPresent(_ type: UInt64.Type, forKey key: Key) throws -> UInt64? { optional(type, key) }
    private func optional<T: Decodable>(_ type: T.Type, _ key: Key) -> T? {
      _ = note(type, key, isOptional: true)
      return nil
    }

    func nestedContainer<Nested: CodingKey>(
      keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { throw Unanswerable() }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw Unanswerable() }
    func superDecoder() throws -> any Decoder { throw Unanswerable() }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw Unanswerable() }
  }
}

/// Lets the probe see an array's element type.
protocol ProbedArray {
  static var elementType: QAPIType { get }
  static var empty: Self { get }
}

extension Array: ProbedArray where Element: Decodable {
  static var elementType: QAPIType { SchemaProbe.describe(Element.self) }
  static var empty: [Element] { [] }
}
