// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing

/// Keeps what was written; reads give the offset.
final class RecordingMMIO: MMIODevice {
  private(set) var reads: [[UInt64]] = []
  private(set) var writes: [[UInt64]] = []
  func read(memory offset: UInt64, width: AccessWidth) -> UInt64 {
    reads.append([offset, UInt64(width.rawValue)])
    return 0x1111_1111_1111_1100 | offset & 0xff
  }
  func write(memory offset: UInt64, width: AccessWidth, _ value: UInt64) {
    writes.append([offset, UInt64(width.rawValue), value])
  }
}

@Suite struct MemoryMapTests {
  let map = MemoryMap()

  private func names(_ addresses: [PhysicalAddress]) -> [String] { addresses.map { map.find($0)?.region.name ?? "-" } }

  @Test func `the higher priority shows, and of equals the later one`() {
    map.add("ram", at: 0, byteCount: 0x10000, .none)
    map.add("rom", at: 0x4000, byteCount: 0x4000, .none, priority: 2)
    map.add("window", at: 0x6000, byteCount: 0x6000, .none, priority: 1)
    map.add("late", at: 0xb000, byteCount: 0x2000, .none, priority: 1)
    map.commit()
    #expect(
      names([0, 0x3fff, 0x4000, 0x7fff, 0x8000, 0xafff, 0xb000, 0xcfff, 0xd000, 0xffff, 0x10000])
        == ["ram", "ram", "rom", "rom", "window", "window", "late", "late", "ram", "ram", "-"])
    #expect(map.find(0x9000)?.offset == 0x3000)
  }

  @Test func `a change is seen after commit, not before`() {
    var notices = 0
    let region = map.add("bar", at: 0x1000, byteCount: 0x1000, .none, isEnabled: false)
    map.commit()
    #expect(map.find(0x1000) == nil)
    map.changeWasPrepared = { notices += 1 }
    map.update(region, isEnabled: true)
    map.update(region, start: 0x5000)
    #expect(map.find(0x5000) == nil)
    #expect(map.needsCommit)
    #expect(notices == 2)
    map.commit()
    #expect(!map.needsCommit)
    #expect(names([0x1000, 0x5000]) == ["-", "bar"])
  }

  @Test func `an update that changes nothing prepares nothing`() {
    let region = map.add("bar", at: 0x1000, byteCount: 0x1000, .none)
    map.commit()
    map.update(region, start: 0x1000, isEnabled: true)
    #expect(!map.needsCommit)
  }

  @Test func `a removed region is gone`() {
    let region = map.add("bar", at: 0x1000, byteCount: 0x1000, .none)
    map.commit()
    map.remove(region)
    map.commit()
    #expect(map.find(0x1000) == nil)
  }

  @Test func `regions that reach past the end of the address space are ignored`() {
    map.add("odd", at: .max - 0xfff, byteCount: 0x2000, .none)
    map.add("empty", at: 0x1000, byteCount: 0, .none)
    map.commit()
    #expect(names([.max, 0, 0x1000]) == ["-", "-", "-"])
  }
}

@Suite struct GuestMemoryTests {
  let memory = GuestMemory()
  let ram: RAMBlock
  let rom: RAMBlock
  let device = RecordingMMIO()

  /// RAM at 0...2FFFh, ROM at 3000h, registers at 4000h, a ROM whose writes go to the device at 5000h.
  init() throws {
    ram = try RAMBlock(name: "ram", byteCount: 0x3000)
    rom = try RAMBlock(name: "rom", byteCount: 0x1000)
    memory.map.add("ram", at: 0, byteCount: 0x3000, .ram(ram, offset: 0, isReadOnly: false))
    memory.map.add("rom", at: 0x3000, byteCount: 0x1000, .ram(rom, offset: 0, isReadOnly: true))
    memory.map.add("registers", at: 0x4000, byteCount: 0x1000, .mmio(device, offset: 0x100))
    memory.map.add("flash", at: 0x5000, byteCount: 0x1000, .romd(rom, offset: 0, device))
    memory.map.commit()
    for index in 0..<0x1000 { rom.contents[index] = 0x77 }
  }

  /// Aligned pieces of up to four bytes, the last of which may reach beyond the device.
  @Test(
    arguments: [
      (0x2ffe, 4, [0, 0, 0x77, 0x77], [[UInt64]](), true), (0x4010, 4, [0x10, 0x11, 0x11, 0x11], [[0x110, 4]], true),
      (0x4011, 4, [0x11, 0x12, 0x11, 0x14], [[0x111, 1], [0x112, 2], [0x114, 1]], true),
      (0x4ffc, 5, [0xfc, 0x11, 0x11, 0x11, 0x77], [[0x10fc, 4]], true), (0x5ffe, 3, [0x77, 0x77, 0], [], false),
      (0x9000, 2, [0, 0], [], false),
    ] as [(UInt64, Int, [UInt8], [[UInt64]], Bool)])
  func `a monitor reads devices, and is told where nothing answers`(
    address: UInt64, byteCount: Int, expected: [UInt8], reads: [[UInt64]], isWhole: Bool
  ) {
    var bytes = [UInt8](repeating: 0xee, count: byteCount)
    let answer = bytes.withUnsafeMutableBytes { memory.readForMonitor(address, into: $0) }
    #expect(bytes == expected && device.reads == reads && answer == isWhole)
  }

