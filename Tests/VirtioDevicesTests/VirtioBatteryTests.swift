// SPDX-License-Identifier: Apache-2.0
import Block
import DeviceBattery
import HostIO
import Platform
import Testing
import VirtioDevices

/// The battery's bench: a driver that negotiates and sets up queues, and requests of every kind.
struct VirtioBatteryTests {
  static func makeBench(_ dialect: Dialect) -> DeviceBench {
    DeviceBench { parts in
      let bus = PCIBus(memory: parts.memory.map, ports: parts.ports)
      let note = parts.recorder
      guard let ram = ram() else { preconditionFailure("no memory for the bench") }
      parts.memory.map.add("ram", at: 0, byteCount: UInt64(ram.byteCount), .ram(ram, offset: 0, isReadOnly: false))
      let queue = BlockQueue(clock: parts.clock, mailbox: Mailbox(), timing: .atDeadline)
      let backend = BlockBackend(
        name: "virtio0", queue: queue,
        medium: BlockMedium(node: RecordingNode(byteCount: 1 << 20, note: note), fileName: "disk"), hasThread: false)
      var (settings, options) = (VirtioBlockSettings(), VirtioOptions())
      settings.queueCount = 2
      settings.queueSize = 16
      options.offersPackedRing = true
      let address = PCIAddress(slot: 3)
      let device = VirtioBlock(
        backend: backend, settings: settings, options: options, bus: bus, address: address, memory: parts.memory)
      bus.add(device.pci, at: address)
      bus.messages.connect { note("message \($0) \($1)") }
      bus.routeInterrupt = { note("pirq \($0) \($1)") }
      parts.keep(bus)
      // Registers that a stray write does not bring the device to a halt with; `stray` reaches the others, seldom.
      parts.exercise(ports: VirtioBench.legacyPorts + 24...VirtioBench.legacyPorts + 63)
      parts.exercise(memory: VirtioBench.messageTable..<VirtioBench.messageTable + 0x30)
      parts.exercise(memory: VirtioBench.modern..<VirtioBench.modern + 0x10)
      parts.longestStep = 400 * .microsecond
      let driver = BatteryDriver(parts.memory, bus, address, note, dialect)
      parts.stimulus { driver.setUp($0) }
      for _ in 0..<2 { parts.stimulus { driver.look($0) } }
      for _ in 0..<9 { parts.stimulus { driver.request($0) } }
      parts.stimulus { driver.stray($0) }
      parts.stimulus { _ in device.mediumDidChange() }
      // The rings, and the statuses of the requests.
      parts.observe {
        let bytes = UnsafeRawBufferPointer(ram.contents)
        let rings = [0x10000, 0x11000, 0x14000, 0x15000].flatMap { bytes[$0..<$0 + 0x140] }
        return rings + (0..<4).map { bytes[0x20020 + 0x400 * $0] }
      }
      return device
    }
  }

  static func ram() -> RAMBlock? {
    do throws(Errno) { return try RAMBlock(name: "ram", byteCount: 0x40000) } catch { return nil }
  }

  @Test(arguments: [Dialect(), Dialect(isPacked: true), Dialect(isLegacy: true)])
  func `the virtio disk passes the device battery`(_ dialect: Dialect) {
    // Each dialect exercises what the others do not; fields of the other ones are their affair.
    let failures = DeviceBattery.check(seeds: Array(1...16), steps: 400, exempt: Self.exempt(dialect)) {
      Self.makeBench(dialect)
    }
    #expect(failures.isEmpty, "\(failures.map { String($0.prefix(300)) }.joined(separator: "\n"))")
  }

  private static func exempt(_ dialect: Dialect) -> Set<String> {
    var names: Set<String> = []
    if !dialect.isPacked { names.formUnion(["last_avail_wrap_counter", "used_wrap_counter"]) }
    // The queues of this interface have one size.
    if dialect.isLegacy { names.insert("num") }
    // Seen by a driver that has more chains out than there are entries, or that is told when there are none left.
    if !dialect.isPacked { names.insert("inuse") }
    return names
  }

  /// Acts as a guest's driver, with everything drawn from one random word.
  private final class BatteryDriver {
    let memory: GuestMemory
    let bus: PCIBus
    let address: PCIAddress
    let note: (String) -> Void
    let dialect: Dialect

