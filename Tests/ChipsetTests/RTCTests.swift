// SPDX-License-Identifier: Apache-2.0
import Chipset
import Platform
import Testing

/// A clock that starts at 2026-11-21 03:42:15 UTC, a Saturday.
final class RTCBench {
  let clock: VirtualClock
  let irq = IRQLine()
  let rtc: CMOSRTC
  private let ports = PortSpace()

  init(secondsSince1970: Int64 = 1_795_232_535, clock: VirtualClock = VirtualClock()) {
    self.clock = clock
    rtc = CMOSRTC(clock: clock, irq: irq, base: secondsSince1970 * .second)
    ports.map(0x70...0x71, to: rtc)
    rtc.reset(.power)
  }

  subscript(_ register: UInt8) -> UInt8 {
    get {
      ports.write(0x70, .byte, UInt32(register))
      return UInt8(ports.read(0x71, .byte))
    }
    set {
      ports.write(0x70, .byte, UInt32(register))
      ports.write(0x71, .byte, UInt32(newValue))
    }
  }

  /// Seconds, minutes, hours, day of week, day, month, year, century.
  var time: [UInt8] { ([0, 2, 4, 6, 7, 8, 9, 0x32] as [UInt8]).map { self[$0] } }
}

@Suite struct RTCTests {
  @Test func `registers after power-up`() {
    let bench = RTCBench()
    #expect([0x0a, 0x0b, 0x0c, 0x0d].map { bench[$0] } == [0x26, 0x02, 0x00, 0x80])
  }

  @Test func `the time is BCD and of 24 hours at first`() {
    #expect(RTCBench().time == [0x15, 0x42, 0x03, 0x07, 0x21, 0x11, 0x26, 0x20])
  }

  @Test func `the battery keeps it going while virtual time stands still`() {
    let bench = RTCBench()
    var change: Int64?
    bench.rtc.timeDidChange = { change = $0 }
    bench.rtc.pass(50 * .second)
    #expect(bench.time[0...1] == [0x05, 0x43])
    bench[0] = 0x06  // the guest sets a second more, and only that is its change
    #expect(change == 1)
  }

