// SPDX-License-Identifier: Apache-2.0
import Platform

/// Intel 8254 programmable interval timer at ports 40h...43h, clocked with 1.193182 MHz.
///
/// Nothing counts: counter values and OUT levels follow from the virtual clock; one timer is armed for the next change of
/// OUT 0, which drives IRQ 0. Counters 1 and 2 are read through ports only.
///
/// Not emulated: the one-clock delay between a count write and its load; in mode 3 a count written on the way is taken
/// at the end of the period, not of the half period.
/// Reference: Intel 8254 data sheet, order number 231164-005.
public final class PIT: Device, PortDevice {
  public struct State: DeviceState {
    public static let name: StaticString = "i8254"
    public static let version = 1
    var channel0 = PITChannel()
    var channel1 = PITChannel()
    var channel2 = PITChannel()

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try channel0.visit(&visitor)
      try channel1.visit(&visitor)
      try channel2.visit(&visitor)
    }

    subscript(_ index: Int) -> PITChannel {
      get { index == 0 ? channel0 : index == 1 ? channel1 : channel2 }
      set {
        switch index {
        case 0: channel0 = newValue
        case 1: channel1 = newValue
        default: channel2 = newValue
        }
      }
    }
  }

  public var state = State()
  private let clock: VirtualClock
  private let irq: IRQLine
  /// The tick of the change of OUT 0 that the timer is armed for; derived.
  private var nextChange: Int64?
  private lazy var timer = clock.timer { [unowned self] _ in updateOutput(tick) }

  public init(clock: VirtualClock, irq: IRQLine) {
    self.clock = clock
    self.irq = irq
    _ = timer
  }

  public func reset(_ kind: ResetKind) {
    state = State()
    let now = tick
    // As a BIOS leaves them: 18.2 Hz, and refresh every 15 us, which firmware for virtual machines does not set up.
    state.channel0.start(mode: 3, count: 0x10000, now: now)
    state.channel1.start(mode: 2, count: 18, now: now)
    state.channel2.start(mode: 3, count: 0x10000, now: now)
    state.channel2.setGate(false, now: now)
    stateDidLoad()
  }

  public func stateDidLoad() {
    nextChange = nil
    updateOutput(tick)
  }

  /// Input clocks since virtual time 0.
  private var tick: Int64 { PITChannel.ticks(clock.now) }

  private func updateOutput(_ now: Int64) {
    passChanges(now)
    state.channel0.settle(now)
    irq.set(state.channel0.output(now))
    nextChange = state.channel0.nextTransition(after: now)
    timer.arm(at: nextChange.map(PITChannel.instant))
  }

  /// Takes IRQ 0 through changes of OUT 0 that are past. When the clock is the host's the timer is late by more than the
  /// one clock that a strobe lasts, and its edge is the interrupt. Of many changes the first few are as good as all, since
  /// the interrupt controller keeps one edge.
  private func passChanges(_ now: Int64) {
    var count = 0
    while let change = nextChange, change <= now, count < 4 {
      state.channel0.settle(change)
      irq.set(state.channel0.output(change))
      nextChange = state.channel0.nextTransition(after: change)
      count += 1
    }
  }

  /// OUT of counter 2, bit 5 of port 61h.
  public var speakerOutput: Bool {
    let now = tick
    state.channel2.settle(now)
    return state.channel2.output(now)
  }
  /// Bit 4 of port 61h: a flip-flop that every refresh request, a period of counter 1, toggles.
  public var refreshToggle: Bool {
    let now = tick
    state.channel1.settle(now)
    return state.channel1.periods(now) & 1 != 0
  }
  /// GATE of counter 2, bit 0 of port 61h.
  public var speakerGate: Bool {
    get { state.channel2.gate }
    set { state.channel2.setGate(newValue, now: tick) }
  }

  public func read(port offset: UInt16) -> UInt8 {
    guard offset < 3 else { return 0 }  // the control word cannot be read back
    let now = tick
    var channel = state[Int(offset)]
    channel.settle(now)
    defer { state[Int(offset)] = channel }
    if let status = channel.latchedStatus {
      channel.latchedStatus = nil
      return status
    }
    let count = channel.latchedCount ?? channel.value(now)
    let high = channel.access == 2 || (channel.access == 3 && channel.readsHighNext)
    if channel.access == 3 { channel.readsHighNext.toggle() }
    if channel.access != 3 || high { channel.latchedCount = nil }
    return UInt8(truncatingIfNeeded: high ? count >> 8 : count)
  }

  public func write(port offset: UInt16, _ value: UInt8) {
    let now = tick
    passChanges(now)
    nextChange = nil
    for index in 0..<3 { state[index].settle(now) }
    if offset == 3 {
      writeControl(value, now)
    } else if offset < 3 {
      writeCount(Int(offset), value, now)
    }
    updateOutput(now)  // not a later instant, which would leave changes in between out
  }

  private func writeControl(_ value: UInt8, _ now: Int64) {
    let index = Int(value >> 6)
    guard index < 3 else {
      readBack(value, now)
      return
    }
    var channel = state[index]
    if value >> 4 & 3 == 0 {
      if channel.latchedCount == nil { channel.latchedCount = channel.value(now) }
    } else {
      channel.access = value >> 4 & 3
      channel.programmedMode = value >> 1 & 7
      channel.isBCD = value & 1 != 0
      channel.isLoaded = false
      channel.nextCount = nil
      channel.isTriggered = false
      channel.frozenTicks = nil
      channel.start = now
      channel.writesHighNext = false
      channel.readsHighNext = false
      channel.latchedCount = nil
      channel.latchedStatus = nil
    }
    state[index] = channel
  }

  private func readBack(_ value: UInt8, _ now: Int64) {
    for index in 0..<3 where value >> UInt8(index + 1) & 1 != 0 {
      var channel = state[index]
      if value & 0x20 == 0, channel.latchedCount == nil { channel.latchedCount = channel.value(now) }
      if value & 0x10 == 0, channel.latchedStatus == nil {
        channel.latchedStatus =
          (channel.output(now) ? 0x80 : 0) | (channel.isLoaded && channel.nextCount == nil ? 0 : 0x40) | channel.access
          << 4
          | channel.programmedMode << 1
          | (channel.isBCD ? 1 : 0)
      }
      state[index] = channel
    }
  }

  private func writeCount(_ index: Int, _ value: UInt8, _ now: Int64) {
    var channel = state[index]
    switch channel.access {
    case 1: channel.load(UInt16(value), now: now)
    case 2: channel.load(UInt16(value) << 8, now: now)
    default:
      if channel.writesHighNext {
        channel.load(UInt16(value) << 8 | UInt16(channel.writeLatch), now: now)
      } else {
        channel.writeLatch = value
        // In mode 0 the first byte stops the count.
        if channel.mode == 0 { channel.isLoaded = false }
      }
      channel.writesHighNext.toggle()
    }
    state[index] = channel
  }
}
