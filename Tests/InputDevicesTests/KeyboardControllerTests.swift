// SPDX-License-Identifier: Apache-2.0
import InputDevices
import Platform
import Testing

@Suite struct KeyboardControllerTests {
  @Test func `after reset nothing waits, the last write was a command, the keyboard is not locked`() {
    let bench = KeyboardBench()
    #expect(bench.status == 0x18)
    #expect(bench.read() == 0)
    #expect(bench.a20.level)
  }

  @Test(
    arguments: [
      (0x20, 0x03), (0xaa, 0x55), (0xab, 0x00), (0xc0, 0x80), (0xd0, 0xcf), (0xa9, 0x00),
    ] as [(UInt8, UInt8)])
  func `commands reply`(_ command: UInt8, _ expected: UInt8) {
    let bench = KeyboardBench()
    bench.command(command)
    #expect(bench.status & 0x21 == 0x01)
    #expect(bench.drain() == [expected])
  }

  @Test func `the self test sets the system flag`() {
    let bench = KeyboardBench()
    bench.command(0xaa)
    #expect(bench.status == 0x1d)
    #expect(bench.read() == 0x55)
    #expect(bench.status == 0x1c)
  }

  @Test func `the status tells commands from data`() {
    let bench = KeyboardBench()
    bench.data(0xf4)
    #expect(bench.status & 0x08 == 0)
    bench.command(0xae)
    #expect(bench.status & 0x08 != 0)
  }

  @Test func `a reply waits for the byte in the output buffer and overtakes the keyboard`() {
    let bench = KeyboardBench()
    bench.data(0xf2)
    bench.command(0x20)
    #expect(bench.drain() == [0xfa, 0x03, 0xab, 0x83])
  }

  @Test func `interrupt 1 follows the output buffer and its enable`() {
    let bench = KeyboardBench()
    bench.keyboard.key(.a, isDown: true)
    #expect(bench.irq1.level)
    _ = bench.read()
    #expect(!bench.irq1.level)
    bench.command(0x60)
    bench.data(0x02)
    bench.keyboard.key(.a, isDown: true)
    #expect(!bench.irq1.level)
    #expect(bench.status & 1 != 0)
  }

  @Test func `each byte makes an edge of its own`() {
    let bench = KeyboardBench()
    var edges = 0
    bench.irq1.connect { if $0 { edges += 1 } }
    bench.keyboard.key(.up, isDown: true)
    bench.keyboard.key(.up, isDown: false)
    #expect(bench.drain().count == 5)
    #expect(edges == 5)
  }

  @Test func `a disabled keyboard port holds the keyboard back, without interrupts, until data is sent to it`() {
    let bench = KeyboardBench()
    bench.command(0xad)
    bench.keyboard.key(.a, isDown: true)
    #expect(bench.status & 1 == 0)
    bench.command(0x20)
    #expect(!bench.irq1.level)
    #expect(bench.read() == 0x13)
    bench.command(0xae)
    #expect(bench.drain() == [0x1c])
    bench.command(0xad)
    bench.data(0xee)
    #expect(bench.drain() == [0xee])
  }

  @Test func `bytes can be put into the output buffer from either side`() {
    let bench = KeyboardBench()
    bench.command(0xd2)
    bench.data(0x77)
    #expect(bench.status & 0x21 == 0x01)
    #expect(bench.irq1.level)
    #expect(bench.drain() == [0x77])
    bench.command(0xd3)
    bench.data(0x5a)
    #expect(bench.status & 0x21 == 0x21)
    #expect(bench.irq12.level)
    #expect(bench.drain() == [0x5a])
  }

  @Test func `the auxiliary port has its own interrupt, enable and status bit`() {
    let bench = KeyboardBench()
    bench.command(0xd4)
    bench.data(0xf2)
    #expect(bench.status & 0x21 == 0x21 && bench.irq12.level && !bench.irq1.level)
    #expect(bench.read() == 0xfa)
    bench.command(0x60)
    bench.data(0x01)
    #expect(!bench.irq12.level && bench.drain() == [0x00])
    bench.command(0xa7)
    bench.command(0x20)
    #expect(bench.drain() == [0x21])
  }

  @Test func `a disabled auxiliary port keeps the mouse waiting, and a byte to the mouse enables it`() {
    let bench = KeyboardBench()
    bench.command(0xd4)
    bench.data(0xf4)
    #expect(bench.drain() == [0xfa])
    bench.command(0xa7)
    bench.mouse.handle([.move(x: 1, y: 0)])
    #expect(bench.status & 1 == 0)
    bench.command(0xa8)
    #expect(bench.drain() == [0x08, 1, 0])
    bench.command(0xa7)
    bench.command(0xd4)
    bench.data(0xf2)
    #expect(bench.drain() == [0xfa, 0])
  }

  @Test func `the keyboard goes before the mouse`() {
    let bench = KeyboardBench()
    bench.command(0xd4)
    bench.data(0xf4)
    bench.mouse.handle([.move(x: 1, y: 0)])
    bench.data(0xee)
    #expect(bench.drain() == [0xfa, 0xee, 0x08, 1, 0])
  }

  @Test func `A20 follows the output port`() {
    let bench = KeyboardBench()
    bench.command(0xdd)
    #expect(!bench.a20.level)
    bench.command(0xdf)
    #expect(bench.a20.level)
    bench.command(0xd1)
    bench.data(0xcd)
    #expect(!bench.a20.level)
    bench.command(0xd0)
    #expect(bench.drain() == [0xcd])
  }

  @Test(arguments: [(0xfe, 1), (0xf0, 1), (0xff, 0), (0xf1, 0)] as [(UInt8, Int)])
  func `pulsing bit 0 of the output port resets`(_ command: UInt8, _ resets: Int) {
    let bench = KeyboardBench()
    bench.command(command)
    #expect(bench.resets == resets)
  }

  @Test func `bit 0 of the output port resets`() {
    let bench = KeyboardBench()
    bench.command(0xd1)
    bench.data(0xfe)
    #expect(bench.resets == 1)
  }

  @Test func `translation applies to replies too`() {
    let bench = KeyboardBench()
    bench.command(0x60)
    bench.data(0x47)
    bench.data(0xf2)
    #expect(bench.drain() == [0xfa, 0xab, 0x41])
    bench.data(0xf0)
    bench.data(0x00)
    #expect(bench.drain() == [0xfa, 0xfa, 0x41])
  }

  @Test func `the internal RAM keeps what is written`() {
    let bench = KeyboardBench()
    bench.command(0x7f)
    bench.data(0x99)
    bench.command(0x3f)
    #expect(bench.drain() == [0x99])
  }
}
