// SPDX-License-Identifier: Apache-2.0
import Chipset
import DeviceBattery
import Platform
import Testing

@Suite("Device battery: chipset")
struct ChipsetBatteryTests {
  @Test func `the PIT passes the battery`() {
    // The gates of counters 0 and 1 are tied high on the board: these never change.
    let tied: Set = [
      "gate 4", "frozen_ticks 10", "frozen_ticks 11", "triggered 12",
      "gate 24", "frozen_ticks 30", "frozen_ticks 31", "triggered 32",
    ]
    let failures = DeviceBattery.check(exempt: tied) {
      DeviceBench { parts in
        let pit = PIT(clock: parts.clock, irq: parts.output("irq0"))
        parts.ports.map(0x40...0x43, to: pit)
        parts.exercise(ports: 0x40...0x43)
        parts.stimulus { pit.speakerGate = $0 & 1 != 0 }
        let record = parts.recorder
        parts.stimulus { _ in record("speaker \(pit.speakerOutput) refresh \(pit.refreshToggle)") }
        return pit
      }
    }
    #expect(failures == [])
  }

  @Test(arguments: [true, false]) func `either PIC passes the battery`(isMaster: Bool) {
    // Special fully nested mode is a master's: a slave stores the bit and does nothing with it.
    let exempt: Set = isMaster ? [] : ["special_fully_nested_mode"]
    let failures = DeviceBattery.check(seeds: Array(1...8), exempt: exempt) {
      DeviceBench { parts in
        let pic = PIC(isMaster: isMaster, levelCapable: 0xf8, output: parts.output("int"))
        parts.ports.map(0x20...0x21, to: pic)
        parts.exercise(ports: 0x20...0x21)
        let record = parts.recorder
        let ports = parts.ports
        parts.stimulus { word in
          for value in [0x11, 0x08, 0x04] { ports.write(value == 0x11 ? 0x20 : 0x21, .byte, UInt32(value)) }
          ports.write(0x21, .byte, UInt32(word & 0x12) | 1)
          ports.write(0x20, .byte, word & 0x100 != 0 ? 0x80 : 0)  // rotation with automatic EOI
        }
        parts.stimulus { ports.write(0x20, .byte, [0x20, 0xa0, 0x62, 0xc3, 0xe1, 0x68, 0x68, 0x48][Int($0 % 8)]) }
        parts.stimulus { word in
          pic.setInput(2, word & 1 != 0)
          pic.setInput(2, true)
        }
        parts.stimulus { pic.setInput(UInt8($0 & 7), $0 & 8 != 0) }
        parts.stimulus { _ in record("ack \(pic.acknowledge().map(String.init) ?? "spurious") \(pic.vectorBase)") }
        parts.stimulus { if $0 & 3 == 0 { pic.edgeLevelControl = UInt8(truncatingIfNeeded: $0 >> 8) } }
        return pic
      }
    }
    #expect(failures == [])
  }

  /// Both controllers behind the pair's lines, from which the processor takes vectors.
  @Test(arguments: [true, false]) func `each controller passes the battery in the pair`(isMaster: Bool) {
    // Pulses leave no level, and rotation on automatic EOI seldom lasts here: each controller alone, above, shows both.
    let exempt = Set(["last_irr", "rotate_on_auto_eoi"]).union(isMaster ? [] : ["special_fully_nested_mode"])
    let failures = DeviceBattery.check(seeds: Array(1...8), exempt: exempt) {
      DeviceBench { parts in
        let intr = parts.output("intr")
        let pair = PICPair(output: intr)
        parts.keep(pair)
        parts.ports.map(0x20...0x21, to: pair.master)
        parts.ports.map(0xa0...0xa1, to: pair.slave)
        parts.ports.map(0x4d0...0x4d1, to: pair.edgeLevelPorts)
        for range in [0x20...0x21, 0xa0...0xa1, 0x4d0...0x4d1] as [ClosedRange<UInt16>] {
          parts.exercise(ports: range)
        }
        let ports = parts.ports
        let record = parts.recorder
        parts.stimulus { word in
          for base in [0x20, 0xa0] as [UInt16] {
            ports.write(base, .byte, 0x11)
            for value in [UInt32(word & 0xf8), 4, UInt32(word >> 8 & 0x12) | 1, 0] {
              ports.write(base + 1, .byte, value)
            }
            ports.write(base, .byte, word >> 16 & 1 != 0 ? 0x80 : 0)
          }
        }
        parts.stimulus { ports.write($0 & 1 == 0 ? 0x20 : 0xa0, .byte, [0x20, 0xa0, 0xc3, 0x68][Int($0 >> 8 & 3)]) }
        // The levels of the inputs are their drivers' state: pulses leave none behind.
        for _ in 0..<3 {
          parts.stimulus { word in
            pair.drive(Int(word & 15), true)
            if word & 0x100 != 0, intr.level { record("vector \(pair.acknowledge())") }
            pair.drive(Int(word & 15), false)
          }
        }
        parts.stimulus { _ in if intr.level { record("vector \(pair.acknowledge())") } }
        let (device, companion) = isMaster ? (pair.master, pair.slave) : (pair.slave, pair.master)
        parts.companion(companion)
        return device
      }
    }
    #expect(failures == [])
  }

