// SPDX-License-Identifier: Apache-2.0
import Chipset
import DeviceBattery
import Platform
import Testing

/// Sections are those of the IA-PC HPET Specification 1.0a.
@Suite struct HPETTests {
  let clock = VirtualClock()
  let memory = GuestMemory()
  let irq0 = IRQLine(), irq8 = IRQLine(), routed = IRQLine()
  let edges = Edges()
  let hpet: HPET

  final class Edges {
    var lines: [String] = []
  }

  init() {
    hpet = HPET(clock: clock, map: memory.map, irq0: irq0, irq8: irq8, routed: routed)
    let edges = edges
    for (name, line) in [("irq0", irq0), ("irq8", irq8), ("routed", routed)] {
      line.connect { if $0 { edges.lines.append(name) } }
    }
    hpet.reset(.power)
    memory.map.commit()
  }

  private subscript(_ offset: UInt64) -> UInt64 {
    get { memory.busRead(HPET.base + offset, .qword) }
    nonmutating set { memory.busWrite(HPET.base + offset, .qword, newValue) }
  }

  @Test func `identity and reset values are those of QEMU`() {
    #expect(self[0] == 0x0098_9680_8086_a201)
    #expect(memory.busRead(HPET.base + 4, .dword) == 10_000_000, "femtoseconds a count")
    #expect(self[0x10] == 0 && self[0x20] == 0 && self[0xf0] == 0)
    for timer: UInt64 in 0..<3 {
      #expect(self[0x100 + timer * 0x20] == 0x4_0000_0030 && self[0x108 + timer * 0x20] == .max)
    }
    #expect(self[0x160] == 0)
  }

  @Test func `the counter counts while it is enabled, and is written while it is not`() {
    self[0xf0] = 0xffff_ffff_0000_0000
    self[0x10] = 1
    clock.advance(by: 12345)
    #expect(self[0xf0] == 0xffff_ffff_0000_04d2)
    self[0xf0] = 0
    #expect(self[0xf0] == 0xffff_ffff_0000_04d2)
    self[0x10] = 0
    clock.advance(by: 1000)
    #expect(self[0xf0] == 0xffff_ffff_0000_04d2)
    memory.busWrite(HPET.base + 0xf4, .dword, 1)
    #expect(self[0xf0] == 0x1_0000_04d2)
  }

  @Test func `a one-shot match is one interrupt`() {
    self[0x100] = 2 << 9 | 4
    self[0x108] = 100
    self[0x10] = 1
    clock.advance(by: 999)
    #expect(edges.lines == [])
    clock.advance(by: 1)
    #expect(edges.lines == ["routed"])
    clock.advance(by: 1_000_000)
    #expect(edges.lines == ["routed"] && clock.nextDeadline == nil)
    self[0x108] = 50
    clock.advance(by: 0)
    #expect(edges.lines == ["routed", "routed"], "too late is now")
  }

  @Test func `a 32-bit comparator matches each time the counter comes round`() {
    self[0xf0] = 0xffff_ff00
    self[0x100] = 1 << 8 | 2 << 9 | 4
    self[0x108] = 0xff
    #expect(self[0x108] == 0xff)
    self[0x10] = 1
    clock.advance(by: 0x1ff * 10 - 1)
    #expect(edges.lines == [])
    clock.advance(by: 1)
    #expect(edges.lines.count == 1)
    clock.advance(by: 10 << 32)
    #expect(edges.lines.count == 2)
  }

  /// 2.3.9.2.2: the first write after the value-set bit is the comparator, the next the period.
  @Test func `a periodic timer accumulates`() {
    self[0x100] = 1 << 6 | 1 << 3 | 4
    self[0x108] = 500
    #expect(self[0x100] & 1 << 6 == 0)
    self[0x108] = 300
    #expect(self[0x108] == 500)
    self[0x10] = 3
    clock.advance(by: 5000)
    #expect(edges.lines == ["irq0"] && self[0x108] == 1700, "300 counts are less than 10 µs: four periods at a time")
    clock.advance(by: 30_000)
    #expect(edges.lines.count == 3)
    self[0x10] = 2
    self[0x108] = 2000
    self[0x10] = 3
    let before = edges.lines.count
    clock.advance(by: 200_000)
    #expect((9...11).contains(edges.lines.count - before))
  }

