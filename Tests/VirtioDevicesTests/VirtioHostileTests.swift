// SPDX-License-Identifier: Apache-2.0
import Block
import Fuzzing
import HostIO
import Platform
import Testing
import VirtioDevices

/// Drivers that break the rules of the rings: the device is broken then, and nothing else happens.
@Suite struct VirtioHostileTests {
  /// What a driver does after its queue is set up, by name.
  private static let crimes: [(name: String, commit: @Sendable (RingDriver) -> Void)] = [
    ("an index that jumps", { $0.memory.write($0.places.driver + 2, integer: UInt16(300)) }),
    ("a head that does not exist", { $0.makeAvailable(256) }),
    (
      "a loop",
      {
        Self.descriptor($0, 0, RingDriver.data, 512, 1, 1); Self.descriptor($0, 1, RingDriver.data, 512, 1, 0);
        $0.makeAvailable(0)
      }
    ),
    (
      "a next that does not exist",
      {
        Self.descriptor($0, 0, RingDriver.headers, 16, 1, 256); $0.makeAvailable(0)
      }
    ),
    (
      "a chain of nothing to write",
      {
        Self.descriptor($0, 0, RingDriver.headers, 16, 0, 0); $0.makeAvailable(0)
      }
    ),
    (
      "a header of 15 bytes",
      {
        Self.descriptor($0, 0, RingDriver.headers, 15, 1, 1)
        Self.descriptor($0, 1, RingDriver.headers + 32, 1, 2, 0)
        $0.makeAvailable(0)
      }
    ),
    (
      "a buffer of no bytes",
      {
        Self.descriptor($0, 0, RingDriver.headers, 0, 1, 1); $0.makeAvailable(0)
      }
    ),
    (
      "a buffer that wraps",
      {
        Self.descriptor($0, 0, .max - 15, 32, 2, 0); $0.makeAvailable(0)
      }
    ),
    (
      "a buffer beyond RAM",
      {
        Self.descriptor($0, 0, 1 << 40, 16, 0, 0); $0.makeAvailable(0)
      }
    ),
    (
      "a buffer in the device's own registers",
      {
        Self.descriptor($0, 0, VirtioBench.modern, 64, 2, 0); $0.makeAvailable(0)
      }
    ),
    (
      "a buffer to read behind one to write",
      {
        Self.descriptor($0, 0, RingDriver.headers, 16, 3, 1)
        Self.descriptor($0, 1, RingDriver.headers, 16, 0, 0)
        $0.makeAvailable(0)
      }
    ),
    (
      "an indirect table of 17 bytes",
      {
        Self.descriptor($0, 0, $0.places.tables, 17, 4, 0); $0.makeAvailable(0)
      }
    ),
    (
      "an indirect table of no bytes",
      {
        Self.descriptor($0, 0, $0.places.tables, 0, 4, 0); $0.makeAvailable(0)
      }
    ),
    (
      "an indirect table beyond RAM",
      {
        Self.descriptor($0, 0, 1 << 40, 16, 4, 0); $0.makeAvailable(0)
      }
    ),
    (
      "an indirect loop of 4 GiB",
      {
        Self.descriptor($0, 0, $0.places.tables, 0xffff_fff0, 4, 0)
        $0.memory.write($0.places.tables, integer: RingDriver.data)
        $0.memory.write($0.places.tables + 8, integer: UInt64(512) | 1 << 32)
        $0.makeAvailable(0)
      }
    ),
    ("a ring beyond RAM", { $0.setCommon(0x28, .qword, 1 << 40) }),
    (
      "a ring that wraps",
      {
        $0.setCommon(0x20, .qword, .max - 7); $0.makeAvailable(0)
      }
    ),
    ("a ring in registers", { $0.setCommon(0x28, .qword, VirtioBench.modern) }),
    ("a queue that is enabled with 2", { $0.setCommon(0x1c, .word, 2) }),
  ]

  private static func descriptor(
    _ driver: RingDriver, _ index: UInt64, _ address: UInt64, _ byteCount: UInt32, _ flags: UInt16, _ next: UInt16
  ) {
    let place = driver.places.descriptors + 16 * index
    driver.memory.write(place, integer: address)
    driver.memory.write(place + 8, integer: byteCount)
    driver.memory.write(place + 12, integer: flags)
    driver.memory.write(place + 14, integer: next)
  }

  @Test(arguments: crimes.indices) func `the device breaks, says so, and lives again after a reset`(_ index: Int) throws
  {
    let (name, commit) = Self.crimes[index]
    let bench = try VirtioBench()
    bench.enableMessages()
    let driver = Dialect().start(bench)
    driver.setCommon(0x10, .word, 0)
    commit(driver)
    driver.notify()
    bench.finish()
    #expect(driver.status == 15 | 64, "\(name)")
    #expect(bench.messages == [0], "\(name)")
    driver.start()
    #expect(driver.status == 15)
    driver.request(0, read: 512)
    driver.notify()
    bench.finish()
    #expect(driver.status(ofRequest: 0) == 0, "\(name)")
  }

