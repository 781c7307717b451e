// SPDX-License-Identifier: Apache-2.0
import Chipset
import Platform
import Testing

@Suite struct PowerManagementTests {
  /// A bench whose registers are mapped at 600h as SeaBIOS does it.
  private func mapped() throws -> PCIChipBench {
    let bench = try PCIChipBench()
    bench.write(1, 3, 0x40, .dword, 0x601)
    bench.write(1, 3, 0x80, .byte, 1)
    return bench
  }

  @Test func `registers appear where PMBASE says and only while enabled`() throws {
    let bench = try PCIChipBench()
    #expect(bench.ports.read(0x604, .word) == 0xffff)
    bench.write(1, 3, 0x40, .dword, 0xffff_ffff)
    #expect(bench.read(1, 3, 0x40) == 0xffc1)
    bench.write(1, 3, 0x40, .dword, 0x601)
    bench.write(1, 3, 0x80, .byte, 1)
    #expect(bench.ports.read(0x604, .word) == 0)
    bench.write(1, 3, 0x40, .dword, 0xb001)
    #expect(bench.ports.read(0x604, .word) == 0xffff)
    #expect(bench.ports.read(0xb004, .word) == 0)
    bench.write(1, 3, 0x80, .byte, 0)
    #expect(bench.ports.read(0xb004, .word) == 0xffff)
  }

  @Test func `the timer has 24 bits and 3.579545 MHz`() throws {
    let bench = try mapped()
    bench.clock.advance(by: .second)
    #expect(bench.ports.read(0x608, .dword) == 3_579_545)
    bench.clock.advance(by: 4 * .second)
    #expect(bench.ports.read(0x608, .dword) == 5 * 3_579_545 & 0xff_ffff)
    #expect(bench.ports.read(0x609, .word) == (5 * 3_579_545) >> 8 & 0xffff)
  }

  @Test func `the timer's top bit sets its status and interrupts if enabled`() throws {
    let bench = try mapped()
    bench.ports.write(0x602, .word, 1)
    let toggle: Nanoseconds = (0x80_0000 * 1_000_000_000 + 3_579_544) / 3_579_545
    #expect(bench.clock.nextDeadline == toggle)
    bench.clock.advance(by: toggle - 1)
    #expect(!bench.sci.level)
    bench.clock.advance(by: 1)
    #expect(bench.sci.level)
    #expect(bench.ports.read(0x600, .word) == 1)
    bench.ports.write(0x600, .word, 1)
    #expect(!bench.sci.level)
    #expect(bench.ports.read(0x600, .word) == 0)
    bench.clock.advance(by: toggle)
    #expect(bench.sci.level)
  }

  @Test func `the enable register keeps all bits, the control register all but SLP_EN`() throws {
    let bench = try mapped()
    bench.ports.write(0x602, .word, 0xffff)
    #expect(bench.ports.read(0x602, .word) == 0xffff)
    bench.ports.write(0x604, .word, 0x1fff)
    #expect(bench.ports.read(0x604, .word) == 0x1fff)
    #expect(bench.ports.read(0x602, .dword) == 0x1fff_ffff)
    #expect(bench.ports.read(0x606, .dword) & 0xffff == 0)
  }

  @Test func `the power button sets its status and interrupts if enabled`() throws {
    let bench = try mapped()
    bench.power.pressPowerButton()
    #expect(!bench.sci.level)
    bench.ports.write(0x602, .word, 0x100)
    #expect(bench.sci.level)
    #expect(bench.ports.read(0x600, .word) == 0x100)
    bench.ports.write(0x600, .word, 0x100)
    #expect(!bench.sci.level)
  }

  @Test func `APMC switches ACPI on and off`() throws {
    let bench = try mapped()
    bench.ports.write(0xb2, .byte, 0xf1)
    #expect(bench.ports.read(0x604, .word) == 1)
    bench.ports.write(0xb3, .byte, 0x5a)
    bench.ports.write(0xb2, .byte, 0xf0)
    #expect(bench.ports.read(0x604, .word) == 0)
    #expect(bench.ports.read(0xb2, .word) == 0x5af0)
  }

  /// PM1 control and whether it powers the machine off: SLP_EN with SLP_TYP 0.
  @Test(arguments: [(0x2000, 1), (0x2001, 1), (0x0001, 0), (0x2400, 0), (0x3c00, 0)] as [(UInt32, Int)])
  func `S5 asks for the end`(_ control: UInt32, _ sleeps: Int) throws {
    let bench = try mapped()
    bench.ports.write(0x604, .word, control)
    #expect(bench.sleeps == sleeps)
    #expect(bench.ports.read(0x604, .word) == control & ~0x2000)
  }

  @Test func `general purpose events interrupt while enabled and not cleared`() throws {
    let bench = try mapped()
    #expect(bench.ports.read(0xafe0, .dword) == 0)
    bench.power.raiseGeneralEvent(1)
    #expect(bench.ports.read(0xafe0, .dword) == 2)
    #expect(!bench.sci.level)
    bench.ports.write(0xafe2, .word, 0xffff)
    #expect(bench.sci.level)
    bench.ports.write(0xafe0, .byte, 2)
    #expect(!bench.sci.level)
    #expect(bench.ports.read(0xafe0, .dword) == 0xffff_0000)
  }

  @Test func `SMBus commands end in a device error, which writing it clears`() throws {
    let bench = try PCIChipBench()
    #expect(bench.ports.read(0xb100, .byte) == 0)
    bench.write(1, 3, 0x90, .dword, 0x701)
    #expect(bench.ports.read(0xb100, .byte) == 0xff)
    bench.ports.write(0x704, .byte, 0x31)
    bench.ports.write(0x702, .byte, 0x48)
    #expect(bench.ports.read(0x700, .byte) == 0x04)
    #expect(bench.ports.read(0x702, .byte) == 0x08)
    bench.ports.write(0x700, .byte, 0x1e)
    #expect(bench.ports.read(0x700, .byte) == 0)
  }

  @Test func `a reset unmaps the registers and forgets events`() throws {
    let bench = try mapped()
    bench.ports.write(0x602, .word, 0x100)
    bench.power.pressPowerButton()
    bench.power.reset(.system)
    #expect(!bench.sci.level)
    #expect(bench.ports.read(0x604, .word) == 0xffff)
  }
}

@Suite struct FastPortTests {
  @Test(
    arguments: [
      (0x00, 0x02, true, 0), (0x00, 0x01, false, 1), (0x02, 0x03, true, 1), (0x01, 0x01, false, 0),
    ] as [(UInt8, UInt8, Bool, Int)])
  func `port 92h switches A20 and resets on the edge of bit 0`(
    _ before: UInt8, _ value: UInt8, _ a20: Bool, _ resets: Int
  ) {
    let line = IRQLine()
    var count = 0
    let port = SystemControlPortA(a20: line) { count += 1 }
    port.reset(.power)
    #expect(port.read(port: 0) == 0)
    port.write(port: 0, before)
    count = 0
    port.write(port: 0, value)
    #expect(line.level == a20)
    #expect(count == resets)
    #expect(port.read(port: 0) == value)
  }
}
