// SPDX-License-Identifier: Apache-2.0
import Chipset
import Platform
import Testing

/// Sections are those of the SDM, volume 3.
@Suite struct LocalAPICTests {
  let bench = APICBench()

  /// Table 10-1 and 10.4.7.1; LINT0 as QEMU leaves it for the first processor.
  @Test(
    arguments: [
      (0x20, 0), (0x30, 0x50014), (0x80, 0), (0x90, 0), (0xa0, 0), (0xd0, 0), (0xe0, 0xffff_ffff), (0xf0, 0xff),
      (0x100, 0), (0x280, 0), (0x300, 0), (0x310, 0), (0x320, 0x10000), (0x330, 0x10000), (0x340, 0x10000),
      (0x350, 0x700), (0x360, 0x10000), (0x370, 0x10000), (0x380, 0), (0x390, 0), (0x3e0, 0),
    ] as [(UInt64, UInt32)])
  func `registers after a reset`(offset: UInt64, value: UInt32) {
    #expect(bench[0, offset] == value)
    bench[0, 0xf0] = 0x1ff
    bench[0, 0x80] = 0x50
    bench.apics[0].reset(.system)
    #expect(bench[0, offset] == value)
  }

  /// Bits that are not reserved (figures 10-8, 10-10, 10-12, 10-23).
  @Test(
    arguments: [
      (0x20, 0xff00_0000), (0x80, 0xff), (0xd0, 0xff00_0000), (0xf0, 0x3ff), (0x310, 0xff00_0000), (0x320, 0x300ff),
      (0x330, 0x107ff), (0x340, 0x107ff), (0x350, 0x1a7ff), (0x360, 0x1a7ff), (0x370, 0x100ff), (0x380, 0xffff_ffff),
      (0x3e0, 0xb), (0x30, 0x50014),
    ] as [(UInt64, UInt32)])
  func `reserved bits stay zero`(offset: UInt64, value: UInt32) {
    bench.enable()
    bench[0, offset] = 0xffff_ffff
    #expect(bench[0, offset] == value)
  }

  @Test func `interrupts are taken by priority and end in turn`() {
    bench.enable()
    for vector: UInt32 in [0x31, 0x45, 0x41] { bench[0, 0x300] = 0x40000 | vector }
    #expect(bench[0, 0x210] == 0x0002_0000 && bench[0, 0x220] == 0x22)
    #expect(bench.take() == 0x45)
    #expect(bench[0, 0xa0] == 0x40)
    #expect(bench.take() == nil, "41h has the same class")
    bench[0, 0xb0] = 0
    #expect(bench.take() == 0x41)
    bench[0, 0xb0] = 0
    bench[0, 0x80] = 0x30
    #expect(bench.take() == nil, "the task has class 3 too")
    #expect(bench[0, 0xa0] == 0x30)
    bench.apics[0].taskPriorityClass = 2
    #expect(bench[0, 0x80] == 0x20)
    #expect(bench.take() == 0x31)
    #expect(bench[0, 0x110] == 0x0002_0000)
  }

  @Test func `the 8259A's interrupts come through LINT0 until it is closed, and always while the APIC is off`() {
    let apic = bench.apics[0]
    apic.setLocalInput(0, true)
    #expect(bench.take() == 0x20)
    bench.enable()
    bench[0, 0x350] = 0x10700
    #expect(!bench.outputs[0].level)
    #expect(apic.write(modelRegister: 0x1b, 0xfee0_0100))
    #expect(bench.take() == 0x20)
    #expect(apic.write(modelRegister: 0x1b, 0xfee0_0900))
    #expect(bench[0, 0xf0] == 0xff, "what was set up is lost")
    apic.setLocalInput(0, false)
    #expect(!bench.outputs[0].level)
  }

  @Test func `its own interrupts go before those of the 8259A`() {
    bench.enable()
    bench.apics[0].setLocalInput(0, true)
    bench[0, 0x300] = 0x40051
    #expect(bench.take() == 0x51)
    #expect(bench.take() == 0x20)
  }

  @Test func `an APIC that software disables masks its entries and takes no vectors`() {
    bench.enable()
    bench[0, 0x320] = 0x40
    bench[0, 0xf0] = 0xff
    #expect(bench[0, 0x320] == 0x10040 && bench[0, 0x350] == 0x10700)
    bench[0, 0x320] = 0x40
    #expect(bench[0, 0x320] == 0x10040)
    bench[0, 0x300] = 0x40051
    #expect(bench.take() == nil)
  }

