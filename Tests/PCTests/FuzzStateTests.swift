// SPDX-License-Identifier: Apache-2.0
import Fuzzing
import MachineBench
import PC
import Testing

/// Damaged state of every part of a machine: refused with a sentence that names the part, or taken and lived with.
@Suite(.serialized)
struct FuzzStateTests {
  private typealias Parts = [(name: String, bytes: [UInt8])]

  /// A machine in the middle of its guest's work, as parts.
  private static let saved = Result<[String: [UInt8]], any Error> {
    let bench = try machine()
    try bench.run(to: 12_345_678)
    return Dictionary(uniqueKeysWithValues: try bench.machine.saveState().map { ($0.name, $0.bytes) })
  }

  private static func machine() throws -> MachineBench { try MachineBench(disk: try disk.get()) }
  private static let disk = Result { try Workload.disk() }

  private func parts(_ bench: MachineBench) throws -> Parts {
    let saved = try Self.saved.get()
    return try bench.machine.saveState().map { ($0.name, saved[$0.name] ?? []) }
  }

  /// Nil when the machine took the state.
  private func refusal(_ bench: MachineBench, _ parts: Parts) -> String? {
    do throws(MachineError) { try bench.machine.loadState(parts) } catch { return error.description }
    return nil
  }

  private func isSentence(_ text: String) -> Bool { !text.isEmpty && !text.contains("\n") }

  @Test func `the undamaged state is taken`() throws {
    let bench = try Self.machine()
    #expect(refusal(bench, try parts(bench)) == nil)
    #expect(bench.instructionCount == 12_345_678)
  }

  @Test func `every part cut short is refused by name and changes nothing`() throws {
    let bench = try Self.machine()
    let parts = try parts(bench)
    let before = try bench.machine.saveState().map(\.bytes)
    for index in parts.indices {
      for count in [0, 1, parts[index].bytes.count / 2, parts[index].bytes.count - 1] {
        var cut = parts
        cut[index].bytes = Array(parts[index].bytes.prefix(count))
        let sentence = try #require(refusal(bench, cut), "\(parts[index].name) with \(count) bytes")
        #expect(isSentence(sentence) && sentence.hasPrefix(parts[index].name + ": "))
      }
      var long = parts
      long[index].bytes.append(0)
      #expect(refusal(bench, long) != nil, "\(parts[index].name) with a byte too many")
      #expect(try bench.machine.saveState().map(\.bytes) == before, "\(parts[index].name)")
    }
  }

  @Test func `missing, unknown, doubled and swapped parts are refused`() throws {
    let bench = try Self.machine()
    let parts = try parts(bench)
    #expect(refusal(bench, []) == "The state has no part 'machine', which this machine has")
    let last = try #require(parts.last)
    for part in parts where !Machine.laterStateNames.contains(part.name) {
      let sentence = "The state has no part '\(part.name)', which this machine has"
      #expect(refusal(bench, parts.filter { $0.name != part.name }) == sentence)
    }
    #expect(refusal(bench, parts + [("nonesuch", [])]) == "The state has a part 'nonesuch', which this machine has not")
    #expect(refusal(bench, parts + [last]) != nil)
    #expect(refusal(bench, parts.reversed()) == "The parts of the state are not in this machine's order")
  }

  @Test func `parts that earlier builds did not save may be missing`() throws {
    let bench = try Self.machine()
    try bench.machine.type([.delay(milliseconds: 60_000)])
    let kept = try bench.machine.saveState().filter { Machine.laterStateNames.contains($0.name) }
    #expect(kept.count == Machine.laterStateNames.count)
    #expect(refusal(bench, try parts(bench).filter { !Machine.laterStateNames.contains($0.name) }) == nil)
    #expect(bench.instructionCount == 12_345_678)
    let after = try bench.machine.saveState()
    #expect(kept.allSatisfy { part in after.contains { $0.name == part.name && $0.bytes == part.bytes } })
  }

  @Test func `a state of other counting is refused`() throws {
    let bench = try Self.machine()
    let parts = try parts(bench)
    for change: @Sendable (inout MachineConfiguration) -> Void in [
      { $0.instructionCounting = nil }, { $0.instructionCounting?.shift = 5 },
    ] {
      let other = try MachineBench(disk: try Self.disk.get(), configure: change)
      #expect(refusal(other, parts) == "The state was saved under another -icount")
    }
  }

  @Test func `damage is refused or lived with`() throws {
    var taken = 0, refused = 0
    try Fuzzing.run("machine state", seconds: 3, atLeast: 60) { random in
      let bench = try Self.machine()
      var parts = try parts(bench)
      for _ in 0...random.below(2) {
        let index = random.below(parts.count)
        parts[index].bytes = random.oneIn(2) ? flipped(parts[index].bytes, &random) : random.damaged(parts[index].bytes)
      }
      if let sentence = refusal(bench, parts) {
        refused += 1
        #expect(isSentence(sentence), "seed \(random.seed)")
      } else {
        taken += 1
        // Such a machine may do anything a guest could make it do, and must end when it is told to.
        try bench.exercise(instructions: 200_000)
      }
    }
    #expect(taken > 0 && refused > 0)
  }

  /// Damage that keeps the length, and so passes for a state more often.
  private func flipped(_ bytes: [UInt8], _ random: inout FuzzRandom) -> [UInt8] {
    var result = bytes
    for _ in 0...random.below(3) where !result.isEmpty {
      result[random.below(result.count)] = random.oneIn(2) ? random.byte() : [0, 1, 0x80, 0xff][random.below(4)]
    }
    return result
  }
}
