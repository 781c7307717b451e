// SPDX-License-Identifier: Apache-2.0
import Chipset
import Platform
import Testing

@Suite struct FirmwareConfigurationTests {
  let memory = GuestMemory()
  let device: FirmwareConfiguration
  let ports = PortSpace()

  init() throws {
    let ram = try RAMBlock(name: "ram", byteCount: 0x10000)
    memory.map.add("ram", at: 0, byteCount: 0x10000, .ram(ram, offset: 0, isReadOnly: false))
    memory.map.commit()
    device = FirmwareConfiguration(memory: memory)
    device.setFile("etc/second", [9, 8, 7])
    device.setFile("etc/first", [1, 2])
    device.set(FirmwareConfiguration.Key.ramSize, integer: UInt64(0x1000_0000))
    ports.map(0x510...0x51b, to: device)
    device.reset(.power)
  }

  private func read(_ key: UInt16, _ count: Int) -> [UInt8] {
    ports.write(0x510, .word, UInt32(key))
    return (0..<count).map { _ in UInt8(ports.read(0x511, .byte)) }
  }

  /// Runs a DMA descriptor at 100h; gives the control field as it was left.
  private func transfer(_ control: UInt32, _ length: UInt32, to address: UInt64) -> UInt32 {
    memory.write(0x100, integer: control.byteSwapped)
    memory.write(0x104, integer: length.byteSwapped)
    memory.write(0x108, integer: address.byteSwapped)
    ports.write(0x514, .dword, 0)
    ports.write(0x518, .dword, UInt32(0x100).byteSwapped)
    return memory.read(0x100, as: UInt32.self).byteSwapped
  }

  @Test func `signature and features`() {
    #expect(read(0, 6) == Array("QEMU".utf8) + [0, 0])
    #expect(read(1, 5) == [3, 0, 0, 0, 0])
    #expect(ports.read(0x514, .dword) == 0x554d_4551)
    #expect(ports.read(0x518, .dword) == 0x4746_4320)
    #expect(ports.read(0x516, .word) == 0x554d)
  }

  @Test func `integers are little-endian, unknown items are zeroes`() {
    #expect(read(3, 9) == [0, 0, 0, 0x10, 0, 0, 0, 0, 0])
    #expect(read(0x7777, 3) == [0, 0, 0])
  }

  @Test func `only a word selects`() {
    _ = read(0, 1)
    ports.write(0x510, .byte, 1)
    #expect(ports.read(0x511, .byte) == UInt32(UInt8(ascii: "E")))
  }

  @Test func `the directory is sorted by name and counts big-endian`() {
    func entry(_ size: UInt8, _ key: UInt8, _ name: String) -> [UInt8] {
      [0, 0, 0, size, 0, key, 0, 0] + Array(name.utf8) + [UInt8](repeating: 0, count: 56 - name.utf8.count)
    }
    #expect(read(0x19, 4 + 128) == [0, 0, 0, 2] + entry(2, 0x21, "etc/first") + entry(3, 0x20, "etc/second"))
    #expect(read(0x20, 3) == [9, 8, 7])
  }

  @Test func `DMA selects, reads, and fills up with zeroes`() {
    memory.write(0x1000, [UInt8](repeating: 0xcc, count: 8))
    #expect(transfer(0x20_000a, 5, to: 0x1000) == 0)
    #expect(memory.read(0x1000, count: 6) == [9, 8, 7, 0, 0, 0xcc])
  }

  @Test func `DMA skips and goes on where the port left off`() {
    _ = read(0x20, 1)
    #expect(transfer(0x04, 1, to: 0) == 0)
    #expect(transfer(0x02, 1, to: 0x1000) == 0)
    #expect(memory.read(0x1000, count: 1) == [7])
  }

  @Test func `DMA writes fail: no item is writable`() {
    #expect(transfer(0x20_0018, 1, to: 0x1000) == 1)
    #expect(read(0x20, 3) == [9, 8, 7])
  }

  @Test(arguments: [0xffff_ffff, 0x4000_0000, 0x0010_0100] as [UInt32])
  func `a guest cannot make the device write for seconds`(_ length: UInt32) {
    let start = ContinuousClock.now
    #expect(transfer(0x20_000a, length, to: 0x1000) == 1)
    #expect(transfer(0x19_000a, length, to: UInt64.max - 100) == 1)
    #expect(ContinuousClock.now - start < .seconds(1))
    #expect(memory.read(0x1000, count: 3) == [9, 8, 7])
  }

  @Test func `a descriptor that is not in memory does nothing`() {
    ports.write(0x514, .dword, 0xffff_ffff)
    ports.write(0x518, .dword, 0xffff_ffff)
    #expect(read(0x20, 3) == [9, 8, 7])
  }
}
