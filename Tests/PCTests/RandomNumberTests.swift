// SPDX-License-Identifier: Apache-2.0
import HostIO
import MachineBench
import PC
import Platform
import Testing

/// RDRAND through the whole machine: `-seed` decides what the guest gets, and a loaded machine goes on with the sequence.
@Suite(.serialized)
struct RandomNumberTests {
  private static let start = 0x1000

  /// A firmware that stores random numbers from 1000h on.
  private static var firmware: [UInt8] {
    var rom = [UInt8](repeating: 0x90, count: 0x10000)
    let program: [UInt8] = [
      0x31, 0xc0, 0x8e, 0xc0,  // xor ax, ax; mov es, ax
      0xbf, 0x00, 0x10, 0xfc,  // mov di, 1000h; cld
      0x66, 0x0f, 0xc7, 0xf0,  // again: rdrand eax
      0x73, 0xfe,  // jnc $
      0x66, 0xab, 0xeb, 0xf6,  // stosd; jmp again
    ]
    rom.replaceSubrange(0..<program.count, with: program)
    rom.replaceSubrange(0xfff0..<0xfff5, with: [0xea, 0, 0, 0, 0xf0])
    return rom
  }

  private func bench(_ configure: (inout MachineConfiguration) -> Void) throws -> MachineBench {
    try MachineBench(firmware: Self.firmware) {
      $0.processorModel = "max"
      configure(&$0)
    }
  }

  private func numbers(_ bench: MachineBench) -> [UInt32] { (0..<40).map { bench.memory(Self.start + 4 * $0) } }

  @Test func `the seed decides`() throws {
    let bench = try bench { $0.randomSeed = 99 }
    try bench.run(to: 1000)
    let source = RandomSource(seed: 99)
    #expect(numbers(bench) == (0..<40).map { _ in UInt32(truncatingIfNeeded: source.next()) })
  }

  @Test func `counted runs repeat without a seed, others do not`() throws {
    let counted = try (0..<2).map { _ in
      let bench = try bench { _ in }
      try bench.run(to: 1000)
      return numbers(bench)
    }
    #expect(counted[0] == counted[1] && Set(counted[0]).count == 40)
    let free = try (0..<2).map { _ in
      let bench = try bench { $0.instructionCounting = nil }
      bench.machine.processor?.limitBlocks(to: 1)  // every count is the end of a block
      try bench.run(to: 1000)
      return numbers(bench)
    }
    #expect(free[0] != free[1])
  }

  @Test func `a loaded machine goes on with the sequence`() throws {
    let whole = try bench { $0.randomSeed = 3 }
    try whole.run(to: 1000)
    let first = try bench { $0.randomSeed = 3 }
    try first.run(to: 57)
    let second = try bench { $0.randomSeed = 4 }
    try second.machine.loadState(try first.machine.saveState())
    if let from = first.machine.board?.ram.contents { second.machine.board?.ram.contents.copyMemory(from: .init(from)) }
    try second.run(to: 1000)
    #expect(numbers(second) == numbers(whole))
  }
}
