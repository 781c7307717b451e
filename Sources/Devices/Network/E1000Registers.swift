// SPDX-License-Identifier: Apache-2.0
import Platform

/// Offsets of registers that do something, by the manual's names (table 13-2).
enum E1000Register {
  static let control: UInt32 = 0x0000
  static let controlDuplicate: UInt32 = 0x0004
  static let status: UInt32 = 0x0008
  static let eepromControl: UInt32 = 0x0010
  static let eepromRead: UInt32 = 0x0014
  static let extendedControl: UInt32 = 0x0018
  static let mdiControl: UInt32 = 0x0020
  static let vlanType: UInt32 = 0x0038
  static let interruptCause: UInt32 = 0x00c0
  static let interruptThrottle: UInt32 = 0x00c4
  static let interruptCauseSet: UInt32 = 0x00c8
  static let interruptMaskSet: UInt32 = 0x00d0
  static let interruptMaskClear: UInt32 = 0x00d8
  static let receiveControl: UInt32 = 0x0100
  static let transmitControl: UInt32 = 0x0400
  static let receiveBaseLow: UInt32 = 0x2800
  static let receiveBaseHigh: UInt32 = 0x2804
  static let receiveLength: UInt32 = 0x2808
  static let receiveHead: UInt32 = 0x2810
  static let receiveTail: UInt32 = 0x2818
  static let receiveDelay: UInt32 = 0x2820
  static let receiveAbsoluteDelay: UInt32 = 0x282c
  static let transmitBaseLow: UInt32 = 0x3800
  static let transmitBaseHigh: UInt32 = 0x3804
  static let transmitLength: UInt32 = 0x3808
  static let transmitHead: UInt32 = 0x3810
  static let transmitTail: UInt32 = 0x3818
  static let transmitDelay: UInt32 = 0x3820
  static let transmitAbsoluteDelay: UInt32 = 0x382c
  static let statistics: Range<UInt32> = 0x4000..<0x4100
  static let smallPackets: UInt32 = 0x2c00
  static let transmitDescriptors: UInt32 = 0x3828
  static let receiveChecksum: UInt32 = 0x5000
  static let multicastTable: Range<UInt32> = 0x5200..<0x5400
  static let receiveAddresses: Range<UInt32> = 0x5400..<0x5480
  static let vlanTable: Range<UInt32> = 0x5600..<0x5800

  /// Counters that are always there: missed, received and sent frames and bytes.
  private static let oldCounters: Set<UInt32> = [
    0x4010, 0x4074, 0x4080, 0x40c0, 0x40c4, 0x40c8, 0x40cc, 0x40d0, 0x40d4,
  ]

  /// Registers that QEMU leaves out with `extra_mac_registers=off`: wake-up, most counters, the packet buffer.
  static func isExtra(_ offset: UInt32) -> Bool {
    switch offset {
    case statistics: !oldCounters.contains(offset)
    case 0x0458, 0x2410...0x2430, 0x3410...0x3430, 0x5800, 0x5810, 0x5838...0x588c, 0x5a00...0x5a7c, 0x5f00...0x9bfc:
      true
    case 0x10000..<0x20000: true
    default: false
    }
  }

  /// The 82542's places of some registers, which still answer (section 13.2, "82542 alias").
  static func canonical(_ offset: UInt32) -> UInt32 {
    switch offset {
    case 0x0040..<0x00c0: receiveAddresses.lowerBound + (offset - 0x0040)
    case 0x0108: receiveDelay
    case 0x0110...0x0118, 0x0120, 0x0128: receiveBaseLow + (offset - 0x0110)
    case 0x0160: 0x2168
    case 0x0168: 0x2160
    case 0x0200..<0x0400: multicastTable.lowerBound + (offset - 0x0200)
    case 0x0420...0x0428, 0x0430, 0x0438: transmitBaseLow + (offset - 0x0420)
    case 0x0440: transmitDelay
    case 0x0600..<0x0800: vlanTable.lowerBound + (offset - 0x0600)
    default: offset
    }
  }
}

