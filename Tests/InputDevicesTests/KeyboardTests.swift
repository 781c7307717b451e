// SPDX-License-Identifier: Apache-2.0
import InputDevices
import Platform
import Testing

/// A controller, its keyboard and its mouse at their ports.
final class KeyboardBench {
  let keyboard = PS2Keyboard()
  let mouse = PS2Mouse()
  let controller: KeyboardController
  let ports = PortSpace()
  let irq1 = IRQLine()
  let irq12 = IRQLine()
  let a20 = IRQLine()
  var resets: Int { counter.count }
  private let counter = Counter()

  private final class Counter { var count = 0 }

  init() {
    let counter = counter
    controller = KeyboardController(
      keyboard: keyboard, mouse: mouse, keyboardIRQ: irq1, auxiliaryIRQ: irq12, a20: a20
    ) { counter.count += 1 }
    ports.map(0x60...0x60, to: controller.dataPort)
    ports.map(0x64...0x64, to: controller.commandPort)
    keyboard.reset(.power)
    mouse.reset(.power)
    controller.reset(.power)
  }

  func command(_ value: UInt8) { ports.write(0x64, .byte, UInt32(value)) }
  func data(_ value: UInt8) { ports.write(0x60, .byte, UInt32(value)) }
  var status: UInt8 { UInt8(ports.read(0x64, .byte)) }
  func read() -> UInt8 { UInt8(ports.read(0x60, .byte)) }

  /// Reads until the output buffer is empty.
  func drain() -> [UInt8] {
    var bytes: [UInt8] = []
    while status & 1 != 0, bytes.count < 100 { bytes.append(read()) }
    return bytes
  }
}

@Suite struct KeyboardTests {
  @Test(
    arguments: [
      ([0xf2], [0xfa, 0xab, 0x83]), ([0xee], [0xee]), ([0xf4], [0xfa]), ([0xf5], [0xfa]), ([0xf6], [0xfa]),
      ([0xff], [0xfa, 0xaa]), ([0xfa], [0xfa]), ([0xe0], [0xfe]), ([0x05], [0xfe]),
      ([0xf0, 0], [0xfa, 0xfa, 2]), ([0xf0, 1, 0xf0, 0], [0xfa, 0xfa, 0xfa, 0xfa, 1]), ([0xf0, 4], [0xfa, 0xfe]),
      ([0xf0, 3, 0xf0, 0], [0xfa, 0xfa, 0xfa, 0xfa, 3]), ([0xed, 7], [0xfa, 0xfa]), ([0xf3, 0x20], [0xfa, 0xfa]),
      ([0xee, 0xfe], [0xee, 0xee]),
    ] as [([UInt8], [UInt8])])
  func `commands are answered`(_ sent: [UInt8], _ expected: [UInt8]) {
    let bench = KeyboardBench()
    var answers: [UInt8] = []
    for byte in sent {
      bench.data(byte)
      answers += bench.drain()
    }
    #expect(answers == expected)
  }

  /// Make and break bytes as the keyboard sends them, in the three sets.
  @Test(
    arguments: [
      (.a, [[0x1e], [0x1c], [0x1c]], [[0x9e], [0xf0, 0x1c], [0xf0, 0x1c]]),
      (.esc, [[0x01], [0x76], [0x08]], [[0x81], [0xf0, 0x76], [0xf0, 0x08]]),
      (.kpEnter, [[0xe0, 0x1c], [0xe0, 0x5a], [0x79]], [[0xe0, 0x9c], [0xe0, 0xf0, 0x5a], [0xf0, 0x79]]),
      (.up, [[0xe0, 0x48], [0xe0, 0x75], [0x63]], [[0xe0, 0xc8], [0xe0, 0xf0, 0x75], [0xf0, 0x63]]),
      (.f7, [[0x41], [0x83], [0x37]], [[0xc1], [0xf0, 0x83], [0xf0, 0x37]]),
      (.metaL, [[0xe0, 0x5b], [0xe0, 0x1f], [0x8b]], [[0xe0, 0xdb], [0xe0, 0xf0, 0x1f], [0xf0, 0x8b]]),
      (.hiragana, [[0x77], [0x62], [0x87]], [[0xf7], [0xf0, 0x62], [0xf0, 0x87]]),
      (
        .print, [[0xe0, 0x2a, 0xe0, 0x37], [0xe0, 0x12, 0xe0, 0x7c], [0x57]],
        [[0xe0, 0xb7, 0xe0, 0xaa], [0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12], [0xf0, 0x57]]
      ),
      (
        .pause,
        [[0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5], [0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77], [0x62]],
        [[], [], [0xf0, 0x62]]
      ),
    ] as [(KeyCode, [[UInt8]], [[UInt8]])])
  func `keys send their codes`(_ key: KeyCode, _ makes: [[UInt8]], _ breaks: [[UInt8]]) {
    for set in 1...3 {
      let bench = KeyboardBench()
      bench.data(0xf0)
      bench.data(UInt8(set))
      _ = bench.drain()
      bench.keyboard.key(key, isDown: true)
      #expect(bench.drain() == makes[set - 1], "make, set \(set)")
      bench.keyboard.key(key, isDown: false)
      #expect(bench.drain() == breaks[set - 1], "break, set \(set)")
    }
  }

