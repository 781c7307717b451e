// SPDX-License-Identifier: Apache-2.0
import Block
import Platform

/// An ATA hard disk: LBA28, LBA48 and CHS addressing, PIO, multiword and Ultra DMA (which differ only in name here).
///
/// *Not emulated:* security, host protected area (its maximum is the native one), power-down times, read look-ahead,
/// tagged queuing, the streaming and logging feature sets. Where QEMU is more lenient than the standard, so is this:
/// a transfer mode is only remembered.
///
/// *Reference:* ATA/ATAPI-6 (T13/1410D revision 3b), chapters 6, 8 and 9; ACS-2 7.10 for DATA SET MANAGEMENT.
final class ATADisk: IDEDrive {
  /// Sectors per request with DMA, and per read-ahead with PIO.
  static let sectorsPerDMARequest: UInt32 = 256
  static let sectorsPerPIORequest: UInt32 = 64

  let geometry: ATAGeometry
  let identity: IDEDriveIdentity

  init(backend: BlockBackend, channel: IDEChannel, isDevice1: Bool, identity: IDEDriveIdentity) {
    self.identity = identity
    geometry =
      identity.geometry
      ?? ATAGeometry(sectorCount: backend.sectorCount, firstSector: backend.peek(at: 0, byteCount: 512))
    super.init(kind: .disk, backend: backend, channel: channel, isDevice1: isDevice1)
  }

  var sectorCount: UInt64 { UInt64(clamping: backend.sectorCount) }

  func setWriteCache(_ isOn: Bool) {
    state.writeCacheEnabled = isOn
    backend.isCachingWrites = isOn
  }

  override func stateDidLoad() {
    backend.isCachingWrites = state.writeCacheEnabled
    super.stateDidLoad()
  }

  override func resetSettings() {
    state.multiple = 16
    setWriteCache(backend.isWriteback)
    state.smartEnabled = true
    state.smartAutosave = true
    state.transferMode = 0x45
    state.heads = geometry.heads
    state.sectorsPerTrack = geometry.sectors
  }

  override func setSignature() {
    state.sectorCount = 1
    state.lbaLow = 1
    state.lbaMid = 0
    state.lbaHigh = 0
  }

  // MARK: Commands

  override func execute(_ command: UInt8) {
    switch command {
    case ATACommand.readSectors, ATACommand.readSectorsNoRetry, ATACommand.readMultiple, ATACommand.readSectorsExt,
      ATACommand.readMultipleExt:
      if state.multiple == 0, isMultiple { abort() } else { beginTransfer { beginRead() } }
    case ATACommand.writeSectors, ATACommand.writeSectorsNoRetry, ATACommand.writeVerify, ATACommand.writeMultiple,
      ATACommand.writeSectorsExt, ATACommand.writeMultipleExt:
      if state.multiple == 0, isMultiple { abort() } else { beginTransfer { beginWriteBlock(interrupts: false) } }
    case ATACommand.readDMA, ATACommand.readDMANoRetry, ATACommand.readDMAExt:
      beginTransfer(usingDMA: true) { beginRead() }
    case ATACommand.writeDMA, ATACommand.writeDMANoRetry, ATACommand.writeDMAExt:
      beginTransfer(usingDMA: true) { beginWriteBlock(interrupts: false) }
    case ATACommand.readVerify, ATACommand.readVerifyNoRetry, ATACommand.readVerifyExt:
      guard let (first, count) = addressed, first <= sectorCount, count <= sectorCount - first else { return abort() }
      complete()
    case ATACommand.flushCache, ATACommand.flushCacheExt: begin(.flush, sectors: 0)
    case ATACommand.dataSetManagement: beginTrim()
    case ATACommand.identifyDevice: offer(identifyData())
    case ATACommand.setFeatures: setFeatures()
    case ATACommand.setMultiple: setMultiple()
    case ATACommand.initializeParameters: initializeParameters()
    case ATACommand.smart: smart()
    case ATACommand.readNativeMax, ATACommand.readNativeMaxExt: readNativeMax()
    case ATACommand.checkPowerMode:
      state.sectorCount = 0xff  // active or idle
      complete()
    case ATACommand.standbyImmediate, ATACommand.idleImmediate, ATACommand.standby, ATACommand.idle, ATACommand.sleep,
      ATACommand.recalibrate, ATACommand.seek, ATACommand.securityFreezeLock:
      complete()
    default: abort()
    }
  }

