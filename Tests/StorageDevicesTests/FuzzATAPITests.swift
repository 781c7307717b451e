// SPDX-License-Identifier: Apache-2.0
import Block
import Fuzzing
import HostIO
import Platform
import StorageDevices
import Testing

/// Packets that no driver sends, taken by PIO and by DMA and broken off anywhere: no trap, no data without end, and a drive
/// that works after a reset.
struct FuzzATAPITests {
  private static let base = IDEBench.secondary
  /// Commands that the drive has, and some that it has not.
  private static let codes: [UInt8] = [
    0x00, 0x03, 0x12, 0x1b, 0x1e, 0x25, 0x28, 0x28, 0x2b, 0x43, 0x46, 0x4a, 0x51, 0x55, 0x5a, 0xa8, 0xa8, 0xad, 0xbb,
    0xbd, 0xbe, 0xbe, 0x2a, 0xff,
  ]
  /// Bytes that are taken of one answer; a whole disc is more.
  private static let patience = 1 << 16

  private static func packet(_ random: inout FuzzRandom) -> [UInt8] {
    var packet = random.oneIn(3) ? random.bytes(12) : [UInt8](repeating: 0, count: 12)
    packet[0] = random.oneIn(8) ? random.byte() : codes[random.below(codes.count)]
    for _ in 0..<random.below(6) {
      packet[1 + random.below(11)] = UInt8(truncatingIfNeeded: random.word())
    }
    return packet
  }

  private static func send(_ packet: [UInt8], to bench: IDEBench, _ random: inout FuzzRandom) {
    let limit = UInt16(truncatingIfNeeded: random.word())
    let isDMA = random.oneIn(3)
    if isDMA {
      bench.prepareDMA(
        1,
        (0...random.below(3)).map { _ in
          (UInt32(truncatingIfNeeded: random.word()), UInt16(truncatingIfNeeded: random.word()))
        }
      )
    }
    bench.beginPacket(packet, limit: limit, feature: isDMA ? 1 : random.oneIn(16) ? random.byte() : 0)
    if isDMA, !random.oneIn(8) { bench.out(IDEBench.busMaster + 8, 9) }
  }

  /// Takes what the drive offers, or gives it what it waits for.
  private static func finish(_ bench: IDEBench, _ random: inout FuzzRandom) -> Int {
    var count = 0
    let stops = random.oneIn(6) ? random.below(200) : patience
    bench.waitWhileBusy(base)
    while bench.get(base + 7) & 8 != 0, count < stops {
      if bench.get(base + 2) & 2 != 0 { _ = bench.get16(base) } else { bench.out16(base, UInt16(random.byte())) }
      count += 2
      if bench.get(base + 0x206) & 0x80 != 0 { bench.waitWhileBusy(base) }
    }
    return count
  }

  private static func change(_ bench: IDEBench, _ random: inout FuzzRandom) {
    switch random.below(12) {
    case 0: bench.disc.failsFrom = random.oneIn(2) ? .max : Int64(random.below(4 << 20))
    case 1: bench.discBackend.changeMedium(nil)
    case 2: bench.discBackend.changeMedium(BlockMedium(node: bench.disc, fileName: "c"))
    case 3: bench.out(base + 7, random.byte())
    case 4: bench.out(base + 0x206, random.byte() & 6)
    case 5: bench.out(IDEBench.busMaster + 8, random.byte())
    default: break
    }
  }

  @Test func `packets`() throws {
    var answers = 0
    try Fuzzing.run("atapi packets", atLeast: 40) { random in
      let bench = try IDEBench()
      let fresh = bench.packet([0x12, 0, 0, 0, 36])
      for _ in 0..<40 {
        Self.send(Self.packet(&random), to: bench, &random)
        answers += Self.finish(bench, &random) > 0 ? 1 : 0
        Self.change(bench, &random)
        bench.clock.advance(by: Nanoseconds(random.below(30)) * .millisecond)
      }
      // Reset, and its attentions taken, it is a drive as before.
      bench.out(IDEBench.busMaster + 8, 0)
      bench.out(Self.base + 0x206, 4)
      bench.out(Self.base + 0x206, 0)
      bench.disc.failsFrom = .max
      bench.discBackend.changeMedium(BlockMedium(node: bench.disc, fileName: "c"))
      bench.clock.advance(by: .second)
      #expect(bench.packet([0x12, 0, 0, 0, 36]) == fresh, "seed \(random.seed)")
      // The tray may be open, or locked.
      _ = bench.packet([0x1b, 0, 0, 0, 3])
      for _ in 0..<4 { _ = bench.packet([0x03, 0, 0, 0, 18]) }
      for _ in 0..<4 { _ = bench.packet([0x00]) }
      let block = bench.packet([0x28, 0, 0, 0, 0, 16, 0, 0, 1])
      #expect(block == IDEBench.expected(16 * 2048, 2048), "seed \(random.seed)")
    }
    #expect(answers > 100)
  }
}
