// SPDX-License-Identifier: Apache-2.0
import HostIO
import Network
import Platform
import VirtioDevices

/// A virtio network adapter with a driver of its three queues and a wire whose other end the test holds.
final class VirtioNetworkBench: RingBench {
  static let address: [UInt8] = [0x52, 0x54, 0, 0x12, 0x34, 0x56]
  static let receiveBuffers: UInt64 = 0x10_0000
  static let transmitBuffer: UInt64 = 0x20_0000
  static let commands: UInt64 = 0x30_0000

  let memory = GuestMemory()
  let ports = PortSpace()
  let clock = VirtualClock()
  let bus: PCIBus
  let device: VirtioNetwork
  let port = NetworkPort.adapter("virtio-net-pci.0")
  let wire = NetworkPort.adapter("wire")
  let place = PCIAddress(slot: 3)
  var sent: [[UInt8]] = []
  var isBusy = false
  /// How often the other end was told that there is room.
  var roomCount = 0
  let receiver: RingDriver
  let transmitter: RingDriver
  let controller: RingDriver
  private let ram: RAMBlock

  init(_ dialect: Dialect = Dialect(), settings: VirtioNetworkSettings? = nil) throws {
    bus = PCIBus(memory: memory.map, ports: ports)
    ram = try RAMBlock(name: "ram", byteCount: VirtioBench.ramByteCount)
    memory.map.add("ram", at: 0, byteCount: UInt64(ram.byteCount), .ram(ram, offset: 0, isReadOnly: false))
    NetworkPort.connect(port, wire)
    var options = VirtioOptions()
    options.offersPackedRing = true
    device = VirtioNetwork(
      port: port, settings: settings ?? VirtioNetworkSettings(address: Self.address), options: options, bus: bus,
      address: place, memory: memory, clock: clock)
    bus.add(device.pci, at: place)
    let later = Later()
    receiver = RingDriver(later, queue: 0, isLegacy: dialect.isLegacy)
    transmitter = RingDriver(
      later, queue: 1, isLegacy: dialect.isLegacy,
      places: RingPlaces(descriptors: 0x40000, driver: 0x48000, device: 0x50000, tables: 0x58000))
    controller = RingDriver(
      later, queue: 2, isLegacy: dialect.isLegacy,
      places: RingPlaces(descriptors: 0x70000, driver: 0x78000, device: 0x80000, tables: 0x88000))
    later.bench = self
    wire.receive = { [unowned self] frame in
      if !isBusy { sent.append(frame) }
      return !isBusy
    }
    wire.peerHasRoom = { [unowned self] in roomCount += 1 }
    placeRegions()
  }

  func placeRegions() {
    for (offset, value) in [
      (0x10, UInt32(VirtioBench.legacyPorts)), (0x14, UInt32(VirtioBench.messageTable)), (0x20, 0), (0x24, 8),
    ] {
      bus.write(place, UInt8(offset), .dword, value)
    }
    bus.write(place, 0x04, .word, 7)
    memory.map.commit()
  }

  /// Negotiates and sets up all queues.
  func start(accepting wanted: UInt64 = .max & ~(1 << 30 | 1 << 34)) {
    receiver.start(accepting: wanted)
    transmitter.join(receiver)
    controller.join(receiver)
  }

  /// Buffers of `byteCount` bytes to receive into, each of its own place.
  func addBuffers(_ count: Int, byteCount: UInt32) {
    for _ in 0..<count {
      receiver.add([.init(address: Self.receiveBuffers + nextBuffer * 4096, byteCount: byteCount, isWritable: true)])
      nextBuffer = (nextBuffer + 1) % 64
    }
    receiver.notify()
  }
  private var nextBuffer: UInt64 = 0

  /// Sends a header and a frame in two buffers.
  func transmit(header: [UInt8] = [UInt8](repeating: 0, count: 12), _ frame: [UInt8]) {
    memory.write(Self.transmitBuffer, header + frame)
    transmitter.add([
      .init(address: Self.transmitBuffer, byteCount: UInt32(header.count), isWritable: false),
      .init(
        address: Self.transmitBuffer + UInt64(header.count), byteCount: UInt32(max(1, frame.count)), isWritable: false),
    ])
    transmitter.notify()
  }

  /// Runs a command; its answer, 0 for done and 1 for refused.
  func command(_ bytes: [UInt8]) -> UInt8 {
    memory.write(Self.commands, bytes)
    memory.write(Self.commands + 0x8000, integer: UInt8(0xee))
    controller.add([
      .init(address: Self.commands, byteCount: UInt32(bytes.count), isWritable: false),
      .init(address: Self.commands + 0x8000, byteCount: 1, isWritable: true),
    ])
    controller.notify()
    _ = controller.takeUsed()
    return memory.read(Self.commands + 0x8000, as: UInt8.self)
  }

  static func frame(to target: [UInt8] = address, _ payload: [UInt8] = [UInt8](repeating: 7, count: 100)) -> [UInt8] {
    target + [2, 0, 0, 0, 0, 1, 0x88, 0xb5] + payload
  }

  /// TCP over IPv4 as a stack leaves it that offloads: no sums but the pseudo-header's.
  static func tcp(_ payload: [UInt8], flags: UInt8 = 0x18) -> [UInt8] {
    let length = 40 + payload.count
    let header: [UInt8] = [
      0x45, 0, UInt8(length >> 8), UInt8(length & 0xff), 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 2, 15, 10, 0, 2, 2,
    ]
    let pseudo = UInt32(InternetChecksum.sum(header, 12..<20)) + 6 + UInt32(20 + payload.count)
    let sum = InternetChecksum.fold(UInt64(pseudo))
    return address + [2, 0, 0, 0, 0, 1, 8, 0] + header
      + [
        0x1f, 0x90, 0, 80, 0, 0, 0xff, 0xf0, 0, 0, 0, 2, 0x50, flags, 0x20, 0, UInt8(sum >> 8), UInt8(sum & 0xff), 0, 0,
      ]
      + payload
  }
}

/// A bench that is known when its drivers are made already.
private final class Later: RingBench {
  weak var bench: VirtioNetworkBench?
  private let empty = (GuestMemory(), PortSpace())
  var memory: GuestMemory { bench?.memory ?? empty.0 }
  var ports: PortSpace { bench?.ports ?? empty.1 }
}
