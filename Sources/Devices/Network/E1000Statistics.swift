// SPDX-License-Identifier: Apache-2.0
import Platform

/// Counters at 4000h to 40FCh. They stick at their highest value and a read clears them; of a counter of 64 bits the read
/// of the high half clears both.
///
/// Reference: the manual's section 13.7.
struct E1000Statistics: Equatable {
  enum Counter: Int {
    case missed = 0x10
    case receiveLength = 0x40
    case pauseEndsReceived = 0x48
    case pauseEndsTransmitted = 0x4c
    case pausesReceived = 0x50
    case pausesTransmitted = 0x54
    case unsupportedControl = 0x58
    case received64 = 0x5c
    case goodReceived = 0x74
    case broadcastReceived = 0x78
    case multicastReceived = 0x7c
    case goodTransmitted = 0x80
    case noBuffers = 0xa0
    case undersize = 0xa4
    case oversize = 0xac
    case totalReceived = 0xd0
    case totalTransmitted = 0xd4
    case transmitted64 = 0xd8
    case multicastTransmitted = 0xf0
    case broadcastTransmitted = 0xf4
    case segmentationContexts = 0xf8
    case segmentationFailures = 0xfc
  }

  /// The low half's offset.
  enum LongCounter: Int {
    case goodReceivedBytes = 0x88
    case goodTransmittedBytes = 0x90
    case receivedBytes = 0xc0
    case transmittedBytes = 0xc8
  }

  private var values = [UInt32](repeating: 0, count: 64)

  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    try visitor.array("statistics", &values)
  }

  mutating func read(_ offset: UInt32) -> UInt32 {
    let place = Int(offset & 0xff)
    let index = place / 4
    let value = values[index]
    if LongCounter(rawValue: place) != nil { return value }
    if LongCounter(rawValue: place - 4) != nil { values[index - 1] = 0 }
    values[index] = 0
    return value
  }

  mutating func count(_ counter: Counter, by amount: UInt32 = 1) {
    let (sum, overflow) = values[counter.rawValue / 4].addingReportingOverflow(amount)
    values[counter.rawValue / 4] = overflow ? .max : sum
  }

  mutating func add(_ bytes: Int, to counter: LongCounter) {
    let index = counter.rawValue / 4
    let old = UInt64(values[index]) | UInt64(values[index + 1]) << 32
    let (sum, overflow) = old.addingReportingOverflow(UInt64(bytes))
    let new = overflow ? UInt64.max : sum
    values[index] = UInt32(truncatingIfNeeded: new)
    values[index + 1] = UInt32(truncatingIfNeeded: new >> 32)
  }

  /// Counts a frame in the class of its length; `first` is the class of 64 bytes and the others follow it.
  mutating func countLength(_ byteCount: Int, first: Counter) {
    let index =
      switch byteCount {
      case ...64: 0
      case 65...127: 1
      case 128...255: 2
      case 256...511: 3
      case 512...1023: 4
      default: 5
      }
    let place = first.rawValue / 4 + index
    if values[place] < .max { values[place] += 1 }
  }
}