  @Test func `LINT1 is NMI once firmware says so`() {
    let apic = bench.apics[0]
    apic.setLocalInput(1, true)
    apic.setLocalInput(1, false)
    #expect(bench.log.lines == [])
    bench.enable()
    bench[0, 0x360] = 0x400
    apic.setLocalInput(1, true)
    #expect(bench.log.lines == ["nmi 0"])
  }

  @Test func `a level on LINT0 requests again after its end`() {
    bench.enable()
    bench[0, 0x350] = 0x8041
    bench.apics[0].setLocalInput(0, true)
    #expect(bench.take() == 0x41)
    #expect(bench[0, 0x350] == 0xc041 && bench[0, 0x1a0] == 2)
    bench[0, 0xb0] = 0
    #expect(bench.take() == 0x41)
    bench.apics[0].setLocalInput(0, false)
    bench[0, 0xb0] = 0
    #expect(bench.take() == nil && bench[0, 0x350] == 0x8041)
  }

  // MARK: Timer

  /// Divide configuration, figure 10-10: the count after 1000 ns of 5000.
  @Test(arguments: [(0, 2), (1, 4), (2, 8), (3, 16), (8, 32), (9, 64), (10, 128), (11, 1)] as [(UInt32, UInt32)])
  func `the timer divides the bus clock`(code: UInt32, divisor: UInt32) {
    bench[0, 0x3e0] = code
    bench[0, 0x380] = 5000
    bench.clock.advance(by: 1000)
    #expect(bench[0, 0x390] == 5000 - 1000 / divisor)
  }

  @Test func `a one-shot count ends at zero with one interrupt`() {
    bench.enable()
    bench[0, 0x3e0] = 0xb
    bench[0, 0x320] = 0x40
    bench[0, 0x380] = 1000
    bench.clock.advance(by: 999)
    #expect(bench.take() == nil && bench[0, 0x390] == 1)
    bench.clock.advance(by: 1)
    #expect(bench.take() == 0x40)
    bench[0, 0xb0] = 0
    bench.clock.advance(by: 10_000)
    #expect(bench.take() == nil && bench[0, 0x390] == 0)
  }

  @Test func `a periodic count goes on, and missed periods are one interrupt`() {
    bench.enable()
    bench[0, 0x3e0] = 0xb
    bench[0, 0x320] = 0x20040
    bench[0, 0x380] = 1000
    bench.clock.advance(by: 3500)
    #expect(bench[0, 0x390] == 500)
    #expect(bench.take() == 0x40)
    bench[0, 0xb0] = 0
    #expect(bench.take() == nil)
    bench.clock.advance(by: 499)
    #expect(bench.take() == nil)
    bench.clock.advance(by: 1)
    #expect(bench.take() == 0x40)
    #expect(bench[0, 0x390] == 1000)
    bench[0, 0x380] = 0
    bench[0, 0xb0] = 0
    bench.clock.advance(by: 5000)
    #expect(bench.take() == nil)
  }

  /// 4 G interrupts a second that nobody takes must cost nothing: no deadline is armed for them.
  @Test func `an expiry that changes nothing is not waited for`() {
    bench.enable()
    bench[0, 0x3e0] = 0xb
    bench[0, 0x320] = 0x20040
    bench[0, 0x380] = 1
    bench.clock.advance(by: 1)
    #expect(bench.outputs[0].level && bench.clock.nextDeadline == nil)
    bench[0, 0x320] = 0x20005
    bench.clock.advance(by: 1)
    #expect(bench.clock.nextDeadline == nil)
    bench[0, 0x280] = 0
    #expect(bench[0, 0x280] == 0x40)
  }

  @Test func `the rate can change on the way`() {
    bench[0, 0x3e0] = 0xb
    bench[0, 0x380] = 1000
    bench.clock.advance(by: 400)
    bench[0, 0x3e0] = 0
    #expect(bench[0, 0x390] == 600)
    bench.clock.advance(by: 100)
    #expect(bench[0, 0x390] == 550)
  }

  // MARK: Errors

