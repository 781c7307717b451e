// SPDX-License-Identifier: Apache-2.0
import CZlib
import HostIO
import MachineBench
import Migration
import PC
import Testing

/// State files of every version that was ever written, kept: machines in the middle of the work of `Workload`'s guest.
@Suite(.serialized)
struct FixtureTests {
  static let fixtures = ["machine-version-1", "machine-version-2-packed", "machine-version-2-placed"]
  /// Of memory, as the machine that was saved had them.
  static let sums: [String: UInt64] = ["pc.ram": 979_730_612_151_866_451, "vga.vram": 17_230_856_652_885_814_999]

  /// The content of a file that gzip made.
  static func contents(_ name: String) throws -> [UInt8] {
    let folder = BytePath(#filePath).directory.directory
    let path = "\(folder)/Fixtures/\(name).state.gz"
    let file = try #require(gzopen(path, "rb"), "\(path)")
    defer { gzclose(file) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = gzread(file, &piece, UInt32(piece.count))
      try #require(count >= 0)
      if count == 0 { return bytes }
      bytes += piece.prefix(Int(count))
    }
  }

  @Test(arguments: fixtures)
  func `a file of every version loads, and its machine goes on`(name: String) throws {
    let file = try FileDescriptor.memoryFile(named: "fixture")
    defer { file.closeIgnoringErrors() }
    try file.writeAll(try Self.contents(name), at: 0)
    let bench = try MachineBench(disk: try Workload.disk())
    try MachineImage.load(into: bench.machine, from: file)
    #expect(bench.instructionCount == 6_600_000)
    let sums = try bench.digest().parts.filter { Self.sums[$0.name] != nil }
    #expect(Dictionary(uniqueKeysWithValues: sums.map { ($0.name, $0.sum) }) == Self.sums)
    let rounds = bench.memory(Workload.rounds)
    try bench.run(to: 8_000_000)
    #expect(bench.memory(Workload.rounds) > rounds)
    #expect(!(try bench.serialOutput()).isEmpty)
  }
}