  @Test func `a level stays until its status is cleared`() {
    self[0x120] = 2 << 9 | 4 | 2
    self[0x128] = 10
    self[0x10] = 1
    clock.advance(by: 100)
    #expect(routed.level && self[0x20] == 2)
    self[0x20] = 1
    #expect(routed.level)
    self[0x120] = 2 << 9 | 2
    #expect(!routed.level && self[0x20] == 2, "status needs no enable")
    self[0x120] = 2 << 9 | 4 | 2
    #expect(routed.level)
    self[0x20] = 2
    #expect(!routed.level && self[0x20] == 0)
  }

  @Test func `legacy replacement takes the places of PIT and clock`() {
    hpet.legacyInputs[0].set(true)
    #expect(irq0.level)
    self[0x10] = 2
    #expect(!irq0.level)
    hpet.legacyInputs[1].set(true)
    #expect(!irq8.level)
    self[0x120] = 4
    self[0x128] = 10
    self[0x10] = 3
    clock.advance(by: 100)
    #expect(edges.lines == ["irq0", "irq8"])
    self[0x10] = 0
    #expect(irq0.level && irq8.level)
    hpet.reset(.system)
    #expect(irq0.level)
  }

  @Test func `a timer without a possible route interrupts nobody`() {
    self[0x100] = 5 << 9 | 4
    self[0x108] = 10
    self[0x10] = 1
    clock.advance(by: 1000)
    #expect(edges.lines == [])
    self[0x100] = .max
    #expect(self[0x100] == 0x4_0000_3f7e)
  }

  @Test func `the battery passes`() {
    let failures = DeviceBattery.check(seeds: Array(1...12)) {
      DeviceBench { parts in
        parts.longestStep = 60 * .microsecond
        let hpet = HPET(
          clock: parts.clock, map: parts.memory.map, irq0: parts.output("irq0"), irq8: parts.output("irq8"),
          routed: parts.output("routed"))
        let memory = parts.memory, record = parts.recorder, clock = parts.clock
        parts.exercise(memory: HPET.base..<HPET.base + 0x160)
        func write(_ offset: UInt64, _ value: UInt64) { memory.busWrite(HPET.base + offset, .qword, value) }
        for _ in 0..<3 {
          parts.stimulus { word in
            let timer = 0x100 + (word >> 56) % 3 * 0x20
            write(timer, word & 0x14e | (word >> 16 & 1) << 10 | 4)
            write(timer + 8, memory.busRead(HPET.base + 0xf0, .qword) &+ word >> 32 & 0x1fff)
            if word & 8 != 0 { write(timer + 8, word >> 20 & 0xfff) }
          }
        }
        parts.stimulus { write(0x10, $0 & 7 == 0 ? 0 : 1 | $0 >> 8 & 2) }
        parts.stimulus { write(0x10, 1 | $0 & 2) }
        parts.stimulus { write(0x20, $0 & 7) }
        parts.stimulus { word in
          if word & 7 == 0 {
            write(0x10, 0)
            write(0xf0, word >> 8 & 3 == 0 ? 0xffff_f000 : word >> 40)
          }
        }
        parts.stimulus { word in
          record("\(memory.busRead(HPET.base + [0xf0, 0x20, 0x108, 0x128, 0x148, 0x10][Int(word % 6)], .qword))")
        }
        // The inputs' levels are their drivers' state: pulses leave none behind.
        parts.stimulus { hpet.legacyInputs[Int($0 & 1)].pulse() }
        parts.stimulus { _ in record("\(clock.now)") }
        return hpet
      }
    }
    #expect(failures == [])
  }
}