  @Test func `the century has a second address`() { #expect(RTCBench()[0x37] == 0x20) }

  @Test(
    arguments: [
      (0x02, 0, 0x00), (0x02, 13, 0x13), (0x06, 23, 23), (0x00, 0, 0x12), (0x00, 1, 0x01), (0x00, 12, 0x92),
      (0x00, 13, 0x81), (0x04, 0, 12), (0x04, 12, 0x8c), (0x04, 23, 0x8b),
    ] as [(UInt8, Int64, UInt8)])
  func `hours in each format`(_ format: UInt8, _ hour: Int64, _ byte: UInt8) {
    let bench = RTCBench(secondsSince1970: hour * 3600)
    bench[0x0b] = format
    #expect(bench[4] == byte)
    // And back: what is written is the hour meant.
    bench[0x0b] = format | 0x80
    bench[4] = byte
    bench[0x0b] = format
    bench[0x0b] = 0x06
    #expect(bench[4] == UInt8(hour))
  }

  @Test func `binary shows the same time`() {
    let bench = RTCBench()
    bench[0x0b] = 0x06
    #expect(bench.time == [15, 42, 3, 7, 21, 11, 26, 20])
  }

  @Test func `time goes on, over the end of a year`() {
    let bench = RTCBench(secondsSince1970: 946_684_799)
    #expect(bench.time == [0x59, 0x59, 0x23, 0x06, 0x31, 0x12, 0x99, 0x19])
    bench.clock.advance(by: .second)
    #expect(bench.time == [0x00, 0x00, 0x00, 0x07, 0x01, 0x01, 0x00, 0x20])
  }

  @Test func `SET stops the time so that it can be written, and starts it from there`() {
    let bench = RTCBench()
    var changes: [Int64] = []
    bench.rtc.timeDidChange = { changes.append($0) }
    bench[0x0b] = 0x82
    for (register, value) in [(0, 0x56), (2, 0x34), (4, 0x12), (7, 0x29), (8, 0x02), (9, 0x00), (0x32, 0x20)]
      as [(UInt8, UInt8)]
    {
      bench[register] = value
    }
    bench.clock.advance(by: 10 * .second)
    #expect(bench[0] == 0x56)
    bench[0x0b] = 0x02
    bench.clock.advance(by: 2 * .second)
    #expect(bench.time == [0x58, 0x34, 0x12, 0x03, 0x29, 0x02, 0x00, 0x20])
    #expect(changes.count == 1)
    #expect(changes.first == 951_827_696 - 1_795_232_545)
  }

  @Test func `a divider in reset stops the time`() {
    let bench = RTCBench()
    bench[0x0a] = 0x76
    bench.clock.advance(by: 5 * .second)
    #expect(bench[0] == 0x15)
    #expect(bench[0x0a] == 0x76)
    bench[0x0a] = 0x26
    bench.clock.advance(by: .second)
    #expect(bench[0] == 0x16)
  }

  @Test func `UIP is seen shortly before each update and never while stopped`() {
    let bench = RTCBench()
    #expect(bench[0x0a] & 0x80 == 0)
    bench.clock.advance(by: .second - 244_141)
    #expect(bench[0x0a] & 0x80 == 0)
    bench.clock.advance(by: 1)
    #expect(bench[0x0a] & 0x80 != 0)
    bench[0x0b] = 0x82
    #expect(bench[0x0a] & 0x80 == 0)
    bench[0x0b] = 0x02
    bench.clock.advance(by: 244_140)
    #expect(bench[0x0a] & 0x80 == 0)
  }

  @Test func `flags rise without interrupts and reading clears them`() {
    let bench = RTCBench()
    bench.clock.advance(by: .second)
    #expect(bench.clock.nextDeadline == nil)
    #expect(bench[0x0c] & 0x50 == 0x50)
    #expect(bench[0x0c] == 0)
    #expect(!bench.irq.level)
  }

  @Test func `the update interrupt comes with each second`() {
    let bench = RTCBench()
    bench.clock.advance(by: 300 * .millisecond)
    _ = bench[0x0c]
    bench[0x0b] = 0x12
    #expect(bench.clock.nextDeadline == .second)
    bench.clock.advance(by: 700 * .millisecond)
    #expect(bench.irq.level)
    #expect(bench[0x0c] & 0x90 == 0x90)
    #expect(!bench.irq.level)
    #expect(bench.clock.nextDeadline == 2 * .second)
  }

  /// Period in nanoseconds for each rate; the data sheet's table for a 32.768 kHz crystal.
  @Test(
    arguments: [
      (1, 3_906_250), (2, 7_812_500), (3, 122_071), (4, 244_141), (6, 976_563), (12, 62_500_000), (15, 500_000_000),
    ] as [(UInt8, Nanoseconds)])
  func `the periodic interrupt has its rate`(_ rate: UInt8, _ period: Nanoseconds) {
    let bench = RTCBench()
    bench[0x0a] = 0x20 | rate
    bench[0x0b] = 0x42
    #expect(bench.clock.nextDeadline == period)
    var edges = 0
    bench.irq.connect { if $0 { edges += 1 } }
    for _ in 0..<10 {
      bench.clock.advance(by: period)
      #expect(bench[0x0c] & 0xc0 == 0xc0)
    }
    #expect(edges == 10)
  }

  @Test func `rate 0 has no period`() {
    let bench = RTCBench()
    bench[0x0a] = 0x20
    bench[0x0b] = 0x42
    bench.clock.advance(by: 2 * .second)
    #expect(bench[0x0c] & 0x40 == 0)
  }

  /// Alarm registers (seconds, minutes, hours) and the seconds until they strike, from 03:42:15.
  @Test(
    arguments: [
      ([0x20, 0x42, 0x03], 5), ([0xff, 0xff, 0xff], 1), ([0x15, 0xff, 0xff], 60), ([0x00, 0x43, 0xc0], 45),
      ([0x00, 0x00, 0x04], 17 * 60 + 45), ([0x15, 0x42, 0x03], 86400),
    ] as [([UInt8], Int64)])
  func `an alarm strikes when all its registers match`(_ alarm: [UInt8], _ seconds: Int64) {
    let bench = RTCBench()
    for (register, value) in zip([1, 3, 5] as [UInt8], alarm) { bench[register] = value }
    bench[0x0b] = 0x22
    #expect(bench.clock.nextDeadline == seconds * .second)
    bench.clock.advance(by: seconds * .second - 1)
    #expect(!bench.irq.level)
    bench.clock.advance(by: 1)
    #expect(bench.irq.level)
    #expect(bench[0x0c] & 0xa0 == 0xa0)
  }

  @Test func `an alarm that cannot be is never met`() {
    let bench = RTCBench()
    for register in [1, 3, 5] as [UInt8] { bench[register] = 0x77 }
    bench[0x0b] = 0x22
    #expect(bench.clock.nextDeadline == nil)
  }

  @Test func `a system reset keeps time and memory and drops interrupts`() {
    let bench = RTCBench()
    bench[0x40] = 0x5a
    bench[0x0b] = 0x7a
    bench.clock.advance(by: 2 * .second)
    #expect(bench.irq.level)
    bench.rtc.reset(.system)
    #expect(!bench.irq.level)
    #expect([0x0b, 0x0c].map { bench[$0] } == [0x02, 0x00])
    #expect(bench[0] == 0x17)
    #expect(bench[0x40] == 0x5a)
  }

  @Test func `registers C and D are read-only, bit 7 of the index is not part of it`() {
    let bench = RTCBench()
    bench[0x0c] = 0xff
    bench[0x0d] = 0
    #expect([0x0c, 0x0d].map { bench[$0] } == [0x00, 0x80])
    bench[0xc0] = 0x33
    #expect(bench[0x40] == 0x33)
  }
}
