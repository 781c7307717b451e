// SPDX-License-Identifier: Apache-2.0
import QAPI
import Testing

/// Interface 3, two-phase command: it captures on the machine thread and finishes on a worker.
struct CommandExample {
  /// A machine whose only property is a number that changes with time.
  final class Counter {
    var value = 0
  }

  /// Returns the number as it was when the command ran, after something slow. The properties are the arguments.
  struct QuerySlowly: TwoPhaseCommand {
    typealias Context = Counter
    struct Returns: Codable, Sendable {
      var value: Int
      var unit: String
    }
    static let name = "query-slowly"
    var unit: String?

    func capture(in counter: Counter) throws(QMPError) -> Phase<Returns> {
      let (value, unit) = (counter.value, unit ?? "apples")
      return .finishing { _ in .success(Returns(value: value, unit: unit)) }
    }
  }

  private let table = CommandTable<Counter> { QuerySlowly.self }

  @Test func `the reply is of the instant at which the command ran`() throws {
    let counter = Counter()
    counter.value = 41
    let entry = try #require(table["query-slowly"])
    guard case .finishing(let finish) = try entry.start(JSONObject(), counter) else {
      Issue.record("the command has a second phase")
      return
    }
    counter.value = 1000  // the machine runs on
    let reply = try finish {}.get()
    #expect(reply.object?["value"] == .int(41) && reply.object?["unit"] == .string("apples"))
  }

  @Test func `arguments are checked by their types`() throws {
    var arguments = JSONObject()
    arguments["unit"] = .int(3)
    let entry = try #require(table["query-slowly"])
    #expect(throws: QMPError.self) { try entry.start(arguments, Counter()) }
  }
}