  @Test func `the real-time clock passes the battery`() {
    let failures = DeviceBattery.check(seeds: [1, 2, 3, 4, 5, 6, 7, 8]) {
      DeviceBench { parts in
        parts.longestStep = 700 * .millisecond
        let rtc = CMOSRTC(clock: parts.clock, irq: parts.output("irq8"), base: 1_700_000_000 * .second)
        parts.ports.map(0x70...0x71, to: rtc)
        parts.exercise(ports: 0x71...0x71)
        let ports = parts.ports
        // Registers 0...0Dh are what matters; the rest is RAM.
        parts.stimulus { ports.write(0x70, .byte, UInt32($0 % 16)) }
        parts.stimulus { ports.write(0x70, .byte, UInt32($0 % 128)) }
        return rtc
      }
    }
    #expect(failures == [])
  }

  @Test func `the DMA controllers pass the battery`() throws {
    let failures = DeviceBattery.check(seeds: Array(1...12)) {
      DeviceBench { parts in
        addRAM(&parts)
        let dma = DMAController(memory: parts.memory)
        parts.ports.map(0x00...0x0f, to: dma.byteController)
        parts.ports.map(0x80...0x8f, to: dma.pages)
        parts.ports.map(0xc0...0xdf, to: dma.wordController)
        for range in [0x00...0x0f, 0x80...0x8f, 0xc0...0xdf] as [ClosedRange<UInt16>] { parts.exercise(ports: range) }
        let record = parts.recorder
        parts.stimulus { word in
          var buffer = [UInt8](repeating: UInt8(truncatingIfNeeded: word >> 8), count: Int(word >> 16 & 63))
          let result = dma.transfer(channel: Int(word & 7), &buffer)
          record("dma \(result) \(buffer)")
        }
        return dma
      }
    }
    #expect(failures == [])
  }

  @Test func `the system control ports pass the battery`() {
    let failures = DeviceBattery.check {
      DeviceBench { parts in
        let record = parts.recorder
        let port = SystemControlPortA(a20: parts.output("a20")) { record("reset") }
        parts.ports.map(0x92...0x92, to: port)
        parts.exercise(ports: 0x92...0x92)
        return port
      }
    }
    #expect(failures == [])
    let failuresB = DeviceBattery.check {
      DeviceBench { parts in
        let pit = PIT(clock: parts.clock, irq: IRQLine())
        let port = SystemControlPortB(pit: pit)
        parts.companion(pit)
        parts.ports.map(0x61...0x61, to: port)
        parts.exercise(ports: 0x61...0x61)
        return port
      }
    }
    #expect(failuresB == [])
  }

  @Test func `power management passes the battery`() {
    let failures = DeviceBattery.check(seeds: Array(1...10)) {
      DeviceBench { parts in
        parts.longestStep = 600 * .millisecond
        let record = parts.recorder
        let pm = PIIX4PM(clock: parts.clock, ports: parts.ports, sci: parts.output("sci")) { record("sleep \($0)") }
        let bus = PCIBus(memory: parts.memory.map, ports: parts.ports)
        let address = PCIAddress(slot: 1, function: 3)
        bus.add(pm, at: address)
        exerciseConfiguration(&parts, bus, address)
        parts.stimulus { word in
          bus.write(address, 0x40, .dword, 0x601)
          bus.write(address, 0x80, .byte, UInt32(word & 7 == 0 ? 0 : 1))
          bus.write(address, 0x90, .dword, 0x701)
          bus.write(address, 0xd2, .byte, UInt32(word & 56 == 0 ? 0 : 1))
        }
        parts.stimulus { _ in pm.pressPowerButton() }
        parts.stimulus { pm.raiseGeneralEvent(Int($0 & 15)) }
        for range in [0x600...0x60f, 0x700...0x70f, 0xb2...0xb3, 0xafe0...0xafe3] as [ClosedRange<UInt16>] {
          parts.exercise(ports: range)
        }
        return pm
      }
    }
    #expect(failures == [])
  }

