// SPDX-License-Identifier: Apache-2.0
import Chipset
import Platform
import Testing

@Suite struct DMATests {
  let memory = GuestMemory()
  let dma: DMAController
  let ports = PortSpace()

  init() throws {
    let ram = try RAMBlock(name: "ram", byteCount: 0x100000)
    memory.map.add("ram", at: 0, byteCount: 0x100000, .ram(ram, offset: 0, isReadOnly: false))
    memory.map.commit()
    dma = DMAController(memory: memory)
    ports.map(0x00...0x0f, to: dma.byteController)
    ports.map(0x80...0x8f, to: dma.pages)
    ports.map(0xc0...0xdf, to: dma.wordController)
    dma.reset(.power)
  }

  private func out(_ writes: [(UInt16, UInt8)]) {
    for (port, value) in writes { ports.write(port, .byte, UInt32(value)) }
  }

  /// Channel 2 from address 12345h, 16 bytes, as the BIOS sets it up for a floppy.
  private func program(mode: UInt8, count: UInt8 = 15) {
    out([
      (0x0c, 0), (0x04, 0x45), (0x04, 0x23), (0x05, count), (0x05, 0), (0x81, 0x01), (0x0b, mode | 2), (0x0a, 0x02),
    ])
  }

  @Test func `a device's bytes arrive in memory and the count ends`() {
    program(mode: 0x44)
    var bytes = (0..<20).map { UInt8($0) }
    let result = dma.transfer(channel: 2, &bytes)
    #expect(result == (16, true))
    #expect(memory.read(0x12345, count: 17) == (0..<16).map { UInt8($0) } + [0])
    #expect(ports.read(0x08, .byte) == 0x04)
    #expect(ports.read(0x08, .byte) == 0)
    // Without automatic initialization the channel masks itself.
    #expect(dma.transfer(channel: 2, &bytes) == (0, false))
    #expect(ports.read(0x0f, .byte) & 15 == 0x0f)
  }

  @Test func `memory's bytes go to a device, downwards if told so`() {
    memory.write(0x12340, Array(0...5))
    program(mode: 0x68)
    var bytes = [UInt8](repeating: 0, count: 6)
    let result = dma.transfer(channel: 2, &bytes)
    #expect(result == (6, false))
    #expect(bytes == [5, 4, 3, 2, 1, 0])
  }

  @Test func `automatic initialization starts over`() {
    program(mode: 0x54, count: 1)
    for round in UInt8(1)...3 {
      var bytes = [round, round]
      #expect(dma.transfer(channel: 2, &bytes) == (2, true))
      #expect(memory.read(0x12345, count: 2) == [round, round])
    }
  }

  @Test func `channels of the second controller move words`() {
    out([
      (0xd8, 0), (0xc4, 0x80), (0xc4, 0x00), (0xc6, 0x01), (0xc6, 0x00), (0x8b, 0x03), (0xd6, 0x45), (0xd4, 0x01),
    ])
    var bytes: [UInt8] = [1, 2, 3, 4, 5, 6]
    #expect(dma.transfer(channel: 5, &bytes) == (4, true))
    #expect(memory.read(0x20100, count: 5) == [1, 2, 3, 4, 0])
  }

  @Test func `address and count read back through the flip-flop`() {
    program(mode: 0x44)
    out([(0x0c, 0)])
    #expect([0x04, 0x04, 0x05, 0x05].map { ports.read($0, .byte) } == [0x45, 0x23, 15, 0])
  }

  @Test func `addresses wrap within their page`() {
    out([(0x0c, 0), (0x04, 0xff), (0x04, 0xff), (0x05, 1), (0x05, 0), (0x81, 0x01), (0x0b, 0x46), (0x0a, 0x02)])
    var bytes: [UInt8] = [0xaa, 0xbb]
    #expect(dma.transfer(channel: 2, &bytes) == (2, true))
    #expect(memory.read(0x1ffff, count: 1) == [0xaa])
    #expect(memory.read(0x10000, count: 1) == [0xbb])
  }

  @Test func `master clear masks everything`() {
    program(mode: 0x44)
    out([(0x0d, 0)])
    var bytes: [UInt8] = [1]
    #expect(dma.transfer(channel: 2, &bytes) == (0, false))
  }

  @Test func `page registers hold bytes, each its own`() {
    for port in UInt16(0x80)...0x8f { out([(port, UInt8(port) ^ 0xff)]) }
    for port in UInt16(0x80)...0x8f { #expect(ports.read(port, .byte) == UInt32(UInt8(port) ^ 0xff)) }
  }
}
