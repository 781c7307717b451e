// SPDX-License-Identifier: Apache-2.0
import DeviceBattery
import InputDevices
import Platform
import Testing

@Suite("Device battery: input")
struct InputBatteryTests {
  private func bench(_ pick: @escaping (KeyboardController, PS2Keyboard, PS2Mouse) -> any Device) -> DeviceBench {
    DeviceBench { parts in
      let record = parts.recorder
      let keyboard = PS2Keyboard()
      let mouse = PS2Mouse()
      let controller = KeyboardController(
        keyboard: keyboard, mouse: mouse, keyboardIRQ: parts.output("irq1"), auxiliaryIRQ: parts.output("irq12"),
        a20: parts.output("a20")
      ) { record("reset") }
      parts.ports.map(0x60...0x60, to: controller.dataPort)
      parts.ports.map(0x64...0x64, to: controller.commandPort)
      parts.exercise(ports: 0x60...0x60)
      parts.exercise(ports: 0x64...0x64)
      let ports = parts.ports
      let commands: [UInt32] = [0x20, 0x60, 0x61, 0x21, 0xaa, 0xab, 0xad, 0xae, 0xae, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4]
      let bytes: [UInt32] = [0xed, 0xf0, 0xf2, 0xf4, 0xf4, 0xf5, 0xf6, 0xff, 0xfe, 0x02, 0x01, 0x47, 0x07, 0x45]
      parts.stimulus { ports.write(0x64, .byte, commands[Int($0 % UInt64(commands.count))]) }
      parts.stimulus { ports.write(0x60, .byte, bytes[Int($0 % UInt64(bytes.count))]) }
      parts.stimulus { word in
        for value in [0xf0, UInt32(word % 4)] { ports.write(0x60, .byte, value) }
      }
      parts.stimulus { word in
        for value in [0xed, UInt32(word % 8)] { ports.write(0x60, .byte, value) }
      }
      parts.observe { [keyboard.leds] }
      // The one way to a break prefix without its code: let the keyboard repeat it.
      parts.stimulus { _ in
        for (port, value) in [(0x64, 0x60), (0x60, 0x01), (0x60, 0xf6)] as [(UInt16, UInt32)] {
          ports.write(port, .byte, value)
        }
        for _ in 0..<8 { _ = ports.read(0x60, .byte) }
        keyboard.key(.a, isDown: false)
        ports.write(0x64, .byte, 0xad)
        _ = ports.read(0x60, .byte)  // F0h; the code behind it stays in the keyboard
        for (port, value) in [(0x64, 0x20), (0x60, 0xf6), (0x60, 0xfe), (0x64, 0x60), (0x60, 0x41)]
          as [(UInt16, UInt32)]
        {
          ports.write(port, .byte, value)
        }
        _ = ports.read(0x60, .byte)
      }
      let codes = KeyCode.allCases
      parts.stimulus { keyboard.key(codes[Int($0 >> 8) % codes.count], isDown: $0 & 1 != 0) }
      parts.keep(controller)
      let device = pick(controller, keyboard, mouse)
      let all: [any Device] = [controller, keyboard, mouse]
      for companion in all where companion !== device { parts.companion(companion) }
      if device === mouse { Self.exerciseMouse(&parts, mouse, ports) }
      // Alone among all keys these show which modifiers are down.
      parts.stimulus { keyboard.key([.print, .pause][Int($0 & 1)], isDown: $0 & 2 != 0) }
      parts.stimulus { keyboard.key([.alt, .altR, .ctrl, .ctrlR][Int($0 & 3)], isDown: $0 & 4 != 0) }
      return device
    }
  }

  /// Commands one by one, each with what it answers read, and motion.
  private static func exerciseMouse(_ parts: inout DeviceBench.Parts, _ mouse: PS2Mouse, _ ports: PortSpace) {
    let record = parts.recorder
    func send(_ bytes: [UInt32]) {
      for byte in bytes {
        ports.write(0x64, .byte, 0xd4)
        ports.write(0x60, .byte, byte)
      }
    }
    func drain() {
      for _ in 0..<24 where ports.read(0x64, .byte) & 1 != 0 { record("byte \(ports.read(0x60, .byte))") }
    }
    let sequences: [[UInt32]] = [
      [0xf4], [0xf4], [0xf5], [0xf6], [0xff], [0xe6], [0xe7], [0xea], [0xf0], [0xeb], [0xec], [0xee], [0xf2], [0xe9],
      [0xe9], [0xfe], [0xe8], [0xf3], [0xe8, 3], [0xf3, 200], [0xf3, 200, 0xf3, 100], [0xf3, 80],
      [0xf3, 200, 0xf3, 100, 0xf3, 80],
      [0xf3, 200, 0xf3, 200, 0xf3, 80],
    ]
    for _ in 0..<3 { parts.stimulus { send(sequences[Int($0 % UInt64(sequences.count))]) } }
    for _ in 0..<3 { parts.stimulus { _ in drain() } }
    parts.stimulus { _ in send([0xec, 0xea, 0xf4]) }
    parts.stimulus { send([0xec, 0xe8, UInt32($0 & 3)]) }
    parts.stimulus { _ in
      drain()
      send([0xe9])
      drain()
    }
    // The sequence that shows the wheel, in two steps so that a mouse is saved between them.
    parts.stimulus { _ in
      send([0xec, 0xff, 0xf3, 200, 0xf3, 100])
      drain()
    }
    for _ in 0..<3 {
      parts.stimulus { _ in
        send([0xf3, 80, 0xf2])
        drain()
      }
    }
    for _ in 0..<2 {
      parts.stimulus { word in
        mouse.handle([
          .move(x: Int32(truncatingIfNeeded: word) >> 22, y: Int32(truncatingIfNeeded: word >> 32) >> 22),
          .turn(Int32(truncatingIfNeeded: word >> 20) >> 27), .tilt(Int32(truncatingIfNeeded: word >> 10) >> 25),
        ])
      }
      parts.stimulus {
        mouse.handle([.button(PS2Mouse.Button.allCases[Int($0 >> 8) % 5], isDown: $0 & 1 != 0)])
      }
    }
  }

  @Test func `the keyboard controller passes the battery`() {
    #expect(DeviceBattery.check(seeds: Array(1...8)) { bench { controller, _, _ in controller } } == [])
  }

  @Test func `the keyboard passes the battery`() {
    #expect(DeviceBattery.check(seeds: Array(1...8)) { bench { _, keyboard, _ in keyboard } } == [])
  }

  @Test func `the mouse passes the battery`() {
    #expect(DeviceBattery.check(seeds: Array(1...16)) { bench { _, _, mouse in mouse } } == [])
  }
}
