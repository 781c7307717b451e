// SPDX-License-Identifier: Apache-2.0
import Network
import NetworkDevices
import Platform
import Testing

/// Pauses that stations ask each other for.
struct E1000FlowControlTests {
  private static let group: [UInt8] = [1, 0x80, 0xc2, 0, 0, 1]

  /// A bench with the registers as drivers set them, pauses heeded or not.
  private func started(heeds: Bool = true, receiveMode: UInt32 = 0x0400_8002) throws -> E1000Bench {
    let bench = try E1000Bench()
    bench.start(receiveMode: receiveMode)
    (bench[0x28], bench[0x2c], bench[0x30]) = (0x00c2_8001, 0x100, 0x8808)
    if heeds { bench[0] |= 1 << 27 }
    return bench
  }

  private func pause(_ quanta: UInt16, to destination: [UInt8] = group) -> [UInt8] {
    E1000Bench.frame(
      to: destination, type: 0x8808, [0, 1, UInt8(quanta >> 8), UInt8(quanta & 255)] + [UInt8](repeating: 0, count: 42))
  }

  @Test func `nothing is sent during a pause, which ends by itself`() throws {
    let bench = try started()
    #expect(bench.wire.send(pause(100)))
    #expect(bench[8] >> 4 & 1 == 1 && bench[0x4050] == 1 && bench[0x4050] == 0)
    bench.transmit(E1000Bench.frame())
    bench.clock.advance(by: 100 * 512 - 1)
    #expect(bench.sent.isEmpty)
    bench.clock.advance(by: 1)
    #expect(bench.sent == [E1000Bench.frame()] && bench[8] >> 4 & 1 == 0)
    #expect(bench.memory.read(E1000Bench.receiveRing + 12, as: UInt8.self) == 0, "software must not see it")
  }

  @Test func `a later frame changes or ends a pause`() throws {
    let bench = try started()
    #expect(bench.wire.send(pause(0)))
    #expect(bench[8] >> 4 & 1 == 0, "there was none to end")
    #expect(bench.wire.send(pause(.max)) && bench.wire.send(pause(2)))
    bench.transmit(E1000Bench.frame())
    bench.clock.advance(by: 1024)
    #expect(bench.sent.count == 1)
    #expect(bench.wire.send(pause(.max)))
    bench.transmit(E1000Bench.frame())
    #expect(bench.wire.send(pause(0)))
    bench.clock.fireDueTimers()
    #expect(bench.sent.count == 2 && bench[0x4048] == 2 && bench[0x4050] == 3)
  }

  @Test func `who does not heed pauses counts them`() throws {
    let bench = try started(heeds: false)
    #expect(bench.wire.send(pause(.max)))
    bench.transmit(E1000Bench.frame())
    #expect(bench.sent.count == 1 && bench[0x4058] == 1 && bench[0x4050] == 0)
  }

  @Test func `those to the station reach software unless it discards them`() throws {
    for (discards, count) in [(UInt32(0), 1), (1 << 22, 0)] {
      let bench = try started(receiveMode: 0x0400_8002 | discards)
      #expect(bench.wire.send(pause(1, to: E1000Bench.address)))
      #expect(bench[0x4050] == 1 && Int(bench[0x2810]) == count)
    }
    // Another operation is no pause, and neither is anything while the registers are not set.
    let bench = try started()
    var other = pause(9)
    other[15] = 2
    #expect(bench.wire.send(other) && bench[0x4050] == 0)
    bench[0x30] = 0
    #expect(bench.wire.send(pause(9)) && bench[0x4050] == 0)
  }

  @Test func `software sends one`() throws {
    let bench = try started()
    bench[0x170] = 0x1234
    bench[0x400] |= 1 << 22
    let station = E1000Bench.address
    #expect(
      bench.sent == [Self.group + station + [0x88, 8, 0, 1, 0x12, 0x34] + [UInt8](repeating: 0, count: 42)])
    #expect(bench[0x400] >> 22 & 1 == 0 && bench[0x4054] == 1)
    bench[0x170] = 0
    bench[0x400] |= 1 << 22
    #expect(bench.sent.count == 2 && bench[0x404c] == 1)
    bench.isBusy = true
    bench[0x400] |= 1 << 22
    #expect(bench[0x400] >> 22 & 1 == 0 && bench[0x404c] == 0)
  }
}
