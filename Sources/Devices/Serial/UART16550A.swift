// SPDX-License-Identifier: Apache-2.0
import Platform

/// National Semiconductor 16550A UART with 16-byte FIFOs at eight ports.
///
/// Sent bytes leave at once; the transmitter is never busy. Received bytes come from a back end that asks how many
/// are taken. With the FIFO on, a character timeout (four character times without a read) raises an interrupt below the
/// trigger level.
///
/// Not emulated: line errors, the time bits take on the wire, DMA mode signals.
/// Reference: National Semiconductor PC16550D data sheet (1995), section 8.
public final class UART16550A: Device, PortDevice {
  public struct State: DeviceState {
    public static let name: StaticString = "serial"
    public static let version = 1
    var divisor: UInt16 = 12
    var interruptEnable: UInt8 = 0
    var fifoControl: UInt8 = 0
    var lineControl: UInt8 = 0
    var modemControl: UInt8 = 0x08
    /// Delta bits of the modem status register.
    var modemDelta: UInt8 = 0
    var scratch: UInt8 = 0
    var received: [UInt8] = []
    var hasOverrun = false
    var hasBreak = false
    /// Transmitter-empty interrupt not yet acknowledged.
    var transmitInterrupt = false
    var timeoutInterrupt = false
    /// When the character timeout strikes.
    var timeoutDeadline: Int64?

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try visitor.field("divider", &divisor)
      try visitor.field("ier", &interruptEnable)
      try visitor.field("fcr", &fifoControl)
      try visitor.field("lcr", &lineControl)
      try visitor.field("mcr", &modemControl)
      try visitor.field("msr", &modemDelta)
      try visitor.field("scr", &scratch)
      try visitor.buffer("recv_fifo", &received, limit: 16)
      try visitor.field("overrun", &hasOverrun)
      try visitor.field("break", &hasBreak)
      try visitor.field("thr_ipending", &transmitInterrupt)
      try visitor.field("timeout_ipending", &timeoutInterrupt)
      try visitor.field("fifo_timeout", optional: &timeoutDeadline)
      guard interruptEnable < 16, modemControl < 32 else { throw .outOfRange("ier") }
    }
  }

  enum LineStatus {
    static let dataReady: UInt8 = 0x01, overrun: UInt8 = 0x02, breakInterrupt: UInt8 = 0x10
    static let holdingEmpty: UInt8 = 0x20, transmitterEmpty: UInt8 = 0x40
  }

  public var state = State()
  /// A byte left on SOUT.
  public var transmit: ((UInt8) -> Void)?
  /// Room appeared in the receiver: the back end may deliver more.
  public var receiverHasRoom: (() -> Void)?
  private let clock: VirtualClock
  private let irq: IRQLine
  private lazy var timer = clock.timer { [unowned self] _ in
    state.timeoutDeadline = nil
    state.timeoutInterrupt = !state.received.isEmpty
    updateIRQ()
  }

  public init(clock: VirtualClock, irq: IRQLine) {
    self.clock = clock
    self.irq = irq
    _ = timer
  }

  public func reset(_ kind: ResetKind) {
    state = State()
    stateDidLoad()
    receiverHasRoom?()
  }

  public func stateDidLoad() {
    timer.arm(at: state.timeoutDeadline)
    updateIRQ()
  }

  private var fifoEnabled: Bool { state.fifoControl & 1 != 0 }
  private var capacity: Int { fifoEnabled ? 16 : 1 }
  private var triggerLevel: Int { fifoEnabled ? [1, 4, 8, 14][Int(state.fifoControl >> 6)] : 1 }
  private var isLoopback: Bool { state.modemControl & 0x10 != 0 }

  /// Bytes that the receiver takes now.
  public var receiveCapacity: Int { isLoopback ? 0 : max(0, capacity - state.received.count) }

  /// Bytes arrive on SIN; those beyond `receiveCapacity` overrun the receiver.
  public func receive(_ bytes: [UInt8]) {
    for byte in bytes { accept(byte) }
    updateIRQ()
  }

  /// The other side sends a break.
  public func receiveBreak() {
    state.hasBreak = true
    accept(0)
    updateIRQ()
  }

  private func accept(_ byte: UInt8) {
    if state.received.count >= capacity {
      state.hasOverrun = true
      if !fifoEnabled { state.received = [byte] }
    } else {
      state.received.append(byte)
    }
    armTimeout()
  }

  /// Four character times of ten bits each at the programmed rate. Data sheet 8.4.
  private func armTimeout() {
    guard fifoEnabled, !state.received.isEmpty else {
      state.timeoutDeadline = nil
      timer.cancel()
      return
    }
    let divisor = Int64(max(1, state.divisor))
    state.timeoutDeadline = clock.now &+ 40 * divisor * .second / 115_200
    timer.arm(at: state.timeoutDeadline)
  }

  /// Bits 0...3 of the interrupt identification register, by priority. Data sheet table 8-4.
  private var interruptIdentification: UInt8 {
    let enable = state.interruptEnable
    if enable & 4 != 0, state.hasOverrun || state.hasBreak { return 0x06 }
    if enable & 1 != 0, state.timeoutInterrupt { return 0x0c }
    if enable & 1 != 0, state.received.count >= triggerLevel { return 0x04 }
    if enable & 2 != 0, state.transmitInterrupt { return 0x02 }
    if enable & 8 != 0, state.modemDelta != 0 { return 0x00 }
    return 0x01
  }

  private func updateIRQ() {
    irq.set(interruptIdentification & 1 == 0)
  }

  /// CTS, DSR, RI and DCD: the back end is always there; loopback connects the outputs.
  private var modemInputs: UInt8 {
    guard isLoopback else { return 0xb0 }
    let control = state.modemControl
    return (control & 2) << 3 | (control & 1) << 5 | (control & 4) << 4 | (control & 8) << 4
  }

  public func read(port offset: UInt16) -> UInt8 {
    let accessesDivisor = state.lineControl & 0x80 != 0
    defer { updateIRQ() }
    switch offset & 7 {
    case 0:
      if accessesDivisor { return UInt8(truncatingIfNeeded: state.divisor) }
      return readReceived()
    case 1: return accessesDivisor ? UInt8(truncatingIfNeeded: state.divisor >> 8) : state.interruptEnable
    case 2:
      let identification = interruptIdentification
      if identification == 0x02 { state.transmitInterrupt = false }
      return identification | (fifoEnabled ? 0xc0 : 0)
    case 3: return state.lineControl
    case 4: return state.modemControl
    case 5:
      var status = LineStatus.holdingEmpty | LineStatus.transmitterEmpty
      if !state.received.isEmpty { status |= LineStatus.dataReady }
      if state.hasOverrun { status |= LineStatus.overrun }
      if state.hasBreak { status |= LineStatus.breakInterrupt }
      state.hasOverrun = false
      state.hasBreak = false
      return status
    case 6:
      defer { state.modemDelta = 0 }
      return modemInputs | state.modemDelta
    default: return state.scratch
    }
  }

  private func readReceived() -> UInt8 {
    guard !state.received.isEmpty else { return 0 }
    let byte = state.received.removeFirst()
    state.timeoutInterrupt = false
    armTimeout()
    receiverHasRoom?()
    return byte
  }

  public func write(port offset: UInt16, _ value: UInt8) {
    let accessesDivisor = state.lineControl & 0x80 != 0
    defer { updateIRQ() }
    switch offset & 7 {
    case 0:
      if accessesDivisor {
        state.divisor = state.divisor & 0xff00 | UInt16(value)
      } else {
        // The write takes the interrupt back and the byte's departure raises it again: an edge either way.
        state.transmitInterrupt = false
        updateIRQ()
        if isLoopback { accept(value) } else { transmit?(value) }
        state.transmitInterrupt = true
      }
    case 1:
      if accessesDivisor {
        state.divisor = state.divisor & 0xff | UInt16(value) << 8
      } else {
        // Enabling the transmitter interrupt while the holding register is empty raises it. Data sheet 8.6.
        if (value ^ state.interruptEnable) & 2 != 0 { state.transmitInterrupt = value & 2 != 0 }
        state.interruptEnable = value & 0x0f
      }
    case 2: writeFIFOControl(value)
    case 3: state.lineControl = value
    case 4:
      let before = modemInputs
      state.modemControl = value & 0x1f
      let changed = (before ^ modemInputs) >> 4
      // RI sets its delta bit only on the trailing edge.
      let ringEnded = before & 0x40 != 0 && modemInputs & 0x40 == 0
      if isLoopback { state.modemDelta |= changed & 0x0b | (ringEnded ? 4 : 0) }
      receiverHasRoom?()
    case 7: state.scratch = value
    default: break  // line and modem status are read-only
    }
  }

  private func writeFIFOControl(_ value: UInt8) {
    let toggles = (value ^ state.fifoControl) & 1 != 0
    if toggles || value & 2 != 0 {
      state.received = []
      state.hasBreak = false
      state.timeoutInterrupt = false
    }
    if toggles || value & 4 != 0 { state.transmitInterrupt = true }
    state.fifoControl = value & 1 != 0 ? value & 0xc9 : 0
    armTimeout()
    receiverHasRoom?()
  }
}
