// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing

/// A device as it was first.
private struct First: DeviceState {
  static let name: StaticString = "grown"
  static let version = 1
  var count: UInt16 = 7
  var mode: UInt8 = 3

  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    try visitor.field("mode", &mode)
    try visitor.field("count", &count)
  }
}

/// The same device two versions later: `mode` went, four fields came.
private struct Third: DeviceState {
  static let name: StaticString = "grown"
  static let version = 3
  var count: UInt16 = 7
  var limit: UInt32 = 100
  var isOn = true
  var key: [UInt8] = [1, 2]
  var queue: [UInt8] = [9]

  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    if visitor.version < 3 {
      var mode: UInt8 = 0
      try visitor.field("mode", &mode)
    }
    try visitor.field("limit", &limit, since: 2, before: 55)
    try visitor.field("count", &count)
    try visitor.field("on", &isOn, since: 3, before: false)
    try visitor.bytes("key", &key, since: 3, before: [0, 0])
    try visitor.buffer("queue", &queue, limit: 4, since: 3, before: [])
  }
}

private final class Chip<S: DeviceState>: Device {
  var state: S
  init(_ state: S) { self.state = state }
  func reset(_ kind: ResetKind) {}
  func stateDidLoad() {}
}

@Suite struct StateVersionTests {
  @Test func `an image of an older version loads, new fields have the value of before`() throws {
    let chip = Chip(Third())
    try chip.load(Chip(First(count: 12, mode: 1)).save())
    #expect(chip.state == Third(count: 12, limit: 55, isOn: false, key: [0, 0], queue: []))
  }

  @Test func `an image of this version has all fields`() throws {
    let state = Third(count: 1, limit: 2, isOn: true, key: [3, 4], queue: [5, 6, 7])
    let image = Chip(state).save()
    let chip = Chip(Third())
    try chip.load(image)
    #expect(chip.state == state)
    #expect(try StateField.decode(image).map(\.name) == ["grown", "limit", "count", "on", "key", "queue"])
  }

  @Test func `a version of the future and version 0 are refused`() {
    #expect(throws: StateError.unknownVersion(3)) { try Chip(First()).load(Chip(Third()).save()) }
    var image = Chip(First()).save()
    image[7] = 0
    #expect(throws: StateError.unknownVersion(0)) { try Chip(First()).load(image) }
  }

  @Test func `a section describes itself`() throws {
    let fields = try StateField.decode(Chip(Third()).save())
    #expect(
      fields == [
        .init(name: "grown", value: .integer(3, bitWidth: 32)),
        .init(name: "limit", value: .integer(100, bitWidth: 32)),
        .init(name: "count", value: .integer(7, bitWidth: 16)), .init(name: "on", value: .flag(true)),
        .init(name: "key", value: .bytes([1, 2])), .init(name: "queue", value: .bytes([9])),
      ])
    #expect(throws: StateError.truncated("key")) { try StateField.decode(Array(Chip(Third()).save().dropLast())) }
    #expect(throws: StateError.mismatch("grown")) {
      var image = Chip(Third()).save()
      image[12] = 10
      return try StateField.decode(image)
    }
  }
}
