// SPDX-License-Identifier: Apache-2.0
import Block
import Chardev
import Chipset
import GraphicsDevices
import HostIO
import InputDevices
import Network
import Platform
import SerialDevices
import StorageDevices
import X86

/// QEMU's `pc`: Intel 440FX host bridge, PIIX3 ISA bridge and IDE, PIIX4 power management, standard VGA.
///
/// A wiring diagram: one line per chip, in address order. Everything else about a chip is in its own file.
public final class PC440FX {
  public let processor: Processor
  /// What the processor compiles to, unless the host refuses such memory.
  private let hostCode: ExecutableMemory?
  public let memory: GuestMemory
  public let map: MemoryMap
  public let ports = PortSpace()
  public let pci: PCIBus
  public let ram: RAMBlock
  public let keyboard = PS2Keyboard()
  /// What the serial ports have sent, by number; a port without a character device has none.
  public internal(set) var serialLogs: [Int: SerialLog] = [:]
  public let mouse = PS2Mouse()
  let keyboardController: KeyboardController
  public let powerManagement: PIIX4PM
  public let ide: PIIX3IDE
  let floppy: FloppyController
  public let vga: StandardVGA?
  /// Disk images and drives.
  public let blockGraph: BlockGraph
  /// Every device in reset, save and load order.
  public internal(set) var devices: [any Device] = []
  /// The registers of the bus's slots.
  package let hotplug: PCIHotplug
  /// Devices of the user's on the PCI bus.
  var plugged: [PluggedDevice] = []
  /// Where they are among the devices.
  var firstPluggedIndex = 0
  /// Devices without a name so far.
  var anonymousDeviceCount: Int
  let interrupts: InterruptRouter
  /// For everything on the board that gives the guest random numbers.
  let random: RandomSource
  private let bridge: ProcessorBridge
  private let firmwareROM: RAMBlock
  package let rtc: CMOSRTC
  let configuration: MachineConfiguration
  private var connections: [AnyObject] = []
  var bootOrder = BootOrder()
  /// The firmware reads another order after the next reset.
  var bootOrderHasChanged = false
  let firmwareConfiguration: FirmwareConfiguration
  let blockQueue: BlockQueue
  let clock: VirtualClock
  let requests: BoardRequests
  /// Where option ROMs come from.
  let search: FirmwareSearch
  /// The wires, which adapters are plugged into.
  let network: NetworkTable
  /// Names of the back ends in `configuration.networks`.
  let networkNames: [String]
  /// Ethernet addresses that were given out.
  var takenAddresses: [[UInt8]]

  /// About as much as the decoded code it is made from; see `BlockCache`.
  private static let hostCodeByteCount = 64 << 20

  /// Keeps host code that has been compiled where the host's processor finds it quickly.
  func useLargePages() { hostCode?.useLargePages(upTo: processor.hostCodeByteCount) }

  /// RAM that does not fit below the PCI hole continues at 4 GiB. QEMU's `pc`: the hole starts at 3.5 GiB, at 3 GiB when
  /// memory would reach into it.
  package static func split(_ byteCount: UInt64) -> (low: UInt64, high: UInt64) {
    let low = byteCount >= 0xe000_0000 ? 0xc000_0000 : byteCount
    return (low, byteCount - low)
  }

