// SPDX-License-Identifier: Apache-2.0
import PC
import Testing

/// The files of QEMU 7.2's `pc`, read from its fw_cfg.
@Suite struct SMBIOSTests {
  /// Everything up to the memory array, with `uuid` in its place.
  private static func beginning(_ uuid: String) -> String {
    """
    011b000101020300 \(uuid) 060000 51454d5500
    5374616e646172642050432028693434304658202b20504949582c203139393629 00 70632d6934343066782d372e3200 00
    0316000301010200000303030200000000000000000 0 51454d5500 70632d6934343066782d372e3200 00
    042a000401030102 b10f0600fdfb8b07 03000000d007d0074101ffffffffffff0000000101010200 0100
    435055203000 51454d5500 70632d6934343066782d372e3200 00
    """
  }

  private static let small =
    beginning("00000000000000000000000000000000") + """
      1017001001030600000200feff01000000000000000000 0000
      112800110010feffffffffff800009000100070200000002 0000000000000000 0000000000000000 44494d4d203000 51454d5500 00
      131f001300000000ffff01000010010000000000000000 0000000000000000 0000
      200b0020000000000000000000 7f04007f0000
      """

  private static let large =
    beginning("78563412341278569abcdef012345678") + """
      1017001001030600504600feff01000000000000000000 0000
      112800110010feffffffffff941109000100070200000002 0000000000000000 0000000000000000 44494d4d203000 51454d5500 00
      131f001300000000ffff2f000010010000000000000000 0000000000000000 0000
      131f011300004000ff4f56000010010000000000000000 0000000000000000 0000
      200b0020000000000000000000 7f04007f0000
      """

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  @Test(
    arguments: [
      (
        [UInt8](repeating: 0, count: 16), 128 << 20, 0, small,
        "5f534d5f001f020851000000000000005f444d495f0041010000000008 0028"
      ),
      (
        [0x12, 0x34, 0x56, 0x78, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 0x12, 0x34, 0x56, 0x78], 0xc000_0000,
        (4500 << 20) - 0xc000_0000, large, "5f534d5f001f020851000000000000005f444d495f0062010000000009 0028"
      ),
    ] as [([UInt8], UInt64, UInt64, String, String)])
  func `the tables are QEMU's`(uuid: [UInt8], low: UInt64, high: UInt64, table: String, anchor: String) {
    let tables = SMBIOS(
      uuid: uuid, processorCount: 1, processorID: 0x078b_fbfd_0006_0fb1, lowMemory: low, highMemory: high)
    #expect(tables.files.map(\.name) == ["etc/smbios/smbios-anchor", "etc/smbios/smbios-tables"])
    #expect(Self.hex(tables.files[0].contents) == anchor.filter(\.isHexDigit))
    #expect(Self.hex(tables.files[1].contents) == table.filter(\.isHexDigit))
  }

  @Test func `memory is in modules of 16 GiB`() {
    let tables = SMBIOS(
      uuid: [], processorCount: 2, processorID: 0, lowMemory: 0xc000_0000, highMemory: (40 << 30) - 0xc000_0000)
    let table = tables.files[1].contents
    func starts(_ type: UInt8, _ length: UInt8) -> [Int] {
      table.indices.dropLast(4).filter { table[$0] == type && table[$0 + 1] == length && table[$0 + 3] == type }
    }
    #expect(starts(4, 42).map { table[$0 + 2] } == [0, 1])
    let modules = starts(17, 40)
    #expect(modules.map { Int(table[$0 + 12]) | Int(table[$0 + 13]) << 8 } == [16384, 16384, 8192])
    #expect(starts(19, 31).count == 2)
  }
}
