// SPDX-License-Identifier: Apache-2.0
import Chipset
import Platform
import Testing

/// A timer at 40h...43h and port 61h; time in input clocks.
final class PITBench {
  let clock: VirtualClock
  let irq = IRQLine()
  let pit: PIT
  let portB: SystemControlPortB
  private let ports = PortSpace()
  private var ticks: Int64 = 0

  init(clock: VirtualClock = VirtualClock()) {
    self.clock = clock
    pit = PIT(clock: clock, irq: irq)
    portB = SystemControlPortB(pit: pit)
    ports.map(0x40...0x43, to: pit)
    ports.map(0x61...0x61, to: portB)
    pit.reset(.power)
    portB.reset(.power)
  }

  subscript(_ port: UInt16) -> UInt8 {
    get { UInt8(ports.read(port, .byte)) }
    set { ports.write(port, .byte, UInt32(newValue)) }
  }

  /// Moves to the first instant at which so many more input clocks have passed.
  func tick(_ count: Int64) {
    ticks += count
    let instant = (ticks * 1_000_000_000 + 1_193_181) / 1_193_182
    clock.advance(by: instant - clock.now)
  }

  func program(_ counter: Int, mode: UInt8, count: UInt16, isBCD: Bool = false) {
    self[0x43] = UInt8(counter) << 6 | 0x30 | mode << 1 | (isBCD ? 1 : 0)
    write(counter, count)
  }

  func write(_ counter: Int, _ count: UInt16) {
    self[0x40 + UInt16(counter)] = UInt8(truncatingIfNeeded: count)
    self[0x40 + UInt16(counter)] = UInt8(count >> 8)
  }

  func count(_ counter: Int) -> UInt16 {
    self[0x43] = UInt8(counter) << 6
    let low = self[0x40 + UInt16(counter)]
    return UInt16(low) | UInt16(self[0x40 + UInt16(counter)]) << 8
  }

  /// OUT of counter 2 after each of so many clocks.
  func outputs(_ count: Int) -> [Int] {
    (0..<count).map { _ in
      tick(1)
      return pit.speakerOutput ? 1 : 0
    }
  }
}

@Suite struct PITTests {
  @Test(
    arguments: [
      (0, 0x30), (1, 0xb2), (2, 0xb4), (3, 0xb6), (4, 0xb8), (5, 0xba), (6, 0xbc), (7, 0xbe),
    ] as [(UInt8, UInt8)])
  func `the status shows the mode as written, and OUT`(_ mode: UInt8, _ status: UInt8) {
    let bench = PITBench()
    bench.program(2, mode: mode, count: 0x1234)
    bench[0x43] = 0xe8
    #expect(bench[0x42] == status)
    #expect([bench[0x42], bench[0x42]] == [0x34, 0x12])
  }

  @Test func `the null count flag falls with the count`() {
    let bench = PITBench()
    bench[0x43] = 0x34
    bench[0x43] = 0xe2
    #expect(bench[0x40] == 0xf4)
    bench.write(0, 100)
    bench[0x43] = 0xe2
    #expect(bench[0x40] == 0xb4)
  }

  @Test func `mode 0 raises OUT once, when the count ends`() {
    let bench = PITBench()
    bench[0x61] = 1
    bench.program(2, mode: 0, count: 4)
    #expect(bench.outputs(8) == [0, 0, 0, 1, 1, 1, 1, 1])
    #expect(bench.count(2) == 0xfffc)
  }

  @Test func `in mode 0 the first byte of a new count stops counting and lowers OUT`() {
    let bench = PITBench()
    bench[0x61] = 1
    bench.program(2, mode: 0, count: 2)
    bench.tick(3)
    #expect(bench.pit.speakerOutput)
    bench[0x42] = 3
    #expect(!bench.pit.speakerOutput)
    bench.tick(100)
    #expect(!bench.pit.speakerOutput)
    bench[0x42] = 0
    #expect(bench.outputs(4) == [0, 0, 1, 1])
  }

  @Test func `a low gate pauses mode 0`() {
    let bench = PITBench()
    bench[0x61] = 1
    bench.program(2, mode: 0, count: 100)
    bench.tick(40)
    bench[0x61] = 0
    bench.tick(1000)
    #expect(bench.count(2) == 60)
    bench[0x61] = 1
    bench.tick(60)
    #expect(bench.pit.speakerOutput)
  }

