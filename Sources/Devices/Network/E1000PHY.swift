// SPDX-License-Identifier: Apache-2.0
import Platform

/// The PHY behind MDIC, a Marvell 88E1000 at address 1, and the state of the link.
///
/// Reference: the manual's sections 8.2 and 13.4.9; IEEE 802.3, clause 22.2.4.
struct E1000PHY: Equatable {
  enum Register {
    static let control = 0
    static let status = 1
    static let partnerAbility = 5
  }

  enum Control {
    static let restartNegotiation: UInt16 = 1 << 9
    static let negotiates: UInt16 = 1 << 12
    static let loopback: UInt16 = 1 << 14
    static let reset: UInt16 = 1 << 15
  }

  enum Status {
    static let linkUp: UInt16 = 1 << 2
    static let negotiationComplete: UInt16 = 1 << 5
  }

  static let partnerAcknowledges: UInt16 = 1 << 14

  private static let initial: [Int: UInt16] = [
    0: 0x1140, 1: 0x794d, 2: 0x0141, 3: 0x0c20, 4: 0x0de1, 5: 0x01e0, 7: 0x2001, 9: 0x0e00, 10: 0x3c00,
    15: 0x3000, 16: 0x0360, 17: 0xac00,
    20: 0x0d60,
  ]
  /// Registers that exist without a value after reset: expansion, the partner's next page, interrupts, error counter, pages.
  private static let others = [6, 8, 18, 19, 21, 29, 30]
  private static let writable: Set<Int> = [0, 4, 7, 9, 16, 18, 20, 29, 30]

  var registers: [UInt16] = (0..<32).map { E1000PHY.initial[$0] ?? 0 }
  var mdiControl: UInt32 = 0
  /// When negotiation ends, while it goes on.
  var negotiationDeadline: Nanoseconds?

  static func exists(_ number: Int) -> Bool { initial[number] != nil || others.contains(number) }
  static func isWritable(_ number: Int) -> Bool { writable.contains(number) }

  var isLoopback: Bool { registers[Register.control] & Control.loopback != 0 }

  mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
    try visitor.array("phy", &registers)
    try visitor.field("mdic", &mdiControl)
    try visitor.field("negotiation_deadline", optional: &negotiationDeadline)
    if let negotiationDeadline, negotiationDeadline < 0 { throw .outOfRange("negotiation_deadline") }
  }
}

extension E1000 {
  private enum MDIBit {
    static let ready: UInt32 = 1 << 28
    static let interrupt: UInt32 = 1 << 29
    static let error: UInt32 = 1 << 30
  }

  private static let negotiationTime = 500 * Nanoseconds.millisecond

  func writeMDIControl(_ value: UInt32) {
    let number = Int(value >> 16 & 31)
    var result = value & ~(MDIBit.ready | MDIBit.error)
    switch value >> 26 & 3 {
    case _ where value >> 21 & 31 != 1 || !E1000PHY.exists(number): result |= MDIBit.error
    case 1: if E1000PHY.isWritable(number) { writePHY(number, UInt16(truncatingIfNeeded: value)) }
    case 2: result = result & 0xffff_0000 | UInt32(state.phy.registers[number])
    default: result |= MDIBit.error
    }
    state.phy.mdiControl = result | MDIBit.ready
    if value & MDIBit.interrupt != 0 { raise(.mdiAccessComplete) }
  }

  private func writePHY(_ number: Int, _ value: UInt16) {
    guard number == E1000PHY.Register.control else {
      state.phy.registers[number] = value
      return
    }
    if value & E1000PHY.Control.reset != 0 {
      resetPHY()
      return
    }
    let restart = E1000PHY.Control.restartNegotiation
    state.phy.registers[0] = value & ~(restart | 0x3f)
    if value & restart != 0, value & E1000PHY.Control.negotiates != 0 { negotiate() }
  }

  func resetPHY() {
    let mdiControl = state.phy.mdiControl
    state.phy = E1000PHY()
    state.phy.mdiControl = mdiControl
    negotiation.cancel()
    setLinkBits(port.isLinkUp)
    if settings.negotiates { negotiate() }
  }

  /// The link goes away and comes back when both ends have agreed.
  private func negotiate() {
    guard port.isLinkUp, settings.negotiates else { return }
    setLinkBits(false)
    state.phy.registers[E1000PHY.Register.partnerAbility] &= ~E1000PHY.partnerAcknowledges
    let deadline = clock.now &+ Self.negotiationTime
    state.phy.negotiationDeadline = deadline
    negotiation.arm(at: deadline)
  }

  func negotiationEnds() {
    state.phy.negotiationDeadline = nil
    guard port.isLinkUp else { return }
    setLinkBits(true)
    state.phy.registers[E1000PHY.Register.status] |= E1000PHY.Status.negotiationComplete
    state.phy.registers[E1000PHY.Register.partnerAbility] |= E1000PHY.partnerAcknowledges
    raise(.linkStatusChange)
    transmit()
    becomeReady()
  }

  /// The user pulled the cable or put it back.
  func linkDidChange() {
    let before = state.status
    if port.isLinkUp, settings.negotiates, state.phy.registers[0] & E1000PHY.Control.negotiates != 0 {
      negotiate()
    } else {
      state.phy.negotiationDeadline = nil
      negotiation.cancel()
      setLinkBits(port.isLinkUp)
    }
    if state.status != before { raise(.linkStatusChange) }
  }

  func setLinkBits(_ isUp: Bool) {
    if isUp {
      state.status |= Status.linkUp
      state.phy.registers[E1000PHY.Register.status] |= E1000PHY.Status.linkUp
    } else {
      state.status &= ~Status.linkUp
      state.phy.registers[E1000PHY.Register.status] &= ~(E1000PHY.Status.linkUp | E1000PHY.Status.negotiationComplete)
    }
  }

  var isLinkUp: Bool { state.status & Status.linkUp != 0 }
}
