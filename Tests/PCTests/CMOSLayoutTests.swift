// SPDX-License-Identifier: Apache-2.0
import Chipset
import PC
import Platform
import Testing

struct CMOSLayoutTests {
  private func layout(
    low: UInt64 = 128 << 20, high: UInt64 = 0, processors: Int = 1, boot: String = "c", disks: [CMOSLayout.Disk?] = [],
    floppyTypes: UInt8 = 0, floppyEquipment: UInt8 = 0
  ) -> CMOSRTC {
    let rtc = CMOSRTC(clock: VirtualClock(), irq: IRQLine(), base: 0)
    CMOSLayout.apply(
      to: rtc, lowMemory: low, highMemory: high, processorCount: processors, bootOrder: boot, disks: disks,
      floppyTypes: floppyTypes, floppyEquipment: floppyEquipment)
    return rtc
  }

  private func word(_ rtc: CMOSRTC, _ address: Int) -> Int { Int(rtc.byte(address)) | Int(rtc.byte(address + 1)) << 8 }

  /// Memory below 4 GiB in MiB; base and extended KiB; 64 KiB units above 16 MiB.
  static let sizes: [(mebibytes: UInt64, base: Int, extended: Int, above16: Int)] = [
    (1, 640, 0, 0), (2, 640, 1024, 0), (16, 640, 15360, 0), (17, 640, 16384, 16), (64, 640, 64512, 768),
    (65, 640, 65535, 784), (128, 640, 65535, 1792), (3072, 640, 65535, 48896),
  ]

  @Test(arguments: sizes)
  func `memory sizes are where firmware reads them`(mebibytes: UInt64, base: Int, extended: Int, above16: Int) {
    let rtc = layout(low: mebibytes << 20)
    #expect(word(rtc, 0x15) == base)
    #expect(word(rtc, 0x17) == extended && word(rtc, 0x30) == extended)
    #expect(word(rtc, 0x34) == above16)
    #expect(word(rtc, 0x5b) == 0 && rtc.byte(0x5d) == 0)
  }

  @Test func `less than 640 KiB is all base memory`() {
    let rtc = layout(low: 512 << 10)
    #expect(word(rtc, 0x15) == 512 && word(rtc, 0x17) == 0 && word(rtc, 0x34) == 0)
  }

  @Test(arguments: [(1 << 30, 0x4000), (5 << 30, 0x14000), (1 << 40, 0x100_0000)] as [(UInt64, Int)])
  func `memory above 4 GiB is in 64 KiB units of 24 bits`(byteCount: UInt64, units: Int) {
    let rtc = layout(high: byteCount)
    #expect(word(rtc, 0x5b) | Int(rtc.byte(0x5d)) << 16 == units & 0xff_ffff)
  }

  @Test(
    arguments: [
      ("c", 0x02, 0x00), ("cad", 0x12, 0x30), ("dc", 0x23, 0x00), ("n", 0x04, 0x00), ("a", 0x01, 0x00),
      ("ndc", 0x34, 0x20), ("", 0x00, 0x00), ("cdna", 0x32, 0x40),
    ] as [(String, UInt8, UInt8)])
  func `boot order is three nibbles`(order: String, first: UInt8, third: UInt8) {
    let rtc = layout(boot: order)
    #expect(rtc.byte(0x3d) == first && rtc.byte(0x38) == third)
  }

  @Test func `processors and equipment`() {
    #expect(layout(processors: 1).byte(0x5f) == 0)
    #expect(layout(processors: 4).byte(0x5f) == 3)
    #expect(layout().byte(0x14) == 6 && layout().byte(0x10) == 0)
    let rtc = layout(floppyTypes: 0x40, floppyEquipment: 1)
    #expect(rtc.byte(0x14) == 7 && rtc.byte(0x10) == 0x40)
  }

  @Test func `no disks, no types`() {
    let rtc = layout(disks: [nil, nil, nil, nil])
    #expect(rtc.byte(0x12) == 0 && rtc.byte(0x19) == 0 && rtc.byte(0x1a) == 0 && rtc.byte(0x39) == 0)
  }

  @Test func `disks have user types, geometries and translations`() {
    let first = CMOSLayout.Disk(cylinders: 1024, heads: 16, sectors: 63, translation: 1)
    let second = CMOSLayout.Disk(cylinders: 306, heads: 4, sectors: 17, translation: 0)
    let fourth = CMOSLayout.Disk(cylinders: 9999, heads: 16, sectors: 63, translation: 2)
    let rtc = layout(disks: [first, second, nil, fourth])
    #expect(rtc.byte(0x12) == 0xff && rtc.byte(0x19) == 47 && rtc.byte(0x1a) == 47)
    #expect((0x1b...0x23).map { rtc.byte($0) } == [0, 4, 16, 0xff, 0xff, 0xc8, 0, 4, 63])
    #expect((0x24...0x2c).map { rtc.byte($0) } == [0x32, 1, 4, 0xff, 0xff, 0xc0, 0x32, 1, 17])
    #expect(rtc.byte(0x39) == 0b10_00_00_01)
  }

  @Test func `a slave alone has the low nibble`() {
    let rtc = layout(disks: [nil, .init(cylinders: 10, heads: 1, sectors: 1, translation: 0)])
    #expect(rtc.byte(0x12) == 0x0f && rtc.byte(0x19) == 0 && rtc.byte(0x1a) == 47)
  }
}
