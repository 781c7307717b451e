// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import Platform
import Testing
import VirtioDevices

/// Where a driver finds a device: the ways of the bench, with the registers at the same places on each.
protocol RingBench: AnyObject {
  var memory: GuestMemory { get }
  var ports: PortSpace { get }
}

/// A virtio disk on a bench: RAM, a PCI bus, a clock that the test turns, and what the device sends.
final class VirtioBench: RingBench {
  static let ramByteCount = 4 << 20
  static let legacyPorts: UInt16 = 0xc000
  static let messageTable: UInt64 = 0xfeb0_0000
  static let modern: UInt64 = 0x8_0000_0000

  let clock = VirtualClock()
  let ports = PortSpace()
  let memory = GuestMemory()
  let bus: PCIBus
  let disk: MemoryNode
  let backend: BlockBackend
  let device: VirtioBlock
  let address = PCIAddress(slot: 3)
  var messages: [UInt32] = []
  private let ram: RAMBlock

  init(
    settings: VirtioBlockSettings = VirtioBlockSettings(), options: VirtioOptions = VirtioOptions(),
    byteCount: Int = 1 << 20, isReadOnly: Bool = false, node: (any BlockNode)? = nil
  ) throws {
    bus = PCIBus(memory: memory.map, ports: ports)
    disk = MemoryNode((0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 9) }, isReadOnly: isReadOnly)
    ram = try RAMBlock(name: "ram", byteCount: Self.ramByteCount)
    memory.map.add("ram", at: 0, byteCount: UInt64(Self.ramByteCount), .ram(ram, offset: 0, isReadOnly: false))
    let queue = BlockQueue(clock: clock, mailbox: Mailbox(), timing: .atDeadline)
    backend = BlockBackend(
      name: "virtio0", queue: queue, medium: BlockMedium(node: node ?? disk, fileName: "disk"), hasThread: false)
    device = VirtioBlock(
      backend: backend, settings: settings, options: options, bus: bus, address: address, memory: memory)
    bus.add(device.pci, at: address)
    bus.messages.connect { [unowned self] address, data in
      messages.append(data)
      #expect(address == 0xfee0_0000)
    }
    placeRegions()
  }

  /// As a firmware does: regions get their places, the function may master the bus.
  func placeRegions() {
    for (offset, value) in [(0x10, UInt32(Self.legacyPorts)), (0x14, UInt32(Self.messageTable)), (0x20, 0), (0x24, 8)] {
      bus.write(address, UInt8(offset), .dword, value)
    }
    bus.write(address, 0x04, .word, 7)
    memory.map.commit()
  }

  func configuration(_ offset: UInt8) -> UInt32 { bus.read(address, offset, .dword) }
  var isInterrupting: Bool { bus.pirqLevel(2) }

  /// Lets the back end answer everything.
  func finish() { clock.advance(by: .second) }

  /// Gives each vector a message with its number and switches MSI-X on.
  func enableMessages() {
    for vector in 0..<UInt64(device.pci.queues.count + 1) {
      memory.busWrite(Self.messageTable + 16 * vector, .dword, 0xfee0_0000)
      memory.busWrite(Self.messageTable + 16 * vector + 8, .dword, vector)
      memory.busWrite(Self.messageTable + 16 * vector + 12, .dword, 0)
    }
    bus.write(address, 0x9a, .word, 0x8000)
  }
}

/// Where a test's driver puts a queue's parts, far enough apart for every size.
struct RingPlaces {
  var descriptors: UInt64 = 0x10000
  var driver: UInt64 = 0x18000
  var device: UInt64 = 0x20000
  var tables: UInt64 = 0x28000
}

/// A little driver of one queue, of each interface and ring.
final class RingDriver {
  struct Buffer {
    var address: UInt64
    var byteCount: UInt32
    var isWritable: Bool
  }

  let bench: any RingBench
  let queue: UInt16
  let isLegacy: Bool
  let places: RingPlaces
  private(set) var size: UInt16 = 0
  private(set) var features: UInt64 = 0
  var usesIndirect = false
  private var nextSlot: UInt16 = 0
  private var nextID: UInt16 = 0
  private var wrap = true
  private var nextUsed: UInt16 = 0
  private var usedWrap = true
  /// Slots that each packed buffer takes up.
  private var slotCounts: [UInt16: UInt16] = [:]
  private var nextTable: UInt64 = 0

  init(_ bench: any RingBench, queue: UInt16 = 0, isLegacy: Bool = false, places: RingPlaces = RingPlaces()) {
    (self.bench, self.queue, self.isLegacy, self.places) = (bench, queue, isLegacy, places)
  }

  var isPacked: Bool { features & VirtioFeature.packedRing != 0 }
  var memory: GuestMemory { bench.memory }