  @Test func `errors show after a write and report themselves`() {
    bench.enable()
    bench[0, 0x370] = 0x61
    bench[0, 0x300] = 0x40005
    #expect(bench[0, 0x280] == 0)
    bench[0, 0x280] = 0
    #expect(bench[0, 0x280] == 0x20)
    #expect(bench.take() == 0x61)
    _ = bench[0, 0x40]
    bench[0, 0x280] = 0
    #expect(bench[0, 0x280] == 0x80)
    bench[0, 0x280] = 0
    #expect(bench[0, 0x280] == 0)
  }

  // MARK: x2APIC

  /// Changes of mode, figure 10-27.
  @Test func `modes change along the arrows of the state diagram`() {
    let apic = bench.apics[0]
    #expect(apic.read(modelRegister: 0x1b) == 0xfee0_0900)
    #expect(apic.read(modelRegister: 0x802) == nil)
    #expect(!apic.write(modelRegister: 0x1b, 0xfee0_0500), "x2APIC without the APIC")
    #expect(apic.write(modelRegister: 0x1b, 0xfee0_0d00))
    #expect(apic.read(modelRegister: 0x802) == 0 && apic.read(modelRegister: 0x803) == 0x50014)
    #expect(!apic.write(modelRegister: 0x1b, 0xfee0_0900), "back without a stop")
    #expect(apic.write(modelRegister: 0x1b, 0xfee0_0100))
    #expect(!apic.write(modelRegister: 0x1b, 0xfee0_0d00), "from off")
    #expect(apic.write(modelRegister: 0x1b, 0xfee0_0900))
    #expect(!apic.write(modelRegister: 0x1b, 0x100_fee0_0900), "41 address bits")
    #expect(!apic.write(modelRegister: 0x1b, 0xfee0_0901))
  }

  @Test func `a processor without x2APIC refuses it`() {
    let bench = APICBench(hasX2APIC: false)
    #expect(!bench.apics[0].write(modelRegister: 0x1b, 0xfee0_0d00))
  }

  /// Table 10-6: registers that can be neither read nor written, and bits that cannot be set, are faults.
  @Test func `x2APIC registers fault where the manual says`() {
    let apic = bench.apics[0]
    #expect(apic.write(modelRegister: 0x1b, 0xfee0_0d00))
    for index: UInt32 in [0x800, 0x80b, 0x80e, 0x831, 0x83f, 0x840, 0x8ff] {
      #expect(apic.read(modelRegister: index) == nil, "\(index)")
    }
    let refused: [(UInt32, UInt64)] = [
      (0x802, 0), (0x803, 0), (0x809, 0), (0x80a, 0), (0x80d, 0), (0x80e, 0), (0x810, 0), (0x839, 0), (0x80b, 1),
      (0x828, 1), (0x808, 0x100), (0x832, 0x1000), (0x83e, 4), (0x830, 0x1000), (0x838, 1 << 32), (0x83f, 0x100),
    ]
    for (index, value) in refused { #expect(!apic.write(modelRegister: index, value), "\(index)") }
    #expect(apic.write(modelRegister: 0x80f, 0x1ff))
    #expect(apic.write(modelRegister: 0x83f, 0x77))
    #expect(bench.take() == 0x77)
    #expect(apic.read(modelRegister: 0x813) == 0x80_0000)
    #expect(apic.write(modelRegister: 0x80b, 0))
    #expect(apic.read(modelRegister: 0x813) == 0)
  }

  @Test func `the page moves with the base and hides in x2APIC mode`() {
    let apic = bench.apics[0]
    let version: (PhysicalAddress) -> UInt64 = { bench.memory.busRead($0 + 0x30, .dword) }
    #expect(version(0xfee0_0000) == 0x50014)
    #expect(apic.write(modelRegister: 0x1b, 0xd000_0900))
    bench.memory.map.commit()
    #expect(version(0xd000_0000) == 0x50014 && version(0xfee0_0000) == 0xffff_ffff)
    #expect(apic.write(modelRegister: 0x1b, 0xd000_0d00))
    bench.memory.map.commit()
    #expect(version(0xd000_0000) == 0xffff_ffff)
  }
}

/// Interrupts between processors: SDM vol. 3, 10.6.
@Suite struct LocalAPICMessageTests {
  let bench = APICBench(processorCount: 3)

  init() {
    for number in 0..<3 { bench.enable(number) }
  }

