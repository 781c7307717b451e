// SPDX-License-Identifier: Apache-2.0
import Platform

extension ATADisk {
  /// The 256 words of IDENTIFY DEVICE, ATA/ATAPI-6 8.15, with QEMU's values, which guests use to name a disk.
  func identifyData() -> [UInt8] {
    var words = IdentifyWords()
    let capacity = UInt64(state.heads) * UInt64(state.sectorsPerTrack)
    let cylinders = UInt16(clamping: capacity == 0 ? 0 : min(sectorCount / capacity, UInt64(geometry.cylinders)))
    words[0] = 0x0040  // fixed drive
    words[1] = geometry.cylinders
    words[3] = UInt16(geometry.heads)
    words[4] = 512 &* UInt16(geometry.sectors)
    words[5] = 512
    words[6] = UInt16(geometry.sectors)
    words.set(10, identity.serial, byteCount: 20)
    words[20] = 3  // dual-ported cache with look-ahead
    words[21] = 512  // cache size in sectors
    words[22] = 4
    words.set(23, identity.firmware, byteCount: 8)
    words.set(27, identity.model, byteCount: 40)
    words[47] = 0x8010  // at most 16 sectors per block
    words[48] = 1  // 32-bit data port
    words[49] = 0x0b00  // LBA, DMA, IORDY
    words[51] = 0x0200
    words[52] = 0x0200
    words[53] = 0x0007  // words 54...58, 64...70 and 88 are valid
    words[54] = cylinders == 0 ? geometry.cylinders : cylinders
    words[55] = UInt16(state.heads)
    words[56] = UInt16(state.sectorsPerTrack)
    words.set32(57, UInt32(clamping: UInt64(words[54]) * capacity))
    words[59] = state.multiple == 0 ? 0 : 0x0100 | UInt16(state.multiple)
    words.set32(60, UInt32(min(sectorCount, 0x0fff_ffff)))
    setTransferModes(&words)
    words[80] = 0x00f0  // ATA-4 to ATA-7
    words[81] = 0x0016
    words[82] = 0x4021  // NOP, write cache, SMART
    words[83] = 0x7400  // FLUSH CACHE (EXT), 48-bit addresses
    words[84] = 0x4000
    words[85] = 0x4000 | (state.writeCacheEnabled ? 0x20 : 0) | (state.smartEnabled ? 1 : 0)
    words[86] = 0x3400
    words[87] = 0x4000
    words[93] = 0x6001  // hardware reset result: device 0, 80-wire cable
    words.set32(100, UInt32(truncatingIfNeeded: sectorCount))
    words.set32(102, UInt32(truncatingIfNeeded: sectorCount >> 32))
    // How many logical sectors a physical one holds, as a power of two.
    words[106] = 0x6000 | UInt16(truncatingIfNeeded: max(512, identity.physicalBlockByteCount).trailingZeroBitCount - 9)
    words[217] = identity.rotationRate
    if identity.worldWideName != 0 {
      words[84] |= 0x0100
      words[87] |= 0x0100
      for index in 0..<4 {
        words[108 + index] = UInt16(truncatingIfNeeded: identity.worldWideName >> UInt64(48 - 16 * index))
      }
    }
    words[169] = 1  // TRIM
    return words.bytes
  }

  /// Words 62...69 and 88. The high byte of 62, 63 and 88 shows the selected mode.
  private func setTransferModes(_ words: inout IdentifyWords) {
    let mode = UInt16(1) << UInt16(state.transferMode & 7)
    words[62] = 0x0007 | (state.transferMode >> 3 == 2 ? mode << 8 : 0)
    words[63] = 0x0007 | (state.transferMode >> 3 == 4 ? mode << 8 : 0)
    words[64] = 0x0003
    for index in 65...68 { words[index] = 120 }  // cycle times in nanoseconds
    words[69] = 0x4000  // sectors read as something definite after TRIM
    words[88] = 0x003f | (state.transferMode >> 3 == 8 ? mode << 8 : 0)
  }

  /// SET FEATURES, ATA/ATAPI-6 8.46.
  func setFeatures() {
    switch state.feature {
    case 0x02: setWriteCache(true)
    case 0x82:
      setWriteCache(false)
      begin(.flush, sectors: 0)
      return
    case 0x03:
      switch state.sectorCount >> 3 {
      case 0, 1, 2, 4, 8: state.transferMode = state.sectorCount
      default: return abort()
      }
    // Power management, acoustics, read look-ahead, defaults at soft reset, 4 bytes of ECC: accepted without effect.
    case 0x05, 0x85, 0x42, 0xc2, 0x55, 0xaa, 0x66, 0xcc, 0x67, 0x69, 0x96, 0x9a: break
    default: return abort()
    }
    complete()
  }

  func setMultiple() {
    let count = state.sectorCount
    guard count <= 16, count & (count &- 1) == 0 else { return abort() }
    state.multiple = count
    complete()
  }

  /// INITIALIZE DEVICE PARAMETERS (ATA-5 8.16): the geometry that CHS addresses mean from now on.
  func initializeParameters() {
    guard state.sectorCount > 0 else { return abort() }
    state.heads = (channel.state.device & IDEDevice.head) + 1
    state.sectorsPerTrack = state.sectorCount
    complete()
  }

