// SPDX-License-Identifier: Apache-2.0
import Block
import Platform
import StorageDevices
import Testing

/// Literal values are what QEMU 7.2's `isa-fdc` gave to the same port accesses, unless a test says otherwise.
@Suite("Floppy controller: registers and commands")
struct FloppyControllerTests {
  @Test func `ports after power on`() {
    let bench = FloppyBench()
    #expect((0x3f0...0x3f5).map { bench.read($0) } == [0xff, 0xc0, 0x0c, 0x00, 0x80, 0x00])
    #expect(bench.read(0x3f7) == 0x80)
    #expect(!bench.irq.level)
    #expect(bench.command(0x08) == [0x80])
  }

  @Test func `leaving reset interrupts and four drives report`() {
    let bench = FloppyBench()
    bench.write(0x3f2, 0x00)
    #expect(!bench.irq.level)
    bench.write(0x3f2, 0x1c)
    #expect(bench.irq.level)
    #expect(bench.command(0x08) == [0xc0, 0])
    #expect(!bench.irq.level)
    #expect(bench.command(0x08) == [0xc1, 0])
    #expect(bench.command(0x08) == [0xc2, 0])
    #expect(bench.command(0x08) == [0xc3, 0])
    #expect(bench.command(0x08) == [0x80])
  }

  @Test(arguments: [UInt8(0x80), 0x40]) func `data rate select register resets`(value: UInt8) {
    let bench = FloppyBench()
    bench.start()
    bench.write(0x3f4, value)
    #expect(bench.irq.level)
    #expect(bench.read(0x3f2) == 0x0c)
    #expect(bench.command(0x08) == [0xc0, 0])
  }

  @Test func `main status read leaves the reset state without an interrupt`() {
    let bench = FloppyBench()
    bench.write(0x3f2, 0x08)
    #expect(bench.read(0x3f2) == 0x08)
    #expect(bench.read(0x3f4) == 0x80)
    #expect(bench.read(0x3f2) == 0x0c)
    bench.write(0x3f2, 0x0c)
    #expect(!bench.irq.level)
  }

  @Test(arguments: [(UInt8(0x1c), UInt8(0xc1)), (0x0c, 0xc0), (0x2d, 0xe2), (0x3c, 0xc3)])
  func `status register B shows motors and drive select`(digitalOutput: UInt8, statusB: UInt8) {
    let bench = FloppyBench()
    bench.write(0x3f2, digitalOutput)
    #expect(bench.read(0x3f1) == statusB)
    #expect(bench.read(0x3f2) == digitalOutput)
  }

  @Test func `data port takes nothing in reset`() {
    let bench = FloppyBench()
    bench.write(0x3f2, 0)
    bench.write(0x3f5, 0x10)
    #expect(bench.results() == [])
  }

  @Test func `main status in the phases of a command`() {
    let bench = FloppyBench()
    bench.start()
    #expect(bench.read(0x3f4) == 0x80)
    bench.write(0x3f5, 0x04)
    #expect(bench.read(0x3f4) == 0x90)
    bench.write(0x3f5, 0x00)
    #expect(bench.read(0x3f4) == 0xd0)
    #expect(bench.read(0x3f5) == 0x78)
    #expect(bench.read(0x3f4) == 0x80)
  }

  @Test(
    arguments: [
      ([0x10], [0x90]), ([0x18], [0x41]), ([0x14], [0x00]), ([0x94], [0x10]), ([0x00], [0x80]), ([0x1f], [0x80]),
      ([0x01], [0x80]), ([0x34], [0x80]), ([0x47], [0x80]), ([0x82], [0x80]), ([0x17, 3, 0], [0x03]),
      ([0x8e, 1, 2, 3, 4, 0xc0], [1, 1, 0, 0]), ([0x8e, 1, 2, 3, 4, 0x80], []), ([0x33, 0], []),
      ([0x4c, 0, 0, 0, 3, 2, 18, 0x1b, 0xff], [0x60, 0, 0, 0, 0, 1, 2]),
      ([0x49, 0, 0, 0, 3, 2, 18, 0x1b, 0xff], [0x60, 0, 0, 0, 0, 1, 2]),
    ] as [([UInt8], [UInt8])])
  func `commands with fixed answers`(bytes: [UInt8], result: [UInt8]) {
    let bench = FloppyBench()
    bench.start()
    #expect(bench.command(bytes) == result)
    #expect(bench.read(0x3f4) == 0x80)
  }

  @Test func `every first byte is taken and leads back to the command phase`() {
    for byte in UInt8.min...UInt8.max {
      let bench = FloppyBench(medium: FloppyBench.medium(kilobytes: 360))
      bench.start()
      bench.channel.program([UInt8](repeating: 1, count: 512), isWriteToMemory: byte & 0x1f != 5)
      bench.write(0x3f7, 1)
      bench.write(0x3f5, byte)
      var count = 0
      while bench.read(0x3f4) == 0x90, count < 20 {
        bench.write(0x3f5, 1)
        count += 1
      }
      bench.clock.advance(by: 100 * .millisecond)
      _ = bench.results()
      #expect(bench.read(0x3f4) == 0x80, "command \(byte)")
    }
  }

