// SPDX-License-Identifier: Apache-2.0
import DeviceBattery
import Fuzzing
import HostIO
import Network
import Platform
import Testing
import VirtioDevices

/// The battery, and guests and wires that mean harm.
@Suite(.serialized) struct VirtioNetworkBatteryTests {
  /// A guest's driver and the other end of the wire, with everything drawn from one random word.
  private final class Driver {
    let memory: GuestMemory
    let bus: PCIBus
    let clock: VirtualClock
    let note: (String) -> Void
    let wire = NetworkPort.adapter("wire")
    let place = PCIAddress(slot: 3)
    /// A quarter of the time, a segment before the next one; by the clock and the frame, since a bench that continues
    /// from a save knows nothing else.
    func isBusy(_ frame: [UInt8]) -> Bool { clock.now >> 14 & 3 == Nanoseconds(frame.count > 19 ? frame[19] & 3 : 0) }

    init(_ memory: GuestMemory, _ bus: PCIBus, _ clock: VirtualClock, _ note: @escaping (String) -> Void) {
      (self.memory, self.bus, self.clock, self.note) = (memory, bus, clock, note)
      wire.receive = { [unowned self] frame in
        guard !isBusy(frame) else { return false }
        note("sent \(frame.count) \(frame.reduce(0) { $0 &* 31 &+ UInt64($1) })")
        return true
      }
    }

    private func set(_ offset: UInt64, _ width: AccessWidth, _ value: UInt64) {
      memory.busWrite(VirtioBench.modern + offset, width, value)
    }

    private func base(_ queue: UInt64) -> UInt64 { 0x10000 + 0x4000 * queue }

    func setUp(_ word: UInt64) {
      for (offset, value) in [
        (0x10, UInt32(VirtioBench.legacyPorts)), (0x14, UInt32(VirtioBench.messageTable)), (0x20, 0), (0x24, 8),
      ] {
        bus.write(place, UInt8(offset), .dword, value)
      }
      bus.write(place, 0x04, .word, word & 15 == 0 ? 3 : 7)
      bus.write(place, 0x9a, .word, word >> 4 & 1 == 0 ? 0x8000 : 0)
      memory.map.commit()
      for vector in UInt64(0)..<4 {
        memory.busWrite(VirtioBench.messageTable + 16 * vector, .dword, 0xfee0_0000)
        memory.busWrite(VirtioBench.messageTable + 16 * vector + 4, .dword, word >> 12 & 1)
        memory.busWrite(VirtioBench.messageTable + 16 * vector + 8, .dword, vector)
        memory.busWrite(VirtioBench.messageTable + 16 * vector + 12, .dword, word >> (8 + vector) & 1)
      }
      for status: UInt64 in [0, 1, 3] { set(0x14, .byte, status) }
      set(8, .dword, 0)
      set(12, .dword, word >> 20 & 0xffff_ffff | 0x00aa_0000)
      set(8, .dword, 1)
      set(12, .dword, 0x101)
      set(0x14, .byte, 11)
      set(0x10, .word, 0)
      for queue in UInt64(0)..<3 {
        memory.write(base(queue), [UInt8](repeating: 0, count: 0x1100))
        set(0x16, .word, queue)
        set(0x18, .word, word >> 60 & 1 != 0 ? 8 : 16)
        set(0x1a, .word, queue + 1)
        set(0x20, .qword, base(queue))
        set(0x28, .qword, base(queue) + 0x200)
        set(0x30, .qword, base(queue) + 0x1000)
        set(0x1c, .word, 1)
      }
      set(0x14, .byte, 15)
    }

    /// Puts a chain into a split ring of either size.
    private func add(_ queue: UInt64, _ list: [(UInt64, UInt32, UInt16)], _ word: UInt64) {
      let ring = base(queue) + 0x200
      let index = memory.read(ring + 2, as: UInt16.self)
      let first = UInt64(index % 8)
      let used = memory.read(base(queue) + 0x1002, as: UInt16.self)
      for (position, entry) in list.enumerated() {
        let slot = (first + UInt64(position)) % 8
        let flags = entry.2 | (position + 1 < list.count ? 1 : 0)
        memory.write(base(queue) + 16 * slot, integer: entry.0)
        memory.write(
          base(queue) + 16 * slot + 8, integer: UInt64(entry.1) | UInt64(flags) << 32 | ((slot + 1) % 8) << 48)
      }
      for size: UInt64 in [8, 16] {
        memory.write(ring + 4 + 2 * (UInt64(index) % size), integer: UInt16(first))
        memory.write(ring + 4 + 2 * size, integer: used &- UInt16(word & 1))
      }
      memory.write(ring, integer: UInt16(word >> 1 & 1))
      memory.write(ring + 2, integer: index &+ 1)
      set(0x3000 + 4 * queue, .word, queue)
    }

