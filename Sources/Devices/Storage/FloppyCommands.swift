// SPDX-License-Identifier: Apache-2.0
import Platform

extension FloppyController {
  /// The commands of the 82077AA, and those of the 82078 that QEMU knows (data sheet, table 5-1).
  enum Command {
    case invalid
    case readTrack, specify, senseDriveStatus, writeData, readData, recalibrate, senseInterruptStatus
    case writeDeletedData, readID, readDeletedData, formatTrack, dumpRegisters, seek, version
    case scanEqual, scanLowOrEqual, scanHighOrEqual, perpendicularMode, configure, lock, verify
    case powerDownMode, partID, save, option, restore, driveSpecification, relativeSeekOut, relativeSeekIn

    /// Decodes the first byte. The high bits MT, MFM and SK may be set where the command has them.
    init(_ byte: UInt8) {
      if let exact = Self.exact(byte) {
        self = exact
        return
      }
      switch byte & 0x1f {
      case 0x02 where byte & 0xbf == 0x02: self = .readTrack
      case 0x05: self = .writeData
      case 0x06: self = .readData
      case 0x09 where byte & 0x20 == 0: self = .writeDeletedData
      case 0x0a where byte & 0xbf == 0x0a: self = .readID
      case 0x0c: self = .readDeletedData
      case 0x0d where byte & 0xbf == 0x0d: self = .formatTrack
      case 0x11: self = .scanEqual
      case 0x14 where byte & 0x7f == 0x14: self = .lock
      case 0x16: self = .verify
      case 0x19: self = .scanLowOrEqual
      case 0x1d: self = .scanHighOrEqual
      default: self = .invalid
      }
    }

    private static func exact(_ byte: UInt8) -> Command? {
      switch byte {
      case 0x03: .specify
      case 0x04: .senseDriveStatus
      case 0x07: .recalibrate
      case 0x08: .senseInterruptStatus
      case 0x0e: .dumpRegisters
      case 0x0f: .seek
      case 0x10: .version
      case 0x12: .perpendicularMode
      case 0x13: .configure
      case 0x17: .powerDownMode
      case 0x18: .partID
      case 0x2e: .save
      case 0x33: .option
      case 0x4e: .restore
      case 0x8e: .driveSpecification
      case 0x8f: .relativeSeekOut
      case 0xcf: .relativeSeekIn
      default: nil
      }
    }

    var parameterCount: Int {
      switch self {
      case .invalid, .senseInterruptStatus, .dumpRegisters, .version, .lock, .partID, .save: 0
      case .senseDriveStatus, .recalibrate, .readID, .perpendicularMode, .option: 1
      case .specify, .seek, .powerDownMode, .relativeSeekOut, .relativeSeekIn: 2
      case .configure: 3
      case .formatTrack, .driveSpecification: 5
      case .restore: 17
      default: 8
      }
    }
  }

  /// Runs the command that is complete in the FIFO.
  func execute() {
    switch Command(state.fifo[0]) {
    case .invalid: enterResultPhase([Status0.invalid])
    case .specify, .perpendicularMode, .configure, .powerDownMode, .option, .restore, .driveSpecification, .lock:
      configure()
    case .senseDriveStatus: senseDriveStatus()
    case .senseInterruptStatus: senseInterruptStatus()
    case .recalibrate, .seek, .relativeSeekOut, .relativeSeekIn: moveHead()
    case .dumpRegisters: enterResultPhase(registers)
    case .version: enterResultPhase([0x90])  // an enhanced controller
    case .partID: enterResultPhase([0x41])
    case .save: enterResultPhase(savedRegisters)
    case .readID:
      unit.head = state.fifo[1] >> 2 & 1
      state.phase = .readingID
      setDeadline(clock.now &+ 20 * .millisecond)
    case .readTrack, .readData: startTransfer(.read)
    case .writeData: startTransfer(.write)
    case .verify: startTransfer(.verify)
    case .scanEqual: startTransfer(.scanEqual)
    case .scanLowOrEqual: startTransfer(.scanLow)
    case .scanHighOrEqual: startTransfer(.scanHigh)
    case .formatTrack: startFormat()
    case .readDeletedData, .writeDeletedData:
      // No image has deleted data marks.
      state.selected = state.fifo[1] & 1
      finish(Status0.abnormal | Status0.seekEnd)
    }
  }

  /// The commands that only set registers.
  private func configure() {
    let parameters = Array(state.fifo[1...17])
    switch Command(state.fifo[0]) {
    case .specify:
      state.stepAndUnload = parameters[0] >> 4
      state.headLoad = parameters[1] >> 1
      // The ND bit and DOR's DMA gate are one.
      if parameters[1] & 1 != 0 {
        state.digitalOutput &= ~DigitalOutput.dmaEnable
      } else {
        state.digitalOutput |= DigitalOutput.dmaEnable
      }
    case .perpendicularMode: if parameters[0] & 0x80 != 0 { unit.perpendicular = parameters[0] & 7 }
    case .configure:
      state.configuration = parameters[1]
      state.precompensation = parameters[2]
    case .lock:
      state.isLocked = state.fifo[0] & 0x80 != 0
      enterResultPhase([state.isLocked ? 0x10 : 0])
      return
    case .powerDownMode:
      state.powerDown = parameters[0]
      enterResultPhase([state.powerDown])
      return
    case .driveSpecification:
      if parameters[4] & 0xc0 == 0xc0 {  // the last byte, and a result phase is wanted
        enterResultPhase([parameters[0], parameters[0], 0, 0])
        return
      }
    case .restore: restore(parameters)
    default: break
    }
    enterCommandPhase()
  }

