// SPDX-License-Identifier: Apache-2.0
import Block
import Platform
import Testing
import VirtioDevices

/// Identity, capabilities and registers, as QEMU 7.2 shows them for the same options.
@Suite struct VirtioRegistersTests {
  @Test func `configuration space of a transitional disk is QEMU's`() throws {
    let bench = try VirtioBench()
    let expected: [UInt8: UInt32] = [
      0x00: 0x1001_1af4, 0x04: 0x0010_0007, 0x08: 0x0100_0000, 0x0c: 0, 0x10: 0xc001, 0x14: 0xfeb0_0000, 0x18: 0,
      0x20: 0xc, 0x24: 8, 0x2c: 0x0002_1af4, 0x34: 0x98, 0x3c: 0x100, 0x40: 0x0110_0009, 0x44: 4, 0x48: 0,
      0x4c: 0x1000, 0x50: 0x0310_4009, 0x54: 4, 0x58: 0x1000, 0x5c: 0x1000, 0x60: 0x0410_5009, 0x64: 4, 0x68: 0x2000,
      0x6c: 0x1000, 0x70: 0x0214_6009, 0x74: 4, 0x78: 0x3000, 0x7c: 0x1000, 0x80: 4, 0x84: 0x0514_7009, 0x88: 0,
      0x98: 0x0001_8411, 0x9c: 1, 0xa0: 0x801,
    ]
    for (offset, value) in expected { #expect(bench.configuration(offset) == value, "\(String(offset, radix: 16))h") }
    bench.bus.write(bench.address, 0x10, .dword, .max)
    #expect(bench.configuration(0x10) == 0xffff_ff81)
    bench.bus.write(bench.address, 0x20, .dword, .max)
    #expect(bench.configuration(0x20) == 0xffff_c00c)
  }

  @Test func `a modern disk with four queues has its own identity, and a vector for each queue`() throws {
    var (settings, options) = (VirtioBlockSettings(), VirtioOptions())
    settings.queueCount = 4
    options.hasLegacyInterface = false
    options.offersPackedRing = true
    let bench = try VirtioBench(settings: settings, options: options)
    #expect(bench.configuration(0x00) == 0x1042_1af4 && bench.configuration(0x08) == 0x0100_0001)
    #expect(bench.configuration(0x2c) == 0x1100_1af4 && bench.configuration(0x10) == 0)
    #expect(bench.configuration(0x98) == 0x0004_8411)
    let driver = RingDriver(bench)
    #expect(driver.offered == 0x105_3000_7e54)
    #expect(driver.common(0x12, .word) == 4)
  }

  @Test func `a legacy disk without vectors has one region and no capability`() throws {
    var (settings, options) = (VirtioBlockSettings(), VirtioOptions())
    (settings.offersDiscard, settings.offersWriteZeroes, settings.offersCacheControl) = (false, false, false)
    (options.hasModernInterface, options.vectorCount) = (false, 0)
    (options.offersEventIndex, options.offersIndirectDescriptors) = (false, false)
    let bench = try VirtioBench(settings: settings, options: options)
    #expect(bench.configuration(0x04) == 0x0000_0007 && bench.configuration(0x34) == 0)
    #expect([0x14, 0x20, 0x24, 0x40].allSatisfy { bench.configuration($0) == 0 })
    bench.bus.write(bench.address, 0x10, .dword, .max)
    #expect(bench.configuration(0x10) == 0xffff_ffc1)
    bench.placeRegions()
    #expect(RingDriver(bench, isLegacy: true).offered == 0x4100_06d4)
  }

  @Test func `each interface offers what QEMU's does`() throws {
    let bench = try VirtioBench()
    #expect(RingDriver(bench).offered == 0x101_3000_6e54)
    #expect(RingDriver(bench, isLegacy: true).offered == 0x7900_6e54)
    let readOnly = try VirtioBench(isReadOnly: true)
    #expect(RingDriver(readOnly).offered == 0x101_3000_6e74)
  }

  @Test func `the disk describes itself`() throws {
    var settings = VirtioBlockSettings()
    (settings.physicalBlockByteCount, settings.minimumIOByteCount, settings.optimalIOByteCount) = (4096, 8192, 65536)
    (settings.discardGranularity, settings.queueCount) = (4096, 4)
    settings.geometry = .init(cylinders: 0x82, heads: 16, sectors: 63)
    let bench = try VirtioBench(settings: settings, byteCount: 64 << 10)
    let expected: [UInt8] = [
      0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0, 0, 0, 0x82, 0, 0x10, 0x3f, 0, 2, 0, 0, 3, 0, 0x10, 0,
      0x80, 0, 0, 0, 1, 0, 4, 0, 0xff, 0xff, 0x3f, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0xff, 0xff, 0x3f, 0, 1, 0, 0, 0,
      1, 0, 0, 0, 0xff, 0xff,
    ]
    let modern = (0..<expected.count).map {
      UInt8(truncatingIfNeeded: bench.memory.busRead(VirtioBench.modern + 0x2000 + UInt64($0), .byte))
    }
    // The last three bytes of the structure are padding.
    #expect(Array(modern.prefix(57)) == Array(expected.prefix(57)) && modern.suffix(2) == [0xff, 0xff])
    let legacy = (0..<57).map {
      UInt8(truncatingIfNeeded: bench.ports.read(VirtioBench.legacyPorts + 20 + UInt16($0), .byte))
    }
    #expect(legacy == Array(expected.prefix(57)))
    bench.enableMessages()
    #expect(bench.ports.read(VirtioBench.legacyPorts + 24, .dword) == 0x80, "two registers more while MSI-X is on")
  }

  @Test func `queue registers keep what is written, and a size that can be`() throws {
    let bench = try VirtioBench()
    let driver = RingDriver(bench)
    driver.status = 1
    #expect(driver.common(0x18, .word) == 256)
    for (size, result): (UInt64, UInt64) in [(128, 128), (0, 128), (1025, 128), (1024, 1024), (7, 7)] {
      driver.setCommon(0x18, .word, size)
      #expect(driver.common(0x18, .word) == result)
    }
    driver.setCommon(0x20, .dword, 0x1234_5000)
    driver.setCommon(0x24, .dword, 1)
    #expect(driver.common(0x20, .qword) == 0x1_1234_5000)
    driver.setCommon(0x16, .word, 1)
    #expect(driver.common(0x18, .word) == 0, "there is no second queue")
    #expect(driver.common(0x1a, .word) == 0xffff)
    for (vector, result): (UInt64, UInt64) in [(1, 1), (2, 0xffff)] {
      driver.setCommon(0x16, .word, 0)
      driver.setCommon(0x1a, .word, vector)
      #expect(driver.common(0x1a, .word) == result)
      driver.setCommon(0x10, .word, vector)
      #expect(driver.common(0x10, .word) == result)
    }
  }

  @Test func `configuration cycles reach the modern registers`() throws {
    let bench = try VirtioBench()
    func window(_ offset: UInt32, _ length: UInt32) {
      bench.bus.write(bench.address, 0x8c, .dword, offset)
      bench.bus.write(bench.address, 0x90, .dword, length)
    }
    window(0x2000, 4)
    #expect(bench.configuration(0x94) == 2048)
    window(0x14, 1)
    bench.bus.write(bench.address, 0x94, .byte, 1)
    #expect(RingDriver(bench).status == 1)
    #expect(bench.bus.read(bench.address, 0x94, .byte) == 1)
    window(0x3fff, 4)
    bench.bus.write(bench.address, 0x94, .dword, .max)
    window(0, 3)
    _ = bench.configuration(0x94)
  }

  @Test func `features end with FEATURES_OK, and the device status is the driver's`() throws {
    let bench = try VirtioBench()
    let driver = RingDriver(bench)
    driver.start(accepting: 1 << 32 | 1 << 9)
    #expect(driver.status == 15 && driver.features == 1 << 32 | 1 << 9)
    driver.setCommon(8, .dword, 0)
    driver.setCommon(12, .dword, 0xffff_ffff)
    driver.request(0, read: 512)
    driver.notify()
    bench.finish()
    #expect(driver.status(ofRequest: 0) == 0)
    driver.status = 0
    #expect(driver.status == 0 && driver.common(0x1c, .word) == 0 && driver.common(0x20, .qword) == 0)
  }

  @Test func `a legacy driver may forget to make the device a bus master`() throws {
    let bench = try VirtioBench()
    bench.bus.write(bench.address, 0x04, .word, 3)
    let driver = RingDriver(bench, isLegacy: true)
    driver.start()
    #expect(bench.configuration(4) & 4 != 0)
    driver.request(0, read: 512)
    driver.notify()
    bench.finish()
    #expect(driver.status(ofRequest: 0) == 0)
  }

  @Test func `without bus mastering nothing is touched`() throws {
    let bench = try VirtioBench()
    let driver = RingDriver(bench)
    driver.start()
    bench.bus.write(bench.address, 0x04, .word, 3)
    #expect(driver.status == 11)
    driver.request(0, read: 512)
    driver.notify()
    bench.finish()
    #expect(driver.takeUsed() == nil && driver.status(ofRequest: 0) == 0xee)
  }
}
