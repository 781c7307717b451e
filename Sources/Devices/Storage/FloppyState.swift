// SPDX-License-Identifier: Apache-2.0
import Platform

extension FloppyController {
  /// Where the controller stands in a command.
  enum Phase: UInt8 {
    /// Collects a command and its parameters.
    case command
    /// READ ID waits for a sector to pass under the head.
    case readingID
    /// A sector is being read from, or written to, the medium.
    case requesting
    /// The DMA channel does not take the request.
    case waitingForDMA
    /// The guest reads data through the data port.
    case sending
    /// The guest writes data through the data port.
    case receiving
    case result
  }

  /// What the transfer does with the sectors.
  enum Transfer: UInt8 {
    case read, write, verify, scanEqual, scanLow, scanHigh, format

    var isScan: Bool { self == .scanEqual || self == .scanLow || self == .scanHigh }
  }

  /// One of the two drive positions.
  struct Unit: Equatable {
    var track: UInt8 = 0
    var head: UInt8 = 0
    var sector: UInt8 = 1
    var perpendicular: UInt8 = 0
    /// The disk change line; a step with a medium in clears it.
    var isChanged = true
  }

  public struct State: DeviceState {
    public static let name: StaticString = "fdc"
    public static let version = 1
    static let fifoByteCount = 512

    var units = [Unit(), Unit()]
    var selected: UInt8 = 0
    /// Status register B, digital output, tape drive and data rate select registers.
    var statusB = StatusB.reset
    var digitalOutput = DigitalOutput.reset
    var tapeDrive: UInt8 = 0
    var rateSelect: UInt8 = 0
    /// ST0, ST1, ST2.
    var status: [UInt8] = [0, 0, 0]
    var isInterrupting = false
    /// How many SENSE INTERRUPT STATUS commands still report the reset.
    var resetReports: UInt8 = 0

    var phase = Phase.command
    /// Command bytes, result bytes or a sector.
    var fifo = [UInt8](repeating: 0, count: fifoByteCount)
    /// Next byte in it, and the count that ends the phase (0 while no command byte came).
    var position: UInt16 = 0
    var length: UInt16 = 0

    var transfer = Transfer.read
    var usesDMA = false
    var isMultiTrack = false
    var endOfTrack: UInt8 = 0
    /// Bytes that the transfer has yet to move.
    var remaining: UInt32 = 0
    var hasTerminalCount = false
    var fill: UInt8 = 0
    /// A scan's sector is equal so far; it satisfies the condition so far.
    var isEqual = false
    var isSatisfied = false
    /// Sector number that the request in flight concerns, whether it writes, and when it completes.
    var requestSector: Int64 = 0
    var isWriteRequest = false
    var requestDeadline: Nanoseconds = 0
    /// When READ ID ends, or the DMA channel is asked again.
    var deadline: Nanoseconds?

    /// SPECIFY's two bytes, CONFIGURE's last two, LOCK, POWERDOWN MODE.
    var stepAndUnload: UInt8 = 0
    var headLoad: UInt8 = 0
    var configuration: UInt8 = 0x60
    var precompensation: UInt8 = 0
    var isLocked = false
    var powerDown: UInt8 = 0

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      for index in units.indices {
        try visitor.field("track", &units[index].track)
        try visitor.field("head", &units[index].head)
        try visitor.field("sect", &units[index].sector)
        try visitor.field("perpendicular", &units[index].perpendicular)
        try visitor.field("media_changed", &units[index].isChanged)
      }
      try visitor.field("cur_drv", &selected)
      try visitor.field("srb", &statusB)
      try visitor.field("dor", &digitalOutput)
      try visitor.field("tdr", &tapeDrive)
      try visitor.field("dsr", &rateSelect)
      try visitor.bytes("status", &status)
      try visitor.field("irq", &isInterrupting)
      try visitor.field("reset_sensei", &resetReports)
      try visitor.field("phase", choice: &phase)
      try visitor.bytes("fifo", &fifo)
      try visitor.field("data_pos", &position)
      try visitor.field("data_len", &length)
      try visitTransfer(&visitor)
      try visitor.field("timer0", &stepAndUnload)
      try visitor.field("timer1", &headLoad)
      try visitor.field("config", &configuration)
      try visitor.field("precomp_trk", &precompensation)
      try visitor.field("lock", &isLocked)
      try visitor.field("pwrd", &powerDown)
      if visitor.isLoading { try validate() }
    }

    private mutating func visitTransfer<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try visitor.field("data_dir", choice: &transfer)
      try visitor.field("dma", &usesDMA)
      try visitor.field("multi", &isMultiTrack)
      try visitor.field("eot", &endOfTrack)
      try visitor.field("remaining", &remaining)
      try visitor.field("tc", &hasTerminalCount)
      try visitor.field("fill", &fill)
      try visitor.field("scan_equal", &isEqual)
      try visitor.field("scan_satisfied", &isSatisfied)
      try visitor.field("request_sector", &requestSector)
      try visitor.field("request_write", &isWriteRequest)
      try visitor.field("request_deadline", &requestDeadline)
      try visitor.field("deadline", optional: &deadline)
    }

    private func validate() throws(StateError) {
      guard selected < 2 else { throw .outOfRange("cur_drv") }
      guard resetReports <= 4 else { throw .outOfRange("reset_sensei") }
      guard length <= Self.fifoByteCount else { throw .outOfRange("data_len") }
      switch phase {
      case .command, .sending, .receiving, .result:
        guard position < length || (phase == .command && position == 0) else { throw .outOfRange("data_pos") }
      case .readingID, .requesting, .waitingForDMA:
        guard position <= length else { throw .outOfRange("data_pos") }
      }
      if transfer == .format, phase != .command, phase != .result, phase != .readingID {
        guard length >= 4 else { throw .outOfRange("data_len") }
      }
      guard (0..<1 << 20).contains(requestSector) else { throw .outOfRange("request_sector") }
      guard (deadline != nil) == (phase == .readingID || phase == .waitingForDMA) else {
        throw .outOfRange("deadline")
      }
    }
  }
}

enum StatusB {
  static let motor0: UInt8 = 0x01
  static let motor1: UInt8 = 0x02
  static let select0: UInt8 = 0x20
  static let reset: UInt8 = 0xc0
}

enum DigitalOutput {
  static let driveSelect: UInt8 = 0x01
  static let notReset: UInt8 = 0x04
  static let dmaEnable: UInt8 = 0x08
  static let motor0: UInt8 = 0x10
  static let motor1: UInt8 = 0x20
  static let reset = notReset | dmaEnable
}

enum MainStatus {
  static let commandBusy: UInt8 = 0x10
  static let nonDMA: UInt8 = 0x20
  /// The controller has data for the guest.
  static let output: UInt8 = 0x40
  static let request: UInt8 = 0x80
}

enum Status0 {
  static let seekEnd: UInt8 = 0x20
  static let abnormal: UInt8 = 0x40
  static let invalid: UInt8 = 0x80
  static let polling: UInt8 = 0xc0
}

enum Status1 {
  static let missingAddressMark: UInt8 = 0x01
  static let notWritable: UInt8 = 0x02
  static let endOfCylinder: UInt8 = 0x80
}

enum Status2 {
  static let scanNotSatisfied: UInt8 = 0x04
  static let scanEqualHit: UInt8 = 0x08
}