  @Test func `the host bridge passes the battery`() {
    let failures = DeviceBattery.check(seeds: Array(1...6)) {
      DeviceBench { parts in
        guard let ram = try? RAMBlock(name: "ram", byteCount: 0x100000),
          let rom = try? RAMBlock(name: "rom", byteCount: 0x20000)
        else { return SystemControlPortA(a20: IRQLine()) {} }
        for index in 0..<0x20000 { rom.contents[index] = UInt8(truncatingIfNeeded: index >> 8 ^ index) }
        parts.memory.map.add("ram", at: 0, byteCount: 0x100000, .ram(ram, offset: 0, isReadOnly: false))
        parts.memory.map.add(
          "bios", at: 0xe0000, byteCount: 0x20000, .ram(rom, offset: 0, isReadOnly: true), priority: 1)
        let bridge = I440FX(map: parts.memory.map, ram: ram, firmware: [.init(block: rom, start: 0xe0000, offset: 0)])
        let bus = PCIBus(memory: parts.memory.map, ports: parts.ports)
        bus.add(bridge, at: PCIAddress(slot: 0))
        exerciseConfiguration(&parts, bus, PCIAddress(slot: 0))
        parts.exercise(memory: 0xa0000..<0x100000)
        return bridge
      }
    }
    #expect(failures == [])
  }

  @Test func `the ISA bridge passes the battery`() {
    let failures = DeviceBattery.check(seeds: Array(1...6)) {
      DeviceBench { parts in
        let record = parts.recorder
        // Level-triggered inputs show where a PIRQ went; their controllers are not on trial.
        let pics = PICPair(output: IRQLine())
        pics.edgeLevelPorts.write(port: 0, 0xf8)
        pics.edgeLevelPorts.write(port: 1, 0xde)
        let bus = PCIBus(memory: parts.memory.map, ports: parts.ports)
        let bridge = PIIX3(bus: bus, pics: pics) { record("reset") }
        bus.add(bridge, at: PCIAddress(slot: 1))
        parts.ports.map(0xcf9...0xcf9, to: bridge)
        parts.exercise(ports: 0xcf9...0xcf9)
        exerciseConfiguration(&parts, bus, PCIAddress(slot: 1))
        let lines = (0..<4).map { bus.interruptLine(for: PCIAddress(slot: UInt8(1 + $0))) }
        parts.stimulus { word in
          bus.write(PCIAddress(slot: 1), 0x60 + UInt8(word & 3), .byte, UInt32(word >> 8 & 0x8f))
          lines[Int(word >> 16 & 3)].set(true)
          record("\(pics.master.read(port: 0) & 0xf8) \(pics.slave.read(port: 0) & 0xde)")
          lines[Int(word >> 16 & 3)].set(false)
        }
        return bridge
      }
    }
    #expect(failures == [])
  }

  @Test func `the configuration ports pass the battery`() {
    let failures = DeviceBattery.check {
      DeviceBench { parts in
        let bus = PCIBus(memory: parts.memory.map, ports: parts.ports)
        let ports = PCIConfigurationPorts(bus: bus)
        parts.ports.map(0xcf8...0xcff, to: ports)
        parts.exercise(ports: 0xcf8...0xcff)
        return ports
      }
    }
    #expect(failures == [])
  }

  @Test func `the firmware configuration device passes the battery`() {
    let failures = DeviceBattery.check(seeds: Array(1...8)) {
      DeviceBench { parts in
        addRAM(&parts)
        let device = FirmwareConfiguration(memory: parts.memory)
        device.setFile("etc/test", Array(0...255))
        device.set(FirmwareConfiguration.Key.ramSize, integer: UInt64(0x1122_3344_5566_7788))
        parts.ports.map(0x510...0x51b, to: device)
        parts.exercise(ports: 0x510...0x51b)
        let ports = parts.ports
        let keys: [UInt32] = [0, 1, 3, 0x19, 0x20]
        parts.stimulus { ports.write(0x510, .word, keys[Int($0 % 5)]) }
        parts.stimulus { ports.write(0x514, .dword, UInt32(truncatingIfNeeded: $0 & 1)) }
        let memory = parts.memory
        parts.stimulus { word in
          memory.write(0x100, integer: UInt32([0x0a, 0x02, 0x04, 0x19000a][Int(word & 3)]).byteSwapped)
          memory.write(0x104, integer: UInt32(word >> 8 & 0xff).byteSwapped)
          memory.write(0x108, integer: UInt64(0x1000).byteSwapped)
          ports.write(0x518, .dword, UInt32(0x100).byteSwapped)
        }
        return device
      }
    }
    #expect(failures == [])
  }
}

/// 64 KiB of RAM at 0 whose contents are compared.
func addRAM(_ parts: inout DeviceBench.Parts) {
  guard let ram = try? RAMBlock(name: "ram", byteCount: 0x10000) else { return }
  parts.memory.map.add("ram", at: 0, byteCount: 0x10000, .ram(ram, offset: 0, isReadOnly: false))
  parts.observe { Array(UnsafeRawBufferPointer(ram.contents)) }
}

/// Random configuration cycles to one function.
func exerciseConfiguration(_ parts: inout DeviceBench.Parts, _ bus: PCIBus, _ address: PCIAddress) {
  let record = parts.recorder
  parts.stimulus { word in
    bus.write(address, UInt8(truncatingIfNeeded: word), .byte, UInt32(truncatingIfNeeded: word >> 8))
  }
  parts.stimulus { word in record("config \(bus.read(address, UInt8(truncatingIfNeeded: word) & 0xfc, .dword))") }
}
