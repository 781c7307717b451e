// SPDX-License-Identifier: Apache-2.0
import Platform

/// A PS/2 keyboard: scan code sets 1...3, commands, LEDs, a 16-byte output buffer.
///
/// Keys come as `KeyCode`; what does not fit the 16 bytes of a real keyboard's buffer waits in a longer queue and is sent
/// as the guest reads, so that no key is lost. Replies to commands go before scan codes that wait.
///
/// Not emulated: typematic repetition (the host's keyboard does that), per-key set 3 make/break modes.
/// Reference: IBM PS/2 Hardware Interface Technical Reference (1990), "Keyboard"; scan codes as in Microsoft's
/// "Keyboard Scan Code Specification" revision 1.3a.
public final class PS2Keyboard: Device {
  public struct State: DeviceState {
    public static let name: StaticString = "ps2kbd"
    public static let version = 1
    /// Bytes on their way to the controller, oldest first.
    var output: [UInt8] = []
    /// Replies to the last command, sent before `output`.
    var replies: [UInt8] = []
    /// Command that waits for its argument, 0 for none.
    var pendingCommand: UInt8 = 0
    var scanCodeSet: UInt8 = 2
    var isScanning = true
    var leds: UInt8 = 0
    var lastSent: UInt8 = 0
    /// Alt and Control keys that are down, bits of `ScanCodes.Modifier`.
    var modifiers: UInt8 = 0

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try visitor.buffer("queue", &output, limit: PS2Keyboard.queueLimit)
      try visitor.buffer("cqueue", &replies, limit: 4)
      try visitor.field("write_cmd", &pendingCommand)
      try visitor.field("scancode_set", &scanCodeSet)
      try visitor.field("scan_enabled", &isScanning)
      try visitor.field("ledstate", &leds)
      try visitor.field("last", &lastSent)
      try visitor.field("modifiers", &modifiers)
      guard (1...3).contains(scanCodeSet) else { throw .outOfRange("scancode_set") }
      guard modifiers < 16 else { throw .outOfRange("modifiers") }
    }
  }

  /// Bytes of unread key codes kept; a guest that never reads loses keys only beyond this.
  static let queueLimit = 4096

  /// What a real keyboard keeps.
  static let bufferSize = 16

  public var state = State()
  /// The keyboard has a byte for the controller, or no longer.
  var outputDidChange: (() -> Void)?

  public init() {}

  public func reset(_ kind: ResetKind) {
    state = State()
    stateDidLoad()
  }

  /// Nothing: the controller has taken what it has room for, and its own state says so.
  public func stateDidLoad() {}

  /// True while a byte waits.
  var hasOutput: Bool { !state.output.isEmpty || !state.replies.isEmpty }

  /// Bytes that the guest has not read yet.
  public var unreadByteCount: Int { state.output.count + state.replies.count }

  /// Scroll, num and caps lock as the guest lit them, in bits 0...2.
  public var leds: UInt8 { state.leds }

  func nextByte() -> UInt8? {
    guard hasOutput else { return nil }
    let byte = state.replies.isEmpty ? state.output.removeFirst() : state.replies.removeFirst()
    state.lastSent = byte
    return byte
  }

  /// Whether a key would reach the guest: it has not switched the keyboard off, and a real keyboard's buffer has room.
  public func accepts(_ code: KeyCode, isDown: Bool) -> Bool {
    guard state.isScanning else { return false }
    let bytes = ScanCodes.bytes(for: code, isDown: isDown, set: state.scanCodeSet, modifiers: state.modifiers)
    return state.output.count + bytes.count <= Self.bufferSize
  }

  /// Presses or releases a key. False when the queue is full and the key was not taken.
  @discardableResult
  public func key(_ code: KeyCode, isDown: Bool) -> Bool {
    let modifier = ScanCodes.Modifier.bit(code)
    if isDown { state.modifiers |= modifier } else { state.modifiers &= ~modifier }
    guard state.isScanning else { return false }
    let bytes = ScanCodes.bytes(
      for: code, isDown: isDown, set: state.scanCodeSet, modifiers: state.modifiers)
    guard state.output.count + bytes.count <= Self.queueLimit else { return false }
    state.output += bytes
    outputDidChange?()
    return true
  }

  private func reply(_ bytes: UInt8...) { state.replies += bytes }

  /// A byte from the controller.
  func receive(_ value: UInt8) {
    defer { outputDidChange?() }
    // A byte from the system makes the keyboard drop what is left of an earlier reply.
    state.replies = []
    let pending = state.pendingCommand
    state.pendingCommand = 0
    switch pending {
    case 0xed:
      state.leds = value & 7
      reply(0xfa)
      return
    case 0xf0:
      switch value {
      case 0: reply(0xfa, state.scanCodeSet)
      case 1...3:
        state.scanCodeSet = value
        reply(0xfa)
      default: reply(0xfe)
      }
      return
    case 0xf3:
      reply(0xfa)
      return
    default: break
    }
    switch value {
    case 0xed, 0xf0, 0xf3:
      state.pendingCommand = value
      reply(0xfa)
    case 0xee: reply(0xee)
    case 0xf2: reply(0xfa, 0xab, 0x83)
    case 0xf4:
      state.isScanning = true
      reply(0xfa)
    case 0xf5:
      setDefaults(isScanning: false)
      reply(0xfa)
    case 0xf6:
      setDefaults(isScanning: true)
      reply(0xfa)
    case 0xf7...0xfa: reply(0xfa)
    case 0xfe: reply(state.lastSent)
    case 0xff:
      state.output = []
      setDefaults(isScanning: true)
      reply(0xfa, 0xaa)
    default: reply(0xfe)
    }
  }

  private func setDefaults(isScanning: Bool) {
    state.output = []
    state.scanCodeSet = 2
    state.leds = 0
    state.isScanning = isScanning
  }
}