  init(
    _ configuration: MachineConfiguration, chardevs: ChardevTable, clock: VirtualClock, mailbox: Mailbox,
    blockGraph: BlockGraph, network: NetworkTable, networkNames: [String], requests: BoardRequests
  ) throws(MachineError) {
    self.configuration = configuration
    self.blockGraph = blockGraph
    (self.network, self.networkNames) = (network, networkNames)
    (self.clock, self.requests) = (clock, requests)
    let search = FirmwareSearch(given: configuration.firmwareFolders)
    self.search = search
    takenAddresses = Self.givenAddresses(configuration)
    anonymousDeviceCount = configuration.anonymousDeviceCount
    let (low, high) = Self.split(configuration.memoryByteCount)
    memory = GuestMemory()
    map = memory.map
    pci = PCIBus(memory: map, ports: ports)

    // Memory
    ram = try Self.allocate("pc.ram", configuration.memoryByteCount)
    map.add("ram-below-4g", at: 0, byteCount: low, .ram(ram, offset: 0, isReadOnly: false))
    if high > 0 {
      map.add("ram-above-4g", at: 1 << 32, byteCount: high, .ram(ram, offset: Int(low), isReadOnly: false))
    }
    firmwareROM = try Self.firmware(configuration, search)
    let size = UInt64(firmwareROM.byteCount)
    map.add(
      "pc.bios", at: (1 << 32) - size, byteCount: size, .ram(firmwareROM, offset: 0, isReadOnly: true), priority: 1)
    let window = min(size, 0x20000)
    let windowOffset = Int(size - window)
    map.add(
      "isa-bios", at: 0x100000 - window, byteCount: window, .ram(firmwareROM, offset: windowOffset, isReadOnly: true),
      priority: 1)
    map.add("pc.rom", at: 0xc0000, byteCount: 0x20000, .none, priority: 1)

    // Processor and interrupts
    let intr = IRQLine(), nmi = IRQLine()
    let model = try Self.processorModel(configuration)
    let interrupts = InterruptRouter(
      hasLocalAPIC: model.hasAPIC, hasX2APIC: model.hasX2APIC, clock: clock, map: map, output: intr,
      nmi: { nmi.pulse() }, initialize: { requests.initialize() })
    self.interrupts = interrupts
    let pics = interrupts.pics
    let coprocessorError = CoprocessorError(irq: pics.line(13))
    // Counted runs repeat whether or not a seed is given.
    random = RandomSource(seed: configuration.randomSeed ?? (configuration.instructionCounting == nil ? nil : 0))
    bridge = ProcessorBridge(
      ports: ports, memory: memory, interrupts: interrupts, now: { clock.now }, coprocessorError: coprocessorError,
      random: random)
    let processor = Processor(machine: bridge.interface)
    processor.setModel(model)
    hostCode = try? ExecutableMemory(Self.hostCodeByteCount)
    if let hostCode {
      processor.setHostCodeMemory(
        writable: hostCode.writable, executable: hostCode.executable, byteCount: hostCode.byteCount)
    }
    LargePage.advise(processor.decodedCode)
    self.processor = processor
    intr.connect { [unowned processor] in processor.setInterruptLine($0) }
    nmi.connect { [unowned processor] in if $0 { processor.raiseNMI() } }
    memory.codeWasWritten = { [unowned processor] address, count in
      processor.physicalMemoryWritten(address, length: UInt64(count))
    }
    let a20 = A20Gate { [unowned processor] in processor.setA20($0) }
    connections.append(a20)

    // I/O ports, in address order
    let dma = DMAController(memory: memory)
    let eventTimer =
      configuration.hasEventTimer
      ? HPET(clock: clock, map: map, irq0: pics.line(0), irq8: pics.line(8), routed: interrupts.inputLine(2)) : nil
    let pit = PIT(clock: clock, irq: eventTimer?.legacyInputs[0] ?? pics.line(0))
    let keyboardController = KeyboardController(
      keyboard: keyboard, mouse: mouse, keyboardIRQ: pics.line(1), auxiliaryIRQ: pics.line(12), a20: a20.line(),
      requestReset: { requests.reset() })
    self.keyboardController = keyboardController
    let portB = SystemControlPortB(pit: pit)
    rtc = CMOSRTC(
      clock: clock, irq: eventTimer?.legacyInputs[1] ?? pics.line(8), base: Self.clockBase(configuration.realTimeClock))
    rtc.timeDidChange = { requests.clockChanged($0) }
    let portA = SystemControlPortA(a20: a20.line(), requestReset: { requests.reset() })
    let firmwareConfiguration = FirmwareConfiguration(memory: memory)
    self.firmwareConfiguration = firmwareConfiguration
    let configurationPorts = PCIConfigurationPorts(bus: pci)
    ports.map(0x0000...0x000f, to: dma.byteController)
    ports.map(0x0020...0x0021, to: pics.master)
    ports.map(0x0040...0x0043, to: pit)
    ports.map(0x0060...0x0060, to: keyboardController.dataPort)
    ports.map(0x0061...0x0061, to: portB)
    ports.map(0x0064...0x0064, to: keyboardController.commandPort)
    ports.map(0x0070...0x0071, to: rtc)
    ports.map(0x0080...0x008f, to: dma.pages)
    ports.map(0x0092...0x0092, to: portA)
    ports.map(0x00a0...0x00a1, to: pics.slave)
    ports.map(0x00c0...0x00df, to: dma.wordController)
    ports.map(0x00f0...0x00f0, to: coprocessorError)
    ports.map(0x04d0...0x04d1, to: pics.edgeLevelPorts)
    ports.map(0x0510...0x051b, to: firmwareConfiguration)
    ports.map(0x0cf8...0x0cff, to: configurationPorts)

    // PCI functions
    let hostBridge = I440FX(
      map: map, ram: ram, firmware: [.init(block: firmwareROM, start: 0x100000 - window, offset: windowOffset)])
    let isaBridge = PIIX3(bus: pci, pics: pics, requestReset: { requests.reset() })
    ports.map(0x0cf9...0x0cf9, to: isaBridge)
    let queue = BlockQueue(
      clock: clock, mailbox: mailbox, timing: configuration.instructionCounting == nil ? .whenDone : .atDeadline)
    queue.stopGuest = { requests.stopForError() }
    blockQueue = queue
    let drives = try Self.openDrives(configuration, queue, blockGraph)
    floppy = FloppyController(clock: clock, irq: pics.line(6), drives: drives.floppies) {
      dma.transfer(channel: 2, &$0)
    }
    ports.map(0x03f0...0x03f5, to: floppy)
    ports.map(0x03f7...0x03f7, to: floppy.digitalInput)
    ide = PIIX3IDE(
      ports: ports, memory: memory, primaryInterrupt: pics.line(14), secondaryInterrupt: pics.line(15),
      drives: drives.ide)
    powerManagement = PIIX4PM(clock: clock, ports: ports, sci: pics.line(9), requestSleep: { _ in requests.sleep() })
    hotplug = PCIHotplug { [powerManagement] in powerManagement.raiseGeneralEvent(PCIHotplug.event) }
    ports.map(PCIHotplug.firstPort...PCIHotplug.firstPort + (PCIHotplug.portCount - 1), to: hotplug)
    pci.messages.connect { [memory] address, data in
      guard !interrupts.deliver(messageTo: address, data), memory.isMemory(address, byteCount: 4) else { return }
      memory.write(address, integer: data)
    }
    pci.add(hostBridge, at: PCIAddress(slot: 0))
    pci.add(isaBridge, at: PCIAddress(slot: 1))
    pci.add(ide, at: PCIAddress(slot: 1, function: 1))
    pci.add(powerManagement, at: PCIAddress(slot: 1, function: 3))
    if configuration.graphics == .standard {
      let rom = search.load("vgabios-stdvga.bin", limit: 1 << 20)
      guard let rom else { throw MachineError("failed to find romfile \"vgabios-stdvga.bin\"") }
      let vga = try Self.makeVGA(
        configuration, bus: pci, clock: clock, rom: rom)
      let shown = UnsafeRawBufferPointer(vga.videoMemory.contents)
      vga.videoMemory.dirtyLogWasCleared = { [unowned processor] in processor.announceWrites(to: shown) }
      vga.fontMemory = ram
      vga.userID = configuration.graphicsID ?? ""
      self.vga = vga
    } else {
      vga = nil
    }

    devices = [
      hostBridge, isaBridge, configurationPorts, ide, floppy, powerManagement, firmwareConfiguration, dma,
      pit, portB, rtc,
      portA,
      keyboard, mouse, keyboardController, coprocessorError,
    ]
    devices += interrupts.devices
    if let eventTimer { devices.append(eventTimer) }
    connections.append(pci)
    if let vga { devices.append(vga) }
    devices.append(random)
    try addSerialPorts(pics, clock, chardevs, mailbox)
    try addISADevices(chardevs, requests)
    for entry in Self.bootDrives(configuration) { try bootOrder.add(entry.path, index: entry.index) }
    try addPCIDevices()
    connectHotplug()
    add(hotplug)
    add(PluggedDeviceList { [unowned self] in pluggedNumbers })
    fillFirmwareConfiguration(firmwareConfiguration, low: low, high: high)
    if let kernel = configuration.kernel {
      try BootROM.add(kernel, to: firmwareConfiguration, &bootOrder, lowMemory: low, search)
    }
    if let file = bootOrder.file(isStrict: configuration.bootIsStrict) {
      firmwareConfiguration.setFile("bootorder", file)
    }
  }

  /// What finds devices for an access is known to devices that move there; without this a machine would never be freed.
  deinit {
    ports.removeAll()
    map.removeAll()
    pci.removeAll()
  }

  /// Adds a device that only some machines have, after those of the board.
  func add(_ device: any Device) { devices.append(device) }

  /// Keeps an object alive as long as the board.
  package func keep(_ object: AnyObject) { connections.append(object) }
}