  private func send(_ command: UInt32, to destination: UInt32 = 0, from number: Int = 0) {
    bench[number, 0x310] = destination << 24
    bench[number, 0x300] = command
  }

  private func takers() -> [Int] { (0..<3).filter { bench.take($0) != nil } }

  @Test(
    arguments: [
      (0x51, 2, [2]), (0x51, 0xff, [0, 1, 2]), (0x51, 7, []), (0x4_0051, 2, [0]), (0x8_0051, 1, [0, 1, 2]),
      (0xc_0051, 1, [1, 2]), (0xc_0151, 1, [1]),
    ] as [(UInt32, UInt32, [Int])])
  func `physical destinations and shorthands`(command: UInt32, destination: UInt32, expected: [Int]) {
    send(command, to: destination)
    #expect(takers() == expected)
  }

  @Test func `logical destinations of the flat model are bits`() {
    for number in 0..<3 { bench[number, 0xd0] = 1 << UInt32(24 + number) }
    send(0x851, to: 5)
    #expect(takers() == [0, 2])
    send(0x851, to: 0xf8)
    #expect(takers() == [])
  }

  @Test func `logical destinations of the cluster model are bits of a cluster`() {
    for (number, id) in [0x11, 0x12, 0x21].enumerated() {
      bench[number, 0xe0] = 0
      bench[number, 0xd0] = UInt32(id) << 24
    }
    send(0x851, to: 0x13)
    #expect(takers() == [0, 1])
    for number in 0..<2 { bench[number, 0xb0] = 0 }
    send(0x851, to: 0xf1)
    #expect(takers() == [0, 2])
  }

  @Test func `the lowest priority takes it`() {
    for number in 0..<3 { bench[number, 0xd0] = 0xff00_0000 }
    bench[0, 0x80] = 0x30
    bench[1, 0x80] = 0x20
    bench[2, 0x80] = 0x20
    send(0x951, to: 0xff)
    #expect(takers() == [1])
    bench[1, 0xf0] = 0xff
    bench[1, 0x80] = 0
    send(0x952, to: 0xff)
    #expect(takers() == [2], "one that software disabled is passed over")
  }

  @Test func `processors are started by INIT and SIPI`() {
    send(0xc500)  // INIT, asserted, level
    #expect(bench.log.lines == ["init 0"], "physical destination 0 is the sender")
    bench.log.lines = []
    bench.enable()
    send(0xc_4500)
    #expect(bench.log.lines == ["init 1", "init 2"])
    send(0xc_8500)
    #expect(bench.log.lines.count == 2, "level de-assert does nothing")
    send(0x4609, to: 1)
    send(0x4609, to: 1)
    send(0x4608, to: 0)
    #expect(bench.log.lines == ["init 1", "init 2", "sipi 1 9"])
    send(0x4400, to: 2)
    #expect(bench.log.lines.last == "nmi 2")
  }

  @Test func `INIT keeps the ID and the base`() {
    bench[1, 0x20] = 0x0700_0000
    bench[1, 0x80] = 0x40
    send(0x4500, to: 7)
    #expect(bench[1, 0x20] == 0x0700_0000 && bench[1, 0x80] == 0 && bench[1, 0xf0] == 0xff)
    #expect(bench[1, 0x350] == 0x10000)
  }

  @Test func `x2APIC clusters come from the ID`() {
    for apic in bench.apics {
      #expect(apic.write(modelRegister: 0x1b, (apic.read(modelRegister: 0x1b) ?? 0) | 0xc00))
      #expect(apic.write(modelRegister: 0x80f, 0x1ff))
    }
    #expect(bench.apics.map { $0.read(modelRegister: 0x80d) } == [1, 2, 4])
    #expect(bench.apics[0].write(modelRegister: 0x830, 6 << 32 | 0x851))
    #expect(takers() == [1, 2])
    #expect(bench.apics[0].write(modelRegister: 0x830, 0x1_0006 << 32 | 0x861))
    #expect(takers() == [])
    #expect(bench.apics[0].write(modelRegister: 0x830, 0xffff_ffff << 32 | 0x71))
    #expect(takers() == [0, 1, 2])
    #expect(bench.apics[0].write(modelRegister: 0x830, 0xff << 32 | 0x81))
    #expect(takers() == [], "FFh is an ID like others")
  }
}
