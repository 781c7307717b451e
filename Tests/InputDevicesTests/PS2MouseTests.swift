// SPDX-License-Identifier: Apache-2.0
import InputDevices
import Platform
import Testing

@Suite struct PS2MouseTests {
  let bench = KeyboardBench()

  /// Sends bytes to the mouse; gives what it answers.
  @discardableResult
  private func send(_ bytes: UInt8...) -> [UInt8] {
    var answers: [UInt8] = []
    for byte in bytes {
      bench.command(0xd4)
      bench.data(byte)
      answers += bench.drain()
    }
    return answers
  }

  /// What drivers do to find a wheel, then five buttons.
  private func becomeWheelMouse() { _ = send(0xf3, 200, 0xf3, 100, 0xf3, 80) }
  private func becomeExplorer() {
    becomeWheelMouse()
    _ = send(0xf3, 200, 0xf3, 200, 0xf3, 80)
  }

  @Test(
    arguments: [
      ([0xff], [0xfa, 0xaa, 0x00]), ([0xf2], [0xfa, 0x00]), ([0xe9], [0xfa, 0x00, 2, 100]), ([0xf4], [0xfa]),
      ([0xf5], [0xfa]), ([0xf6], [0xfa]), ([0xe6], [0xfa]), ([0xea], [0xfa]), ([0xec], [0xfa]),
      ([0xeb], [0xfa, 8, 0, 0]),
      ([0xe8, 3, 0xe9], [0xfa, 0xfa, 0xfa, 0x00, 3, 100]), ([0xf3, 40, 0xe9], [0xfa, 0xfa, 0xfa, 0x00, 2, 40]),
      ([0xf4, 0xe7, 0xf0, 0xe9], [0xfa, 0xfa, 0xfa, 0xfa, 0x70, 2, 100]),
      ([0xf4, 0xe7, 0xf0, 0xf6, 0xe9], [0xfa, 0xfa, 0xfa, 0xfa, 0xfa, 0x00, 2, 100]),
      ([0xe1], [0xfe]), ([0xf2, 0xfe], [0xfa, 0x00, 0x00]),
      ([0xee, 0xf2, 0x55, 0xec, 0xf2], [0xfa, 0xf2, 0x55, 0xfa, 0xfa, 0x00]),
      ([0xee, 0xff], [0xfa, 0xfa, 0xaa, 0x00]),
    ] as [([UInt8], [UInt8])])
  func `commands are answered`(_ sent: [UInt8], _ expected: [UInt8]) {
    var answers: [UInt8] = []
    for byte in sent { answers += send(byte) }
    #expect(answers == expected)
  }

  /// Motion to the right and towards the user; the report's y grows away from the user.
  @Test(
    arguments: [
      (1, 0, [0x08, 1, 0]), (-1, 0, [0x18, 0xff, 0]), (0, 1, [0x28, 0, 0xff]), (0, -5, [0x08, 0, 5]),
      (255, -255, [0x08, 255, 255]), (-255, 255, [0x38, 1, 1]), (300, 0, [0x08, 255, 0, 0x08, 45, 0]),
      (0, 256, [0x28, 0, 1, 0x28, 0, 0xff]),
    ] as [(Int32, Int32, [UInt8])])
  func `motion is reported in nine bits`(_ x: Int32, _ y: Int32, _ expected: [UInt8]) {
    send(0xf4)
    bench.mouse.handle([.move(x: x, y: y)])
    #expect(bench.irq12.level)
    #expect(bench.drain() == expected)
  }

  @Test func `buttons are reported as they change`() {
    send(0xf4)
    bench.mouse.handle([.button(.left, isDown: true)])
    bench.mouse.handle([.button(.left, isDown: true)])
    #expect(bench.drain() == [0x09, 0, 0])
    bench.mouse.handle([.button(.right, isDown: true)])
    bench.mouse.handle([.button(.middle, isDown: true)])
    #expect(bench.drain() == [0x0b, 0, 0, 0x0f, 0, 0])
    #expect(send(0xe9) == [0xfa, 0x27, 2, 100])
    bench.mouse.handle([.button(.left, isDown: false)])
    #expect(bench.drain() == [0x0e, 0, 0])
    #expect(send(0xe9) == [0xfa, 0x23, 2, 100])
  }

