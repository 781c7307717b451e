// SPDX-License-Identifier: Apache-2.0
import Block
import Platform

/// An ATAPI CD-ROM and DVD-ROM drive: the PACKET protocol by data register and by bus master.
///
/// *Not emulated:* audio, writing, changers, multisession discs, Q subchannels; raw sectors carry no error correction
/// codes.
///
/// *Reference:* ATA/ATAPI-6 (T13/1410D revision 3b) 8.23 and 9.8; SFF-8020i; MMC-3 (T10/1363-D revision 10g).
final class ATAPIDrive: IDEDrive, DriveDevice {
  /// Blocks of 2048 bytes per request.
  static let blocksPerRequest: UInt32 = 64
  static let blocksPerPIORequest: UInt32 = 16
  static let packetByteCount = 12
  /// The largest CD, 80 minutes; a longer medium is a DVD.
  static let longestCDSectors: UInt32 = 80 * 60 * 75

  let identity: IDEDriveIdentity

  init(backend: BlockBackend, channel: IDEChannel, isDevice1: Bool, identity: IDEDriveIdentity) {
    self.identity = identity
    super.init(kind: .opticalDisc, backend: backend, channel: channel, isDevice1: isDevice1)
  }

  // MARK: Medium

  var isMediumPresent: Bool { backend.isInserted && !state.isTrayOpen }
  /// Blocks of 2048 bytes on the medium.
  var blockCount: UInt32 { UInt32(clamping: backend.byteCount / 2048) }
  var isDVD: Bool { isMediumPresent && blockCount > Self.longestCDSectors }

  var isTrayOpen: Bool? { state.isTrayOpen }
  var isMediumLocked: Bool { state.isTrayLocked }

  func openTray(force: Bool) -> Bool {
    if state.isTrayLocked, !force {
      state.mediaEvent = MediaEvent.ejectRequest
      return false
    }
    moveTray(open: true)
    return true
  }

  func closeTray() { moveTray(open: false) }

  func moveTray(open: Bool) {
    guard state.isTrayOpen != open else { return }
    state.isTrayOpen = open
    if open { state.isTrayLocked = false }
    backend.trayDidMove?(open)
  }

  /// A guest must first see the drive empty and then a unit attention, or it keeps what it cached of the old disc.
  func mediumDidChange() {
    state.changeStage = backend.isInserted ? 2 : 0
    state.mediaEvent = backend.isInserted ? MediaEvent.newMedium : MediaEvent.removal
  }

  enum MediaEvent {
    static let ejectRequest: UInt8 = 1
    static let newMedium: UInt8 = 2
    static let removal: UInt8 = 3
  }

  // MARK: Task file commands

  override func setSignature() {
    state.sectorCount = 1
    state.lbaLow = 1
    state.lbaMid = 0x14
    state.lbaHigh = 0xeb
  }

  override func resetSettings() {
    state.isTrayLocked = false
    state.senseKey = 0
    state.additionalSense = 0
    state.byteLimit = 0
  }

  override func execute(_ command: UInt8) {
    switch command {
    case ATACommand.packet: beginPacket()
    case ATACommand.deviceReset:
      reset(software: true)
      state.error = 0
      channel.updateInterrupt()
    case ATACommand.identifyPacketDevice:
      state.buffer = identifyData()
      state.position = 0
      beginBlock(.dataIn, count: 512, interrupts: true)
    case ATACommand.identifyDevice, ATACommand.readSectors:
      setSignature()
      abort()
    case ATACommand.flushCache, ATACommand.standbyImmediate, ATACommand.idleImmediate, ATACommand.sleep: complete()
    case ATACommand.checkPowerMode:
      state.sectorCount = 0xff
      complete()
    case ATACommand.setFeatures:
      // Transfer modes and the reverting of defaults; the drive is as fast in each.
      if [0x03, 0x66, 0xcc].contains(state.feature) { complete() } else { abort() }
    default: abort()
    }
  }

  private func beginPacket() {
    guard state.feature & 2 == 0 else { return abort() }  // no overlap
    state.usesDMA = state.feature & 1 != 0
    let limit = UInt16(state.lbaMid) | UInt16(state.lbaHigh) << 8
    // 0 and FFFFh both stand for the largest even count.
    state.byteLimit = limit == 0 || limit == 0xffff ? 0xfffe : limit
    state.buffer = [UInt8](repeating: 0, count: Self.packetByteCount)
    state.position = 0
    state.sectorCount = IDEInterruptReason.isCommand
    beginBlock(.packet, count: Self.packetByteCount, interrupts: false)
  }

  override func blockDidMove() {
    switch state.phase {
    case .packet:
      let packet = CommandPacket(state.buffer)
      state.buffer = []
      state.position = 0
      state.blockEnd = 0
      state.phase = .idle
      state.status = IDEStatus.busy | IDEStatus.deviceReady
      executePacket(packet)
    case .dataIn, .dmaIn:
      if Int(state.position) < state.buffer.count {
        offerBlock()
      } else if state.sectorsLeft > 0 {
        readMore()
      } else if state.command == ATACommand.identifyPacketDevice {
        endTransfer()
        state.status = IDEStatus.ready
      } else {
        succeed()
      }
    case .idle, .busy, .dataOut, .dmaOut: break
    }
  }

