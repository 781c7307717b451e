// SPDX-License-Identifier: Apache-2.0
import Fuzzing
import HostIO
import MachineBench
import PC
import Platform
import Testing

/// Guests that mean harm: no trap, no slice without end, no unbounded memory, whatever they execute and access.
@Suite(.serialized)
struct FuzzHostileGuestTests {
  /// Far above what a machine of 16 MiB needs, whatever other tests hold meanwhile.
  private static let memoryLimit = 1 << 30

  private func run(_ bench: MachineBench, for count: UInt64, _ random: FuzzRandom) throws {
    let before = HostProcess.residentByteCount
    try bench.exercise(instructions: count)
    #expect(HostProcess.residentByteCount - before < Self.memoryLimit, "seed \(random.seed)")
    // Whatever it did, the machine can be looked at and saved.
    #expect(try bench.machine.saveState().count > 10, "seed \(random.seed)")
  }

  @Test func `a boot sector of random bytes`() throws {
    try Fuzzing.run("random boot sector", seconds: 3, atLeast: 3) { random in
      var disk = random.bytes(64 * 512)
      // Half of them get a working stack and data segments, and so come further.
      if random.oneIn(2) {
        let start: [UInt8] = [0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x7c, 0xfb]
        disk.replaceSubrange(0..<start.count, with: start)
      }
      (disk[510], disk[511]) = (0x55, 0xaa)
      let bench = try MachineBench(disk: disk)
      // SeaBIOS takes some six million instructions.
      try run(bench, for: 9_000_000, random)
    }
  }

  @Test func `loops over ports and memory`() throws {
    let stub = try Assembler.assemble(HostileROM.source)
    var pieces: UInt32 = 0
    try Fuzzing.run("hostile rom", seconds: 5, atLeast: 10) { random in
      let firmware = HostileROM.image(stub, &random)
      let bench = try MachineBench(disk: random.bytes(64 * 512), firmware: firmware)
      try run(bench, for: 1_500_000, random)
      pieces = max(pieces, bench.memory(HostileROM.pieceCounter) & 0xffff)
    }
    #expect(pieces > 100, "guests that stop at once are not hostile")
  }

  @Test func `a firmware of random bytes`() throws {
    try Fuzzing.run("random rom", seconds: 1.5, atLeast: 5) { random in
      let bench = try MachineBench(firmware: random.bytes(0x10000))
      try run(bench, for: 300_000, random)
    }
  }
}
