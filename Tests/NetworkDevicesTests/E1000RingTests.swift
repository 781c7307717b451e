// SPDX-License-Identifier: Apache-2.0
import Network
import NetworkDevices
import Platform
import Testing

/// Frames through the rings.
struct E1000RingTests {
  private func started(receiveMode: UInt32 = 0x0400_8002) throws -> E1000Bench {
    let bench = try E1000Bench()
    bench.start(receiveMode: receiveMode)
    return bench
  }

  @Test func `memory changes by itself only while frames may come`() throws {
    let bench = try E1000Bench()
    #expect(!bench.device.mayWriteMemory)
    bench.start()
    #expect(bench.device.mayWriteMemory)
    bench[0x100] = 0
    #expect(!bench.device.mayWriteMemory)
    bench[0x100] = 0x0400_8002
    bench.bus.write(PCIAddress(slot: 3), 0x04, .word, 3)
    #expect(!bench.device.mayWriteMemory, "it must not write")
  }

  // MARK: Transmission

  @Test func `a frame in one descriptor`() throws {
    let bench = try started()
    bench.transmit(E1000Bench.frame())
    #expect(bench.sent == [E1000Bench.frame()])
    #expect(bench.memory.read(E1000Bench.transmitRing + 12, as: UInt8.self) == 1)
    #expect(bench[0x3810] == 1 && bench.level)
    #expect(bench[0xc0] & 3 == 3)
    #expect(!bench.level)
  }

  @Test func `a frame in pieces, padded to the shortest there may be`() throws {
    let bench = try started()
    let bytes = Array(E1000Bench.frame().prefix(20))
    bench.memory.write(0x80000, bytes)
    bench.queue(0x80000, 14)
    bench.queue(0x8000e, 6 | 0x0100_0000)
    #expect(bench.sent.isEmpty)
    bench.kick()
    #expect(bench.sent == [bytes + [UInt8](repeating: 0, count: 40)])
    // No status was asked for.
    #expect(bench.memory.read(E1000Bench.transmitRing + 12, as: UInt8.self) == 0)
  }

  @Test func `a busy wire holds the ring until it has room`() throws {
    let bench = try started()
    bench.isBusy = true
    bench.transmit(E1000Bench.frame())
    bench.transmit(E1000Bench.frame(type: 0x88b6))
    #expect(bench.sent.isEmpty)
    bench.isBusy = false
    bench.wire.becameReady()
    #expect(bench.sent.count == 2)
    #expect(bench[0x3810] == 2)
  }

  @Test func `a tag is inserted where VLANs are on`() throws {
    let bench = try started()
    bench[0x0] = 0x4014_0240
    bench.transmit(E1000Bench.frame(), command: 0x4900_0000 | 0x2003 << 48)
    let plain = E1000Bench.frame()
    #expect(bench.sent == [Array(plain[..<12]) + [0x81, 0x00, 0x20, 0x03] + plain[12...]])
  }

  @Test func `a legacy descriptor inserts one checksum`() throws {
    let bench = try started()
    let right = E1000Bench.tcp([1, 2, 3, 4, 5])
    var frame = right
    (frame[24], frame[25]) = (0, 0)
    bench.memory.write(0x80000, frame)
    // Header in one descriptor, sum from 14 to the end of it would be wrong: so of a frame that ends with the header.
    bench.queue(0x80000, 34 | 24 << 16 | 0x0d00_0000 | 14 << 40)
    bench.kick()
    #expect(bench.sent.first.map { Array($0.prefix(34)) } == Array(right.prefix(34)))
  }

  /// Context for an Ethernet, IPv4 and TCP header of 54 bytes.
  private func context(segments mss: UInt64?) -> (UInt64, UInt64) {
    let low: UInt64 = 14 | 24 << 8 | 33 << 16 | 34 << 32 | 50 << 40
    let segmentation: UInt64 = mss.map { 1 << 26 | 54 << 40 | $0 << 48 } ?? 0
    return (low, 0x2300_0000 | segmentation)
  }

