// SPDX-License-Identifier: Apache-2.0
import Block
import Platform

/// The execution phase of the commands that move data, one sector after the other.
extension FloppyController {
  /// How often a DMA channel that does not answer is asked again: the 8237A would see DREQ as soon as it is unmasked.
  private static let dmaRetry = 100 * Nanoseconds.microsecond

  // MARK: Start

  func startTransfer(_ transfer: Transfer) {
    let parameters = Array(state.fifo[0...8])
    let (track, head, sector) = (parameters[2], parameters[3], parameters[4])
    func refuse(_ status1: UInt8) { finish(Status0.abnormal, status1, address: (track, head, sector)) }

    state.selected = parameters[1] & 1
    switch seek(unit: unitIndex, head: head, track: track, sector: sector) {
    case .noSuchTrack, .noMedium:
      refuse(0)
      return
    case .noSuchSector:
      refuse(Status1.endOfCylinder)
      return
    case .done(let stepped): if stepped { state.status[0] |= Status0.seekEnd }
    }
    guard state.rateSelect == geometry.rate else {
      refuse(Status1.missingAddressMark)
      return
    }
    state.isMultiTrack = parameters[0] & 0x80 != 0
    state.endOfTrack = parameters[6]
    guard let byteCount = byteCount(parameters) else {
      refuse(Status1.missingAddressMark)
      return
    }
    state.remaining = byteCount
    begin(transfer)
  }

  /// What the command asks for: up to the last sector of the track, or of both heads' tracks with MT; or DTL bytes for
  /// the sector size code 0. Nil if that is nothing.
  private func byteCount(_ parameters: [UInt8]) -> UInt32? {
    if parameters[5] == 0 { return parameters[8] == 0 ? nil : UInt32(parameters[8]) }
    let last = Int(parameters[6])
    let sectors = last - Int(parameters[4]) + 1 + (state.isMultiTrack ? last : 0)
    return sectors > 0 ? UInt32(sectors) * 128 << UInt32(min(parameters[5], 7)) : nil
  }

  /// FORMAT TRACK: four bytes (track, head, sector, size) come for each sector of the track, which is then filled.
  func startFormat() {
    state.selected = state.fifo[1] & 1
    let head = state.fifo[1] >> 2 & 1
    let sectors = state.fifo[3]
    state.fill = state.fifo[5]
    switch seek(unit: unitIndex, head: head, track: unit.track, sector: 1) {
    case .done: break
    default:
      finish(Status0.abnormal)
      return
    }
    guard sectors > 0 else {
      finish(0)
      return
    }
    state.remaining = UInt32(sectors) * 4
    begin(.format)
  }

  private func begin(_ transfer: Transfer) {
    state.transfer = transfer
    state.usesDMA = state.digitalOutput & DigitalOutput.dmaEnable != 0
    state.hasTerminalCount = false
    nextStep()
  }

  private func nextStep() {
    state.position = 0
    switch state.transfer {
    case .format:
      state.length = 4
      gather()
    case .write:
      state.length = UInt16(min(512, state.remaining))
      gather()
    default:
      state.length = UInt16(min(512, state.remaining))
      submit(isWrite: false)
    }
  }

  /// The DMA channel is asked again.
  func resumeTransfer() {
    if state.transfer == .read { send() } else { gather() }
  }

  // MARK: Bytes between guest and FIFO

  /// Offers the sector in the FIFO to the guest.
  private func send() {
    guard state.usesDMA else {
      state.phase = .sending
      setInterrupt(isReady: true)
      return
    }
    var buffer = Array(state.fifo[Int(state.position)..<Int(state.length)])
    let (count, terminalCount) = dma(&buffer)
    state.position += UInt16(min(max(count, 0), buffer.count))
    state.hasTerminalCount = terminalCount
    if terminalCount || state.position >= state.length { didMove(Int(state.position)) } else { waitForDMA() }
  }

  /// Takes bytes from the guest: into the FIFO, or to be compared with what is in it.
  private func gather() {
    guard state.usesDMA else {
      state.phase = .receiving
      setInterrupt(isReady: true)
      return
    }
    var buffer = [UInt8](repeating: 0, count: Int(state.length - state.position))
    let (count, terminalCount) = dma(&buffer)
    for byte in buffer.prefix(max(count, 0)) { take(byte) }
    state.hasTerminalCount = terminalCount
    if terminalCount || state.position >= state.length { didGather() } else { waitForDMA() }
  }

  func receive(_ value: UInt8) {
    take(value)
    if state.position >= state.length {
      setInterrupt(isReady: false)
      didGather()
    }
  }

  private func take(_ byte: UInt8) {
    let index = Int(state.position) & 511
    state.position += 1
    guard state.transfer.isScan else {
      state.fifo[index] = byte
      return
    }
    let onDisk = state.fifo[index]
    if onDisk == byte || onDisk == 0xff || byte == 0xff { return }  // FFh matches anything
    state.isEqual = false
    switch state.transfer {
    case .scanLow: if onDisk > byte { state.isSatisfied = false }
    case .scanHigh: if onDisk < byte { state.isSatisfied = false }
    default: state.isSatisfied = false
    }
  }

