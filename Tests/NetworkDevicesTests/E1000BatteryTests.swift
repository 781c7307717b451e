// SPDX-License-Identifier: Apache-2.0
import DeviceBattery
import Fuzzing
import HostIO
import Network
import NetworkDevices
import Platform
import Testing

/// The battery, and guests and wires that mean harm.
struct E1000BatteryTests {
  private final class Driver {
    let ports: PortSpace
    let memory: GuestMemory
    let device: E1000
    let clock: VirtualClock
    let wire = NetworkPort.adapter("wire")
    /// A quarter of the time; by the clock, since a bench that continues from a save knows nothing else.
    var isBusy: Bool { clock.now >> 16 & 3 == 0 }

    init(_ ports: PortSpace, _ memory: GuestMemory, _ device: E1000, _ clock: VirtualClock) {
      (self.ports, self.memory, self.device, self.clock) = (ports, memory, device, clock)
    }

    private func write(_ offset: UInt64, _ value: UInt32) { device.write(memory: offset, width: .dword, UInt64(value)) }

    /// Rings of 8 descriptors and everything on.
    func start(_ word: UInt64) {
      write(0x2800, 0x1000)
      write(0x2808, 128)
      write(0x2810, 0)
      for index in 0..<UInt64(8) { memory.write(0x1000 + index * 16, integer: 0x4000 + index * 512) }
      memory.write(0x8000, (0..<0x400).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 >> 8) })
      write(0x2818, 7)
      write(0x100, [0x0402_8002, 0x0000_801a, 0x0407_802a, 0x0402_b102][Int(word & 3)])
      write(0x3800, 0x2000)
      write(0x3808, 128)
      write(0x3810, 0)
      write(0x3818, 0)
      write(0x400, 0xa)
      write(0xd0, UInt32(truncatingIfNeeded: word >> 8) | 0x81)
      write(0x5000, UInt32(word >> 40 & 0x3ff))
      write(0x0, word & 16 != 0 ? 0x4014_0240 : 0x0014_0240)
    }

    func setDelays(_ word: UInt64) {
      for (index, offset) in [0x2820, 0x282c, 0x3820, 0x382c, 0xc4].enumerated() {
        write(UInt64(offset), UInt32(word >> UInt64(index * 4) & 15) * (offset == 0xc4 ? 400 : 40))
      }
    }

    func transmit(_ word: UInt64) {
      let tail = UInt64(device.read(memory: 0x3818, width: .dword)) & 7
      let segments = word & 3 == 0
      if word & 4 != 0 {
        let end: UInt64 = word >> 33 & 1 == 0 ? 0 : 60 << 48
        memory.write(0x2000 + tail * 16, integer: (UInt64(0x3222_0021_180e) ^ (word >> 20 & 0x0101)) | end)
        let command: UInt64 = 0x2300_0000 | (segments ? 1 << 26 : 0)
        let payload: UInt64 = word >> 34 & 1 == 0 ? 0 : 100
        memory.write(0x2000 + tail * 16 + 8, integer: command | UInt64(54) << 40 | payload << 48)
        write(0x3818, UInt32((tail + 1) & 7))
        return
      }
      let length = word >> 8 & 0x1ff
      var command: UInt64 = word >> 20 & 0xc800_0000
      command |= word & 8 != 0 ? 0x0900_0000 : 0x0800_0000
      if word & 16 != 0 {
        command |= segments ? 0x2410_0000 : 0x2010_0000
        command |= (word >> 30 & 3) << 40
      }
      memory.write(0x2000 + tail * 16, integer: 0x8000 + (word >> 40 & 0xff))
      memory.write(0x2000 + tail * 16 + 8, integer: command | length | (word >> 50) << 48)
      write(0x3818, UInt32((tail + 1) & 7))
    }

    /// More segments than one go works off.
    func transmitMuch() {
      let tail = UInt64(device.read(memory: 0x3818, width: .dword)) & 7
      let words: [(UInt64, UInt64)] = [
        (0x3222_0021_180e, 0x2700_0000 | 54 << 40 | 16000 << 48), (0x8000, 0x2d1f_ffff), (0x8000, 0x2d1f_ffff),
      ]
      for (index, (low, high)) in words.enumerated() {
        let place = 0x2000 + ((tail + UInt64(index)) & 7) * 16
        memory.write(place, integer: low)
        memory.write(place + 8, integer: high)
      }
      write(0x3818, UInt32((tail + 3) & 7))
    }

    func receive(_ word: UInt64) {
      var frame = E1000Bench.tcp([UInt8](repeating: UInt8(word & 0xff), count: Int(word >> 8 & 0x3ff)))
      if word >> 30 & 3 == 0 { frame.insert(contentsOf: [0x81, 0, 0, UInt8(word >> 33 & 7)], at: 12) }
      if word >> 36 & 3 == 0 { frame[0] = UInt8(word >> 40 & 3) }
      _ = wire.send(frame)
    }

    func giveBuffers(_ word: UInt64) { write(0x2818, UInt32(word & 7)) }

    /// Some bits in and out, so that a command takes several calls.
    func eeprom(_ word: UInt64, _ note: (String) -> Void) {
      if word & 7 == 0 { write(0x10, 0) }
      for index in 0..<6 {
        let pins: UInt32 = 2 | UInt32(word >> UInt64(8 + index) & 1) << 2
        write(0x10, pins)
        write(0x10, pins | 1)
        note("eecd \(device.read(memory: 0x10, width: .dword))")
      }
    }

    /// A whole serial command: unlock, write one or all, or read.
    func serialCommand(_ word: UInt64) {
      let address = UInt32(word >> 8 & 63)
      let (bits, count): (UInt32, Int) =
        switch word & 3 {
        case 0: (0b100_110000, 9)
        case 1:
          ((word & 4 == 0 ? 0b101 << 6 | address : 0b100_010000) << 16 | UInt32(word >> 16 & 0xffff), 25)
        default: (0b110 << 6 | address, 9)
        }
      write(0x10, 0)
      write(0x10, 2)
      for index in (0..<count).reversed() {
        let pins: UInt32 = 2 | (bits >> UInt32(index) & 1) << 2
        write(0x10, pins)
        write(0x10, pins | 1)
      }
      if word & 3 < 2 { write(0x10, 0) }
    }

    func look(_ word: UInt64, _ note: (String) -> Void) {
      let offsets: [UInt64] = [
        0x08, 0x10, 0x14, 0x20, 0xc0, 0xd0, 0xc4, 0x2810, 0x2818, 0x3810, 0x2820, 0x282c, 0x3820, 0x382c, 0x5000, 0x100,
        0x400, 0x0, 0x18, 0x2800, 0x2804, 0x3800, 0x3804, 0x2808, 0x3808,
      ]
      let offset = offsets[Int(word >> 8) % offsets.count]
      note("\(offset) \(device.read(memory: offset, width: .dword))")
      for group: UInt64 in [0x4000, 0x5200, 0x5400, 0x5600] {
        let place = group + (word >> 20 & 31) * 4 + (word >> 30 & 3) * 128 % (group == 0x5400 ? 128 : 512)
        note("\(place) \(device.read(memory: place, width: .dword))")
      }
      write(0x20, 2 << 26 | 1 << 21 | UInt32(word >> 40 & 31) << 16)
      note("phy \(device.read(memory: 0x20, width: .dword))")
      write(0x14, UInt32(word >> 45 & 63) << 8 | 1)
      note("eeprom \(device.read(memory: 0x14, width: .dword))")
    }

    func setTables(_ word: UInt64) {
      write(0x5200 + (word & 127) * 4, UInt32(truncatingIfNeeded: word >> 32))
      write(0x5400 + (word >> 8 & 31) * 4, UInt32(truncatingIfNeeded: word >> 30))
      write(0x5600 + (word >> 16 & 127) * 4, UInt32(truncatingIfNeeded: word >> 28))
      write(0x20, 1 << 26 | 1 << 21 | UInt32(word >> 44 & 31) << 16 | UInt32(word >> 32 & 0xbfff))
      write([0x28, 0x2c, 0x30, 0x170, 0x178, 0x410, 0x2160][Int(word >> 50) % 7], UInt32(truncatingIfNeeded: word))
    }
  }

  private static func makeBench() -> DeviceBench {
    DeviceBench { parts in
      let block: RAMBlock
      do throws(Errno) { block = try RAMBlock(name: "ram", byteCount: 0x10000) } catch {
        preconditionFailure("no memory for the bench")
      }
      parts.memory.map.add("ram", at: 0, byteCount: 0x10000, .ram(block, offset: 0, isReadOnly: false))
      let bus = PCIBus(memory: parts.memory.map, ports: parts.ports)
      let port = NetworkPort.adapter("e1000.0")
      let device = E1000(
        bus: bus, address: PCIAddress(slot: 3), memory: parts.memory, clock: parts.clock, port: port, rom: nil,
        settings: .init(address: E1000Bench.address))
      let interrupt = parts.output("intx")
      bus.routeInterrupt = { _, level in interrupt.set(level) }
      let note = parts.recorder
      let driver = Driver(parts.ports, parts.memory, device, parts.clock)
      NetworkPort.connect(port, driver.wire)
      driver.wire.receive = { frame in
        if driver.isBusy { return false }
        note("sent \(frame.count) \(frame.prefix(60).reduce(0) { $0 &* 31 &+ Int($1) })")
        return true
      }
      parts.keep(bus)
      parts.keep(driver)
      parts.exercise(memory: 0xfeb0_0000..<0xfeb0_0040)
      parts.exercise(memory: 0xfeb0_2800..<0xfeb0_2830)
      parts.exercise(ports: 0xc000...0xc007)
      let enable: (UInt64) -> Void = { _ in
        bus.write(PCIAddress(slot: 3), 0x10, .dword, 0xfeb0_0000)
        bus.write(PCIAddress(slot: 3), 0x14, .dword, 0xc000)
        bus.write(PCIAddress(slot: 3), 0x04, .word, 7)
      }
      parts.stimulus(enable)
      parts.stimulus {
        enable($0)
        driver.start($0)
      }
      parts.stimulus { driver.setDelays($0) }
      for _ in 0..<4 { parts.stimulus { driver.transmit($0) } }
      for _ in 0..<3 { parts.stimulus { driver.receive($0) } }
      parts.stimulus { driver.giveBuffers($0) }
      parts.stimulus { _ in driver.transmitMuch() }
      for _ in 0..<2 { parts.stimulus { driver.eeprom($0, note) } }
      for _ in 0..<2 { parts.stimulus { driver.serialCommand($0) } }
      for _ in 0..<3 { parts.stimulus { driver.look($0, note) } }
      parts.stimulus { driver.setTables($0) }
      parts.stimulus { _ in driver.wire.becameReady() }
      parts.longestStep = 300 * .microsecond
      parts.observe { Array(UnsafeRawBufferPointer(block.contents)) }
      return device
    }
  }

  @Test func `the adapter continues from a save, refuses damage and survives hostility`() {
    // Of tables whose every entry has the same code an entry is touched by chance alone. Of the context for checksums
    // (the first of two) nothing tells how packets are cut: it is kept since a descriptor has it.
    let tables: Set = [
      "config", "plain", "eeprom", "phy", "ra", "mta", "vfta", "statistics", "hdrlen 521", "mss 522", "ip 523",
      "tcp 524", "ffmt", "ffvt", "pbm",
    ]
    let failures = DeviceBattery.check(seeds: Array(1...8), steps: 800, exempt: tables) { Self.makeBench() }
    #expect(failures == [])
  }

  @Test func `rings of random bytes, from both sides`() throws {
    try Fuzzing.run("e1000", seconds: 2) { random in
      let bench = try E1000Bench()
      bench.start()
      bench.ram.contents.copyBytes(from: random.bytes(0x4000))
      for _ in 0..<300 {
        switch random.below(8) {
        case 0:
          bench[UInt64(random.below(random.oneIn(4) ? 0x20000 : 0x6000) & ~3)] = UInt32(
            truncatingIfNeeded: random.word())
        case 1:
          bench[[0x2818, 0x3818, 0x2808, 0x3808, 0x2810, 0x3810][random.below(6)]] = UInt32(random.below(1 << 17))
        case 2: _ = bench.wire.send(random.bytes(random.below(2000)))
        case 3: _ = bench.wire.send(random.damaged(E1000Bench.tcp(random.bytes(random.below(1400)))))
        case 4: bench.memory.write(E1000Bench.transmitRing + UInt64(random.below(4096)), random.bytes(16))
        case 5: bench.clock.advance(by: Nanoseconds(random.below(100_000)))
        case 6: _ = bench[UInt64(random.below(0x20000) & ~3)]
        default:
          bench.isBusy = random.oneIn(2)
          bench.wire.becameReady()
        }
        #expect(bench.sent.allSatisfy { $0.count <= 16400 })
        bench.sent.removeAll()
      }
      let image = bench.device.save()
      try bench.device.load(image)
      _ = try? bench.device.load(random.damaged(image))
    }
  }
}
