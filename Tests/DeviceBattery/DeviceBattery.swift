// SPDX-License-Identifier: Apache-2.0
import Platform

/// The checks that every device must pass. Each returns sentences that say what failed; an empty array is success.
public enum DeviceBattery {
  /// Runs all checks over `seeds`.
  ///
  /// - Parameter exempt: state fields whose loss no access can reveal (say why at the call site): names, or a name and
  ///   its number ("gate 4") where arrays repeat names.
  public static func check(
    seeds: [UInt64] = [1, 2, 3, 4], steps: Int = 1000, exempt: Set<String> = [], make: () -> DeviceBench
  ) -> [String] {
    var failures: [String] = []
    for seed in seeds { failures += continuation(seed: seed, steps: steps, make: make) }
    failures += mutation(seeds: seeds, exempt: exempt, make: make)
    failures += refusal(make: make)
    failures += resets(make: make)
    failures += hostility(make: make)
    return failures
  }

  /// Random accesses → save → load into a fresh device → the same accesses on both give the same.
  static func continuation(seed: UInt64, steps: Int, make: () -> DeviceBench) -> [String] {
    let original = make()
    var generator = SeededGenerator(seed: seed)
    original.run(steps: steps, &generator)
    let snapshot = original.snapshot()
    let copy = make()
    guard copy.restore(snapshot) else { return ["seed \(seed): the saved state was refused"] }
    guard copy.snapshot().images == snapshot.images else { return ["seed \(seed): loading changed the state"] }
    original.log.lines = []
    var copied = generator
    original.run(steps: steps, &generator)
    copy.run(steps: steps, &copied)
    return difference(original.outcome(), copy.outcome()).map { ["seed \(seed): after a load, \($0)"] } ?? []
  }

  private static func difference(_ expected: [String], _ found: [String]) -> String? {
    guard expected != found else { return nil }
    let index = zip(expected, found).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    let position = index ?? min(expected.count, found.count)
    let wanted = position < expected.count ? expected[position] : "nothing"
    let got = position < found.count ? found[position] : "nothing"
    return "event \(position) was '\(got.prefix(200))', not '\(wanted.prefix(200))'"
  }

  /// Dropping any one field of the state must be noticed in what the device does next, not just in its image, at one of
  /// many instants of the runs of `seeds`.
  static func mutation(seeds: [UInt64], exempt: Set<String>, make: () -> DeviceBench) -> [String] {
    var fields = FieldNames()
    var sample = make().device.anyState
    do throws(StateError) { try sample.visitAny(&fields) } catch { return ["the state cannot be described: \(error)"] }
    var unnoticed = fields.names.indices.filter {
      !exempt.contains(fields.names[$0]) && !exempt.contains("\(fields.names[$0]) \($0)")
    }
    for seed in seeds where !unnoticed.isEmpty {
      let original = make()
      var generator = SeededGenerator(seed: seed)
      for _ in 0..<instants where !unnoticed.isEmpty {
        original.run(steps: stepsBetweenInstants, &generator)
        let snapshot = original.snapshot()
        let start = generator
        original.log.lines = []
        original.run(steps: stepsBetweenInstants, &generator)
        let outcome = original.outcome(includingState: false)
        unnoticed.removeAll { field in
          let copy = make()
          guard copy.restore(snapshot, dropping: field) else { return true }
          var copied = start
          copy.run(steps: stepsBetweenInstants, &copied)
          return copy.outcome(includingState: false) != outcome
        }
      }
    }
    return unnoticed.map {
      "losing field '\(fields.names[$0]) \($0)' changes nothing: not saved state, or never exercised"
    }
  }

  /// Instants per seed at which fields are dropped, and steps before and after each.
  private static let instants = 100
  private static let stepsBetweenInstants = 40

  /// Every truncation and a set of corruptions is refused and changes nothing.
  static func refusal(make: () -> DeviceBench) -> [String] {
    let bench = make()
    var generator = SeededGenerator(seed: 99)
    bench.run(steps: 300, &generator)
    let image = bench.device.save()
    let stride = max(1, image.count / 400)
    for count in Swift.stride(from: 0, to: image.count, by: stride) {
      if accepts(bench, Array(image.prefix(count))) {
        return ["an image of \(count) of \(image.count) bytes was accepted"]
      }
      if bench.device.save() != image { return ["a refused image of \(count) bytes changed the device"] }
    }
    if accepts(bench, image + [0]) { return ["an image with a byte too many was accepted"] }
    for _ in 0..<400 {
      let before = bench.device.save()
      var corrupt = image
      corrupt[Int(generator.next() % UInt64(corrupt.count))] ^= UInt8(1) << UInt8(generator.next() % 8)
      if accepts(bench, corrupt) {
        bench.run(steps: 50, &generator)  // a value in range: the device must live with it
        guard accepts(bench, image) else { return ["the original image was refused after a corrupt one was accepted"] }
      } else if bench.device.save() != before {
        return ["a refused corrupt image changed the device"]
      }
    }
    return []
  }

