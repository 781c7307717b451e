// SPDX-License-Identifier: Apache-2.0
import Platform

/// A PS/2 mouse: the standard one of three bytes a report, which drivers turn into an IntelliMouse (a wheel, four bytes)
/// or an IntelliMouse Explorer (five buttons) by a sequence of sample rates.
///
/// Motion that does not fit the reports on their way adds up and is sent as the guest reads, so that none is lost.
///
/// Not emulated: the sample rate's pace (a report is sent as soon as there is room) and the resolution (a step of the
/// host is a count); both are kept and reported.
/// Reference: IBM PS/2 Hardware Interface Technical Reference (1990), "Auxiliary Device"; Microsoft, "Intelligent
/// Mouse" and "Five-Button Scroll Mouse" (Windows hardware archive).
public final class PS2Mouse: Device {
  /// What a hand does to the mouse.
  public enum Input: Hashable, Sendable {
    /// Right and towards the user are positive, as on a screen.
    case move(x: Int32, y: Int32)
    /// Steps of the wheel, towards the user being positive.
    case turn(Int32)
    /// Steps of the wheel to the side, to the left being positive. Only an Explorer has such a wheel.
    case tilt(Int32)
    case button(Button, isDown: Bool)
  }

  /// Buttons in the order of the reports' bits.
  public enum Button: UInt8, Sendable, CaseIterable {
    case left, right, middle, side, extra
  }

  /// What F2h answers.
  enum Kind: UInt8 {
    case standard = 0, wheel = 3, explorer = 4
  }

  public struct State: DeviceState {
    public static let name: StaticString = "ps2mouse"
    public static let version = 2
    /// Reports on their way to the controller, oldest byte first.
    var output: [UInt8] = []
    /// Replies to the last command, sent before `output`.
    var replies: [UInt8] = []
    /// Command that waits for its argument, 0 for none.
    var pendingCommand: UInt8 = 0
    var kind = Kind.standard
    /// The last three sample rates set, the latest in the low byte.
    var rates: UInt32 = 0
    var sampleRate: UInt8 = 100
    var resolution: UInt8 = 2
    var isScaled = false
    var isReporting = false
    var isRemote = false
    var isWrapping = false
    /// Motion not yet reported; y is positive away from the user.
    var x: Int32 = 0
    var y: Int32 = 0
    var wheel: Int32 = 0
    var tilt: Int32 = 0
    var buttons: UInt8 = 0
    /// Buttons as last reported.
    var reportedButtons: UInt8 = 0
    var lastSent: UInt8 = 0

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try visitor.buffer("queue", &output, limit: PS2Mouse.queueLimit)
      try visitor.buffer("cqueue", &replies, limit: PS2Mouse.longestReply)
      try visitor.field("write_cmd", &pendingCommand)
      try visitor.field("mouse_type", choice: &kind)
      try visitor.field("mouse_detect_state", &rates)
      try visitor.field("mouse_sample_rate", &sampleRate)
      try visitor.field("mouse_resolution", &resolution)
      try visitor.field("mouse_scaling", &isScaled)
      try visitor.field("mouse_enabled", &isReporting)
      try visitor.field("mouse_remote", &isRemote)
      try visitor.field("mouse_wrap", &isWrapping)
      try visitor.field("mouse_dx", &x)
      try visitor.field("mouse_dy", &y)
      try visitor.field("mouse_dz", &wheel)
      try visitor.field("mouse_dw", &tilt, since: 2, before: 0)
      try visitor.field("mouse_buttons", &buttons)
      try visitor.field("reported_buttons", &reportedButtons)
      try visitor.field("last", &lastSent)
      guard [x, y, wheel, tilt].allSatisfy({ abs(Int64($0)) <= PS2Mouse.motionLimit }) else {
        throw .outOfRange("mouse_dx")
      }
      guard buttons < 32, reportedButtons < 32 else { throw .outOfRange("mouse_buttons") }
      guard rates < 1 << 24 else { throw .outOfRange("mouse_detect_state") }
    }

    private func take(_ value: inout Int32, _ range: ClosedRange<Int32>) -> Int32 {
      let part = min(max(value, range.lowerBound), range.upperBound)
      value -= part
      return part
    }

    /// Takes as much of the motion as one report holds.
    mutating func report(isStream: Bool) -> [UInt8] {
      // Scaling may double a count, and nine bits must hold it.
      let range: ClosedRange<Int32> = isScaled && isStream ? -127...127 : -255...255
      var (left, ahead, turned) = (x, y, wheel)
      let motion = (take(&left, range), take(&ahead, range))
      let (horizontal, vertical) = isScaled && isStream ? (Self.scaled(motion.0), Self.scaled(motion.1)) : motion
      (x, y) = (left, ahead)
      let buttonsBefore = reportedButtons
      reportedButtons = buttons
      var first: UInt8 = 0x08 | buttons & 7
      if horizontal < 0 { first |= 0x10 }
      if vertical < 0 { first |= 0x20 }
      var bytes = [first, UInt8(truncatingIfNeeded: horizontal), UInt8(truncatingIfNeeded: vertical)]
      switch kind {
      case .standard: turned = 0
      case .wheel: bytes.append(UInt8(truncatingIfNeeded: take(&turned, -8...7)))
      case .explorer where tilt != 0:
        // The side wheel takes the place of the other one and of the last two buttons, which wait for the next report.
        var tilted = tilt
        bytes.append(0x40 | UInt8(truncatingIfNeeded: take(&tilted, -32...31)) & 0x3f)
        tilt = tilted
        reportedButtons = buttons & 7 | buttonsBefore & 0x18
      case .explorer: bytes.append(UInt8(truncatingIfNeeded: take(&turned, -8...7)) & 0x0f | (buttons & 0x18) << 1)
      }
      wheel = turned
      return bytes
    }

