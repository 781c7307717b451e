// SPDX-License-Identifier: Apache-2.0
import Fuzzing
import GraphicsDevices
import HostIO
import MachineBench
import PC
import Testing

/// Whole machines under instruction counting, from SeaBIOS's first instruction into a guest that does a bit of everything:
/// equal runs end equal, however they are cut and whatever the processor's caches hold.
@Suite(.serialized)
struct MachineDeterminismTests {
  /// A run that nothing disturbs: where the guest starts its rounds, where the comparison ends, and how it is there.
  private struct Reference {
    var start: UInt64
    var end: UInt64
    var digest: MachineDigest
    var serial: [UInt8]
  }

  private static let reference = Result<Reference, any Error> {
    let bench = try MachineBench(disk: try Workload.disk())
    let start = try Workload.start(on: bench)
    let end = start + 1_500_000
    try bench.run(to: end)
    return Reference(start: start, end: end, digest: try bench.digest(), serial: try bench.serialOutput())
  }

  private func expectEqual(_ bench: MachineBench, _ reference: Reference) throws {
    #expect(try bench.digest().differences(from: reference.digest) == [])
    #expect(try bench.serialOutput() == reference.serial)
  }

  @Test func `the guest does what it is for`() throws {
    let reference = try Self.reference.get()
    let bench = try MachineBench(disk: try Workload.disk())
    try bench.run(to: reference.end)
    #expect(bench.memory(Workload.rounds) > 20 && bench.memory(Workload.sum) != 0)
    #expect(reference.serial.count > 20 && reference.serial.prefix(3) == [1, 2, 3])
    #expect(reference.digest.parts.count > 15)
  }

  @Test func `two runs are equal`() throws {
    let reference = try Self.reference.get()
    let bench = try MachineBench(disk: try Workload.disk())
    try bench.run(to: reference.end)
    try expectEqual(bench, reference)
  }

  @Test func `another disk is another run`() throws {
    let reference = try Self.reference.get()
    var disk = try Workload.disk()
    disk[20 * 512 + 100] ^= 1
    let bench = try MachineBench(disk: disk)
    try bench.run(to: reference.end)
    #expect(try bench.digest().differences(from: reference.digest).contains("pc.ram"))
  }

  @Test(arguments: [1, 2, 7])
  func `blocks of any length give the same`(limit: Int) throws {
    let reference = try Self.reference.get()
    let bench = try MachineBench(disk: try Workload.disk())
    bench.machine.processor?.limitBlocks(to: limit)
    try bench.run(to: reference.end)
    try expectEqual(bench, reference)
  }

  @Test func `forgotten code, maps and fast addresses give the same`() throws {
    let reference = try Self.reference.get()
    let bench = try MachineBench(disk: try Workload.disk())
    var random = FuzzRandom(seed: 5)
    while bench.instructionCount < reference.end {
      let step = UInt64(1 + random.below(random.oneIn(3) ? 300 : 200_000))
      try bench.run(to: min(reference.end, bench.instructionCount + step))
      switch random.below(3) {
      case 0: bench.machine.processor?.flushDecodedCode()
      case 1: bench.machine.processor?.invalidateMap()
      default: break
      }
    }
    try expectEqual(bench, reference)
  }

  @Test func `stops, holds and looks on the way change nothing`() throws {
    let reference = try Self.reference.get()
    let bench = try MachineBench(disk: try Workload.disk())
    var random = FuzzRandom(seed: 6)
    while bench.instructionCount < reference.end {
      try bench.run(to: min(reference.end, bench.instructionCount + UInt64(1 + random.below(1_000_000))))
      bench.machine.stop()
      _ = bench.machine.board?.vga?.picture()
      _ = try bench.digest()
      bench.machine.holdGuest()
      bench.machine.resume()
      bench.machine.releaseGuest()
    }
    try expectEqual(bench, reference)
  }

  @Test func `a machine saved when a timer falls due loses no event`() throws {
    let start = try Self.reference.get().start
    // Timers are some hundred thousand instructions apart.
    let end = start + 6_000_000
    let whole = try MachineBench(disk: try Workload.disk())
    try whole.run(to: end)
    let original = try MachineBench(disk: try Workload.disk())
    try original.run(to: start)
    var random = FuzzRandom(seed: 7)
    var saves = 0
    while saves < 8 {
      try original.run(to: original.instructionCount + UInt64(random.below(100_000)))
      let left = try #require(original.machine.clock.nextDeadline) - original.machine.clock.now
      // An instruction takes 64 ns.
      let due = original.instructionCount + UInt64(max(0, left) + 63) / 64
      guard due < end else { break }
      try original.run(to: due)
      saves += 1
      let copy = try MachineBench(disk: try Workload.disk())
      let parts = try original.machine.saveState()
      for (from, to) in zip(original.machine.board?.memoryBlocks ?? [], copy.machine.board?.memoryBlocks ?? []) {
        to.contents.copyMemory(from: UnsafeRawBufferPointer(from.contents))
      }
      try copy.machine.loadState(parts)
      let count = copy.instructionCount
      #expect(try copy.digest().differences(from: original.digest()) == [], "loaded at \(count)")
      try copy.run(to: end)
      #expect(try copy.digest().differences(from: whole.digest()) == [], "saved at \(count)")
    }
    #expect(saves >= 3)
  }

  @Test func `memory size and date are part of the run`() throws {
    let reference = try Self.reference.get()
    let larger = try MachineBench(disk: try Workload.disk()) { $0.memoryByteCount = 32 << 20 }
    try larger.run(to: reference.end)
    #expect(try larger.digest() != reference.digest)
    let later = try MachineBench(disk: try Workload.disk()) { $0.realTimeClock.base = .date(1_800_000_000) }
    try later.run(to: reference.end)
    #expect(try later.digest() != reference.digest)
  }
}
