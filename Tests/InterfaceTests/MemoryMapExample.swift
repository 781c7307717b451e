// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing

/// Interface 2, memory-map commit: a change is prepared from inside a handler and seen after the commit.
struct MemoryMapExample {
  /// A chip with one port that switches ROM over RAM, as PAM does.
  private final class Switch: PortDevice {
    let map: MemoryMap
    let rom: MemoryMap.Region
    init(map: MemoryMap, rom: MemoryMap.Region) { (self.map, self.rom) = (map, rom) }
    func read(port offset: UInt16) -> UInt8 { rom.isEnabled ? 1 : 0 }
    func write(port offset: UInt16, _ value: UInt8) { map.update(rom, isEnabled: value & 1 != 0) }
  }

  @Test func `a prepared change is committed once and names what changed`() throws {
    let memory = GuestMemory(), ports = PortSpace()
    let ram = try RAMBlock(name: "ram", byteCount: 0x4000), rom = try RAMBlock(name: "rom", byteCount: 0x1000)
    rom.contents[0] = 0x55
    memory.map.add("ram", at: 0, byteCount: 0x4000, .ram(ram, offset: 0, isReadOnly: false))
    let region = memory.map.add(
      "rom", at: 0x1000, byteCount: 0x1000, .ram(rom, offset: 0, isReadOnly: true), priority: 1, isEnabled: false)
    memory.map.commit()
    ports.map(0x92...0x92, to: Switch(map: memory.map, rom: region))
    var notices = 0
    memory.map.changeWasPrepared = { notices += 1 }

    ports.write(0x92, .byte, 1)
    #expect(notices == 1 && memory.map.needsCommit)
    #expect(memory.read(0x1000, as: UInt8.self) == 0)  // the instruction that wrote still sees the old map
    #expect(memory.map.commit() == [0x1000..<0x2000])
    #expect(memory.read(0x1000, as: UInt8.self) == 0x55)

    // All DMA goes through the same memory: a read-only region takes no writes.
    memory.write(0x1000, [1, 2, 3])
    #expect(memory.read(0x1000, as: UInt8.self) == 0x55)
  }
}
