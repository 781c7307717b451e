// SPDX-License-Identifier: Apache-2.0
import QAPI
import Testing

final class Counter { var value = 0 }

struct Add: QMPCommand {
  typealias Context = Counter
  static let name = "add"
  typealias Returns = [Int]
  var amount: Int
  func run(in context: Counter) throws(QMPError) -> [Int] {
    if amount < 0 { throw .invalidParameter("amount", expected: "a positive number") }
    context.value += amount
    return [context.value]
  }
}

struct Clear: QMPCommand {
  typealias Context = Counter
  static let name = "clear"
  static let allowsOOB = true
  func run(in context: Counter) -> Empty {
    context.value = 0
    return Empty()
  }
}

struct Save: TwoPhaseCommand {
  typealias Context = Counter
  static let name = "save"
  typealias Returns = String
  var later: Bool
  func capture(in context: Counter) throws(QMPError) -> Phase<String> {
    let value = context.value
    if !later { return .done("\(value) now") }
    return .finishing { progress in
      progress()
      return value == 13 ? .failure(QMPError("unlucky")) : .success("\(value) later")
    }
  }
}

struct CommandTableTests {
  let table = CommandTable<Counter> {
    Add.self
    Clear.self
    Save.self
  }

  private func run(_ name: String, _ arguments: JSONObject, _ counter: Counter) throws -> JSON {
    let entry = try #require(table[name])
    switch try entry.start(arguments, counter) {
    case .done(let value): return value
    case .finishing(let work): return try work({}).get()
    }
  }

  @Test func `a command decodes its arguments, runs, and encodes its result`() throws {
    let counter = Counter()
    #expect(try run("add", #require((["amount": 5] as JSON).object), counter) == [5])
    #expect(counter.value == 5)
    #expect(try run("clear", JSONObject(), counter) == [:])
    #expect(counter.value == 0)
  }

  @Test func `what a command throws reaches the caller`() throws {
    let arguments = try #require((["amount": -1] as JSON).object)
    #expect(throws: QMPError("Parameter 'amount' expects a positive number")) {
      try run("add", arguments, Counter())
    }
  }

  @Test func `a second phase sees what the first captured`() throws {
    let counter = Counter()
    counter.value = 7
    #expect(try run("save", #require((["later": false] as JSON).object), counter) == "7 now")
    let entry = try #require(table["save"])
    guard case .finishing(let work) = try entry.start(#require((["later": true] as JSON).object), counter) else {
      Issue.record("the command did not ask for a second phase")
      return
    }
    counter.value = 8
    #expect(try work({}).get() == "7 later")
    counter.value = 13
    #expect(throws: QMPError("unlucky")) { try run("save", #require((["later": true] as JSON).object), counter) }
  }

  @Test func `the table keeps its order and knows what is out-of-band`() {
    #expect(table.entries.map(\.name) == ["add", "clear", "save"])
    #expect(table["clear"]?.allowsOOB == true)
    #expect(table["add"]?.allowsOOB == false)
    #expect(table["nosuch"] == nil)
  }

  @Test func `arguments and results are described from their types`() {
    let schema = SchemaProbe.describe(Arguments.self)
    let inner = QAPIType.object(
      name: "Inner",
      members: [.init(name: "data", type: .string), .init(name: "small", type: .integer, isOptional: true)])
    let color = QAPIType.enumeration(name: "Color", values: ["red", "green"])
    #expect(
      schema
        == .object(
          name: "Arguments",
          members: [
            .init(name: "filename", type: .string), .init(name: "cpu-index", type: .integer, isOptional: true),
            .init(name: "keys", type: .array(inner), isOptional: true),
            .init(name: "inner", type: inner, isOptional: true), .init(name: "color", type: color, isOptional: true),
            .init(name: "colors", type: .array(color), isOptional: true),
            .init(name: "flag", type: .boolean, isOptional: true),
            .init(name: "ratio", type: .number, isOptional: true),
            .init(name: "big", type: .integer, isOptional: true), .init(name: "anything", type: .any, isOptional: true),
          ]))
    #expect(table["add"]?.schema().returns == .array(.integer))
    #expect(
      table["save"]?.schema().arguments
        == .object(name: "Save", members: [QAPIType.Member(name: "later", type: .boolean)]))
  }

  @Test func `every name a schema document uses is defined in it`() {
    var document = SchemaDocument()
    for entry in table.entries { document.add(entry.schema()) }
    document.add(
      CommandSchema(
        name: "all", allowsOOB: false, arguments: SchemaProbe.describe(Arguments.self), returns: .string))
    let defined = Set(document.entities.compactMap { $0["name"]?.string })
    #expect(defined.count == document.entities.count)
    var used: [String] = []
    for entity in document.entities {
      for key in ["arg-type", "ret-type", "element-type"] { used += [entity[key]?.string].compactMap { $0 } }
      for member in entity["members"]?.array ?? [] { used += [member["type"]?.string].compactMap { $0 } }
    }
    #expect(used.count > 12)
    #expect(used.allSatisfy { defined.contains($0) })
  }
}