    func addBuffer(_ word: UInt64) { add(0, [(0x20000 + (word & 7) * 2048, UInt32(64 + word >> 8 & 0x3ff), 2)], word) }

    func transmit(_ word: UInt64) {
      let header: [UInt8] = [
        UInt8(word & 1), [0, 1, 0x81, 4, 3][Int(word >> 1 & 7) % 5], 54, 0, UInt8(word >> 8 & 0xff),
        UInt8(word >> 16 & 1),
        34, 0, word >> 20 & 7 == 0 ? 3 : 16, 0, 0, 0,
      ]
      memory.write(
        0x28000,
        header + VirtioNetworkBench.tcp((0..<(word >> 24 & 0x3ff)).map { UInt8(truncatingIfNeeded: $0 &* word) }))
      add(1, [(0x28000, 12, 0), (0x2800c, UInt32(54 + word >> 24 & 0x3ff), 0)], word >> 40)
    }

    func command(_ word: UInt64) {
      let bytes: [UInt8]
      switch word & 7 {
      case 0...2: bytes = [0, UInt8(word >> 3 & 7), UInt8(word >> 6 & 1)]
      case 3:
        bytes = [
          1, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, UInt8(word >> 8 & 3), 1, 0, 0, 0, 3, 0, 0, 0, 0, UInt8(word >> 8 & 3),
        ]
      case 4: bytes = [1, 1, 2, 0, 0, 0, 0, UInt8(word >> 8 & 3)]
      case 5: bytes = [2, UInt8(word >> 8 & 1), UInt8(word >> 9 & 3), 0]
      case 6: bytes = [5, 0, UInt8(word >> 8 & 3), 0, 0, 0, 0, 0, 0, 0]
      default:
        let many: [UInt8] = [70, 0, 0, 0] + [UInt8](repeating: 2, count: 420)
        bytes = [1, 0] + (word >> 8 & 1 == 0 ? many + [0, 0, 0, 0] : [0, 0, 0, 0] + many)
      }
      memory.write(0x2c000, bytes)
      add(2, [(0x2c000, UInt32(bytes.count), 0), (0x2d000, 1, 2)], word >> 40)
    }

    func receive(_ word: UInt64) {
      let targets: [[UInt8]] = [
        VirtioNetworkBench.address, [2, 0, 0, 0, 0, UInt8(word >> 8 & 3)], [3, 0, 0, 0, 0, UInt8(word >> 8 & 3)],
        [UInt8](repeating: 0xff, count: 6),
      ]
      var frame = VirtioNetworkBench.tcp([UInt8](repeating: UInt8(word >> 16 & 0xff), count: Int(word >> 24 & 0x3ff)))
      if word >> 4 & 1 != 0 {
        let range = 34..<frame.count
        frame[50] = 0
        frame[51] = 0
        let sum = ~InternetChecksum.sum(
          frame, range, initial: UInt32(InternetChecksum.sum(frame, 26..<34)) + 6 + UInt32(range.count))
        (frame[50], frame[51]) = (UInt8(sum >> 8), UInt8(sum & 0xff))
      }
      frame.replaceSubrange(0..<6, with: targets[Int(word & 3)])
      if word >> 2 & 3 == 0 { frame.insert(contentsOf: [0x81, 0, 0, UInt8(word >> 10 & 3)], at: 12) }
      note("received \(wire.send(frame))")
    }

    func look(_ word: UInt64, _ port: NetworkPort) {
      func read(_ offset: UInt64, _ width: AccessWidth) {
        note("\(offset) \(memory.busRead(VirtioBench.modern + offset, width))")
      }
      if word >> 9 & 1 != 0 { set(0x16, .word, word % 3) }
      for offset: UInt64 in [0x20, 0x28, 0x30, 0x2000] { read(offset, .qword) }
      for offset: UInt64 in [0x10, 0x18, 0x1a, 0x1c] { read(offset, .word) }
      for offset: UInt64 in [0, 4, 8, 12] { read(offset, .dword) }
      for offset: UInt64 in [0x14, 0x15, 0x1000] { read(offset, .byte) }
      if let report = port.filterReport?() { note("\(report)") }
      note("\(bus.read(place, 4, .dword)) \(bus.read(place, 0x98, .dword)) \(bus.read(place, 0x94, .dword))")
    }
  }

  private static func ram() -> RAMBlock? {
    do throws(Errno) { return try RAMBlock(name: "ram", byteCount: 0x40000) } catch { return nil }
  }