    init(
      _ memory: GuestMemory, _ bus: PCIBus, _ address: PCIAddress, _ note: @escaping (String) -> Void,
      _ dialect: Dialect
    ) {
      (self.memory, self.bus, self.address, self.note, self.dialect) = (memory, bus, address, note, dialect)
    }

    private func set(_ offset: UInt64, _ width: AccessWidth, _ value: UInt64) {
      memory.busWrite(VirtioBench.modern + offset, width, value)
    }
    private func out(_ offset: UInt16, _ width: AccessWidth, _ value: UInt32) {
      bus.ports.write(VirtioBench.legacyPorts + offset, width, value)
    }

    func setUp(_ word: UInt64) {
      for (offset, value) in [
        (0x10, UInt32(VirtioBench.legacyPorts)), (0x14, UInt32(VirtioBench.messageTable)), (0x20, 0), (0x24, 8),
      ] {
        bus.write(address, UInt8(offset), .dword, value)
      }
      bus.write(address, 0x04, .word, word & 15 == 0 ? 3 : word & 15 == 1 ? 0x407 : 7)
      bus.write(address, 0x9a, .word, [0x8000, 0x8000, 0, 0xc000][Int(word >> 4 & 3)])
      memory.map.commit()
      for vector in UInt64(0)..<3 {
        let entry = VirtioBench.messageTable + 16 * vector
        memory.busWrite(entry, .dword, 0xfee0_0000)
        memory.busWrite(entry + 4, .dword, word >> 12 & 1)
        memory.busWrite(entry + 8, .dword, vector)
        memory.busWrite(entry + 12, .dword, word >> (8 + vector) & 1)
      }
      guard word >> 16 & 3 != 0 else { return }
      // The driver begins anew with empty rings.
      for queue in UInt64(0)..<2 { memory.write(0x10000 + 0x4000 * queue, [UInt8](repeating: 0, count: 0x1100)) }
      if dialect.isLegacy { setUpLegacy(word) } else { setUpModern(word) }
    }

    private func setUpLegacy(_ word: UInt64) {
      for status: UInt32 in [0, 1, 3] { out(18, .byte, status) }
      out(4, .dword, UInt32(truncatingIfNeeded: word >> 20 | (word >> 3 & 1) << 29))
      for queue in UInt32(0)..<2 {
        out(14, .word, queue)
        out(8, .dword, 0x10 + 4 * queue)
        if word >> 5 & 1 != 0 { out(22, .word, queue + 1) }
      }
      if word >> 5 & 1 != 0 { out(20, .word, 0) }
      out(18, .byte, 7)
    }

    private func setUpModern(_ word: UInt64) {
      for status: UInt64 in [0, 1, 3] { set(0x14, .byte, status) }
      set(8, .dword, 0)
      set(12, .dword, word >> 20 & 0xffff_ffff | (word >> 3 & 1) << 29)
      set(8, .dword, 1)
      set(12, .dword, dialect.isPacked ? 0x105 : 0x101)
      set(0x14, .byte, 11)
      set(0x10, .word, 0)
      for queue in UInt64(0)..<2 {
        set(0x16, .word, queue)
        if word >> 60 & 1 != 0 { set(0x18, .word, 8) }
        set(0x1a, .word, queue + 1)
        set(0x20, .qword, 0x10000 + 0x4000 * queue)
        set(0x28, .qword, 0x10100 + 0x4000 * queue)
        set(0x30, .qword, 0x11000 + 0x4000 * queue)
        set(0x1c, .word, 1)
      }
      set(0x14, .byte, 15)
    }

    /// Now and then writes anything anywhere.
    func stray(_ word: UInt64) {
      guard word & 15 == 0 else { return }
      let width = [AccessWidth.byte, .word, .dword, .qword][Int(word >> 4 & 3)]
      if word >> 6 & 1 != 0 {
        set(word >> 8 & 0x3f & ~UInt64(width.byteCount - 1), width, word >> 14)
      } else if width != .qword {
        out(UInt16(word >> 8 & 0x7f), width, UInt32(truncatingIfNeeded: word >> 16))
      }
    }