  private var isExtended: Bool {
    switch state.command {
    case ATACommand.readSectorsExt, ATACommand.readMultipleExt, ATACommand.readDMAExt, ATACommand.writeSectorsExt,
      ATACommand.writeMultipleExt, ATACommand.writeDMAExt, ATACommand.readVerifyExt:
      true
    default: false
    }
  }

  private var isMultiple: Bool {
    switch state.command {
    case ATACommand.readMultiple, ATACommand.readMultipleExt, ATACommand.writeMultiple, ATACommand.writeMultipleExt:
      true
    default: false
    }
  }

  private var isWrite: Bool {
    switch state.command {
    case ATACommand.writeSectors, ATACommand.writeSectorsNoRetry, ATACommand.writeVerify, ATACommand.writeMultiple,
      ATACommand.writeSectorsExt, ATACommand.writeMultipleExt, ATACommand.writeDMA, ATACommand.writeDMANoRetry,
      ATACommand.writeDMAExt:
      true
    default: false
    }
  }

  // MARK: Addresses

  /// First sector and sector count that the task file names; nil for a CHS address that does not exist.
  private var addressed: (first: UInt64, count: UInt64)? {
    let file = state
    let device = channel.state.device
    if isExtended {
      let low = UInt64(file.lbaLow) | UInt64(file.lbaMid) << 8 | UInt64(file.lbaHigh) << 16
      let high = UInt64(file.previous.lbaLow) | UInt64(file.previous.lbaMid) << 8 | UInt64(file.previous.lbaHigh) << 16
      let count = UInt64(file.previous.sectorCount) << 8 | UInt64(file.sectorCount)
      return (low | high << 24, count == 0 ? 65536 : count)
    }
    let count: UInt64 = file.sectorCount == 0 ? 256 : UInt64(file.sectorCount)
    if device & IDEDevice.lba != 0 {
      let low = UInt64(file.lbaLow) | UInt64(file.lbaMid) << 8 | UInt64(file.lbaHigh) << 16
      return (low | UInt64(device & IDEDevice.head) << 24, count)
    }
    guard file.lbaLow > 0 else { return nil }  // sectors count from 1
    let cylinder = UInt64(file.lbaMid) | UInt64(file.lbaHigh) << 8
    let track = cylinder * UInt64(file.heads) + UInt64(device & IDEDevice.head)
    return (track * UInt64(file.sectorsPerTrack) + UInt64(file.lbaLow) - 1, count)
  }

  /// Shows how far the command has come: next sector and remaining count.
  private func showProgress(next: UInt64, left: UInt64) {
    state.sectorCount = UInt8(truncatingIfNeeded: left)
    if isExtended {
      state.previous.sectorCount = UInt8(truncatingIfNeeded: left >> 8)
      state.previous.lbaLow = UInt8(truncatingIfNeeded: next >> 24)
      state.previous.lbaMid = UInt8(truncatingIfNeeded: next >> 32)
      state.previous.lbaHigh = UInt8(truncatingIfNeeded: next >> 40)
    } else if channel.state.device & IDEDevice.lba != 0 {
      channel.state.device = (channel.state.device & ~IDEDevice.head) | UInt8(truncatingIfNeeded: next >> 24) & 0x0f
    } else {
      let track = next / UInt64(state.sectorsPerTrack)
      let cylinder = track / UInt64(state.heads)
      channel.state.device =
        (channel.state.device & ~IDEDevice.head) | UInt8(truncatingIfNeeded: track % UInt64(state.heads)) & 0x0f
      state.lbaLow = UInt8(truncatingIfNeeded: next % UInt64(state.sectorsPerTrack) + 1)
      state.lbaMid = UInt8(truncatingIfNeeded: cylinder)
      state.lbaHigh = UInt8(truncatingIfNeeded: cylinder >> 8)
      return
    }
    state.lbaLow = UInt8(truncatingIfNeeded: next)
    state.lbaMid = UInt8(truncatingIfNeeded: next >> 8)
    state.lbaHigh = UInt8(truncatingIfNeeded: next >> 16)
  }

  // MARK: Reads and writes

  private func beginTransfer(usingDMA: Bool = false, _ body: () -> Void) {
    guard let (first, count) = addressed else { return abort() }
    state.usesDMA = usingDMA
    state.sector = first
    state.sectorsLeft = UInt32(clamping: count)
    body()
  }

  /// Sectors that the next request can cover before the end of the disk; 0 when it begins past it.
  private func reach(_ limit: UInt32) -> UInt32 {
    guard state.sector < sectorCount else { return 0 }
    return UInt32(clamping: min(UInt64(min(limit, state.sectorsLeft)), sectorCount - state.sector))
  }

