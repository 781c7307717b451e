// SPDX-License-Identifier: Apache-2.0
import Chipset
import DeviceBattery
import Platform
import Testing

@Suite("Device battery: APICs")
struct APICBatteryTests {
  /// Registers that are worth a random write, with values that the register understands.
  private static func poke(_ apic: LocalAPIC, _ word: UInt64) {
    let vector = UInt64([0x05, 0x31, 0x42, 0x61, 0xf3][Int(word >> 8 & 0xff) % 5])
    let pokes: [(UInt64, UInt64)] = [
      (0xf0, 0x1ff), (0xf0, word & 0xff | 0x100), (0x320, vector | word & 0x20000), (0x320, vector),
      (0x380, word >> 40 & 0xffff), (0x380, word >> 40 & 0xff), (0x3e0, word >> 16 & 0xb), (0x80, word >> 20 & 0x3f),
      (0xb0, 0), (0xb0, 0), (0xb0, 0), (0x280, 0), (0x370, vector),
      (0x350, [0x700, 0x8041, 0x41, 0x10700][Int(word >> 32 & 3)]),
      (0x360, [0x400, 0x10400, 0x51, 0x500][Int(word >> 32 & 3)]), (0xd0, 0x0300_0000),
      (0xe0, word >> 33 & 1 == 0 ? 0 : 0xf000_0000),
      (0x310, word & 0x0300_0000), (0x300, 0x40000 | vector), (0x300, 0x800 | vector), (0x300, 0x4500), (0x300, 0x4609),
      (0x20, word & 0x0100_0000),
      (0x300, 0xc0400),
    ]
    let (offset, value) = pokes[Int(word & 0xff) % pokes.count]
    apic.write(memory: offset, width: .dword, value)
  }

  @Test(arguments: [0, 1]) func `a local APIC passes the battery`(number: Int) {
    // ICR is read only where the page is; the first processor never waits for a start-up message.
    let failures = DeviceBattery.check(
      seeds: Array(1...12), exempt: number == 0 ? ["wait_for_sipi"] : []
    ) {
      DeviceBench { parts in
        parts.longestStep = 40 * .microsecond
        let bus = LocalAPICBus()
        parts.keep(bus)
        let record = parts.recorder
        func make(_ id: UInt8) -> LocalAPIC {
          LocalAPIC(
            id: id, hasX2APIC: true, clock: parts.clock, map: parts.memory.map, bus: bus,
            output: id == number ? parts.output("intr") : IRQLine(),
            signals: .init(
              nmi: { record("nmi \(id)") }, initialize: { record("init \(id)") },
              startUp: { record("sipi \(id) \($0)") }, acknowledgeExternal: { 0x20 }))
        }
        let apics = [make(0), make(1)]
        let apic = apics[number]
        parts.companion(apics[1 - number])
        parts.keep(apics[1 - number])
        for _ in 0..<3 { parts.stimulus { Self.poke(apic, $0) } }
        parts.stimulus { Self.poke(apics[1 - number], $0) }
        parts.stimulus { _ in record("ack \(apic.acknowledge().map(String.init) ?? "none")") }
        parts.stimulus { record("register \($0 & 0x3f) \(apic.read(memory: ($0 & 0x3f) << 4, width: .dword))") }
        parts.stimulus {
          record("msr \(apic.read(modelRegister: 0x800 + UInt32($0 & 0x3f)).map(String.init) ?? "fault")")
        }
        parts.stimulus { apic.setLocalInput(Int($0 & 1), $0 & 2 != 0) }
        parts.stimulus { apic.taskPriorityClass = UInt8($0 & 3) }
        parts.stimulus { word in
          let bases: [UInt64] = [0xfee0_0900, 0xfee0_0900, 0xfee0_0d00, 0xfee0_0100, 0xd000_0900]
          guard word & 15 == 0 else { return }
          record("base \(apic.write(modelRegister: 0x1b, bases[Int(word >> 8) % 5]))")
        }
        parts.stimulus { word in
          let mode = InterruptDeliveryMode(rawValue: [0, 0, 0, 1, 7, 4][Int(word >> 8 & 0xff) % 6]) ?? .fixed
          bus.deliver(
            InterruptMessage(
              vector: UInt8(word & 0xff), mode: mode, isLogical: word >> 16 & 1 != 0,
              shortDestination: UInt8(word >> 24 & 3),
              isLevelTriggered: word >> 17 & 1 != 0))
        }
        let memory = parts.memory
        parts.stimulus { record("page \(memory.busRead([0xfee0_0030, 0xd000_0030][Int($0 & 1)], .dword))") }
        parts.exercise(memory: 0xfee0_0000..<0xfee0_0400)
        return apic
      }
    }
    #expect(failures == [])
  }

  @Test func `the I/O APIC passes the battery`() {
    let failures = DeviceBattery.check(seeds: Array(1...8)) {
      DeviceBench { parts in
        let bus = LocalAPICBus()
        let intr = parts.output("intr")
        let record = parts.recorder
        let apic = LocalAPIC(
          id: 0, hasX2APIC: false, clock: parts.clock, map: parts.memory.map, bus: bus, output: intr,
          signals: .init(
            nmi: { record("nmi") }, initialize: { record("init") }, startUp: { _ in }, acknowledgeExternal: { 0x20 }))
        let ioAPIC = IOAPIC(bus: bus, map: parts.memory.map)
        parts.keep(bus)
        parts.companion(apic)
        let memory = parts.memory
        parts.exercise(memory: 0xfec0_0000..<0xfec0_0044)
        parts.stimulus { _ in apic.write(memory: 0xf0, width: .dword, 0x1ff) }
        // Few vectors, so that ends hit; all entries are in use.
        for _ in 0..<3 {
          parts.stimulus { word in
            memory.busWrite(0xfec0_0000, .dword, 0x10 + word % 48)
            let low = 0x30 + (word >> 8 & 0x33) | (word >> 20 & 1) << 15 | (word >> 21 & 7 == 0 ? 1 << 16 : 0)
            memory.busWrite(0xfec0_0010, .dword, word & 1 == 0 ? low : word >> 30 & 1 << 56)
          }
        }
        for _ in 0..<3 { parts.stimulus { ioAPIC.setInput(Int($0 % 24), $0 >> 8 & 1 != 0) } }
        parts.stimulus { word in
          memory.busWrite(0xfec0_0000, .dword, word % 64)
          record("register \(memory.busRead(0xfec0_0010, .dword))")
        }
        for _ in 0..<3 {
          parts.stimulus { _ in
            if intr.level, let vector = apic.acknowledge() {
              record("vector \(vector)")
              apic.write(memory: 0xb0, width: .dword, 0)
            }
          }
        }
        parts.stimulus { _ in for _ in 0..<8 { apic.write(memory: 0xb0, width: .dword, 0) } }
        return ioAPIC
      }
    }
    #expect(failures == [])
  }
}