  /// What drivers rely on: the controller turns set 2 into set 1, byte for byte, whatever the key.
  @Test func `translated set 2 is set 1`() {
    // Keys of other systems' keyboards, whose codes are not pairs of the table.
    let odd: Set<KeyCode> = [.stop, .again, .props, .undo, .front, .copy, .open, .paste, .find, .cut, .lf, .help]
    for key in KeyCode.allCases where !odd.contains(key) && ![.f13, .f14, .f15, .kpEquals].contains(key) {
      var bytes: [[UInt8]] = []
      for (set, mode) in [(1, 0x01), (2, 0x41)] as [(UInt8, UInt8)] {
        let bench = KeyboardBench()
        bench.data(0xf0)
        bench.data(set)
        _ = bench.drain()
        bench.command(0x60)
        bench.data(mode)
        bench.keyboard.key(key, isDown: true)
        bench.keyboard.key(key, isDown: false)
        bytes.append(bench.drain())
      }
      #expect(bytes[0] == bytes[1], "\(key)")
    }
  }

  @Test func `Alt makes Print Screen the System Request key, Control makes Pause Break`() {
    let bench = KeyboardBench()
    bench.keyboard.key(.alt, isDown: true)
    bench.keyboard.key(.print, isDown: true)
    bench.keyboard.key(.print, isDown: false)
    #expect(bench.drain() == [0x11, 0x84, 0xf0, 0x84])
    bench.keyboard.key(.alt, isDown: false)
    bench.keyboard.key(.ctrlR, isDown: true)
    bench.keyboard.key(.pause, isDown: true)
    #expect(bench.drain() == [0xf0, 0x11, 0xe0, 0x14, 0xe0, 0x7e, 0xe0, 0xf0, 0x7e])
  }

  @Test func `a reply goes before codes that wait, and a new command drops an old reply`() {
    let bench = KeyboardBench()
    bench.keyboard.key(.a, isDown: true)
    bench.keyboard.key(.b, isDown: true)
    bench.data(0xf2)
    #expect(bench.drain() == [0x1c, 0xfa, 0xab, 0x83, 0x32])
    bench.data(0xf2)
    bench.data(0xee)
    #expect(bench.drain() == [0xfa, 0xee])
  }

  @Test func `no key is lost while the guest does not read, until thousands wait`() {
    let bench = KeyboardBench()
    for _ in 0..<1000 {
      #expect(bench.keyboard.key(.a, isDown: true))
      #expect(bench.keyboard.key(.a, isDown: false))
    }
    while bench.keyboard.key(.a, isDown: true) {}
    #expect((4096...4097).contains(bench.keyboard.unreadByteCount + 1))
    for _ in 0..<1000 {
      #expect([bench.read(), bench.read(), bench.read()] == [0x1c, 0xf0, 0x1c])
    }
  }

  @Test func `a disabled keyboard takes no keys`() {
    let bench = KeyboardBench()
    bench.data(0xf5)
    #expect(bench.drain() == [0xfa])
    #expect(!bench.keyboard.key(.a, isDown: true))
    bench.data(0xf4)
    #expect(bench.drain() == [0xfa])
    #expect(bench.keyboard.key(.a, isDown: true))
    #expect(bench.drain() == [0x1c])
  }
}
