// SPDX-License-Identifier: Apache-2.0
import X86

/// Saves a processor's state as named bytes.
struct StateRecorder: CPUStateVisitor {
  enum Failure: Error { case invalid(String) }

  var fields: [(name: String, bytes: [UInt8])] = []

  mutating func field(_ name: StaticString, _ value: inout UInt64) throws(Failure) {
    fields.append((name.description, (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }))
  }
  mutating func bytes(_ name: StaticString, _ value: inout [UInt8]) throws(Failure) {
    fields.append((name.description, value))
  }
  func invalid(_ name: StaticString) -> Failure { .invalid(name.description) }

  static func save(_ processor: Processor) throws -> [(name: String, bytes: [UInt8])] {
    var recorder = StateRecorder()
    try processor.visit(&recorder)
    return recorder.fields
  }

  /// The names of fields that differ.
  static func differences(
    _ first: [(name: String, bytes: [UInt8])], _ second: [(name: String, bytes: [UInt8])]
  ) -> [String] {
    zip(first, second).filter { $0.bytes != $1.bytes }.map { $0.0.name }
  }
}

/// Loads what `StateRecorder` saved.
struct StateLoader: CPUStateVisitor {
  typealias Failure = StateRecorder.Failure

  var fields: [(name: String, bytes: [UInt8])]
  var version: Int
  private var position = 0

  init(_ fields: [(name: String, bytes: [UInt8])], version: Int = Processor.stateVersion) {
    (self.fields, self.version) = (fields, version)
  }

  private mutating func next(_ name: StaticString) throws(Failure) -> [UInt8] {
    guard position < fields.count, fields[position].name == name.description else { throw invalid(name) }
    position += 1
    return fields[position - 1].bytes
  }
  mutating func field(_ name: StaticString, _ value: inout UInt64) throws(Failure) {
    let bytes = try next(name)
    guard bytes.count == 8 else { throw invalid(name) }
    value = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << UInt64(8 * $1) }
  }
  mutating func bytes(_ name: StaticString, _ value: inout [UInt8]) throws(Failure) { value = try next(name) }
  func invalid(_ name: StaticString) -> Failure { .invalid(name.description) }
}
