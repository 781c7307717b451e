// SPDX-License-Identifier: Apache-2.0
import Platform
import SerialDevices
import Testing

/// A UART at ports 0...7 that keeps what it sends.
final class UARTBench {
  let clock = VirtualClock()
  let irq = IRQLine()
  let uart: UART16550A
  private(set) var sent: [UInt8] = []
  private let ports = PortSpace()

  init() {
    uart = UART16550A(clock: clock, irq: irq)
    ports.map(0...7, to: uart)
    uart.reset(.power)
    uart.transmit = { [unowned self] in sent.append($0) }
  }

  subscript(_ register: UInt16) -> UInt8 {
    get { UInt8(ports.read(register, .byte)) }
    set { ports.write(register, .byte, UInt32(newValue)) }
  }
}

@Suite struct UARTTests {
  @Test func `registers after reset`() {
    let bench = UARTBench()
    #expect((0..<8).map { bench[UInt16($0)] } == [0x00, 0x00, 0x01, 0x00, 0x08, 0x60, 0xb0, 0x00])
    #expect(!bench.irq.level)
  }

  @Test func `a byte leaves at once`() {
    let bench = UARTBench()
    bench[0] = 0x41
    #expect(bench.sent == [0x41])
    #expect(bench[5] == 0x60)
  }

  @Test func `the divisor hides data and interrupt enable`() {
    let bench = UARTBench()
    bench[3] = 0x83
    #expect((bench[0], bench[1]) == (12, 0))
    bench[0] = 1
    bench[1] = 2
    #expect((bench[0], bench[1]) == (1, 2))
    bench[3] = 0x03
    #expect((bench[1], bench[3]) == (0, 3))
    #expect(bench.sent.isEmpty)
  }

  @Test func `enabling the transmitter interrupt raises it, reading the identification takes it back`() {
    let bench = UARTBench()
    bench[1] = 0xff
    #expect(bench[1] == 0x0f)
    #expect(bench.irq.level)
    #expect(bench[2] == 0x02)
    #expect(!bench.irq.level)
    #expect(bench[2] == 0x01)
    // Off and on again raises it again: Linux looks for UARTs that do not.
    bench[1] = 0
    bench[1] = 2
    #expect(bench[2] == 0x02)
  }

  @Test func `each byte sent makes an edge, even if the last interrupt was not identified`() {
    let bench = UARTBench()
    var edges = 0
    bench.irq.connect { if $0 { edges += 1 } }
    bench[1] = 2
    bench[0] = 1
    bench[0] = 2
    #expect(edges == 3)
  }

  @Test func `the FIFO control shows in the identification and clears both FIFOs`() {
    let bench = UARTBench()
    bench[1] = 0x0f
    _ = bench[2]
    bench[2] = 0xc7
    #expect(bench[2] == 0xc2)
    #expect(bench[2] == 0xc1)
    bench.uart.receive([1, 2, 3])
    bench[2] = 0xc3
    #expect(bench[5] == 0x60)
    #expect(bench[2] == 0xc1)
  }

  @Test(arguments: [(0x01, 1), (0x41, 4), (0x81, 8), (0xc1, 14)] as [(UInt8, Int)])
  func `received data interrupts at the trigger level`(_ control: UInt8, _ level: Int) {
    let bench = UARTBench()
    bench[2] = control
    bench[1] = 1
    for count in 1...level {
      #expect(!bench.irq.level)
      bench.uart.receive([UInt8(count)])
    }
    #expect(bench.irq.level)
    #expect(bench[2] == 0xc4)
    #expect(bench[0] == 1)
    #expect(!bench.irq.level || level == 0)
  }

  @Test func `below the trigger level a timeout of four characters tells`() {
    let bench = UARTBench()
    bench[2] = 0xc1
    bench[1] = 1
    bench.uart.receive([7, 8])
    let timeout: Nanoseconds = 40 * 12 * .second / 115_200
    #expect(bench.clock.nextDeadline == timeout)
    bench.clock.advance(by: timeout - 1)
    #expect(!bench.irq.level)
    bench.clock.advance(by: 1)
    #expect(bench.irq.level)
    #expect(bench[2] == 0xcc)
    #expect(bench[0] == 7)
    #expect(!bench.irq.level)
    bench.clock.advance(by: timeout)
    #expect(bench[2] == 0xcc)
    #expect(bench[0] == 8)
    #expect(bench[2] == 0xc1)
    #expect(bench.clock.nextDeadline == nil)
  }

