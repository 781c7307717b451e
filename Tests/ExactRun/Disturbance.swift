// SPDX-License-Identifier: Apache-2.0
import Block
import Fuzzing
import HostIO
import PC
import Synchronization
import X86

/// What must not change a run: the engine forgets at random counts what it could find out again.
struct Disturbance {
  private var random: FuzzRandom
  /// When the next one is due.
  private(set) var next: UInt64

  init(seed: UInt64, from count: UInt64) {
    random = FuzzRandom(seed: seed)
    next = count
    wait(from: count)
  }

  /// From a few instructions to some millions, each order of magnitude as often.
  private mutating func wait(from count: UInt64) {
    next = count &+ 1 &+ random.next() % (1 << UInt64(2 + random.below(21)))
  }

  mutating func act(on processor: Processor) {
    switch random.below(8) {
    case 0: processor.flushDecodedCode()
    case 1: processor.invalidateMap()
    case 2: processor.limitBlocks(to: 1 + random.below(64))
    case 3, 4: for _ in 0..<1 + random.below(20) { processor.forgetCode(random.next()) }
    default: for _ in 0..<1 + random.below(2000) { processor.forgetHostAddress(random.next()) }
    }
    wait(from: processor.instructionCount)
  }

  /// Makes the workers of a machine's drives wait up to 20 ms before some of their operations.
  static func delayWorkers(of machine: Machine, seed: UInt64) {
    let random = Guarded(FuzzRandom(seed: seed))
    for backend in machine.blockGraph.backends {
      backend.queue.workWillBegin = {
        let milliseconds = random.withLock { $0.oneIn(4) ? $0.below(21) : 0 }
        if milliseconds > 0 { HostClock.sleep(nanoseconds: UInt64(milliseconds) * 1_000_000) }
      }
    }
  }
}