  private func waitForDMA() {
    state.phase = .waitingForDMA
    setDeadline(clock.now &+ Self.dmaRetry)
  }

  // MARK: A sector's worth is here

  private func didGather() {
    if state.transfer.isScan {
      if state.isSatisfied {
        state.status[2] = 0
        finish(0, 0, state.isEqual ? Status2.scanEqualHit : 0)
      } else {
        state.status[2] = Status2.scanNotSatisfied
        didMove(Int(state.position))
      }
    } else if drive?.backend.isReadOnly ?? true {
      finish(Status0.abnormal | Status0.seekEnd, Status1.notWritable)
    } else if state.transfer == .format {
      formatSector()
    } else {
      submit(isWrite: state.position == 512)  // a part of a sector needs the rest of it first
    }
  }

  private func formatSector() {
    let sector = state.fifo[2]
    guard state.position >= 4, state.fifo[3] == 2, (1...max(1, geometry.sectorsPerTrack)).contains(sector) else {
      didMove(Int(state.position))  // a sector that an image has no place for
      return
    }
    state.fifo = [UInt8](repeating: state.fill, count: State.fifoByteCount)
    unit.sector = sector
    submit(isWrite: true)
  }

  /// `count` bytes of the sector have gone where they belong.
  func didMove(_ count: Int) {
    state.remaining -= min(state.remaining, UInt32(count))
    let goesOn = state.transfer == .format || count < 512 || advance()
    if state.hasTerminalCount || state.remaining == 0 || !goesOn {
      if state.transfer == .format { unit.sector = 1 }
      finish(0)
    } else {
      nextStep()
    }
  }

  /// Goes on to the next sector; false after the last one that the command covers.
  private func advance() -> Bool {
    var (track, head, sector) = (unit.track, unit.head, unit.sector)
    var goesOn = true
    if sector >= geometry.sectorsPerTrack || sector == state.endOfTrack {
      sector = 1
      if state.isMultiTrack, head == 0, geometry.sides == 2 {
        head = 1
      } else {
        if state.isMultiTrack { head = 0 }
        track &+= 1
        state.status[0] |= Status0.seekEnd
        goesOn = state.isMultiTrack && geometry.sides == 2
      }
    } else {
      sector += 1
    }
    if case .done = seek(unit: unitIndex, head: head, track: track, sector: sector) { return goesOn }
    return false
  }

  // MARK: Medium

  private func submit(isWrite: Bool) {
    let geometry = geometry
    let track = Int64(unit.track) * Int64(geometry.sides) + Int64(unit.head)
    state.requestSector = track * Int64(geometry.sectorsPerTrack) + Int64(max(unit.sector, 1)) - 1
    state.isWriteRequest = isWrite
    state.phase = .requesting
    submitRequest(deadline: nil)
  }

  /// After a load: the request that was in flight is made again.
  func resumeRequest() { submitRequest(deadline: state.requestDeadline) }

  private func submitRequest(deadline: Nanoseconds?) {
    guard let backend = drive?.backend else {
      didAccess(nil)
      return
    }
    let offset = state.requestSector * 512
    let operation: BlockOperation =
      state.isWriteRequest ? .write(offset: offset, state.fifo) : .read(offset: offset, byteCount: 512)
    let ticket = backend.submit(operation, deadline: deadline) { [unowned self] result in
      request = nil
      if case .success(let bytes) = result { didAccess(bytes) } else { didAccess(nil) }
    }
    state.requestDeadline = ticket.deadline
    request = (backend, ticket)
  }

  func cancelRequest() {
    if let request { request.backend.cancel(request.ticket) }
    request = nil
  }

  /// The medium has answered; nil if it failed.
  private func didAccess(_ bytes: [UInt8]?) {
    guard let backend = drive?.backend, backend.isInserted else {
      finish(Status0.abnormal)  // taken out meanwhile
      return
    }
    if state.isWriteRequest {
      if bytes == nil { finish(Status0.abnormal | Status0.seekEnd) } else { didMove(Int(state.position)) }
      return
    }
    // A sector that cannot be read, such as one beyond the end of a short image, reads as zeros.
    var sector = bytes ?? []
    sector += [UInt8](repeating: 0, count: max(0, 512 - sector.count))
    switch state.transfer {
    case .write, .format:
      let kept = Int(state.position)
      state.fifo.replaceSubrange(kept..., with: sector[kept..<512])
      submit(isWrite: true)
    case .verify: didMove(Int(state.length))
    case .read:
      state.fifo = Array(sector.prefix(512))
      send()
    case .scanEqual, .scanLow, .scanHigh:
      state.fifo = Array(sector.prefix(512))
      state.isEqual = true
      state.isSatisfied = true
      gather()
    }
  }
}
