// SPDX-License-Identifier: Apache-2.0
import NetworkDevices
import Platform
import Testing

/// What QEMU's properties change of an e1000, and the corners of the register file.
struct E1000SettingsTests {
  @Test func `a slot with further functions is told of by the header`() throws {
    let place = PCIAddress(slot: 3)
    for isMultifunction in [false, true] {
      let bench = try E1000Bench { $0.isMultifunction = isMultifunction }
      #expect(bench.bus.read(place, 0x0e, .byte) == (isMultifunction ? 0x80 : 0))
    }
  }

  @Test func `the flexible filters are words with gaps, masks of four bits`() throws {
    let bench = try E1000Bench()
    for (offset, value) in [(0x9000, 0xf), (0x9008, 5), (0x93f8, 9)] as [(UInt64, UInt32)] {
      bench[offset] = value | 0xabc0
      #expect(bench[offset] == value)
    }
    for offset: UInt64 in [0x9800, 0x9bf8] {
      bench[offset] = 0x8765_4321
      #expect(bench[offset] == 0x8765_4321)
      bench[offset + 4] = 1
      #expect(bench[offset + 4] == 0)
    }
  }

  @Test func `the packet buffer keeps what is written until a reset`() throws {
    let bench = try E1000Bench()
    #expect(bench[0x10000] == 0 && bench[0x1fffc] == 0)
    bench[0x10000] = 0x0123_4567
    bench[0x1fffc] = 0x89ab_cdef
    #expect(bench[0x10000] == 0x0123_4567 && bench[0x1fffc] == 0x89ab_cdef && bench[0x10004] == 0)
    bench[0] = 1 << 26
    #expect(bench[0x10000] == 0)
  }

  @Test func `without the extra registers they read as zero, and the old counters count`() throws {
    let bench = try E1000Bench { $0.hasExtraRegisters = false }
    for offset: UInt64 in [
      0x458, 0x2410, 0x3430, 0x5800, 0x5838, 0x5840, 0x5880, 0x5a00, 0x5f00, 0x9000, 0x9800, 0x10000,
    ] {
      bench[offset] = 1
      #expect(bench[offset] == 0, "\(String(offset, radix: 16))")
    }
    bench.start()
    bench.transmit(E1000Bench.frame())
    #expect(bench[0x4080] == 1 && bench[0x40d4] == 1)
    #expect(bench[0x40dc] == 0, "the class of its length")
    bench[0x38] = 0x88a8
    #expect(bench[0x38] == 0x88a8)
  }

  @Test(arguments: [true, false])
  func `a reset sets the type of tags`(_ isSet: Bool) throws {
    let bench = try E1000Bench { $0.resetsVLANType = isSet }
    #expect(bench[0x38] == (isSet ? 0x8100 : 0))
    bench[0x38] = 0x9100
    bench[0] = 1 << 26
    #expect(bench[0x38] == (isSet ? 0x8100 : 0))
  }

  @Test(arguments: [true, false])
  func `interrupts wait where mitigation is on`(_ mitigates: Bool) throws {
    let bench = try E1000Bench { $0.mitigates = mitigates }
    bench.start()
    bench[0x2820] = 100
    #expect(bench.wire.send(E1000Bench.frame()))
    #expect(bench.level == !mitigates)
    bench.clock.advance(by: .millisecond)
    #expect(bench.level)
    _ = bench[0xc0]
    bench[0xc4] = 4000
    bench[0xc8] = 0x80
    _ = bench[0xc0]
    bench[0xc8] = 0x80
    #expect(bench.level == !mitigates)
  }

  @Test func `small packets are told of`() throws {
    let bench = try E1000Bench()
    bench.start()
    bench[0x2c00] = 70
    #expect(bench.wire.send(E1000Bench.frame()))
    #expect(bench[0xc0] & 1 << 16 == 0)
    #expect(bench.wire.send(E1000Bench.frame([1])))
    #expect(bench[0xc0] & 1 << 16 != 0)
  }

  @Test func `the ring running low is told of once`() throws {
    let bench = try E1000Bench()
    bench.start(count: 32)
    bench[0x3828] = 1 << 25
    bench.memory.write(0x80000, E1000Bench.frame())
    for _ in 0..<7 { bench.queue(0x80000, 114 | 0x0900_0000) }
    bench.kick()
    #expect(bench[0xc0] & 1 << 15 == 0, "there never were eight")
    for _ in 0..<9 { bench.queue(0x80000, 114 | 0x0900_0000) }
    bench.kick()
    #expect(bench[0xc0] & 1 << 15 != 0)
    #expect(bench.sent.count == 16)
  }

  @Test(arguments: [0x40, 0xc0] as [UInt32])
  func `loopback in the MAC and in the PHY`(_ mode: UInt32) throws {
    let bench = try E1000Bench()
    bench.start(receiveMode: 0x0400_8002 | mode)
    bench.transmit(E1000Bench.frame())
    #expect(bench.sent.isEmpty)
    #expect(bench.received(0).bytes == E1000Bench.frame())
  }
}
