// SPDX-License-Identifier: Apache-2.0
import MachineBench
import PC
import Platform
import Testing

/// A process that makes many machines, as fuzzers and restores do, must get their memory back.
@Suite struct MachineLifetimeTests {
  private struct Observed {
    let name: String
    weak var object: AnyObject?
  }

  /// Runs a machine of `configure` for a while and watches what it is made of.
  private func observe(_ configure: (inout MachineConfiguration) -> Void) throws -> [Observed] {
    let bench = try MachineBench(disk: [UInt8](repeating: 0, count: 512), configure: configure)
    try bench.run(to: 100_000)
    let board = try #require(bench.machine.board)
    var observed = [
      Observed(name: "machine", object: bench.machine), Observed(name: "board", object: board),
      Observed(name: "processor", object: board.processor), Observed(name: "RAM", object: board.ram),
      Observed(name: "clock", object: bench.machine.clock),
    ]
    for device in board.devices { observed.append(Observed(name: "\(type(of: device))", object: device as AnyObject)) }
    return observed
  }

  @Test func `nothing of a machine outlives it`() throws {
    let observed = try observe { _ in }
    #expect(observed.count > 20)
    #expect(observed.filter { $0.object != nil }.map(\.name) == [])
  }
}
