// SPDX-License-Identifier: Apache-2.0
import Platform

/// High precision event timers at FED00000h: a 100 MHz counter and three comparators.
///
/// Nothing counts: the counter follows from the virtual clock, and one deadline is armed for the next comparator that
/// matches. With legacy replacement timers 0 and 1 drive interrupts 0 and 8 instead of the 8254 and the real-time clock,
/// whose outputs therefore pass through here. Otherwise a timer can be routed to input 2 of the I/O APIC only.
///
/// A comparator written up to half a range behind the counter matches at once, as QEMU has it: a guest that is late gets
/// its interrupt now and not when the counter has gone round. Of periods shorter than 10 µs some are left out.
///
/// Not emulated: delivery by FSB messages.
/// Reference: IA-PC HPET Specification 1.0a; capabilities and routing are those of QEMU's `pc`.
public final class HPET: Device, MMIODevice {
  public static let base: PhysicalAddress = 0xfed0_0000
  static let timerCount = 3
  /// Nanoseconds a count.
  static let resolution: Int64 = 10
  /// Counter period in femtoseconds, vendor 8086h, legacy replacement, 64 bits, three timers, revision 1.
  static let capabilities: UInt64 = 10_000_000 << 32 | 0x8086_a201
  /// The only input of the I/O APIC that a timer can be routed to.
  static let routedInput = 2

  enum Configuration {
    static let enabled: UInt8 = 1 << 0, legacyReplacement: UInt8 = 1 << 1
  }

  /// Timer configuration and capability register, 2.3.8.
  enum Timer {
    static let level: UInt64 = 1 << 1, interruptEnabled: UInt64 = 1 << 2, periodic: UInt64 = 1 << 3
    static let setsValue: UInt64 = 1 << 6, is32Bit: UInt64 = 1 << 8
    /// What software can write: the above, and the route.
    static let writable: UInt64 = 0x3f4e
    /// Periodic mode, 64 bits, and the possible route.
    static let capabilities: UInt64 = 1 << UInt64(32 + HPET.routedInput) | 1 << 4 | 1 << 5
  }

  public struct State: DeviceState {
    public static let name: StaticString = "hpet"
    public static let version = 1
    var configuration: UInt8 = 0
    /// Level-triggered timers that have matched.
    var status: UInt8 = 0
    /// The counter while it stands, and since when it counts from there.
    var counter: UInt64 = 0
    var countStart: Int64 = 0
    var timers = [HPETTimer](repeating: HPETTimer(), count: HPET.timerCount)

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try visitor.field("config", &configuration)
      try visitor.field("isr", &status)
      try visitor.field("hpet_counter", &counter)
      try visitor.field("hpet_offset", &countStart)
      for index in timers.indices { try timers[index].visit(&visitor) }
      guard configuration < 4 else { throw .outOfRange("config") }
      guard status < 1 << UInt8(HPET.timerCount) else { throw .outOfRange("isr") }
      guard (0..<1 << 62).contains(countStart) else { throw .outOfRange("hpet_offset") }
    }

    var isEnabled: Bool { configuration & Configuration.enabled != 0 }
    var isLegacy: Bool { configuration & Configuration.legacyReplacement != 0 }

    func count(_ now: Nanoseconds) -> UInt64 {
      guard isEnabled else { return counter }
      return counter &+ UInt64(max(0, now &- countStart) / HPET.resolution)
    }

