// SPDX-License-Identifier: Apache-2.0

/// Writes the fields of a state value as self-describing bytes: name length, name, kind or width, value (little-endian).
public struct StateWriter: StateVisitor {
  public private(set) var image: [UInt8] = []
  public var isLoading: Bool { false }

  public init() {}

  private mutating func header(_ name: StaticString, kind: UInt8) {
    name.withUTF8Buffer { text in
      image.append(UInt8(truncatingIfNeeded: text.count))
      image.append(contentsOf: text.prefix(255))
    }
    image.append(kind)
  }

  public mutating func field<T: FixedWidthInteger>(_ name: StaticString, _ value: inout T) throws(StateError) {
    header(name, kind: UInt8(truncatingIfNeeded: T.bitWidth / 8))
    let word = UInt64(truncatingIfNeeded: value)
    for index in 0..<(T.bitWidth / 8) { image.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * index))) }
  }

  public mutating func field(_ name: StaticString, _ value: inout Bool) throws(StateError) {
    header(name, kind: StateKind.bool)
    image.append(value ? 1 : 0)
  }

  public mutating func bytes(_ name: StaticString, _ value: inout [UInt8]) throws(StateError) {
    try buffer(name, &value, limit: value.count)
  }

  public mutating func buffer(_ name: StaticString, _ value: inout [UInt8], limit: Int) throws(StateError) {
    guard value.count <= limit else { throw .outOfRange("\(name)") }
    header(name, kind: StateKind.bytes)
    let count = UInt32(truncatingIfNeeded: value.count)
    for index in 0..<4 { image.append(UInt8(truncatingIfNeeded: count >> UInt32(8 * index))) }
    image.append(contentsOf: value)
  }
}

enum StateKind {
  static let bool: UInt8 = 0x80
  static let bytes: UInt8 = 0x81
}

/// Reads what `StateWriter` wrote, in the same order; anything unexpected is a typed error.
public struct StateReader: StateVisitor {
  private let image: [UInt8]
  private var position = 0
  public var isLoading: Bool { true }
  /// Of the field list that follows.
  public private(set) var version = Int.max

  public init(_ image: [UInt8]) { self.image = image }

  /// Bytes not yet read.
  public var remaining: Int { image.count - position }

  private mutating func take(_ count: Int, _ name: StaticString) throws(StateError) -> ArraySlice<UInt8> {
    guard count <= image.count - position else { throw .truncated("\(name)") }
    defer { position += count }
    return image[position..<position + count]
  }

  private mutating func header(_ name: StaticString, kind: UInt8) throws(StateError) {
    let nameCount = name.utf8CodeUnitCount
    guard try take(1, name).first == UInt8(truncatingIfNeeded: nameCount) else { throw .mismatch("\(name)") }
    let text = try take(nameCount, name)
    guard name.withUTF8Buffer({ text.elementsEqual($0) }) else { throw .mismatch("\(name)") }
    guard try take(1, name).first == kind else { throw .mismatch("\(name)") }
  }

  public mutating func field<T: FixedWidthInteger>(_ name: StaticString, _ value: inout T) throws(StateError) {
    try header(name, kind: UInt8(truncatingIfNeeded: T.bitWidth / 8))
    var word: UInt64 = 0
    for (index, byte) in try take(T.bitWidth / 8, name).enumerated() { word |= UInt64(byte) << UInt64(8 * index) }
    value = T(truncatingIfNeeded: word)
  }

  public mutating func field(_ name: StaticString, _ value: inout Bool) throws(StateError) {
    try header(name, kind: StateKind.bool)
    switch try take(1, name).first {
    case 0: value = false
    case 1: value = true
    default: throw .outOfRange("\(name)")
    }
  }

  public mutating func bytes(_ name: StaticString, _ value: inout [UInt8]) throws(StateError) {
    let expected = value.count
    var loaded: [UInt8] = []
    try buffer(name, &loaded, limit: expected)
    guard loaded.count == expected else { throw .mismatch("\(name)") }
    value = loaded
  }

  public mutating func buffer(_ name: StaticString, _ value: inout [UInt8], limit: Int) throws(StateError) {
    try header(name, kind: StateKind.bytes)
    var count = 0
    for (index, byte) in try take(4, name).enumerated() { count |= Int(byte) << (8 * index) }
    guard count <= limit else { throw .outOfRange("\(name)") }
    value = Array(try take(count, name))
  }

  /// Reads a section's first field, its name with the version of its field list, which must be 1...newest.
  public mutating func version(_ name: StaticString, upTo newest: Int) throws(StateError) {
    var found: UInt32 = 0
    try field(name, &found)
    guard found >= 1, Int(found) <= newest else { throw .unknownVersion(Int(found)) }
    version = Int(found)
  }

  /// Refuses an image that is longer than the fields that were read.
  public func finish() throws(StateError) {
    guard position == image.count else { throw .trailingBytes }
  }
}