  private static func accepts(_ bench: DeviceBench, _ image: [UInt8]) -> Bool {
    do throws(StateError) { try bench.device.load(image) } catch { return false }
    bench.memory.map.commit()
    return true
  }

  /// Two resets are as good as one.
  static func resets(make: () -> DeviceBench) -> [String] {
    var failures: [String] = []
    for kind in [ResetKind.power, .system] {
      let bench = make()
      var generator = SeededGenerator(seed: 5)
      bench.run(steps: 500, &generator)
      bench.device.reset(kind)
      bench.memory.map.commit()
      let once = bench.device.save()
      bench.device.reset(kind)
      bench.memory.map.commit()
      if bench.device.save() != once { failures.append("a second \(kind) reset changed the state") }
    }
    return failures
  }

  /// 10,000 accesses of every width at every edge; the check is that nothing traps.
  static func hostility(make: () -> DeviceBench) -> [String] {
    let bench = make()
    var generator = SeededGenerator(seed: 77)
    for round in 0..<10_000 {
      let width = [AccessWidth.byte, .word, .dword, .qword][round & 3]
      let values: [UInt64] = [0, .max, generator.next(), generator.next() & 0xff]
      let value = values[Int(generator.next() % 4)]
      if let range = bench.portRanges.randomElement(using: &generator), width != .qword {
        let port = UInt16.random(in: range, using: &generator)
        if round & 4 == 0 {
          _ = bench.ports.read(port, width)
        } else {
          bench.ports.write(port, width, UInt32(truncatingIfNeeded: value))
        }
      }
      if let range = bench.memoryRanges.randomElement(using: &generator) {
        let address = UInt64.random(in: range, using: &generator) & ~UInt64(width.rawValue - 1)
        if round & 8 == 0 {
          _ = bench.memory.busRead(address, width)
        } else {
          bench.memory.busWrite(address, width, value)
        }
      }
      if let stimulus = bench.stimuli.randomElement(using: &generator) { stimulus(value) }
      if round % 16 == 0 { bench.clock.advance(by: Nanoseconds(generator.next() % UInt64(bench.longestStep))) }
      bench.memory.map.commit()
    }
    return []
  }
}

/// Collects the names of the fields in visiting order.
struct FieldNames: StateVisitor {
  var names: [String] = []
  var isLoading: Bool { false }
  mutating func field<T: FixedWidthInteger>(_ name: StaticString, _ value: inout T) throws(StateError) {
    names.append("\(name)")
  }
  mutating func field(_ name: StaticString, _ value: inout Bool) throws(StateError) { names.append("\(name)") }
  mutating func bytes(_ name: StaticString, _ value: inout [UInt8]) throws(StateError) { names.append("\(name)") }
  mutating func buffer(_ name: StaticString, _ value: inout [UInt8], limit: Int) throws(StateError) {
    names.append("\(name)")
  }
}

/// Loads all fields but one, which keeps the value of a fresh device.
struct DroppingReader: StateVisitor {
  var reader: StateReader
  var dropped: Int
  var position = 0
  var isLoading: Bool { true }

  private mutating func isDropped() -> Bool {
    defer { position += 1 }
    return position == dropped
  }

  mutating func field<T: FixedWidthInteger>(_ name: StaticString, _ value: inout T) throws(StateError) {
    var loaded = value
    try reader.field(name, &loaded)
    if !isDropped() { value = loaded }
  }
  mutating func field(_ name: StaticString, _ value: inout Bool) throws(StateError) {
    var loaded = value
    try reader.field(name, &loaded)
    if !isDropped() { value = loaded }
  }
  mutating func bytes(_ name: StaticString, _ value: inout [UInt8]) throws(StateError) {
    var loaded = value
    try reader.bytes(name, &loaded)
    if !isDropped() { value = loaded }
  }
  mutating func buffer(_ name: StaticString, _ value: inout [UInt8], limit: Int) throws(StateError) {
    var loaded = value
    try reader.buffer(name, &loaded, limit: limit)
    if !isDropped() { value = loaded }
  }
}

extension Device {
  var anyState: any DeviceState { state }

  /// Loads all but one field; false if the image was refused (which counts as noticed).
  func load(_ image: [UInt8], dropping position: Int) -> Bool {
    var dropping = DroppingReader(reader: StateReader(image), dropped: position)
    do throws(StateError) {
      var version: UInt32 = 0
      try dropping.reader.field(State.name, &version)
      var fresh = state
      try fresh.visit(&dropping)
      state = fresh
    } catch {
      return false
    }
    stateDidLoad()
    return true
  }
}

extension DeviceState {
  mutating func visitAny<V: StateVisitor>(_ visitor: inout V) throws(StateError) { try visit(&visitor) }
}
