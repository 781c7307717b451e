// SPDX-License-Identifier: Apache-2.0
import HostIO
import Network
import Platform
import Testing
import VirtioDevices

/// The virtio network adapter through its registers and rings.
@Suite struct VirtioNetworkTests {
  typealias Bench = VirtioNetworkBench

  @Test(arguments: [Dialect(), Dialect(isPacked: true), Dialect(isLegacy: true)])
  func `frames go both ways, many times around the rings`(_ dialect: Dialect) throws {
    let bench = try Bench(dialect)
    bench.start(accepting: dialect.isPacked ? .max & ~(1 << 30) : .max & ~(1 << 30 | 1 << 34))
    let frame = Bench.frame()
    for round in 0..<600 {
      bench.transmit(frame)
      #expect(bench.transmitter.takeUsed() != nil)
      bench.addBuffers(1, byteCount: 2048)
      #expect(bench.wire.send(frame), "round \(round)")
      #expect(bench.receiver.takeUsed()?.byteCount == UInt32(12 + frame.count), "round \(round)")
    }
    #expect(bench.sent == [[UInt8]](repeating: frame, count: 600))
    let place = Bench.receiveBuffers + UInt64(599 % 64) * 4096
    #expect(bench.memory.read(place, count: 12 + frame.count) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0] + frame)
  }

  @Test(arguments: [Dialect(), Dialect(isPacked: true)])
  func `a frame is spread over buffers, and waits for all of them`(_ dialect: Dialect) throws {
    let bench = try Bench(dialect)
    bench.start(accepting: dialect.isPacked ? .max & ~(1 << 30) : .max & ~(1 << 30 | 1 << 34))
    let frame = Bench.frame([UInt8](repeating: 9, count: 1000))
    bench.addBuffers(2, byteCount: 512)
    let told = bench.roomCount
    #expect(!bench.wire.send(frame))
    #expect(bench.receiver.takeUsed() == nil)
    bench.addBuffers(1, byteCount: 512)
    #expect(bench.roomCount > told)
    #expect(bench.wire.send(frame))
    let used = (0..<3).compactMap { _ in bench.receiver.takeUsed()?.byteCount }
    #expect(used == [512, 512, 2])
    #expect(bench.memory.read(Bench.receiveBuffers + 10, as: UInt16.self) == 3)
  }

  @Test func `a frame that no buffer holds is lost without merging`() throws {
    let bench = try Bench()
    bench.start(accepting: .max & ~(1 << 30 | 1 << 34 | VirtioNetworkFeature.mergeableBuffers))
    bench.addBuffers(2, byteCount: 200)
    #expect(bench.wire.send(Bench.frame([UInt8](repeating: 1, count: 1000))))
    #expect(bench.receiver.takeUsed() == nil)
    #expect(bench.wire.send(Bench.frame()))
    #expect(bench.receiver.takeUsed() != nil)
  }

