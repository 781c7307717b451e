// SPDX-License-Identifier: Apache-2.0
import Platform

/// Intel 8042 keyboard controller at ports 60h and 64h with a PS/2 keyboard on its first port, IRQ 1, and a PS/2 mouse
/// on its auxiliary port, IRQ 12.
///
/// The output buffer holds one byte. The next byte enters it when the guest has read the last one: first a reply of the
/// controller itself, then what the keyboard has to say, then the mouse.
///
/// Not emulated: the serial timing of the PS/2 link.
/// Reference: IBM PS/2 Hardware Interface Technical Reference (1990), "Keyboard and Auxiliary Device Controller".
public final class KeyboardController: Device {
  public struct State: DeviceState {
    public static let name: StaticString = "pckbd"
    public static let version = 1
    /// Command byte (RAM byte 0).
    var mode: UInt8 = 0x03
    var ram = [UInt8](repeating: 0, count: 32)
    /// Byte in the output buffer and whether it is there.
    var output: UInt8 = 0
    var outputFull = false
    var outputIsAuxiliary = false
    /// The controller's own reply, waiting for the output buffer.
    var reply: UInt8?
    var replyIsAuxiliary = false
    /// The last write went to 64h.
    var lastWriteWasCommand = true
    /// Command that waits for a byte at 60h, 0 for none.
    var pendingCommand: UInt8 = 0
    /// Output port P2: bit 0 keeps RESET inactive, bit 1 is A20.
    var outputPort: UInt8 = 0xcf
    /// The keyboard sent F0h: the next translated byte is a break code.
    var sawBreakPrefix = false
    var selfTestPassed = false

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try visitor.field("mode", &mode)
      try visitor.bytes("ram", &ram)
      try visitor.field("obdata", &output)
      try visitor.field("obf", &outputFull)
      try visitor.field("obsrc", &outputIsAuxiliary)
      try visitor.field("cbdata", optional: &reply)
      try visitor.field("cbsrc", &replyIsAuxiliary)
      try visitor.field("last_command", &lastWriteWasCommand)
      try visitor.field("write_cmd", &pendingCommand)
      try visitor.field("outport", &outputPort)
      try visitor.field("break_prefix", &sawBreakPrefix)
      try visitor.field("status", &selfTestPassed)
    }
  }

  enum Mode {
    static let keyboardInterrupt: UInt8 = 1 << 0, auxiliaryInterrupt: UInt8 = 1 << 1, system: UInt8 = 1 << 2
    static let keyboardDisabled: UInt8 = 1 << 4, auxiliaryDisabled: UInt8 = 1 << 5, translate: UInt8 = 1 << 6
  }

  public var state = State()
  public let keyboard: PS2Keyboard
  public let mouse: PS2Mouse
  private let keyboardIRQ: IRQLine
  private let auxiliaryIRQ: IRQLine
  private let a20: IRQLine
  private let requestReset: () -> Void

  /// - Parameters:
  ///   - keyboardIRQ: interrupt 1; `auxiliaryIRQ`: interrupt 12.
  ///   - a20: driven by bit 1 of the output port.
  ///   - requestReset: bit 0 of the output port went low, or command FEh.
  public init(
    keyboard: PS2Keyboard, mouse: PS2Mouse, keyboardIRQ: IRQLine, auxiliaryIRQ: IRQLine, a20: IRQLine,
    requestReset: @escaping () -> Void
  ) {
    self.keyboard = keyboard
    self.mouse = mouse
    self.keyboardIRQ = keyboardIRQ
    self.auxiliaryIRQ = auxiliaryIRQ
    self.a20 = a20
    self.requestReset = requestReset
    keyboard.outputDidChange = { [unowned self] in pump() }
    mouse.outputDidChange = { [unowned self] in pump() }
  }

  /// Port 60h.
  public lazy var dataPort = DataPort(self)
  /// Port 64h.
  public lazy var commandPort = CommandPort(self)

  public func reset(_ kind: ResetKind) {
    state = State()
    stateDidLoad()
  }

  public func stateDidLoad() {
    a20.set(state.outputPort & 2 != 0)
    updateIRQs()
  }

  /// A byte waits for the guest.
  package var hasUnreadByte: Bool { state.outputFull }

  /// The guest has read all that the keyboard has to say.
  public var keyboardIsRead: Bool {
    keyboard.unreadByteCount == 0 && !(state.outputFull && !state.outputIsAuxiliary)
  }

  /// A disabled keyboard port raises no interrupt 1, not even for a reply of the controller: drivers that switch it off
  /// poll.
  private func updateIRQs() {
    let full = state.outputFull
    let enables = state.mode & (Mode.keyboardInterrupt | Mode.keyboardDisabled)
    keyboardIRQ.set(full && !state.outputIsAuxiliary && enables == Mode.keyboardInterrupt)
    auxiliaryIRQ.set(full && state.outputIsAuxiliary && state.mode & Mode.auxiliaryInterrupt != 0)
  }

  /// Moves the next byte into the output buffer when there is room.
  private func pump() {
    if !state.outputFull, let reply = state.reply {
      state.reply = nil
      put(reply, isAuxiliary: state.replyIsAuxiliary)
    }
    while !state.outputFull, state.mode & Mode.keyboardDisabled == 0, let byte = keyboard.nextByte() {
      var value = byte
      if state.mode & Mode.translate != 0 {
        if byte == 0xf0 {
          state.sawBreakPrefix = true
          continue
        }
        value = scanCodeTranslation[Int(byte)]
        if state.sawBreakPrefix {
          value |= 0x80
          state.sawBreakPrefix = false
        }
      }
      put(value, isAuxiliary: false)
    }
    if !state.outputFull, state.mode & Mode.auxiliaryDisabled == 0, let byte = mouse.nextByte() {
      put(byte, isAuxiliary: true)
    }
    updateIRQs()
  }

  /// Answers a command; an answer that was not yet delivered is lost.
  private func reply(_ value: UInt8, isAuxiliary: Bool = false) {
    state.reply = value
    state.replyIsAuxiliary = isAuxiliary
    pump()
  }

  private func put(_ value: UInt8, isAuxiliary: Bool) {
    state.output = value
    state.outputFull = true
    state.outputIsAuxiliary = isAuxiliary
    updateIRQs()
  }

  private func readData() -> UInt8 {
    let value = state.output
    if state.outputFull {
      state.outputFull = false
      updateIRQs()
      pump()
    }
    return value
  }

  private var status: UInt8 {
    var value: UInt8 = 0x10  // keyboard not locked
    if state.outputFull { value |= 0x01 }
    if state.selfTestPassed || state.mode & Mode.system != 0 { value |= 0x04 }
    if state.lastWriteWasCommand { value |= 0x08 }
    if state.outputFull, state.outputIsAuxiliary { value |= 0x20 }
    return value
  }

  private func writeData(_ value: UInt8) {
    state.lastWriteWasCommand = false
    let command = state.pendingCommand
    state.pendingCommand = 0
    switch command {
    case 0:
      state.mode &= ~Mode.keyboardDisabled
      keyboard.receive(value)
    case 0x60: setMode(value)
    case 0x61...0x7f: state.ram[Int(command & 0x1f)] = value
    case 0xd1: setOutputPort(value)
    case 0xd2: reply(value)
    case 0xd3: reply(value, isAuxiliary: true)
    default:  // D4h
      state.mode &= ~Mode.auxiliaryDisabled
      mouse.receive(value)
    }
    pump()
  }

  private func setMode(_ value: UInt8) {
    state.mode = value
    state.ram[0] = value
    updateIRQs()
  }

  private func setOutputPort(_ value: UInt8) {
    state.outputPort = value
    a20.set(value & 2 != 0)
    if value & 1 == 0 { requestReset() }
  }

  private func writeCommand(_ value: UInt8) {
    state.lastWriteWasCommand = true
    switch value {
    case 0x20: reply(state.mode)
    case 0x21...0x3f: reply(state.ram[Int(value & 0x1f)])
    case 0x60...0x7f, 0xd1, 0xd2, 0xd3, 0xd4: state.pendingCommand = value
    case 0xa7: setMode(state.mode | Mode.auxiliaryDisabled)
    case 0xa8:
      setMode(state.mode & ~Mode.auxiliaryDisabled)
      pump()
    case 0xa9: reply(0x00)
    case 0xaa:
      state.selfTestPassed = true
      reply(0x55)
    case 0xab: reply(0x00)
    case 0xad: setMode(state.mode | Mode.keyboardDisabled)
    case 0xae:
      setMode(state.mode & ~Mode.keyboardDisabled)
      pump()
    case 0xc0: reply(0x80)
    case 0xd0:
      // P24 and P25 show the output buffer: full, and full with a byte of the auxiliary device.
      let full: UInt8 = state.outputFull ? (state.outputIsAuxiliary ? 0x30 : 0x10) : 0
      reply(state.outputPort & ~0x30 | full)
    case 0xdd: setOutputPort(state.outputPort & ~2)
    case 0xdf: setOutputPort(state.outputPort | 2)
    case 0xf0...0xff:
      // Pulses the output port bits that are zero in the low nibble; bit 0 is RESET.
      if value & 1 == 0 { requestReset() }
    default: break
    }
  }

  public final class DataPort: PortDevice {
    private unowned let controller: KeyboardController
    init(_ controller: KeyboardController) { self.controller = controller }
    public func read(port offset: UInt16) -> UInt8 { controller.readData() }
    public func write(port offset: UInt16, _ value: UInt8) { controller.writeData(value) }
  }

  public final class CommandPort: PortDevice {
    private unowned let controller: KeyboardController
    init(_ controller: KeyboardController) { self.controller = controller }
    public func read(port offset: UInt16) -> UInt8 { controller.status }
    public func write(port offset: UInt16, _ value: UInt8) { controller.writeCommand(value) }
  }
}