  @Test func `nothing is reported before it is enabled`() {
    bench.mouse.handle([.move(x: 5, y: 5)])
    #expect(bench.status & 1 == 0)
    #expect(send(0xf4) == [0xfa])
    #expect(bench.status & 1 == 0)
  }

  @Test func `in remote mode the guest asks`() {
    send(0xf0)
    bench.mouse.handle([.move(x: 3, y: 0)])
    bench.mouse.handle([.move(x: 4, y: -2)])
    #expect(bench.status & 1 == 0)
    #expect(send(0xeb) == [0xfa, 0x08, 7, 2])
    #expect(send(0xeb) == [0xfa, 0x08, 0, 0])
  }

  @Test func `scaling follows the reference's table, in stream mode only`() {
    send(0xf4, 0xe7)
    for (count, scaled) in [(1, 1), (2, 1), (3, 3), (4, 6), (5, 9), (6, 12), (100, 200)] as [(Int32, UInt8)] {
      bench.mouse.handle([.move(x: count, y: 0)])
      #expect(bench.drain() == [0x08, scaled, 0])
    }
    bench.mouse.handle([.move(x: -2, y: 0)])
    #expect(bench.drain() == [0x18, 0xff, 0])
    send(0xf0)
    bench.mouse.handle([.move(x: 4, y: 0)])
    #expect(send(0xeb) == [0xfa, 0x08, 4, 0])
  }

  @Test func `three sample rates show the wheel`() {
    becomeWheelMouse()
    #expect(send(0xf2) == [0xfa, 3])
    send(0xf4)
    bench.mouse.handle([.turn(1)])
    #expect(bench.drain() == [0x08, 0, 0, 1])
    bench.mouse.handle([.move(x: 1, y: 0), .turn(-9)])
    #expect(bench.drain() == [0x08, 1, 0, 0xf8, 0x08, 0, 0, 0xff])
    #expect(send(0xf6, 0xf2) == [0xfa, 0xfa, 3], "defaults leave it a wheel mouse")
    #expect(send(0xff, 0xf2) == [0xfa, 0xaa, 0, 0xfa, 0])
  }

  @Test func `three more show five buttons`() {
    becomeExplorer()
    #expect(send(0xf2) == [0xfa, 4])
    send(0xf4)
    bench.mouse.handle([.button(.side, isDown: true)])
    bench.mouse.handle([.button(.extra, isDown: true)])
    #expect(bench.drain() == [0x08, 0, 0, 0x10, 0x08, 0, 0, 0x30])
    bench.mouse.handle([.turn(-1)])
    #expect(bench.drain() == [0x08, 0, 0, 0x3f])
  }

  @Test func `an Explorer's wheel turns to the side, and the other buttons wait meanwhile`() {
    becomeExplorer()
    send(0xf4)
    bench.mouse.handle([.tilt(-1)])
    #expect(bench.drain() == [0x08, 0, 0, 0x7f])
    bench.mouse.handle([.tilt(40), .turn(2), .button(.side, isDown: true), .button(.left, isDown: true)])
    #expect(bench.drain() == [0x09, 0, 0, 0x5f, 0x09, 0, 0, 0x49, 0x09, 0, 0, 0x12])
  }

  @Test func `a wheel to the side is nothing to a mouse without one`() {
    becomeWheelMouse()
    send(0xf4)
    bench.mouse.handle([.tilt(3)])
    #expect(bench.drain() == [])
  }

  @Test func `what happens at once is one report`() {
    send(0xf4)
    bench.mouse.handle([.move(x: 3, y: 0), .move(x: 0, y: 4), .button(.right, isDown: true)])
    #expect(bench.drain() == [0x2a, 3, 0xfc])
  }

  @Test func `five buttons need a wheel first`() {
    #expect(send(0xf3, 200, 0xf3, 200, 0xf3, 80, 0xf2).last == 0)
  }

  @Test func `motion that is not read adds up and is not lost`() {
    send(0xf4)
    for _ in 0..<100 { bench.mouse.handle([.move(x: 2, y: 0)]) }
    var total = 0
    var bytes = bench.drain()
    while bytes.count >= 3 {
      total += Int(bytes[1])
      bytes.removeFirst(3)
    }
    #expect(total == 200 && bytes.isEmpty)
    bench.mouse.handle([.move(x: .max, y: .min)])
    #expect(bench.drain().count == 100, "as much as is read at once")
  }
}