    /// Makes one request available at whatever place the rings have come to.
    func request(_ word: UInt64) {
      let queue = word & 1
      let base = 0x10000 + 0x4000 * queue
      let slot = word >> 1 & 3
      let header = 0x20000 + 0x400 * slot
      memory.write(header, integer: [0, 1, 0, 1, 4, 8, 11, 13][Int(word >> 3 & 7)] as UInt64)
      memory.write(header + 8, integer: word >> 6 & 0x7ff)
      if word >> 3 & 7 >= 6 {
        memory.write(header + 0x200, integer: word >> 6 & 0xff)
        memory.write(header + 0x208, integer: UInt64(8))
      }
      let isWrite = word >> 3 & 1 != 0
      let byteCount: UInt32 = word >> 3 & 7 >= 6 ? 16 : word >> 3 & 7 == 5 ? 20 : 512
      let list: [(UInt64, UInt32, UInt16)] = [
        (header, 16, 1), (header + 0x200, byteCount, isWrite ? 1 : 3), (header + 32, 1, 2),
      ]
      if dialect.isPacked { packed(base, list, word) } else { split(base, list, word) }
      if dialect.isLegacy { out(16, .word, UInt32(queue)) } else { set(0x3000 + 4 * queue, .word, queue) }
    }

    private func split(_ base: UInt64, _ list: [(UInt64, UInt32, UInt16)], _ word: UInt64) {
      let index = memory.read(base + 0x102, as: UInt16.self)
      let first = UInt64(index % 4) * 3
      let used = memory.read(base + 0x1002, as: UInt16.self)
      for (position, entry) in list.enumerated() {
        let place = base + 16 * (first + UInt64(position))
        memory.write(place, integer: entry.0)
        memory.write(place + 8, integer: UInt64(entry.1) | UInt64(entry.2) << 32 | (first + UInt64(position) + 1) << 48)
      }
      for size: UInt64 in [8, 16] {
        memory.write(base + 0x104 + 2 * (UInt64(index) % size), integer: UInt16(truncatingIfNeeded: first))
        memory.write(base + 0x104 + 2 * size, integer: used &- UInt16(word >> 20 & 1))
      }
      memory.write(base + 0x100, integer: UInt16(word >> 21 & 1))
      memory.write(base + 0x102, integer: index &+ 1)
    }

    /// Half of the slots get the chain, so that the device soon finds it wherever it is.
    private func packed(_ base: UInt64, _ list: [(UInt64, UInt32, UInt16)], _ word: UInt64) {
      let table = 0x22000 + 0x40 * (word >> 1 & 3)
      for (position, entry) in list.enumerated() {
        memory.write(table + 16 * UInt64(position), integer: entry.0)
        memory.write(table + 16 * UInt64(position) + 8, integer: UInt64(entry.1) | UInt64(entry.2 & 2) << 48)
      }
      memory.write(base + 0x100, integer: UInt32(truncatingIfNeeded: word >> 24 & 0x8007 | (word >> 40 & 3) << 16))
      let flags: UInt64 = word >> 22 & 1 != 0 ? 1 << 7 | 4 : 1 << 15 | 4
      for slot in UInt64(0)..<16 where word >> (44 + slot) & 1 != 0 {
        let place = base + 16 * slot
        memory.write(place, integer: table)
        memory.write(place + 8, integer: UInt64(48) | slot << 32 | flags << 48)
      }
    }

    /// Reads what a driver reads.
    func look(_ word: UInt64) {
      func read(_ offset: UInt64, _ width: AccessWidth) {
        note("\(offset) \(memory.busRead(VirtioBench.modern + offset, width))")
      }
      if word >> 9 & 1 != 0 { set(0x16, .word, word & 1) }
      for offset: UInt64 in [0x20, 0x28, 0x30] { read(offset, .qword) }
      for offset: UInt64 in [0x10, 0x18, 0x1a, 0x1c] { read(offset, .word) }
      for offset: UInt64 in [0, 4, 8, 12] { read(offset, .dword) }
      for offset: UInt64 in [0x14, 0x15, 0x1000, 0x2020] { read(offset, .byte) }
      if word >> 1 & 7 == 0 { set(0x2020, .byte, word >> 4 & 1) }
      if word >> 5 & 15 == 0 { set(0x3a, .word, 1) }
      note("\(bus.read(address, 4, .dword)) \(bus.read(address, 0x98, .dword)) \(bus.read(address, 0x94, .dword))")
    }
  }
}
