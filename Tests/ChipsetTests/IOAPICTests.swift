// SPDX-License-Identifier: Apache-2.0
import Chipset
import Platform
import Testing

/// Sections are those of the 82093AA data sheet.
@Suite struct IOAPICTests {
  let bench = APICBench(processorCount: 2)

  init() {
    for number in 0..<2 { bench.enable(number) }
  }

  @Test func `identity and reset values`() {
    #expect(bench.io(0) == 0 && bench.io(1) == 0x0017_0020 && bench.io(2) == 0)
    for register: UInt8 in 0x10...0x3f { #expect(bench.io(register) == (register & 1 == 0 ? 0x10000 : 0)) }
    #expect(bench.io(0x40) == 0 && bench.io(0xff) == 0)
    bench.setIO(0, 0xffff_ffff)
    #expect(bench.io(0) == 0x0f00_0000 && bench.io(2) == 0x0f00_0000)
    bench.setIO(0x10, 0xffff_ffff)
    bench.setIO(0x11, 0xffff_ffff)
    #expect(bench.io(0x10) == 0x1_afff && bench.io(0x11) == 0xff00_0000, "status bits cannot be written")
    bench.ioAPIC.reset(.system)
    #expect(bench.io(0x10) == 0x10000 && bench.io(0) == 0)
  }

  @Test func `an edge is one interrupt`() {
    bench.redirect(4, 0x34, to: 1)
    bench.ioAPIC.setInput(4, true)
    #expect(bench.take(0) == nil && bench.take(1) == 0x34)
    bench[1, 0xb0] = 0
    #expect(bench.take(1) == nil)
    bench.ioAPIC.setInput(4, false)
    bench.ioAPIC.setInput(4, true)
    #expect(bench.take(1) == 0x34)
  }

  @Test func `an edge on a masked input is lost, a level is not`() {
    bench.redirect(4, 0x1_0034)
    bench.redirect(9, 0x1_8039)
    bench.ioAPIC.setInput(4, true)
    bench.ioAPIC.setInput(9, true)
    #expect(bench.take() == nil)
    bench.redirect(4, 0x34)
    #expect(bench.take() == nil)
    bench.redirect(9, 0x8039)
    #expect(bench.take() == 0x39)
  }

  @Test func `a level comes again after its end while it lasts`() {
    bench.redirect(9, 0x8039)
    bench.ioAPIC.setInput(9, true)
    #expect(bench.io(0x22) == 0xc039, "remote IRR")
    #expect(bench.take() == 0x39)
    bench.ioAPIC.setInput(9, false)
    bench.ioAPIC.setInput(9, true)
    #expect(bench.take() == nil)
    bench[0, 0xb0] = 0
    #expect(bench.take() == 0x39)
    bench.ioAPIC.setInput(9, false)
    bench[0, 0xb0] = 0
    #expect(bench.take() == nil && bench.io(0x22) == 0x8039)
  }

  @Test func `the EOI register and a change to edges end a level too`() {
    bench.redirect(9, 0x8039)
    bench.ioAPIC.setInput(9, true)
    bench.ioAPIC.setInput(9, false)
    bench.memory.busWrite(0xfec0_0040, .dword, 0x38)
    #expect(bench.io(0x22) == 0xc039)
    bench.memory.busWrite(0xfec0_0040, .dword, 0x39)
    #expect(bench.io(0x22) == 0x8039)
    bench.ioAPIC.setInput(9, true)
    bench.redirect(9, 0x1_0039)
    #expect(bench.io(0x22) == 0x1_0039)
  }

  @Test func `entries choose the delivery`() {
    bench.redirect(1, 0x400, to: 1)
    bench.ioAPIC.setInput(1, true)
    #expect(bench.log.lines == ["nmi 1"])
    bench.redirect(2, 0x700)
    bench.ioAPIC.setInput(2, true)
    #expect(bench.take() == 0x20, "from the 8259A")
    #expect(bench.take() == nil)
    bench[0, 0xd0] = 1 << 24
    bench[1, 0xd0] = 2 << 24
    bench.redirect(3, 0x845, to: 3)
    bench.ioAPIC.setInput(3, true)
    #expect(bench.take(0) == 0x45 && bench.take(1) == 0x45)
  }

  @Test func `inputs that do not exist are nothing`() {
    bench.ioAPIC.setInput(24, true)
    bench.ioAPIC.setInput(-1, true)
    #expect(bench.take() == nil)
  }
}

/// The wiring of a PC.
@Suite struct InterruptRouterTests {
  let clock = VirtualClock()
  let memory = GuestMemory()
  let intr = IRQLine()
  let router: InterruptRouter

  init() {
    router = InterruptRouter(
      hasLocalAPIC: true, hasX2APIC: false, clock: clock, map: memory.map, output: intr, nmi: {}, initialize: {})
    for device in router.devices { device.reset(.power) }
    memory.map.commit()
  }

  @Test func `after a reset the 8259A has the processor`() {
    for (port, value) in [(0, 0x11), (1, 0x08), (1, 4), (1, 1), (1, 0)] {
      router.pics.master.write(port: UInt16(port), UInt8(value))
    }
    let line = router.line(1)
    line.set(true)
    #expect(intr.level)
    #expect(router.acknowledge() == 9)
    #expect(!intr.level && router.acknowledge() == nil)
  }

  /// Interrupt 0 is input 2; every other is the input of its number.
  @Test(arguments: [(0, 2), (1, 1), (9, 9), (15, 15)])
  func `ISA interrupts are inputs of the I/O APIC`(interrupt: Int, input: UInt64) {
    memory.busWrite(0xfee0_00f0, .dword, 0x1ff)
    memory.busWrite(0xfec0_0000, .dword, 0x10 + 2 * input)
    memory.busWrite(0xfec0_0010, .dword, 0x41)
    router.line(interrupt).set(true)
    #expect(intr.level && router.acknowledge() == 0x41)
  }

  @Test func `a processor without a local APIC has the 8259A's INTR`() {
    let memory = GuestMemory()
    let output = IRQLine()
    var nmis = 0
    let router = InterruptRouter(
      hasLocalAPIC: false, hasX2APIC: false, clock: clock, map: memory.map, output: output, nmi: { nmis += 1 },
      initialize: {})
    for device in router.devices { device.reset(.power) }
    memory.map.commit()
    #expect(router.localAPIC == nil && memory.busRead(0xfee0_0030, .dword) == 0xffff_ffff)
    for (port, value) in [(0, 0x11), (1, 0x08), (1, 4), (1, 1), (1, 0)] {
      router.pics.master.write(port: UInt16(port), UInt8(value))
    }
    router.line(3).set(true)
    #expect(output.level && router.acknowledge() == 11)
    router.injectNMI()
    #expect(nmis == 1)
  }
}
