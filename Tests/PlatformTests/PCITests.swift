// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing

@Suite struct PCIConfigurationTests {
  private static func make(_ baseAddresses: [Int: PCIBaseAddress] = [:]) -> PCIConfiguration {
    PCIConfiguration(
      PCIIdentity(vendor: 0x1234, device: 0x1111, classCode: 0x030000, revision: 2, interruptPin: 1),
      baseAddresses: baseAddresses)
  }

  @Test func `the header tells who it is`() {
    let configuration = Self.make()
    #expect(configuration.read(0x00, .dword) == 0x1111_1234)
    #expect(configuration.read(0x08, .dword) == 0x0300_0002)
    #expect(configuration.read(0x0b, .byte) == 0x03)
    #expect(configuration.read(0x2c, .dword) == 0x1100_1af4)
    #expect(configuration.read(0x3c, .word) == 0x0100)
  }

  /// Kind and size; what a base address register reads after reset and after all ones were written.
  @Test(
    arguments: [
      (PCIBaseAddress(.io, byteCount: 16), 0x1, 0xffff_fff1),
      (PCIBaseAddress(.io, byteCount: 4), 0x1, 0xffff_fffd),
      (PCIBaseAddress(.memory32(prefetchable: false), byteCount: 4096), 0x0, 0xffff_f000),
      (PCIBaseAddress(.memory32(prefetchable: true), byteCount: 16 << 20), 0x8, 0xff00_0008),
      (PCIBaseAddress(.memory64(prefetchable: true), byteCount: 1 << 20), 0xc, 0xfff0_000c),
    ] as [(PCIBaseAddress, UInt32, UInt32)])
  func `all ones show a region's size`(_ region: PCIBaseAddress, _ atReset: UInt32, _ sized: UInt32) {
    var configuration = Self.make([0: region])
    #expect(configuration.read(0x10, .dword) == atReset)
    configuration.write(0x10, .dword, .max)
    #expect(configuration.read(0x10, .dword) == sized)
    configuration.write(0x14, .dword, .max)
    if case .memory64 = region.kind {
      #expect(configuration.read(0x14, .dword) == .max)
    } else {
      #expect(configuration.read(0x14, .dword) == 0)
    }
  }

  @Test func `a ROM has an enable bit`() {
    var configuration = Self.make([6: PCIBaseAddress(.rom, byteCount: 0x10000)])
    configuration.write(0x30, .dword, .max)
    #expect(configuration.read(0x30, .dword) == 0xffff_0001)
    configuration.write(0x30, .dword, 0xfebc_0000)
    configuration.write(0x04, .word, 2)
    #expect(configuration.address(ofRegion: 6) == nil)
    configuration.write(0x30, .byte, 1)
    #expect(configuration.address(ofRegion: 6) == 0xfebc_0000)
  }

  @Test func `a region is where its register says while its decoding is on`() {
    var configuration = Self.make([
      0: PCIBaseAddress(.io, byteCount: 16), 1: PCIBaseAddress(.memory32(prefetchable: false), byteCount: 4096),
      2: PCIBaseAddress(.memory64(prefetchable: false), byteCount: 1 << 20),
    ])
    configuration.write(0x10, .dword, 0xc040)
    configuration.write(0x14, .dword, 0xfebf_0000)
    configuration.write(0x18, .dword, 0x0010_0000)
    configuration.write(0x1c, .dword, 0x0000_0008)
    #expect((0..<3).allSatisfy { configuration.address(ofRegion: $0) == nil })
    configuration.write(0x04, .word, 1)
    #expect((0..<3).map { configuration.address(ofRegion: $0) } == [0xc040, nil, nil])
    configuration.write(0x04, .word, 2)
    #expect((0..<3).map { configuration.address(ofRegion: $0) } == [nil, 0xfebf_0000, 0x8_0010_0000])
    #expect(configuration.byteCount(ofRegion: 2) == 1 << 20)
  }

  /// Sizing leaves addresses that mean "nowhere".
  @Test(arguments: [0, 0xffff_ffff, 0x0001_0000] as [UInt32]) func `some I/O addresses are nowhere`(_ address: UInt32) {
    var configuration = Self.make([0: PCIBaseAddress(.io, byteCount: 16)])
    configuration.write(0x04, .word, 7)
    configuration.write(0x10, .dword, address)
    #expect(configuration.address(ofRegion: 0) == nil)
  }

  @Test func `error bits of the status are cleared by writing ones, the rest stands`() {
    var configuration = Self.make()
    configuration.store16(0x06, 0xf9b0)
    configuration.write(0x06, .word, 0x8080)
    #expect(configuration.read(0x06, .word) == 0x79b0)
    configuration.write(0x04, .dword, 0xffff_0000)
    #expect(configuration.read(0x06, .word) == 0x00b0)
  }