    /// Scaling 2:1 of what one report holds.
    private static func scaled(_ count: Int32) -> Int32 {
      let table: [Int32] = [0, 1, 1, 3, 6, 9]
      let size = Int(abs(count))
      let result = size < table.count ? table[size] : Int32(2 * size)
      return count < 0 ? -result : result
    }

    var hasNews: Bool {
      x != 0 || y != 0 || (wheel != 0 && kind != .standard) || (tilt != 0 && kind == .explorer)
        || buttons != reportedButtons
    }
  }

  /// Bytes of reports kept, as in a real mouse.
  static let queueLimit = 16
  /// Acknowledge and three bytes of status, or a report of four.
  static let longestReply = 5
  static let motionLimit: Int64 = 0x7fff

  public var state = State()
  /// The mouse has a byte for the controller, or no longer.
  var outputDidChange: (() -> Void)?

  public init() {}

  public func reset(_ kind: ResetKind) {
    state = State()
    stateDidLoad()
  }

  /// Nothing: the controller has taken what it has room for, and its own state says so.
  public func stateDidLoad() {}

  func nextByte() -> UInt8? {
    guard !state.output.isEmpty || !state.replies.isEmpty else { return nil }
    let byte = state.replies.isEmpty ? state.output.removeFirst() : state.replies.removeFirst()
    state.lastSent = byte
    sendReports()
    return byte
  }

  // MARK: Events

  /// Takes what happens at once, so that it is reported together.
  public func handle(_ inputs: [Input]) {
    // Without reports nobody wants to know where it was moved.
    let isMoving = state.isReporting || state.isRemote
    func add(_ step: Int64, to value: inout Int32) {
      guard isMoving else { return }
      value = Int32(max(-Self.motionLimit, min(Self.motionLimit, Int64(value) + step)))
    }
    for input in inputs {
      switch input {
      case .move(let x, let y):
        add(Int64(x), to: &state.x)
        add(-Int64(y), to: &state.y)
      case .turn(let steps): add(Int64(steps), to: &state.wheel)
      case .tilt(let steps): add(Int64(steps), to: &state.tilt)
      case .button(let button, let isDown):
        let bit: UInt8 = 1 << button.rawValue
        if isDown { state.buttons |= bit } else { state.buttons &= ~bit }
      }
    }
    sendReports()
    outputDidChange?()
  }

  /// Stream mode: reports all news that there is room for.
  private func sendReports() {
    guard state.isReporting, !state.isRemote, !state.isWrapping else { return }
    while state.hasNews, state.output.count <= Self.queueLimit - 4 { state.output += state.report(isStream: true) }
  }

  // MARK: Commands

  private func reply(_ bytes: UInt8...) { state.replies += bytes }

  /// A byte from the controller.
  func receive(_ value: UInt8) {
    defer { outputDidChange?() }
    state.replies = []
    let pending = state.pendingCommand
    state.pendingCommand = 0
    if state.isWrapping, value != 0xec, value != 0xff {
      reply(value)
      return
    }
    switch pending {
    case 0xe8:
      state.resolution = value
      reply(0xfa)
    case 0xf3:
      setSampleRate(value)
      reply(0xfa)
    default: execute(value)
    }
    sendReports()
  }

  private func execute(_ command: UInt8) {
    switch command {
    case 0xe6, 0xe7: state.isScaled = command == 0xe7
    case 0xe8, 0xf3: state.pendingCommand = command
    case 0xe9:
      reply(0xfa, status, state.resolution, state.sampleRate)
      return
    case 0xea: state.isRemote = false
    case 0xeb:
      reply(0xfa)
      state.replies += state.report(isStream: false)
      return
    case 0xec: state.isWrapping = false
    case 0xee: state.isWrapping = true
    case 0xf0: state.isRemote = true
    case 0xf2:
      reply(0xfa, state.kind.rawValue)
      return
    case 0xf4: state.isReporting = true
    case 0xf5: state.isReporting = false
    case 0xf6: setDefaults()
    case 0xfe:
      reply(state.lastSent)
      return
    case 0xff:
      setDefaults()
      state.kind = .standard
      state.isWrapping = false
      reply(0xfa, 0xaa, 0x00)
      return
    default:
      reply(0xfe)
      return
    }
    reply(0xfa)
  }

  /// First byte of the answer to E9h: modes, and the buttons right, middle and left from bit 0.
  private var status: UInt8 {
    let buttons = (state.buttons & 1) << 2 | (state.buttons & 4) >> 1 | (state.buttons & 2) >> 1
    return (state.isRemote ? 0x40 : 0) | (state.isReporting ? 0x20 : 0) | (state.isScaled ? 0x10 : 0) | buttons
  }

  private func setDefaults() {
    state.output = []
    (state.x, state.y, state.wheel, state.tilt) = (0, 0, 0, 0)
    state.rates = 0
    state.sampleRate = 100
    state.resolution = 2
    state.isScaled = false
    state.isReporting = false
    state.isRemote = false
  }

  /// 200, 100, 80 makes a standard mouse show its wheel; 200, 200, 80 then, its five buttons.
  private func setSampleRate(_ value: UInt8) {
    state.sampleRate = value
    state.rates = (state.rates << 8 | UInt32(value)) & 0xff_ffff
    switch state.rates {
    case 0xc8_6450 where state.kind == .standard: state.kind = .wheel
    case 0xc8_c850 where state.kind == .wheel: state.kind = .explorer
    default: break
    }
  }
}