  @Test func `mode 1 is a one-shot that the gate triggers`() {
    let bench = PITBench()
    bench.program(2, mode: 1, count: 3)
    #expect(bench.outputs(2) == [1, 1])
    bench[0x61] = 1
    #expect(bench.outputs(4) == [0, 0, 1, 1])
    bench[0x61] = 0
    bench[0x61] = 1
    #expect(!bench.pit.speakerOutput)
    // A new count waits for the next trigger.
    bench.write(2, 5)
    #expect(bench.outputs(4) == [0, 0, 1, 1])
    bench[0x61] = 0
    bench[0x61] = 1
    #expect(bench.outputs(6) == [0, 0, 0, 0, 1, 1])
  }

  @Test func `mode 2 lowers OUT for the last clock of each period`() {
    let bench = PITBench()
    bench[0x61] = 1
    bench.program(2, mode: 2, count: 4)
    #expect(bench.outputs(9) == [1, 1, 0, 1, 1, 1, 0, 1, 1])
  }

  @Test func `mode 3 is a square wave, an odd count's high half is longer`() {
    let bench = PITBench()
    bench[0x61] = 1
    bench.program(2, mode: 3, count: 4)
    #expect(bench.outputs(8) == [1, 0, 0, 1, 1, 0, 0, 1])
    let odd = PITBench()
    odd[0x61] = 1
    odd.program(2, mode: 3, count: 5)
    #expect(odd.outputs(10) == [1, 1, 0, 0, 1, 1, 1, 0, 0, 1])
  }

  @Test func `mode 3 counts by two`() {
    let bench = PITBench()
    bench[0x61] = 1
    bench.program(2, mode: 3, count: 8)
    let even = (0..<8).map { _ in
      defer { bench.tick(1) }
      return bench.count(2)
    }
    #expect(even == [8, 6, 4, 2, 8, 6, 4, 2])
    let odd = PITBench()
    odd[0x61] = 1
    odd.program(2, mode: 3, count: 5)
    let counts = (0..<5).map { _ in
      defer { odd.tick(1) }
      return odd.count(2)
    }
    #expect(counts == [4, 2, 0, 4, 2])
  }

  @Test func `mode 4 strobes once, mode 5 after a trigger`() {
    let bench = PITBench()
    bench[0x61] = 1
    bench.program(2, mode: 4, count: 3)
    #expect(bench.outputs(5) == [1, 1, 0, 1, 1])
    bench[0x61] = 0
    bench.program(2, mode: 5, count: 3)
    #expect(bench.outputs(4) == [1, 1, 1, 1])
    bench[0x61] = 1
    #expect(bench.outputs(5) == [1, 1, 0, 1, 1])
  }

  @Test func `a low gate holds modes 2 and 3 high and a rising one starts them over`() {
    for mode in [2, 3] as [UInt8] {
      let bench = PITBench()
      bench[0x61] = 1
      bench.program(2, mode: mode, count: 6)
      bench.tick(5)
      #expect(!bench.pit.speakerOutput)
      bench[0x61] = 0
      #expect(bench.outputs(3) == [1, 1, 1])
      bench[0x61] = 1
      #expect(bench.count(2) == 6)
    }
  }

  @Test func `a count written on the way waits for the end of the period`() {
    let bench = PITBench()
    bench[0x61] = 1
    bench.program(2, mode: 2, count: 5)
    bench.tick(2)
    bench.write(2, 3)
    #expect(bench.count(2) == 3)
    bench[0x43] = 0xe8
    #expect(bench[0x42] == 0xf4)  // null count: not taken yet
    _ = (bench[0x42], bench[0x42])
    #expect(bench.outputs(9) == [1, 0, 1, 1, 0, 1, 1, 0, 1])
  }

  @Test func `BCD counts in decimal`() {
    let bench = PITBench()
    bench[0x61] = 1
    bench.program(2, mode: 0, count: 0x1000, isBCD: true)
    bench.tick(1)
    #expect(bench.count(2) == 0x0999)
    bench.program(2, mode: 2, count: 0, isBCD: true)
    bench.tick(1)
    #expect(bench.count(2) == 0x9999)
    bench.tick(9999)
    #expect(bench.count(2) == 0)
  }

