// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing

/// Answers with its name in the high nibble and the offset in the low one; keeps what was written.
private final class Bytes: PortDevice {
  let name: UInt8
  private(set) var written: [[UInt32]] = []
  init(_ name: UInt8) { self.name = name }
  func read(port offset: UInt16) -> UInt8 { name << 4 | UInt8(offset & 15) }
  func write(port offset: UInt16, _ value: UInt8) { written.append([UInt32(offset), UInt32(value)]) }
}

/// Answers with width and offset; keeps what was written.
private final class Wide: WidePortDevice {
  private(set) var written: [[UInt32]] = []
  func read(port offset: UInt16, width: AccessWidth) -> UInt32 {
    0xcafe_0000 | UInt32(width.rawValue) << 8 | UInt32(offset)
  }
  func write(port offset: UInt16, width: AccessWidth, _ value: UInt32) {
    written.append([UInt32(offset), UInt32(width.rawValue), value])
  }
}

@Suite struct PortSpaceTests {
  let ports = PortSpace()

  @Test(arguments: [AccessWidth.byte, .word, .dword]) func `ports that nobody owns read as ones`(_ width: AccessWidth) {
    #expect(UInt64(ports.read(0x300, width)) == width.allOnes)
    ports.write(0x300, width, 0)
  }

  @Test func `a byte-wide device sees wider accesses as bytes, low first`() {
    let device = Bytes(0xa)
    ports.map(0x100...0x10f, to: device)
    #expect(ports.read(0x102, .dword) == 0xa5a4_a3a2)
    ports.write(0x104, .word, 0x1234)
    #expect(device.written == [[4, 0x34], [5, 0x12]])
  }

  @Test func `a wide device sees an access whole, truncated to its width`() {
    let device = Wide()
    ports.map(0x100...0x107, to: device)
    #expect(ports.read(0x104, .dword) == 0xcafe_0404)
    #expect(ports.read(0x104, .word) == 0x0204)
    #expect(ports.read(0x104, .byte) == 0x04)
    ports.write(0x100, .word, 0xffff_1234)
    #expect(device.written == [[0, 2, 0x1234]])
  }

  @Test func `an access over the end of a wide device is split`() {
    let device = Wide()
    let next = Bytes(0xb)
    ports.map(0x100...0x103, to: device)
    ports.map(0x104...0x10f, to: next)
    #expect(ports.read(0x102, .dword) == 0xb1b0_0302)
    ports.write(0x103, .word, 0x1122)
    #expect(device.written == [[3, 1, 0x22]])
    #expect(next.written == [[0, 0x11]])
  }

  @Test func `a wide device keeps double words over a byte another device owns`() {
    let device = Wide()
    let hole = Bytes(0xc)
    ports.map(0xcf8...0xcff, to: device)
    ports.map(0xcf9...0xcf9, to: hole)
    #expect(ports.read(0xcf8, .dword) == 0xcafe_0400)
    #expect(ports.read(0xcf9, .byte) == 0xc0)
  }

  @Test func `the space wraps at its end`() {
    let low = Bytes(1)
    let high = Bytes(2)
    ports.map(0...1, to: low)
    ports.map(0xffff...0xffff, to: high)
    #expect(ports.read(0xffff, .word) == 0x1020)
  }

  @Test func `what a mapping covered answers again when it goes`() {
    let below = Bytes(1)
    let above = Bytes(2)
    ports.map(0x100...0x10f, to: below)
    let mapping = ports.map(0x108...0x117, to: above)
    #expect(ports.read(0x108, .byte) == 0x20)
    ports.unmap(mapping)
    #expect(ports.read(0x108, .byte) == 0x18)
    #expect(ports.read(0x110, .byte) == 0xff)
  }

  /// A machine that is loaded maps things in another order than the one that was saved.
  @Test func `who answers depends on ranks, not on the order of mapping`() {
    let (first, second) = (Bytes(1), Bytes(2))
    let (low, high) = (ports.reserveRank(), ports.reserveRank())
    ports.map(0x200...0x20f, to: second, rank: high)
    let mapping = ports.map(0x200...0x20f, to: first, rank: low)
    #expect(ports.read(0x200, .byte) == 0x20)
    ports.unmap(mapping)
    #expect(ports.read(0x200, .byte) == 0x20)
  }

  @Test func `thousands of moves leave nothing behind`() {
    let device = Bytes(3)
    let rank = ports.reserveRank()
    for round in 0..<100_000 {
      let start = UInt16(truncatingIfNeeded: round * 64)
      let mapping = ports.map(start...start + 15, to: device, rank: rank)
      ports.unmap(mapping)
    }
    #expect(ports.read(0, .dword) == .max)
  }
}