  @Test func `reset restores what was there at the end of construction`() {
    var configuration = Self.make()
    configuration.allowWrites(0x40, mask: 0x00ff)
    configuration.store8(0x40, 0x12)
    configuration.freezeResetValues()
    configuration.write(0x40, .dword, .max)
    #expect(configuration.read(0x40, .dword) == 0xff)
    configuration.reset()
    #expect(configuration.read(0x40, .dword) == 0x12)
  }

  @Test func `accesses at the end of the space wrap instead of trapping`() {
    var configuration = Self.make()
    configuration.write(0xff, .dword, .max)
    #expect(configuration.read(0xfe, .dword) == 0x1234_0000)
  }

  @Test func `an image with another identity is refused`() throws {
    var writer = StateWriter()
    var original = Self.make()
    try original.visit(&writer)
    var corrupt = writer.image
    corrupt[corrupt.count - 256] ^= 1
    var copy = Self.make()
    var reader = StateReader(corrupt)
    #expect(throws: StateError.outOfRange("config")) { try copy.visit(&reader) }
  }
}

@Suite struct PCIBusTests {
  private final class Function: PCIFunction, WidePortDevice {
    var configuration = PCIConfiguration(
      PCIIdentity(vendor: 1, device: 2, classCode: 0),
      baseAddresses: [0: .init(.io, byteCount: 16), 1: .init(.memory32(prefetchable: false), byteCount: 4096)])
    let pciName = "test"
    var changes: [UInt8] = []
    var regions: [PCIRegion] = []
    func configurationDidChange(_ offset: UInt8, _ width: AccessWidth) {
      changes.append(offset)
      for region in regions { region.update(configuration) }
    }
    func read(port offset: UInt16, width: AccessWidth) -> UInt32 { 0x40 | UInt32(offset) }
    func write(port offset: UInt16, width: AccessWidth, _ value: UInt32) {}
  }

  @Test func `regions follow their registers`() {
    let memory = GuestMemory()
    let ports = PortSpace()
    let bus = PCIBus(memory: memory.map, ports: ports)
    let function = Function()
    let registers = RecordingMMIO()
    function.regions = [
      PCIRegion(0, ports: ports, device: function),
      PCIRegion(1, memory: memory.map, name: "bar", byteCount: 4096, backing: .mmio(registers, offset: 0)),
    ]
    let address = PCIAddress(slot: 3)
    bus.add(function, at: address)
    bus.write(address, 0x10, .dword, 0xc001)
    bus.write(address, 0x14, .dword, 0xe000_0000)
    bus.write(address, 0x04, .word, 3)
    memory.map.commit()
    #expect(ports.read(0xc005, .byte) == 0x45)
    #expect(memory.busRead(0xe000_0010, .byte) == 0x10)
    bus.write(address, 0x10, .dword, 0xd001)
    bus.write(address, 0x14, .dword, 0xe100_0000)
    memory.map.commit()
    #expect(ports.read(0xc005, .byte) == 0xff)
    #expect(ports.read(0xd005, .byte) == 0x45)
    #expect(memory.busRead(0xe000_0010, .byte) == 0xff)
    #expect(memory.busRead(0xe100_0010, .byte) == 0x10)
    bus.write(address, 0x04, .word, 0)
    memory.map.commit()
    #expect(ports.read(0xd005, .byte) == 0xff)
    #expect(memory.busRead(0xe100_0010, .byte) == 0xff)
    #expect(function.changes == [0x10, 0x14, 0x04, 0x10, 0x14, 0x04])
  }

  @Test func `an absent function reads as ones of the width`() {
    let bus = PCIBus(memory: MemoryMap(), ports: PortSpace())
    #expect(bus.read(PCIAddress(slot: 31, function: 7), 0, .word) == 0xffff)
    bus.write(PCIAddress(slot: 31, function: 7), 0, .word, 0)
  }

  @Test func `functions that share a PIRQ hold it together`() {
    let bus = PCIBus(memory: MemoryMap(), ports: PortSpace())
    var levels: [[Int]] = []
    bus.routeInterrupt = { levels.append([$0, $1 ? 1 : 0]) }
    let (first, second) = (bus.interruptLine(for: PCIAddress(slot: 1)), bus.interruptLine(for: PCIAddress(slot: 5)))
    first.set(true)
    second.set(true)
    first.set(false)
    #expect(bus.pirqLevel(0))
    second.set(false)
    #expect(levels == [[0, 1], [0, 0]])
  }
}
