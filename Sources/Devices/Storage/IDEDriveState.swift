// SPDX-License-Identifier: Apache-2.0
import Platform

/// What kind of drive is wired to a position of a channel. Fixed at construction, so not saved.
public enum IDEDriveKind: Sendable {
  case none, disk, opticalDisc
}

/// The saved part of one drive: task file, transfer in progress, settings.
public struct IDEDriveState: Equatable {
  let kind: IDEDriveKind

  // Task file; `previous` holds what the registers held before the last write, for 48-bit commands (ATA/ATAPI-6 6.20).
  var feature: UInt8 = 0
  var sectorCount: UInt8 = 1
  var lbaLow: UInt8 = 1
  var lbaMid: UInt8 = 0
  var lbaHigh: UInt8 = 0
  var previous = Previous()
  var status: UInt8 = 0
  var error: UInt8 = 0
  /// The drive wants to assert INTRQ.
  var wantsInterrupt = false

  struct Previous: Equatable {
    var feature: UInt8 = 0
    var sectorCount: UInt8 = 0
    var lbaLow: UInt8 = 0
    var lbaMid: UInt8 = 0
    var lbaHigh: UInt8 = 0
  }

  /// What the drive is doing.
  enum Phase: UInt8 {
    case idle = 0
    /// The host reads `buffer[position..<blockEnd]` from the data register.
    case dataIn
    /// The host writes `buffer[position..<blockEnd]` through the data register.
    case dataOut
    /// As `dataOut`, but the bytes are a command packet.
    case packet
    /// The bus master is to take `buffer[position..<blockEnd]`.
    case dmaIn
    /// The bus master is to fill `buffer[position..<blockEnd]`.
    case dmaOut
    /// A request is with the back end.
    case busy
  }

  /// What was asked of the back end.
  enum Request: UInt8 {
    case none = 0, read, write, flush, discard
  }

  var phase = Phase.idle
  var command: UInt8 = 0
  /// First sector of the request in flight or, between requests, of the next one. Sectors of 512 bytes.
  var sector: UInt64 = 0
  /// Sectors of the command that no request covers yet.
  var sectorsLeft: UInt32 = 0
  var request = Request.none
  var requestSectors: UInt32 = 0
  /// When the request in flight completes.
  var deadline: Nanoseconds = 0
  var buffer: [UInt8] = []
  var position: UInt32 = 0
  var blockEnd: UInt32 = 0
  /// Data moves through the bus master.
  var usesDMA = false
  /// SET FEATURES subcommand 03h: transfer mode in ATA's coding.
  var transferMode: UInt8 = 0x45

  // Disk only.
  /// Sectors per data block of READ and WRITE MULTIPLE.
  var multiple: UInt8 = 16
  var writeCacheEnabled = true
  var smartEnabled = true
  var smartAutosave = true
  /// Sectors and heads that the host's cylinder, head and sector numbers mean (INITIALIZE DEVICE PARAMETERS).
  var sectorsPerTrack: UInt8 = 63
  var heads: UInt8 = 16

  // CD-ROM only.
  var senseKey: UInt8 = 0
  var additionalSense: UInt8 = 0
  var isTrayOpen = false
  var isTrayLocked = false
  /// Steps of telling the guest of a changed medium: 2 "not ready", 1 "unit attention", 0 nothing left to tell.
  var changeStage: UInt8 = 0
  /// Media event that GET EVENT STATUS NOTIFICATION reports next.
  var mediaEvent: UInt8 = 0
  /// Most bytes per data block that the host takes.
  var byteLimit: UInt16 = 0
  /// READ CD wants 2352-byte sectors.
  var isRawRead = false

  /// Bytes that a buffer holds at most: one request of 128 KiB, or as many raw CD sectors.
  static let bufferLimit = 64 * 2352

  init(kind: IDEDriveKind) { self.kind = kind }

  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    guard kind != .none else { return }
    try visitor.field("feature", &feature)
    try visitor.field("nsector", &sectorCount)
    try visitor.field("sector", &lbaLow)
    try visitor.field("lcyl", &lbaMid)
    try visitor.field("hcyl", &lbaHigh)
    try visitor.field("status", &status)
    try visitor.field("error", &error)
    try visitor.field("wants_interrupt", &wantsInterrupt)
    try visitor.field("phase", choice: &phase)
    try visitor.field("command", &command)
    try visitor.field("position_sector", &sector)
    try visitor.field("sectors_left", &sectorsLeft)
    try visitor.field("request", choice: &request)
    try visitor.field("request_sectors", &requestSectors)
    try visitor.field("deadline", &deadline)
    try visitor.buffer("buffer", &buffer, limit: Self.bufferLimit)
    try visitor.field("position", &position)
    try visitor.field("block_end", &blockEnd)
    try visitor.field("uses_dma", &usesDMA)
    try visitor.field("hob_feature", &previous.feature)
    try visitor.field("hob_nsector", &previous.sectorCount)
    try visitor.field("hob_sector", &previous.lbaLow)
    try visitor.field("hob_lcyl", &previous.lbaMid)
    try visitor.field("hob_hcyl", &previous.lbaHigh)
    if kind == .disk {
      try visitor.field("transfer_mode", &transferMode)
      try visitor.field("mult_sectors", &multiple)
      try visitor.field("write_cache", &writeCacheEnabled)
      try visitor.field("smart_enabled", &smartEnabled)
      try visitor.field("smart_autosave", &smartAutosave)
      try visitor.field("sectors_per_track", &sectorsPerTrack)
      try visitor.field("heads", &heads)
    } else {
      try visitor.field("sense_key", &senseKey)
      try visitor.field("asc", &additionalSense)
      try visitor.field("tray_open", &isTrayOpen)
      try visitor.field("tray_locked", &isTrayLocked)
      try visitor.field("change_stage", &changeStage)
      try visitor.field("media_event", &mediaEvent)
      try visitor.field("byte_limit", &byteLimit)
      try visitor.field("raw_read", &isRawRead)
    }
    if visitor.isLoading { try validate() }
  }

  private func validate() throws(StateError) {
    guard position <= blockEnd, Int(blockEnd) <= buffer.count else { throw .outOfRange("block_end") }
    guard multiple <= 16, multiple & (multiple &- 1) == 0 else { throw .outOfRange("mult_sectors") }
    guard heads >= 1, heads <= 16, sectorsPerTrack >= 1 else { throw .outOfRange("heads") }
    guard sector <= 1 << 48 else { throw .outOfRange("position_sector") }
    guard changeStage <= 2 else { throw .outOfRange("change_stage") }
    switch phase {
    case .busy:
      guard request != .none, deadline >= 0 else { throw .outOfRange("request") }
      let moved = kind == .disk ? Int(requestSectors) * 512 : Int(requestSectors) * 588
      guard requestSectors <= 256, moved <= Self.bufferLimit else { throw .outOfRange("request_sectors") }
      if request == .write, buffer.count < Int(requestSectors) * 512 { throw .outOfRange("buffer") }
    case .dataIn, .dataOut, .packet, .dmaIn, .dmaOut:
      guard request == .none, position < blockEnd else { throw .outOfRange("position") }
      if phase == .packet, blockEnd != 12 { throw .outOfRange("block_end") }
    case .idle: guard request == .none else { throw .outOfRange("request") }
    }
  }
}
