// SPDX-License-Identifier: Apache-2.0
import Platform

/// The serial EEPROM: 64 words, reached bit by bit through EECD as a Microwire part or word by word through EERD.
///
/// Reference: the manual's sections 5.3 and 5.6, 13.4.3, 13.4.4; NM93C46 data sheet for the serial commands.
struct E1000EEPROM: Equatable {
  private enum ControlBit {
    static let clock: UInt32 = 1 << 0
    static let select: UInt32 = 1 << 1
    static let dataIn: UInt32 = 1 << 2
    static let dataOut: UInt32 = 1 << 3
    static let request: UInt32 = 1 << 6
    static let grant: UInt32 = 1 << 7
    static let present: UInt32 = 1 << 8
  }

  static let wordCount = 64
  /// Sum of all words.
  private static let checksum: UInt16 = 0xbaba

  var words: [UInt16]
  /// Pins that software drives.
  private var pins: UInt32 = 0
  /// Bits shifted in since selection, and how many.
  private var shifted: UInt32 = 0
  private var shiftedCount: UInt8 = 0
  /// Bits to shift out, the next one on top, and how many.
  private var output: UInt32 = 0
  private var outputCount: UInt8 = 0
  /// Address whose word comes next, while reading.
  private var nextAddress: UInt8 = 0
  private var isReading = false
  private var isWritable = false
  private var isDataOutHigh = true
  private(set) var read: UInt32 = 0

  /// The contents of an 82540EM with a given Ethernet address.
  init(address: [UInt8]) {
    words = [
      0x0000, 0x0000, 0x0000, 0x0000, 0xffff, 0x0000, 0x0000, 0x0000, 0x3000, 0x1000, 0x6403, 0x100e, 0x8086, 0x100e,
      0x8086, 0x3040, 0x0008, 0x2000, 0x7e14, 0x0048, 0x1000, 0x00d8, 0x0000, 0x2700, 0x6cc9, 0x3150, 0x0722, 0x040b,
      0x0984, 0x0000, 0xc000, 0x0706, 0x1008, 0x0000, 0x0f04, 0x7fff, 0x4d01, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff,
      0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0x0100, 0x4000, 0x121c, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff,
      0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0x0000,
    ]
    for (index, byte) in address.prefix(6).enumerated() { words[index / 2] |= UInt16(byte) << UInt16(8 * (index % 2)) }
    words[63] = Self.checksum &- words[..<63].reduce(0, &+)
  }

  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    try visitor.array("eeprom", &words)
    try visitor.field("eecd", &pins)
    try visitor.field("eeprom_in", &shifted)
    try visitor.field("eeprom_in_count", &shiftedCount)
    try visitor.field("eeprom_out", &output)
    try visitor.field("eeprom_out_count", &outputCount)
    try visitor.field("eeprom_address", &nextAddress)
    try visitor.field("eeprom_reading", &isReading)
    try visitor.field("eeprom_writable", &isWritable)
    try visitor.field("eeprom_do", &isDataOutHigh)
    try visitor.field("eerd", &read)
    guard shiftedCount <= 32, outputCount <= 16, nextAddress < 64 else { throw .outOfRange("eeprom") }
  }

  // MARK: EERD

  /// START reads a word at once. An address that the part has not gives DONE alone.
  mutating func writeRead(_ value: UInt32) {
    let (start, done): (UInt32, UInt32) = (1 << 0, 1 << 4)
    guard value & start != 0 else {
      read = value
      return
    }
    let address = Int(value >> 8 & 0xff)
    let word = address < Self.wordCount ? UInt32(words[address]) << 16 : 0
    read = word | value & 0xff00 | done
  }

  // MARK: EECD

  var control: UInt32 {
    var value = pins & (ControlBit.clock | ControlBit.select | ControlBit.dataIn | ControlBit.request)
    value |= ControlBit.present | ControlBit.grant
    if isDataOutHigh { value |= ControlBit.dataOut }
    return value
  }

  mutating func writeControl(_ value: UInt32) {
    let before = pins
    pins = value & 0x7f
    guard pins & ControlBit.select != 0 else {
      if before & ControlBit.select != 0 { deselect() }
      return
    }
    if before & ControlBit.select == 0 {
      (shifted, shiftedCount, outputCount, isReading) = (0, 0, 0, false)
      isDataOutHigh = true
    }
    if before & ControlBit.clock == 0, pins & ControlBit.clock != 0 { clockRises(value & ControlBit.dataIn != 0) }
  }

  /// A command starts with a one; two bits of operation and six of address follow, and 16 of data where it writes.
  private mutating func clockRises(_ bit: Bool) {
    if isReading {
      if outputCount == 0 {
        output = UInt32(words[Int(nextAddress)])
        outputCount = 16
        nextAddress = (nextAddress &+ 1) & 63
      }
      outputCount -= 1
      isDataOutHigh = output >> UInt32(outputCount) & 1 != 0
      return
    }
    guard shiftedCount > 0 || bit, shiftedCount < 25 else { return }
    shifted = shifted << 1 | (bit ? 1 : 0)
    shiftedCount += 1
    guard shiftedCount == 9, shifted >> 6 & 3 == 2 else { return }
    nextAddress = UInt8(truncatingIfNeeded: shifted & 63)
    isReading = true
    isDataOutHigh = false  // the dummy bit before the data
  }

  /// Commands that change something take effect when the part is let go.
  private mutating func deselect() {
    defer { (shifted, shiftedCount, outputCount, isReading, isDataOutHigh) = (0, 0, 0, false, true) }
    let hasData = shiftedCount == 25
    guard shiftedCount == 9 || hasData else { return }
    let command = hasData ? shifted >> 16 : shifted
    let data = UInt16(truncatingIfNeeded: shifted)
    let address = Int(command & 63)
    switch (command >> 6 & 3, command >> 4 & 3) {
    case (1, _) where hasData && isWritable: words[address] = data
    case (3, _) where !hasData && isWritable: words[address] = 0xffff
    case (0, 3): isWritable = true
    case (0, 0): isWritable = false
    case (0, 1) where hasData && isWritable: words = [UInt16](repeating: data, count: Self.wordCount)
    case (0, 2) where !hasData && isWritable: words = [UInt16](repeating: 0xffff, count: Self.wordCount)
    default: break
    }
  }
}
