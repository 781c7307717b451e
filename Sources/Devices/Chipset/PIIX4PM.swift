// SPDX-License-Identifier: Apache-2.0
import Platform

/// PIIX4 power management function (8086:7113) at 00:01.3: ACPI PM1 event and control registers, the 24-bit PM timer,
/// the SMI command port B2h, an idle SMBus host, general purpose events at AFE0h.
///
/// The PM timer is derived from the virtual clock; one timer is armed for its overflow while that may interrupt.
///
/// Not emulated: SMM (APMC writes enable and disable ACPI as a BIOS's SMI handler would), SMBus slaves, device activity
/// monitors, sleep states other than S5.
/// Reference: Intel 82371AB (PIIX4) data sheet, order number 290562, chapter 7; ACPI 1.0, section 4.7.
public final class PIIX4PM: Device, PCIFunction {
  public struct State: DeviceState {
    public static let name: StaticString = "piix4_pm"
    public static let version = 1
    var configuration: PCIConfiguration
    var status: UInt16 = 0
    var enable: UInt16 = 0
    var control: UInt16 = 0
    var apmControl: UInt8 = 0
    var apmStatus: UInt8 = 0
    /// PM timer ticks up to which overflows have been turned into TMR_STS.
    var ticksSeen: Int64 = 0
    var generalStatus: UInt16 = 0
    var generalEnable: UInt16 = 0
    var smbus = [UInt8](repeating: 0, count: 16)

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      try configuration.visit(&visitor)
      try visitor.field("pm1.evt.sts", &status)
      try visitor.field("pm1.evt.en", &enable)
      try visitor.field("pm1.cnt", &control)
      try visitor.field("apmc", &apmControl)
      try visitor.field("apms", &apmStatus)
      try visitor.field("tmr.overflow_time", &ticksSeen)
      try visitor.field("gpe.sts", &generalStatus)
      try visitor.field("gpe.en", &generalEnable)
      try visitor.bytes("smb", &smbus)
      guard ticksSeen >= 0, ticksSeen < 1 << 56 else { throw .outOfRange("tmr.overflow_time") }
    }
  }

  /// PM timer frequency in Hz. ACPI 1.0, 4.7.3.3.
  static let timerFrequency: Int64 = 3_579_545

  enum Status {
    static let timer: UInt16 = 1 << 0, powerButton: UInt16 = 1 << 8
    /// Bits that exist: TMR, BM, GBL, PWRBTN, SLPBTN, RTC, WAK.
    static let writable: UInt16 = 0x8731
  }

  enum Register {
    static let base = 0x40, smbusBase = 0x90, miscellaneous = 0x80, smbusControl = 0xd2
  }

  public var state: State
  public let pciName = "PIIX4_PM"
  private let clock: VirtualClock
  private let sci: IRQLine
  private let ports: PortSpace
  private let requestSleep: (UInt8) -> Void
  private var mapped: (base: UInt16, mapping: PortSpace.Mapping)?
  private var smbusMapped: (base: UInt16, mapping: PortSpace.Mapping)?
  private lazy var timer = clock.timer { [unowned self] _ in
    collectTimer()
    updateSCI()
  }
  private let registerRank: Int
  private let smbusRank: Int
  private lazy var registers = Registers(self)
  private lazy var smbus = SMBus(self)

  /// - Parameters:
  ///   - sci: interrupt 9.
  ///   - requestSleep: the guest set SLP_EN with a SLP_TYP that means S5, which is the argument (0, as in QEMU's DSDT).
  public init(clock: VirtualClock, ports: PortSpace, sci: IRQLine, requestSleep: @escaping (UInt8) -> Void) {
    self.clock = clock
    self.ports = ports
    self.sci = sci
    self.requestSleep = requestSleep
    registerRank = ports.reserveRank()
    smbusRank = ports.reserveRank()
    var configuration = PCIConfiguration(
      PCIIdentity(vendor: 0x8086, device: 0x7113, classCode: 0x068000, revision: 3, interruptPin: 1))
    configuration.store16(0x06, 0x0280)
    configuration.store8(Register.base, 1)
    configuration.allowWrites(Register.base, mask: 0xffc0)
    configuration.allowWrites(Register.smbusBase, mask: 0xfff0)
    // Registers whose function is not emulated are storage.
    for offset in stride(from: 0x44, to: 0x90, by: 2) { configuration.allowWrites(offset, mask: 0xffff) }
    for offset in stride(from: 0x94, to: 0x100, by: 2) { configuration.allowWrites(offset, mask: 0xffff) }
    // APMC_EN reads as set: SMM is taken care of, so firmware does not wait for an SMI that never comes.
    configuration.store8(0x5b, 0x02)
    configuration.store8(0x5f, 0x10)
    configuration.store8(0x63, 0x60)
    configuration.store16(Register.smbusBase, 0xb101)
    configuration.store8(Register.smbusControl, 0x09)
    configuration.freezeResetValues()
    state = State(configuration: configuration)
    _ = timer
    ports.map(0xb2...0xb3, to: APM(self))
    ports.map(0xafe0...0xafe3, to: GeneralEvents(self))
  }

  public var configuration: PCIConfiguration {
    get { state.configuration }
    set { state.configuration = newValue }
  }

  public func reset(_ kind: ResetKind) {
    var fresh = State(configuration: state.configuration)
    fresh.configuration.reset()
    fresh.ticksSeen = ticks
    state = fresh
    stateDidLoad()
  }

  public func stateDidLoad() {
    remap()
    updateSCI()
  }

  public func configurationDidChange(_ offset: UInt8, _ width: AccessWidth) { remap() }

  private func remap() {
    let configuration = state.configuration
    let base = configuration.load16(Register.base) & 0xffc0
    let wanted = configuration.load8(Register.miscellaneous) & 1 != 0 && base != 0 ? base : nil
    if mapped?.base != wanted {
      if let mapped { ports.unmap(mapped.mapping) }
      mapped = wanted.map { ($0, ports.map($0...$0 + 0x3f, to: registers, rank: registerRank)) }
    }
    let smbusBase = configuration.load16(Register.smbusBase) & 0xfff0
    let smbusWanted = configuration.load8(Register.smbusControl) & 1 != 0 && smbusBase != 0 ? smbusBase : nil
    if smbusMapped?.base != smbusWanted {
      if let smbusMapped { ports.unmap(smbusMapped.mapping) }
      smbusMapped = smbusWanted.map { ($0, ports.map($0...$0 + 15, to: smbus, rank: smbusRank)) }
    }
  }

  // MARK: Events

  private var ticks: Int64 {
    let (high, low) = max(0, clock.now).multipliedFullWidth(by: Self.timerFrequency)
    return Nanoseconds.second.dividingFullWidth((high, low)).quotient
  }

  /// TMR_STS is set whenever bit 23 of the timer changes.
  private func collectTimer() {
    let now = ticks
    if now >> 23 != state.ticksSeen >> 23 { state.status |= Status.timer }
    state.ticksSeen = now
  }

  /// The line and the timer from the state, which it leaves as it is.
  private func updateSCI() {
    let pending = state.status & state.enable & 0x0721 != 0 || state.generalStatus & state.generalEnable != 0
    sci.set(pending)
    if state.enable & Status.timer != 0, state.status & Status.timer == 0 {
      let (high, low) = (((state.ticksSeen >> 23) + 1) << 23).multipliedFullWidth(by: .second)
      let (instant, remainder) = Self.timerFrequency.dividingFullWidth((high, low))
      timer.arm(at: instant + (remainder == 0 ? 0 : 1))
    } else {
      timer.cancel()
    }
  }

  /// `system_powerdown`: the power button was pressed.
  public func pressPowerButton() {
    collectTimer()
    state.status |= Status.powerButton
    updateSCI()
  }

  /// Sets general purpose event bit 0...15 (PCI and CPU hotplug).
  public func raiseGeneralEvent(_ bit: Int) {
    collectTimer()
    state.generalStatus |= 1 << UInt16(bit & 15)
    updateSCI()
  }

  // MARK: Ports

  /// The power management registers at PMBASE.
  ///
  /// A read is answered as a whole: a running timer must not tear between the bytes of a double word.
  private final class Registers: WidePortDevice {
    private unowned let pm: PIIX4PM
    init(_ pm: PIIX4PM) { self.pm = pm }

    func read(port offset: UInt16, width: AccessWidth) -> UInt32 {
      pm.collectTimer()
      pm.updateSCI()
      let low = UInt64(pm.state.status) | UInt64(pm.state.enable) << 16 | UInt64(pm.state.control) << 32
      let high = UInt64(truncatingIfNeeded: pm.ticks) & 0xff_ffff
      guard offset < 16 else { return 0 }
      let shift = UInt64(offset & 7) * 8
      return UInt32(truncatingIfNeeded: offset < 8 ? low >> shift | (high << (63 - shift)) << 1 : high >> shift)
    }

    func write(port offset: UInt16, width: AccessWidth, _ value: UInt32) {
      for index in 0..<UInt16(width.rawValue) {
        writeByte(offset &+ index, UInt8(truncatingIfNeeded: value >> (8 * UInt32(index))))
      }
    }

    private func writeByte(_ offset: UInt16, _ value: UInt8) {
      pm.collectTimer()
      let shift = UInt16(offset & 1) * 8
      let field = UInt16(value) << shift
      let keep = ~(UInt16(0xff) << shift)
      switch offset & ~1 {
      case 0: pm.state.status &= ~(field & Status.writable)
      case 2: pm.state.enable = pm.state.enable & keep | field
      case 4:
        pm.state.control = (pm.state.control & keep | field) & ~0x2000
        // SLP_EN is write-only; SLP_TYP is bits 10...12.
        let sleepType = UInt8(truncatingIfNeeded: pm.state.control >> 10 & 7)
        if offset == 5, value & 0x20 != 0, sleepType == 0 { pm.requestSleep(sleepType) }
      default: break
      }
      pm.updateSCI()
    }
  }

  /// APMC and APMS: a write of F1h or F0h enables or disables ACPI (SCI_EN), as FADT tells the guest.
  private final class APM: PortDevice {
    private unowned let pm: PIIX4PM
    init(_ pm: PIIX4PM) { self.pm = pm }

    func read(port offset: UInt16) -> UInt8 { offset == 0 ? pm.state.apmControl : pm.state.apmStatus }

    func write(port offset: UInt16, _ value: UInt8) {
      guard offset == 0 else {
        pm.state.apmStatus = value
        return
      }
      pm.state.apmControl = value
      if value == 0xf1 { pm.state.control |= 1 }
      if value == 0xf0 { pm.state.control &= ~1 }
    }
  }

  private final class GeneralEvents: PortDevice {
    private unowned let pm: PIIX4PM
    init(_ pm: PIIX4PM) { self.pm = pm }

    func read(port offset: UInt16) -> UInt8 {
      let word = UInt32(pm.state.generalStatus) | UInt32(pm.state.generalEnable) << 16
      return UInt8(truncatingIfNeeded: word >> (8 * UInt32(offset & 3)))
    }

    func write(port offset: UInt16, _ value: UInt8) {
      let shift = UInt16(offset & 1) * 8
      if offset < 2 {
        pm.state.generalStatus &= ~(UInt16(value) << shift)
      } else {
        pm.state.generalEnable = pm.state.generalEnable & ~(0xff << shift) | UInt16(value) << shift
      }
      pm.updateSCI()
    }
  }

  /// SMBus host controller with nothing on the bus: every command ends in a device error.
  private final class SMBus: PortDevice {
    private unowned let pm: PIIX4PM
    init(_ pm: PIIX4PM) { self.pm = pm }

    func read(port offset: UInt16) -> UInt8 { pm.state.smbus[Int(offset & 15)] }

    func write(port offset: UInt16, _ value: UInt8) {
      switch offset & 15 {
      case 0: pm.state.smbus[0] &= ~(value & 0x1e)
      case 2:
        pm.state.smbus[2] = value & ~0x40
        if value & 0x40 != 0 { pm.state.smbus[0] |= 0x04 }  // DEV_ERR: nobody acknowledged the address
      default: pm.state.smbus[Int(offset & 15)] = value
      }
    }
  }
}
