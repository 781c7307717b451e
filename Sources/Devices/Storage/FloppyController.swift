// SPDX-License-Identifier: Apache-2.0
import Block
import Platform

/// The floppy disk controller of a PC: Intel's 82077AA with two drives, at ports 3F0h...3F5h and 3F7h.
///
/// Seeks are done at once; READ ID takes a fiftieth of a second; a sector takes what its drive's `BlockLatency` says.
/// Sectors travel one by one through the FIFO, which is as large as a sector.
///
/// Not emulated: deleted data marks (READ and WRITE DELETED DATA end abnormally), sectors of other sizes than 512 bytes,
/// status register A (the port is not decoded, as in QEMU), seek and motor times, the FIFO threshold, power saving, the
/// boot disk's write precompensation, the gap and skip parameters. CONFIGURE's implied seek is always on.
/// Reference: Intel 82077AA data sheet, order number 290166, chapters 2 (registers) and 5 (commands). What the sheet leaves
/// open, and where the two differ, is as in QEMU 7.2's `isa-fdc`.
public final class FloppyController: Device, PortDevice {
  public var state = State()
  let clock: VirtualClock
  let dma: (inout [UInt8]) -> (byteCount: Int, terminalCount: Bool)
  /// The drives by position: A and B.
  public let drives: [FloppyDrive?]
  private let irq: IRQLine
  var request: (backend: BlockBackend, ticket: BlockBackend.Ticket)?
  lazy var timer = clock.timer { [unowned self] _ in deadlineReached() }

  /// The port 3F7h: DIR for reads, CCR for writes.
  public lazy var digitalInput = DigitalInput(self)

  /// - Parameters:
  ///   - irq: the line to IRQ 6.
  ///   - drives: A and B; nil is an empty position, further elements are not connected.
  ///   - dma: moves bytes on DMA channel 2 between the buffer and memory, in the direction the channel is set to, until
  ///     the buffer or the channel's count ends. Returns (0, false) while the channel is masked.
  public init(
    clock: VirtualClock, irq: IRQLine, drives: [FloppyDrive?],
    dma: @escaping (inout [UInt8]) -> (byteCount: Int, terminalCount: Bool)
  ) {
    self.clock = clock
    self.irq = irq
    self.dma = dma
    self.drives = (0..<2).map { $0 < drives.count ? drives[$0] : nil }
    _ = timer
    for (index, drive) in self.drives.enumerated() {
      drive?.changed = { [unowned self] in state.units[index].isChanged = true }
    }
  }

  /// Whether data is on its way that the DMA channel may take to memory.
  public var isTransferring: Bool { state.phase == .requesting }

  /// CMOS byte 10h: drive A in the high nibble, B in the low one.
  public var cmosDriveTypes: UInt8 {
    (drives[0]?.type.cmosValue ?? 0) << 4 | (drives[1]?.type.cmosValue ?? 0)
  }

  /// Bits 6, 7 and 0 of the equipment byte, CMOS 14h: whether there are drives, and how many.
  public var cmosEquipment: UInt8 {
    switch drives.count(where: { $0 != nil }) {
    case 0: 0
    case 1: 0x01
    default: 0x41
    }
  }

  public func reset(_ kind: ResetKind) {
    let units = state.units
    state = State()
    if kind == .system {
      // The change line belongs to the drive and survives; the heads return to track 0, which is a step.
      for (index, old) in units.enumerated() {
        let isCleared = old.track != 0 && drives[index]?.backend.isInserted == true
        state.units[index].isChanged = old.isChanged && !isCleared
      }
    }
    stateDidLoad()
  }

  public func stateDidLoad() {
    cancelRequest()
    irq.set(state.isInterrupting)
    timer.arm(at: state.deadline)
    if state.phase == .requesting { resumeRequest() }
  }

  // MARK: Ports

  public func read(port offset: UInt16) -> UInt8 {
    switch offset {
    case 1: return state.statusB
    case 2: return state.digitalOutput | state.selected
    case 3: return state.tapeDrive
    case 4:
      // QEMU leaves the reset state here, without the interrupt that DOR gives.
      state.digitalOutput |= DigitalOutput.notReset
      return mainStatus
    case 5: return readData()
    default: return 0xff
    }
  }

  public func write(port offset: UInt16, _ value: UInt8) {
    if offset == 2 {
      writeDigitalOutput(value)
      return
    }
    guard state.digitalOutput & DigitalOutput.notReset != 0 else { return }
    switch offset {
    case 3: state.tapeDrive = value & 0x04
    case 4:
      if value & 0xc0 != 0 { softReset(interrupts: true) }  // software reset, or power down, which resets on its way
      state.rateSelect = value & 0x03
    case 5: writeData(value)
    default: break
    }
  }

  public final class DigitalInput: PortDevice {
    private unowned let owner: FloppyController
    init(_ owner: FloppyController) { self.owner = owner }

    public func read(port offset: UInt16) -> UInt8 { owner.unit.isChanged ? 0x80 : 0 }

    public func write(port offset: UInt16, _ value: UInt8) {
      guard owner.state.digitalOutput & DigitalOutput.notReset != 0 else { return }
      owner.state.rateSelect = value & 0x03
    }
  }

