// SPDX-License-Identifier: Apache-2.0
import Chipset
import Platform

/// Local APICs of several processors and an I/O APIC, driven through memory and MSRs; what they tell processors is noted.
final class APICBench {
  let clock: VirtualClock
  let memory = GuestMemory()
  let bus = LocalAPICBus()
  let apics: [LocalAPIC]
  let ioAPIC: IOAPIC
  let outputs: [IRQLine]
  let log = Log()

  final class Log {
    var lines: [String] = []
    var externalVector: UInt8 = 0x20
  }

  init(processorCount: Int = 1, hasX2APIC: Bool = true, clock: VirtualClock = VirtualClock()) {
    self.clock = clock
    let (memory, bus, log) = (memory, bus, log)
    let outputs = (0..<processorCount).map { _ in IRQLine() }
    self.outputs = outputs
    apics = (0..<processorCount).map { number in
      let apic = LocalAPIC(
        id: UInt8(number), hasX2APIC: hasX2APIC, clock: clock, map: memory.map, bus: bus, output: outputs[number],
        signals: .init(
          nmi: { log.lines.append("nmi \(number)") }, initialize: { log.lines.append("init \(number)") },
          startUp: { log.lines.append("sipi \(number) \($0)") }, acknowledgeExternal: { log.externalVector }))
      apic.reset(.power)
      return apic
    }
    ioAPIC = IOAPIC(bus: bus, map: memory.map)
    ioAPIC.reset(.power)
    memory.map.commit()
  }

  /// A register of a local APIC by its offset, through the APIC itself since all share one page.
  subscript(_ number: Int = 0, _ offset: UInt64) -> UInt32 {
    get { UInt32(truncatingIfNeeded: apics[number].read(memory: offset, width: .dword)) }
    set { apics[number].write(memory: offset, width: .dword, UInt64(newValue)) }
  }

  func enable(_ number: Int = 0) { self[number, 0xf0] = 0x1ff }

  /// A register of the I/O APIC.
  func io(_ register: UInt8) -> UInt32 {
    memory.write(0xfec0_0000, integer: UInt32(0))
    memory.busWrite(0xfec0_0000, .dword, UInt64(register))
    return UInt32(truncatingIfNeeded: memory.busRead(0xfec0_0010, .dword))
  }

  func setIO(_ register: UInt8, _ value: UInt32) {
    memory.busWrite(0xfec0_0000, .byte, UInt64(register))
    memory.busWrite(0xfec0_0010, .dword, UInt64(value))
  }

  func redirect(_ input: Int, _ low: UInt32, to destination: UInt8 = 0) {
    setIO(UInt8(0x11 + 2 * input), UInt32(destination) << 24)
    setIO(UInt8(0x10 + 2 * input), low)
  }

  /// Takes the interrupt that the processor sees, nil when INTR is low.
  func take(_ number: Int = 0) -> UInt8? { outputs[number].level ? apics[number].acknowledge() : nil }
}
