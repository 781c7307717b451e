// SPDX-License-Identifier: Apache-2.0
import DeviceBattery
import GraphicsDevices
import Platform
import Testing

/// What every device must stand, and the PCI side.
struct VGADeviceTests {
  private static func bench() -> DeviceBench {
    DeviceBench { parts in
      let bus = PCIBus(memory: parts.memory.map, ports: parts.ports)
      guard
        let vga = try? StandardVGA(
          bus: bus, address: VGABench.slot, clock: parts.clock, rom: [0x55, 0xaa], videoMemoryByteCount: 256 << 10)
      else { preconditionFailure("no memory for the bench") }
      parts.exercise(ports: 0x3c0...0x3cf)
      parts.exercise(ports: 0x3b0...0x3df)
      parts.exercise(ports: 0x1ce...0x1d1)
      parts.exercise(memory: 0xa0000..<0xa0100)
      parts.exercise(memory: 0xa0000..<0xc0000)
      parts.exercise(memory: 0xf000_0500..<0xf000_0608)
      parts.exercise(memory: 0xe000_0000..<0xe000_0200)
      let note = parts.recorder
      let memory = parts.memory
      for bank in 0..<4 { vga.videoMemory.contents[bank << 16 | 0x400] = UInt8(bank) }
      // Looks at registers that a random walk seldom meets before it overwrites them.
      for _ in 0..<3 {
        parts.stimulus { _ in
          let values = registers(bus)
          // Read only where it does not change the latches.
          let isLinear =
            bus.memory.find(0xa0400).map { if case .ram = $0.region.backing { true } else { false } } ?? false
          note("registers \(values) bank \(isLinear ? memory.busRead(0xa0400, .byte) : 0)")
        }
      }
      parts.stimulus { _ in note("palette \((0..<4).map { _ in bus.ports.read(0x3c9, .byte) })") }
      parts.stimulus { word in
        // Completes a palette entry that was begun, and looks at it.
        guard word & 7 == 0 else { return }
        let entry = bus.ports.read(0x3c8, .byte)
        for value in [1, 2, 3] as [UInt32] { bus.ports.write(0x3c9, .byte, value) }
        bus.ports.write(0x3c7, .byte, entry)
        note("entry \((0..<3).map { _ in bus.ports.read(0x3c9, .byte) })")
      }
      parts.stimulus { word in
        // Write mode 1 shows what the latches hold.
        guard word & 3 == 0 else { return }
        bus.ports.write(0x1ce, .word, 4)
        bus.ports.write(0x1cf, .word, 0)
        for value in [0x0f02, 0x0604] as [UInt32] { bus.ports.write(0x3c4, .word, value) }
        for value in [0x0105, 0x0406] as [UInt32] { bus.ports.write(0x3ce, .word, value) }
        memory.map.commit()
        memory.busWrite(0xa0000, .byte, 0)
        note("latches \(Array(vga.videoMemory.contents[0..<4]))")
      }
      parts.stimulus { word in
        switch word & 31 {
        case 0: map(bus, enabled: word & 0x700 != 0)
        case 1: bus.ports.write(0x3c2, .byte, UInt32(word >> 8 & 1))
        case 2: showLinear(bus, depth: word & 0x100 == 0 ? 8 : 16)
        case 3: setByteOrder(bus, isBig: word & 0x100 == 0)
        case 4, 5: moveBank(bus, to: UInt32(word >> 8 & 3))
        case 6: setIdentifier(bus, UInt32(word >> 8 & 7))
        default: break
        }
      }
      parts.observe {
        let picture = vga.capture()
        return withUnsafeBytes(of: (picture.width, picture.height, picture.checksum)) { Array($0) }
      }
      return vga
    }
  }

  private static func registers(_ bus: PCIBus) -> [UInt32] {
    var values = [0x3c0, 0x3c2, 0x3c4, 0x3c6, 0x3c7, 0x3c8, 0x3ca, 0x3cc, 0x3ce, 0x3b4, 0x3d4, 0x3b5, 0x3d5, 0x3c5]
      .map { bus.ports.read($0, .byte) }
    let selected = bus.ports.read(0x1ce, .word)
    for index: UInt32 in 0..<11 {
      bus.ports.write(0x1ce, .word, index)
      values.append(bus.ports.read(0x1cf, .word))
    }
    bus.ports.write(0x1ce, .word, selected)
    return values + [selected]
  }

  private static func map(_ bus: PCIBus, enabled: Bool) {
    let writes: [(UInt8, UInt32)] = [
      (0x10, 0xe000_0000), (0x18, 0xf000_0000), (0x04, enabled ? 3 : 0), (0x30, 0xfeb0_0001),
    ]
    for (offset, value) in writes { bus.write(VGABench.slot, offset, .dword, value) }
  }

