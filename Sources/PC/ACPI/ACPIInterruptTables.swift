// SPDX-License-Identifier: Apache-2.0

/// The tables that describe interrupt controllers and the event timer; the values are those of QEMU's `pc`.
enum ACPIInterruptTables {
  /// Where processors find their local APICs, and where the I/O APIC is.
  private static let localAPIC: UInt32 = 0xfee0_0000
  private static let ioAPIC: UInt32 = 0xfec0_0000
  static let eventTimer: UInt32 = 0xfed0_0000

  /// MADT after its header. ACPI 1.0b, 5.2.8: a local APIC for each processor, the I/O APIC, interrupts that are not
  /// what ISA's are, and LINT1 as NMI of all processors.
  static func multipleAPICs(processorCount: Int) -> [UInt8] {
    var body = littleEndian(localAPIC) + littleEndian(UInt32(1))  // there are 8259As as well
    for number in 0..<processorCount {
      let id = UInt8(truncatingIfNeeded: number)
      body += [0, 8, id, id] + littleEndian(UInt32(1))
    }
    body += [1, 12, 0, 0] + littleEndian(ioAPIC) + littleEndian(UInt32(0))
    body += override(of: 0, input: 2, flags: 0)
    // What PIIX3 and PIIX4 drive: level-triggered, active high.
    for interrupt: UInt8 in [5, 9, 10, 11] { body += override(of: interrupt, input: interrupt, flags: 0x0d) }
    return body + [4, 6, 0xff, 0, 0, 1]
  }

  private static func override(of interrupt: UInt8, input: UInt8, flags: UInt16) -> [UInt8] {
    [2, 10, 0, interrupt] + littleEndian(UInt32(input)) + littleEndian(flags)
  }

  /// HPET table after its header. IA-PC HPET Specification 1.0a, 3.2.4: the timer block's ID, a memory address, number 0,
  /// no least count, no page protection.
  static let highPrecisionEventTimer: [UInt8] =
    littleEndian(UInt32(0x8086_a201)) + [0, 0, 0, 0] + littleEndian(UInt64(eventTimer)) + [0, 0, 0, 0]
}
