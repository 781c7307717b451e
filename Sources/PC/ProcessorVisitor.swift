// SPDX-License-Identifier: Apache-2.0
import Platform
import X86

/// Lets the processor, which knows nothing of this floor, be visited by a `StateVisitor`.
struct ProcessorVisitor<Base: StateVisitor>: CPUStateVisitor {
  /// Upper bound of the saved translations; a hostile image cannot make us allocate more.
  private static var byteLimit: Int { 1 << 20 }

  var base: Base
  var version: Int { base.version }

  mutating func field(_ name: StaticString, _ value: inout UInt64) throws(StateError) { try base.field(name, &value) }

  mutating func bytes(_ name: StaticString, _ value: inout [UInt8]) throws(StateError) {
    try base.buffer(name, &value, limit: Self.byteLimit)
  }

  func invalid(_ name: StaticString) -> StateError { .outOfRange("\(name)") }
}
