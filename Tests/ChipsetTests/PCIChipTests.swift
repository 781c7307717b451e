// SPDX-License-Identifier: Apache-2.0
import Chipset
import Platform
import Testing

/// The three functions of the chipset that are not IDE, on a bus at CF8h.
final class PCIChipBench {
  let ports = PortSpace()
  let memory = GuestMemory()
  let clock = VirtualClock()
  let sci = IRQLine()
  let pics = PICPair(output: IRQLine())
  let bus: PCIBus
  let hostBridge: I440FX
  let isaBridge: PIIX3
  let power: PIIX4PM
  let configurationPorts: PCIConfigurationPorts
  let ram: RAMBlock
  var resets: Int { events.count { $0 == "reset" } }
  var sleeps: Int { events.count { $0.hasPrefix("sleep") } }
  private var events: [String] { log.events }
  private let log = Log()

  private final class Log { var events: [String] = [] }

  init() throws {
    let log = log
    let ram = try RAMBlock(name: "ram", byteCount: 0x100000)
    let rom = try RAMBlock(name: "rom", byteCount: 0x20000)
    self.ram = ram
    for index in 0..<0x20000 { rom.contents[index] = 0x99 }
    let map = memory.map
    map.add("ram", at: 0, byteCount: 0x100000, .ram(ram, offset: 0, isReadOnly: false))
    map.add("bios", at: 0xe0000, byteCount: 0x20000, .ram(rom, offset: 0, isReadOnly: true), priority: 1)
    map.add("rom", at: 0xc0000, byteCount: 0x20000, .none, priority: 1)
    map.add("vga", at: 0xa0000, byteCount: 0x20000, .none, priority: 1)
    bus = PCIBus(memory: map, ports: ports)
    hostBridge = I440FX(map: map, ram: ram, firmware: [.init(block: rom, start: 0xe0000, offset: 0)])
    isaBridge = PIIX3(bus: bus, pics: pics) { log.events.append("reset") }
    power = PIIX4PM(clock: clock, ports: ports, sci: sci) { log.events.append("sleep \($0)") }
    configurationPorts = PCIConfigurationPorts(bus: bus)
    ports.map(0xcf8...0xcff, to: configurationPorts)
    ports.map(0xcf9...0xcf9, to: isaBridge)
    bus.add(hostBridge, at: PCIAddress(slot: 0))
    bus.add(isaBridge, at: PCIAddress(slot: 1))
    bus.add(power, at: PCIAddress(slot: 1, function: 3))
    for device in [hostBridge, isaBridge, power, configurationPorts] as [any Device] { device.reset(.power) }
    map.commit()
  }

  func read(_ slot: UInt32, _ function: UInt32, _ register: UInt32) -> UInt32 {
    ports.write(0xcf8, .dword, 0x8000_0000 | slot << 11 | function << 8 | register)
    return ports.read(0xcfc, .dword)
  }

  func write(_ slot: UInt32, _ function: UInt32, _ register: UInt32, _ width: AccessWidth, _ value: UInt32) {
    ports.write(0xcf8, .dword, 0x8000_0000 | slot << 11 | function << 8 | register & ~3)
    ports.write(0xcfc + UInt16(register & 3), width, value)
    memory.map.commit()
  }
}

@Suite struct PCIChipTests {
  /// All registers that are not zero after reset, as QEMU 7.2's `pc` has them with nothing plugged in.
  @Test(
    arguments: [
      (0, 0, [0x00: 0x1237_8086, 0x08: 0x0600_0002, 0x2c: 0x1100_1af4, 0x70: 0x0002_0000]),
      (
        1, 0,
        [
          0x00: 0x7000_8086, 0x04: 0x0200_0000, 0x08: 0x0601_0000, 0x0c: 0x0080_0000, 0x2c: 0x1100_1af4,
          0x4c: 0x0003_004d, 0x60: 0x8080_8080, 0x68: 0x0000_0200, 0x70: 0x80, 0x74: 0x0c0c_0000, 0x78: 2, 0xa0: 8,
          0xa8: 0xf,
        ]
      ),
      (
        1, 3,
        [
          0x00: 0x7113_8086, 0x04: 0x0280_0000, 0x08: 0x0680_0003, 0x2c: 0x1100_1af4, 0x3c: 0x0100, 0x40: 1,
          0x58: 0x0200_0000, 0x5c: 0x1000_0000, 0x60: 0x6000_0000, 0x90: 0xb101, 0xd0: 0x0009_0000,
        ]
      ),
    ] as [(UInt32, UInt32, [UInt32: UInt32])])
  func `configuration space after reset`(_ slot: UInt32, _ function: UInt32, _ expected: [UInt32: UInt32]) throws {
    let bench = try PCIChipBench()
    for register in stride(from: UInt32(0), to: 0x100, by: 4) {
      #expect(bench.read(slot, function, register) == expected[register] ?? 0, "register \(register)")
    }
  }