  @Test(arguments: [
    ("a chain longer than the queue", 1), ("an indirect table of 17 bytes", 2), ("a slot beyond the ring", 3),
  ]) func `packed rings break the device too`(_ name: String, _ kind: Int) throws {
    let bench = try Dialect(isPacked: true).bench()
    let driver = Dialect(isPacked: true).start(bench, size: 8)
    let ring = driver.places.descriptors
    switch kind {
    case 1: for slot in UInt64(0)..<8 { entry(driver, ring + 16 * slot, 512, 1 << 7 | 1) }
    case 2: entry(driver, ring, 17, 1 << 7 | 4)
    default: driver.setCommon(0x20, .qword, 1 << 40)
    }
    driver.notify()
    bench.finish()
    #expect(driver.status & 64 != 0, "\(name)")
  }

  private func entry(_ driver: RingDriver, _ place: UInt64, _ byteCount: UInt32, _ flags: UInt16) {
    driver.memory.write(place, integer: RingDriver.data)
    driver.memory.write(place + 8, integer: byteCount)
    driver.memory.write(place + 12, integer: UInt16(0))
    driver.memory.write(place + 14, integer: flags)
  }

  /// Each answer moves the index of available buffers on, for ever.
  @Test func `a used ring that is the available ring ends`() throws {
    let bench = try VirtioBench()
    let driver = Dialect(usesEventIndex: false).start(bench)
    driver.setCommon(0x30, .qword, driver.places.driver)
    driver.request(8, read: 20)
    driver.notify()
    bench.finish()
  }

  /// A message that notifies the device that sends it.
  @Test func `a message to the device itself goes nowhere`() throws {
    let bench = try VirtioBench()
    bench.enableMessages()
    let driver = Dialect(usesEventIndex: false).start(bench, vector: 1)
    driver.request(8, read: 20)
    driver.notify()
    #expect(bench.messages == [1])
  }
}

/// Rings, registers and tables full of anything, in every dialect.
@Suite(.serialized) struct FuzzVirtioRingTests {
  private func scribble(_ driver: RingDriver, _ random: inout FuzzRandom) {
    let places = driver.places
    let base = [places.descriptors, places.driver, places.device, places.tables][random.below(4)]
    let address = base + UInt64(random.below(random.oneIn(3) ? 0x8000 : 160))
    switch random.below(4) {
    case 0: driver.memory.write(address, integer: UInt16(truncatingIfNeeded: random.word()))
    case 1: driver.memory.write(address, integer: UInt32(truncatingIfNeeded: random.word()))
    case 2:
      driver.memory.write(address & ~7, integer: [places.tables, RingDriver.data, 0, random.word()][random.below(4)])
    default: driver.memory.write(address, random.bytes(16))
    }
  }

  private func act(_ bench: VirtioBench, _ driver: RingDriver, _ random: inout FuzzRandom) {
    switch random.below(12) {
    case 0: bench.clock.advance(by: Nanoseconds(random.below(300_000)))
    case 1:
      driver.setCommon(UInt64(random.below(0x40)), [.byte, .word, .dword, .qword][random.below(4)], random.word())
    case 2:
      driver.setPort(
        UInt16(random.below(64)), [.byte, .word, .dword][random.below(3)], UInt32(truncatingIfNeeded: random.word()))
    case 3:
      bench.memory.busWrite(
        VirtioBench.messageTable + UInt64(random.below(0x900)) & ~3, .dword, random.word() & 0xffff_ffff)
    case 4:
      let kind = [0, 1, 4, 8, 11, 13, UInt32(random.below(16))][random.below(7)]
      let isWrite = kind & 1 != 0
      let count = 1 + random.below(9000)
      driver.request(
        kind, sector: random.oneIn(4) ? random.word() : UInt64(random.below(2048)),
        write: isWrite ? random.bytes(min(count, 600)) : [], read: isWrite ? 0 : count, number: UInt64(random.below(8)),
        segment: 1 + random.below(4096))
      driver.notify()
    case 5:
      bench.bus.write(
        bench.address, UInt8(random.below(256)), [.byte, .word, .dword][random.below(3)],
        UInt32(truncatingIfNeeded: random.word()))
    case 6: _ = driver.takeUsed()
    case 7: driver.notify()
    default: scribble(driver, &random)
    }
    bench.memory.map.commit()
  }

  @Test func `rings of a hostile driver`() throws {
    var requests = 0
    try Fuzzing.run("virtio rings", seconds: 3, atLeast: 40) { random in
      let dialect = Dialect.all[random.below(Dialect.all.count)]
      let bench = try dialect.bench()
      bench.bus.messages.connect { _, _ in }
      var driver = dialect.start(bench, size: [4, 8, 16, 256][random.below(4)])
      for _ in 0..<120 {
        act(bench, driver, &random)
        if random.oneIn(40) {
          bench.placeRegions()
          driver = dialect.start(bench, size: [4, 8, 16, 256][random.below(4)])
        }
      }
      // Whatever happened, it can be saved, loaded and goes on.
      let image = bench.device.save()
      try bench.device.load(image)
      #expect(bench.device.save() == image, "seed \(random.seed)")
      bench.finish()
      bench.placeRegions()
      driver = dialect.start(bench)
      driver.request(0, read: 512)
      driver.notify()
      bench.finish()
      #expect(driver.status(ofRequest: 0) == 0, "seed \(random.seed)")
      requests += Int(bench.backend.statistics.reads.operations)
    }
    #expect(requests > 40, "guests that never read are not hostile")
  }
}
