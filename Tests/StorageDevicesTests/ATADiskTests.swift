// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import Platform
import StorageDevices
import Testing

struct ATADiskTests {
  let bench: IDEBench
  let base = IDEBench.primary

  init() throws { bench = try IDEBench() }

  @Test func `a disk, an empty position and a CD-ROM drive show their signatures`() {
    #expect(bench.registers(0x1f0) == [0, 1, 1, 0, 0, 0xa0, 0x50])
    #expect(bench.registers(0x170) == [0, 1, 1, 0x14, 0xeb, 0xa0, 0x50])
    bench.out(0x176, 0xb0)
    #expect(bench.registers(0x170) == [0, 0, 0, 0, 0, 0, 0])
    bench.out(0x172, 0x55)
    #expect(bench.get(0x172) == 0)
  }

  @Test func `IDENTIFY DEVICE tells what QEMU's disk tells`() {
    bench.command(0xec)
    #expect(bench.get(0x1f7) == 0x58)
    let data = bench.takeData(base)
    var words = (0..<256).map { UInt16(data[2 * $0]) | UInt16(data[2 * $0 + 1]) << 8 }
    // Recorded from QEMU 7.2 with a disk of 10 MiB.
    let head: [UInt16] = [
      0x0040, 0x0014, 0, 0x0010, 0x7e00, 0x0200, 0x003f, 0, 0, 0, 0x514d, 0x3030, 0x3030, 0x3120, 0x2020, 0x2020,
      0x2020, 0x2020, 0x2020, 0x2020, 0x0003, 0x0200, 0x0004, 0x322e, 0x352b, 0x2020, 0x2020, 0x5145, 0x4d55, 0x2048,
      0x4152, 0x4444, 0x4953, 0x4b20, 0x2020, 0x2020, 0x2020, 0x2020, 0x2020, 0x2020, 0x2020, 0x2020, 0x2020, 0x2020,
      0x2020, 0x2020, 0x2020, 0x8010, 0x0001, 0x0b00, 0x0000, 0x0200, 0x0200, 0x0007, 0x0014, 0x0010, 0x003f, 0x4ec0,
      0x0000, 0x0110, 0x5000, 0x0000, 0x0007, 0x0007, 0x0003, 0x0078, 0x0078, 0x0078, 0x0078, 0x4000, 0, 0, 0, 0, 0, 0,
      0, 0, 0, 0, 0x00f0, 0x0016, 0x4021, 0x7400, 0x4000, 0x4021, 0x3400, 0x4000, 0x203f, 0, 0, 0, 0, 0x6001, 0, 0, 0,
      0, 0, 0, 0x5000, 0, 0, 0, 0, 0, 0x6000,
    ]
    #expect(Array(words.prefix(head.count)) == head)
    words[169] &= ~1
    #expect(words.dropFirst(head.count).allSatisfy { $0 == 0 })
  }

  static let pioReads: [(UInt8, UInt8, UInt32, UInt8)] = [
    (UInt8(0x20), UInt8(0xf0), UInt32(5), UInt8(3)), (0x21, 0xf0, 0xf_ffff, 1), (0x20, 0xf0, 70, 0),
    (0xc4, 0xf0, 1000, 33),
  ]

