// SPDX-License-Identifier: Apache-2.0
import Platform
import Screen

/// A wait that goes on.
struct Wait {
  let identity: Int
  let request: WaitRequest
  /// When it began.
  let begin: Nanoseconds
  let completion: (WaitResult) -> Void
  /// Names of events that have occurred since and that it waits for.
  var events: Set<String> = []
  /// What it was tested with last.
  var sight: Sight?
  /// The comparison in which the fewest pixels differed, and its instant.
  var nearest: (comparison: MaskedComparison, instant: Nanoseconds)?

  init(identity: Int, request: WaitRequest, begin: Nanoseconds, completion: @escaping (WaitResult) -> Void) {
    (self.identity, self.request, self.begin, self.completion) = (identity, request, begin, completion)
  }

  var deadline: Nanoseconds? { request.timeout.map { $0 > .max - begin ? .max : begin + $0 } }

  /// Where it wants to be looked at.
  var instants: [Nanoseconds] {
    var instants = request.conditions.compactMap { if case .instant(let instant) = $0 { instant } else { nil } }
    if let deadline { instants.append(deadline) }
    return instants
  }

  /// An event that it waits for has occurred.
  var isNotified: Bool { !events.isEmpty }

  /// Whether it waits for an event of that name.
  mutating func notes(_ name: String) -> Bool {
    let isAwaited = request.conditions.contains { if case .event(let wanted) = $0 { wanted == name } else { false } }
    if isAwaited { events.insert(name) }
    return isAwaited
  }

  mutating func note(_ comparison: MaskedComparison, at instant: Nanoseconds) {
    if let nearest, nearest.comparison.isSameSize {
      guard comparison.isSameSize, comparison.differingCount < nearest.comparison.differingCount else { return }
    }
    nearest = (comparison, instant)
  }
}

extension Wait {
  /// Tells whether conditions need be tested again.
  struct Sight {
    private let screenVersion: UInt64
    private let textVersion: UInt64
    /// How much each port has sent.
    private let ends: [Int]

    init(_ machine: any WatchedMachine) {
      textVersion = machine.textVersion
      screenVersion = machine.screenVersion
      ends = (0..<4).map { machine.serialLog($0)?.end ?? 0 }
    }

    func news(since before: Sight?) -> News {
      guard let before else { return News(hasScreen: true, hasText: true, ports: Set(ends.indices)) }
      return News(
        hasScreen: screenVersion != before.screenVersion, hasText: textVersion != before.textVersion,
        ports: Set(ends.indices.filter { ends[$0] != before.ends[$0] }))
    }
  }

  /// What has changed since a wait was tested before.
  struct News {
    var hasScreen: Bool
    var hasText: Bool
    /// Those that have sent something.
    var ports: Set<Int>
  }
}
