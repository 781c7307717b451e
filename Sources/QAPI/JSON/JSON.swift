// SPDX-License-Identifier: Apache-2.0

/// A JSON value (RFC 8259) as QMP uses it: integers keep all 64 bits, and numbers written as reals stay reals.
public enum JSON: Sendable, Hashable {
  case null
  case bool(Bool)
  case int(Int64)
  /// Only for integers above `Int64.max`; smaller ones are `.int`.
  case uint(UInt64)
  case double(Double)
  case string(String)
  case array([JSON])
  case object(JSONObject)
}

extension JSON {
  public var object: JSONObject? {
    if case .object(let object) = self { object } else { nil }
  }
  public var array: [JSON]? {
    if case .array(let array) = self { array } else { nil }
  }
  public var string: String? {
    if case .string(let string) = self { string } else { nil }
  }
  public var bool: Bool? {
    if case .bool(let bool) = self { bool } else { nil }
  }
  public var int: Int64? {
    if case .int(let int) = self { int } else { nil }
  }

  /// A member of an object; nil when absent or when this is no object.
  public subscript(key: String) -> JSON? { object?[key] }
  /// An element of an array; nil when out of range or when this is no array.
  public subscript(index: Int) -> JSON? {
    guard let array, array.indices.contains(index) else { return nil }
    return array[index]
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral, ExpressibleByFloatLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int64) { self = .int(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(floatLiteral value: Double) { self = .double(value) }
  public init(nilLiteral: ()) { self = .null }
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
  /// Of two equal keys the later one wins.
  public init(dictionaryLiteral elements: (String, JSON)...) {
    var object = JSONObject()
    for (key, value) in elements { object[key] = value }
    self = .object(object)
  }

  public init(_ value: some BinaryInteger) {
    if let value = Int64(exactly: value) {
      self = .int(value)
    } else if let value = UInt64(exactly: value) {
      self = .uint(value)
    } else {
      self = .double(Double(value))
    }
  }
}

/// An object's members in the order they were set.
public struct JSONObject: Sendable {
  public private(set) var keys: [String] = []
  public private(set) var values: [JSON] = []
  /// Positions by key, kept only for objects too long to be searched from end to end.
  private var positions: [String: Int]?
  private static let longestSearched = 16

  public init() {}

  /// The names of the members of many objects.
  public struct Shape: Sendable {
    fileprivate let keys: [String]
    /// - Parameter keys: no two of them equal, and few.
    public init(_ keys: [String]) {
      precondition(keys.count <= longestSearched && Set(keys).count == keys.count, "a shape has few keys, each once")
      self.keys = keys
    }
  }

  /// An object with the members of a shape.
  public init(_ shape: Shape, _ values: [JSON]) {
    precondition(values.count == shape.keys.count, "each member of a shape has a value")
    (keys, self.values) = (shape.keys, values)
  }

  public var count: Int { keys.count }
  public var isEmpty: Bool { keys.isEmpty }

  private func position(of key: String) -> Int? { positions.map { $0[key] } ?? keys.firstIndex(of: key) }

  /// Setting nil is not supported: members are only added or replaced.
  public subscript(key: String) -> JSON? {
    get { position(of: key).map { values[$0] } }
    set {
      guard let newValue else { preconditionFailure("members of a JSON object are not removed") }
      if let position = position(of: key) {
        values[position] = newValue
        return
      }
      keys.append(key)
      values.append(newValue)
      if positions != nil {
        positions?[key] = keys.count - 1
      } else if keys.count > Self.longestSearched {
        positions = Dictionary(uniqueKeysWithValues: zip(keys, keys.indices))
      }
    }
  }

  /// Positions in the order QMP servers of the QEMU family write members: by hash bucket, later members first within
  /// one. JSON gives order no meaning, but recorded transcripts and text-matching clients do.
  public var writingOrder: [Int] {
    if count < 2 { return Array(keys.indices) }
    // What decides, and the position, in one number.
    return keys.enumerated().map { index, key in
      UInt64(JSONObject.bucket(of: key)) << 32 | UInt64(UInt32.max - UInt32(truncatingIfNeeded: index))
    }.sorted().map { Int(UInt32.max - UInt32(truncatingIfNeeded: $0)) }
  }

  /// The hash function of the Trivial Database library, folded into 512 buckets.
  private static func bucket(of key: String) -> UInt32 {
    var hash: UInt32 = 0x238F_13AF &* UInt32(truncatingIfNeeded: key.utf8.count)
    var shift: UInt32 = 0
    for byte in key.utf8 {
      hash &+= UInt32(byte) &<< shift
      shift = (shift + 5) % 24
    }
    return (hash &* 1_103_515_243 &+ 12345) % 512
  }
}

extension JSONObject: Hashable {
  /// Order does not matter.
  public static func == (a: JSONObject, b: JSONObject) -> Bool {
    a.count == b.count && zip(a.keys, a.values).allSatisfy { b[$0] == $1 }
  }
  public func hash(into hasher: inout Hasher) {
    hasher.combine(Set(keys))
  }
}
