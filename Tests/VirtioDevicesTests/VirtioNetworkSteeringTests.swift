// SPDX-License-Identifier: Apache-2.0
import Network
import Platform
import Testing
import VirtioDevices

/// Announcements, pairs of queues and steering, by the control queue.
struct VirtioNetworkSteeringTests {
  private typealias Bench = VirtioNetworkBench

  @Test func `an announcement is asked for until the driver has made it`() throws {
    let bench = try Bench()
    bench.start()
    #expect(bench.device.configurationSpace[6] == 1)
    bench.port.announce()
    #expect(bench.device.configurationSpace[6] == 3)
    #expect(bench.command([3, 1]) == 1)
    #expect(bench.command([3, 0]) == 0)
    #expect(bench.device.configurationSpace[6] == 1)
    #expect(bench.command([3, 0]) == 1, "nobody asked")
    bench.port.announce()
    let saved = bench.device.state
    bench.device.reset(.system)
    #expect(bench.device.configurationSpace[6] == 1)
    bench.device.state = saved
    #expect(bench.device.configurationSpace[6] == 3)
  }

  @Test func `a driver that cannot announce is not asked`() throws {
    let bench = try Bench()
    bench.start(accepting: .max & ~(1 << 30 | 1 << 34 | 1 << 21))
    bench.port.announce()
    #expect(bench.device.configurationSpace[6] == 1)
  }

  @Test func `there is one pair of queues`() throws {
    var settings = VirtioNetworkSettings(address: Bench.address)
    settings.offersQueuePairs = true
    let bench = try Bench(settings: settings)
    #expect(bench.device.configurationSpace == Bench.address + [1, 0, 1, 0])
    bench.start()
    #expect(bench.command([4, 0, 1, 0]) == 0)
    for refused: [UInt8] in [[4, 0, 0, 0], [4, 0, 2, 0], [4, 0, 0, 0x80], [4, 0, 1], [4, 1, 1, 0], [4, 2, 0, 0]] {
      #expect(bench.command(refused) == 1, "\(refused)")
    }
  }

  @Test func `steering that is in order is taken`() throws {
    var settings = VirtioNetworkSettings(address: Bench.address)
    settings.offersSteering = true
    let bench = try Bench(settings: settings)
    #expect(bench.device.configurationSpace.suffix(7) == [40, 128, 0, 0xff, 1, 0, 0])
    bench.start()
    func steering(
      hashes: UInt8 = 1, mask: UInt8 = 1, unclassified: UInt8 = 0, table: [UInt8] = [0, 0, 0, 0], pairs: UInt8 = 1,
      key: [UInt8] = [UInt8](repeating: 9, count: 40)
    ) -> [UInt8] {
      [4, 1, hashes, 0, 0, 0, mask, 0, unclassified, 0] + table + [pairs, 0, UInt8(key.count)] + key
    }
    #expect(bench.command(steering()) == 0)
    #expect(bench.command(steering(hashes: 0, key: [])) == 0)
    let refusals: [[UInt8]] = [
      steering(mask: 2), steering(mask: 255), steering(unclassified: 1), steering(table: [0, 0]), steering(pairs: 0),
      steering(pairs: 2), steering(key: []), steering(key: [UInt8](repeating: 0, count: 41)),
      Array(steering().dropLast()), [4, 1, 0],
    ]
    for refused in refusals { #expect(bench.command(refused) == 1, "\(refused)") }
    #expect(bench.command([4, 0, 1, 0]) == 1, "pairs were not negotiated")
  }
}