  @Test("sectors read by PIO are those of the address, in every addressing mode", arguments: Self.pioReads)
  func pioRead(_ command: UInt8, _ device: UInt8, _ lba: UInt32, _ count: UInt8) {
    bench.command(command, device: device, count: count, lba: lba)
    let sectors = count == 0 ? 256 : Int(count)
    // With READ MULTIPLE a block has 16 sectors, but the words come in the same order.
    let data = bench.takeData(base)
    #expect(data == IDEBench.expected(Int64(lba) * 512, sectors * 512))
    #expect(bench.get(base + 7) == 0x50)
    let next = lba + UInt32(sectors)
    #expect(
      bench.registers(base)[1...4] == [
        0, UInt8(truncatingIfNeeded: next), UInt8(truncatingIfNeeded: next >> 8), UInt8(truncatingIfNeeded: next >> 16),
      ])
  }

  @Test func `a CHS address counts sectors from 1 within 63 and heads within 16`() {
    bench.out(base + 6, 0xb3)  // head 3 of device 1
    bench.out(base + 2, 2)
    bench.out(base + 3, 63)
    bench.out(base + 4, 2)
    bench.out(base + 5, 1)
    bench.out(base + 7, 0x20)
    let lba = (258 * 16 + 3) * 63 + 62
    #expect(bench.takeData(base) == IDEBench.expected(Int64(lba) * 512, 1024))
    #expect(bench.registers(base) == [0, 0, 2, 2, 1, 0xb4, 0x50])
  }

  @Test func `a 48-bit address uses what the registers held before`() {
    bench.out(base + 6, 0xf0)
    for value: UInt8 in [0, 2] { bench.out(base + 2, value) }
    for value: UInt8 in [0, 0x12] { bench.out(base + 3, value) }
    for value: UInt8 in [0, 0x34] { bench.out(base + 4, value) }
    for value: UInt8 in [0, 0x08] { bench.out(base + 5, value) }
    bench.out(base + 7, 0x24)
    #expect(bench.takeData(base) == IDEBench.expected(0x083412 * 512, 1024))
    bench.out(base + 3, 0xab)
    bench.out(base + 3, 0xcd)
    bench.out(0x3f6, 0x80)
    #expect(bench.get(base + 3) == 0xab)
    bench.out(base + 2, 0)  // a task file write ends the view of the previous contents
    #expect(bench.get(base + 3) == 0xcd)
  }

  static let outsiders: [(UInt8, UInt32, UInt8)] = [
    (UInt8(0xe0), UInt32(20480), UInt8(1)), (0xa0, 0, 1), (0xf0, 0xfffffff, 1),
  ]

  @Test("an address outside the disk is refused", arguments: Self.outsiders)
  func outside(_ device: UInt8, _ lba: UInt32, _ count: UInt8) {
    bench.command(0x20, device: device, count: count, lba: lba)
    bench.waitWhileBusy(base)
    #expect(bench.irq14.level)
    #expect(bench.get(base + 1) == 4)
    #expect(bench.get(base + 7) == 0x41)
  }

  @Test func `a read that runs over the end gives the sectors before it and then an error`() {
    bench.command(0x20, count: 2, lba: 20479)
    #expect(bench.takeData(base).count == 512)
    #expect(bench.registers(base) == [4, 1, 0, 0x50, 0, 0xe0, 0x41])
  }

  @Test func `each PIO block comes with an interrupt that the status register ends`() {
    bench.command(0x20, device: 0xf0, count: 2)
    #expect(!bench.irq14.level && bench.get(0x3f6) & 0x80 != 0)
    bench.waitWhileBusy(base)
    #expect(bench.irq14.level && bench.get(0x3f6) == 0x58)
    #expect(bench.irq14.level)
    #expect(bench.get(base + 7) == 0x58 && !bench.irq14.level)
    for _ in 0..<256 { _ = bench.get16(base) }
    #expect(bench.irq14.level)
    _ = bench.get(base + 7)
    for _ in 0..<256 { _ = bench.get16(base) }
    #expect(!bench.irq14.level && bench.get(base + 7) == 0x50)
  }

  @Test func `nIEN holds the interrupt back, and the other drive's is not shown`() {
    bench.out(0x3f6, 2)
    bench.command(0xec)
    #expect(!bench.irq14.level)
    bench.out(0x3f6, 0)
    #expect(bench.irq14.level)
    bench.out(base + 6, 0xf0)
    #expect(!bench.irq14.level)
    bench.out(base + 6, 0xe0)
    #expect(bench.irq14.level)
  }

  static let pioWrites: [(UInt8, Int)] = [(UInt8(0x30), 3), (0xc5, 20), (0x3c, 1)]

  @Test(arguments: Self.pioWrites)
  func `sectors written by PIO are on the medium`(_ command: UInt8, _ count: Int) {
    let data = IDEBench.expected(77, count * 512)
    bench.command(command, count: UInt8(count), lba: 300)
    #expect(bench.get(base + 7) == 0x58 && !bench.irq14.level)
    bench.giveData(base, data)
    #expect(bench.irq14.level && bench.get(base + 7) == 0x50)
    #expect(Array(bench.disk.bytes[300 * 512..<(300 + count) * 512]) == data)
    #expect(bench.disk.bytes[..<(300 * 512)].allSatisfy { $0 == 0 })
    #expect(bench.disk.bytes[((300 + count) * 512)...].allSatisfy { $0 == 0 })
  }

  @Test func `DMA scatters a read over the descriptor table and gathers a write from it`() {
    bench.prepareDMA(0, [(0x2000, 0x200), (0x4002, 0x3fe), (0x8000, 0)])
    bench.out(IDEBench.busMaster, 8)
    bench.command(0xc8, device: 0xf0, count: 64, lba: 9)
    bench.out(IDEBench.busMaster, 9)
    bench.clock.advance(by: .millisecond)
    let data = IDEBench.expected(9 * 512, 64 * 512)
    #expect(bench.memory.read(0x2000, count: 0x200) == Array(data[..<0x200]))
    #expect(bench.memory.read(0x4002, count: 0x3fe) == Array(data[0x200..<0x5fe]))
    #expect(bench.memory.read(0x8000, count: 64 * 512 - 0x5fe) == Array(data[0x5fe...]))
    #expect(bench.irq14.level && bench.get(base + 7) == 0x50)
    #expect(bench.get(IDEBench.busMaster + 2) == 5)  // interrupt, and active since the table was not used up
    bench.out(IDEBench.busMaster, 0)
    bench.out(IDEBench.busMaster + 2, 4)
    #expect(bench.get(IDEBench.busMaster + 2) == 0)

    bench.prepareDMA(0, [(0x8000, 0x400)])
    bench.command(0xca, count: 2, lba: 40)
    #expect(bench.get(0x3f6) == 0x58)
    bench.out(IDEBench.busMaster, 1)
    bench.clock.advance(by: .millisecond)
    #expect(Array(bench.disk.bytes[40 * 512..<42 * 512]) == bench.memory.read(0x8000, count: 0x400))
    #expect(bench.get(IDEBench.busMaster + 2) == 4)  // the table is used up
  }

  @Test func `a large 48-bit DMA read goes through several requests`() {
    bench.prepareDMA(0, [(0x10000, 0), (0x20000, 0), (0x30000, 0), (0x40000, 0)])
    bench.out(base + 6, 0xf0)
    for value: UInt8 in [2, 0] { bench.out(base + 2, value) }
    for register: UInt16 in [3, 4, 5] {
      for value: UInt8 in [0, UInt8(register)] { bench.out(base + register, value) }
    }
    bench.out(base + 7, 0x25)
    bench.out(IDEBench.busMaster, 9)
    bench.clock.advance(by: 10 * .millisecond)
    #expect(bench.memory.read(0x10000, count: 0x40000) == IDEBench.expected(0x050403 * 512, 0x40000))
    #expect(bench.get(IDEBench.busMaster + 2) == 4)
    #expect(bench.patternBackend.statistics.reads.operations == 2)
  }

  @Test func `a descriptor table that is too short ends the command without an interrupt`() {
    bench.prepareDMA(0, [(0x2000, 0x200)])
    bench.command(0xc8, device: 0xf0, count: 2)
    bench.out(IDEBench.busMaster, 9)
    bench.clock.advance(by: .millisecond)
    #expect(!bench.irq14.level && bench.get(IDEBench.busMaster + 2) == 0 && bench.get(base + 7) == 0x50)
  }

  @Test func `the bus master waits for permission from configuration space`() {
    bench.configure(0x04, .word, 1)
    bench.prepareDMA(0, [(0x2000, 0x200)])
    bench.command(0xc8, device: 0xf0)
    bench.out(IDEBench.busMaster, 9)
    bench.clock.advance(by: .millisecond)
    #expect(!bench.irq14.level && bench.memory.read(0x2000, count: 0x200).allSatisfy { $0 == 0 })
    bench.configure(0x04, .word, 5)
    #expect(bench.irq14.level && bench.memory.read(0x2000, count: 0x200) == IDEBench.expected(0, 0x200))
  }

  static let dataless: [(UInt8, [UInt8])] = [
    (UInt8(0x00), [UInt8(4), 4, 1, 2, 0, 0xe0, 0x41]), (0x10, [0, 4, 1, 2, 0, 0xe0, 0x50]),
    (0x27, [0, 4, 0xff, 0x4f, 0, 0xe0, 0x50]), (0x40, [0, 4, 1, 2, 0, 0xe0, 0x50]),
    (0x44, [4, 4, 1, 2, 0, 0xe0, 0x41]), (0x90, [1, 1, 1, 0, 0, 0xa0, 0x50]), (0x91, [0, 4, 1, 2, 0, 0xe0, 0x50]),
    (0xa0, [4, 4, 1, 2, 0, 0xe0, 0x41]), (0xa1, [4, 4, 1, 2, 0, 0xe0, 0x41]), (0xb0, [4, 4, 1, 2, 0, 0xe0, 0x41]),
    (0xc6, [0, 4, 1, 2, 0, 0xe0, 0x50]), (0xe5, [0, 0xff, 1, 2, 0, 0xe0, 0x50]),
    (0xe7, [0, 4, 1, 2, 0, 0xe0, 0x50]), (0xea, [0, 4, 1, 2, 0, 0xe0, 0x50]), (0xef, [4, 4, 1, 2, 0, 0xe0, 0x41]),
    (0xf8, [0, 4, 0xff, 0x4f, 0, 0xe0, 0x50]), (0xff, [4, 4, 1, 2, 0, 0xe0, 0x41]),
    (0x08, [4, 4, 1, 2, 0, 0xe0, 0x41]),
  ]

  @Test("commands without data answer as QEMU's disk", arguments: Self.dataless)
  func withoutData(_ command: UInt8, _ expected: [UInt8]) {
    bench.command(command, count: 4, lba: 0x201)
    bench.waitWhileBusy(base)
    #expect(bench.irq14.level)
    #expect(bench.registers(base) == expected)
  }

  static let transferModes: [(UInt8, [UInt16])] = [
    (UInt8(0x0c), [UInt16(7), 7, 0x3f]), (0x22, [7, 0x407, 0x3f]), (0x42, [7, 7, 0x43f]),
  ]

  @Test(arguments: Self.transferModes)
  func `SET FEATURES shows the selected transfer mode`(_ mode: UInt8, _ expected: [UInt16]) {
    bench.command(0xef, feature: 3, count: mode)
    #expect(bench.get(base + 7) == 0x50)
    bench.command(0xec)
    let data = bench.takeData(base)
    #expect([62, 63, 88].map { UInt16(data[2 * $0]) | UInt16(data[2 * $0 + 1]) << 8 } == expected)
  }

  @Test func `SET MULTIPLE changes the block size; a count that is no power of two is refused`() {
    bench.command(0xc6, count: 3)
    #expect(bench.get(base + 7) == 0x41)
    bench.command(0xc6, count: 4)
    bench.command(0xc4, device: 0xe0, count: 6)
    bench.waitWhileBusy(base)
    #expect(bench.get(base + 7) == 0x58)
    for _ in 0..<1024 { _ = bench.get16(base) }
    #expect(bench.irq14.level)  // second block of two sectors
    _ = bench.get(base + 7)
    for _ in 0..<512 { _ = bench.get16(base) }
    #expect(bench.get(base + 7) == 0x50)
  }

  @Test func `a SMART table sums to zero and reports a healthy disk`() {
    for feature: UInt8 in [0xd0, 0xd1] {
      bench.command(0xb0, feature: feature, lba: 0xc24f00)
      let data = bench.takeData(base)
      #expect(data.count == 512 && data.reduce(0, &+) == 0)
      #expect(data[511] == (feature == 0xd0 ? 0x06 : 0xaf))
    }
    bench.command(0xb0, feature: 0xda, lba: 0xc24f00)
    #expect(bench.registers(base) == [0, 1, 0, 0x4f, 0xc2, 0xe0, 0x50])
    bench.command(0xb0, feature: 0xd9, lba: 0xc24f00)
    bench.command(0xb0, feature: 0xda, lba: 0xc24f00)
    #expect(bench.get(base + 7) == 0x41)
  }

  @Test func `SRST takes both drives back to their signatures, whatever they did`() {
    bench.command(0x20, device: 0xf0, count: 8)
    bench.out(0x3f6, 4)
    #expect(bench.get(0x3f6) & 0x80 != 0)
    bench.out(0x3f6, 0)
    bench.clock.advance(by: .second)
    #expect(bench.registers(base) == [1, 1, 1, 0, 0, 0xa0, 0x50])
    #expect(!bench.irq14.level)
  }

  @Test func `TRIM ranges reach the medium, those outside it do not`() {
    var notes: [String] = []
    bench.pattern.note = { notes.append($0) }
    var ranges = [UInt8](repeating: 0, count: 512)
    ranges[0] = 16
    ranges[6] = 8
    ranges[13] = 0xff  // far outside
    ranges[14] = 1
    bench.memory.write(0x2000, ranges)
    bench.prepareDMA(0, [(0x2000, 0x200)])
    bench.command(0x06, device: 0xf0, feature: 1)
    bench.out(IDEBench.busMaster, 1)
    bench.clock.advance(by: .millisecond)
    #expect(notes == ["discard 8192..<12288"] && bench.get(base + 7) == 0x50)
  }

  @Test func `host errors become error bits`() {
    bench.pattern.failsFrom = 100 * 512
    bench.command(0x20, device: 0xf0, lba: 100)
    bench.waitWhileBusy(base)
    #expect(bench.get(base + 1) == 0x40 && bench.get(base + 7) == 0x41)
    bench.command(0x30, device: 0xf0, lba: 100)
    bench.giveData(base, [UInt8](repeating: 1, count: 512))
    #expect(bench.get(base + 1) == 0x04 && bench.get(base + 7) == 0x41)
    #expect(bench.patternBackend.statistics.writes.failedOperations == 1)
  }

  static let geometries: [(Int64, [UInt8], UInt16, UInt8, UInt8, UInt8)] = [
    (Int64(20480), [UInt8](), 20, 16, 63, 0), (1_048_576, [], 1040, 16, 63, 1), (100_000_000, [], 16383, 16, 63, 1),
    (20480, [15, 17], 75, 16, 17, 0), (1_048_576, [254, 63], 1040, 16, 63, 2),
  ]

  @Test("geometry follows size and partition table", arguments: Self.geometries)
  func geometry(
    _ sectors: Int64, _ end: [UInt8], _ cylinders: UInt16, _ heads: UInt8, _ track: UInt8, _ translation: UInt8
  ) {
    var record = [UInt8](repeating: 0, count: 512)
    if end.count == 2 {
      record[446 + 5] = end[0]
      record[446 + 6] = end[1]
      record[446 + 12] = 1
      record[510] = 0x55
      record[511] = 0xaa
    }
    let found = ATAGeometry(sectorCount: sectors, firstSector: record)
    #expect(
      [found.cylinders, UInt16(found.heads), UInt16(found.sectors), UInt16(found.translation.rawValue)]
        == [cylinders, UInt16(heads), UInt16(track), UInt16(translation)])
  }
}