  // MARK: Packet command results

  /// The end of a packet command: reason "command done, to host", and an interrupt.
  func succeed() {
    state.sectorCount = IDEInterruptReason.isCommand | IDEInterruptReason.toHost
    complete()
  }

  func fail(_ sense: Sense) {
    state.senseKey = sense.key
    state.additionalSense = sense.additional
    endTransfer()
    state.sectorCount = IDEInterruptReason.isCommand | IDEInterruptReason.toHost
    state.status = IDEStatus.deviceReady | IDEStatus.error
    state.error = sense.key << 4
    requestInterrupt()
  }

  /// Sends an answer, at most `limit` bytes of it.
  func answer(_ bytes: [UInt8], limit: Int) {
    let sent = Array(bytes.prefix(limit))
    if sent.isEmpty { return succeed() }
    state.buffer = sent
    state.position = 0
    state.sectorsLeft = 0
    offerBlock()
  }

  /// The next data block: as much of the buffer as the host takes at once.
  private func offerBlock() {
    let available = state.buffer.count - Int(state.position)
    if state.usesDMA {
      state.sectorCount = IDEInterruptReason.toHost
      beginBlock(.dmaIn, count: available, interrupts: false)
      return
    }
    var count = min(available, Int(state.byteLimit))
    // Only the last block may have an odd count.
    if count < available { count = max(2, count & ~1) }
    count = min(count, available)
    state.sectorCount = IDEInterruptReason.toHost
    state.lbaMid = UInt8(truncatingIfNeeded: count)
    state.lbaHigh = UInt8(truncatingIfNeeded: count >> 8)
    beginBlock(.dataIn, count: count, interrupts: true)
  }

  // MARK: Sectors

  /// Reads `count` blocks from `first` and sends them.
  func read(_ first: UInt32, count: UInt32, raw: Bool = false) {
    guard first <= blockCount, count <= blockCount - first else { return fail(.outOfRange) }
    if count == 0 { return succeed() }
    state.isRawRead = raw
    state.sector = UInt64(first) * 4
    state.sectorsLeft = UInt32(clamping: UInt64(count) * 4)
    readMore()
  }

  private func readMore() {
    let most = (state.usesDMA ? Self.blocksPerRequest : Self.blocksPerPIORequest) * 4
    begin(.read, sectors: min(state.sectorsLeft & ~3, most))
  }

  override func requestDidFinish(_ request: IDEDriveState.Request, sectors: UInt32, _ result: BlockResult) {
    switch result {
    case .failure: fail(isMediumPresent ? .unreadable : .noMedium)
    case .success(let bytes):
      let first = UInt32(truncatingIfNeeded: state.sector / 4)
      state.sector += UInt64(sectors)
      state.sectorsLeft -= min(state.sectorsLeft, sectors)
      if state.sectorsLeft < 4 { state.sectorsLeft = 0 }
      state.buffer = state.isRawRead ? Self.rawSectors(bytes, first) : bytes
      state.position = 0
      if state.buffer.isEmpty { succeed() } else { offerBlock() }
    }
  }

  /// Mode 1 sectors as they lie on the disc: sync, header, data, and zeros for the codes. ECMA-130 clause 14.
  private static func rawSectors(_ data: [UInt8], _ first: UInt32) -> [UInt8] {
    var raw: [UInt8] = []
    raw.reserveCapacity(data.count / 2048 * 2352)
    for index in 0..<data.count / 2048 {
      let time = DiscTime(sector: first &+ UInt32(index))
      raw.append(0)
      raw += [UInt8](repeating: 0xff, count: 10)
      raw.append(0)
      raw += [DiscTime.bcd(time.minute), DiscTime.bcd(time.second), DiscTime.bcd(time.frame), 1]
      raw += data[index * 2048..<(index + 1) * 2048]
      raw += [UInt8](repeating: 0, count: 288)
    }
    return raw
  }

  /// The 256 words of IDENTIFY PACKET DEVICE, ATA/ATAPI-6 8.16, with QEMU's values.
  private func identifyData() -> [UInt8] {
    var words = IdentifyWords()
    words[0] = 0x85c0  // removable CD-ROM, 12-byte packets, data request within 50 µs
    words.set(10, identity.serial, byteCount: 20)
    words[20] = 3
    words[21] = 512
    words[22] = 4
    words.set(23, identity.firmware, byteCount: 8)
    words.set(27, identity.model, byteCount: 40)
    words[48] = 1
    words[49] = 0x0300  // LBA, DMA
    words[53] = 7
    words[62] = 7
    words[63] = 7
    words[64] = 3
    words[65] = 180
    words[66] = 180
    words[67] = 300
    words[68] = 180
    words[71] = 30
    words[72] = 30
    words[80] = 0x001e
    words[88] = 0x203f
    return words.bytes
  }
}
