// SPDX-License-Identifier: Apache-2.0
import Chardev
import Chipset
import GraphicsDevices
import HostIO
import Platform
import SerialDevices
import X86

extension PC440FX {
  static func allocate(_ name: String, _ byteCount: UInt64) throws(MachineError) -> RAMBlock {
    do throws(Errno) {
      return try RAMBlock(name: name, byteCount: Int(clamping: byteCount))
    } catch {
      throw MachineError("cannot set up guest memory '\(name)': \(error)")
    }
  }

  /// The system firmware, at most 16 MiB and a multiple of 64 KiB as QEMU demands.
  static func firmware(_ configuration: MachineConfiguration, _ search: FirmwareSearch) throws(MachineError) -> RAMBlock
  {
    let name = configuration.firmware ?? "bios-256k.bin"
    guard let bytes = search.load(name, limit: 16 << 20), !bytes.isEmpty, bytes.count % 0x10000 == 0 else {
      throw MachineError("could not load PC BIOS '\(name)'")
    }
    let block = try allocate("pc.bios", UInt64(bytes.count))
    block.contents.copyBytes(from: bytes)
    return block
  }

  /// The processor with the features that the user switched.
  static func processorModel(_ configuration: MachineConfiguration) throws(MachineError) -> CPUModel {
    guard var model = CPUModel.named(configuration.processorModel) else {
      throw MachineError("unable to find CPU model '\(configuration.processorModel)'")
    }
    for feature in configuration.processorFeatures {
      if case .model(let changed) = model.setting(feature.name, feature.isOn) { model = changed }
    }
    return model
  }

  static func makeVGA(
    _ configuration: MachineConfiguration, bus: PCIBus, clock: VirtualClock, rom: [UInt8]
  ) throws(MachineError) -> StandardVGA {
    do throws(Errno) {
      return try StandardVGA(
        bus: bus, address: PCIAddress(slot: 2), clock: clock, rom: rom,
        videoMemoryByteCount: configuration.videoMemoryByteCount,
        isMultifunction: configuration.graphicsIsMultifunction)
    } catch {
      throw MachineError("cannot set up guest memory 'vga.vram': \(error)")
    }
  }

  /// Wall time at virtual time 0, in nanoseconds since 1970.
  static func clockBase(_ clock: MachineConfiguration.RealTimeClock) -> Int64 {
    switch clock.base {
    case .utc: HostClock.realTimeNanoseconds
    case .localTime:
      HostClock.realTimeNanoseconds + HostClock.localOffset(at: HostClock.realTime.seconds) * .second
    case .date(let seconds): seconds.multipliedReportingOverflow(by: .second).partialValue
    }
  }

  func addSerialPorts(
    _ pics: PICPair, _ clock: VirtualClock, _ chardevs: ChardevTable, _ mailbox: Mailbox
  ) throws(MachineError) {
    for (number, serialPort) in configuration.serialPorts.enumerated() {
      let uart = UART16550A(clock: clock, irq: pics.line(serialPort.interrupt & 15))
      let first = min(serialPort.port, UInt16.max - 7)
      ports.map(first...first + 7, to: uart)
      add(uart)
      guard let id = serialPort.chardev else { continue }
      let chardev = try chardev(id, chardevs)
      do throws(ChardevError) {
        let connection = try SerialConnection(uart: uart, chardev: chardev, mailbox: mailbox)
        keep(connection)
        serialLogs[number] = connection.log
      } catch {
        throw MachineError("\(error)")
      }
    }
  }

  private func chardev(_ id: String, _ chardevs: ChardevTable) throws(MachineError) -> Chardev {
    guard let chardev = chardevs[id] else { throw MachineError("chardev '\(id)' not found") }
    return chardev
  }

  func addISADevices(_ chardevs: ChardevTable, _ requests: BoardRequests) throws(MachineError) {
    for device in configuration.isaDevices {
      switch device {
      case .debugExit(let port, let portCount):
        let exit = DebugExit { requests.exit($0) }
        let (last, overflow) = port.addingReportingOverflow(max(1, portCount) - 1)
        guard !overflow else { throw MachineError("isa-debug-exit: ports \(port)...+\(portCount) do not exist") }
        ports.map(port...last, to: exit)
        add(exit)
      case .debugConsole(let id, let port, let readback):
        let chardev = try chardev(id, chardevs)
        let output: ChardevPort
        do throws(ChardevError) {
          output = try chardev.attach(FrontEnd(canReceive: { 0 }, receive: { _ in }))
        } catch {
          throw MachineError("\(error)")
        }
        let console = DebugConsole(readback: readback) { output.write([$0]) }
        ports.map(port...port, to: console)
        add(console)
      case .panic(let port, let offered):
        let panic = PVPanic(offered: PanicEvents(rawValue: offered), report: { requests.panic($0) })
        ports.map(port...port, to: panic)
        add(panic)
      }
    }
  }

