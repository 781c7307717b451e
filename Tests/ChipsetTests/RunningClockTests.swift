// SPDX-License-Identifier: Apache-2.0
import Chipset
import Platform
import Testing

/// A clock that goes on between two looks at it, as the host's does.
private func runningClock(step: Nanoseconds) -> VirtualClock {
  var now: Nanoseconds = 0
  return VirtualClock {
    now += step
    return now
  }
}

/// However accesses and deadlines meet, no interrupt of a timer is lost and none is made up.
@Suite struct RunningClockTests {
  private func oneShot(_ count: UInt32) -> APICBench {
    let bench = APICBench(clock: runningClock(step: 1))
    bench.enable()
    bench[0, 0x3e0] = 0xb
    bench[0, 0x320] = 0x40
    bench[0, 0x380] = count
    return bench
  }

  @Test(arguments: 200..<264 as Range<UInt32>)
  func `a local APIC's count ends with its interrupt while others are taken`(count: UInt32) {
    let bench = oneShot(count)
    var taken = 0
    for _ in 0..<300 {
      bench[0, 0x300] = 0x40031
      while let vector = bench.take() {
        if vector == 0x40 { taken += 1 }
        bench[0, 0xb0] = 0
      }
    }
    bench.clock.fireDueTimers()
    if bench.take() == 0x40 { taken += 1 }
    #expect(taken == 1)
    #expect(bench[0, 0x390] == 0)
  }

  @Test(arguments: 200..<264 as Range<UInt32>)
  func `a local APIC's count ends with its interrupt while its entry is written`(count: UInt32) {
    let bench = oneShot(count)
    for _ in 0..<300 { bench[0, 0x320] = 0x40 }
    bench.clock.fireDueTimers()
    #expect(bench.take() == 0x40)
  }

  @Test(arguments: 200..<264 as Range<UInt32>)
  func `a count that ends under a mask has no interrupt, and reads as counts do`(count: UInt32) {
    let bench = oneShot(count)
    var last = count
    for _ in 0..<100 where bench[0, 0x390] > 8 {
      let now = bench[0, 0x390]
      #expect(now <= last)
      last = now
    }
    // No vector is lawful while it is masked.
    bench[0, 0x320] = 0x10000
    for _ in 0..<20 { bench.clock.fireDueTimers() }
    while let vector = bench.take() { #expect(vector == 0x40) }
    bench[0, 0x280] = 0
    #expect(bench[0, 0x280] == 0)
  }

  @Test func `the 8254 has an interrupt each period while another counter is written`() {
    let clock = runningClock(step: 300)
    let bench = PITBench(clock: clock)
    var edges = 0
    bench.irq.connect { if $0 { edges += 1 } }
    bench.program(0, mode: 2, count: 100)
    let start = clock.now
    edges = 0
    for count in 1..<UInt16(2000) {
      bench.write(2, count)
      clock.fireDueTimers()
    }
    let periods = (clock.now - start) * 1_193_182 / 1_000_000_000 / 100
    #expect(periods > 20)
    #expect(abs(Int(periods) - edges) <= 1)
  }

  @Test func `the real-time clock updates each second while register C is read`() {
    let clock = runningClock(step: 7 * .millisecond)
    let bench = RTCBench(clock: clock)
    bench[0x0b] = 0x12
    let start = clock.now
    var updates = 0
    for _ in 0..<3000 {
      clock.fireDueTimers()
      if bench[0x0c] & 0x10 != 0 { updates += 1 }
    }
    let seconds = Int((clock.now - start) / .second)
    #expect(seconds > 50)
    #expect(abs(seconds - updates) <= 1)
  }

  @Test func `the real-time clock's interrupt is at most a few looks late`() {
    let clock = runningClock(step: 7 * .millisecond)
    let bench = RTCBench(clock: clock)
    bench[0x0b] = 0x12
    let start = clock.now
    var updates = 0
    while clock.now - start < 100 * .second {
      clock.fireDueTimers()
      guard bench.irq.level else { continue }
      _ = bench[0x0c]
      updates += 1
    }
    #expect((99...101).contains(updates))
  }
}
