// SPDX-License-Identifier: Apache-2.0
import Block
import Platform

/// What disks and CD-ROM drives have in common: the task file, the buffer and its transfer by data register or bus
/// master, and the request that is with the back end. Subclasses give commands their meaning.
class IDEDrive {
  final var state: IDEDriveState
  final let backend: BlockBackend
  final unowned let channel: IDEChannel
  final let isDevice1: Bool
  private var ticket: BlockBackend.Ticket?

  init(kind: IDEDriveKind, backend: BlockBackend, channel: IDEChannel, isDevice1: Bool) {
    state = IDEDriveState(kind: kind)
    self.backend = backend
    self.channel = channel
    self.isDevice1 = isDevice1
  }

  // MARK: For subclasses to override

  /// A command was written.
  func execute(_ command: UInt8) {}
  /// The host has read or written the last byte of the block; with DMA, the bus master has moved it.
  func blockDidMove() {}
  /// The back end has answered `request`, which covered `sectors`; `state.phase` is idle again.
  func requestDidFinish(_ request: IDEDriveState.Request, sectors: UInt32, _ result: BlockResult) {}
  /// Signature in the task file after a reset or an aborted IDENTIFY, ATA/ATAPI-6 9.12.
  func setSignature() {}
  /// Settings that a hardware or software reset brings back.
  func resetSettings() {}

  // MARK: Resets

  /// The state after power-up, RESET# or SRST.
  func reset(software: Bool) {
    cancelRequest()
    endTransfer()
    if !software {
      var fresh = IDEDriveState(kind: state.kind)
      (fresh.isTrayOpen, fresh.changeStage, fresh.mediaEvent) = (state.isTrayOpen, state.changeStage, state.mediaEvent)
      state = fresh  // a tray stays where it is
    }
    state.wantsInterrupt = false
    resetSettings()
    setSignature()
    state.status = state.kind == .opticalDisc && software ? 0 : IDEStatus.ready
    state.error = software ? IDEError.diagnosticsPassed : 0
  }

  func stateDidLoad() {
    cancelTicket()
    if state.phase == .busy { submit(at: state.deadline) }
  }

  // MARK: Ends of commands

  func complete() {
    endTransfer()
    state.status = IDEStatus.ready
    requestInterrupt()
  }

  func abort(_ error: UInt8 = IDEError.aborted) {
    endTransfer()
    state.status = IDEStatus.deviceReady | IDEStatus.error
    state.error = error
    requestInterrupt()
  }

  func requestInterrupt() {
    state.wantsInterrupt = true
    channel.updateInterrupt()
  }

  func endTransfer() {
    state.phase = .idle
    state.request = .none
    state.requestSectors = 0
    state.sectorsLeft = 0
    state.buffer = []
    state.position = 0
    state.blockEnd = 0
    state.deadline = 0
    state.usesDMA = false
    state.isRawRead = false
  }

  // MARK: Blocks of data

  /// Offers `buffer[position..<position + count]` to the host, or takes that many bytes from it.
  func beginBlock(_ phase: IDEDriveState.Phase, count: Int, interrupts: Bool) {
    state.phase = phase
    state.blockEnd = state.position &+ UInt32(clamping: count)
    state.status = IDEStatus.ready | IDEStatus.dataRequest
    if interrupts { requestInterrupt() }
    if phase == .dmaIn || phase == .dmaOut { channel.pumpBusMaster() }
  }

  /// One access to the data register; bytes beyond the block read as zeros.
  final func readData(_ byteCount: Int) -> UInt32 {
    guard state.phase == .dataIn else { return 0 }
    let position = Int(state.position)
    let count = min(byteCount, Int(state.blockEnd) - position)
    var value: UInt32 = 0
    for index in 0..<count { value |= UInt32(state.buffer[position + index]) << UInt32(8 * index) }
    state.position = UInt32(truncatingIfNeeded: position + count)
    if state.position == state.blockEnd { blockDidMove() }
    return value
  }

  final func writeData(_ byteCount: Int, _ value: UInt32) {
    guard state.phase == .dataOut || state.phase == .packet else { return }
    let position = Int(state.position)
    let count = min(byteCount, Int(state.blockEnd) - position)
    for index in 0..<count {
      state.buffer[position + index] = UInt8(truncatingIfNeeded: value >> UInt32(8 * index))
    }
    state.position = UInt32(truncatingIfNeeded: position + count)
    if state.position == state.blockEnd { blockDidMove() }
  }

  /// The bus master's table ended before the block did: the command ends without an interrupt.
  func busMasterGaveUp() {
    cancelRequest()
    endTransfer()
    state.status = IDEStatus.ready
  }

  // MARK: Requests to the back end

  /// Starts a request on the sectors that `state` describes.
  func begin(_ request: IDEDriveState.Request, sectors: UInt32) {
    state.phase = .busy
    state.request = request
    state.requestSectors = sectors
    state.status = IDEStatus.busy | IDEStatus.deviceReady
    submit(at: nil)
  }

  private func submit(at deadline: Nanoseconds?) {
    let offset = Int64(clamping: state.sector) &* 512
    let byteCount = Int(state.requestSectors) * 512
    let operation: BlockOperation
    switch state.request {
    case .none: return
    case .read: operation = .read(offset: offset, byteCount: byteCount)
    case .write: operation = .write(offset: offset, Array(state.buffer.prefix(byteCount)))
    case .flush: operation = .flush
    case .discard: operation = .discard(trimRanges())
    }
    let ticket = backend.submit(operation, deadline: deadline) { [unowned self] result in finish(result) }
    self.ticket = ticket
    state.deadline = ticket.deadline
  }

  private func finish(_ result: BlockResult) {
    ticket = nil
    let request = state.request
    let sectors = state.requestSectors
    state.phase = .idle
    state.request = .none
    state.requestSectors = 0
    state.deadline = 0
    requestDidFinish(request, sectors: sectors, result)
  }

  private func cancelTicket() {
    backend.cancel(ticket)
    ticket = nil
  }

  private func cancelRequest() {
    cancelTicket()
    state.request = .none
  }

  /// The ranges of a DATA SET MANAGEMENT buffer: 48 bits of address and 16 of count each. ACS-2 7.10.
  private func trimRanges() -> [Range<Int64>] {
    var ranges: [Range<Int64>] = []
    let bytes = state.buffer
    for entry in stride(from: 0, to: bytes.count - 7, by: 8) {
      var word: UInt64 = 0
      for index in 0..<8 { word |= UInt64(bytes[entry + index]) << UInt64(8 * index) }
      let first = Int64(word & 0xffff_ffff_ffff)
      let count = Int64(word >> 48)
      if count > 0, first <= backend.sectorCount, count <= backend.sectorCount - first {
        ranges.append(first * 512..<(first + count) * 512)
      }
    }
    return ranges
  }
}
