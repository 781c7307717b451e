// SPDX-License-Identifier: Apache-2.0
import Platform

/// What turns FERR# into an interrupt on a PC: interrupt request 13, and port F0h, whose write takes the request away and
/// drives IGNNE# until FERR# goes off.
///
/// For software that leaves CR0.NE clear (DOS, BIOS INT 75h); others get #MF and never come here. The processor sees IGNNE#
/// in that nothing is requested while it holds. Not emulated: port F1h, which resets an 80287.
/// Reference: IBM PC AT Technical Reference (1985), "Coprocessor"; SDM vol. 1, D.2.1.2; PIIX3 data sheet, "Coprocessor error
/// register".
package final class CoprocessorError: Device, PortDevice {
  package struct State: DeviceState {
    package static let name: StaticString = "coprocessor-error"
    package static let version = 1
    /// Level of FERR#.
    var isSignaled = false
    /// IGNNE# is driven.
    var isIgnored = false

    package mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try visitor.field("ferr", &isSignaled)
      try visitor.field("ignne", &isIgnored)
    }
  }

  package var state = State()
  private let irq: IRQLine

  /// - Parameter irq: input 13 of the interrupt controllers.
  package init(irq: IRQLine) { self.irq = irq }

  package func reset(_ kind: ResetKind) {
    state = State()
    updateIRQ()
  }

  package func stateDidLoad() { updateIRQ() }

  /// FERR# as the processor drives it.
  package func signal(_ level: Bool) {
    state.isSignaled = level
    if !level { state.isIgnored = false }
    updateIRQ()
  }

  package func read(port offset: UInt16) -> UInt8 { 0xff }

  package func write(port offset: UInt16, _ value: UInt8) {
    if state.isSignaled { state.isIgnored = true }
    updateIRQ()
  }

  private func updateIRQ() { irq.set(state.isSignaled && !state.isIgnored) }
}
