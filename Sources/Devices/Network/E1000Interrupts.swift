// SPDX-License-Identifier: Apache-2.0
import Platform

/// Interrupt causes, their mask, and the throttle between two interrupts.
///
/// Reference: the manual's sections 3.2.7 and 13.4.17 to 13.4.22.
struct E1000Interrupts: Equatable {
  struct Cause: OptionSet, Equatable {
    let rawValue: UInt32
    static let transmitWrittenBack = Cause(rawValue: 1 << 0)
    static let transmitQueueEmpty = Cause(rawValue: 1 << 1)
    static let linkStatusChange = Cause(rawValue: 1 << 2)
    static let receiveThreshold = Cause(rawValue: 1 << 4)
    static let receiverOverrun = Cause(rawValue: 1 << 6)
    static let receiveTimer = Cause(rawValue: 1 << 7)
    static let mdiAccessComplete = Cause(rawValue: 1 << 9)
    static let transmitLow = Cause(rawValue: 1 << 15)
    static let smallPacket = Cause(rawValue: 1 << 16)
    /// Every bit that has a meaning.
    static let all: UInt32 = 0x0001_ffff
  }

  var causes: UInt32 = 0
  var mask: UInt32 = 0
  /// Least time between two interrupts, in 256 ns; 16 bits.
  var throttle: UInt32 = 0
  /// The line is not raised before this instant.
  var earliest: Nanoseconds = 0
  var isAsserted = false

  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    try visitor.field("icr", &causes)
    try visitor.field("ims", &mask)
    try visitor.field("itr", &throttle)
    try visitor.field("earliest_interrupt", &earliest)
    try visitor.field("interrupt_asserted", &isAsserted)
    guard throttle <= 0xffff, earliest >= 0, earliest < 1 << 62 else { throw .outOfRange("itr") }
  }
}

extension E1000 {
  func raise(_ cause: E1000Interrupts.Cause) {
    state.interrupts.causes |= cause.rawValue
    updateInterrupt()
  }

  /// Reading acknowledges everything.
  func readInterruptCause() -> UInt32 {
    let causes = state.interrupts.causes
    state.interrupts.causes = 0
    updateInterrupt()
    return causes
  }

  func writeInterruptRegister(_ offset: UInt32, _ value: UInt32) {
    switch offset {
    case E1000Register.interruptCause: state.interrupts.causes &= ~value
    case E1000Register.interruptCauseSet: state.interrupts.causes |= value & E1000Interrupts.Cause.all
    case E1000Register.interruptMaskSet: state.interrupts.mask |= value & E1000Interrupts.Cause.all
    case E1000Register.interruptMaskClear: state.interrupts.mask &= ~value
    default:
      state.interrupts.throttle = value & 0xffff
      // A shorter interval counts at once.
      let interval = Nanoseconds(state.interrupts.throttle) * 256
      state.interrupts.earliest = min(state.interrupts.earliest, clock.now &+ interval)
    }
    updateInterrupt()
  }

  /// Drives the line from causes and mask; a rising edge waits for the throttle.
  func updateInterrupt() {
    let isPending = state.interrupts.causes & state.interrupts.mask != 0
    if !isPending {
      state.interrupts.isAsserted = false
      throttle.cancel()
    } else if !state.interrupts.isAsserted {
      let now = clock.now
      if now < state.interrupts.earliest {
        throttle.arm(at: state.interrupts.earliest)
      } else {
        throttle.cancel()
        state.interrupts.isAsserted = true
        state.interrupts.earliest =
          settings.mitigates ? now &+ Nanoseconds(state.interrupts.throttle) * 256 : now
      }
    }
    irq.set(
      state.interrupts.isAsserted && state.configuration.command & PCIConfiguration.Command.interruptDisable == 0)
  }
}
