// SPDX-License-Identifier: Apache-2.0
import Block
import Platform
import Testing
import VirtioDevices

/// How a driver may speak with the device.
struct Dialect: CustomStringConvertible, Sendable {
  var isLegacy = false
  var isPacked = false
  var usesIndirect = false
  var usesEventIndex = true
  var description: String {
    (isLegacy ? "legacy" : "modern") + (isPacked ? " packed" : " split") + (usesIndirect ? " indirect" : "")
      + (usesEventIndex ? " event index" : "")
  }

  static let all: [Dialect] = [
    Dialect(isLegacy: true, usesEventIndex: false), Dialect(isLegacy: true, usesIndirect: true),
    Dialect(usesEventIndex: false), Dialect(), Dialect(usesIndirect: true), Dialect(isPacked: true),
    Dialect(isPacked: true, usesIndirect: true), Dialect(isPacked: true, usesEventIndex: false),
  ]

  func start(_ bench: VirtioBench, size: UInt16? = nil, vector: UInt16? = nil) -> RingDriver {
    let driver = RingDriver(bench, isLegacy: isLegacy)
    var wanted = UInt64.max & ~VirtioFeature.badFeature
    if !isPacked { wanted &= ~VirtioFeature.packedRing }
    if !usesEventIndex { wanted &= ~VirtioFeature.eventIndex }
    driver.start(accepting: wanted, size: size, vector: vector)
    driver.usesIndirect = usesIndirect
    return driver
  }

  func bench() throws -> VirtioBench {
    var options = VirtioOptions()
    options.offersPackedRing = isPacked
    return try VirtioBench(options: options)
  }
}

@Suite struct VirtioRingTests {
  @Test(arguments: Dialect.all)
  func `data is read and written through every kind of ring, many times around it`(_ dialect: Dialect) throws {
    let bench = try dialect.bench()
    let driver = dialect.start(bench, size: 16)
    for round in 0..<100 {
      let sector = UInt64(round * 3 % 64)
      let bytes = (0..<1024).map { UInt8(truncatingIfNeeded: $0 &* 5 &+ round) }
      let writing = driver.request(1, sector: sector, write: bytes, number: 0, segment: 512)
      driver.notify()
      bench.finish()
      #expect(driver.takeUsed().map { [UInt32($0.id), $0.byteCount] } == [UInt32(writing), 1], "round \(round)")
      #expect(Array(bench.disk.bytes[Int(sector) * 512..<Int(sector) * 512 + 1024]) == bytes)
      let reading = driver.request(0, sector: sector, read: 1024, number: 1, segment: 512)
      driver.notify()
      bench.finish()
      #expect(driver.takeUsed().map { [UInt32($0.id), $0.byteCount] } == [UInt32(reading), 1025])
      #expect(driver.data(ofRequest: 1, 1024) == bytes && driver.status(ofRequest: 1) == 0)
      #expect(driver.takeUsed() == nil)
    }
  }

  @Test(arguments: Dialect.all)
  func `several requests of one notification are used in the order of their ends`(_ dialect: Dialect) throws {
    let bench = try dialect.bench()
    let driver = dialect.start(bench)
    // A flush takes longer than a read, and a long read longer than a short one.
    let ids = [
      driver.request(4, number: 0), driver.request(0, read: 8192, number: 1), driver.request(0, read: 512, number: 2),
    ]
    driver.notify()
    #expect(driver.takeUsed() == nil)
    bench.finish()
    #expect((0..<3).map { _ in driver.takeUsed()?.id } == [ids[2], ids[1], ids[0]])
    #expect((0..<3).allSatisfy { driver.status(ofRequest: $0) == 0 })
  }

  @Test func `without the event index a flag keeps the device quiet`() throws {
    let bench = try VirtioBench()
    bench.enableMessages()
    let driver = Dialect(usesEventIndex: false).start(bench, vector: 1)
    for (flags, count): (UInt16, Int) in [(0, 1), (1, 1), (0, 2)] {
      driver.setAvailableFlags(flags)
      driver.request(0, read: 512)
      driver.notify()
      bench.finish()
      #expect(bench.messages.count == count)
    }
  }

  @Test func `with the event index the device speaks when the index passes the event`() throws {
    let bench = try VirtioBench()
    bench.enableMessages()
    let driver = Dialect().start(bench, vector: 1)
    // The first is always told, as QEMU does.
    for (event, count): (UInt16, Int) in [(9, 1), (9, 1), (2, 2), (2, 2), (4, 3)] {
      driver.setEvent(split: event)
      driver.request(0, read: 512)
      driver.notify()
      bench.finish()
      #expect(bench.messages.count == count)
    }
    #expect(driver.memory.read(driver.places.device + 4 + 8 * UInt64(driver.size), as: UInt16.self) == 5)
  }

  @Test func `a packed driver says by flag or by descriptor when it wants to be told`() throws {
    let bench = try Dialect(isPacked: true).bench()
    bench.enableMessages()
    let driver = Dialect(isPacked: true).start(bench, size: 8, vector: 1)
    // Each request takes three descriptors.
    let steps: [(place: UInt16, flags: UInt16, count: Int)] = [
      (0, 0, 1), (0, 1, 1), (0x8000 | 7, 2, 2), (5, 2, 2), (5, 2, 3),
    ]
    for (index, step) in steps.enumerated() {
      driver.setEvent(packed: step.place, flags: step.flags)
      driver.request(0, read: 512)
      driver.notify()
      bench.finish()
      #expect(bench.messages.count == step.count, "step \(index)")
      #expect(driver.takeUsed() != nil)
    }
    // The device wants to hear of the next descriptor: 15 descriptors are once around and 7 further.
    #expect(driver.memory.read(driver.places.device, as: UInt32.self) == 0x2_0007)
  }

  @Test func `a legacy driver hears when its queue runs empty`() throws {
    let bench = try VirtioBench()
    let driver = Dialect(isLegacy: true, usesEventIndex: false).start(bench)
    driver.setAvailableFlags(1)
    driver.request(0, read: 512)
    driver.notify()
    bench.finish()
    #expect(bench.isInterrupting)
    #expect(driver.port(19, .byte) == 1 && !bench.isInterrupting)
  }

  @Test func `a queue is reset alone`() throws {
    let bench = try VirtioBench()
    let driver = Dialect().start(bench)
    driver.request(0, read: 512)
    driver.notify()
    driver.setCommon(0x3a, .word, 1)
    #expect(driver.common(0x3a, .word) == 0 && driver.common(0x1c, .word) == 0 && driver.status == 15)
    bench.finish()
    #expect(driver.takeUsed() == nil && driver.status(ofRequest: 0) == 0xee)
    driver.setUpQueue()
    driver.request(0, read: 512)
    driver.notify()
    bench.finish()
    #expect(driver.takeUsed() != nil && driver.status(ofRequest: 0) == 0)
  }

  @Test func `queues have vectors of their own`() throws {
    var settings = VirtioBlockSettings()
    settings.queueCount = 3
    let bench = try VirtioBench(settings: settings)
    bench.enableMessages()
    let first = RingDriver(bench, queue: 0)
    first.start(vector: 1)
    let places = RingPlaces(descriptors: 0x30000, driver: 0x34000, device: 0x38000, tables: 0x3c000)
    let third = RingDriver(bench, queue: 2, places: places)
    third.setUpQueue(nil, 3)
    for driver in [third, first] {
      driver.request(0, read: 512, number: UInt64(driver.queue))
      driver.notify()
      bench.finish()
    }
    #expect(bench.messages == [3, 1])
  }
}
