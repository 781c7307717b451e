// SPDX-License-Identifier: Apache-2.0
import Block
import Platform

/// How full the buckets of throttled drives are, as a part of the machine's state: when a request may start is seen by the
/// guest. The limits themselves are configuration; what is loaded for a group that this machine has not is dropped.
package final class ThrottleLevels: Device {
  package struct State: DeviceState {
    package static let name: StaticString = "throttle"
    package static let version = 1
    var groups: [String: ThrottleGroup.Filling] = [:]

    package mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      var text = ThrottleLevels.text(groups)
      try visitor.buffer("groups", &text, limit: ThrottleLevels.textLimit)
      guard visitor.isLoading else { return }
      guard let loaded = ThrottleLevels.groups(text) else { throw .outOfRange("groups") }
      groups = loaded
    }
  }

  /// Further groups start empty after a load; more than these have never been seen on one machine.
  private static let groupLimit = 256
  private static let longestName = 1024
  private static let textLimit = groupLimit * (2 * longestName + 14 * 20)
  private let graph: BlockGraph

  package init(_ graph: BlockGraph) { self.graph = graph }

  package var state: State {
    get { State(groups: graph.throttleGroups.filter { $0.value.limits.isEnabled }.mapValues(\.filling)) }
    set {
      for (name, filling) in newValue.groups { graph.throttleGroups[name]?.filling = filling }
    }
  }

  package func reset(_ kind: ResetKind) {}
  package func stateDidLoad() {}

  // MARK: As text

  /// One group a line, by name: the name's bytes in hexadecimal, the instant, the levels.
  private static func text(_ groups: [String: ThrottleGroup.Filling]) -> [UInt8] {
    let lines = groups.filter { $0.key.utf8.count <= longestName }.sorted { $0.key < $1.key }.prefix(groupLimit).map {
      let name = $0.key.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      return ([name, String($0.value.instant)] + $0.value.levels.map { String($0, radix: 16) }).joined(separator: " ")
    }
    return Array(lines.joined(separator: "\n").utf8)
  }

  private static func groups(_ text: [UInt8]) -> [String: ThrottleGroup.Filling]? {
    var groups: [String: ThrottleGroup.Filling] = [:]
    for line in text.split(separator: UInt8(ascii: "\n")) {
      let words = String(decoding: line, as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
      guard words.count == 2 + ThrottleGroup.Filling.levelCount, groups.count < groupLimit,
        let name = name(words[0]), let instant = Nanoseconds(words[1])
      else { return nil }
      let levels = words.dropFirst(2).compactMap { UInt64($0, radix: 16) }
      guard let filling = ThrottleGroup.Filling(instant: instant, levels: levels) else { return nil }
      groups[name] = filling
    }
    return groups
  }

  private static func name(_ digits: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = digits
    while !rest.isEmpty {
      guard rest.count >= 2, let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
      bytes.append(byte)
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}
