// SPDX-License-Identifier: Apache-2.0
import Network
import Platform
import Testing
import VirtioDevices

/// Long packets towards the driver. What the device itself cuts, on its way out, is what it must put together on its way in.
@Suite struct VirtioNetworkJoinerTests {
  typealias Bench = VirtioNetworkBench

  /// The segments of a payload as they are on a wire, made by cutting a long packet.
  private func segments(_ payload: [UInt8], of size: Int, flags: UInt8 = 0x18) throws -> [[UInt8]] {
    let bench = try Bench()
    bench.start()
    bench.transmit(
      header: [1, 1, 54, 0, UInt8(size & 0xff), UInt8(size >> 8), 34, 0, 16, 0, 0, 0], Bench.tcp(payload, flags: flags))
    return bench.sent
  }

  private func payload(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 13 &+ $0 >> 7) } }

  private func received(_ bench: Bench) -> [[UInt8]] {
    var packets: [[UInt8]] = []
    var buffer: UInt64 = 0
    while let used = bench.receiver.takeUsed() {
      packets.append(bench.memory.read(Bench.receiveBuffers + buffer % 64 * 4096, count: Int(used.byteCount)))
      buffer += 1
    }
    return packets
  }

  @Test(arguments: [Dialect(), Dialect(isPacked: true)])
  func `segments that arrive together are one packet that cuts into them again`(_ dialect: Dialect) throws {
    let frames = try segments(payload(5000), of: 1460)
    #expect(frames.count == 4)
    let bench = try Bench(dialect)
    bench.start(accepting: dialect.isPacked ? .max & ~(1 << 30) : .max & ~(1 << 30 | 1 << 34))
    bench.addBuffers(2, byteCount: 4096)
    #expect(bench.wire.send(frames[...]) == 4)
    let parts = received(bench)
    let bytes = parts.flatMap { $0 }
    #expect(parts.count == 2 && bytes.count == 12 + 54 + 5000)
    #expect(bytes.prefix(12) == [1, 1, 54, 0, 0xb4, 5, 34, 0, 16, 0, 2, 0])
    let back = try Bench()
    back.start()
    back.transmit(header: Array(bytes.prefix(10)) + [0, 0], Array(bytes.dropFirst(12)))
    #expect(back.sent == frames)
  }

  @Test func `what differs, is damaged or ends is not joined`() throws {
    let frames = try segments(payload(4000), of: 1000)
    func count(_ change: (inout [[UInt8]]) -> Void) throws -> Int {
      var frames = frames
      change(&frames)
      let bench = try Bench()
      bench.start()
      bench.addBuffers(16, byteCount: 4096)
      #expect(bench.wire.send(frames[...]) == frames.count)
      return received(bench).filter { $0.count > 12 }.count
    }
    #expect(try count { _ in } == 1)
    #expect(try count { $0[1][60] ^= 1 } == 3, "one alone, the damaged, two")
    for (place, what) in [
      (0, "target"), (15, "service"), (22, "time to live"), (26, "source"), (34, "port"), (48, "window"),
    ] {
      #expect(try count { $0[3][place] ^= 1 } >= 2, "\(what)")
    }
    #expect(try count { $0.swapAt(1, 2) } >= 3)
    #expect(try count { $0.removeSubrange(1...) } == 1)
    #expect(try count { frames in frames[1].removeLast(500) } >= 3, "cut short")
    #expect(try segments(payload(3000), of: 1000, flags: 0x19).count == 3)
  }

  @Test func `a driver that does not take long packets, or has no room, gets frames`() throws {
    let frames = try segments(payload(3000), of: 1000)
    for refused in [VirtioNetworkFeature.guestTSO4, VirtioNetworkFeature.mergeableBuffers] {
      let bench = try Bench()
      bench.start(accepting: .max & ~(1 << 30 | 1 << 34 | refused))
      bench.addBuffers(3, byteCount: 1600)
      #expect(bench.wire.send(frames[...]) == 3)
      #expect(received(bench).map(\.count) == frames.map { $0.count + 12 })
    }
    let bench = try Bench()
    bench.start()
    bench.addBuffers(1, byteCount: 1600)
    #expect(bench.wire.send(frames[...]) == 1, "two wait")
    // Switched off while it runs.
    bench.addBuffers(8, byteCount: 4096)
    _ = received(bench)
    #expect(bench.command([5, 0, 2, 0, 0, 0, 0, 0, 0, 0]) == 0)
    #expect(bench.wire.send(frames[...]) == 3)
    #expect(received(bench).count == 3)
    var settings = VirtioNetworkSettings(address: Bench.address)
    settings.withheldFeatures = VirtioNetworkFeature.guestChecksum
    #expect(try Bench(settings: settings).device.features(isLegacy: false) & VirtioNetworkFeature.guestTSO4 == 0)
  }
}
