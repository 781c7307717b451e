// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing
import VirtioDevices

/// When a driver is told of packets that were sent.
@Suite struct VirtioCompletionTests {
  private static let delay = 150 * Nanoseconds.microsecond

  /// A bench whose interrupt line is noted, with queues of 256 entries and no messages.
  private final class Bench {
    let bench: VirtioNetworkBench
    /// Rising edges since the interrupt was last acknowledged.
    var count = 0

    init() throws {
      bench = try VirtioNetworkBench()
      bench.bus.routeInterrupt = { [unowned self] _, isHigh in if isHigh { count += 1 } }
      // No event index, so that each signal counts.
      bench.start(accepting: .max & ~(1 << 29 | 1 << 30 | 1 << 34))
    }

    /// Reads ISR status, which lowers the line.
    func acknowledge() { _ = bench.memory.busRead(VirtioBench.modern + 0x1000, .byte) }
  }

  @Test func `a packet is given back at once and told of later, once for all that went`() throws {
    let bench = try Bench()
    bench.bench.transmit(VirtioNetworkBench.frame())
    #expect(bench.bench.transmitter.takeUsed() != nil && bench.count == 0)
    bench.bench.clock.advance(by: Self.delay / 2)
    bench.bench.transmit(VirtioNetworkBench.frame())
    bench.bench.clock.advance(by: Self.delay / 2 - 1)
    #expect(bench.count == 0)
    bench.bench.clock.advance(by: 1)
    #expect(bench.count == 1 && bench.bench.device.state.completions == .init())
    bench.acknowledge()
    bench.bench.clock.advance(by: 10 * Self.delay)
    #expect(bench.count == 1)
  }

  @Test func `a quarter of the queue is told of at once`() throws {
    let bench = try Bench()
    let quarter = Int(bench.bench.transmitter.size / 4)
    for _ in 1..<quarter {
      bench.bench.transmit(VirtioNetworkBench.frame())
      _ = bench.bench.transmitter.takeUsed()
    }
    #expect(bench.count == 0)
    bench.bench.transmit(VirtioNetworkBench.frame())
    #expect(bench.count == 1 && bench.bench.clock.nextDeadline == nil)
  }

  @Test func `a reset and a saved state take along what was to be told`() throws {
    let bench = try Bench()
    bench.bench.transmit(VirtioNetworkBench.frame())
    let state = bench.bench.device.state
    bench.bench.device.reset(.system)
    bench.bench.clock.advance(by: 2 * Self.delay)
    #expect(bench.count == 0)
    bench.bench.device.state = state
    bench.bench.device.stateDidLoad()
    // Its instant has passed.
    bench.bench.clock.fireDueTimers()
    #expect(bench.count == 1)
  }
}
