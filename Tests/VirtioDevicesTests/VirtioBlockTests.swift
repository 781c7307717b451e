// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import Platform
import Testing
import VirtioDevices

/// What a disk does with each request. Virtio 1.2, 5.2.6; answers are QEMU's.
@Suite struct VirtioBlockTests {
  private func run(_ bench: VirtioBench, _ driver: RingDriver, _ prepare: () -> Void) -> UInt8 {
    prepare()
    driver.notify()
    bench.finish()
    #expect(driver.takeUsed() != nil)
    return driver.status(ofRequest: 0)
  }

  private func range(_ sector: UInt64, _ count: UInt32, _ flags: UInt32 = 0) -> [UInt8] {
    var bytes: [UInt8] = []
    for value in [sector, UInt64(count) | UInt64(flags) << 32] {
      bytes += (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }
    return bytes
  }

  /// Type, sector, bytes and whether they are the device's to write; the status.
  @Test(
    arguments: [
      (0, 0, 512, 0), (0, 2047, 512, 0), (0, 2047, 1024, 1), (0, 2048, 512, 1), (0, .max, 512, 1), (0, 0, 513, 1),
      (1, 2047, 512, 0), (1, 2048, 512, 1), (0x8000_0000, 0, 512, 0), (0x8000_0001, 0, 512, 0), (2, 0, 0, 2),
      (4, 0, 0, 0), (5, 7, 0, 0), (0x1234, 0, 512, 2), (0, 0, 0, 0), (0, 1 << 55, 512, 1),
    ] as [(UInt32, UInt64, Int, UInt8)])
  func `requests are answered`(type: UInt32, sector: UInt64, byteCount: Int, status: UInt8) throws {
    let bench = try VirtioBench()
    let driver = Dialect().start(bench)
    let isWrite = type & 1 != 0
    let answer = run(bench, driver) {
      driver.request(
        type, sector: sector, write: isWrite ? [UInt8](repeating: 7, count: byteCount) : [],
        read: isWrite ? 0 : byteCount)
    }
    #expect(answer == status)
  }

  @Test func `the serial number is 20 bytes at most`() throws {
    for (serial, expected): (String, String) in [
      ("abcd", "abcd\0"), ("12345678901234567890XY", "12345678901234567890"), ("", "\0"),
    ] {
      var settings = VirtioBlockSettings()
      settings.serial = serial
      let bench = try VirtioBench(settings: settings)
      let driver = Dialect().start(bench)
      driver.memory.write(RingDriver.data, [UInt8](repeating: 0x55, count: 24))
      #expect(run(bench, driver) { driver.request(8, read: 20) } == 0)
      #expect(driver.data(expected.utf8.count) == Array(expected.utf8))
    }
  }

  @Test func `ranges are discarded and zeroed`() throws {
    let log = Log()
    let bench = try VirtioBench(node: RecordingNode(byteCount: 1 << 20, log))
    let driver = Dialect().start(bench)
    let cases: [(type: UInt32, bytes: [UInt8], status: UInt8, effect: String?)] = [
      (11, range(8, 16), 0, "discard 4096..<12288"), (13, range(8, 16), 0, "zero 4096..<12288"),
      (13, range(2040, 8, 1), 0, "zero 1044480..<1048576"), (11, range(2040, 9), 1, nil), (11, range(0, 8, 1), 2, nil),
      (13, range(0, 8, 2), 2, nil), (10, range(0, 8), 2, nil), (11, range(0, 0x40_0000), 1, nil),
      (11, range(0, 8) + range(8, 8), 2, nil),
    ]
    for (type, bytes, status, effect) in cases {
      log.lines = []
      #expect(run(bench, driver) { driver.request(type, write: bytes) } == status)
      #expect(log.lines == (effect.map { [$0] } ?? []))
    }
  }

  @Test func `a read-only disk refuses what would change it`() throws {
    let bench = try VirtioBench(isReadOnly: true)
    let driver = Dialect().start(bench)
    #expect(run(bench, driver) { driver.request(0, read: 512) } == 0)
    #expect(run(bench, driver) { driver.request(1, write: [UInt8](repeating: 1, count: 512)) } == 1)
    #expect(run(bench, driver) { driver.request(13, write: range(0, 8)) } == 1)
  }

  @Test func `an error of the host is an error of the request`() throws {
    let node = RecordingNode(byteCount: 1 << 20, Log())
    node.fails = true
    let bench = try VirtioBench(node: node)
    let driver = Dialect().start(bench)
    #expect(run(bench, driver) { driver.request(0, read: 512) } == 1)
    #expect(run(bench, driver) { driver.request(1, write: [UInt8](repeating: 1, count: 512)) } == 1)
    node.fails = false
    #expect(run(bench, driver) { driver.request(0, read: 512) } == 0)
  }

  @Test func `without a write cache each write is flushed`() throws {
    let log = Log()
    let bench = try VirtioBench(node: RecordingNode(byteCount: 1 << 20, log))
    let driver = Dialect().start(bench)
    let bytes = [UInt8](repeating: 1, count: 512)
    #expect(run(bench, driver) { driver.request(1, write: bytes) } == 0)
    bench.memory.busWrite(VirtioBench.modern + 0x2020, .byte, 0)
    #expect(bench.memory.busRead(VirtioBench.modern + 0x2020, .byte) == 0)
    #expect(run(bench, driver) { driver.request(1, write: bytes) } == 0)
    #expect(log.lines == ["write 0 512", "write 0 512", "flush"])
    // A driver that knows neither the cache nor flushes has no cache.
    log.lines = []
    driver.start(accepting: 1 << 32)
    #expect(run(bench, driver) { driver.request(1, write: bytes) } == 0)
    #expect(log.lines == ["write 0 512", "flush"])
  }

  @Test func `blocks of 4096 bytes are read whole`() throws {
    var settings = VirtioBlockSettings()
    (settings.logicalBlockByteCount, settings.physicalBlockByteCount) = (4096, 4096)
    let bench = try VirtioBench(settings: settings)
    let driver = Dialect().start(bench)
    #expect(run(bench, driver) { driver.request(0, sector: 8, read: 4096) } == 0)
    #expect(run(bench, driver) { driver.request(0, sector: 1, read: 4096) } == 1)
    #expect(run(bench, driver) { driver.request(0, sector: 8, read: 512) } == 1)
  }

  @Test func `requests of many megabytes go to the back end in pieces`() throws {
    let log = Log()
    let bench = try VirtioBench(node: RecordingNode(byteCount: 64 << 20, log))
    let driver = Dialect().start(bench)
    // Twelve times the same 3 MiB of memory: more than the back end gets at a time.
    let buffer = RingDriver.Buffer(address: 0x100000, byteCount: 3 << 20, isWritable: false)
    for number in UInt64(0)..<12 {
      let header = RingDriver.headers + 64 * number
      driver.memory.write(header, integer: UInt64(1))
      driver.memory.write(header + 8, integer: number * 0x1800)
      driver.add([
        .init(address: header, byteCount: 16, isWritable: false), buffer,
        .init(address: header + 32, byteCount: 1, isWritable: true),
      ])
    }
    driver.notify()
    #expect(log.lines.count == 8, "16 MiB are under way")
    bench.finish()
    #expect(log.lines.count == 24 && (0..<12).allSatisfy { driver.status(ofRequest: $0) == 0 })
    #expect(Set(log.lines).count == 24)
  }

  @Test func `a changed medium is announced`() throws {
    let bench = try VirtioBench()
    bench.enableMessages()
    let driver = Dialect().start(bench)
    driver.setCommon(0x10, .word, 0)
    let generation = driver.common(0x15, .byte)
    bench.backend.changeMedium(BlockMedium(node: MemoryNode([UInt8](repeating: 0, count: 4096)), fileName: "small"))
    #expect(bench.messages == [0] && driver.common(0x15, .byte) == generation + 1)
    #expect(bench.memory.busRead(VirtioBench.modern + 0x2000, .qword) == 8)
    #expect(bench.memory.busRead(VirtioBench.modern + 0x1000, .byte) == 3)
  }

  @Test func `a reset forgets what is under way`() throws {
    let bench = try VirtioBench()
    let driver = Dialect().start(bench)
    driver.request(0, read: 512)
    driver.notify()
    driver.status = 0
    bench.finish()
    #expect(driver.status(ofRequest: 0) == 0xee)
    driver.start()
    #expect(run(bench, driver) { driver.request(0, read: 512) } == 0)
  }

  /// Saved between the write's submission and its end; the guest has changed the buffer since.
  @Test(arguments: Dialect.all)
  func `a machine that was saved in the middle of requests goes on with them`(_ dialect: Dialect) throws {
    let bench = try dialect.bench()
    let driver = dialect.start(bench)
    driver.request(1, sector: 4, write: [UInt8](repeating: 0x77, count: 512), number: 0)
    driver.request(0, sector: 9, read: 1024, number: 1)
    driver.notify()
    driver.memory.write(RingDriver.data, [UInt8](repeating: 0x11, count: 512))
    let image = bench.device.save()
    let copy = try dialect.bench()
    copy.memory.write(0, bench.memory.read(0, count: VirtioBench.ramByteCount))
    try copy.device.load(image)
    copy.memory.map.commit()
    #expect(copy.device.save() == image)
    copy.finish()
    #expect(Array(copy.disk.bytes[2048..<2560]) == [UInt8](repeating: 0x77, count: 512))
    #expect(copy.memory.read(RingDriver.data + 0x10000, count: 1024) == Array(bench.disk.bytes[4608..<5632]))
    bench.finish()
    #expect(copy.memory.read(0, count: 0x100000) == bench.memory.read(0, count: 0x100000))
    #expect(copy.device.save() == bench.device.save())
  }
}

final class Log {
  var lines: [String] = []
}

/// Notes what is done to it, and fails when told to.
final class RecordingNode: BlockNode, @unchecked Sendable {
  // Safe: used with back ends that have no thread.
  let byteCount: Int64
  let isReadOnly = false
  let driver = "raw"
  let allocatedByteCount: Int64? = nil
  private let note: (String) -> Void
  var fails = false

  init(byteCount: Int64, note: @escaping (String) -> Void) { (self.byteCount, self.note) = (byteCount, note) }

  convenience init(byteCount: Int64, _ log: Log) { self.init(byteCount: byteCount) { log.lines.append($0) } }

  private func check() throws(Errno) { if fails { throw .ioError } }
  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
    try check()
    for index in buffer.indices { buffer[index] = UInt8(truncatingIfNeeded: offset >> 9 &+ Int64(index)) }
  }
  func write(at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(Errno) {
    try check()
    note("write \(offset) \(buffer.count)")
  }
  func flush() throws(Errno) {
    try check()
    note("flush")
  }
  func discard(_ range: Range<Int64>) throws(Errno) {
    try check()
    note("discard \(range)")
  }
  func writeZeroes(_ range: Range<Int64>) throws(Errno) {
    try check()
    note("zero \(range)")
  }
}