  private static func makeBench() -> DeviceBench {
    DeviceBench { parts in
      let bus = PCIBus(memory: parts.memory.map, ports: parts.ports)
      let note = parts.recorder
      guard let ram = ram() else { preconditionFailure("no memory for the bench") }
      parts.memory.map.add("ram", at: 0, byteCount: UInt64(ram.byteCount), .ram(ram, offset: 0, isReadOnly: false))
      let port = NetworkPort.adapter("virtio-net-pci.0")
      let device = VirtioNetwork(
        port: port, settings: VirtioNetworkSettings(address: VirtioNetworkBench.address), options: VirtioOptions(),
        bus: bus, address: PCIAddress(slot: 3), memory: parts.memory, clock: parts.clock)
      bus.add(device.pci, at: PCIAddress(slot: 3))
      bus.messages.connect { note("message \($0) \($1)") }
      bus.routeInterrupt = { note("pirq \($0) \($1)") }
      parts.keep(bus)
      let driver = Driver(parts.memory, bus, parts.clock, note)
      NetworkPort.connect(port, driver.wire)
      parts.exercise(ports: VirtioBench.legacyPorts + 24...VirtioBench.legacyPorts + 31)
      parts.exercise(memory: VirtioBench.messageTable..<VirtioBench.messageTable + 0x40)
      parts.exercise(memory: VirtioBench.modern..<VirtioBench.modern + 0x10)
      parts.longestStep = 100 * .microsecond
      parts.stimulus { driver.setUp($0) }
      for _ in 0..<2 { parts.stimulus { driver.look($0, port) } }
      for _ in 0..<4 {
        parts.stimulus { driver.addBuffer($0) }
        parts.stimulus { driver.transmit($0) }
        parts.stimulus { driver.command($0) }
        parts.stimulus { driver.receive($0) }
      }
      parts.stimulus { _ in driver.wire.becameReady() }
      parts.stimulus { _ in device.pci.configurationSpaceDidChange() }
      parts.stimulus { _ in port.announce() }
      parts.observe {
        let bytes = UnsafeRawBufferPointer(ram.contents)
        var seen: [UInt8] = []
        for start in [0x10200, 0x11000, 0x14200, 0x15000, 0x18200, 0x19000, 0x2d000] {
          seen += bytes[start..<start + 0x100]
        }
        for start in stride(from: 0x20000, to: 0x24000, by: 2048) { seen += bytes[start..<start + 32] }
        return seen
      }
      return device
    }
  }

  @Test func `the virtio network adapter passes the device battery`() {
    let failures = DeviceBattery.check(
      seeds: Array(1...8), steps: 400,
      exempt: Set([
        // Of packed rings, which the disk's battery exercises with the queues.
        "last_avail_wrap_counter", "used_wrap_counter",
        // Nothing stays with the device, so that there are never more chains out than entries.
        "inuse",
        // The driver here uses the first 32 of the VLANs; the others are words of the same table.
      ]).union((79...205).map { "vlans \($0)" }),
      make: Self.makeBench)
    #expect(failures.isEmpty, "\(failures.map { String($0.prefix(300)) }.joined(separator: "\n"))")
  }

  @Test func `rings, packets and frames of anything`() throws {
    var sent = 0
    try Fuzzing.run("virtio network", seconds: 2, atLeast: 40) { random in
      let bench = try VirtioNetworkBench()
      bench.bus.messages.connect { _, _ in }
      bench.start()
      for _ in 0..<100 {
        switch random.below(8) {
        case 0: bench.addBuffers(1 + random.below(3), byteCount: UInt32(1 + random.below(3000)))
        case 1, 2: bench.transmit(header: random.bytes(12), VirtioNetworkBench.tcp(random.bytes(random.below(3000))))
        case 3:
          var header: [UInt8] = [1, [1, 4, 0x81][random.below(3)], 54, 0, 0xb4, 5, 34, 0, 16, 0, 0, 0]
          header[random.below(12)] = UInt8(random.below(256))
          var frame = VirtioNetworkBench.tcp(random.bytes(random.below(9000)))
          frame[random.below(54)] = UInt8(random.below(256))
          bench.transmit(header: header, frame)
        case 4: _ = bench.command([UInt8(random.below(7)), UInt8(random.below(6))] + random.bytes(random.below(40)))
        case 5: _ = bench.wire.send(random.bytes(random.below(2000)))
        case 6:
          let address =
            [0x10000, 0x18000, 0x20000, 0x40000, 0x48000, 0x70000][random.below(6)] + UInt64(random.below(160))
          bench.memory.write(address, random.bytes(1 + random.below(16)))
        default:
          bench.isBusy = random.oneIn(3)
          bench.wire.becameReady()
        }
        while bench.receiver.takeUsed() != nil {}
      }
      let image = bench.device.save()
      try bench.device.load(image)
      #expect(bench.device.save() == image, "seed \(random.seed)")
      sent += bench.sent.count
      bench.sent = []
      bench.isBusy = false
      bench.placeRegions()
      bench.start()
      bench.transmit(VirtioNetworkBench.frame())
      #expect(bench.sent == [VirtioNetworkBench.frame()], "seed \(random.seed)")
    }
    #expect(sent > 40, "guests that never send are not hostile")
  }
}
