// SPDX-License-Identifier: Apache-2.0
import DeviceBattery
import Platform
import SerialDevices
import Testing

@Suite("Device battery: serial")
struct SerialBatteryTests {
  @Test func `the UART passes the battery`() {
    let failures = DeviceBattery.check(seeds: Array(1...8)) {
      DeviceBench { parts in
        let record = parts.recorder
        let uart = UART16550A(clock: parts.clock, irq: parts.output("irq4"))
        uart.transmit = { record("sent \($0)") }
        let ports = parts.ports
        ports.map(0x3f8...0x3ff, to: uart)
        parts.exercise(ports: 0x3f8...0x3ff)
        parts.longestStep = 8 * .millisecond
        // A driver's setup, then less than the trigger level arrives: only the timeout tells.
        parts.stimulus { word in
          for (port, value) in [(0x3fb, 0x83), (0x3f8, 2), (0x3f9, 0), (0x3fb, 3), (0x3fa, 0xc1), (0x3f9, word & 1)]
            as [(UInt16, UInt64)]
          {
            ports.write(port, .byte, UInt32(value))
          }
          uart.receive([1, 2, 3])
        }
        parts.stimulus { uart.receive([UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: Int($0 >> 8 & 3))) }
        parts.stimulus { if $0 & 3 == 0 { uart.receiveBreak() } }
        // Random line control leaves the divisor latch open half of the time; close it, and open the FIFO.
        parts.stimulus { _ in ports.write(0x3fb, .byte, 3) }
        parts.stimulus { ports.write(0x3fa, .byte, $0 & 1 == 0 ? 1 : 0xc1) }
        parts.stimulus { ports.write(0x3f9, .byte, UInt32($0 & 15)) }
        return uart
      }
    }
    #expect(failures == [])
  }

  @Test func `the debug ports pass the battery`() {
    let console = DeviceBattery.check {
      DeviceBench { parts in
        let record = parts.recorder
        let console = DebugConsole { record("sent \($0)") }
        parts.ports.map(0xe9...0xe9, to: console)
        parts.exercise(ports: 0xe9...0xe9)
        return console
      }
    }
    #expect(console == [])
    let exit = DeviceBattery.check {
      DeviceBench { parts in
        let record = parts.recorder
        let exit = DebugExit { record("exit \($0)") }
        parts.ports.map(0x501...0x502, to: exit)
        parts.exercise(ports: 0x501...0x502)
        return exit
      }
    }
    #expect(exit == [])
  }
}