  private var lockAndPerpendicular: UInt8 { (state.isLocked ? 0x80 : 0) | unit.perpendicular << 2 }

  private var registers: [UInt8] {
    [
      state.units[0].track, state.units[1].track, 0, 0, state.stepAndUnload,
      state.headLoad << 1 | (state.digitalOutput & DigitalOutput.dmaEnable != 0 ? 1 : 0), geometry.sectorsPerTrack,
      lockAndPerpendicular, state.configuration, state.precompensation,
    ]
  }

  private var savedRegisters: [UInt8] {
    [
      0, 0, state.units[0].track, state.units[1].track, 0, 0, state.stepAndUnload, state.headLoad,
      geometry.sectorsPerTrack, lockAndPerpendicular, state.configuration, state.precompensation, state.powerDown, 0, 0,
    ]
  }

  /// Takes back what SAVE gave, two bytes further on. The sector count stays the medium's.
  private func restore(_ parameters: [UInt8]) {
    state.units[0].track = parameters[2]
    state.units[1].track = parameters[3]
    state.stepAndUnload = parameters[6]
    state.headLoad = parameters[7]
    state.isLocked = parameters[9] & 0x80 != 0
    unit.perpendicular = parameters[9] >> 2 & 15
    state.configuration = parameters[10]
    state.precompensation = parameters[11]
    state.powerDown = parameters[12]
  }

  private func senseDriveStatus() {
    state.selected = state.fifo[1] & 1
    unit.head = state.fifo[1] >> 2 & 1
    var status3: UInt8 = 0x28 | state.selected | unit.head << 2  // ready and two sided
    if unit.track == 0 { status3 |= 0x10 }
    if drive?.backend.isReadOnly ?? true { status3 |= 0x40 }
    enterResultPhase([status3])
  }

  private func senseInterruptStatus() {
    let status0: UInt8
    if state.resetReports > 0 {
      // After a reset each of the four drives reports that its ready line changed.
      status0 = Status0.polling + (4 - state.resetReports)
      state.resetReports -= 1
    } else if state.isInterrupting {
      status0 = state.status[0] & ~7 | state.selected
    } else {
      enterResultPhase([Status0.invalid])
      return
    }
    enterResultPhase([status0, unit.track])
    setInterrupt(false)
  }

  private func moveHead() {
    state.selected = state.fifo[1] & 1
    let unit = unit
    let distance = state.fifo[2]
    let track: UInt8
    switch Command(state.fifo[0]) {
    case .recalibrate: track = 0
    case .relativeSeekOut: track = unit.track > distance ? unit.track - distance : 0
    case .relativeSeekIn:
      let last = geometry.trackLimit > 0 ? geometry.trackLimit - 1 : 0
      track = Int(unit.track) + Int(distance) > Int(last) ? last : unit.track + distance
    default: track = distance
    }
    if Command(state.fifo[0]) == .recalibrate {
      seek(unit: unitIndex, head: 0, track: track, sector: 1)
    } else {
      // The head and sector may be left over from another medium.
      seek(
        unit: unitIndex, head: geometry.sides == 1 ? 0 : unit.head, track: track,
        sector: min(unit.sector, geometry.sectorsPerTrack))
    }
    enterCommandPhase()
    state.status[0] |= Status0.seekEnd
    setInterrupt(true)
  }

  func finishReadID() {
    if geometry.sectorsPerTrack != 0 { unit.sector = unit.sector % geometry.sectorsPerTrack + 1 }
    if state.rateSelect == geometry.rate {
      finish(0)
    } else {
      finish(Status0.abnormal, Status1.missingAddressMark)
    }
  }

  /// Ends a command that has the seven result bytes of ST0...ST2 and an address, the drive's if none is given.
  func finish(
    _ status0: UInt8, _ status1: UInt8 = 0, _ status2: UInt8 = 0,
    address: (track: UInt8, head: UInt8, sector: UInt8)? = nil
  ) {
    setDeadline(nil)
    let unit = unit
    state.status[0] = state.status[0] & ~7 | state.selected | unit.head << 2 | status0
    state.status[1] |= status1
    state.status[2] |= status2
    let address = address ?? (unit.track, unit.head, unit.sector)
    let sectorSizeCode: UInt8 = 2
    enterResultPhase(state.status + [address.track, address.head, address.sector, sectorSizeCode])
    setInterrupt(true)
  }
}
