// SPDX-License-Identifier: Apache-2.0
import Block
import Platform

/// One IDE cable: two positions for drives, the command block at 1F0h or 170h, the control register at 3F6h or 376h, the
/// interrupt line and the bus master's half of the PCI function.
///
/// Writes to the task file reach both drives; reads come from the selected one. Positions without a drive read as zeros.
///
/// *Not emulated:* the overlap and queued feature sets, the drive address register at 3F7h.
///
/// *Reference:* ATA/ATAPI-6 (T13/1410D revision 3b) chapters 6, 7 and 9.
final class IDEChannel: WidePortDevice {
  /// The part of the channel that belongs to neither drive.
  struct State: Equatable {
    var device = IDEDevice.obsolete
    var control: UInt8 = 0
    var busMaster = BusMasterState()

    mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try visitor.field("select", &device)
      try visitor.field("cmd", &control)
      try busMaster.visit(&visitor)
    }
  }

  var state = State()
  private(set) var drives: [IDEDrive?] = [nil, nil]
  private let irq: IRQLine
  private let memory: GuestMemory
  /// Whether the PCI function may master the bus; set by its owner.
  var mayMasterBus = false

  init(memory: GuestMemory, irq: IRQLine) {
    self.memory = memory
    self.irq = irq
  }

  func attach(_ drive: IDEDrive) { drives[drive.isDevice1 ? 1 : 0] = drive }

  private var selected: IDEDrive? { drives[state.device & IDEDevice.selectsDevice1 == 0 ? 0 : 1] }

  // MARK: Interrupt

  private var interruptLevel: Bool {
    (selected?.state.wantsInterrupt ?? false) && state.control & IDEControl.interruptDisable == 0
  }

  /// Drives the line from the state; a rising edge is also latched by the bus master (290550-002, 2.7.3).
  func updateInterrupt() {
    let level = interruptLevel
    if level, !irq.level { state.busMaster.status |= BusMasterState.Status.interrupt }
    irq.set(level)
  }

  // MARK: Reset and load

  func reset() {
    state = State()
    for drive in drives { drive?.reset(software: false) }
    irq.set(interruptLevel)
  }

  func stateDidLoad() {
    irq.set(interruptLevel)
    for drive in drives { drive?.stateDidLoad() }
    pumpBusMaster()
  }

  // MARK: Command block

  func read(port offset: UInt16, width: AccessWidth) -> UInt32 {
    if offset == 0 { return selected?.readData(width.byteCount) ?? 0 }
    var value: UInt32 = 0
    for index in 0..<UInt16(width.rawValue) {
      value |= UInt32(readRegister(offset &+ index)) << UInt32(8 * index)
    }
    return value
  }

  func write(port offset: UInt16, width: AccessWidth, _ value: UInt32) {
    if offset == 0 {
      selected?.writeData(width.byteCount, value)
      return
    }
    for index in 0..<UInt16(width.rawValue) {
      writeRegister(offset &+ index, UInt8(truncatingIfNeeded: value >> UInt32(8 * index)))
    }
  }

  private func readRegister(_ offset: UInt16) -> UInt8 {
    guard let drive = selected else { return 0 }
    let file = drive.state
    let isHigh = state.control & IDEControl.highOrderByte != 0
    switch offset {
    case 1: return isHigh ? file.previous.feature : file.error
    case 2: return isHigh ? file.previous.sectorCount : file.sectorCount
    case 3: return isHigh ? file.previous.lbaLow : file.lbaLow
    case 4: return isHigh ? file.previous.lbaMid : file.lbaMid
    case 5: return isHigh ? file.previous.lbaHigh : file.lbaHigh
    case 6: return state.device
    case 7:
      drive.state.wantsInterrupt = false  // reading status acknowledges the interrupt
      updateInterrupt()
      return file.status
    default: return 0
    }
  }

  private func writeRegister(_ offset: UInt16, _ value: UInt8) {
    if offset == 7 {
      writeCommand(value)
      return
    }
    if let drive = selected, drive.state.status & IDEStatus.busy != 0 { return }
    state.control &= ~IDEControl.highOrderByte
    if offset == 6 {
      state.device = value | IDEDevice.obsolete
      updateInterrupt()
      return
    }
    for drive in drives {
      guard let drive else { continue }
      switch offset {
      case 1: (drive.state.previous.feature, drive.state.feature) = (drive.state.feature, value)
      case 2: (drive.state.previous.sectorCount, drive.state.sectorCount) = (drive.state.sectorCount, value)
      case 3: (drive.state.previous.lbaLow, drive.state.lbaLow) = (drive.state.lbaLow, value)
      case 4: (drive.state.previous.lbaMid, drive.state.lbaMid) = (drive.state.lbaMid, value)
      case 5: (drive.state.previous.lbaHigh, drive.state.lbaHigh) = (drive.state.lbaHigh, value)
      default: break
      }
    }
  }

  private func writeCommand(_ command: UInt8) {
    state.control &= ~IDEControl.highOrderByte
    if command == ATACommand.executeDiagnostic {
      executeDiagnostic()
      return
    }
    guard let drive = selected else { return }
    let isWorking = drive.state.status & (IDEStatus.busy | IDEStatus.dataRequest) != 0
    if isWorking, command != ATACommand.deviceReset || drive.state.kind != .opticalDisc { return }
    drive.state.wantsInterrupt = false
    updateInterrupt()
    drive.state.error = 0
    drive.state.command = command
    drive.execute(command)
  }

  /// EXECUTE DEVICE DIAGNOSTIC goes to both drives; device 0 answers. ATA/ATAPI-6 9.10.
  private func executeDiagnostic() {
    guard selected.map({ $0.state.status & (IDEStatus.busy | IDEStatus.dataRequest) == 0 }) ?? true else { return }
    state.device = IDEDevice.obsolete
    for drive in drives { drive?.reset(software: true) }
    drives[0]?.requestInterrupt()
    updateInterrupt()
  }

  // MARK: Control block

  /// Alternate status at 3F6h: as status, but the interrupt stays.
  var alternateStatus: UInt8 { selected?.state.status ?? 0 }

  func writeControl(_ value: UInt8) {
    let wasReset = state.control & IDEControl.softwareReset != 0
    state.control = value
    let isReset = value & IDEControl.softwareReset != 0
    if isReset, !wasReset {
      for drive in drives {
        drive?.reset(software: true)
        drive?.state.status = IDEStatus.busy | IDEStatus.seekComplete
      }
      state.device = IDEDevice.obsolete
    } else if wasReset, !isReset {
      for drive in drives { drive?.reset(software: true) }
    }
    updateInterrupt()
  }

  // MARK: Bus master

  func readBusMaster(_ offset: UInt16) -> UInt8 { state.busMaster.read(offset) }

  func writeBusMaster(_ offset: UInt16, _ value: UInt8) {
    if state.busMaster.write(offset, value) { pumpBusMaster() }
  }

  /// Moves data between the drive that asks for it and memory, as far as both are ready.
  func pumpBusMaster() {
    guard mayMasterBus else { return }
    while state.busMaster.isActive,
      let drive = drives.first(where: { $0?.state.phase == .dmaIn || $0?.state.phase == .dmaOut }) ?? nil
    {
      let toMemory = drive.state.phase == .dmaIn
      guard toMemory == state.busMaster.writesMemory else { return }
      guard moveBlock(of: drive, toMemory: toMemory) else {
        state.busMaster.status &= ~BusMasterState.Status.active
        drive.busMasterGaveUp()
        return
      }
      if state.busMaster.isExhausted { state.busMaster.status &= ~BusMasterState.Status.active }
      drive.blockDidMove()
    }
  }

  /// Moves the whole block; false when the descriptor table ends before it.
  private func moveBlock(of drive: IDEDrive, toMemory: Bool) -> Bool {
    let end = Int(drive.state.blockEnd)
    var position = Int(drive.state.position)
    while position < end {
      while state.busMaster.left == 0 {
        if state.busMaster.isExhausted { return false }
        let entry = memory.read(PhysicalAddress(state.busMaster.nextEntry), as: UInt64.self)
        state.busMaster.load(entry)
      }
      let count = min(end - position, Int(state.busMaster.left))
      let address = PhysicalAddress(state.busMaster.address)
      if toMemory {
        // No access to the state lasts while the write reaches a device.
        let buffer = drive.state.buffer
        buffer.withUnsafeBytes {
          memory.write(address, from: UnsafeRawBufferPointer(rebasing: $0[position..<position + count]))
        }
      } else {
        drive.state.buffer.replaceSubrange(position..<position + count, with: memory.read(address, count: count))
      }
      state.busMaster.advance(count)
      position += count
    }
    drive.state.position = UInt32(clamping: end)
    return true
  }
}

/// The control block of a channel: one port, 3F6h or 376h.
final class IDEControlPort: PortDevice {
  private unowned let channel: IDEChannel
  init(channel: IDEChannel) { self.channel = channel }
  func read(port offset: UInt16) -> UInt8 { channel.alternateStatus }
  func write(port offset: UInt16, _ value: UInt8) { channel.writeControl(value) }
}