  @Test func `registers are dumped, saved and restored`() {
    let bench = FloppyBench(medium: FloppyBench.medium(kilobytes: 1440))
    bench.start()
    #expect(bench.command(0x0e) == [0, 0, 0, 0, 0, 1, 0x12, 0, 0x60, 0])
    bench.command(0x03, 0xaf, 0x02)
    #expect(bench.command(0x0e) == [0, 0, 0, 0, 0x0a, 3, 0x12, 0, 0x60, 0])
    bench.command(0x12, 0x03)
    bench.command(0x12, 0x87)
    #expect(bench.command(0x0e)[7] == 0x1c)
    bench.command(0x94)
    bench.command(0x13, 0, 0x41, 9)
    #expect(bench.command(0x0e) == [0, 0, 0, 0, 0x0a, 3, 0x12, 0x9c, 0x41, 9])
    bench.command(0x4e, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17)
    #expect(bench.command(0x2e) == [0, 0, 3, 4, 0, 0, 7, 8, 0x12, 8, 11, 12, 13, 0, 0])
  }

  @Test func `settings survive the reset through DOR`() {
    let bench = FloppyBench()
    bench.start()
    bench.command(0x13, 0, 0x41, 9)
    bench.command(0x03, 0xaf, 0x02)
    bench.start()
    #expect(bench.command(0x0e) == [0, 0, 0, 0, 0x0a, 3, 0xff, 0, 0x41, 9])
  }

  @Test func `non-DMA bit of SPECIFY closes the DMA gate`() {
    let bench = FloppyBench()
    bench.start()
    bench.command(0x03, 0xaf, 0x03)
    #expect(bench.read(0x3f2) == 0x14)
    bench.command(0x03, 0xaf, 0x02)
    #expect(bench.read(0x3f2) == 0x1c)
  }

  @Test func `heads move`() {
    let bench = FloppyBench(medium: FloppyBench.medium(kilobytes: 1440))
    bench.start()
    bench.command(0x07, 0)
    #expect(bench.irq.level)
    #expect(bench.command(0x08) == [0x20, 0])
    #expect(bench.command(0x08) == [0x80])
    #expect(bench.move(0x0f, 0, 5) == [0x20, 5])
    #expect(bench.move(0x0f, 0, 90) == [0x20, 5])
    #expect(bench.move(0x8f, 0, 3) == [0x20, 2])
    #expect(bench.move(0xcf, 0, 100) == [0x20, 79])
    #expect(bench.move(0xcf, 0, 79) == [0x20, 79])
    #expect(bench.move(0x8f, 0, 100) == [0x20, 0])
    #expect(bench.move(0x0f, 1, 3) == [0x21, 0])
  }

  @Test func `drive status`() {
    let bench = FloppyBench(medium: FloppyBench.medium(kilobytes: 1440))
    bench.start()
    #expect(bench.command(0x04, 0) == [0x38])
    #expect(bench.command(0x04, 4) == [0x3c])
    #expect(bench.command(0x04, 1) == [0x79])
    _ = bench.move(0x0f, 0, 1)
    #expect(bench.command(0x04, 0) == [0x28])
    #expect(FloppyBench().command(0x04, 0) == [0x78])
    let protected = FloppyBench(medium: FloppyBench.medium(kilobytes: 1440, isReadOnly: true))
    #expect(protected.command(0x04, 0) == [0x78])
  }

  @Test func `tape drive register swaps the drives`() {
    let bench = FloppyBench(medium: FloppyBench.medium(kilobytes: 1440))
    bench.start()
    bench.write(0x3f3, 0xff)
    #expect(bench.read(0x3f3) == 0x04)
    #expect(bench.command(0x04, 1) == [0x39])
    #expect(bench.command(0x04, 0) == [0x78])
  }

  @Test func `READ ID takes a fiftieth of a second and walks over the sectors`() {
    let bench = FloppyBench(medium: FloppyBench.medium(kilobytes: 1440))
    bench.start()
    bench.write(0x3f5, 0x4a)
    bench.write(0x3f5, 0)
    bench.clock.advance(by: 19 * .millisecond)
    #expect(bench.read(0x3f4) == 0x10)
    #expect(!bench.irq.level)
    bench.clock.advance(by: .millisecond)
    #expect(bench.irq.level)
    #expect(bench.results() == [0, 0, 0, 0, 0, 2, 2])
    #expect(!bench.irq.level)
    #expect(bench.command(0x4a, 4) == [4, 0, 0, 0, 1, 3, 2])
    bench.write(0x3f7, 2)
    #expect(bench.command(0x4a, 0) == [0x40, 1, 0, 0, 0, 4, 2])
  }

  @Test func `a drive without a medium fails at once`() {
    let bench = FloppyBench()
    bench.start()
    #expect(bench.move(0x0f, 0, 90) == [0x20, 90])
    for byte: UInt8 in [0xe6, 0, 1, 0, 3, 2, 18, 0x1b, 0xff] { bench.write(0x3f5, byte) }
    #expect(bench.irq.level)
    #expect(bench.results() == [0x40, 0, 0, 1, 0, 3, 2])
    #expect(bench.channel.moved == 0)
    #expect(bench.read(0x3f7) == 0x80)
    #expect(bench.command(0x0e) == [1, 0, 0, 0, 0, 1, 0xff, 0, 0x60, 0])
  }

