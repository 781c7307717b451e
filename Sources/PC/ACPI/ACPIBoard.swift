// SPDX-License-Identifier: Apache-2.0

/// What the ACPI tables of QEMU's `pc` depend on: an i440FX with its PCI bus and the ISA devices behind PIIX3.
package struct ACPIBoard: Sendable {
  /// Interrupt 9, to which PIIX4 wires its SCI.
  static let systemControlInterrupt: UInt32 = 9
  static let generalEventPort: UInt16 = 0xafe0
  static let generalEventByteCount: UInt8 = 4

  package struct SerialPort: Sendable {
    package var port: UInt16
    package var interrupt: Int

    package init(port: UInt16, interrupt: Int) { (self.port, self.interrupt) = (port, interrupt) }
  }

  /// A floppy drive, by its capacity.
  package struct FloppyDrive: Sendable {
    /// As in CMOS byte 10h: 2 is 1.2 MB, 4 is 1.44 MB, 5 is 2.88 MB.
    package var cmosType: UInt8
    package var sectorsPerTrack: UInt8

    package init(cmosType: UInt8, sectorsPerTrack: UInt8) {
      (self.cmosType, self.sectorsPerTrack) = (cmosType, sectorsPerTrack)
    }
  }

  /// Bytes of RAM from 0 and from 4 GiB.
  package var lowMemory: UInt64
  package var highMemory: UInt64
  /// Where firmware puts PIIX4's registers. SeaBIOS: 600h, because the tables come from fw_cfg.
  package var powerManagementBase: UInt16 = 0x600
  package var processorCount = 1
  package var hasEventTimer = true
  package var serialPorts: [SerialPort] = []
  /// Where a guest tells that it panics.
  package var panicPort: UInt16?
  /// A bit for every slot of PCI bus 0 whose device can be taken out, or that is empty.
  package var hotplugSlots: UInt32 = 0
  /// Drives A and B of the floppy controller; nil: there is no controller.
  package var floppyDrives: [FloppyDrive?]?

  package init(lowMemory: UInt64, highMemory: UInt64) {
    (self.lowMemory, self.highMemory) = (lowMemory, highMemory)
  }

  /// The DSDT's contents. Interrupt links come before what names them: some interpreters resolve names at once.
  var description: [UInt8] {
    AML.joined([
      .scope(
        #"\_SB"#,
        [rootBridge] + interruptLinks + eventTimer + [.scope("PCI0", [interruptRouting] + hotplug.busTerms)]),
      hotplug.eventMethods,
      // S5 is sleep type 0 for both PM1 control registers.
      .name(#"\_S5"#, .package([0, 0, 0, 0])),
    ])
  }

  private var hotplug: ACPIHotplug { ACPIHotplug(slots: hotplugSlots) }

  private var eventTimer: [AML] {
    guard hasEventTimer else { return [] }
    let registers = Resource.memory(ACPIInterruptTables.eventTimer, byteCount: 0x400)
    return [
      .device(
        "HPET",
        [
          .name("_HID", .eisaID("PNP0103")), .name("_UID", 0), .name("_CRS", ResourceTemplate([registers]).aml),
        ])
    ]
  }

  // MARK: PCI

  private var rootBridge: AML {
    .device(
      "PCI0",
      [
        .name("_HID", .eisaID("PNP0A03")), .name("_UID", 0),
        .name("_CRS", ResourceTemplate(rootResources).aml),
        isaBridge,
        motherboard("GPE0", "PNP0A06", [.ports(Self.generalEventPort, count: Self.generalEventByteCount)]),
        motherboard("PHPR", "PNP0A06", [.ports(ACPIHotplug.firstPort, count: ACPIHotplug.portCount)]),
        .device(
          "FWCF",
          [
            .name("_HID", .string("QEMU0002")), .name("_STA", 0x0b),
            .name("_CRS", ResourceTemplate([.ports(0x510, count: 12)]).aml),
          ]),
      ])
  }

  /// A device whose only purpose is to keep others off its ports: present, working, not shown.
  private func motherboard(_ name: String, _ identifier: String, _ resources: [Resource]) -> AML {
    .device(
      name,
      [
        .name("_HID", .eisaID(identifier)), .name("_UID", .string(name)), .name("_STA", 0x0b),
        .name("_CRS", ResourceTemplate(resources).aml),
      ])
  }

  /// Memory above RAM up to the I/O APIC, and 2 GiB above all RAM.
  private var rootResources: [Resource] {
    let gigabyte: UInt64 = 1 << 30
    let highStart = ((1 << 32) &+ highMemory &+ (gigabyte - 1)) & ~(gigabyte - 1)
    let lowStart = UInt32(truncatingIfNeeded: min(lowMemory, 0xe000_0000))
    return [
      .busNumbers(0...255), .ports(0xcf8, count: 8), .portWindow(0...0xcf7), .portWindow(0xd00...0xffff),
      .memoryWindow(UInt32(0xa_0000)...0xb_ffff, isCacheable: true),
      .memoryWindow(lowStart...0xfebf_ffff, isCacheable: false),
      .memoryWindow(highStart...highStart &+ (2 * gigabyte - 1), isCacheable: true),
    ]
  }

  // MARK: PCI interrupts

  private static let links = ["LNKA", "LNKB", "LNKC", "LNKD"]
  private static let routes = ["PRQA", "PRQB", "PRQC", "PRQD"]
  /// The bit of a route register that disconnects its PIRQ. PIIX3 data sheet, 2.2.7.
  private static let disconnected: AML = 0x80

  /// `_PRT`: pin A of slot 1 is PIRQA, and every further pin or slot is one further on.
  private var interruptRouting: AML {
    let entries = (0..<32).flatMap { slot in
      (0..<4).map { pin in
        // PIIX4's power management function is the one on pin A of slot 1; it drives the SCI instead.
        let link = slot == 1 && pin == 0 ? "LNKS" : Self.links[(slot + pin + 3) & 3]
        return AML.package([.integer(UInt64(slot) << 16 | 0xffff), .integer(UInt64(pin)), .path(link), 0])
      }
    }
    return .name("_PRT", .package(entries))
  }

  /// A link per PIRQ, programmed through PIIX3's route registers, and the fixed one of the SCI.
  private var interruptLinks: [AML] {
    let fields: [AML] = [
      .field(#"\_SB.PCI0.ISA.PIRQ"#, .byte, .preserve, Self.routes.map { .named($0, bitCount: 8) })
    ]
    let fixed = AML.device(
      "LNKS",
      [
        .name("_HID", .eisaID("PNP0C0F")), .name("_UID", 4), .name("_STA", 0x0b),
        .name("_PRS", ResourceTemplate([.sharedInterrupts([Self.systemControlInterrupt])]).aml),
        .method("_CRS", [.return(.path("_PRS"))]),
        .method("_DIS", []),
        .method("_SRS", argumentCount: 1, []),
      ])
    return fields + (0..<4).map { link($0) } + [fixed]
  }

  private func link(_ number: Int) -> AML {
    let route = AML.path(Self.routes[number])
    let current = AML.path("CURR")
    let currentInterrupt = AML.index(current, Resource.firstInterruptIndex)
    return .device(
      Self.links[number],
      [
        .name("_HID", .eisaID("PNP0C0F")), .name("_UID", .integer(UInt64(number))),
        .name("_PRS", ResourceTemplate([.sharedInterrupts([5, 10, 11])]).aml),
        .name("CURR", ResourceTemplate([.sharedInterrupts([0])]).aml),
        .method("_STA", [.if(.and(route, Self.disconnected), [.return(0x09)]), .return(0x0b)]),
        .method("_DIS", [.or(route, Self.disconnected, in: route)]),
        .method(
          "_CRS", isSerialized: true,
          [
            .if(
              .and(route, Self.disconnected), [.store(0, in: currentInterrupt)],
              else: [.store(route, in: currentInterrupt)]),
            .return(current),
          ]),
        .method(
          "_SRS", argumentCount: 1,
          [.store(.dereference(.index(.argument(0), Resource.firstInterruptIndex)), in: route)]),
      ])
  }

  // MARK: ISA

  private var isaBridge: AML {
    .device(
      "ISA",
      [.name("_ADR", 0x1_0000), .operationRegion("PIRQ", .pciConfiguration, at: 0x60, byteCount: 4)] + isaDevices)
  }

  /// SeaBIOS, too, looks here for what to initialize.
  private var isaDevices: [AML] {
    let keyboard = isaDevice("KBD", "PNP0303", [.ports(0x60, count: 1), .ports(0x64, count: 1), .irq(1)])
    let mouse = isaDevice("MOU", "PNP0F13", [.irq(12)])
    let clock = isaDevice("RTC", "PNP0B00", [.ports(0x70, count: 2), .irq(8)])
    let uarts = serialPorts.prefix(0xff).enumerated().map { index, uart in
      let number = index + 1
      let name = number < 10 ? "COM\(number)" : "CM" + String(0x100 + number, radix: 16, uppercase: true).suffix(2)
      return isaDevice(
        name, "PNP0501", [.ports(uart.port, count: 8), .irq(uart.interrupt)], uniqueID: UInt64(number))
    }
    return (panicPort.map { [panicDevice($0)] } ?? []) + [keyboard, mouse]
      + (floppyDrives.map { [floppyController($0)] } ?? []) + uarts + [clock]
  }

  private func isaDevice(
    _ name: String, _ identifier: String, _ resources: [Resource], uniqueID: UInt64? = nil, _ terms: [AML] = []
  ) -> AML {
    var content: [AML] = [.name("_HID", .eisaID(identifier))]
    if let uniqueID { content.append(.name("_UID", .integer(uniqueID))) }
    content += [.name("_STA", 0x0f), .name("_CRS", ResourceTemplate(resources).aml)]
    return .device(name, content + terms)
  }

  /// Methods by which a guest reads and writes the port; Linux's pvpanic driver finds the device by its name.
  private func panicDevice(_ port: UInt16) -> AML {
    let register = AML.path("PEPT")
    return .device(
      "PEVT",
      [
        .name("_HID", .string("QEMU0001")), .name("_CRS", ResourceTemplate([.ports(port, count: 1)]).aml),
        .operationRegion("PEOR", .systemIO, at: UInt64(port), byteCount: 1),
        .field("PEOR", .byte, .preserve, [.named("PEPT", bitCount: 8)]),
        .name("_STA", 0x0f),
        .method("RDPT", [.return(register)]),
        .method("WRPT", argumentCount: 1, [.store(.argument(0), in: register)]),
      ])
  }

  private func floppyController(_ drives: [FloppyDrive?]) -> AML {
    let present = (0..<4).map { $0 < min(2, drives.count) && drives[$0] != nil }
    // _FDE: a double word per drive, then "tape never present". ACPI 6.5, 9.9.1.
    let enumeration = present.flatMap { littleEndian(UInt32($0 ? 1 : 0)) } + littleEndian(UInt32(2))
    let units = drives.prefix(2).enumerated().compactMap { index, drive in
      drive.map { floppyDrive(index, $0) }
    }
    return isaDevice(
      "FDC0", "PNP0700", [.ports(0x3f2, count: 4), .ports(0x3f7, count: 1), .irq(6), .dma(2)],
      [.name("_FDE", .buffer(enumeration))] + units)
  }

  /// `_FDI`: what INT 13h function 8 tells of a drive, then its diskette parameter table. ACPI 6.5, 9.9.2.
  private func floppyDrive(_ index: Int, _ drive: FloppyDrive) -> AML {
    let formatGap: UInt8 = drive.cmosType == 2 ? 0x54 : 0x6c
    let information: [UInt8] = [
      UInt8(index & 1), drive.cmosType, 79, drive.sectorsPerTrack, 1,
      0xaf, 0x02, 0x25, 0x02, drive.sectorsPerTrack, 0x1b, 0xff, formatGap, 0xf6, 0x0f, 0x08,
    ]
    return .device(
      index == 0 ? "FLPA" : "FLPB",
      [
        .name("_ADR", .integer(UInt64(index))), .name("_FDI", .package(information.map { .integer(UInt64($0)) })),
      ])
  }
}
