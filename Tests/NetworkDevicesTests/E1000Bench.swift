// SPDX-License-Identifier: Apache-2.0
import HostIO
import Network
import NetworkDevices
import Platform

/// An adapter with a driver's view of it: registers, rings in memory, a wire whose other end the test holds.
final class E1000Bench {
  static let base: UInt64 = 0xfeb0_0000
  static let receiveRing: UInt64 = 0x1000
  static let transmitRing: UInt64 = 0x2000
  static let buffers: UInt64 = 0x10000
  static let address: [UInt8] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56]

  let clock = VirtualClock()
  let memory = GuestMemory()
  let ports = PortSpace()
  let bus: PCIBus
  let ram: RAMBlock
  let device: E1000
  let wire = NetworkPort.adapter("wire")
  var sent: [[UInt8]] = []
  var isBusy = false
  var level = false
  private var transmitTail: UInt32 = 0

  init(_ change: (inout E1000.Settings) -> Void = { _ in }) throws {
    ram = try RAMBlock(name: "ram", byteCount: 1 << 20)
    memory.map.add("ram", at: 0, byteCount: 1 << 20, .ram(ram, offset: 0, isReadOnly: false))
    bus = PCIBus(memory: memory.map, ports: ports)
    let port = NetworkPort.adapter("e1000.0")
    NetworkPort.connect(port, wire)
    var settings = E1000.Settings(address: Self.address)
    change(&settings)
    device = E1000(
      bus: bus, address: PCIAddress(slot: 3), memory: memory, clock: clock, port: port, rom: nil,
      settings: settings)
    bus.routeInterrupt = { [unowned self] _, level in self.level = level }
    wire.receive = { [unowned self] frame in
      if isBusy { return false }
      sent.append(frame)
      return true
    }
    let place = PCIAddress(slot: 3)
    bus.write(place, 0x10, .dword, UInt32(Self.base))
    bus.write(place, 0x14, .dword, 0xc000)
    bus.write(place, 0x04, .word, 7)
    memory.map.commit()
  }

  subscript(offset: UInt64) -> UInt32 {
    get { UInt32(truncatingIfNeeded: memory.busRead(Self.base + offset, .dword)) }
    set { memory.busWrite(Self.base + offset, .dword, UInt64(newValue)) }
  }

  /// Rings of `count` descriptors, receive buffers of 2 KiB.
  func start(count: UInt32 = 16, receiveMode: UInt32 = 0x0400_8002) {
    self[0x2800] = UInt32(Self.receiveRing)
    self[0x2808] = count * 16
    for index in 0..<UInt64(count) {
      memory.write(Self.receiveRing + index * 16, integer: Self.buffers + index * 2048)
      memory.write(Self.receiveRing + index * 16 + 8, integer: UInt64(0))
    }
    self[0x2818] = count - 1
    self[0x100] = receiveMode
    self[0x3800] = UInt32(Self.transmitRing)
    self[0x3808] = count * 16
    self[0x400] = 0x0000_000a
    self[0xd0] = 0xff
  }

  /// Puts a transmit descriptor into the ring without telling the adapter.
  func queue(_ data: UInt64, _ command: UInt64) {
    memory.write(Self.transmitRing + UInt64(transmitTail) * 16, integer: data)
    memory.write(Self.transmitRing + UInt64(transmitTail) * 16 + 8, integer: command)
    transmitTail = (transmitTail + 1) % (self[0x3808] / 16)
  }

  func kick() { self[0x3818] = transmitTail }

  /// One frame in one legacy descriptor that reports its status.
  func transmit(_ frame: [UInt8], command: UInt64 = 0x0900_0000) {
    memory.write(0x80000, frame)
    queue(0x80000, UInt64(frame.count) | command)
    kick()
  }

  struct Received: Equatable {
    var bytes: [UInt8]
    var checksum: UInt16
    var status: UInt8
    var errors: UInt8
    var tag: UInt16
  }

  func received(_ index: UInt64) -> Received {
    let address = Self.receiveRing + index * 16
    let buffer = memory.read(address, as: UInt64.self)
    let word = memory.read(address + 8, as: UInt64.self)
    return Received(
      bytes: memory.read(buffer, count: Int(word & 0xffff)), checksum: UInt16(truncatingIfNeeded: word >> 16),
      status: UInt8(truncatingIfNeeded: word >> 32), errors: UInt8(truncatingIfNeeded: word >> 40),
      tag: UInt16(truncatingIfNeeded: word >> 48))
  }

  static func frame(
    to destination: [UInt8] = address, type: UInt16 = 0x88b5, _ payload: [UInt8] = [UInt8](repeating: 7, count: 100)
  ) -> [UInt8] {
    destination + [2, 0, 0, 0, 0, 1, UInt8(type >> 8), UInt8(type & 0xff)] + payload
  }

  /// An IPv4 packet of TCP with right checksums.
  static func tcp(_ payload: [UInt8], to destination: [UInt8] = address) -> [UInt8] {
    var header: [UInt8] = [0x45, 0, 0, 0, 0x12, 0x34, 0x40, 0, 64, 6, 0, 0, 10, 0, 2, 2, 10, 0, 2, 15]
    let length = 40 + payload.count
    (header[2], header[3]) = (UInt8(length >> 8), UInt8(length & 0xff))
    var sum = ~InternetChecksum.sum(header, 0..<20)
    (header[10], header[11]) = (UInt8(sum >> 8), UInt8(sum & 0xff))
    var segment: [UInt8] = [0x1f, 0x90, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x19, 0x20, 0, 0, 0, 0, 0] + payload
    let pseudo = UInt32(InternetChecksum.sum(header, 12..<20)) + 6 + UInt32(segment.count)
    sum = ~InternetChecksum.sum(segment, 0..<segment.count, initial: pseudo)
    (segment[16], segment[17]) = (UInt8(sum >> 8), UInt8(sum & 0xff))
    return frame(to: destination, type: 0x0800, header + segment)
  }
}