  private static func showLinear(_ bus: PCIBus, depth: UInt32) {
    for (index, value) in [(4, 0), (1, 64), (2, 32), (3, depth), (4, 0x81)] as [(UInt32, UInt32)] {
      bus.ports.write(0x1ce, .word, index)
      bus.ports.write(0x1cf, .word, value)
    }
    _ = bus.ports.read(0x3da, .byte)
    bus.ports.write(0x3c0, .byte, 0x20)
  }

  /// Moves the window of a linear mode.
  private static func moveBank(_ bus: PCIBus, to bank: UInt32) {
    showLinear(bus, depth: 8)
    bus.ports.write(0x1ce, .word, 5)
    bus.ports.write(0x1cf, .word, bank)
  }

  private static func setIdentifier(_ bus: PCIBus, _ revision: UInt32) {
    bus.ports.write(0x1ce, .word, 0)
    bus.ports.write(0x1cf, .word, 0xb0c0 | revision)
  }

  /// Byte order of the frame buffer, which only two exact values change.
  private static func setByteOrder(_ bus: PCIBus, isBig: Bool) {
    guard let (region, _) = bus.memory.find(0xf000_0604), case .mmio(let device, _) = region.backing else { return }
    device.write(memory: 0x604, width: .dword, isBig ? 0xbebe_bebe : 0x1e1e_1e1e)
  }

  @Test func `the device battery finds nothing`() {
    let failures = DeviceBattery.check(make: Self.bench)
    #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
  }

  @Test func `configuration space is that of QEMU's VGA`() throws {
    let bench = try VGABench(rom: [UInt8](repeating: 0, count: 39936))
    let expected: [(UInt8, UInt32)] = [
      (0x00, 0x1111_1234), (0x08, 0x0300_0002), (0x2c, 0x1100_1af4), (0x3c, 0), (0x10, 0xe000_0008),
    ]
    for (offset, value) in expected { #expect(bench.bus.read(VGABench.slot, offset, .dword) == value) }
    for (offset, value) in [(0x10, 0xff00_0008), (0x14, 0), (0x18, 0xffff_f000), (0x30, 0xffff_0001)]
      as [(UInt8, UInt32)]
    {
      bench.bus.write(VGABench.slot, offset, .dword, .max)
      #expect(bench.bus.read(VGABench.slot, offset, .dword) == value)
    }
  }

  @Test func `the option ROM appears where its register says`() throws {
    let bench = try VGABench(rom: [0x55, 0xaa, 0x4e])
    #expect(bench.read(0xfeb0_0000, .dword) == 0xffff_ffff)
    bench.bus.write(VGABench.slot, 0x30, .dword, 0xfeb0_0001)
    bench.memory.map.commit()
    #expect(bench.read(0xfeb0_0000, .dword) == 0x004e_aa55)
    bench.write(0xfeb0_0000, 0)
    #expect(bench.read(0xfeb0_0000) == 0x55)
  }

  @Test func `a reset leaves video memory and forgets the registers`() throws {
    let bench = try VGABench()
    bench.dispi((1, 640), (2, 480), (3, 32), (4, 1))
    bench.write(VGABench.frameBuffer, 0x1234_5678, .dword)
    bench.vga.reset(.system)
    bench.memory.map.commit()
    #expect(bench.dispiValue(4) == 0)
    #expect(bench.read(VGABench.frameBuffer) == 0xff)
    bench.mapRegions()
    #expect(bench.read(VGABench.frameBuffer, .dword) == 0x1234_5678)
  }

  @Test func `writes of every kind mark the frame buffer's pages`() throws {
    let bench = try VGABench()
    bench.vga.videoMemory.enableDirtyLog()
    let log = try #require(bench.vga.videoMemory.dirtyLog)
    func collect() -> [Int] { (0..<64).filter { log.collect($0..<$0 + 1) } }
    _ = collect()
    bench.mode(0x12)
    bench.write(0xa0400, 0xff)
    #expect(collect() == [1])
    bench.mode(0x13)
    bench.memory.write(0xa2000, [1, 2, 3])
    #expect(collect() == [2])
    bench.memory.write(VGABench.frameBuffer + 0x3000, [1])
    #expect(collect() == [3])
    bench.dispi((1, 64), (2, 80), (3, 8), (4, 1))
    #expect(collect() == [0, 1])
  }

  @Test func `the window is RAM only while each access is a plain byte`() throws {
    let bench = try VGABench()
    func isRAM() -> Bool {
      guard let (region, _) = bench.memory.map.find(0xa0000), case .ram = region.backing else { return false }
      return true
    }
    bench.mode(0x13)
    #expect(isRAM())
    bench.out(0x3c4, 0x0702, .word)  // three planes of four
    #expect(!isRAM())
    bench.out(0x3c4, 0x0f02, .word)
    #expect(isRAM())
    bench.out(0x3ce, 0x7f08, .word)  // a bit mask
    #expect(!isRAM())
    bench.dispi((1, 640), (2, 480), (3, 8), (4, 1))
    #expect(isRAM())
    bench.mode(0x12)
    bench.dispi((4, 0))
    bench.mode(0x12)
    #expect(!isRAM())
  }
}