  private var mainStatus: UInt8 {
    let busy = MainStatus.commandBusy
    switch state.phase {
    case .command: return MainStatus.request | (state.position > 0 ? busy : 0)
    case .readingID: return busy
    case .requesting, .waitingForDMA: return state.usesDMA ? busy : busy | MainStatus.nonDMA
    case .sending: return MainStatus.request | MainStatus.output | MainStatus.nonDMA | busy
    case .receiving: return MainStatus.request | MainStatus.nonDMA | busy
    case .result: return MainStatus.request | MainStatus.output | busy
    }
  }

  private func writeDigitalOutput(_ value: UInt8) {
    func set(_ bit: UInt8, from mask: UInt8) {
      if value & mask != 0 { state.statusB |= bit } else { state.statusB &= ~bit }
    }
    set(StatusB.motor0, from: DigitalOutput.motor0)
    set(StatusB.motor1, from: DigitalOutput.motor1)
    set(StatusB.select0, from: DigitalOutput.driveSelect)
    let wasRunning = state.digitalOutput & DigitalOutput.notReset != 0
    let runs = value & DigitalOutput.notReset != 0
    if wasRunning != runs { softReset(interrupts: runs) }
    state.digitalOutput = value
    state.selected = value & DigitalOutput.driveSelect
  }

  /// The reset of DOR and DSR: ends whatever goes on. What SPECIFY, CONFIGURE and PERPENDICULAR MODE set stays, locked or
  /// not, as in QEMU.
  private func softReset(interrupts: Bool) {
    cancelRequest()
    setDeadline(nil)
    setInterrupt(false)
    state.statusB = StatusB.reset
    state.digitalOutput = DigitalOutput.reset
    state.selected = 0
    for index in state.units.indices { seek(unit: index, head: 0, track: 0, sector: 1) }
    enterCommandPhase()
    guard interrupts else {
      state.resetReports = 0
      return
    }
    state.status[0] = Status0.polling
    setInterrupt(true)
    state.resetReports = 4
  }

  // MARK: Data port

  private func readData() -> UInt8 {
    guard state.phase == .result || state.phase == .sending else { return 0 }
    let byte = state.fifo[Int(state.position) & 511]
    state.position += 1
    if state.position >= state.length {
      if state.phase == .result {
        enterCommandPhase()
        setInterrupt(false)
      } else {
        // The request for service ends with the FIFO's last byte; the result has it stay, as in QEMU.
        if state.remaining > UInt32(state.length) { setInterrupt(isReady: false) }
        didMove(Int(state.length))
      }
    }
    return byte
  }

  private func writeData(_ value: UInt8) {
    switch state.phase {
    case .command:
      if state.position == 0 { state.length = 1 + UInt16(Command(value).parameterCount) }
      state.fifo[Int(state.position) & 511] = value
      state.position += 1
      if state.position >= state.length { execute() }
    case .receiving: receive(value)
    default: break
    }
  }

  func enterCommandPhase() {
    state.phase = .command
    state.position = 0
    state.length = 0
    state.status = [0, 0, 0]
  }

  /// Offers result bytes; an interrupt, if the command has one, is the caller's to raise.
  func enterResultPhase(_ bytes: [UInt8]) {
    for (index, byte) in bytes.enumerated() { state.fifo[index & 511] = byte }
    state.phase = .result
    state.position = 0
    state.length = UInt16(truncatingIfNeeded: bytes.count)
  }

  /// Every change of the interrupt goes through here. Raising it ends the reports of a reset.
  func setInterrupt(_ level: Bool) {
    if level { state.resetReports = 0 } else { state.status[0] = 0 }
    state.isInterrupting = level
    irq.set(level)
  }

  /// The request for service in non-DMA mode, which leaves ST0 alone.
  func setInterrupt(isReady: Bool) {
    state.isInterrupting = isReady
    irq.set(isReady)
  }

  func setDeadline(_ instant: Nanoseconds?) {
    state.deadline = instant
    timer.arm(at: instant)
  }

  private func deadlineReached() {
    state.deadline = nil
    switch state.phase {
    case .readingID: finishReadID()
    case .waitingForDMA: resumeTransfer()
    default: break
    }
  }

  // MARK: Drives

  /// Index of the position that commands and DIR concern. The tape drive register's boot bit swaps the two.
  var unitIndex: Int { Int((state.selected ^ (state.tapeDrive >> 2)) & 1) }

  var unit: Unit {
    get { state.units[unitIndex] }
    set { state.units[unitIndex] = newValue }
  }

  var drive: FloppyDrive? { drives[unitIndex] }
  var geometry: FloppyGeometry { drive?.geometry ?? .noDrive }

  enum SeekOutcome {
    case done(stepped: Bool)
    case noSuchTrack
    case noSuchSector
    case noMedium
  }

  /// Moves a head and remembers the sector that comes next.
  @discardableResult
  func seek(unit index: Int, head: UInt8, track: UInt8, sector: UInt8) -> SeekOutcome {
    let geometry = drives[index]?.geometry ?? .noDrive
    if track > geometry.trackLimit || (head != 0 && geometry.sides == 1) { return .noSuchTrack }
    if sector > geometry.sectorsPerTrack { return .noSuchSector }
    let isInserted = drives[index]?.backend.isInserted == true
    let steps = state.units[index].track != track
    if steps, isInserted { state.units[index].isChanged = false }
    state.units[index].track = track
    state.units[index].head = head
    state.units[index].sector = sector
    return isInserted ? .done(stepped: steps) : .noMedium
  }
}
