// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import Platform
import StorageDevices
import Testing

struct ATAPIDriveTests {
  let bench: IDEBench
  let base = IDEBench.secondary

  init() throws { bench = try IDEBench() }

  static func bytes(_ hex: String) -> [UInt8] {
    let digits = Array(hex.utf8).map { $0 < 0x60 ? $0 - 0x30 : $0 - 0x57 }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  static let recorded: [(String, String)] = [
    ("1200000060", "058000211f00000051454d552020202051454d55204456442d524f4d20202020322e352b"),
    ("1201000060", "050000020083"), ("1201830060", "0583001802000014514d303030303320202020202020202020202020"),
    ("25", "000007ff00000800"), ("430000000000000064", "0012010100140100000000000016aa0000000800"),
    ("430200000000000064", "0012010100140100000002000016aa0000001d17"),
    (
      "43000000000000006480",
      "002e0101011400a000000000010000011400a100000000010000011400a2000000000008000114000100000000000000"
    ), ("430000000000aa0064", "000a01010016aa0000000800"),
    ("5a002a0000000000c8", "001c7000000000002a143b007160290002c00002020002c0000000000000"),
    ("5a00010000000000c8", "000e7000000000000106000500000000"),
    ("5a000e0000000000c8", "00167000000000000e0e0000000000000200000002000200"),
    ("460000000000001000", "0000001000000008000003080010000000080100"), ("460000000000000008", "0000001000000008"),
    ("4a0100001000000064", "0004041000020000"), ("4a0100000200000064", "00008010"),
    ("bd000000000000000064", "0000000000010000"),
    ("510000000000000064", "00200e01010101200000000000000000000000000000000000000000000000000000"),
  ]

  @Test("answers equal those recorded from QEMU 7.2 with a disc of 2048 blocks", arguments: Self.recorded)
  func answers(_ packet: String, _ expected: String) {
    #expect(bench.packet(Self.bytes(packet)) == Self.bytes(expected))
    #expect(bench.registers(base)[1] == 3 && bench.get(base + 7) == 0x50)
  }

  static let reads: [(UInt8, UInt32, UInt16, UInt16)] = [
    (UInt8(0x28), UInt32(16), UInt16(2), UInt16(0xfffe)), (0xa8, 3, 40, 2048), (0x28, 0, 3, 0), (0x28, 7, 1, 510),
    (0x28, 2047, 1, 3),
  ]

  @Test("READ returns the blocks by PIO in pieces the host can take", arguments: Self.reads)
  func read(_ code: UInt8, _ first: UInt32, _ count: UInt16, _ limit: UInt16) {
    var packet = [UInt8](repeating: 0, count: 12)
    packet[0] = code
    packet[5] = UInt8(truncatingIfNeeded: first)
    packet[4] = UInt8(truncatingIfNeeded: first >> 8)
    packet[code == 0x28 ? 8 : 9] = UInt8(count)
    #expect(bench.packet(packet, limit: limit) == IDEBench.expected(Int64(first) * 2048, Int(count) * 2048))
    #expect(bench.get(base + 2) == 3 && bench.get(base + 7) == 0x50)
  }

  @Test func `READ by DMA fills memory and ends with one interrupt`() {
    bench.prepareDMA(1, [(0x10000, 0), (0x20000, 0), (0x30000, 0), (0x40000, 0x8000)])
    bench.beginPacket([0x28, 0, 0, 0, 0, 5, 0, 0, 100], feature: 1)
    bench.out(IDEBench.busMaster + 8, 9)
    bench.clock.advance(by: 100 * .millisecond)
    #expect(bench.memory.read(0x10000, count: 204_800) == IDEBench.expected(5 * 2048, 204_800))
    #expect(bench.irq15.level && bench.get(base + 7) == 0x50 && bench.get(IDEBench.busMaster + 10) == 5)
  }

  @Test func `READ CD gives raw sectors with sync, header and data`() {
    let raw = bench.packet([0xbe, 0, 0, 0, 0, 16, 0, 0, 2, 0xf8])
    #expect(raw.count == 4704)
    #expect(
      Array(raw[..<16]) == [0] + [UInt8](repeating: 0xff, count: 10) + [0, 0x00, 0x02, 0x16, 1])
    #expect(Array(raw[2352 + 16..<2352 + 16 + 2048]) == IDEBench.expected(17 * 2048, 2048))
    #expect(bench.packet([0xbe, 0, 0, 0, 0, 16, 0, 0, 1, 0x10]) == IDEBench.expected(16 * 2048, 2048))
    #expect(bench.packet([0xbe, 0, 0, 0, 0, 16, 0, 0, 1, 0]) == [])
  }