  func common(_ offset: UInt64, _ width: AccessWidth) -> UInt64 { memory.busRead(VirtioBench.modern + offset, width) }
  func setCommon(_ offset: UInt64, _ width: AccessWidth, _ value: UInt64) {
    memory.busWrite(VirtioBench.modern + offset, width, value)
  }
  func port(_ offset: UInt16, _ width: AccessWidth) -> UInt32 {
    bench.ports.read(VirtioBench.legacyPorts + offset, width)
  }
  func setPort(_ offset: UInt16, _ width: AccessWidth, _ value: UInt32) {
    bench.ports.write(VirtioBench.legacyPorts + offset, width, value)
  }

  var status: UInt8 {
    get { isLegacy ? UInt8(truncatingIfNeeded: port(18, .byte)) : UInt8(truncatingIfNeeded: common(0x14, .byte)) }
    set { if isLegacy { setPort(18, .byte, UInt32(newValue)) } else { setCommon(0x14, .byte, UInt64(newValue)) } }
  }

  var offered: UInt64 {
    if isLegacy { return UInt64(port(0, .dword)) }
    return (0..<2).reduce(0) { result, select in
      setCommon(0, .dword, UInt64(select))
      return result | common(4, .dword) << UInt64(32 * select)
    }
  }

  /// Resets the device, takes the features that both know, and sets the queue up. Virtio 1.2, 3.1.1.
  func start(accepting wanted: UInt64 = .max & ~(1 << 30), size wantedSize: UInt16? = nil, vector: UInt16? = nil) {
    status = 0
    status = 1
    status = 3
    features = offered & wanted
    if isLegacy {
      setPort(4, .dword, UInt32(truncatingIfNeeded: features))
    } else {
      for select in UInt64(0)..<2 {
        setCommon(8, .dword, select)
        setCommon(12, .dword, features >> (32 * select) & 0xffff_ffff)
      }
      status = 11
    }
    setUpQueue(wantedSize, vector)
    status = isLegacy ? 7 : 15
  }

  /// Sets up one more queue of a device that another driver has started.
  func join(_ other: RingDriver) {
    features = other.features
    setUpQueue()
  }

  func setUpQueue(_ wantedSize: UInt16? = nil, _ vector: UInt16? = nil) {
    (nextSlot, nextID, nextUsed, wrap, usedWrap) = (0, 0, 0, true, true)
    (slotCounts, nextTable) = ([:], 0)
    for address in stride(from: places.descriptors, to: places.device + 0x4000, by: 8) {
      memory.write(address, integer: UInt64(0))
    }
    if isLegacy {
      setPort(14, .word, UInt32(queue))
      size = UInt16(truncatingIfNeeded: port(12, .word))
      setPort(8, .dword, UInt32(places.descriptors >> 12))
      if let vector { setPort(22, .word, UInt32(vector)) }
      return
    }
    setCommon(0x16, .word, UInt64(queue))
    if let wantedSize { setCommon(0x18, .word, UInt64(wantedSize)) }
    size = UInt16(truncatingIfNeeded: common(0x18, .word))
    if let vector { setCommon(0x1a, .word, UInt64(vector)) }
    setCommon(0x20, .qword, places.descriptors)
    setCommon(0x28, .dword, places.driver)
    setCommon(0x2c, .dword, 0)
    setCommon(0x30, .qword, places.device)
    setCommon(0x1c, .word, 1)
  }

  /// The used ring of a legacy queue follows its available ring, on the next page.
  private var availableRing: UInt64 { isLegacy ? places.descriptors + 16 * UInt64(size) : places.driver }
  private var usedRing: UInt64 {
    isLegacy ? (availableRing + 4 + 2 * UInt64(size) + 4095) & ~4095 : places.device
  }

  // MARK: Buffers

  /// Makes a chain available; returns what identifies it when it is used.
  @discardableResult
  func add(_ buffers: [Buffer]) -> UInt16 { isPacked ? addPacked(buffers) : addSplit(buffers) }

  private func write(_ address: UInt64, _ buffer: Buffer, _ low: UInt16, _ high: UInt16) {
    memory.write(address, integer: buffer.address)
    memory.write(address + 8, integer: buffer.byteCount)
    memory.write(address + 12, integer: low)
    memory.write(address + 14, integer: high)
  }

  private func table(of buffers: [Buffer]) -> Buffer {
    let address = places.tables + nextTable
    nextTable = (nextTable + 16 * UInt64(buffers.count)) % 0x8000
    for (index, buffer) in buffers.enumerated() {
      let flags: UInt16 = (buffer.isWritable ? 2 : 0) | (index + 1 < buffers.count && !isPacked ? 1 : 0)
      let place = address + 16 * UInt64(index)
      if isPacked { write(place, buffer, 0, flags) } else { write(place, buffer, flags, UInt16(index + 1)) }
    }
    return Buffer(address: address, byteCount: UInt32(16 * buffers.count), isWritable: false)
  }

  private func addSplit(_ buffers: [Buffer]) -> UInt16 {
    let head = nextSlot
    if usesIndirect {
      write(places.descriptors + 16 * UInt64(head), table(of: buffers), 4, 0)
      nextSlot = (nextSlot + 1) % size
    } else {
      for (index, buffer) in buffers.enumerated() {
        let flags: UInt16 = (buffer.isWritable ? 2 : 0) | (index + 1 < buffers.count ? 1 : 0)
        let next = (nextSlot + 1) % size
        write(places.descriptors + 16 * UInt64(nextSlot), buffer, flags, next)
        nextSlot = next
      }
    }
    makeAvailable(head)
    return head
  }