  @Test func `a position without a drive`() {
    let bench = FloppyBench(medium: FloppyBench.medium(kilobytes: 1440))
    bench.start()
    #expect(bench.command(0x66, 1, 0, 0, 2, 2, 2, 0x1b, 0x80) == [0x41, 0x80, 0, 0, 0, 2, 2])
    #expect(bench.command(0x0e)[6] == 0)
  }

  @Test func `change line falls with a step and rises with a change`() {
    let bench = FloppyBench()
    bench.start()
    _ = bench.move(0x0f, 0, 1)
    #expect(bench.read(0x3f7) == 0x80)
    _ = bench.move(0x07, 0)
    bench.backend.changeMedium(FloppyBench.medium(kilobytes: 1440))
    #expect(bench.read(0x3f7) == 0x80)
    _ = bench.move(0x07, 0)
    #expect(bench.read(0x3f7) == 0x80)
    _ = bench.move(0x0f, 0, 1)
    #expect(bench.read(0x3f7) == 0)
    bench.controller.reset(.system)
    #expect(bench.read(0x3f7) == 0)
    bench.backend.changeMedium(nil)
    #expect(bench.read(0x3f7) == 0x80)
    #expect(bench.command(0x0e)[6] == 0xff)
  }
}

@Suite("Floppy geometry")
struct FloppyGeometryTests {
  /// Kilobytes, CMOS nibble, sectors per track, highest track, data rate.
  @Test(arguments: [
    [160, 2, 8, 40, 2], [180, 2, 9, 40, 1], [320, 2, 8, 40, 2], [360, 2, 9, 40, 1], [410, 2, 10, 41, 1],
    [420, 2, 10, 42, 1], [720, 4, 9, 80, 2], [800, 4, 10, 80, 2], [820, 4, 10, 82, 2], [830, 4, 10, 83, 2],
    [880, 2, 11, 80, 2], [1040, 4, 13, 80, 2], [1120, 4, 14, 80, 2], [1200, 2, 15, 80, 0], [1440, 4, 18, 80, 0],
    [1476, 2, 18, 82, 0], [1494, 2, 18, 83, 0], [1600, 4, 20, 80, 0], [1680, 4, 21, 80, 0], [1722, 4, 21, 82, 0],
    [1743, 4, 21, 83, 0], [1760, 4, 22, 80, 0], [1840, 4, 23, 80, 0], [1920, 4, 24, 80, 0], [2880, 5, 36, 80, 3],
    [3120, 5, 39, 80, 3], [3200, 5, 40, 80, 3], [3520, 5, 44, 80, 3], [3840, 5, 48, 80, 3], [100, 5, 36, 80, 3],
    [640, 5, 36, 80, 3], [1640, 5, 36, 80, 3], [5000, 5, 36, 80, 3],
  ])
  func `image size decides drive and format`(row: [Int]) {
    check(FloppyBench(medium: FloppyBench.medium(kilobytes: row[0])), row)
  }

  @Test(arguments: [
    ([360, 5, 9, 80, 2], FloppyDriveType.mb2_88), ([720, 5, 9, 80, 2], .mb2_88), ([1440, 5, 18, 80, 0], .mb2_88),
    ([320, 5, 36, 80, 3], .mb2_88), ([1200, 5, 36, 80, 3], .mb2_88), ([360, 2, 9, 40, 1], .mb1_2),
    ([720, 2, 9, 80, 2], .mb1_2), ([1440, 2, 18, 80, 0], .mb1_2), ([1200, 2, 15, 80, 0], .mb1_2),
    ([360, 4, 9, 80, 2], .mb1_44), ([1200, 4, 18, 80, 0], .mb1_44),
  ])
  func `a medium put into a drive of fixed type`(row: [Int], type: FloppyDriveType) {
    let bench = FloppyBench(type: type)
    bench.backend.changeMedium(FloppyBench.medium(kilobytes: row[0]))
    check(bench, row)
  }

  @Test func `an empty drive is a 2.88 MB one`() {
    let bench = FloppyBench()
    #expect(bench.controller.cmosDriveTypes == 0x50)
    #expect(bench.controller.cmosEquipment == 0x01)
  }

  private func check(_ bench: FloppyBench, _ row: [Int]) {
    bench.start()
    #expect(bench.controller.cmosDriveTypes == UInt8(row[1]) << 4)
    #expect(bench.command(0x0e)[6] == UInt8(row[2]))
    #expect(bench.move(0x0f, 0, UInt8(row[3]))[1] == UInt8(row[3]))
    #expect(bench.move(0x0f, 0, UInt8(row[3]) + 1)[1] == UInt8(row[3]))
    let rates = (UInt8(0)..<4).filter { rate in
      bench.write(0x3f7, rate)
      return bench.command(0x4a, 0)[0] & 0xc0 == 0
    }
    #expect(rates == [UInt8(row[4])])
  }
}