  @Test func `bytes and integers go in and come out little-endian`() {
    memory.write(0xffe, integer: UInt32(0x1234_5678))
    #expect(memory.read(0xffe, count: 4) == [0x78, 0x56, 0x34, 0x12])
    #expect(memory.read(0xfff, as: UInt16.self) == 0x3456)
    #expect(ram.contents[0x1000] == 0x34)
  }

  @Test func `a transfer runs over all kinds of memory`() {
    memory.write(0x2ffe, [UInt8](repeating: 0xee, count: 0x1004))
    #expect(memory.read(0x2ffe, count: 4) == [0xee, 0xee, 0x77, 0x77])
    #expect(device.writes == [[0x100, 1, 0xee], [0x101, 1, 0xee]])
    #expect(memory.read(0x3fff, count: 2) == [0x77, 0x00])
    #expect(device.reads == [[0x100, 1]])
  }

  @Test func `where nothing is, reads are ones and writes are lost`() {
    memory.write(0x6000, [1, 2, 3])
    #expect(memory.read(0x5fff, count: 3) == [0x77, 0xff, 0xff])
    #expect(memory.read(.max - 1, count: 2) == [0xff, 0xff])
    #expect(memory.read(.max, count: 2) == [0xff, 0x00])  // the address wraps to RAM
    #expect(memory.busRead(0x1_0000_0000, .qword) == .max)
  }

  @Test(arguments: [AccessWidth.byte, .word, .dword, .qword])
  func `the processor's accesses reach a device whole`(_ width: AccessWidth) {
    #expect(memory.busRead(0x4020, width) == 0x1111_1111_1111_1120 & width.allOnes)
    memory.busWrite(0x4020, width, .max)
    #expect(device.reads == [[0x120, UInt64(width.rawValue)]])
    #expect(device.writes == [[0x120, UInt64(width.rawValue), width.allOnes]])
  }

  @Test func `a read next to registers does not touch them`() {
    #expect(memory.busRead(0x3ffe, .word) == 0x7777)
    #expect(device.reads.isEmpty)
  }

  @Test func `writes to a ROM with a device behind it go to the device`() {
    memory.busWrite(0x5010, .dword, 0xaabb_ccdd)
    #expect(device.writes == [[0x10, 4, 0xaabb_ccdd]])
    #expect(memory.busRead(0x5010, .byte) == 0x77)
    memory.busWrite(0x3010, .dword, 0)
    #expect(rom.contents[0x10] == 0x77)
  }

  @Test func `host addresses exist for whole pages of RAM and ROM`() {
    #expect(memory.page(at: 0x1234).read == ram.base + 0x1000)
    #expect(memory.page(at: 0x1234).write == ram.base + 0x1000)
    #expect(memory.page(at: 0x3000).read == rom.base)
    #expect(memory.page(at: 0x3000).write == nil)
    #expect(memory.page(at: 0x4000).read == nil)
    #expect(memory.page(at: 0x5000).read == rom.base)
    #expect(memory.page(at: 0x5000).write == nil)
    #expect(memory.page(at: 0x9000).read == nil)
  }

  @Test func `a page that shares its place with registers has no host address`() {
    memory.map.add("small", at: 0x1800, byteCount: 0x100, .mmio(device, offset: 0), priority: 1)
    memory.map.commit()
    #expect(memory.page(at: 0x1000).read == nil)
    #expect(memory.page(at: 0x2000).read != nil)
  }

  @Test func `the dirty log starts full, notes writes, and tells when it is cleared`() throws {
    ram.enableDirtyLog()
    let log = try #require(ram.dirtyLog)
    var cleared = 0
    ram.dirtyLogWasCleared = { cleared += 1 }
    #expect(log.collect(0..<3))
    #expect(!log.collect(0..<3))
    #expect(cleared == 1)
    #expect(memory.page(at: 0x1000).isLogged)
    memory.write(0x1ffe, [1, 2, 3])
    #expect((0..<3).map { log.isDirty(page: $0) } == [false, true, true])
    #expect(!memory.page(at: 0x1000).isLogged)
    #expect(log.collect(1..<2))
    memory.pageWillBeWritten(0x0123)
    #expect((0..<3).map { log.isDirty(page: $0) } == [true, false, true])
    #expect(!log.isDirty(page: 99))
    log.mark(page: -1)
    #expect(log.collect(-5..<99))
    // The whole log at once.
    #expect(!log.collect() && !log.collect())
    ram.markDirty(0x1fff..<0x2001)
    #expect((0..<3).map { log.isDirty(page: $0) } == [false, true, true])
    ram.markDirty(5..<5)
    #expect(!log.isDirty(page: 0))
    let before = cleared
    #expect(log.collect() && !log.collect() && cleared == before + 1)
  }

  @Test func `writes to pages with code are told, others are not`() {
    var notices: [[UInt64]] = []
    memory.codeWasWritten = { notices.append([$0, UInt64($1)]) }
    memory.setCodePage(0x1abc, true)
    memory.write(0x0ff0, [UInt8](repeating: 0, count: 0x20))
    #expect(notices == [[0x1000, 0x10]])
    memory.setCodePage(0x1000, false)
    memory.write(0x1000, [1])
    #expect(notices.count == 1)
  }

  @Test func `a debugger reads without side effects`() {
    var bytes = [UInt8](repeating: 0xaa, count: 4)
    bytes.withUnsafeMutableBytes { memory.readAsDebugger(0x3ffe, into: $0) }
    #expect(bytes == [0x77, 0x77, 0, 0])
    #expect(device.reads.isEmpty)
  }
}
