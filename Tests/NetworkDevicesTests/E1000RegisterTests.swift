// SPDX-License-Identifier: Apache-2.0
import NetworkDevices
import Platform
import Testing

/// What a driver finds before it starts. Values recorded from QEMU 7.2's e1000.
struct E1000RegisterTests {
  @Test(
    arguments: [
      (0x0000, 0x0014_0240), (0x0008, 0x8008_0783), (0x0038, 0x8100), (0x0e00, 0x0602), (0x1000, 0x0010_0030),
      (0x5400, 0x1200_5452), (0x5404, 0x8000_5634), (0x5820, 0x0022_2300), (0x00c0, 0), (0x00d0, 0),
    ] as [(UInt64, UInt32)])
  func `registers after power-up`(_ offset: UInt64, _ value: UInt32) throws {
    let bench = try E1000Bench()
    #expect(bench[offset] == value)
  }

  @Test func `configuration space names an 82540EM`() throws {
    let bench = try E1000Bench()
    let place = PCIAddress(slot: 3)
    #expect(bench.bus.read(place, 0x00, .dword) == 0x100e_8086)
    #expect(bench.bus.read(place, 0x08, .dword) == 0x0200_0003)
    #expect(bench.bus.read(place, 0x2c, .dword) == 0x1100_1af4)
    #expect(bench.bus.read(place, 0x3c, .dword) == 0x0000_0100)
  }

  @Test(
    arguments: [
      (0, 0x5452), (1, 0x1200), (2, 0x5634), (4, 0xffff), (8, 0x3000), (10, 0x6403), (11, 0x100e), (12, 0x8086),
      (0x1e, 0xc000), (0x31, 0x4000), (0x3f, 0x79ad),
    ] as [(UInt32, UInt32)])
  func `the EEPROM's words through EERD`(_ address: UInt32, _ word: UInt32) throws {
    let bench = try E1000Bench()
    bench[0x14] = address << 8 | 1
    #expect(bench[0x14] == word << 16 | address << 8 | 0x10)
  }

  /// Clocks bits in, the highest first.
  private func shift(_ bench: E1000Bench, _ bits: UInt32, _ count: Int) {
    for index in (0..<count).reversed() {
      let pins: UInt32 = 2 | (bits >> UInt32(index) & 1) << 2
      bench[0x10] = pins
      bench[0x10] = pins | 1
      bench[0x10] = pins
    }
  }

  private func readWord(_ bench: E1000Bench) -> UInt32 {
    (0..<16).reduce(0) { value, _ in
      bench[0x10] = 3
      defer { bench[0x10] = 2 }
      return value << 1 | bench[0x10] >> 3 & 1
    }
  }

  private func select(_ bench: E1000Bench) {
    bench[0x10] = 0
    bench[0x10] = 2
  }

  @Test func `the EEPROM bit by bit, as Linux reads it`() throws {
    let bench = try E1000Bench()
    select(bench)
    shift(bench, 0b110 << 6 | 0x0b, 9)
    #expect(bench[0x10] & 8 == 0)
    #expect(readWord(bench) == 0x100e)
    // The next word follows without another command.
    #expect(readWord(bench) == 0x8086)
  }

  @Test func `the EEPROM is written only after it was unlocked`() throws {
    let bench = try E1000Bench()
    for isUnlocked in [false, true] {
      if isUnlocked {
        select(bench)
        shift(bench, 0b100_110000, 9)
      }
      select(bench)
      shift(bench, 0b101 << 6 | 0x20, 9)
      shift(bench, 0xbeef, 16)
      select(bench)
      bench[0x14] = 0x20 << 8 | 1
      #expect(bench[0x14] >> 16 == (isUnlocked ? 0xbeef : 0x1008))
    }
  }

  @Test(
    arguments: [
      (0, 0x1140), (1, 0x794d), (2, 0x0141), (3, 0x0c20), (5, 0x01e0), (7, 0x2001), (8, 0), (15, 0x3000), (17, 0xac00),
    ] as [(UInt32, UInt32)])
  func `the PHY's registers through MDIC`(_ number: UInt32, _ value: UInt32) throws {
    let bench = try E1000Bench()
    bench[0x20] = 2 << 26 | 1 << 21 | number << 16
    #expect(bench[0x20] == 0x1820_0000 | number << 16 | value)
  }

  @Test func `a PHY register that does not exist, or another PHY, is an error`() throws {
    let bench = try E1000Bench()
    for command: UInt32 in [2 << 26 | 1 << 21 | 11 << 16, 2 << 26 | 2 << 21] {
      bench[0x20] = command
      #expect(bench[0x20] == command | 0x5000_0000)
    }
  }

  @Test func `negotiation takes the link away for half a second`() throws {
    let bench = try E1000Bench()
    bench[0xd0] = 4
    bench[0x20] = 1 << 26 | 1 << 21 | 0x1340
    #expect(bench[0x08] & 2 == 0)
    bench.clock.advance(by: 499 * .millisecond)
    #expect(bench[0x08] & 2 == 0 && !bench.level)
    bench.clock.advance(by: 2 * .millisecond)
    #expect(bench[0x08] & 2 != 0 && bench.level)
    #expect(bench[0xc0] & 4 != 0)
    bench[0x20] = 2 << 26 | 1 << 21 | 1 << 16
    #expect(bench[0x20] & 0x24 == 0x24)
  }

  @Test func `registers through the I-O ports`() throws {
    let bench = try E1000Bench()
    bench.ports.write(0xc000, .dword, 0x38)
    #expect(bench.ports.read(0xc004, .dword) == 0x8100)
    bench.ports.write(0xc004, .dword, 0x88a8)
    #expect(bench[0x38] == 0x88a8)
    bench.ports.write(0xc000, .dword, 0x20000)
    #expect(bench.ports.read(0xc004, .dword) == 0)
  }

  @Test func `a reset gives registers their values back and the address its own`() throws {
    let bench = try E1000Bench()
    bench.start()
    bench[0x5400] = 0x1234_5678
    bench[0x38] = 0x9100
    bench[0x0] = 0x0414_0240
    #expect(bench[0x0] == 0x0014_0240)
    #expect(bench[0x100] == 0 && bench[0x400] == 0 && bench[0xd0] == 0 && bench[0x2808] == 0)
    #expect(bench[0x38] == 0x8100)
    #expect(bench[0x5400] == 0x1200_5452)
    #expect(bench.bus.read(PCIAddress(slot: 3), 0x10, .dword) == UInt32(E1000Bench.base))
  }

  @Test func `the places of the 82542 answer too`() throws {
    let bench = try E1000Bench()
    #expect(bench[0x40] == 0x1200_5452)
    bench[0x110] = 0x4000
    #expect(bench[0x2800] == 0x4000)
    bench[0x200] = 5
    #expect(bench[0x5200] == 5)
    bench[0x430] = 3
    #expect(bench[0x3810] == 3)
  }

  @Test func `counters are cleared by reading, long ones by their high half`() throws {
    let bench = try E1000Bench()
    bench.start()
    bench.transmit(E1000Bench.frame())
    #expect(bench[0x40d4] == 1)
    #expect(bench[0x40d4] == 0)
    #expect(bench[0x40c8] == 118)
    #expect(bench[0x40c8] == 118)
    #expect(bench[0x40cc] == 0)
    #expect(bench[0x40c8] == 0)
    #expect(bench[0x40dc] == 1)
  }
}
