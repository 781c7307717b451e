// SPDX-License-Identifier: Apache-2.0

/// A field of a saved section as it describes itself: what a reader sees that knows no device.
public struct StateField: Equatable, Sendable {
  public enum Value: Equatable, Sendable {
    /// In its own width, 8...64 bits; whether it is signed is not saved.
    case integer(UInt64, bitWidth: Int)
    case flag(Bool)
    case bytes([UInt8])
  }

  public var name: String
  public var value: Value

  public init(name: String, value: Value) { (self.name, self.value) = (name, value) }

  /// All fields of a section, the first of which is its name and version. Names are checked to be text that can be shown.
  /// More than `limit` are refused: a hostile image must not make us allocate.
  public static func decode(_ image: [UInt8], limit: Int = 1_000_000) throws(StateError) -> [StateField] {
    var fields: [StateField] = []
    var rest = image[...]
    func take(_ count: Int) throws(StateError) -> ArraySlice<UInt8> {
      guard count <= rest.count else { throw .truncated(fields.last?.name ?? "") }
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count)
    }
    func integer(_ byteCount: Int) throws(StateError) -> UInt64 {
      try take(byteCount).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    while !rest.isEmpty {
      let text = try take(Int(try integer(1)))
      guard text.allSatisfy({ (0x20..<0x7f).contains($0) }) else { throw .mismatch(fields.last?.name ?? "") }
      let name = String(decoding: text, as: UTF8.self)
      guard fields.count < limit else { throw .outOfRange(name) }
      let kind = UInt8(truncatingIfNeeded: try integer(1))
      let value: Value
      switch kind {
      case 1...8: value = .integer(try integer(Int(kind)), bitWidth: Int(kind) * 8)
      case StateKind.bool: value = .flag(try integer(1) != 0)
      case StateKind.bytes: value = .bytes(Array(try take(Int(try integer(4)))))
      default: throw .mismatch(name)
      }
      fields.append(StateField(name: name, value: value))
    }
    return fields
  }
}
