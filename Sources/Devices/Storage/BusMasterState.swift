// SPDX-License-Identifier: Apache-2.0
import Platform

/// One channel's half of the bus master: command, status, descriptor table address, and where in the table it is.
///
/// *Reference:* Intel 82371FB/SB (PIIX/PIIX3) data sheet, order number 290550-002, sections 2.7 and 3.5.4; "Programming
/// Interface for Bus Master IDE Controller" revision 1.0.
struct BusMasterState: Equatable {
  enum Command {
    static let start: UInt8 = 0x01
    /// Data goes from the drive into memory.
    static let writesMemory: UInt8 = 0x08
    static let writable: UInt8 = 0x09
  }

  enum Status {
    static let active: UInt8 = 0x01
    static let error: UInt8 = 0x02
    static let interrupt: UInt8 = 0x04
    /// Notes that firmware leaves for drivers: drives 0 and 1 can do DMA.
    static let capable: UInt8 = 0x60
  }

  var command: UInt8 = 0
  var status: UInt8 = 0
  var table: UInt32 = 0
  /// Where the next descriptor is read.
  var nextEntry: UInt32 = 0
  var address: UInt32 = 0
  /// Bytes left of the current descriptor.
  var left: UInt32 = 0
  /// The current descriptor is the table's last.
  var isLast = false

  var isActive: Bool { status & Status.active != 0 }
  var writesMemory: Bool { command & Command.writesMemory != 0 }
  var isExhausted: Bool { left == 0 && isLast }

  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    try visitor.field("bm_cmd", &command)
    try visitor.field("bm_status", &status)
    try visitor.field("bm_addr", &table)
    try visitor.field("bm_next", &nextEntry)
    try visitor.field("bm_address", &address)
    try visitor.field("bm_left", &left)
    try visitor.field("bm_last", &isLast)
    if visitor.isLoading {
      guard left <= 0x10000 else { throw .outOfRange("bm_left") }
      guard command & ~Command.writable == 0 else { throw .outOfRange("bm_cmd") }
    }
  }

  func read(_ offset: UInt16) -> UInt8 {
    switch offset {
    case 0: command
    case 2: status
    case 4...7: UInt8(truncatingIfNeeded: table >> UInt32(8 * (offset - 4)))
    default: 0xff
    }
  }

  /// Returns true when a transfer may begin.
  mutating func write(_ offset: UInt16, _ value: UInt8) -> Bool {
    switch offset {
    case 0:
      let starts = value & Command.start != 0 && command & Command.start == 0
      command = value & Command.writable
      if starts {
        status |= Status.active
        nextEntry = table
        left = 0
        isLast = false
      } else if value & Command.start == 0 {
        status &= ~Status.active
      }
      return isActive  // a change of direction may be what a drive waits for
    case 2:
      status =
        (value & Status.capable) | (status & Status.active)
        | (status & ~value & (Status.error | Status.interrupt))
    case 4...7:
      let shift = UInt32(8 * (offset - 4))
      table = (table & ~(0xff << shift) | UInt32(value) << shift) & ~3
    default: break
    }
    return false
  }

  /// Takes the descriptor read from `nextEntry`: address, byte count (0 means 64 KiB), end-of-table flag.
  mutating func load(_ entry: UInt64) {
    address = UInt32(truncatingIfNeeded: entry) & ~1
    let count = UInt32(truncatingIfNeeded: entry >> 32) & 0xfffe
    left = count == 0 ? 0x10000 : count
    isLast = entry >> 63 != 0
    nextEntry = nextEntry &+ 8
  }

  mutating func advance(_ count: Int) {
    address = address &+ UInt32(truncatingIfNeeded: count)
    left = left &- UInt32(truncatingIfNeeded: count)
  }
}