  @Test func `without the FIFO a second byte overruns the first`() {
    let bench = UARTBench()
    #expect(bench.uart.receiveCapacity == 1)
    bench[1] = 4
    bench.uart.receive([1])
    #expect(bench.uart.receiveCapacity == 0)
    bench.uart.receive([2])
    #expect(bench[2] == 0x06)
    #expect(bench[5] == 0x63)
    #expect(bench[5] == 0x61)
    #expect(!bench.irq.level)
    #expect(bench[0] == 2)
    #expect(bench[5] == 0x60)
  }

  @Test func `a full FIFO keeps what it has`() {
    let bench = UARTBench()
    bench[2] = 1
    bench.uart.receive((0..<18).map { UInt8($0) })
    #expect(bench[5] == 0x63)
    #expect((0..<17).map { _ in bench[0] } == (0..<16).map { UInt8($0) } + [0])
    #expect(bench.uart.receiveCapacity == 16)
  }

  @Test func `a break arrives as a zero with a flag`() {
    let bench = UARTBench()
    bench.uart.receiveBreak()
    #expect(bench[5] == 0x71)
    #expect(bench[5] == 0x61)
    #expect(bench[0] == 0)
  }

  @Test func `room is announced as the guest reads`() {
    let bench = UARTBench()
    bench.uart.receive([1])
    var rooms: [Int] = []
    bench.uart.receiverHasRoom = { [unowned bench] in rooms.append(bench.uart.receiveCapacity) }
    _ = bench[0]
    #expect(rooms == [1])
  }

  @Test(arguments: [(0x1f, 0xf0), (0x1a, 0x90), (0x10, 0x00), (0x11, 0x20), (0x14, 0x40)] as [(UInt8, UInt8)])
  func `loopback connects the modem outputs to the inputs`(_ control: UInt8, _ inputs: UInt8) {
    let bench = UARTBench()
    bench[4] = control
    #expect(bench[6] & 0xf0 == inputs)
    #expect(bench[4] == control)
  }

  @Test func `loopback returns data and keeps it from the line`() {
    let bench = UARTBench()
    bench[2] = 0xc1
    bench[4] = 0x1f
    #expect(bench.uart.receiveCapacity == 0)
    for value in UInt8(0)..<18 { bench[0] = value }
    #expect(bench[5] == 0x63)
    #expect(bench[5] == 0x61)
    #expect((0..<16).map { _ in bench[0] } == (0..<16).map { UInt8($0) })
    #expect(bench.sent.isEmpty)
  }

  @Test func `a change of the modem inputs interrupts until it is read`() {
    let bench = UARTBench()
    bench[4] = 0x10
    _ = bench[6]
    bench[1] = 8
    bench[4] = 0x12
    #expect(bench.irq.level)
    #expect(bench[2] == 0x00)
    #expect(bench[6] == 0x11)
    #expect(bench[6] == 0x10)
    #expect(!bench.irq.level)
  }

  @Test func `a loaded UART continues its timeout`() throws {
    let bench = UARTBench()
    bench[2] = 0xc1
    bench[1] = 1
    bench.uart.receive([1])
    let copy = UARTBench()
    try copy.uart.load(bench.uart.save())
    #expect(copy.clock.nextDeadline == bench.clock.nextDeadline)
    copy.clock.advance(by: 5 * .millisecond)
    #expect(copy.irq.level)
  }
}

@Suite struct DebugPortTests {
  @Test(arguments: [(0x00, 1), (0x01, 3), (0x10, 33), (0x7f, 255)] as [(UInt32, Int32)])
  func `the exit status is twice the value and one`(_ value: UInt32, _ status: Int32) {
    let ports = PortSpace()
    var statuses: [Int32] = []
    let exit = DebugExit { statuses.append($0) }
    ports.map(0xf4...0xf7, to: exit)
    #expect(ports.read(0xf4, .dword) == 0)
    ports.write(0xf4, .dword, value)
    #expect(statuses == [status])
  }

  @Test func `the debug console tells it is there and passes bytes on`() {
    let ports = PortSpace()
    var bytes: [UInt8] = []
    let console = DebugConsole { bytes.append($0) }
    ports.map(0xe9...0xe9, to: console)
    #expect(ports.read(0xe9, .byte) == 0xe9)
    for byte in "hi".utf8 { ports.write(0xe9, .byte, UInt32(byte)) }
    #expect(bytes == Array("hi".utf8))
  }
}