  @Test func `checksums of TCP over IPv4 are inserted`() throws {
    let bench = try started()
    let right = E1000Bench.tcp([UInt8](0..<101))
    var frame = right
    (frame[24], frame[25]) = (0, 0)
    let pseudo = UInt32(InternetChecksum.sum(frame, 26..<34)) + 6 + UInt32(frame.count - 34)
    let partial = InternetChecksum.fold(UInt64(pseudo))
    (frame[50], frame[51]) = (UInt8(partial >> 8), UInt8(partial & 0xff))
    bench.memory.write(0x80000, frame)
    let (low, high) = context(segments: nil)
    bench.queue(low, high)
    bench.queue(0x80000, UInt64(frame.count) | 0x2b10_0000 | 3 << 40)
    bench.kick()
    #expect(bench.sent == [right])
  }

  @Test func `a long packet is cut into segments`() throws {
    let bench = try started()
    let payload = (0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    var packet = E1000Bench.tcp(payload)
    (packet[24], packet[25]) = (0, 0)
    let pseudo = InternetChecksum.fold(UInt64(InternetChecksum.sum(packet, 26..<34)) + 6)
    (packet[50], packet[51]) = (UInt8(pseudo >> 8), UInt8(pseudo & 0xff))
    bench.memory.write(0x80000, packet)
    let (low, high) = context(segments: 1460)
    bench.queue(low, high | UInt64(payload.count))
    // Headers and payload in descriptors of their own, as Linux gives them.
    bench.queue(0x80000, 54 | 0x2610_0000 | 3 << 40)
    bench.queue(0x80000 + 54, UInt64(payload.count) | 0x2f10_0000 | 3 << 40)
    bench.kick()
    #expect(bench.sent.map(\.count) == [1514, 1514, 134])
    #expect(bench.sent.flatMap { $0[54...] } == payload)
    for (index, frame) in bench.sent.enumerated() {
      let headers = FrameHeaders(frame)
      #expect(headers.ipv4.map { InternetChecksum.sum(frame, $0) } == 0xffff)
      #expect(headers.transport.map { InternetChecksum.sum(frame, $0.range, initial: $0.pseudoSum) } == 0xffff)
      #expect(UInt16(frame[18]) << 8 | UInt16(frame[19]) == 0x1234 + UInt16(index))
      #expect(UInt32(frame[40]) << 8 | UInt32(frame[41]) == UInt32(1 + 1460 * index))
      // FIN and PSH come last.
      #expect(frame[47] == (index == 2 ? 0x19 : 0x10))
    }
  }

  @Test func `impossible segments are not sent and hold nothing up`() throws {
    let bench = try started()
    bench.queue(0, 0x2700_0000)
    bench.queue(0x80000, 0xfffff | 0x2f10_0000)
    bench.kick()
    bench.transmit(E1000Bench.frame())
    #expect(bench.sent == [E1000Bench.frame()])
    #expect(bench[0x40fc] == 1)
  }

  @Test func `the interrupt of a delayed descriptor waits`() throws {
    let bench = try started()
    bench[0x3820] = 8
    bench.transmit(E1000Bench.frame(), command: 0x8900_0000)
    #expect(!bench.level || bench[0xc0] & 1 == 0)
    bench.clock.advance(by: 8 * 1024)
    #expect(bench[0xc0] & 1 == 1)
  }

  // MARK: Reception

  @Test func `a frame for this station`() throws {
    let bench = try started()
    #expect(bench.wire.send(E1000Bench.frame()))
    let received = bench.received(0)
    #expect(received.bytes == E1000Bench.frame())
    #expect(received.status == 0x07 && received.errors == 0)
    #expect(bench[0x2810] == 1 && bench.level)
    #expect(bench[0xc0] & 0x80 != 0)
  }

  @Test func `the check sequence counts where it is not stripped`() throws {
    let bench = try started(receiveMode: 0x0000_8002)
    #expect(bench.wire.send(E1000Bench.frame()))
    #expect(bench.received(0).bytes.count == E1000Bench.frame().count + 4)
  }

  @Test(
    arguments: [
      ([0x52, 0x54, 0, 0x12, 0x34, 0x57], 0x8002, false), ([0x52, 0x54, 0, 0x12, 0x34, 0x57], 0x800a, true),
      ([0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 0x8002, true), ([0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 0x0002, false),
      ([0x33, 0x33, 0, 0, 0, 1], 0x8002, false), ([0x33, 0x33, 0, 0, 0, 1], 0x8012, true),
      ([0x01, 0, 0x5e, 0, 0, 0x12], 0x8002, true), ([0x01, 0, 0x5e, 0, 0, 0x13], 0x8002, false),
    ] as [([UInt8], UInt32, Bool)])
  func `filters`(_ destination: [UInt8], _ mode: UInt32, _ isAccepted: Bool) throws {
    let bench = try started(receiveMode: 0x0400_0000 | mode)
    // The hash of 01:00:5E:00:00:12 is bits 47...36 of the address: 120h.
    bench[0x5200 + 4 * (0x120 / 32)] = 1 << (0x120 % 32)
    #expect(bench.wire.send(E1000Bench.frame(to: destination)))
    #expect((bench[0x2810] == 1) == isAccepted)
  }

  @Test func `a VLAN that is not in the table is refused, and tags are taken out`() throws {
    let bench = try started(receiveMode: 0x0404_8002)
    bench[0x0] = 0x4014_0240
    bench[0x5600] = 1 << 5
    let plain = E1000Bench.frame()
    for tag: UInt8 in [6, 5] {
      #expect(bench.wire.send(Array(plain[..<12]) + [0x81, 0x00, 0x60, tag] + plain[12...]))
    }
    #expect(bench[0x2810] == 1)
    let received = bench.received(0)
    #expect(received.bytes == plain && received.tag == 0x6005 && received.status & 8 != 0)
  }

  @Test func `checksums are verified where the driver asks for it`() throws {
    let bench = try started()
    bench[0x5000] = 0x300
    var frame = E1000Bench.tcp([UInt8](0..<77))
    #expect(bench.wire.send(frame))
    #expect(bench.received(0).status == 0x63 && bench.received(0).errors == 0)
    frame[60] ^= 1
    #expect(bench.wire.send(frame))
    #expect(bench.received(1).errors == 0x20)
    frame[20] ^= 1
    #expect(bench.wire.send(frame))
    #expect(bench.received(2).errors & 0x40 != 0)
    #expect(bench.wire.send(E1000Bench.frame()))
    #expect(bench.received(3).status == 0x07)
  }

  @Test func `a long frame fills several buffers`() throws {
    let bench = try started(receiveMode: 0x0401_8022)
    let frame = E1000Bench.frame([UInt8](repeating: 9, count: 2500))
    #expect(bench.wire.send(frame))
    #expect(bench[0x2810] == 3)
    #expect((0..<3).flatMap { bench.received($0).bytes } == frame)
    #expect((0..<3).map { bench.received($0).status & 3 } == [1, 1, 3])
  }

  @Test func `a frame that is too long is not received`() throws {
    let bench = try started()
    #expect(bench.wire.send(E1000Bench.frame([UInt8](repeating: 9, count: 1505))))
    #expect(bench[0x2810] == 0 && bench[0x40ac] == 1)
  }

  @Test func `an empty ring makes the sender wait until the driver gives buffers`() throws {
    let bench = try started()
    var wasCalled = 0
    bench.wire.peerHasRoom = { wasCalled += 1 }
    for _ in 0..<15 { #expect(bench.wire.send(E1000Bench.frame())) }
    #expect(!bench.wire.send(E1000Bench.frame()))
    #expect(wasCalled == 0)
    bench[0x2818] = 3
    #expect(wasCalled == 1)
    #expect(bench.wire.send(E1000Bench.frame()))
    #expect(bench[0xc0] & 0x10 != 0)
  }

  @Test func `interrupts keep the distance that the throttle sets`() throws {
    let bench = try started()
    bench[0xc4] = 1000  // 256 us
    #expect(bench.wire.send(E1000Bench.frame()))
    #expect(bench.level)
    #expect(bench[0xc0] != 0 && !bench.level)
    #expect(bench.wire.send(E1000Bench.frame()))
    #expect(!bench.level)
    bench.clock.advance(by: 255 * .microsecond)
    #expect(!bench.level)
    bench.clock.advance(by: 2 * .microsecond)
    #expect(bench.level)
  }

  @Test func `the receive delay gathers frames, up to the absolute one`() throws {
    let bench = try started()
    bench[0x2820] = 100
    bench[0x282c] = 150
    for _ in 0..<2 {
      #expect(bench.wire.send(E1000Bench.frame()))
      bench.clock.advance(by: 90 * 1024)
    }
    #expect(bench[0xc0] & 0x80 != 0)
  }

  @Test func `in loopback frames come back`() throws {
    let bench = try started()
    bench[0x20] = 1 << 26 | 1 << 21 | 0x4140
    bench.transmit(E1000Bench.frame())
    #expect(bench.sent.isEmpty && bench.received(0).bytes == E1000Bench.frame())
  }
}