    /// The line of a level-triggered timer.
    func level(_ index: Int) -> Bool {
      let wanted = Timer.level | Timer.interruptEnabled
      return isEnabled && status >> UInt8(index) & 1 != 0 && timers[index].configuration & wanted == wanted
    }
  }

  public var state = State()
  private let clock: VirtualClock
  private let legacyOutputs: [IRQLine]
  private let routed: IRQLine
  /// Inputs for the output of the 8254's counter 0 and for that of the real-time clock.
  public let legacyInputs = [IRQLine(), IRQLine()]
  private lazy var deadline = clock.timer { [unowned self] _ in
    settle()
    arm()
  }

  /// - Parameters:
  ///   - irq0: ISA interrupt 0; `irq8`: ISA interrupt 8.
  ///   - routed: input 2 of the I/O APIC.
  public init(clock: VirtualClock, map: MemoryMap, irq0: IRQLine, irq8: IRQLine, routed: IRQLine) {
    self.clock = clock
    self.routed = routed
    legacyOutputs = [irq0, irq8]
    map.add("hpet", at: Self.base, byteCount: 0x1000, .mmio(self, offset: 0), priority: 8)
    for input in legacyInputs { input.connect { [unowned self] _ in updateLines() } }
    _ = deadline
  }

  public func reset(_ kind: ResetKind) {
    state = State()
    stateDidLoad()
  }

  public func stateDidLoad() {
    deadline.cancel()
    updateLines()
    arm()
  }

  // MARK: Time

  /// Lets every comparator match whose time has come; before anything changes what that does.
  private func settle() {
    guard state.isEnabled else { return }
    let count = state.count(clock.now)
    for index in state.timers.indices where state.timers[index].takeMatch(count) { match(index) }
  }

  private func match(_ index: Int) {
    let configuration = state.timers[index].configuration
    if configuration & Timer.level != 0 {
      state.status |= 1 << UInt8(index)
      updateLines()
    } else if configuration & Timer.interruptEnabled != 0 {
      output(of: index)?.pulse()
    }
  }

  /// The line that a timer drives, if any.
  private func output(of index: Int) -> IRQLine? {
    if state.isLegacy, index < 2 { return legacyOutputs[index] }
    return state.timers[index].route == Self.routedInput ? routed : nil
  }

  private func updateLines() {
    for (index, line) in legacyOutputs.enumerated() {
      line.set(state.isLegacy ? state.level(index) : legacyInputs[index].level)
    }
    routed.set(state.timers.indices.contains { state.level($0) && output(of: $0) === routed })
  }

  private func arm() {
    var next: Nanoseconds?
    if state.isEnabled {
      for timer in state.timers {
        guard let target = timer.target else { continue }
        let counts = target &- state.counter
        guard counts < 1 << 58 else { continue }  // some ninety years
        next = min(next ?? .max, state.countStart &+ Int64(counts) &* Self.resolution)
      }
    }
    deadline.arm(at: next)
  }

  // MARK: Registers

  /// Registers answer aligned accesses of 32 and 64 bits.
  public func read(memory offset: UInt64, width: AccessWidth) -> UInt64 {
    guard width.byteCount >= 4, offset < 0x400 else { return 0 }
    settle()
    defer { arm() }
    return register(offset & ~7) >> ((offset & 4) * 8)
  }

  private func register(_ offset: UInt64) -> UInt64 {
    switch offset {
    case 0x00: return Self.capabilities
    case 0x10: return UInt64(state.configuration)
    case 0x20: return UInt64(state.status)
    case 0xf0: return state.count(clock.now)
    default:
      guard let (index, register) = Self.timerRegister(offset) else { return 0 }
      switch register {
      case 0x00: return state.timers[index].configuration | Timer.capabilities
      case 0x08: return state.timers[index].comparator
      default: return 0
      }
    }
  }

  private static func timerRegister(_ offset: UInt64) -> (index: Int, register: UInt64)? {
    guard offset >= 0x100, offset < 0x100 + 0x20 * UInt64(timerCount) else { return nil }
    return (Int(offset - 0x100) / 0x20, offset & 0x1f)
  }

  public func write(memory offset: UInt64, width: AccessWidth, _ value: UInt64) {
    guard width.byteCount >= 4, offset < 0x400 else { return }
    let shift = (offset & 4) * 8
    let mask = width == .qword ? .max : 0xffff_ffff &<< shift
    settle()
    write(offset & ~7, (value &<< shift) & mask, mask)
    updateLines()
    arm()
  }

  /// - Parameter mask: the bits that are written.
  private func write(_ offset: UInt64, _ value: UInt64, _ mask: UInt64) {
    switch offset {
    case 0x10:
      if mask & 3 != 0 { configure(UInt8(truncatingIfNeeded: value & 3)) }
    case 0x20: state.status &= ~UInt8(truncatingIfNeeded: value)
    case 0xf0:
      // The counter is written while it stands.
      if !state.isEnabled { state.counter = state.counter & ~mask | value }
    default:
      guard let (index, register) = Self.timerRegister(offset) else { return }
      switch register {
      case 0x00: state.timers[index].configure(value, mask)
      case 0x08: state.timers[index].setComparator(value, mask)
      default: return
      }
      if state.isEnabled { state.timers[index].aim(from: state.count(clock.now)) }
    }
  }

  private func configure(_ value: UInt8) {
    let wasEnabled = state.isEnabled
    let count = state.count(clock.now)
    state.configuration = value
    guard wasEnabled != state.isEnabled else { return }
    state.counter = count
    state.countStart = max(0, clock.now)
    for index in state.timers.indices {
      if state.isEnabled { state.timers[index].aim(from: count) } else { state.timers[index].target = nil }
    }
  }
}