  /// Puts a head into the available ring.
  func makeAvailable(_ head: UInt16) {
    let index = memory.read(availableRing + 2, as: UInt16.self)
    memory.write(availableRing + 4 + 2 * UInt64(index % size), integer: head)
    memory.write(availableRing + 2, integer: index &+ 1)
  }

  private func addPacked(_ buffers: [Buffer]) -> UInt16 {
    let id = nextID
    nextID = (nextID + 1) % size
    let list = usesIndirect ? [table(of: buffers)] : buffers
    var first: (address: UInt64, flags: UInt16)?
    for (index, buffer) in list.enumerated() {
      var flags: UInt16 = wrap ? 1 << 7 : 1 << 15
      if buffer.isWritable { flags |= 2 }
      if index + 1 < list.count { flags |= 1 }
      if usesIndirect { flags |= 4 }
      let place = places.descriptors + 16 * UInt64(nextSlot)
      // The first descriptor becomes available last.
      write(place, buffer, id, first == nil ? memory.read(place + 14, as: UInt16.self) : flags)
      if first == nil { first = (place, flags) }
      nextSlot += 1
      if nextSlot == size { (nextSlot, wrap) = (0, !wrap) }
    }
    if let first { memory.write(first.address + 14, integer: first.flags) }
    slotCounts[id] = UInt16(list.count)
    return id
  }

  func notify() {
    if isLegacy {
      setPort(16, .word, UInt32(queue))
    } else {
      memory.busWrite(VirtioBench.modern + 0x3000 + 4 * UInt64(queue), .word, UInt64(queue))
    }
  }

  /// The next used chain with the bytes written into it; nil when there is none.
  func takeUsed() -> (id: UInt16, byteCount: UInt32)? {
    if isPacked {
      let place = places.descriptors + 16 * UInt64(nextUsed)
      let flags = memory.read(place + 14, as: UInt16.self)
      let (isAvailable, isUsed) = (flags >> 7 & 1 != 0, flags >> 15 & 1 != 0)
      guard isAvailable == isUsed, isUsed == usedWrap else { return nil }
      let id = memory.read(place + 12, as: UInt16.self)
      nextUsed += slotCounts.removeValue(forKey: id) ?? 1
      if nextUsed >= size { (nextUsed, usedWrap) = (nextUsed - size, !usedWrap) }
      return (id, memory.read(place + 8, as: UInt32.self))
    }
    guard memory.read(usedRing + 2, as: UInt16.self) != nextUsed else { return nil }
    let place = usedRing + 4 + 8 * UInt64(nextUsed % size)
    nextUsed &+= 1
    return (UInt16(truncatingIfNeeded: memory.read(place, as: UInt32.self)), memory.read(place + 4, as: UInt32.self))
  }

  /// Where the driver says when it wants to be told; its layout is the ring's.
  func setEvent(split index: UInt16) { memory.write(availableRing + 4 + 2 * UInt64(size), integer: index) }
  func setAvailableFlags(_ flags: UInt16) { memory.write(availableRing, integer: flags) }
  func setEvent(packed place: UInt16, flags: UInt16) {
    memory.write(places.driver, integer: UInt32(place) | UInt32(flags) << 16)
  }
}

/// Requests of a disk's driver.
extension RingDriver {
  static let headers: UInt64 = 0x40000
  static let data: UInt64 = 0x100000

  /// Makes a request available: header, data in pieces of `segment` bytes, status; its buffers are found by `number`.
  @discardableResult
  func request(
    _ type: UInt32, sector: UInt64 = 0, write bytes: [UInt8] = [], read byteCount: Int = 0, number: UInt64 = 0,
    segment: Int = 4096
  ) -> UInt16 {
    let header = Self.headers + 64 * number
    let data = Self.data + 0x10000 * number
    memory.write(header, integer: UInt64(type))
    memory.write(header + 8, integer: sector)
    memory.write(header + 32, integer: UInt8(0xee))
    memory.write(data, bytes)
    var buffers = [Buffer(address: header, byteCount: 16, isWritable: false)]
    let count = max(bytes.count, byteCount)
    for offset in stride(from: 0, to: count, by: segment) {
      buffers.append(
        Buffer(
          address: data + UInt64(offset), byteCount: UInt32(min(segment, count - offset)), isWritable: byteCount > 0))
    }
    buffers.append(Buffer(address: header + 32, byteCount: 1, isWritable: true))
    return add(buffers)
  }

  /// Status byte of a request, EEh while it has none.
  func status(ofRequest number: UInt64 = 0) -> UInt8 { memory.read(Self.headers + 64 * number + 32, as: UInt8.self) }
  func data(ofRequest number: UInt64 = 0, _ count: Int) -> [UInt8] {
    memory.read(Self.data + 0x10000 * number, count: count)
  }
}