/// Registers that hold what is written and have no effect here, with the bits that exist and the values after a reset.
struct E1000PlainRegisters: Equatable {
  private struct Row {
    var first: UInt32
    var count: UInt32
    var mask: UInt32
    var initial: UInt32
    init(_ first: UInt32, _ count: UInt32 = 1, mask: UInt32 = .max, initial: UInt32 = 0) {
      (self.first, self.count, self.mask, self.initial) = (first, count, mask, initial)
    }
  }

  private static let rows = [
    Row(0x0028, mask: 0xffff_ffff), Row(0x002c, mask: 0xffff), Row(0x0030, mask: 0xffff),  // FCAL, FCAH, FCT
    Row(0x0038, mask: 0xffff, initial: 0x8100),  // VET
    Row(0x0170, mask: 0xffff), Row(0x0178),  // FCTTV, TXCW
    Row(0x0410, mask: 0x3fff_ffff), Row(0x0458, mask: 0xffff),  // TIPG, AIT
    Row(0x0e00, initial: 0x0602),  // LEDCTL
    Row(0x1000, mask: 0xffff, initial: 0x0010_0030),  // PBA
    Row(0x2160, mask: 0x8000_fff8), Row(0x2168, mask: 0xfff8),  // FCRTL, FCRTH
    Row(0x2410, mask: 0x1fff), Row(0x2418, mask: 0x1fff), Row(0x2420, mask: 0x1fff), Row(0x2428, mask: 0x1fff),
    Row(0x2430, mask: 0x1fff),  // RDFH, RDFT, RDFHS, RDFTS, RDFPC
    Row(0x2828, mask: 0x013f_3f3f), Row(0x2c00, mask: 0xfff),  // RXDCTL, RSRPD
    Row(0x3000), Row(0x3410, mask: 0x1fff), Row(0x3418, mask: 0x1fff), Row(0x3420, mask: 0x1fff),
    Row(0x3428, mask: 0x1fff), Row(0x3430, mask: 0x1fff),  // TXDMAC, TDFH, TDFT, TDFHS, TDFTS, TDFPC
    Row(0x3828), Row(0x3830),  // TXDCTL, TSPMT
    Row(0x5800, mask: 0xf), Row(0x5808, mask: 0x000f_80ff), Row(0x5810),  // WUC, WUFC, WUS
    Row(0x5820, initial: 0x0022_2300),  // MANC
    Row(0x5838, mask: 0x1000f), Row(0x5840, 7), Row(0x5880, 4), Row(0x5900, mask: 0xfff),  // IPAV, IP4AT, IP6AT, WUPL
    Row(0x5a00, 32), Row(0x5f00, 7),  // WUPM, FFLT
  ]

  private static let places: [UInt32: (index: Int, mask: UInt32)] = {
    var places: [UInt32: (index: Int, mask: UInt32)] = [:]
    for row in rows {
      for number in 0..<row.count { places[row.first + 4 * number] = (places.count, row.mask) }
    }
    return places
  }()

  var values: [UInt32] = E1000PlainRegisters.rows.flatMap { [UInt32](repeating: $0.initial, count: Int($0.count)) }

  /// The EtherType of VLAN tags (VET).
  var vlanType: UInt16 { UInt16(truncatingIfNeeded: self[E1000Register.vlanType] ?? 0) }

  subscript(offset: UInt32) -> UInt32? { Self.places[offset].map { values[$0.index] } }

  mutating func write(_ offset: UInt32, _ value: UInt32) {
    guard let place = Self.places[offset] else { return }
    // The upper half of PBA tells what the lower leaves for transmission.
    values[place.index] = offset == 0x1000 ? value & 0xffff | (0x40 &- value & 0xffff) << 16 : value & place.mask
  }
}

