// SPDX-License-Identifier: Apache-2.0

/// Operation codes of packet commands, MMC-3 and SPC-2.
enum MMCCommand {
  static let testUnitReady: UInt8 = 0x00
  static let requestSense: UInt8 = 0x03
  static let inquiry: UInt8 = 0x12
  static let startStopUnit: UInt8 = 0x1b
  static let preventAllowRemoval: UInt8 = 0x1e
  static let readCapacity: UInt8 = 0x25
  static let read10: UInt8 = 0x28
  static let seek10: UInt8 = 0x2b
  static let readTOC: UInt8 = 0x43
  static let getConfiguration: UInt8 = 0x46
  static let getEventStatus: UInt8 = 0x4a
  static let readDiscInformation: UInt8 = 0x51
  static let modeSense10: UInt8 = 0x5a
  static let read12: UInt8 = 0xa8
  static let readDVDStructure: UInt8 = 0xad
  static let setSpeed: UInt8 = 0xbb
  static let mechanismStatus: UInt8 = 0xbd
  static let readCD: UInt8 = 0xbe
}

/// A sense key with its additional sense code, SPC-2 tables 107 and 108.
struct Sense: Equatable {
  var key: UInt8
  var additional: UInt8

  static let none = Sense(key: 0, additional: 0)
  static let noMedium = Sense(key: 2, additional: 0x3a)
  static let removalPreventedByHost = Sense(key: 2, additional: 0x53)
  static let unreadable = Sense(key: 3, additional: 0x11)
  static let invalidCommand = Sense(key: 5, additional: 0x20)
  static let outOfRange = Sense(key: 5, additional: 0x21)
  static let invalidField = Sense(key: 5, additional: 0x24)
  static let incompatibleFormat = Sense(key: 5, additional: 0x30)
  static let noSavedParameters = Sense(key: 5, additional: 0x39)
  static let mediumChanged = Sense(key: 6, additional: 0x28)
}

/// A command packet of 12 bytes; big-endian fields.
struct CommandPacket {
  private let bytes: [UInt8]

  /// Shorter packets are filled up with zeros.
  init(_ bytes: [UInt8]) { self.bytes = bytes + [UInt8](repeating: 0, count: max(0, 12 - bytes.count)) }

  subscript(_ index: Int) -> UInt8 { bytes.indices.contains(index) ? bytes[index] : 0 }
  func word(_ index: Int) -> UInt16 { UInt16(self[index]) << 8 | UInt16(self[index + 1]) }
  func dword(_ index: Int) -> UInt32 { UInt32(word(index)) << 16 | UInt32(word(index + 2)) }
}

/// Bytes of an answer, big-endian.
struct Answer {
  var bytes: [UInt8]
  init(count: Int = 0) { bytes = [UInt8](repeating: 0, count: count) }

  mutating func append(_ values: UInt8...) { bytes += values }
  mutating func append16(_ value: Int) {
    append(UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value))
  }
  mutating func append32(_ value: UInt32) {
    append16(Int(value >> 16))
    append16(Int(value & 0xffff))
  }
  mutating func append(text: String, byteCount: Int) {
    let characters = Array(text.utf8.prefix(byteCount))
    bytes += characters + [UInt8](repeating: UInt8(ascii: " "), count: byteCount - characters.count)
  }
  /// Puts the length of what follows the field into a 16-bit field.
  mutating func setLength(at offset: Int = 0) {
    guard bytes.count >= offset + 2 else { return }
    let length = bytes.count - offset - 2
    bytes[offset] = UInt8(truncatingIfNeeded: length >> 8)
    bytes[offset + 1] = UInt8(truncatingIfNeeded: length)
  }
}

/// Minutes, seconds and frames of an address on a CD, 75 frames per second.
struct DiscTime {
  var minute: UInt8
  var second: UInt8
  var frame: UInt8

  /// Sector 0 lies at 00:02:00.
  init(sector: UInt32) {
    let frames = sector &+ 150
    minute = UInt8(truncatingIfNeeded: frames / 75 / 60)
    second = UInt8(truncatingIfNeeded: frames / 75 % 60)
    frame = UInt8(truncatingIfNeeded: frames % 75)
  }

  static func bcd(_ value: UInt8) -> UInt8 { ((value / 10 % 10) << 4) | value % 10 }
}