  /// What all ones and all zeroes leave in the header.
  @Test(
    arguments: [
      (0, 0, 0x04, 0x0000_0507, 0), (0, 0, 0x0c, 0xff, 0), (0, 0, 0x3c, 0xff, 0), (0, 0, 0x10, 0, 0),
      (0, 0, 0x00, 0x1237_8086, 0x1237_8086), (1, 0, 0x04, 0x0200_0507, 0x0200_0000), (1, 0, 0x0c, 0x8000ff, 0x80_0000),
      (1, 3, 0x04, 0x0280_0507, 0x0280_0000), (1, 3, 0x3c, 0x1ff, 0x100), (0, 0, 0x30, 0, 0),
    ] as [(UInt32, UInt32, UInt32, UInt32, UInt32)])
  func `the header's masks`(
    _ slot: UInt32, _ function: UInt32, _ register: UInt32, _ ones: UInt32, _ zeroes: UInt32
  ) throws {
    let bench = try PCIChipBench()
    bench.write(slot, function, register, .dword, .max)
    #expect(bench.read(slot, function, register) == ones)
    bench.write(slot, function, register, .dword, 0)
    #expect(bench.read(slot, function, register) == zeroes)
  }

  @Test func `absent functions and disabled cycles read as ones`() throws {
    let bench = try PCIChipBench()
    #expect(bench.read(2, 0, 0) == .max)
    #expect(bench.read(1, 2, 0) == .max)
    bench.ports.write(0xcf8, .dword, 0x8001_0000)
    #expect(bench.ports.read(0xcfc, .dword) == .max)
    bench.ports.write(0xcf8, .dword, 0)
    #expect(bench.ports.read(0xcfc, .dword) == .max)
  }

  @Test func `the address register takes double words only and reads in parts`() throws {
    let bench = try PCIChipBench()
    bench.ports.write(0xcf8, .dword, 0xffff_ffff)
    #expect(bench.ports.read(0xcf8, .dword) == 0xffff_ffff)
    bench.ports.write(0xcf8, .dword, 0x8000_0000)
    bench.ports.write(0xcf8, .byte, 8)
    #expect(bench.ports.read(0xcf8, .dword) == 0x8000_0000)
    #expect(bench.ports.read(0xcfe, .word) == 0x1237)
    #expect(bench.ports.read(0xcfd, .byte) == 0x80)
  }

  @Test(arguments: [(0x02, 0x02, 0), (0xfb, 0x02, 0), (0x04, 0x00, 1), (0x06, 0x02, 1)] as [(UInt32, UInt32, Int)])
  func `CF9h resets on bit 2`(_ value: UInt32, _ left: UInt32, _ resets: Int) throws {
    let bench = try PCIChipBench()
    bench.ports.write(0xcf9, .byte, value)
    #expect(bench.ports.read(0xcf9, .byte) == left)
    #expect(bench.resets == resets)
  }

  // MARK: Host bridge

  /// PAM attribute of F0000h...FFFFFh; what is read after 11h was written; whether RAM has it.
  @Test(arguments: [(0, 0x99, false), (1, 0x22, false), (2, 0x99, true), (3, 0x11, true)] as [(UInt32, UInt8, Bool)])
  func `PAM chooses between ROM and RAM`(_ attribute: UInt32, _ read: UInt8, _ reachesRAM: Bool) throws {
    let bench = try PCIChipBench()
    bench.ram.contents[0xf1234] = 0x22
    bench.write(0, 0, 0x59, .byte, attribute << 4)
    bench.memory.busWrite(0xf1234, .byte, 0x11)
    #expect(bench.memory.busRead(0xf1234, .byte) == UInt64(read))
    #expect(bench.ram.contents[0xf1234] == (reachesRAM ? 0x11 : 0x22))
    #expect(bench.memory.busRead(0xe0000, .byte) == 0x99)
  }