  private func beginRead() {
    let count = reach(state.usesDMA ? Self.sectorsPerDMARequest : Self.sectorsPerPIORequest)
    if count == 0 {
      backend.countInvalid(.read)
      return abort()
    }
    begin(.read, sectors: count)
  }

  /// Sectors per data block of the current PIO command.
  private var blockSectors: UInt32 { isMultiple ? max(1, UInt32(state.multiple)) : 1 }

  private func beginWriteBlock(interrupts: Bool) {
    let count = reach(state.usesDMA ? Self.sectorsPerDMARequest : blockSectors)
    if count == 0 {
      backend.countInvalid(.write)
      return abort()
    }
    state.buffer = [UInt8](repeating: 0, count: Int(count) * 512)
    state.position = 0
    beginBlock(state.usesDMA ? .dmaOut : .dataOut, count: state.buffer.count, interrupts: interrupts)
  }

  private func offerReadBlock() {
    let available = state.buffer.count - Int(state.position)
    let count = state.usesDMA ? available : min(available, Int(blockSectors) * 512)
    if !state.usesDMA {
      let unread = UInt64(available - count) / 512
      showProgress(next: state.sector &- unread, left: UInt64(state.sectorsLeft) + unread)
    }
    beginBlock(state.usesDMA ? .dmaIn : .dataIn, count: count, interrupts: !state.usesDMA)
  }

  override func requestDidFinish(_ request: IDEDriveState.Request, sectors: UInt32, _ result: BlockResult) {
    guard case .success(let bytes) = result else {
      return abort(request == .read ? IDEError.uncorrectable : IDEError.aborted)
    }
    switch request {
    case .read:
      state.sector += UInt64(sectors)
      state.sectorsLeft -= min(state.sectorsLeft, sectors)
      state.buffer = bytes
      state.position = 0
      offerReadBlock()
    case .write:
      state.sector += UInt64(sectors)
      state.sectorsLeft -= min(state.sectorsLeft, sectors)
      showProgress(next: state.sector, left: UInt64(state.sectorsLeft))
      if state.sectorsLeft > 0 {
        beginWriteBlock(interrupts: !state.usesDMA)
      } else if !state.writeCacheEnabled {
        begin(.flush, sectors: 0)
      } else {
        complete()
      }
    case .flush, .discard, .none: complete()
    }
  }

  override func blockDidMove() {
    switch state.phase {
    case .dataIn, .dmaIn:
      if Int(state.position) < state.buffer.count {
        offerReadBlock()
      } else if state.sectorsLeft > 0 {
        beginRead()
      } else if state.phase == .dmaIn {
        showProgress(next: state.sector, left: 0)
        complete()
      } else {
        endTransfer()  // the interrupt came with the last block
        state.status = IDEStatus.ready
      }
    case .dataOut, .dmaOut:
      if state.command == ATACommand.dataSetManagement {
        begin(.discard, sectors: 0)
      } else if isWrite {
        begin(.write, sectors: UInt32(clamping: state.buffer.count / 512))
      } else {
        complete()  // SMART WRITE LOG and the like: nothing keeps the data
      }
    case .idle, .packet, .busy: break
    }
  }

  /// One block of answer for the data register.
  func offer(_ bytes: [UInt8]) {
    state.buffer = bytes
    state.position = 0
    state.sectorsLeft = 0
    beginBlock(.dataIn, count: bytes.count, interrupts: true)
  }

  private func beginTrim() {
    guard state.feature & 1 != 0, state.sectorCount > 0, !backend.isReadOnly else { return abort() }
    state.usesDMA = true
    state.buffer = [UInt8](repeating: 0, count: Int(state.sectorCount) * 512)
    state.position = 0
    beginBlock(.dmaOut, count: state.buffer.count, interrupts: false)
  }
}

/// What a drive says about itself.
public struct IDEDriveIdentity: Sendable {
  public var serial: String
  public var model: String
  public var firmware: String
  /// World wide name, 0 for none.
  public var worldWideName: UInt64
  /// nil lets the geometry be guessed from the medium.
  public var geometry: ATAGeometry?
  /// 512 or a larger power of two.
  public var physicalBlockByteCount = 512
  /// Word 217 of IDENTIFY DEVICE: revolutions per minute, 1 for a solid-state disk, 0 for nothing to tell.
  public var rotationRate: UInt16 = 0

  public init(
    serial: String, model: String, firmware: String = "2.5+", worldWideName: UInt64 = 0, geometry: ATAGeometry? = nil
  ) {
    (self.serial, self.model, self.firmware) = (serial, model, firmware)
    (self.worldWideName, self.geometry) = (worldWideName, geometry)
  }
}