  /// What the firmware reads: RAM size, processors, memory map, boot order.
  func fillFirmwareConfiguration(_ device: FirmwareConfiguration, low: UInt64, high: UInt64) {
    typealias Key = FirmwareConfiguration.Key
    device.set(Key.uuid, configuration.uuid)
    device.set(Key.ramSize, integer: configuration.memoryByteCount)
    device.set(Key.noGraphic, integer: UInt16(configuration.isNoGraphic ? 1 : 0))
    device.set(Key.cpuCount, integer: UInt16(truncatingIfNeeded: configuration.processorCount))
    device.set(Key.maximumCPUs, integer: UInt16(truncatingIfNeeded: configuration.processorCount))
    device.set(Key.bootMenu, integer: UInt16(configuration.bootMenu ? 1 : 0))
    device.set(Key.irq0Override, integer: UInt32(1))
    var table: [UInt8] = []
    func entry(_ address: UInt64, _ length: UInt64, _ type: UInt32) {
      for value in [address, length] { table += (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) } }
      table += (0..<4).map { UInt8(truncatingIfNeeded: type >> UInt32(8 * $0)) }
    }
    if CPUModel.named(configuration.processorModel)?.hasHyperTransportRange == true {
      entry(0xfd_0000_0000, 0x3_0000_0000, 2)
    }
    entry(0, low, 1)
    if high > 0 { entry(1 << 32, high, 1) }
    device.setFile("etc/e820", table)
    // S3 and S4 do not exist; S5 is sleep type 0.
    device.setFile("etc/system-states", [0x80, 0, 0, 1, 2, 0x80])
    // Nothing bootable: stay with the message instead of trying again.
    device.setFile("etc/boot-fail-wait", [0xff, 0xff, 0xff, 0xff])
    device.setFile("genroms/boot-entry.bin", Self.bootEntryROM)
    for file in ACPITables(acpiBoard(low: low, high: high)).files { device.setFile(file.name, file.contents) }
    let tables = SMBIOS(
      uuid: configuration.uuid, processorCount: configuration.processorCount, processorID: processor.identity,
      lowMemory: low, highMemory: high)
    for file in tables.files { device.setFile(file.name, file.contents) }
    if let port = panicPort {
      device.setFile("etc/pvpanic-port", [UInt8(truncatingIfNeeded: port), UInt8(truncatingIfNeeded: port >> 8)])
    }
    if let wait = configuration.bootMenuWait {
      device.setFile("etc/boot-menu-wait", [UInt8(truncatingIfNeeded: wait), UInt8(truncatingIfNeeded: wait >> 8)])
    }
  }

  private var panicPort: UInt16? {
    for case .panic(let port, _) in configuration.isaDevices { return port }
    return nil
  }

  private func acpiBoard(low: UInt64, high: UInt64) -> ACPIBoard {
    var board = ACPIBoard(lowMemory: low, highMemory: high)
    board.processorCount = configuration.processorCount
    board.hotplugSlots = removableSlots
    board.hasEventTimer = configuration.hasEventTimer
    board.panicPort = panicPort
    board.serialPorts = configuration.serialPorts.map { .init(port: $0.port, interrupt: $0.interrupt) }
    // Type 5, a 2.88 MB drive, has 36 sectors a track.
    board.floppyDrives = [
      configuration.hasFloppyDrive ? .init(cmosType: floppy.cmosDriveTypes >> 4, sectorsPerTrack: 36) : nil, nil,
    ]
    return board
  }

  /// An option ROM whose entry point just returns. QEMU's `pc` always has one such ROM without a Plug and Play header, and
  /// for it SeaBIOS lists a hard disk among the boot devices even when there is none; screens differ without it.
  static let bootEntryROM: [UInt8] = {
    var rom: [UInt8] = [0x55, 0xaa, 1, 0xcb]  // signature, 512 bytes, RETF
    rom += [UInt8](repeating: 0, count: 512 - rom.count)
    rom[511] = 0 &- rom.reduce(0, &+)
    return rom
  }()

  // MARK: Life

  /// Resets everything on the board: devices, lines, processor. RAM and media survive.
  ///
  /// - Parameter ejects: devices that are to leave are gone afterwards.
  func reset(_ kind: ResetKind, ejects: Bool = true) {
    if kind == .system, ejects { hotplug.ejectWhatLeaves() }
    if bootOrderHasChanged {
      firmwareConfiguration.setFile("bootorder", bootOrder.file(isStrict: configuration.bootIsStrict) ?? [])
      bootOrderHasChanged = false
    }
    if kind == .power {
      layOutCMOS()
    } else if configuration.bootOnce != nil {
      CMOSLayout.setBootOrder(configuration.bootOrder, in: rtc)  // once is over
    }
    for device in devices { device.reset(kind) }
    commitMap()
    processor.reset()
  }

  /// Makes a changed memory map visible to the processor.
  package func commitMap() {
    guard map.needsCommit else { return }
    for range in map.commit() { processor.invalidateMap(range.lowerBound, length: range.upperBound - range.lowerBound) }
  }
}