extension E1000 {
  func readRegister(_ address: UInt32) -> UInt32 {
    let offset = E1000Register.canonical(address)
    if !settings.hasExtraRegisters, E1000Register.isExtra(offset) { return 0 }
    switch offset {
    case E1000Register.control, E1000Register.controlDuplicate: return state.control
    case E1000Register.status: return state.status
    case E1000Register.eepromControl: return state.eeprom.control
    case E1000Register.eepromRead: return state.eeprom.read
    case E1000Register.extendedControl: return state.extendedControl
    case E1000Register.mdiControl: return state.phy.mdiControl
    case E1000Register.interruptCause: return readInterruptCause()
    case E1000Register.interruptThrottle: return state.interrupts.throttle
    case E1000Register.interruptMaskSet: return state.interrupts.mask
    case E1000Register.statistics: return state.statistics.read(offset)
    case E1000Register.receiveControl, 0x2800...0x2820, E1000Register.receiveAbsoluteDelay,
      E1000Register.receiveChecksum:
      return state.receiver.read(offset)
    case E1000Register.transmitControl, 0x3800...0x3820, E1000Register.transmitAbsoluteDelay:
      return state.transmitter.read(offset)
    case E1000Register.multicastTable, E1000Register.receiveAddresses, E1000Register.vlanTable:
      return state.filter.read(offset)
    case E1000Diagnostics.filterMasks, E1000Diagnostics.filterValues, E1000Diagnostics.packetBuffer:
      return state.diagnostics.read(offset)
    default: return state.plain[offset] ?? 0
    }
  }

  func writeRegister(_ address: UInt32, _ value: UInt32) {
    let offset = E1000Register.canonical(address)
    if !settings.hasExtraRegisters, E1000Register.isExtra(offset) { return }
    switch offset {
    case E1000Register.control, E1000Register.controlDuplicate: writeControl(value)
    case E1000Register.eepromControl: state.eeprom.writeControl(value)
    case E1000Register.eepromRead: state.eeprom.writeRead(value)
    case E1000Register.extendedControl: writeExtendedControl(value)
    case E1000Register.mdiControl: writeMDIControl(value)
    case E1000Register.interruptCause, E1000Register.interruptThrottle, E1000Register.interruptCauseSet,
      E1000Register.interruptMaskSet, E1000Register.interruptMaskClear:
      writeInterruptRegister(offset, value)
    case E1000Register.receiveControl, 0x2800...0x2820, E1000Register.receiveAbsoluteDelay,
      E1000Register.receiveChecksum:
      writeReceiver(offset, value)
    case E1000Register.transmitControl, 0x3800...0x3820, E1000Register.transmitAbsoluteDelay:
      writeTransmitter(offset, value)
    case E1000Register.multicastTable, E1000Register.receiveAddresses, E1000Register.vlanTable:
      state.filter.write(offset, value)
    case E1000Diagnostics.filterMasks, E1000Diagnostics.filterValues, E1000Diagnostics.packetBuffer:
      state.diagnostics.write(offset, value)
    default: state.plain.write(offset, value)
    }
  }

  // MARK: Control

  enum Control {
    static let setLinkUp: UInt32 = 1 << 6
    static let reset: UInt32 = 1 << 26
    static let vlanMode: UInt32 = 1 << 30
    static let phyReset: UInt32 = 1 << 31
    /// SWDPIN2, SWDPIN0, 1000 Mb/s, link up: what QEMU's has after a reset.
    static let initial: UInt32 = 0x0014_0240
  }

  private func writeControl(_ value: UInt32) {
    if value & Control.reset != 0 {
      softwareReset()
      return
    }
    state.control = value & ~Control.phyReset
    if value & Control.phyReset != 0 { resetPHY() }
  }

  /// EE_RST reads the address from the EEPROM again.
  private func writeExtendedControl(_ value: UInt32) {
    let reload: UInt32 = 1 << 13
    state.extendedControl = value & ~reload
    if value & reload != 0 { state.loadAddress() }
  }
}