  /// Each half of each register governs 16 KiB.
  @Test(arguments: Array(0..<12)) func `PAM has a field for each segment`(_ index: Int) throws {
    let bench = try PCIChipBench()
    let start = 0xc0000 + 0x4000 * index
    for position in stride(from: 0xc0000, to: 0x100000, by: 0x4000) { bench.ram.contents[position] = 0x33 }
    bench.write(0, 0, 0x5a + UInt32(index / 2), .byte, index & 1 == 0 ? 0x03 : 0x30)
    for position in stride(from: 0xc0000, to: 0x100000, by: 0x4000) {
      let expected: UInt64 = position == start ? 0x33 : position >= 0xe0000 ? 0x99 : 0xff
      #expect(bench.memory.busRead(UInt64(position), .byte) == expected)
    }
  }

  @Test func `writes under shadowed ROM mark their pages dirty`() throws {
    let bench = try PCIChipBench()
    bench.ram.enableDirtyLog()
    let log = try #require(bench.ram.dirtyLog)
    _ = log.collect(0..<256)
    bench.write(0, 0, 0x59, .byte, 0x20)
    bench.memory.busWrite(0xf1234, .word, 0x1111)
    #expect(log.isDirty(page: 0xf1))
    #expect(!log.isDirty(page: 0xf0))
  }

  /// SMRAM control and whether RAM shows at A0000h: G_SMRAME with D_OPEN, not D_CLS.
  @Test(arguments: [(0x02, false), (0x0a, false), (0x4a, true), (0x6a, false), (0x42, false)] as [(UInt32, Bool)])
  func `SMRAM opens`(_ control: UInt32, _ isOpen: Bool) throws {
    let bench = try PCIChipBench()
    bench.ram.contents[0xa0000] = 0x44
    bench.write(0, 0, 0x72, .byte, control)
    #expect(bench.memory.busRead(0xa0000, .byte) == (isOpen ? 0x44 : 0xff))
  }

  @Test func `a lock closes SMRAM`() throws {
    let bench = try PCIChipBench()
    bench.write(0, 0, 0x72, .byte, 0x5a)
    bench.write(0, 0, 0x72, .byte, 0x4a | 0x10)
    #expect(bench.read(0, 0, 0x70) >> 16 & 0x40 == 0)
    #expect(bench.memory.busRead(0xa0000, .byte) == 0xff)
  }

  @Test func `a reset shows ROM again`() throws {
    let bench = try PCIChipBench()
    bench.write(0, 0, 0x59, .byte, 0x30)
    bench.hostBridge.reset(.system)
    bench.memory.map.commit()
    #expect(bench.memory.busRead(0xf0000, .byte) == 0x99)
  }

  // MARK: ISA bridge

  /// Slot and pin, and the PIRQ they are wired to.
  @Test(
    arguments: [(1, 1, 0), (1, 4, 3), (2, 1, 1), (3, 1, 2), (4, 1, 3), (5, 1, 0), (4, 2, 0)] as [(UInt8, Int, Int)])
  func `slots are swizzled onto PIRQs`(_ slot: UInt8, _ pin: Int, _ pirq: Int) throws {
    let bench = try PCIChipBench()
    bench.bus.interruptLine(for: PCIAddress(slot: slot), pin: pin).set(true)
    #expect((0..<4).map { bench.bus.pirqLevel($0) } == (0..<4).map { $0 == pirq })
  }

  @Test func `a PIRQ drives the interrupt that its route says, while it is high`() throws {
    let bench = try PCIChipBench()
    bench.pics.edgeLevelPorts.write(port: 1, 0x0c)
    let line = bench.bus.interruptLine(for: PCIAddress(slot: 3))
    line.set(true)
    func requests() -> UInt8 { bench.pics.slave.read(port: 0) }
    #expect(requests() == 0)
    bench.write(1, 0, 0x62, .byte, 10)
    #expect(requests() == 0x04)
    bench.write(1, 0, 0x62, .byte, 11)
    #expect(requests() == 0x08)
    bench.write(1, 0, 0x62, .byte, 0x8b)
    #expect(requests() == 0)
    bench.write(1, 0, 0x62, .byte, 11)
    line.set(false)
    #expect(requests() == 0)
  }
}