  @Test func `a latched count stays until it is read`() {
    let bench = PITBench()
    bench.program(0, mode: 2, count: 1000)
    bench.tick(100)
    bench[0x43] = 0x00
    bench.tick(100)
    bench[0x43] = 0x00
    #expect([bench[0x40], bench[0x40]] == [UInt8(900 & 0xff), UInt8(900 >> 8)])
    #expect(bench.count(0) == 800)
  }

  /// Low byte alone, high byte alone, low then high; what is not written is zero.
  @Test(
    arguments: [
      (1, [0x34], [0x34, 0x34]), (2, [0x12], [0x12, 0x12]), (3, [0x34, 0x12], [0x34, 0x12]),
    ] as [(UInt8, [UInt8], [UInt8])])
  func `bytes are written and read as programmed`(_ access: UInt8, _ written: [UInt8], _ bytes: [UInt8]) {
    let bench = PITBench()
    bench[0x43] = access << 4 | 4
    for byte in written { bench[0x40] = byte }
    #expect([bench[0x40], bench[0x40]] == bytes)
  }

  @Test func `counter 0 interrupts at its rate`() {
    let bench = PITBench()
    var edges: [Nanoseconds] = []
    bench.irq.connect { [unowned bench] in if $0 { edges.append(bench.clock.now) } }
    bench.program(0, mode: 2, count: 11932)
    bench.clock.advance(by: 100 * .millisecond)
    #expect(edges.count == 9)
    #expect(zip(edges, edges.dropFirst()).allSatisfy { abs($1 - $0 - 10_000_150) < 1000 })
  }

  @Test func `it counts from reset as a BIOS leaves it`() {
    let bench = PITBench()
    var edges = 0
    bench.irq.connect { if $0 { edges += 1 } }
    bench.clock.advance(by: .second)
    #expect(edges == 18)
  }

  @Test func `port 61h gates counter 2 and shows its output and the refresh toggle`() {
    let bench = PITBench()
    #expect(bench[0x61] & 0x2f == 0x20)
    bench[0x61] = 0xff
    #expect(bench[0x61] & 0x0f == 0x0f)
    var toggles = 0
    var last = bench[0x61] & 0x10
    for _ in 0..<180 {
      bench.tick(1)
      let now = bench[0x61] & 0x10
      if now != last { toggles += 1 }
      last = now
    }
    #expect(toggles == 10)
  }

  @Test func `the control word reads as nothing`() { #expect(PITBench()[0x43] == 0) }
}

/// A clock that is looked at late, as the host's is.
struct LatePITTests {
  private final class HostTime { var now: Int64 = 0 }

  @Test(arguments: [(2, 3), (4, 1)] as [(UInt8, Int)])
  func `a strobe is an edge of the interrupt although its time is over`(_ mode: UInt8, _ wanted: Int) {
    let host = HostTime()
    let clock = VirtualClock { host.now }
    let irq = IRQLine()
    var edges = 0, level = true
    irq.connect {
      if $0 && !level { edges += 1 }
      level = $0
    }
    let pit = PIT(clock: clock, irq: irq)
    pit.reset(.power)
    pit.write(port: 3, 0x30 | mode << 1)
    for byte: UInt8 in [0xe8, 3] { pit.write(port: 0, byte) }
    edges = 0
    for _ in 0..<3 {
      host.now += 850_000  // a period of 1000 clocks is 838,095 ns
      clock.fireDueTimers()
    }
    #expect(edges == wanted)
  }

  @Test func `a new count comes after the edge of the old one`() {
    let host = HostTime()
    let clock = VirtualClock { host.now }
    let irq = IRQLine()
    var levels: [Bool] = []
    irq.connect { levels.append($0) }
    let pit = PIT(clock: clock, irq: irq)
    pit.reset(.power)
    pit.write(port: 3, 0x38)
    for byte: UInt8 in [100, 0] { pit.write(port: 0, byte) }
    levels = []
    host.now = 1_000_000
    for byte: UInt8 in [100, 0] { pit.write(port: 0, byte) }
    #expect(levels == [false, true])
  }
}
