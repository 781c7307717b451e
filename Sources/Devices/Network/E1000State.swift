// SPDX-License-Identifier: Apache-2.0
public import Platform

extension E1000 {
  /// Everything the guest can observe, by group; each group's file has its fields.
  public struct State: DeviceState {
    public static let name: StaticString = "e1000"
    public static let version = 2

    var configuration: PCIConfiguration
    var portAddress: UInt32 = 0
    var control = Control.initial
    var status = Status.initial
    var extendedControl: UInt32 = 0
    var plain = E1000PlainRegisters()
    var eeprom: E1000EEPROM
    var phy = E1000PHY()
    var interrupts = E1000Interrupts()
    var filter = E1000Filter()
    var receiver = E1000Receiver()
    var transmitter = E1000Transmitter()
    var statistics = E1000Statistics()
    var diagnostics = E1000Diagnostics()

    init(configuration: PCIConfiguration, address: [UInt8]) {
      self.configuration = configuration
      eeprom = E1000EEPROM(address: address)
    }

    /// Fills receive address 0 from the EEPROM, as the controller does after a reset.
    mutating func loadAddress() {
      filter.setFirstAddress((0..<6).map { UInt8(truncatingIfNeeded: eeprom.words[$0 / 2] >> UInt16(8 * ($0 % 2))) })
    }

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try configuration.visit(&visitor)
      try visitor.field("io_address", &portAddress)
      try visitor.field("ctrl", &control)
      try visitor.field("status", &status)
      try visitor.field("ctrl_ext", &extendedControl)
      try visitor.array("plain", &plain.values)
      try eeprom.visit(&visitor)
      try phy.visit(&visitor)
      try interrupts.visit(&visitor)
      try filter.visit(&visitor)
      try receiver.visit(&visitor)
      try transmitter.visit(&visitor)
      try statistics.visit(&visitor)
      try diagnostics.visit(&visitor)
    }
  }

  enum Status {
    static let linkUp: UInt32 = 1 << 1
    /// Full duplex, 1000 Mb/s, and bits that QEMU's shows besides.
    static let initial: UInt32 = 0x8008_0781
  }
}
