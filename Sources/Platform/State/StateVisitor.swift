// SPDX-License-Identifier: Apache-2.0

/// Walks over the fields of a state value: the one function that visits them saves, loads and describes it.
///
/// A visitor that saves reads the fields; one that loads overwrites them. Names are part of the saved format.
public protocol StateVisitor {
  /// True when fields are being overwritten from an image; range checks after a field matter only then.
  var isLoading: Bool { get }
  /// Version of the field list that is visited: the device's own when saving, the image's when loading.
  var version: Int { get }
  /// Visits an integer, saved in its own width.
  mutating func field<T: FixedWidthInteger>(_ name: StaticString, _ value: inout T) throws(StateError)
  mutating func field(_ name: StaticString, _ value: inout Bool) throws(StateError)
  /// Visits bytes whose count is fixed by the device: an image with another count is refused.
  mutating func bytes(_ name: StaticString, _ value: inout [UInt8]) throws(StateError)
  /// Visits bytes whose count varies, up to `limit`.
  mutating func buffer(_ name: StaticString, _ value: inout [UInt8], limit: Int) throws(StateError)
}

extension StateVisitor {
  /// The newest.
  public var version: Int { .max }
}

/// Fields that newer versions of a device add. An image of an older version has no such field; what the device did before
/// there was one is the value then. A field that is no more is still read: `if visitor.version < 3 { … }`.
extension StateVisitor {
  /// Visits an integer that version `version` added.
  public mutating func field<T: FixedWidthInteger>(
    _ name: StaticString, _ value: inout T, since version: Int, before: T
  ) throws(StateError) {
    guard self.version >= version else { return value = before }
    try field(name, &value)
  }

  /// Visits a truth value that version `version` added.
  public mutating func field(
    _ name: StaticString, _ value: inout Bool, since version: Int, before: Bool
  ) throws(StateError) {
    guard self.version >= version else { return value = before }
    try field(name, &value)
  }

  /// Visits bytes, whose count the device fixes, that version `version` added.
  public mutating func bytes(
    _ name: StaticString, _ value: inout [UInt8], since version: Int, before: [UInt8]
  ) throws(StateError) {
    guard self.version >= version else { return value = before }
    try bytes(name, &value)
  }

  /// Visits bytes, whose count varies, that version `version` added.
  public mutating func buffer(
    _ name: StaticString, _ value: inout [UInt8], limit: Int, since version: Int, before: [UInt8]
  ) throws(StateError) {
    guard self.version >= version else { return value = before }
    try buffer(name, &value, limit: limit)
  }
}

/// Enumerations, optionals and arrays in terms of the four primitives.
extension StateVisitor {
  /// Visits an enumeration by its raw value; an image with an unknown raw value is refused.
  public mutating func field<E: RawRepresentable>(_ name: StaticString, choice value: inout E) throws(StateError)
  where E.RawValue: FixedWidthInteger {
    var raw = value.rawValue
    try field(name, &raw)
    guard isLoading else { return }
    guard let loaded = E(rawValue: raw) else { throw .outOfRange("\(name)") }
    value = loaded
  }

  /// Visits an optional integer as a presence flag and a value.
  public mutating func field<T: FixedWidthInteger>(_ name: StaticString, optional value: inout T?) throws(StateError) {
    var present = value != nil
    var number = value ?? 0
    try field(name, &present)
    try field(name, &number)
    if isLoading { value = present ? number : nil }
  }

  /// Visits an array of integers whose count is fixed by the device.
  public mutating func array<T: FixedWidthInteger>(_ name: StaticString, _ values: inout [T]) throws(StateError) {
    for index in values.indices { try field(name, &values[index]) }
  }
}

/// The saved part of a device: everything the guest can observe, nothing of the host.
public protocol DeviceState: Equatable {
  /// Name of the section in a saved machine, as QEMU names the device where it has one.
  static var name: StaticString { get }
  /// Version of the field list; raised when a field is added (`field(_:_:since:before:)`), so that older images still load.
  static var version: Int { get }
  /// Visits every field in a fixed order and, when loading, validates what was read.
  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError)
}

/// Why a state image was refused.
public enum StateError: Error, Equatable, CustomStringConvertible {
  /// The image ended inside the named field.
  case truncated(String)
  /// The image has another field, type or length where the named one belongs.
  case mismatch(String)
  /// The named field has a value the device cannot have.
  case outOfRange(String)
  /// Bytes remain after the last field.
  case trailingBytes
  /// The section is of a version this build cannot load.
  case unknownVersion(Int)

  public var description: String {
    switch self {
    case .truncated(let name): "The state image ends inside field '\(name)'"
    case .mismatch(let name): "The state image does not have field '\(name)' where it belongs"
    case .outOfRange(let name): "Field '\(name)' of the state image is out of range"
    case .trailingBytes: "The state image has bytes after its last field"
    case .unknownVersion(let version): "Version \(version) of the state image is not known"
    }
  }
}
