// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing

private enum Choice: UInt8 { case one = 1, two }

private struct Sample: DeviceState {
  static let name: StaticString = "sample"
  static let version = 3
  var byte: UInt8 = 1
  var word: Int32 = -2
  var flag = false
  var fixed: [UInt8] = [1, 2, 3]
  var varying: [UInt8] = []
  var choice = Choice.one
  var maybe: Int64?
  var numbers: [UInt16] = [5, 6]

  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    try visitor.field("byte", &byte)
    try visitor.field("word", &word)
    try visitor.field("flag", &flag)
    try visitor.bytes("fixed", &fixed)
    try visitor.buffer("varying", &varying, limit: 4)
    try visitor.field("choice", choice: &choice)
    try visitor.field("maybe", optional: &maybe)
    try visitor.array("numbers", &numbers)
    if visitor.isLoading, byte == 99 { throw .outOfRange("byte") }
  }
}

private final class SampleDevice: Device {
  var state = Sample()
  var loads = 0
  func reset(_ kind: ResetKind) { state = Sample() }
  func stateDidLoad() { loads += 1 }
}

@Suite struct StateTests {
  private func saved(_ change: (inout Sample) -> Void = { _ in }) -> [UInt8] {
    let device = SampleDevice()
    change(&device.state)
    return device.save()
  }

  private func error(_ image: [UInt8]) -> StateError? {
    let device = SampleDevice()
    device.state.byte = 42
    let before = device.state
    do throws(StateError) {
      try device.load(image)
      return nil
    } catch {
      #expect(device.state == before)
      #expect(device.loads == 0)
      return error
    }
  }

  @Test func `a state survives`() throws {
    let device = SampleDevice()
    device.state = Sample(
      byte: 200, word: .min, flag: true, fixed: [9, 8, 7], varying: [1, 2, 3, 4], choice: .two, maybe: -5,
      numbers: [1, 0xffff])
    let copy = SampleDevice()
    try copy.load(device.save())
    #expect(copy.state == device.state)
    #expect(copy.loads == 1)
    device.state.maybe = nil
    try copy.load(device.save())
    #expect(copy.state.maybe == nil)
  }

  @Test func `the format is names, widths and little-endian values`() {
    let image = saved()
    #expect(Array(image.prefix(12)) == [6] + Array("sample".utf8) + [4, 3, 0, 0, 0])
    #expect(Array(image.dropFirst(12).prefix(7)) == [4] + Array("byte".utf8) + [1, 1])
  }

  @Test func `every truncation is refused`() {
    let image = saved()
    for count in 0..<image.count {
      let failure = error(Array(image.prefix(count)))
      if case .truncated = failure { continue }
      Issue.record("\(count) bytes gave \(String(describing: failure))")
    }
  }

  @Test func `what does not fit is refused by name`() {
    let image = saved()
    #expect(error(image + [0]) == .trailingBytes)
    var other = image
    other[8] = 4
    #expect(error(other) == .unknownVersion(4))
    other = image
    other[1] ^= 1
    #expect(error(other) == .mismatch("sample"))
    #expect(error(saved { $0.byte = 99 }) == .outOfRange("byte"))
    #expect(error(saved { $0.fixed = [1, 2] }) == .mismatch("fixed"))
    #expect(error(saved { $0.fixed = [1, 2, 3, 4] }) == .outOfRange("fixed"))
  }

  @Test(
    arguments: [
      ("flag", 2, StateError.outOfRange("flag")), ("choice", 3, .outOfRange("choice")),
      ("varying", 5, .outOfRange("varying")),
    ] as [(String, UInt8, StateError)])
  func `values that cannot be are refused`(_ field: String, _ value: UInt8, _ expected: StateError) throws {
    var image = saved()
    let name = Array(field.utf8)
    let start = try #require(image.indices.first { image[$0...].starts(with: name) })
    image[start + name.count + 1] = value
    #expect(error(image) == expected)
  }

  @Test func `errors say what is wrong`() {
    #expect("\(StateError.truncated("irr"))" == "The state image ends inside field 'irr'")
    #expect("\(StateError.unknownVersion(9))" == "Version 9 of the state image is not known")
  }
}
