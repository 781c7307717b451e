// SPDX-License-Identifier: Apache-2.0
import Chipset
import DeviceBattery
import Platform
import Testing

/// Values are QEMU 7.2's, read through its qtest interface.
@Suite struct PCIHotplugTests {
  /// A chip with a board that notes what is asked of it.
  private final class Bench {
    let ports = PortSpace()
    let hotplug: PCIHotplug
    var ejected: [UInt8] = []

    init() {
      let counter = Counter()
      hotplug = PCIHotplug { counter.count += 1 }
      self.counter = counter
      ports.map(0xae00...0xae17, to: hotplug)
      hotplug.slots = .init(
        eject: { [unowned self] in ejected.append($0) }, removable: { 0xffff_fff8 }, index: { $0 == 5 ? 7 : 0 })
      hotplug.reset(.power)
    }

    private final class Counter { var count = 0 }
    private let counter: Counter
    var eventCount: Int { counter.count }

    func read(_ offset: UInt16, _ width: AccessWidth = .dword) -> UInt32 { ports.read(0xae00 + offset, width) }
    func write(_ offset: UInt16, _ value: UInt32, _ width: AccessWidth = .dword) {
      ports.write(0xae00 + offset, width, value)
    }
  }

  @Test func `what came is told once, and what is to go until it is ejected`() {
    let bench = Bench()
    bench.hotplug.deviceArrived(4)
    bench.hotplug.requestEjection(9)
    bench.hotplug.requestEjection(31)
    #expect(bench.eventCount == 3)
    for expected: UInt32 in [0x10, 0] { #expect(bench.read(0) == expected) }
    for _ in 0..<2 { #expect(bench.read(4) == 0x8000_0200) }
    bench.write(8, 1 << 9)
    #expect(bench.ejected == [9] && bench.read(4) == 0x8000_0000)
    bench.hotplug.ejectWhatLeaves()
    #expect(bench.ejected == [9, 31] && bench.read(4) == 0)
  }

  @Test func `of several slots the lowest is ejected, and of none nothing is`() {
    let bench = Bench()
    bench.write(8, 0)
    bench.write(8, 1 << 20 | 1 << 6)
    #expect(bench.ejected == [6])
    #expect(bench.read(8) == 0)
  }

  @Test func `an ejected slot has nothing new any more`() {
    let bench = Bench()
    bench.hotplug.deviceArrived(6)
    bench.write(8, 1 << 6)
    #expect(bench.read(0) == 0)
  }

  @Test(arguments: [(0, 0, 0xffff_fff8), (5, 5, 0xffff_ffff), (0x100, 0, 0), (0xffff_ffff, 0, 0)])
  func `only bus 0 has slots`(number: UInt32, shown: UInt32, removable: UInt32) {
    let bench = Bench()
    bench.hotplug.deviceArrived(4)
    bench.hotplug.requestEjection(4)
    bench.write(0x10, number)
    #expect(bench.read(0x10) == shown && bench.read(0x0c) == removable)
    bench.write(8, 1 << 4)
    let ejected: [UInt8] = number == 0 ? [4] : []
    #expect(bench.ejected == ejected)
    bench.write(0x10, 0)
    let left: UInt32 = number == 0 ? 0 : 0x10
    #expect(bench.read(4) == left)
  }

  @Test func `registers are double words`() {
    let bench = Bench()
    bench.hotplug.requestEjection(4)
    for width in [AccessWidth.byte, .word] {
      #expect(bench.read(0x0c, width) == 0)
      bench.write(8, 1 << 4, width)
    }
    #expect(bench.read(0x0d) == 0 && bench.read(0x15, .word) == 0)
    bench.write(9, 1 << 4)
    #expect(bench.ejected == [])
  }

  @Test func `a device's number is read once`() {
    let bench = Bench()
    bench.write(0x14, 1 << 5)
    for expected: UInt32 in [7, 0] { #expect(bench.read(0x14) == expected) }
    bench.write(0x14, 1 << 5)
    bench.write(0x14, 1 << 3)
    #expect(bench.read(0x14) == 0)
    bench.write(0x14, 0)
    #expect(bench.read(0x14) == 0)
  }

  @Test func `a reset keeps what waits, a power-up does not`() {
    let bench = Bench()
    bench.hotplug.deviceArrived(4)
    bench.hotplug.reset(.system)
    #expect(bench.read(0) == 1 << 4)
    bench.hotplug.deviceArrived(4)
    bench.hotplug.reset(.power)
    #expect(bench.read(0) == 0)
  }

  @Test func `an event is the second general purpose event of PIIX4`() throws {
    let bench = try PCIChipBench()
    bench.power.raiseGeneralEvent(PCIHotplug.event)
    #expect(bench.ports.read(0xafe0, .byte) == 2 && !bench.sci.level)
    bench.ports.write(0xafe2, .byte, 2)
    #expect(bench.sci.level)
    bench.ports.write(0xafe0, .byte, 2)
    #expect(!bench.sci.level)
  }

  @Test func `the hotplug registers pass the battery`() {
    let failures = DeviceBattery.check {
      DeviceBench { parts in
        let event = parts.recorder
        let hotplug = PCIHotplug { event("event") }
        let record = parts.recorder
        // Which slots can be emptied changes with what is in them, and is looked at when the machine is reset.
        hotplug.slots = .init(
          eject: { record("eject \($0)") }, removable: { 0xffff_fff8 }, index: { UInt32($0) * 3 })
        parts.ports.map(0xae00...0xae17, to: hotplug)
        let ports = parts.ports
        parts.stimulus { hotplug.deviceArrived(UInt8(truncatingIfNeeded: $0)) }
        parts.stimulus { hotplug.requestEjection(UInt8(truncatingIfNeeded: $0)) }
        parts.stimulus { ports.write(0xae00 + UInt16($0 % 6) * 4, .dword, 1 << UInt32($0 >> 8 & 31)) }
        parts.stimulus { ports.write(0xae10, .dword, $0 & 3 == 0 ? UInt32($0 >> 8 & 0x1ff) : 0) }
        parts.stimulus { word in
          record(
            (0..<6).map { "\(ports.read(0xae00 + (UInt16(truncatingIfNeeded: word) &+ UInt16($0)) % 6 * 4, .dword))" }
              .joined(
                separator: " "))
        }
        parts.stimulus { word in
          guard word % 16 == 0 else { return }
          hotplug.slots.removable = { UInt32(truncatingIfNeeded: word) }
          hotplug.reset(.system)
        }
        parts.exercise(ports: 0xae00...0xae17)
        return hotplug
      }
    }
    #expect(failures == [])
  }
}