  static let failures: [([UInt8], [UInt8])] = [
    ([UInt8(0xff)], [UInt8(5), 0x20]), ([0x28, 0, 0, 0, 8, 0, 0, 0, 1], [5, 0x21]),
    ([0x28, 0, 0, 0, 7, 255, 0, 0, 2], [5, 0x21]), ([0xa8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [5, 0x21]),
    ([0x2b, 0, 0, 1, 0, 1], [5, 0x21]), ([0xbe, 0, 0, 0, 0, 16, 0, 0, 1, 0x80], [5, 0x24]),
    ([0x43, 0, 0, 0, 0, 0, 5, 0, 100], [5, 0x24]), ([0x12, 1, 0x80, 0, 96], [5, 0x24]),
    ([0x5a, 0, 0x3f, 0, 0, 0, 0, 0, 200], [5, 0x24]), ([0xad, 0, 0, 0, 0, 0, 0, 0, 0, 100], [5, 0x30]),
    ([0x4a, 0, 0, 0, 0x10, 0, 0, 0, 100], [5, 0x24]),
  ]

  @Test("what cannot be done leaves sense data", arguments: Self.failures)
  func failure(_ packet: [UInt8], _ sense: [UInt8]) {
    #expect(bench.packet(packet) == [])
    #expect(bench.irq15.level == false && bench.get(base + 1) == sense[0] << 4 && bench.get(base + 7) == 0x41)
    #expect(bench.sense() == sense)
    #expect(bench.sense() == [0, 0])
  }

  @Test func `a locked tray stays shut, an open one has no medium`() {
    _ = bench.packet([0x1e, 0, 0, 0, 1])
    _ = bench.packet([0x1b, 0, 0, 0, 2])
    #expect(bench.get(base + 7) == 0x41 && bench.sense() == [2, 0x53])
    #expect(bench.discBackend.device?.isMediumLocked == true && bench.discBackend.device?.isTrayOpen == false)
    _ = bench.packet([0x1e])
    var moves: [Bool] = []
    bench.discBackend.trayDidMove = { moves.append($0) }
    _ = bench.packet([0x1b, 0, 0, 0, 2])
    #expect(bench.discBackend.device?.isTrayOpen == true)
    _ = bench.packet([0])
    #expect(bench.sense() == [2, 0x3a])
    _ = bench.packet([0x1b, 0, 0, 0, 3])
    _ = bench.packet([0])
    #expect(bench.get(base + 7) == 0x50 && moves == [true, false])
  }

  @Test func `a changed medium is told as "not ready" and then as a unit attention`() {
    let other = PatternNode(byteCount: 8 << 20)
    bench.discBackend.changeMedium(BlockMedium(node: other, fileName: "d"))
    #expect(bench.packet([0x12, 0, 0, 0, 36]).count == 36)
    #expect(bench.packet([0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8]) == [0, 4, 4, 0x10, 2, 2, 0, 0])
    #expect(bench.packet([0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8]) == [0, 4, 4, 0x10, 0, 2, 0, 0])
    _ = bench.packet([0])
    #expect(bench.sense() == [2, 0x3a])
    _ = bench.packet([0])
    #expect(bench.sense() == [6, 0x28])
    _ = bench.packet([0])
    #expect(bench.get(base + 7) == 0x50)
    #expect(bench.packet([0x25]) == [0, 0, 0x0f, 0xff, 0, 0, 8, 0])
    bench.discBackend.changeMedium(nil)
    _ = bench.packet([0x25])
    #expect(bench.sense() == [2, 0x3a])
  }

  @Test func `a medium longer than a CD is a DVD`() throws {
    let bench = try IDEBench(discByteCount: 4_000_000_000 / 2048 * 2048)
    #expect(Array(bench.packet([0x46, 0, 0, 0, 0, 0, 0, 0x10, 0])[6...7]) == [0, 0x10])
    let structure = bench.packet([0xad, 0, 0, 0, 0, 0, 0, 0, 16, 0])
    #expect(structure.count == 2052 && structure[..<6] == [8, 2, 0, 0, 1, 0x0f])
  }

  @Test func `IDENTIFY DEVICE on a CD-ROM drive shows the packet signature`() {
    bench.command(0xec, base: base, device: 0xa0, count: 4, lba: 0x201)
    #expect(bench.registers(base) == [4, 1, 1, 0x14, 0xeb, 0xa0, 0x41])
    bench.command(0x08, base: base, device: 0xa0)
    #expect(bench.registers(base) == [0, 1, 1, 0x14, 0xeb, 0xa0, 0])
    bench.command(0xa1, base: base, device: 0xa0)
    let data = bench.takeData(base)
    #expect(data[0] == 0xc0 && data[1] == 0x85 && Array(data[54..<66]) == Array("EQUMD DVR-MO".utf8))
  }

  @Test func `a disc of unreadable sectors is a medium error`() {
    bench.disc.failsFrom = 0
    _ = bench.packet([0x28, 0, 0, 0, 0, 1, 0, 0, 1])
    #expect(bench.sense() == [3, 0x11])
  }
}