  func readNativeMax() {
    let isExtended = state.command == ATACommand.readNativeMaxExt
    let last = sectorCount == 0 ? 0 : sectorCount - 1
    let shown = isExtended ? last : min(last, 0x0fff_ffff)
    state.lbaLow = UInt8(truncatingIfNeeded: shown)
    state.lbaMid = UInt8(truncatingIfNeeded: shown >> 8)
    state.lbaHigh = UInt8(truncatingIfNeeded: shown >> 16)
    if isExtended {
      state.previous.lbaLow = UInt8(truncatingIfNeeded: shown >> 24)
      state.previous.lbaMid = UInt8(truncatingIfNeeded: shown >> 32)
      state.previous.lbaHigh = UInt8(truncatingIfNeeded: shown >> 40)
    } else {
      channel.state.device = (channel.state.device & ~IDEDevice.head) | UInt8(truncatingIfNeeded: shown >> 24) & 0x0f
    }
    complete()
  }

  /// SMART, ATA/ATAPI-6 8.54: a healthy disk with a fixed table of attributes.
  func smart() {
    guard state.lbaMid == 0x4f, state.lbaHigh == 0xc2 else { return abort() }
    guard state.smartEnabled || state.feature == 0xd8 else { return abort() }
    switch state.feature {
    case 0xd0: offer(SMARTData.values(autosave: state.smartAutosave))
    case 0xd1: offer(SMARTData.thresholds())
    case 0xd2:
      switch state.sectorCount {
      case 0x00: state.smartAutosave = false
      case 0xf1: state.smartAutosave = true
      default: return abort()
      }
      complete()
    case 0xd4:  // off-line test: done at once, and passed
      switch state.lbaLow {
      case 0, 1, 2: complete()
      default: abort()
      }
    case 0xd5:
      switch state.lbaLow {
      case 1: offer(SMARTData.emptyLog(revision: 1))
      case 6: offer(SMARTData.emptyLog(revision: 1))
      default: abort()
      }
    case 0xd8:
      state.smartEnabled = true
      complete()
    case 0xd9:
      state.smartEnabled = false
      complete()
    case 0xda: complete()  // 4Fh and C2h left in place: no threshold exceeded
    default: abort()
    }
  }
}

/// The words of an IDENTIFY answer.
struct IdentifyWords {
  private(set) var bytes = [UInt8](repeating: 0, count: 512)

  subscript(_ index: Int) -> UInt16 {
    get { UInt16(bytes[2 * index]) | UInt16(bytes[2 * index + 1]) << 8 }
    set {
      bytes[2 * index] = UInt8(truncatingIfNeeded: newValue)
      bytes[2 * index + 1] = UInt8(truncatingIfNeeded: newValue >> 8)
    }
  }

  mutating func set32(_ index: Int, _ value: UInt32) {
    self[index] = UInt16(truncatingIfNeeded: value)
    self[index + 1] = UInt16(truncatingIfNeeded: value >> 16)
  }

  /// Text in ATA's order: the first character of a pair in the high byte, padded with blanks.
  mutating func set(_ index: Int, _ text: String, byteCount: Int) {
    var characters = Array(text.utf8.prefix(byteCount))
    characters += [UInt8](repeating: UInt8(ascii: " "), count: byteCount - characters.count)
    for (position, character) in characters.enumerated() { bytes[(2 * index + position) ^ 1] = character }
  }
}

/// The tables behind SMART READ DATA and its kin. Attribute numbers and layout as ATA-3's annex and common practice have
/// them; the values are those that QEMU's disks show.
enum SMARTData {
  private struct Attribute {
    var id: UInt8
    var flags: UInt8
    var value: UInt8
    var raw: [UInt8]
    var threshold: UInt8
  }

  private static let attributes = [
    Attribute(id: 0x01, flags: 3, value: 100, raw: [], threshold: 6),  // raw read error rate
    Attribute(id: 0x03, flags: 3, value: 100, raw: [16], threshold: 0),  // spin-up time
    Attribute(id: 0x04, flags: 2, value: 100, raw: [100], threshold: 20),  // start/stop count
    Attribute(id: 0x05, flags: 3, value: 100, raw: [], threshold: 36),  // reallocated sectors
    Attribute(id: 0x09, flags: 3, value: 100, raw: [1], threshold: 0),  // power-on hours
    Attribute(id: 0x0c, flags: 3, value: 100, raw: [], threshold: 0),  // power cycles
    Attribute(id: 0xbe, flags: 3, value: 69, raw: [31, 0, 31, 31], threshold: 50),  // airflow temperature
  ]

  static func values(autosave: Bool) -> [UInt8] {
    var data = [UInt8](repeating: 0, count: 512)
    data[0] = 1
    for (index, attribute) in attributes.enumerated() {
      let base = 2 + 12 * index
      data[base] = attribute.id
      data[base + 1] = attribute.flags
      data[base + 3] = attribute.value
      data[base + 4] = attribute.value
      for (position, byte) in attribute.raw.enumerated() { data[base + 5 + position] = byte }
    }
    data[362] = autosave ? 0x82 : 0x02  // off-line collection completed
    data[364] = 0x20  // seconds to complete it, 288
    data[365] = 0x01
    data[367] = 0x19  // off-line and self-test abilities
    data[368] = 0x03
    data[370] = 0x01
    data[372] = 0x02
    data[373] = 0x36
    data[374] = 0x01
    return checked(data)
  }

  static func thresholds() -> [UInt8] {
    var data = [UInt8](repeating: 0, count: 512)
    data[0] = 1
    for (index, attribute) in attributes.enumerated() {
      data[2 + 12 * index] = attribute.id
      data[3 + 12 * index] = attribute.threshold
    }
    return checked(data)
  }

  static func emptyLog(revision: UInt8) -> [UInt8] {
    var data = [UInt8](repeating: 0, count: 512)
    data[0] = revision
    return checked(data)
  }

  /// The last byte makes the sum of all bytes zero.
  private static func checked(_ data: [UInt8]) -> [UInt8] {
    var data = data
    data[511] = 0 &- data[0..<511].reduce(0, &+)
    return data
  }
}