  @Test func `checksums are completed and long packets cut`() throws {
    let bench = try Bench()
    bench.start()
    let payload = (0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let checksum: [UInt8] = [1, 0, 0, 0, 0, 0, 34, 0, 16, 0, 0, 0]
    bench.transmit(header: checksum, Bench.tcp(Array(payload.prefix(100))))
    #expect(bench.sent.count == 1 && FrameHeaders(bench.sent[0]).hasValidTransportSum(bench.sent[0]))
    bench.sent = []
    bench.transmit(header: [1, 1, 54, 0, 0xb4, 5, 34, 0, 16, 0, 0, 0], Bench.tcp(payload, flags: 0x99))
    #expect(bench.sent.map(\.count) == [1514, 1514, 54 + 80])
    #expect(bench.sent.flatMap { $0.dropFirst(54) } == payload)
    for frame in bench.sent {
      let headers = FrameHeaders(frame)
      #expect(headers.hasValidTransportSum(frame))
      #expect(headers.ipv4.map { InternetChecksum.sum(frame, $0) } == 0xffff)
    }
    // Identification and sequence number go on; CWR is in the first segment, FIN and PSH in the last.
    #expect(bench.sent.map { $0[19] } == [1, 2, 3])
    #expect(bench.sent.map { Array($0[38..<42]) } == [[0, 0, 0xff, 0xf0], [0, 1, 5, 0xa4], [0, 1, 0xb, 0x58]])
    #expect(bench.sent.map { $0[47] } == [0x90, 0x10, 0x19])
  }

  @Test func `what cannot be cut is not sent`() throws {
    let bench = try Bench()
    bench.start()
    let frame = Bench.tcp([UInt8](repeating: 1, count: 500))
    for header: [UInt8] in [
      [1, 1, 54, 0, 1, 0, 34, 0, 16, 0, 0, 0], [1, 1, 54, 0, 100, 0, 200, 0, 16, 0, 0, 0],
      [1, 1, 54, 0, 100, 0, 34, 0, 17, 0, 0, 0], [1, 4, 54, 0, 100, 0, 34, 0, 16, 0, 0, 0],
      [0, 1, 54, 0, 100, 0, 34, 0, 16, 0, 0, 0], [1, 3, 54, 0, 100, 0, 34, 0, 16, 0, 0, 0],
      [1, 0, 0, 0, 0, 0, 0xff, 0xff, 16, 0, 0, 0],
    ] {
      bench.transmit(header: header, frame)
      #expect(bench.transmitter.takeUsed() != nil)
    }
    #expect(bench.sent.isEmpty)
    bench.transmit(frame)
    #expect(bench.sent == [frame])
  }

  @Test func `a refused frame stops the queue and is kept, in a saved state too`() throws {
    let bench = try Bench()
    bench.start()
    bench.isBusy = true
    bench.transmit(header: [1, 1, 54, 0, 0xb4, 5, 34, 0, 16, 0, 0, 0], Bench.tcp([UInt8](repeating: 3, count: 2000)))
    bench.transmit(Bench.frame())
    #expect(bench.sent.isEmpty)
    let image = bench.device.save()
    bench.device.reset(.power)
    bench.placeRegions()
    try bench.device.load(image)
    bench.memory.map.commit()
    bench.isBusy = false
    bench.wire.becameReady()
    #expect(bench.sent.map(\.count) == [1514, 594, 114])
  }

  @Test func `right checksums are told to a driver that asks`() throws {
    let bench = try Bench()
    bench.start()
    bench.transmit(header: [1, 0, 0, 0, 0, 0, 34, 0, 16, 0, 0, 0], Bench.tcp([1, 2, 3]))
    var frame = try #require(bench.sent.first)
    bench.addBuffers(2, byteCount: 2048)
    #expect(bench.wire.send(frame))
    frame[60 - 4] ^= 1
    #expect(bench.wire.send(frame))
    #expect((0..<2).map { bench.memory.read(Bench.receiveBuffers + $0 * 4096, as: UInt8.self) } == [2, 0])
  }

  @Test func `the control queue sets filters`() throws {
    let bench = try Bench()
    bench.start()
    var told = 0
    bench.port.filterChangeHandler = { told += 1 }
    let other: [UInt8] = [2, 0, 0, 0, 0, 9]
    let group: [UInt8] = [1, 0, 0x5e, 0, 0, 1]
    func arrives(_ frame: [UInt8]) -> Bool {
      bench.addBuffers(1, byteCount: 2048)
      #expect(bench.wire.send(frame))
      return bench.receiver.takeUsed() != nil
    }
    #expect(arrives(Bench.frame(to: other)))
    #expect(bench.command([0, 0, 0]) == 0)
    #expect(told == 1)
    #expect(!arrives(Bench.frame(to: other)))
    #expect(arrives(Bench.frame()))
    #expect(!arrives(Bench.frame(to: group)))
    #expect(arrives(Bench.frame(to: [UInt8](repeating: 0xff, count: 6))))
    #expect(bench.command([1, 0, 1, 0, 0, 0] + other + [1, 0, 0, 0] + group) == 0)
    #expect(arrives(Bench.frame(to: other)) && arrives(Bench.frame(to: group)))
    #expect(bench.command([1, 0, 2, 0, 0, 0] + other + [1, 0, 0, 0] + group) == 1)
    #expect(bench.command([1, 1] + other) == 0)
    #expect(!arrives(Bench.frame()))
    var tagged = Bench.frame(to: other)
    tagged.insert(contentsOf: [0x81, 0, 0x20, 5], at: 12)
    #expect(!arrives(tagged))
    #expect(bench.command([2, 0, 5, 0]) == 0)
    #expect(arrives(tagged))
    #expect(bench.command([2, 1, 5, 0]) == 0)
    #expect(!arrives(tagged))
    #expect(bench.command([0, 5, 1]) == 0)
    #expect(!arrives(Bench.frame(to: [UInt8](repeating: 0xff, count: 6))))
    for refused: [UInt8] in [
      [0, 9, 1], [1, 1, 2], [2, 0, 0, 0x10], [4, 0, 1, 0], [3, 0], [5, 0, 0, 1, 0, 0, 0, 0, 0, 0], [9, 9],
    ] {
      #expect(bench.command(refused) == 1, "\(refused)")
    }
    #expect(bench.command([5, 0, 0, 0, 0, 0, 0, 0, 0, 0]) == 0)
    #expect(told == 1)
  }

  @Test func `the configuration shows address, link and what was asked for`() throws {
    var settings = VirtioNetworkSettings(address: Bench.address)
    settings.maximumTransmissionUnit = 1400
    settings.duplex = 1
    let bench = try Bench(settings: settings)
    #expect(
      bench.device.configurationSpace
        == Bench.address + [1, 0, 1, 0, 0x78, 5, 0xff, 0xff, 0xff, 0xff, 1])
    #expect(try Bench().device.configurationSpace == Bench.address + [1, 0])
    #expect(bench.receiver.offered >> 63 == 1 && bench.receiver.offered >> 3 & 1 == 1)
  }
}
