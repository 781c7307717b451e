// SPDX-License-Identifier: Apache-2.0

/// The ACPI tables of a board, as files that firmware loads through fw_cfg.
///
/// They are complete when the machine is built: everything in them is fixed by the configuration, or by the firmware in
/// a way known beforehand (`ACPIBoard.powerManagementBase`). A further table is one more `list` in `init`.
///
/// Not emulated: sleep states other than S5; processor and memory hotplug.
/// Reference: ACPI 1.0b, chapter 5, which is what the tables' revisions say, as those of QEMU 7.2's `pc` do.
package struct ACPITables: Sendable {
  package static let rootPointerFileName = "etc/acpi/rsdp"

  /// Names and contents of the fw_cfg files.
  package let files: [(name: String, contents: [UInt8])]

  package init(_ board: ACPIBoard) {
    var area = TableArea()
    let control = area.add(structure: Self.firmwareControl, alignment: 64)
    let description = area.add("DSDT", revision: 1, body: board.description)
    area.list(
      "FACP", revision: 1, body: Self.fixedDescription(board),
      pointers: [.init(offset: 36, target: control), .init(offset: 40, target: description)])
    area.list(
      "APIC", revision: 1, body: ACPIInterruptTables.multipleAPICs(processorCount: board.processorCount))
    if board.hasEventTimer { area.list("HPET", revision: 1, body: ACPIInterruptTables.highPrecisionEventTimer) }
    area.list("WAET", revision: 1, body: Self.windowsEmulatedDevices)
    let root = area.addRoot()

    var script = area.script
    let rootPointer = Self.rootPointer(to: root, &script)
    files = [
      (TableArea.fileName, area.contents), (Self.rootPointerFileName, rootPointer),
      (LoaderScript.fileName, script.contents),
    ]
  }

  /// RSDP of ACPI 1.0: 20 bytes that point to the RSDT. ACPI 6.5, 5.2.5.3.
  private static func rootPointer(to root: TableArea.Location, _ script: inout LoaderScript) -> [UInt8] {
    let addressOffset = 16
    let pointer =
      Array("RSD PTR ".utf8) + [0] + Array("APUS  ".utf8) + [0] + littleEndian(UInt32(truncatingIfNeeded: root.offset))
    script.allocate(rootPointerFileName, alignment: 16, .fSegment)
    script.addPointer(in: rootPointerFileName, at: addressOffset, byteCount: 4, to: TableArea.fileName)
    script.addChecksum(in: rootPointerFileName, at: 8, of: 0..<pointer.count)
    return pointer
  }

  /// FACS: the global lock and, with sleep states that keep memory, the waking vector. ACPI 6.5, 5.2.10.
  private static let firmwareControl: [UInt8] =
    Array("FACS".utf8) + littleEndian(UInt32(64)) + [UInt8](repeating: 0, count: 56)

  /// FADT flags. ACPI 6.5, table 5.10.
  private struct FixedFeatures: OptionSet {
    let rawValue: UInt32

    static let wbinvd = FixedFeatures(rawValue: 1 << 0)
    /// Every processor can sleep in C1, which is HLT.
    static let c1 = FixedFeatures(rawValue: 1 << 2)
    /// There is no sleep button among the fixed registers; that there is a power button is the flag before, clear.
    static let noFixedSleepButton = FixedFeatures(rawValue: 1 << 5)
    static let rtcWakesFromS4 = FixedFeatures(rawValue: 1 << 7)
    /// The processor's time stamp counter is not to be trusted as a clock.
    static let platformClock = FixedFeatures(rawValue: 1 << 15)
  }

  /// FADT after its header, with PIIX4's registers. ACPI 1.0b, 5.2.5; the values are those of QEMU's `pc`.
  private static func fixedDescription(_ board: ACPIBoard) -> [UInt8] {
    let base = UInt32(board.powerManagementBase)
    let none: UInt32 = 0
    let flags: FixedFeatures = [.wbinvd, .c1, .noFixedSleepButton, .rtcWakesFromS4, .platformClock]
    var body: [UInt8] = []
    func add<T: FixedWidthInteger>(_ value: T) { body += littleEndian(value) }
    add(none)  // FACS
    add(none)  // DSDT
    add(UInt8(1))  // interrupt model: two 8259A, and I/O APICs if there are any
    add(UInt8(0))
    add(UInt16(truncatingIfNeeded: ACPIBoard.systemControlInterrupt))
    add(UInt32(0xb2))  // SMI command port, with the values that enable and disable ACPI
    add(UInt16(0xf0f1))
    add(UInt16(0))  // no S4BIOS, no processor performance control
    add(base)  // PM1a event
    add(none)
    add(base &+ 4)  // PM1a control
    add(none)
    add(none)  // PM2
    add(base &+ 8)  // PM timer
    add(UInt32(ACPIBoard.generalEventPort))
    add(none)
    body += [4, 2, 0, 4, ACPIBoard.generalEventByteCount, 0, 0, 0]  // lengths of the blocks above
    add(UInt16(0xfff))  // latencies that mean that C2 and C3 do not exist
    add(UInt16(0xfff))
    add(none)  // no need to flush caches by reading
    add(UInt16(0))  // no duty cycle
    body += [0, 0, 0x32]  // no day and month alarms; where the century is in CMOS
    body += [0, 0, 0]
    add(flags.rawValue)
    return body
  }

  /// WAET: one read of the PM timer is enough. Microsoft, "Windows ACPI Emulated Devices Table", 2009.
  private static let windowsEmulatedDevices: [UInt8] = littleEndian(UInt32(1 << 1))
}
